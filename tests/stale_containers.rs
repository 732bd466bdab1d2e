//! Leftover containers on a real engine: what is the project's own and rests makes room for what is wanted; what runs, or is
//! somebody else's, is named and stays.

#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod scenario;
mod tool_scenario;

use repair_test_support::Project;
use scenario::{HEAL, document, sound, text};
use serde_json::Value;
use tool_scenario::{
    Bystander, UP, all_of, compose, docker, file, healed_with_a_yes, next_steps, plan_of, project, write,
};

/// The name that two services want one after the other.
fn fixed(project: &Project<'_>) -> String {
    format!("{}-fixed", project.name())
}

/// One service with a name of its own and with data, and one without.
fn shop(project: &Project<'_>, service: &str) -> String {
    let named = format!("    container_name: {}\n    volumes: [\"data:/data\"]\n", fixed(project));
    file(&[(service, &named), ("other", "")], "volumes:\n  data:\n")
}

/// `up` under `repair`, without a person.
fn heal() -> Vec<&'static str> {
    [HEAL.as_slice(), &UP].concat()
}

fn is_refused(report: &Value) {
    assert_eq!(report["result"], "not-healed", "{report:#}");
    assert_eq!(text(report, "/findings/0/class"), "docker-container-name-conflict");
    assert_eq!(report["steps"], serde_json::json!([]), "{report:#}");
}

#[test]
fn a_leftover_of_a_renamed_service_makes_room_with_a_yes() {
    let bystander = project();
    let bystander = Bystander::start(bystander, &file(&[("web", "")], ""));
    let project = project();
    write(&project, &shop(&project, "old"));
    compose(&project, &["up", "--detach"]);
    compose(&project, &["stop", "--timeout", "0", "old"]);
    let (old, other) = (project.container("old").expect("it is there"), project.container("other").expect("it runs"));
    write(&project, &shop(&project, "new"));

    let (asked, report) = healed_with_a_yes(&project, &heal());
    assert_eq!(text(&asked, "/findings/0/class"), "docker-container-name-conflict");
    assert_eq!(plan_of(&asked), ["remove-stale-container", "compose-up"], "{asked:#}");
    assert!(text(&asked, "/plan/tool").starts_with("stale-containers "), "{asked:#}");
    assert_eq!(report["steps"].as_array().map(Vec::len), Some(2), "{report:#}");

    let new = project.container("new").expect("it runs");
    assert_eq!((new.status.as_str(), new.name), ("running", fixed(&project)));
    assert_ne!(new.id, old.id);
    assert!(project.container("old").is_err(), "the leftover is gone");
    assert_eq!(project.container("other").expect("it runs"), other);
    let volume = format!("{}_data", project.name());
    assert!(all_of(&project).contains(&volume), "volumes stay");
    bystander.is_untouched();
    sound(&project);
}

#[test]
fn a_leftover_that_never_ran_makes_room_without_a_person() {
    let project = project();
    write(&project, &shop(&project, "old"));
    compose(&project, &["create", "old"]);
    write(&project, &shop(&project, "new"));
    let report = document(&project, 0, &heal());
    assert_eq!(report["result"], "healed", "{report:#}");
    assert_eq!(plan_of(&report), ["remove-stale-container", "compose-up"]);
    assert_eq!(project.container("new").expect("it runs").status, "running");
    assert!(project.container("old").is_err(), "the leftover is gone");
    sound(&project);
}

#[test]
fn a_foreign_holder_is_named_and_stays_whether_it_runs_or_not() {
    let project = project();
    let holder = tool_scenario::project();
    let named = format!("    container_name: {}\n", fixed(&project));
    let mut holder = Bystander::start(holder, &file(&[("db", &named)], ""));
    write(&project, &shop(&project, "new"));
    for stopped in [false, true] {
        if stopped {
            compose(&holder.project, &["stop", "--timeout", "0"]);
            holder.look();
        }
        let report = document(&project, 3, &heal());
        is_refused(&report);
        let told = next_steps(&report);
        for word in [holder.project.name(), "left alone", "`container_name`", "COMPOSE_PROJECT_NAME"] {
            assert!(told.contains(word), "`{word}` is missing: {told}");
        }
        holder.is_untouched();
    }
    sound(&project);
}

#[test]
fn a_holder_of_this_project_that_runs_goes_on_running() {
    let project = project();
    write(&project, &shop(&project, "old"));
    compose(&project, &["up", "--detach"]);
    let before = all_of(&project);
    write(&project, &shop(&project, "new"));
    let report = document(&project, 3, &heal());
    is_refused(&report);
    assert!(next_steps(&report).contains(&format!("docker stop {}", fixed(&project))), "{report:#}");
    // Compose had begun to make the new one before it met the name.
    let after = all_of(&project);
    assert!(before.iter().all(|one| after.contains(one)), "{before:#?}\n{after:#?}");
    assert_eq!(docker(&project, &["inspect", "--format", "{{.State.Status}}", &fixed(&project)]), "running");
    sound(&project);
}
