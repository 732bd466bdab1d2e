//! Steps that were stopped half-way, on a real engine, below the workflow: whether they may go on, what is swept away behind
//! them, how a person can look, and a restart that outlives whoever asked for it.

mod opened;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod scenario;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod tool_scenario;

use std::time::{Duration, Instant};

use opened::{apply, open, prepared, probe};
use repair_model::action::{Action, PortMove};
use repair_model::compose::{Protocol, Published};
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::Change;
use repair_pipeline::outside::{Deployment as _, Standing};
use repair_test_support::{Finished, Project};
use tool_scenario::{compose, docker, file, project, write};

fn up(services: &[&str]) -> Action {
    Action::ComposeUp { services: services.iter().map(|service| (*service).to_owned()).collect() }
}

fn id(project: &Project<'_>, service: &str) -> String {
    project.container(service).expect("it is there").id
}

#[tokio::test]
async fn an_up_goes_on_after_its_own_work_and_replaces_nothing_twice() {
    let project = project();
    let services = |more: &str| file(&[("one", more), ("two", more), ("other", "")], "");
    write(&project, &services(""));
    compose(&project, &["up", "--detach"]);
    let before = ["one", "two", "other"].map(|service| id(&project, service));
    write(&project, &services("    environment: {A: b}\n"));
    let mut deployment = open(&project).await;
    let steps = prepared(&mut deployment, &[up(&["one", "two"])]).await.expect("a plan");
    let step = &steps[0];
    assert_eq!(probe(&mut deployment, step).await, Probe::DidNotHappen, "all run, and none is replaced yet");

    compose(&project, &["up", "--detach", "--no-deps", "one"]);
    let one = id(&project, "one");
    assert_eq!(probe(&mut deployment, step).await, Probe::DidNotHappen);
    assert_eq!(deployment.may_go_on(step).await, Ok(()));
    assert!(matches!(apply(&mut deployment, step).await, Outcome::Done { .. }));
    assert_eq!(id(&project, "one"), one, "it is not replaced twice");
    assert_ne!(id(&project, "two"), before[1]);
    assert_eq!(id(&project, "other"), before[2]);
    assert_eq!(probe(&mut deployment, step).await, Probe::Happened);
    assert_eq!(deployment.may_go_on(step).await, Ok(()), "nothing is left, and all of it is its own work");
}

#[tokio::test]
async fn an_up_does_not_go_on_over_somebody_elses_work() {
    let project = project();
    let services = |image: &str| file(&[("one", image), ("two", "")], "");
    write(&project, &services(""));
    compose(&project, &["create"]);
    let mut deployment = open(&project).await;
    let steps = prepared(&mut deployment, &[up(&["one"])]).await.expect("a plan");
    let step = &steps[0];
    assert_eq!(deployment.may_go_on(step).await, Ok(()));

    // Somebody starts it from another file than the one that was approved, and puts the file back.
    write(&project, &services("    environment: {A: b}\n"));
    let error = deployment.may_go_on(step).await.expect_err("the file is another one");
    assert!(error.what.contains("compose.yaml"), "{error}");
    compose(&project, &["up", "--detach", "one"]);
    write(&project, &services(""));
    let error = deployment.may_go_on(step).await.expect_err("the container is another one");
    assert!(error.what.contains(&format!("{}-one-1", project.name())), "{error}");
}

#[tokio::test]
async fn a_restart_that_outlives_its_process_is_waited_for() {
    let project = project();
    // It takes no notice of SIGTERM, so the engine gives it all of its grace.
    let deaf =
        "    stop_signal: SIGTERM\n    command: [\"/bin/sh\", \"-c\", \"trap '' TERM; while :; do sleep 1; done\"]\n";
    write(&project, &file(&[("web", deaf)], ""));
    compose(&project, &["up", "--detach"]);
    let mut deployment = open(&project).await;
    let action = Action::RestartService { service: "web".to_owned() };
    let steps = prepared(&mut deployment, &[action]).await.expect("a plan");
    let container = id(&project, "web");
    let mut asked = project.engine().docker();
    asked.args(["restart", "--time", "4", &container]);
    let asking = std::thread::spawn(move || Finished::run(&mut asked).and_then(Finished::success));
    tokio::time::sleep(Duration::from_millis(700)).await;
    let begun = Instant::now();
    assert_eq!(probe(&mut deployment, &steps[0]).await, Probe::Happened);
    assert!(begun.elapsed() > Duration::from_secs(1), "the engine was at it: {:?}", begun.elapsed());
    asking.join().expect("no panic").expect("the engine restarts it");
}

#[tokio::test]
async fn what_a_killed_process_left_is_swept_and_what_it_wrote_is_told() {
    let project = project();
    let (before, after) = (project.port(0), project.port(1));
    let ports = format!("    ports: [\"{before}:80\"]\n");
    write(&project, &file(&[("web", &ports)], ""));
    let mut deployment = open(&project).await;
    let port_move = PortMove {
        service: "web".to_owned(),
        target: 80,
        protocol: Protocol::Tcp,
        host_ip: None,
        before: Published::Fixed(before),
        after: Published::Fixed(after),
    };
    let steps = prepared(&mut deployment, &[Action::RemapPort(port_move)]).await.expect("a plan");
    let step = &steps[0];
    let Change::Edit(edit) = &step.change else { panic!("no edit: {step:?}") };
    let edits = [edit.clone()];

    // As a kill between the write and the rename leaves it; another name is somebody else's.
    let left = format!(".{}.repair-0123456789abcdef.unfinished", edit.file);
    let stranger = format!(".{}.swp", edit.file);
    project.write(&left, "half").and_then(|()| project.write(&stranger, "theirs")).expect("written");
    let swept = deployment.sweep(step).await;
    assert!(swept.len() == 1 && swept[0].contains(&left), "{swept:?}");
    assert!(!project.dir().join(&left).exists() && project.dir().join(&stranger).exists());
    assert_eq!(deployment.sweep(step).await, Vec::<String>::new());

    let dirt = deployment.dirt(&edits).await;
    assert_eq!((dirt.files.len(), dirt.files[0].standing, dirt.modified), (1, Standing::AsBefore, None));
    assert!(matches!(apply(&mut deployment, step).await, Outcome::Done { .. }));
    assert_eq!(deployment.dirt(&edits).await.files[0].standing, Standing::AsWritten);
    project.write(&edit.file, &(project.read(&edit.file).expect("a file") + "# mine\n")).expect("written");
    assert_eq!(deployment.dirt(&edits).await.files[0].standing, Standing::Foreign);
}

#[tokio::test]
async fn the_commands_to_look_with_work_as_they_are_printed() {
    let project = project();
    write(&project, &file(&[("web", "")], ""));
    compose(&project, &["up", "--detach"]);
    let mut deployment = open(&project).await;
    let actions = [Action::RestartService { service: "web".to_owned() }, up(&["web"])];
    let steps = prepared(&mut deployment, &actions).await.expect("a plan");
    let mut looked = 0;
    for command in steps.iter().flat_map(|step| deployment.ways_to_look(step)) {
        let mut shell = project.command("/bin/sh");
        let finished = Finished::run(shell.args(["-c", &command])).and_then(Finished::success).expect("it works");
        assert!(finished.stdout.contains("web"), "{command}: {finished}");
        looked += 1;
    }
    assert!(looked >= 3, "{looked}");
    assert_eq!(docker(&project, &["inspect", "--format", "{{.RestartCount}}", &id(&project, "web")]), "0");
}

#[tokio::test]
async fn a_projection_is_put_where_the_project_asks_for_it() {
    let project = project();
    write(&project, &file(&[("web", "")], ""));
    let mut deployment = open(&project).await;
    let session = "20260131-235959-0a1b2c3d".parse().expect("an id");
    for projection in ["{\"status\":\"in-progress\"}", "{}"] {
        deployment.publish(&session, projection.as_bytes()).expect("written");
        let place = ".azure/deployments/20260131-235959-0a1b2c3d/tracking/phase-state.json";
        assert_eq!(project.read(place).expect("it is there"), projection);
    }
    let other = "20260131-235959-ffffffff".parse().expect("an id");
    let link = project.dir().join(".azure/deployments/20260131-235959-ffffffff");
    std::os::unix::fs::symlink("/tmp", link).expect("linked");
    let error = deployment.publish(&other, b"{}").expect_err("it leads out");
    assert!(error.what.contains("symbolic link") && !error.hints.is_empty(), "{error}");
}
