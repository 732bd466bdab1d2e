//! Services that somebody stopped, on a real engine: nothing starts them, whatever is proposed and at whatever moment the
//! stop came; and one that ended by itself, or was to be started after all, is started as before.

mod opened;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod scenario;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod tool_scenario;

use opened::{apply, open, prepared, probe};
use repair_model::action::Action;
use repair_model::outcome::{Outcome, Probe};
use repair_pipeline::outside::{Deployment as _, TargetError};
use repair_test_support::{HeldPort, Project};
use scenario::{HEAL, document, fails_to_start, sound};
use tool_scenario::{compose, docker, file, next_steps, project, write};

fn up(services: &[&str]) -> Action {
    Action::ComposeUp { services: services.iter().map(|service| (*service).to_owned()).collect() }
}

fn restart(service: &str) -> Action {
    Action::RestartService { service: service.to_owned() }
}

fn status(project: &Project<'_>, service: &str) -> String {
    project.container(service).expect("it is there").status
}

/// The refusal names the service, how it is known, and the command.
fn names(error: &TargetError, project: &Project<'_>, service: &str) {
    for word in [format!("`{service}` was stopped on purpose"), format!("`{}-{service}-1`", project.name())] {
        assert!(error.what.contains(&word), "`{word}` is missing: {error}");
    }
    let command = format!("docker compose -p {} start {service}", project.name());
    assert!(error.hints.iter().any(|hint| hint.contains(&command)), "{:?}", error.hints);
}

#[tokio::test]
async fn a_stopped_service_is_neither_started_nor_restarted_and_the_others_are() {
    let project = project();
    write(&project, &file(&[("web", ""), ("db", ""), ("job", "")], ""));
    compose(&project, &["up", "--detach", "web", "db"]);
    compose(&project, &["stop", "--timeout", "0", "db"]);
    let mut deployment = open(&project).await;
    for action in [up(&["db"]), up(&["web", "db", "job"]), restart("db")] {
        let error = prepared(&mut deployment, std::slice::from_ref(&action)).await.expect_err("it rests");
        names(&error, &project, "db");
    }
    let steps = prepared(&mut deployment, &[restart("web"), up(&["job"])]).await.expect("a plan");
    for step in &steps {
        assert!(matches!(apply(&mut deployment, step).await, Outcome::Done { .. }));
    }
    assert_eq!((status(&project, "job").as_str(), status(&project, "db").as_str()), ("running", "exited"));
    // The restart of `web` stopped it as well, and it runs again.
    prepared(&mut deployment, &[restart("web")]).await.expect("nobody stopped it");
    docker(&project, &["start", &project.container("db").expect("it is there").id]);
    prepared(&mut deployment, &[restart("db")]).await.expect("it was started again");
}

#[tokio::test]
async fn one_that_ended_by_itself_or_was_killed_is_started_again() {
    let project = project();
    let crashes = "    command: [\"/bin/sh\", \"-c\", \"exit 3\"]\n";
    write(&project, &file(&[("web", ""), ("db", crashes)], ""));
    compose(&project, &["up", "--detach"]);
    docker(&project, &["kill", &project.container("web").expect("it runs").id]);
    assert_eq!(status(&project, "web"), "exited");
    let mut deployment = open(&project).await;
    let steps = prepared(&mut deployment, &[up(&["web", "db"])]).await.expect("nobody stopped them");
    assert!(matches!(apply(&mut deployment, &steps[0]).await, Outcome::Done { .. }));
    assert_eq!(status(&project, "web"), "running");
}

#[tokio::test]
async fn one_that_could_not_be_started_after_its_stop_was_to_run_after_all() {
    let project = project();
    let ports = format!("    ports: [\"{}:80\"]\n", project.port(0));
    write(&project, &file(&[("web", &ports)], ""));
    compose(&project, &["up", "--detach"]);
    compose(&project, &["stop", "--timeout", "0"]);
    let mut deployment = open(&project).await;
    prepared(&mut deployment, &[up(&["web"])]).await.expect_err("it rests");
    let held = HeldPort::by_another_process(project.engine(), project.port(0)).expect("the port was free");
    fails_to_start(&project);
    drop(held);
    prepared(&mut deployment, &[up(&["web"])]).await.expect("somebody wanted it to run");
}

#[tokio::test]
async fn a_stop_between_plan_gate_and_resume_counts() {
    let project = project();
    write(&project, &file(&[("web", ""), ("db", "")], ""));
    compose(&project, &["create"]);
    let mut deployment = open(&project).await;
    let steps = prepared(&mut deployment, &[up(&["web", "db"])]).await.expect("a plan");
    let step = &steps[0];
    assert_eq!(deployment.may_go_on(step).await, Ok(()), "nothing has happened yet");
    // As an `up` that was stopped half-way leaves it.
    compose(&project, &["start", "web"]);
    assert_eq!(probe(&mut deployment, step).await, Probe::DidNotHappen);
    assert_eq!(deployment.may_go_on(step).await, Ok(()), "its own work");
    compose(&project, &["start", "db"]);
    compose(&project, &["stop", "--timeout", "0", "db"]);
    names(&deployment.may_go_on(step).await.expect_err("somebody stopped it"), &project, "db");
    names(&deployment.assess(step).await.expect_err("somebody stopped it"), &project, "db");
    assert_eq!(status(&project, "db"), "exited");
}

#[tokio::test]
async fn what_compose_was_replacing_when_it_was_lost_is_nobodys_wish() {
    let project = project();
    write(&project, &file(&[("web", "")], ""));
    compose(&project, &["up", "--detach"]);
    let old = project.container("web").expect("it runs");
    write(&project, &file(&[("web", "    environment: {A: b}\n")], ""));
    let mut deployment = open(&project).await;
    let steps = prepared(&mut deployment, &[up(&["web"])]).await.expect("a plan");
    // Compose makes the successor under a temporary name, stops the old one, and is lost.
    let temporary = format!("{}_{}", &old.id[..12], old.name);
    docker(
        &project,
        &[
            "create",
            "--name",
            &temporary,
            "--label",
            &format!("com.docker.compose.project={}", project.name()),
            "--label",
            "com.docker.compose.service=web",
            "--label",
            "com.docker.compose.oneoff=False",
            repair_test_support::WEB,
        ],
    );
    docker(&project, &["stop", "--time", "0", &old.id]);
    let error = deployment.may_go_on(&steps[0]).await.expect_err("it cannot be told what is whose");
    assert!(error.what.contains(&temporary) || error.what.contains(&old.name), "{error}");
    assert!(!error.what.contains("on purpose"), "{error}");
    // The leftover goes, and what it was to replace starts.
    let leftover = docker(&project, &["inspect", "--format", "{{.Id}}", &temporary]);
    let remove = Action::RemoveStaleContainer { container: temporary, id: leftover };
    let steps = prepared(&mut deployment, &[remove, up(&["web"])]).await.expect("nobody stopped it");
    for step in &steps {
        let assessed = deployment.assess(step).await.expect("nobody stopped it");
        assert_eq!(assessed, (step.risk, step.change.clone()));
        assert!(matches!(apply(&mut deployment, step).await, Outcome::Done { .. }));
    }
    assert_eq!(status(&project, "web"), "running");
}

#[test]
fn a_heal_leaves_it_alone_and_says_what_starts_it() {
    let project = project();
    let ports = format!("    ports: [\"{}:80\"]\n", project.port(0));
    write(&project, &file(&[("web", &ports), ("db", "")], ""));
    compose(&project, &["up", "--detach", "db"]);
    compose(&project, &["stop", "--timeout", "0", "db"]);
    let _held = HeldPort::by_another_process(project.engine(), project.port(0)).expect("the port was free");
    compose(&project, &["create", "web"]);
    let report = document(&project, 3, &[HEAL.as_slice(), &["--", "docker", "compose", "up", "-d", "web"]].concat());
    assert_eq!(report["steps"], serde_json::json!([]), "{report:#}");
    assert_eq!((status(&project, "db").as_str(), status(&project, "web").as_str()), ("exited", "created"));
    let told = next_steps(&report);
    assert!(told.contains("stopped on purpose"), "{told}");
    let command = format!("docker compose -p {} start db", project.name());
    assert!(told.contains(&command), "{told}");
    sound(&project);
}
