//! Every decline and every proposal, over a made-up deployment.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::testing::{FakeHost, attempt, container, service};

use super::OomLogs;

fn killed() -> FakeHost {
    let mut web = container("web").exited(137);
    web.oom_killed = true;
    FakeHost::new(FailureClass::DockerOomKilled)
        .service(service("db"))
        .service(service("web"))
        .container(container("db").running())
        .container(web)
}

#[test]
fn only_services_that_were_killed_are_collected() {
    killed().assert_proposes::<OomLogs>(&[Action::collect_logs(["web"], 200)], &["`web`", "Nothing is changed"]);
}

#[test]
fn one_that_ended_by_itself_is_not_collected() {
    FakeHost::new(FailureClass::DockerOomKilled)
        .service(service("web"))
        .container(container("web").exited(1))
        .assert_declines::<OomLogs>(&["docker stats"]);
}

#[test]
fn the_same_bundle_is_not_asked_for_twice() {
    let done = attempt("oom-logs", vec![Action::collect_logs(["web"], 200)], "not-verified: `web` is down", 5);
    killed().attempt(done).assert_declines::<OomLogs>(&["`web`", "repair show"]);
}

#[test]
fn a_bundle_that_could_not_be_written_is_tried_once_more() {
    let bundle = Action::collect_logs(["web"], 200);
    let failed = || attempt("oom-logs", vec![bundle.clone()], "failed: no space left on device", 5);
    let once = killed().attempt(failed());
    once.assert_proposes::<OomLogs>(&[bundle.clone()], &["`web`"]);
    once.attempt(failed()).assert_declines::<OomLogs>(&["`web`", "no space left on device"]);
}

#[test]
fn the_number_of_lines_is_a_parameter() {
    let host = killed().params(r#"{"lines_max": 20}"#);
    assert_eq!(host.actions_of::<OomLogs>(), [Action::collect_logs(["web"], 20)]);
}
