//! The ground that the other scenarios stand on: the engine fails to publish a taken port in the words that
//! classification knows, and what a test starts is gone afterwards.

use repair_test_support::{DevLake, DevLakePorts, Engine, HeldPort, Project, WEB, http_get, wait_for};

fn web_on(port: u16) -> String {
    format!("services:\n  web:\n    image: {WEB}\n    ports:\n      - \"{port}:80\"\n")
}

/// A project with one web server on the first port of its block, not started.
fn web_project(engine: &Engine) -> Project<'_> {
    let project = Project::new(engine).expect("a project can be made");
    project.write("compose.yaml", &web_on(project.port(0))).expect("its file can be written");
    project
}

/// Starts `project`, which must fail, and returns what the engine notes at the container.
fn error_after_failed_up(project: &Project<'_>) -> String {
    let up = project.compose(["up", "--detach"]).expect("compose runs");
    assert!(!up.succeeded(), "the port was not taken: {up}");
    let state = project.container("web").expect("the container was created");
    assert_eq!(state.status, "created", "{state:?}");
    assert!(up.stderr.contains(&state.error), "Compose says something else than the engine: {up}\n{state:?}");
    state.error
}

#[test]
fn a_free_port_is_published_and_answers() {
    let project = web_project(Engine::shared());
    project.compose(["up", "--detach"]).and_then(|up| up.success()).expect("it starts");
    let ready = wait_for(5, || http_get(project.port(0), "/ready")).expect("it answers");
    assert!(ready.contains("\"ready\":true"), "{ready}");
    project.down().expect("it can be taken down");
    assert_eq!(project.containers().expect("the engine answers"), []);
}

#[test]
fn a_port_held_by_a_process_fails_with_address_already_in_use() {
    let project = web_project(Engine::shared());
    let held = HeldPort::by_another_process(project.engine(), project.port(0)).expect("the port was free");
    let error = error_after_failed_up(&project);
    assert!(error.ends_with("address already in use"), "{error}");
    assert!(error.contains(&format!(":{}", held.port())), "{error}");

    drop(held);
    let again = project.compose(["up", "--detach", "--no-deps", "web"]).expect("compose runs");
    assert!(again.succeeded(), "a leftover container starts once the port is free: {again}");
}

#[test]
fn a_port_held_by_another_container_fails_with_already_allocated() {
    let holder = web_project(Engine::shared());
    holder.compose(["up", "--detach"]).and_then(|up| up.success()).expect("the holder starts");
    let project = web_project(holder.engine());
    project.write("compose.yaml", &web_on(holder.port(0))).expect("its file can be written");
    let error = error_after_failed_up(&project);
    // The engine binds both address families, and which of them it names first is a matter of luck.
    let words =
        ["0.0.0.0", "::"].map(|ip| format!("Bind for {ip}:{} failed: port is already allocated", holder.port(0)));
    assert!(words.iter().any(|words| error.ends_with(words)), "{error}");
}

#[test]
fn the_devlake_shaped_project_answers_on_all_four_ports() {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    let [mysql, grafana, devlake, config_ui] = [0, 1, 2, 3].map(|index| project.port(index));
    let ports = DevLakePorts { mysql, grafana, devlake, config_ui };
    DevLake::write(&project, ports).expect("its files can be written");
    project.compose(["up", "--detach"]).and_then(|up| up.success()).expect("it starts");
    assert_eq!(DevLake::published(&project).expect("compose reads it"), ports);
    DevLake::answers(ports).expect("all services answer");
}
