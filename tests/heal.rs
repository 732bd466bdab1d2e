//! Real failures of real projects, healed end to end: the services answer where the report says, the Compose file
//! differs only in its ports, and what was done can be taken back.

mod scenario;

use repair_test_support::{DevLake, DevLakePorts, Engine, Finished, HeldPort, Project, WEB, http_get, wait_for};
use scenario::{HEAL, document, fails_to_start, no_session, repair, sound, text, web_file, web_project};
use serde_json::Value;

/// What a person types.
const UP: [&str; 5] = ["--", "docker", "compose", "up", "-d"];

/// Who holds a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Process,
    Container,
}

/// The ports in the order of the services.
fn list(ports: DevLakePorts) -> [u16; 4] {
    [ports.mysql, ports.grafana, ports.devlake, ports.config_ui]
}

fn devlake<'e>() -> (Project<'e>, DevLakePorts) {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    let [mysql, grafana, devlake, config_ui] = [0, 20, 40, 60].map(|index| project.port(index));
    let ports = DevLakePorts { mysql, grafana, devlake, config_ui };
    DevLake::write(&project, ports).expect("its files can be written");
    (project, ports)
}

/// Lets another project's container hold ports.
fn held_by_container<'e>(ports: &[u16]) -> Project<'e> {
    let services: Vec<_> = ports.iter().map(|port| (format!("web{port}"), format!("\"{port}:80\""))).collect();
    let services: Vec<_> = services.iter().map(|(name, port)| (name.as_str(), port.as_str())).collect();
    let holder = web_project(&services);
    holder.compose(["up", "--detach"]).and_then(Finished::success).expect("the holder starts");
    holder
}

fn held_by_process(port: u16) -> HeldPort {
    HeldPort::by_another_process(Engine::shared(), port).expect("the port was free")
}

/// The addresses of a report, as port numbers.
fn reported_ports(report: &Value) -> Vec<u64> {
    let services = report["verdict"]["services"].as_array().expect("a verdict on services");
    services
        .iter()
        .flat_map(|service| service["addresses"].as_array().into_iter().flatten())
        .filter_map(|address| address["port"].as_u64())
        .collect()
}

/// Takes the ports at `taken` away and lets `repair` heal, once after a failed `up` and once around it.
fn devlake_heals(taken: &[usize], holder: Holder) {
    for wrapped in [false, true] {
        let (project, before) = devlake();
        let ports: Vec<u16> = taken.iter().map(|at| list(before)[*at]).collect();
        let container = (holder == Holder::Container).then(|| held_by_container(&ports));
        let processes: Vec<_> =
            ports.iter().filter(|_| holder == Holder::Process).map(|port| held_by_process(*port)).collect();
        let report = if wrapped {
            document(&project, 0, &[HEAL.as_slice(), &UP].concat())
        } else {
            fails_to_start(&project);
            document(&project, 0, &HEAL)
        };
        assert_eq!(report["result"], "healed", "{report:#}");
        assert_eq!(text(&report, "/findings/0/class"), "docker-port-conflict");

        let after = DevLake::published(&project).expect("Compose reads the file");
        for (at, (old, new)) in list(before).into_iter().zip(list(after)).enumerate() {
            assert_eq!(old != new, taken.contains(&at), "service {at}: {old} became {new}");
            assert!(reported_ports(&report).contains(&u64::from(new)), "{new} is missing in {report:#}");
        }
        DevLake::answers(after).expect("all services answer");
        let stale = format!("http://localhost:{}/grafana", before.config_ui);
        let only_ports =
            DevLake::compose_file(after).replace(&format!("http://localhost:{}/grafana", after.config_ui), &stale);
        assert_eq!(project.read("docker-compose.yml").expect("a file"), only_ports);

        let warnings = report["plan"]["warnings"].to_string() + &report["next_steps"].to_string();
        assert_eq!(warnings.contains("GF_SERVER_ROOT_URL"), taken.contains(&3), "{report:#}");
        let ways = report["plan"]["other_ways"].to_string();
        for process in &processes {
            assert!(ways.contains(&format!("kill {}", process.pid())), "{ways}");
        }
        if let Some(container) = &container {
            assert!(ways.contains("docker stop") || ways.contains("docker compose"), "{ways}");
            assert!(ways.contains(container.name()), "{ways}");
        }
        sound(&project);
    }
}

#[test]
fn one_port_taken_by_a_process_moves() {
    devlake_heals(&[3], Holder::Process);
}

#[test]
fn one_port_taken_by_a_container_moves() {
    devlake_heals(&[2], Holder::Container);
}

#[test]
fn two_ports_taken_by_a_process_move() {
    devlake_heals(&[1, 2], Holder::Process);
}

#[test]
fn two_ports_taken_by_a_container_move() {
    devlake_heals(&[0, 3], Holder::Container);
}

#[test]
fn all_ports_taken_by_a_process_move() {
    devlake_heals(&[0, 1, 2, 3], Holder::Process);
}

#[test]
fn all_ports_taken_by_a_container_move() {
    devlake_heals(&[0, 1, 2, 3], Holder::Container);
}

#[test]
fn a_bundle_of_ports_moves_all_together() {
    let (project, before) = devlake();
    let (grafana, config_ui) = (project.port(85), project.port(86));
    let settings = format!(
        "[[tools.port-conflict.bundles]]\nfrom = [{}, {}]\nto = [{grafana}, {config_ui}]\n",
        before.grafana, before.config_ui
    );
    project.write("repair.toml", &settings).expect("settings can be written");
    let _held = held_by_process(before.grafana);
    document(&project, 0, &[HEAL.as_slice(), &UP].concat());
    let after = DevLakePorts { grafana, config_ui, ..before };
    assert_eq!(DevLake::published(&project).expect("Compose reads the file"), after);
    DevLake::answers(after).expect("all services answer");
    sound(&project);
}

/// Heals a project whose only service has the port entry `entry`, with its first port taken by a process, and returns
/// project and report.
fn healed_entry(entry: impl Fn(&Project<'_>) -> String) -> (Project<'static>, Value) {
    let project = web_project(&[]);
    project.write("compose.yaml", &web_file(&[("web", &entry(&project))])).expect("its file can be written");
    let _held = held_by_process(project.port(0));
    let report = document(&project, 0, &[HEAL.as_slice(), &UP].concat());
    sound(&project);
    (project, report)
}

fn answers(port: u16) {
    wait_for(5, || http_get(port, "/ready")).expect("the service answers");
}

#[test]
fn a_port_from_a_variable_moves_in_the_env_file_alone() {
    let project = web_project(&[("web", "\"${WEB_PORT}:80\"")]);
    let dotenv = |port: u16| format!("# Ports.\nexport WEB_PORT={port}  # the page\nOTHER=1\n");
    project.write(".env", &dotenv(project.port(0))).expect("its file can be written");
    let _held = held_by_process(project.port(0));
    document(&project, 0, &[HEAL.as_slice(), &UP].concat());
    assert_eq!(project.read(".env").expect("a file"), dotenv(project.port(1)));
    assert_eq!(project.read("compose.yaml").expect("a file"), web_file(&[("web", "\"${WEB_PORT}:80\"")]));
    answers(project.port(1));
    sound(&project);
}

fn git(project: &Project<'_>, args: &[&str]) {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.invalid", "-c", "init.defaultBranch=main"];
    let ran = Finished::run(project.command("git").args(identity).args(args));
    ran.and_then(Finished::success).expect("git works here");
}

#[test]
fn a_file_under_version_control_stays_and_an_override_moves_the_port() {
    let project = web_project(&[]);
    let committed = web_file(&[("web", &format!("\"{}:80\"", project.port(0)))]);
    project.write("compose.yaml", &committed).expect("its file can be written");
    for args in [["init", "--quiet", "."].as_slice(), &["add", "compose.yaml"], &["commit", "--quiet", "-m", "web"]] {
        git(&project, args);
    }
    let _held = held_by_process(project.port(0));
    let report = document(&project, 0, &[HEAL.as_slice(), &UP].concat());
    assert_eq!(project.read("compose.yaml").expect("a file"), committed);
    let written = project.read("compose.override.yaml").expect("an override file");
    assert!(written.contains("!override") && written.contains(&project.port(1).to_string()), "{written}");
    answers(project.port(1));

    let session = text(&report, "/session");
    document(&project, 0, &["undo", session, "--yes"]);
    assert!(!project.dir().join("compose.override.yaml").exists(), "the override file is still there");
    sound(&project);
}

#[test]
fn a_range_of_ports_moves_whole() {
    let range = |project: &Project<'_>, at: u16| format!("\"{}-{}:80-82\"", project.port(at), project.port(at + 2));
    let (project, report) = healed_entry(|project| range(project, 0));
    let moved = project.read("compose.yaml").expect("a file");
    let places = (1..20).filter(|at| moved == web_file(&[("web", &range(&project, *at))])).collect::<Vec<_>>();
    let [place] = places.as_slice() else { panic!("the range did not move whole: {moved}\n{report:#}") };
    answers(project.port(*place));
}

#[test]
fn a_port_on_one_address_moves_on_that_address() {
    let (project, report) = healed_entry(|project| format!("127.0.0.1:{}:80", project.port(0)));
    let moved = web_file(&[("web", &format!("127.0.0.1:{}:80", project.port(1)))]);
    assert_eq!(project.read("compose.yaml").expect("a file"), moved, "{report:#}");
    answers(project.port(1));
}

#[test]
fn a_udp_port_moves_and_the_tcp_port_of_the_same_number_stays() {
    let project = web_project(&[]);
    let port = project.port(0);
    let file = |udp: u16| {
        format!("services:\n  web:\n    image: {WEB}\n    ports:\n      - '{udp}:80/udp'\n      - '{port}:80'\n")
    };
    project.write("compose.yaml", &file(port)).expect("its file can be written");
    let _held = std::net::UdpSocket::bind(("0.0.0.0", port)).expect("the port was free");
    document(&project, 0, &[HEAL.as_slice(), &UP].concat());
    assert_eq!(project.read("compose.yaml").expect("a file"), file(project.port(1)));
    answers(port);
    sound(&project);
}

#[test]
fn a_healthy_project_needs_no_session() {
    let project = web_project(&[]);
    project.write("compose.yaml", &web_file(&[("web", &format!("{}:80", project.port(0)))])).expect("written");
    project.compose(["up", "--detach"]).and_then(Finished::success).expect("it starts");
    assert_eq!(document(&project, 0, &HEAL)["result"], "healthy");
    assert_eq!(document(&project, 0, &[])["result"], "healthy");
    no_session(&project);
}

#[test]
fn a_wrapped_command_that_succeeds_needs_no_session() {
    let project = web_project(&[]);
    project.write("compose.yaml", &web_file(&[("web", &format!("{}:80", project.port(0)))])).expect("written");
    let ran = repair(&project, &[HEAL.as_slice(), &["--", "sh", "-c", "echo out; echo err >&2"]].concat());
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "out\n", "err\n"));
    no_session(&project);
}

#[test]
fn a_wrapped_command_that_fails_beside_a_healthy_project_is_no_success() {
    let project = web_project(&[]);
    project.write("compose.yaml", &web_file(&[("web", &format!("{}:80", project.port(0)))])).expect("written");
    project.compose(["up", "--detach"]).and_then(Finished::success).expect("it starts");
    for heal in [HEAL.as_slice(), &[]] {
        let report = document(&project, 3, &[heal, &["--", "sh", "-c", "exit 7"]].concat());
        assert_eq!(report["result"], "not-healed", "{report:#}");
    }
    no_session(&project);
}

#[test]
fn a_report_for_people_names_the_new_address_and_the_way_back() {
    let project = web_project(&[]);
    project.write("compose.yaml", &web_file(&[("web", &format!("{}:80", project.port(0)))])).expect("written");
    let _held = held_by_process(project.port(0));
    fails_to_start(&project);
    let healed = repair(&project, &HEAL);
    assert_eq!(healed.code, Some(0), "{healed}");
    for expected in ["healed and verified", &project.port(1).to_string(), "repair undo"] {
        assert!(healed.stdout.contains(expected), "`{expected}` is missing: {healed}");
    }
    sound(&project);
}

#[test]
fn undo_restores_byte_for_byte_and_only_once() {
    let project = web_project(&[]);
    let original = format!(
        "# Kept as it is.\r\nservices:\r\n  web: {{image: {WEB}, ports: [ '{}:80' ]}}  # odd\r\n",
        project.port(0)
    );
    project.write("compose.yaml", &original).expect("its file can be written");
    let _held = held_by_process(project.port(0));
    let report = document(&project, 0, &[HEAL.as_slice(), &UP].concat());
    let moved = project.read("compose.yaml").expect("a file");
    assert_eq!(moved, original.replace(&project.port(0).to_string(), &project.port(1).to_string()));

    let session = text(&report, "/session");
    let unasked = repair(&project, &["undo", session]);
    assert_eq!(unasked.code, Some(4), "nobody was there to say yes: {unasked}");
    document(&project, 0, &["undo", session, "--yes"]);
    assert_eq!(project.read("compose.yaml").expect("a file"), original);
    let again = repair(&project, &["undo", session, "--yes"]);
    assert!(!again.succeeded() && again.stderr.contains("no edit to take back"), "{again}");
    assert_eq!(project.read("compose.yaml").expect("a file"), original);
    sound(&project);
}

#[test]
fn undo_refuses_a_file_that_was_edited_since() {
    let (project, report) = healed_entry(|project| format!("{}:80", project.port(0)));
    let edited = project.read("compose.yaml").expect("a file") + "# by hand\n";
    project.write("compose.yaml", &edited).expect("its file can be written");
    let undo = repair(&project, &["undo", text(&report, "/session"), "--yes"]);
    assert_eq!(undo.code, Some(3), "{undo}");
    assert!(undo.stderr.contains("was changed after session"), "{undo}");
    assert_eq!(project.read("compose.yaml").expect("a file"), edited);
    sound(&project);
}

/// Heals with probes on the port to which the service moves, and returns the report.
fn probed(code: i32, probe: impl Fn(u16) -> String) -> Value {
    let project = web_project(&[]);
    project.write("compose.yaml", &web_file(&[("web", &format!("{}:80", project.port(0)))])).expect("written");
    project.write("repair.toml", &probe(project.port(1))).expect("settings can be written");
    let _held = held_by_process(project.port(0));
    let args = [["--timeout", "3"].as_slice(), &HEAL, &UP].concat();
    let report = document(&project, code, &args);
    sound(&project);
    report
}

#[test]
fn a_probe_that_answers_as_declared_passes() {
    let report = probed(0, |port| {
        format!(
            "[[probe]]\nkind = \"http\"\nurl = \"http://localhost:{port}/ready\"\n\
             json = {{ field = \"status\", equals = \"ok\" }}\n"
        )
    });
    assert_eq!(report["verdict"]["probes"][0]["passed"], true, "{report:#}");
}

#[test]
fn a_probe_with_another_json_value_is_not_healed() {
    let report = probed(3, |port| {
        format!(
            "[[probe]]\nkind = \"http\"\nurl = \"http://localhost:{port}/ready\"\n\
             json = {{ field = \"status\", equals = \"migrated\" }}\n"
        )
    });
    assert_eq!(report["result"], "not-healed");
    assert_eq!(report["verdict"]["probes"][0]["passed"], false, "{report:#}");
}

#[test]
fn a_session_in_vain_says_where_to_read_what_was_tried() {
    let project = web_project(&[]);
    project.write("compose.yaml", &web_file(&[("web", &format!("{}:80", project.port(0)))])).expect("written");
    let probe = format!("[[probe]]\nkind = \"tcp\"\naddress = \"localhost:{}\"\nexpect = \"5.7\"\n", project.port(1));
    project.write("repair.toml", &probe).expect("settings can be written");
    let _held = held_by_process(project.port(0));
    let said = repair(&project, &[["--timeout", "3"].as_slice(), &HEAL, &UP].concat());
    assert_eq!(said.code, Some(3), "{said}");
    let (_, after) = said.stdout.split_once("`repair show ").expect("the command");
    let (session, _) = after.split_once('`').expect("the session");
    let shown = repair(&project, &["show", session]);
    assert!(shown.succeeded() && shown.stdout.contains("remap-port"), "{shown}");
}

#[test]
fn an_open_port_that_says_nothing_is_not_healed() {
    let report =
        probed(3, |port| format!("[[probe]]\nkind = \"tcp\"\naddress = \"localhost:{port}\"\nexpect = \"5.7\"\n"));
    assert_eq!(report["verdict"]["probes"][0]["passed"], false, "{report:#}");
}

#[test]
fn a_service_that_others_wait_for_moves_although_compose_cannot_rehearse_it() {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    let (taken, other) = (project.port(0), project.port(20));
    let file = format!(
        "services:\n  db:\n    image: {WEB}\n    ports:\n      - \"{taken}:80\"\n    healthcheck:\n      \
         test: [\"CMD\", \"/bin/sh\", \"-c\", \"exit 0\"]\n      interval: 1s\n  web:\n    image: {WEB}\n    ports:\n      \
         - \"{other}:80\"\n    depends_on:\n      db:\n        condition: service_healthy\n"
    );
    project.write("compose.yaml", &file).expect("its file can be written");
    let _held = HeldPort::by_another_process(Engine::shared(), taken).expect("the port was free");
    fails_to_start(&project);
    let report = document(&project, 0, &HEAL);
    assert_eq!(report["result"], "healed", "{report:#}");
    assert_eq!(report["verdict"]["services"][0]["state"], "running, healthy", "{report:#}");
    wait_for(5, || http_get(other, "/ready")).expect("the service that waited answers");
    sound(&project);
}
