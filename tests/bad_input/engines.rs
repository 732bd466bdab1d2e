//! Engines that are down, closed, far away or too old.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use repair_test_support::{DOCKER_CONFIG_VARIABLE, Engine, Finished, Project, WEB};

use crate::ground::{HEAL, insist, repair_command, web_on};
use crate::taken_port;
use crate::wire;

/// Where a Compose plugin may lie for everybody on this machine.
const SYSTEM_PLUGINS: [&str; 4] = [
    "/usr/local/lib/docker/cli-plugins/docker-compose",
    "/usr/local/libexec/docker/cli-plugins/docker-compose",
    "/usr/lib/docker/cli-plugins/docker-compose",
    "/usr/libexec/docker/cli-plugins/docker-compose",
];

fn web_project() -> Project<'static> {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    project.write("compose.yaml", &web_on(project.port(0))).expect("it can be written");
    project
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).expect("it can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it can be made executable");
}

#[test]
fn compose_1_alone_is_recognized_and_refused() {
    let project = web_project();
    let bin = project.dir().with_file_name("bin");
    fs::create_dir(&bin).expect("a folder can be made");
    // Compose 1 answers `version --short` with the bare number, and knows no `config --format json`.
    executable(
        &bin.join("docker-compose"),
        "#!/bin/sh\ncase \"$*\" in *--short*) echo 1.29.2;; *version*) echo 'docker-compose version 1.29.2, build unknown';; \
         *) echo 'No such command' >&2; exit 1;; esac\n",
    );
    let mut command = repair_command(&project);
    command.env("PATH", &bin).env("DOCKER_CONFIG", project.dir().with_file_name("no-config")).args(HEAL);
    let finished = Finished::run(&mut command).expect("repair starts");
    if SYSTEM_PLUGINS.iter().any(|plugin| Path::new(plugin).exists()) {
        // Then there is a Compose 2, and Compose 1 in PATH must not get in its way.
        assert!(!finished.stderr.contains("1.29"), "{finished}");
    } else {
        insist(&finished, 3, &["Compose 1.29.2", "Compose 2 or later is needed", "docker-compose-plugin"]);
        assert!(!project.state_dir().exists());
    }
}

#[test]
fn an_engine_that_is_down_is_named_with_its_address() {
    let project = web_project();
    let missing = format!("unix://{}", project.dir().with_file_name("missing.sock").display());
    for args in [&[] as &[&str], &HEAL, &["plan"]] {
        let finished = Finished::run(repair_command(&project).env("DOCKER_HOST", &missing).args(args));
        insist(&finished.expect("repair starts"), 3, &["missing.sock", "next:"]);
    }
    // Somebody left a socket behind, and nobody listens.
    let left = project.dir().with_file_name("left.sock");
    drop(UnixListener::bind(&left).expect("a socket can be made"));
    let host = format!("unix://{}", left.display());
    let finished = Finished::run(repair_command(&project).env("DOCKER_HOST", &host).args(HEAL)).expect("repair starts");
    insist(&finished, 3, &["left.sock", "next:"]);
    // An address that means nothing is a mistake of the caller, and never guessed at.
    let finished = Finished::run(repair_command(&project).env("DOCKER_HOST", "127.0.0.1:2375").args(HEAL));
    insist(&finished.expect("repair starts"), 2, &["127.0.0.1:2375"]);
    assert!(!project.state_dir().exists());
}

#[test]
fn no_rights_to_the_socket_is_told_apart_from_an_engine_that_is_down() {
    let project = web_project();
    let open = tempfile::Builder::new().prefix("repair-open-").tempdir_in("/tmp").expect("a folder can be made");
    let everybody = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    everybody(open.path());
    let program = open.path().join("repair");
    fs::copy(env!("CARGO_BIN_EXE_repair"), &program).expect("it can be copied");
    // The plugin of a private engine lies where other users may not go.
    let config = open.path().join("docker");
    fs::create_dir_all(config.join("cli-plugins")).expect("a folder can be made");
    let variables = project.engine().variables();
    if let Some((_, private)) = variables.iter().find(|(name, _)| *name == DOCKER_CONFIG_VARIABLE) {
        let plugin = config.join("cli-plugins/docker-compose");
        fs::copy(Path::new(private).join("cli-plugins/docker-compose"), &plugin).expect("it can be copied");
        everybody(&plugin);
    }
    let folder = open.path().join("project");
    fs::create_dir(&folder).expect("a folder can be made");
    fs::write(folder.join("compose.yaml"), web_on(project.port(0))).expect("it can be written");
    let socket = open.path().join("closed.sock");
    wire::connect(project.engine(), UnixListener::bind(&socket).expect("a socket can be made"));
    let we_are_root = fs::metadata("/proc/self").expect("it is there").uid() == 0;
    fs::set_permissions(&socket, fs::Permissions::from_mode(if we_are_root { 0o600 } else { 0 })).expect("it is ours");

    let mut command = if we_are_root { project.command("setpriv") } else { project.command(&program) };
    if we_are_root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&program);
    }
    command.current_dir(&folder).env("DOCKER_HOST", format!("unix://{}", socket.display()));
    command.env("DOCKER_CONFIG", &config).env("HOME", open.path()).env("REPAIR_STATE_DIR", open.path().join("state"));
    let finished = Finished::run(command.args(HEAL)).expect("repair starts");
    insist(&finished, 3, &["closed.sock", "may not use", "next:"]);
    assert!(!open.path().join("state").exists(), "nothing is recorded");
}

#[test]
fn a_far_engine_does_not_tell_which_process_holds_a_port_so_it_is_not_guessed() {
    let project = web_project();
    let held = taken_port(&project);
    let text = project.read("compose.yaml").expect("it is there");
    let before = project.containers().expect("the engine answers");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let host = format!("tcp://127.0.0.1:{}", listener.local_addr().expect("it is bound").port());
    wire::connect(project.engine(), listener);
    let run = |args: &[&str]| {
        Finished::run(repair_command(&project).env("DOCKER_HOST", &host).args(args)).expect("repair starts")
    };
    insist(&run(&[]), 3, &["docker-port-conflict"]);
    let plan = run(&["plan"]);
    // Either it says that it cannot know, or it goes by the engine's own words; it never names a process of this machine.
    assert!(matches!(plan.code, Some(3 | 4)), "{plan}");
    let said = format!("{}{}", plan.stdout, plan.stderr);
    assert!(!said.contains(&format!("({})", held.pid())) && !said.contains("kill "), "{plan}");
    if plan.code == Some(3) {
        assert!(said.contains("next:"), "{plan}");
    }
    assert_eq!(project.read("compose.yaml").expect("it is there"), text);
    assert_eq!(project.containers().expect("the engine answers"), before);
    insist(&run(&["audit", "verify"]), 0, &["verified"]);
}

#[test]
fn an_image_that_nobody_has_is_not_healed_and_says_so() {
    let project = web_project();
    let text = web_on(project.port(0)).replace(WEB, "repair-test/no-such-image:1");
    project.write("compose.yaml", &text).expect("it can be written");
    let docker = project.engine().docker();
    let docker = docker.get_program().to_string_lossy().into_owned();
    let mut command = repair_command(&project);
    command.args(HEAL).args(["--", &docker, "compose", "up", "-d", "--pull", "never"]);
    let finished = Finished::run(&mut command).expect("repair starts");
    insist(&finished, 3, &["docker-image-missing", "next:"]);
    assert_eq!(project.read("compose.yaml").expect("it is there"), text);
}

#[test]
fn a_plugin_that_is_no_compose_is_not_believed() {
    let project = web_project();
    let config = project.dir().with_file_name("strange");
    fs::create_dir_all(config.join("cli-plugins")).expect("a folder can be made");
    executable(&config.join("cli-plugins/docker-compose"), "#!/bin/sh\necho 'not JSON at all'\n");
    let finished = Finished::run(repair_command(&project).env("DOCKER_CONFIG", &config).args(HEAL));
    let finished = finished.expect("repair starts");
    insist(&finished, 3, &["ompose"]);
    assert!(!project.state_dir().exists());
    // Nor is one that a project brings along.
    let bait = project.dir().join("docker-compose");
    executable(&bait, "#!/bin/sh\ntouch \"$(dirname \"$0\")/called\"\n");
    symlink(&bait, project.dir().join("docker")).expect("a link can be made");
    let path = format!(".:{}", std::env::var("PATH").unwrap_or_default());
    let _ = Finished::run(repair_command(&project).env("PATH", path).args(HEAL)).expect("repair starts");
    assert!(!project.dir().join("called").exists(), "a program of the project was run");
}
