//! Override files: made anew, or added to without touching what stands there.

use super::*;

const COMPOSE: &str = "services:\n  web:\n    image: x\n    ports:\n      - \"8080:80\"\n      \
    - '${TLS:-8443}:443' # tls\n      - target: 90\n        \
                       published: 9090\n        x-note: [1]\n  db: {image: y, ports: [5432:5432]}\n";
const HEAD: &str = "# Written by `repair` to move published ports that were taken. Compose reads this file by itself.\n\
                    # `!override` replaces the whole list of a service, so all of its ports stand here.\n\
                    # `repair undo` takes the change back.\n";
const LIST: &str = "- \"8081:80\"\n- \"${TLS:-8443}:443\"\n- target: 90\n  published: 9090\n";
const FLOW: &str = "ports: !override [\"8081:80\", \"${TLS:-8443}:443\", {target: 90, published: 9090}]";

fn web() -> PortMove {
    port_move("web", 80, 8080, 8081)
}

/// The list, each line behind `pad`.
fn list(pad: &str) -> String {
    LIST.lines().map(|line| format!("{pad}{line}\n")).collect()
}

#[test]
fn a_new_file_lists_the_other_ports_in_their_own_words() {
    let mut project = Project::new(COMPOSE);
    let edit = project.carry_out(&web(), EditMethod::Override);
    assert_eq!((edit.file.as_str(), edit.before), (OVERRIDE, None));
    assert_eq!(project.text(OVERRIDE), format!("{HEAD}services:\n  web:\n    ports: !override\n{}", list("      ")));
    project.carry_out(&port_move("web", 443, 8443, 8444), EditMethod::Override);
    project.carry_out(&port_move("web", 90, 9090, 9091), EditMethod::Override);
    assert_eq!(project.published("web"), ["8081:80", "8444:443", "9091:90"]);
    assert!(
        project.text(OVERRIDE).contains("      - \"${TLS:-8444}:443\"\n      - target: 90\n        published: 9091\n")
    );
}

#[test]
fn existing_files_of_every_shape_are_added_to() {
    let (at4, at6) = (list("    "), list("      "));
    let table = [
        // Services and other keys of other people, comments, an odd indent.
        (
            "# mine\nservices:\n  # db\n  db:\n    image: z\n",
            format!("# mine\nservices:\n  # db\n  web:\n    ports: !override\n{at6}  db:\n    image: z\n"),
        ),
        (
            "services:\n    db: {image: z}\n",
            format!("services:\n    web:\n        ports: !override\n{}    db: {{image: z}}\n", list("            ")),
        ),
        ("services:\n  web:\n    image: z\n", format!("services:\n  web:\n    ports: !override\n{at6}    image: z\n")),
        ("services:\n  \"web\": {image: z}\n", format!("services:\n  \"web\": {{{FLOW}, image: z}}\n")),
        ("services: {web: {}}\n", format!("services: {{web: {{{FLOW}}}}}\n")),
        ("services: {db: {image: z}}", format!("services: {{web: {{{FLOW}}}, db: {{image: z}}}}")),
        ("{volumes: {}}\n", format!("{{services: {{web: {{{FLOW}}}}}, volumes: {{}}}}\n")),
        ("{}\n", format!("{{services: {{web: {{{FLOW}}}}}}}\n")),
        (
            "services:\n  web: # c\n  db:\n    image: z\n",
            format!("services:\n  web: # c\n    ports: !override\n{at6}  db:\n    image: z\n"),
        ),
        ("services:\n  web:", format!("services:\n  web:\n    ports: !override\n{at6}")),
        ("# nothing yet", format!("# nothing yet\nservices:\n  web:\n    ports: !override\n{at6}")),
        ("volumes: {}\n", format!("volumes: {{}}\nservices:\n  web:\n    ports: !override\n{at6}")),
        (
            "x-x: &x {image: z}\nservices:\n  web:\n    <<: *x\n",
            format!("x-x: &x {{image: z}}\nservices:\n  web:\n    ports: !override\n{at6}    <<: *x\n"),
        ),
        // Lists that add to the base are turned into lists that replace it.
        (
            "services:\n  web:\n    ports:\n    # own\n    - 7:7\n",
            format!("services:\n  web:\n    ports: !override\n    # own\n{at4}    - 7:7\n"),
        ),
        ("services:\n  web: {ports: [7:7]}\n", format!("services:\n  web: {{{}, 7:7]}}\n", &FLOW[..FLOW.len() - 1])),
    ];
    for (before, after) in table {
        for eol in ["\n", "\r\n"] {
            let mut project = Project::new(COMPOSE).with(OVERRIDE, &before.replace('\n', eol));
            let own: Vec<String> = project.published("web").into_iter().skip(3).collect();
            project.carry_out(&web(), EditMethod::Override);
            if before.contains('\n') {
                assert_eq!(project.text(OVERRIDE), after.replace('\n', eol), "{before}");
            }
            let mut expected = vec!["8081:80".to_owned(), "8443:443".to_owned(), "9090:90".to_owned()];
            expected.extend(own);
            assert_eq!(project.published("web"), expected, "{before}");
            project.carry_out(&port_move("db", 5432, 5432, 5433), EditMethod::Override);
            assert_eq!(
                (project.published("web"), project.published("db")),
                (expected, vec!["5433:5432".to_owned()]),
                "{before}"
            );
        }
    }
}

#[test]
fn the_override_file_that_compose_prefers_is_taken() {
    let text = "services: {db: {image: z}}\n";
    let project = Project::new(COMPOSE).with("docker-compose.override.yaml", text).with("compose.override.yml", text);
    assert_eq!(project.plan(&web(), EditMethod::Override).unwrap().file, "compose.override.yml");
    let mut project = Project::new("(unused)").with("deploy/compose.yaml", COMPOSE);
    project.compose_files = vec!["deploy/compose.yaml".to_owned()];
    assert_eq!(project.plan(&web(), EditMethod::Override).unwrap().file, "deploy/compose.override.yaml");
}

#[test]
fn a_value_from_dotenv_is_written_out() {
    let compose = "services:\n  a: {ports: [\"$PORT:80\"]}\n  b: {ports: [\"$PORT:81\", \"$ALL\", \"1:1\", \"1:1\"]}\n";
    let mut project = Project::new(compose).with(DOTENV, "PORT=8080\nALL=127.0.0.1:7000:70\n");
    project.carry_out(&port_move("a", 80, 8080, 8081), EditMethod::Override);
    assert_eq!((project.published("a"), project.published("b")[0].as_str()), (vec!["8081:80".to_owned()], "8080:81"));
    let mv = PortMove { host_ip: Some("127.0.0.1".to_owned()), ..port_move("b", 70, 7000, 7001) };
    project.carry_out(&mv, EditMethod::Override);
    assert_eq!(project.published("b"), ["8080:81", "127.0.0.1:7001:70", "1:1"]);
    assert!(project.text(OVERRIDE).contains("- \"$PORT:81\"\n"));
}

#[test]
fn ports_that_no_readable_text_shows_are_listed_by_their_meaning() {
    let compose = "services:\n  web:\n    extends: {file: base.yaml, service: base}\n    ports:\n      \
        - \"${P:-1}:1\"\n      - >-\n        2:2\n";
    let mut project = Project::new(compose);
    project.services = vec![service("web", vec![effective(80, 8080), effective(1, 1), effective(2, 2)])];
    assert_eq!(project.methods(&web()).unwrap(), [EditMethod::Override]);
    project.carry_out(&web(), EditMethod::Override);
    assert!(
        project
            .text(OVERRIDE)
            .ends_with("    ports: !override\n      - \"${P:-1}:1\"\n      - \"8081:80\"\n      - \"2:2\"\n")
    );
    project.carry_out(&port_move("web", 2, 2, 3), EditMethod::Override);
    assert_eq!(project.published("web"), ["1:1", "8081:80", "3:2"]);
}
