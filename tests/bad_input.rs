//! Bad input, and what it gets: a clear error with the next step, its exit code, nothing half-done. One module for each
//! thing that can be bad; all of it against a real engine.

#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]

#[path = "bad_input/engines.rs"]
mod engines;
#[path = "bad_input_support/mod.rs"]
mod ground;
#[path = "bad_input/places.rs"]
mod places;
#[path = "bad_input/policies.rs"]
mod policies;
#[path = "bad_input/ports.rs"]
mod ports;
#[path = "bad_input/projects.rs"]
mod projects;
#[path = "bad_input_support/wire.rs"]
mod wire;

use repair_test_support::{HeldPort, Project};

/// A web server whose port is taken, and who holds it.
fn taken_port(project: &Project<'_>) -> HeldPort {
    project.write("compose.yaml", &ground::web_on(project.port(0))).expect("the file can be written");
    ground::fail_up(project, &["web"])
}
