//! Stale networks on a real engine: an unused one of the project's own makes room for what is wanted; one that anything is
//! attached to, or that is somebody else's, stays; and exhausted pools are explained.

#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod scenario;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod tool_scenario;

use repair_test_support::{DaemonOptions, PrivateEngine, Project, http_get, target_dir, wait_for};
use scenario::{HEAL, document, sound, text};
use serde_json::Value;
use tool_scenario::{Bystander, UP, all_of, compose, docker, file, next_steps, plan_of, project, write};

/// A web server in a network with a name of its own, under this key.
fn shop(project: &Project<'_>, key: &str) -> String {
    let web = format!("    networks: [{key}]\n    ports: [\"{}:80\"]\n", project.port(0));
    file(&[("web", &web)], &network(project, key))
}

fn network(project: &Project<'_>, key: &str) -> String {
    format!("networks:\n  {key}:\n    name: {}\n", name(project))
}

fn name(project: &Project<'_>) -> String {
    format!("{}-net", project.name())
}

fn heal() -> Vec<&'static str> {
    [HEAL.as_slice(), &UP].concat()
}

fn is_refused(report: &Value, class: &str) {
    assert_eq!(report["result"], "not-healed", "{report:#}");
    assert_eq!(text(report, "/findings/0/class"), class);
    assert_eq!(report["steps"], serde_json::json!([]), "{report:#}");
}

#[test]
fn an_unused_network_under_a_former_key_makes_room() {
    let bystander = Bystander::start(project(), &file(&[("web", "")], ""));
    let project = project();
    write(&project, &shop(&project, "front"));
    compose(&project, &["up", "--detach"]);
    compose(&project, &["rm", "--stop", "--force"]);
    write(&project, &shop(&project, "back"));

    let report = document(&project, 0, &heal());
    assert_eq!(report["result"], "healed", "{report:#}");
    assert_eq!(text(&report, "/findings/0/class"), "docker-orphans-or-stale-network");
    assert_eq!(plan_of(&report), ["remove-stale-network", "compose-up"]);
    let key = "{{index .Labels \"com.docker.compose.network\"}}";
    assert_eq!(docker(&project, &["network", "inspect", "--format", key, &name(&project)]), "back");
    wait_for(5, || http_get(project.port(0), "/ready")).expect("the service answers");
    bystander.is_untouched();
    sound(&project);
}

#[test]
fn a_network_with_a_container_stays_although_nothing_of_it_runs() {
    let project = project();
    write(&project, &shop(&project, "front"));
    compose(&project, &["up", "--detach"]);
    compose(&project, &["stop", "--timeout", "0"]);
    let before = all_of(&project);
    write(&project, &shop(&project, "back"));
    let report = document(&project, 3, &heal());
    is_refused(&report, "docker-orphans-or-stale-network");
    let told = next_steps(&report);
    for word in [&format!("`{}-web-1`", project.name()), "docker compose down", "volumes stay"] {
        assert!(told.contains(word), "`{word}` is missing: {told}");
    }
    assert_eq!(all_of(&project), before);
    sound(&project);
}

#[test]
fn a_foreign_network_is_named_and_stays() {
    let project = project();
    let holder = Bystander::start(
        tool_scenario::project(),
        &file(&[("pay", "    networks: [front]\n")], &network(&project, "front")),
    );
    write(&project, &shop(&project, "back"));
    let report = document(&project, 3, &heal());
    is_refused(&report, "docker-orphans-or-stale-network");
    let told = next_steps(&report);
    for word in [holder.project.name(), "left alone", "external: true"] {
        assert!(told.contains(word), "`{word}` is missing: {told}");
    }
    holder.is_untouched();
    sound(&project);
}

#[test]
fn exhausted_pools_are_explained_and_no_network_gives_way() {
    let engine = PrivateEngine::provision(&target_dir()).expect("an engine can be had");
    let options = DaemonOptions { single_network: true, ..DaemonOptions::default() };
    let engine = engine.start_with(options).expect("it starts");
    engine.build_images().expect("its images can be made");
    let first = Project::new(&engine).expect("a project can be made");
    write(&first, &file(&[("web", "")], ""));
    compose(&first, &["up", "--detach"]);
    // Nothing uses it any more, and still it is not this program's to remove.
    compose(&first, &["rm", "--stop", "--force"]);
    let before = all_of(&first);

    let second = Project::new(&engine).expect("a project can be made");
    write(&second, &file(&[("web", "")], ""));
    let report = document(&second, 3, &heal());
    is_refused(&report, "docker-network-overlap");
    let told = next_steps(&report);
    for word in ["not guessed at", "docker network ls", "docker network prune", "`subnet`"] {
        assert!(told.contains(word), "`{word}` is missing: {told}");
    }
    assert_eq!(all_of(&first), before);
    sound(&second);
}
