//! A web server whose port somebody else holds: what a person at a terminal meets first.

use repair_test_support::{Engine, HeldPort, Project, http_get, wait_for};

use crate::scenario::{fails_to_start, sound, web_file, web_project};

/// A web server on the first port of its block, which a process holds; its start has failed.
pub fn broken() -> (Project<'static>, HeldPort) {
    let project = web_project(&[]);
    project.write("compose.yaml", &file(project.port(0))).expect("its file can be written");
    let held = HeldPort::by_another_process(Engine::shared(), project.port(0)).expect("the port was free");
    fails_to_start(&project);
    (project, held)
}

/// The file of such a project, on that port.
pub fn file(port: u16) -> String {
    web_file(&[("web", &format!("\"{port}:80\""))])
}

/// Insists that it was moved to the next port and answers there.
pub fn has_moved(project: &Project<'_>) {
    assert_eq!(project.read("compose.yaml").expect("a file"), file(project.port(1)));
    wait_for(5, || http_get(project.port(1), "/ready")).expect("the service answers");
    sound(project);
}
