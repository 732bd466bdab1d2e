//! What is not edited, and what is said instead.

use super::*;

fn refusal(project: &Project, mv: &PortMove, method: EditMethod) -> String {
    project.plan(mv, method).expect_err("it has to be refused").to_string()
}

#[test]
fn text_that_services_share_is_never_edited_in_place() {
    let tables = [
        "x-p: &p [\"8080:80\"]\nservices:\n  a: {ports: *p}\n  b: {ports: *p}\n",
        "x-s: &s\n  ports:\n    - 8080:80\nservices:\n  a:\n    <<: *s\n  b:\n    <<: [*s]\n    image: y\n",
        "services:\n  a:\n    ports: [8080:80]\n  b:\n    extends: a\n",
        "services:\n  a:\n    ports: [&x \"8080:80\"]\n  b:\n    ports: [*x]\n",
        "services:\n  a: &a\n    ports:\n      - {target: 80, published: 8080}\n  b: *a\n",
    ];
    for text in tables {
        let mut project = Project::new(text);
        let mv = port_move("a", 80, 8080, 8081);
        let error = project.plan(&mv, EditMethod::InPlace).unwrap_err();
        assert!(matches!(&error, EditError::Shared { others, .. } if *others == ["b"]), "{text}: {error}");
        if !text.contains("extends") {
            assert_eq!(project.methods(&mv).unwrap(), [EditMethod::Override], "{text}");
        }
        let edit = project.carry_out(&mv, EditMethod::Override);
        assert_eq!(
            (project.published("a"), project.published("b")),
            (vec!["8081:80".to_owned()], vec!["8080:80".to_owned()])
        );
        // Once one service has left, the text belongs to the other one.
        if !text.contains("extends") {
            project.carry_out(&port_move("b", 80, 8080, 8082), EditMethod::InPlace);
            assert_eq!(edit.method, EditMethod::Override);
        }
        let mut project = Project::new(text);
        project.explicit_files = true;
        let error = project.methods(&mv).unwrap_err();
        assert!(error.to_string().contains("`b`") && !error.hints().is_empty(), "{error}");
    }
}

#[test]
fn an_anchor_that_one_service_uses_is_edited_where_it_stands() {
    let text = "x-p: &p\n  - \"8080:80\"   # shared by nobody\nservices:\n  a: {ports: *p}\n";
    let mut project = Project::new(text);
    project.carry_out(&port_move("a", 80, 8080, 8081), EditMethod::InPlace);
    assert_eq!(project.text(BASE), text.replace("8080", "8081"));
}

#[test]
fn a_variable_that_other_ports_use_is_not_changed() {
    let tables = [
        ("services:\n  a: {ports: [\"$P:80\"]}\n  b: {ports: [\"${P:-1}:81\"]}\n", vec!["b"]),
        ("services:\n  a: {ports: [\"$P:80\"]}\n  b: {ports: [\"9000:$P\"]}\n", vec!["b"]),
        ("services:\n  a: {ports: [\"$P:80\", \"$P:80/udp\"]}\n", vec!["a"]),
        ("services:\n  a: {ports: [\"$P:80\", \"$Q:81\"]}\n", vec!["a"]),
    ];
    for (text, expected) in tables {
        let project = Project::new(text).with(DOTENV, "P=8080\nQ=$P\n");
        let mv = port_move("a", 80, 8080, 8081);
        let error = project.plan(&mv, EditMethod::Dotenv).unwrap_err();
        assert!(matches!(&error, EditError::Collateral { others, .. } if *others == expected), "{text}: {error}");
        assert_eq!(project.methods(&mv).unwrap(), [EditMethod::Override], "{text}");
    }
    let project = Project::new("services:\n  a: {ports: [\"$P:$P\"]}\n").with(DOTENV, "P=8080\n");
    let mv = port_move("a", 8080, 8080, 8081);
    assert!(matches!(project.plan(&mv, EditMethod::Dotenv), Err(EditError::Collateral { .. })));
}

#[test]
fn a_variable_that_holds_more_than_the_port_is_not_changed() {
    let mv = PortMove { host_ip: Some("127.0.0.1".to_owned()), ..port_move("a", 80, 8080, 8081) };
    let project = Project::new("services:\n  a: {ports: [\"$P:80\"]}\n").with(DOTENV, "P=127.0.0.1:8080\n");
    assert!(refusal(&project, &mv, EditMethod::Dotenv).contains("more or less"));
    assert_eq!(project.methods(&mv).unwrap(), [EditMethod::Override]);
    let project = Project::new("services:\n  a: {ports: [\"$P:80\"]}\n").with(DOTENV, "Q=80\nP=80${Q}\n");
    assert!(refusal(&project, &port_move("a", 80, 8080, 8081), EditMethod::Dotenv).contains("other variables"));
}

#[test]
fn a_variable_of_the_shell_beats_every_edit() {
    let mut project = Project::new("services:\n  a: {ports: [\"${P:-8080}:80\"]}\n").with(DOTENV, "P=8080\n");
    project.shell.insert("P".to_owned(), "8080".to_owned());
    let error = project.methods(&port_move("a", 80, 8080, 8081)).unwrap_err();
    assert_eq!(error, EditError::Shell { service: "a".to_owned(), variable: "P".to_owned() });
    assert!(error.hints()[0].contains("export P="));
}

#[test]
fn a_port_on_two_lines_is_not_moved_on_one_of_them() {
    let mut project = Project::new("services:\n  a:\n    ports:\n      - 8080:80\n      - \"8080:80/tcp\"\n");
    let mv = port_move("a", 80, 8080, 8081);
    assert!(matches!(project.plan(&mv, EditMethod::InPlace), Err(EditError::Collateral { .. })));
    project.carry_out(&mv, EditMethod::Override);
    assert_eq!(project.published("a"), ["8081:80"]);
    // Not even where another line of the service cannot be read.
    let project = Project::new("services:\n  a: {ports: [8080:80, \"8080:80\", \"$UNSET:81\", \"x:82\"]}\n");
    assert!(matches!(project.plan(&mv, EditMethod::InPlace), Err(EditError::Collateral { .. })));
}

#[test]
fn a_line_with_a_secret_is_not_edited() {
    let text = "services:\n  a: {ports: [8080:80], environment: {DB_PASSWORD: hunter2}}\n";
    let project = Project::new(text);
    let mv = port_move("a", 80, 8080, 8081);
    assert!(matches!(project.plan(&mv, EditMethod::InPlace), Err(EditError::Secret { line: 2, .. })));
    assert_eq!(project.methods(&mv).unwrap(), [EditMethod::Override]);
    let with_secret = Project::new("services: {a: {ports: [8080:80]}}\n")
        .with(OVERRIDE, "services: {a: {environment: [API_KEY=1]}}\n");
    assert!(matches!(with_secret.plan(&mv, EditMethod::Override), Err(EditError::Secret { .. })));
    let elsewhere = Project::new(
        "services:\n  a:\n    secrets: [token]\n    ports: [8080:80] # token\n    environment:\n      TOKEN: x\n",
    );
    assert!(elsewhere.plan(&mv, EditMethod::InPlace).is_ok());
}

#[test]
fn moves_that_do_not_fit_are_refused() {
    let project = Project::new("services:\n  a: {ports: [8080:80, 80, \"9000-9002:90\"]}\n");
    let mv = |before, after| PortMove { before, after, ..port_move("a", 80, 1, 1) };
    let shapes = [
        (Published::Fixed(8080), Published::Fixed(8080)),
        (Published::Fixed(8080), Published::Fixed(0)),
        (Published::Fixed(8080), Published::Range(1, 2)),
        (Published::Fixed(8080), Published::EnginePicks),
        (Published::EnginePicks, Published::Fixed(8080)),
        (Published::Range(9000, 9002), Published::Range(9100, 9101)),
        (Published::Range(9000, 9002), Published::Range(9102, 9100)),
    ];
    for (before, after) in shapes {
        assert!(
            matches!(project.plan(&mv(before, after), EditMethod::InPlace), Err(EditError::Shape { .. })),
            "{before}"
        );
    }
    for unknown in [
        port_move("a", 80, 8081, 1),
        port_move("a", 81, 8080, 1),
        port_move("b", 80, 8080, 1),
        port_move("a", 90, 9001, 1),
    ] {
        assert!(matches!(project.methods(&unknown), Err(EditError::Unknown { .. })), "{unknown:?}");
    }
    let udp = PortMove { protocol: Protocol::Udp, ..port_move("a", 80, 8080, 1) };
    assert!(matches!(project.methods(&udp), Err(EditError::Unknown { .. })));
}

#[test]
fn an_override_is_refused_where_compose_would_not_read_it() {
    let text = "services:\n  a: {ports: [8080:80]}\n";
    let mv = port_move("a", 80, 8080, 8081);
    let mut project = Project::new(text);
    project.explicit_files = true;
    assert!(refusal(&project, &mv, EditMethod::Override).contains("`-f`"));
    assert_eq!(project.methods(&mv).unwrap(), [EditMethod::InPlace]);
    let mut project = Project::new(text);
    project.override_tag = false;
    assert!(refusal(&project, &mv, EditMethod::Override).contains("2.24.4"));
    let mut included = Project::new("include: [other.yaml]\nservices: {}\n");
    included.services = vec![service("a", vec![effective(80, 8080)])];
    assert!(refusal(&included, &mv, EditMethod::Override).contains("included"));
    assert!(included.methods(&mv).is_err());
}

#[test]
fn override_files_that_cannot_be_added_to_are_left_alone() {
    let texts = [
        "",
        "services:\n  a: null\n",
        "x-x: &x {image: y}\nservices:\n  a: *x\n",
        "services:\n  a:\n    ports: []\n",
        "x-x: &x [7:7]\nservices:\n  a:\n    ports: *x\n",
        "volumes: {}\n...\n",
        "services:\n  a: !reset\n",
        "services: [1]\n",
        "services:\nvolumes: {}\n",
        "a: 1\n---\nb: 1\n",
    ];
    for text in texts {
        let project = Project::new("services:\n  a: {ports: [8080:80]}\n").with(OVERRIDE, text);
        assert!(project.plan(&port_move("a", 80, 8080, 8081), EditMethod::Override).is_err(), "{text}");
    }
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let mv = port_move("a", 80, 8080, 8081);
    let broken = Project::new("services:\n  a: {ports: [8080:80]}\n").with(OVERRIDE, "a: [\n");
    assert!(refusal(&broken, &mv, EditMethod::InPlace).contains(OVERRIDE));
    let broken = Project::new("services:\n  a: {ports: [8080:80]}\n").with(DOTENV, "A=\"1\n");
    assert!(refusal(&broken, &mv, EditMethod::InPlace).contains("`.env`, line 1"));
    let mut missing = Project::new("services: {}\n");
    missing.compose_files.push("more.yaml".to_owned());
    assert!(refusal(&missing, &mv, EditMethod::InPlace).contains("more.yaml"));
    let large = Project::new(&format!("services: {{}}\n#{}", "x".repeat(1 << 20)));
    assert!(refusal(&large, &mv, EditMethod::InPlace).contains("larger"));
}

#[test]
fn ranges_of_more_ports_than_anybody_publishes_are_refused() {
    let project = Project::new(
        "services:\n  a: {ports: ['1-65535:1-65535', '1-65535:1-65535/udp', '1-9:1-9/sctp', '8080:80']}\n",
    );
    assert!(refusal(&project, &port_move("a", 80, 8080, 8081), EditMethod::InPlace).contains("more than 131072 ports"));
}
