//! Every decline and every proposal, over a made-up deployment.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::project::{Container, Health};
use repair_tool_sdk::reply::Answer;
use repair_tool_sdk::testing::{FakeHost, attempt, container, greatest_project, service};
use repair_tool_sdk::tool::manifest;

use super::CollectLogs;

fn host(class: FailureClass) -> FakeHost {
    FakeHost::new(class).service(service("web")).service(service("db"))
}

fn bundle(services: &[&str]) -> Vec<Action> {
    vec![Action::collect_logs(services.iter().copied(), 200)]
}

#[test]
fn only_services_that_fail_are_collected() {
    let oom = Container { oom_killed: true, ..container("web").exited(137) };
    for failing in [
        container("web").restarting(7),
        container("web").exited(3),
        container("web").running().with_health(Health::Unhealthy),
        container("web").failed("exec format error"),
        oom,
    ] {
        let host = host(FailureClass::DockerContainerCrashLoop).container(container("db").running()).container(failing);
        assert_eq!(host.actions_of::<CollectLogs>(), bundle(&["web"]));
    }
}

#[test]
fn when_each_looks_well_all_that_exist_are_collected() {
    let host = host(FailureClass::Unknown)
        .service(service("spare").scaled(0))
        .container(container("web").running())
        .container(container("db").running());
    let Answer::Propose(proposal) = host.reply_of::<CollectLogs>().answer else { panic!("a proposal") };
    assert_eq!(proposal.actions, bundle(&["db", "web"]));
    assert!(proposal.reason.contains("all of them"));
}

#[test]
fn the_number_of_lines_is_a_parameter() {
    let host = host(FailureClass::Unknown).container(container("web").exited(1)).params(r#"{"lines_max": 20}"#);
    assert_eq!(host.actions_of::<CollectLogs>(), [Action::collect_logs(["web"], 20)]);
    assert!(manifest::<CollectLogs>().params_schema.contains(r#""maximum":500"#));
}

#[test]
fn without_containers_there_are_no_logs() {
    assert!(host(FailureClass::Unknown).decline_of::<CollectLogs>().contains("no containers yet"));
}

#[test]
fn a_dependency_that_still_starts_is_not_collected() {
    let host = host(FailureClass::DockerUnhealthyDependency)
        .container(container("db").running().with_health(Health::Starting));
    assert!(host.decline_of::<CollectLogs>().contains("still starting"));
}

#[test]
fn one_that_runs_between_two_crashes_is_collected() {
    let crashing = Container { restarts: 3, ..container("db").running().with_health(Health::Starting) };
    let host = host(FailureClass::DockerUnhealthyDependency).container(crashing);
    assert_eq!(host.actions_of::<CollectLogs>(), bundle(&["db"]));
}

#[test]
fn a_dependency_that_failed_is_collected() {
    let host = host(FailureClass::DockerUnhealthyDependency)
        .container(container("db").running().with_health(Health::Unhealthy))
        .container(container("web"));
    assert_eq!(host.actions_of::<CollectLogs>(), bundle(&["db"]));
}

#[test]
fn the_same_bundle_is_not_written_twice() {
    let host = host(FailureClass::DockerContainerCrashLoop).container(container("web").restarting(7));
    let done = attempt("collect-logs", bundle(&["web"]), "not-verified: `web` restarts", 5);
    assert!(host.clone().attempt(done).decline_of::<CollectLogs>().contains("this service was written 5 s ago"));
    let old = attempt("collect-logs", bundle(&["web"]), "not-verified: `web` restarts", 4000);
    assert_eq!(host.clone().attempt(old).actions_of::<CollectLogs>(), bundle(&["web"]));
    let other = attempt("collect-logs", bundle(&["db"]), "not-verified: `db` restarts", 5);
    assert_eq!(host.attempt(other).actions_of::<CollectLogs>(), bundle(&["web"]));
}

#[test]
fn a_bundle_that_a_person_abandoned_was_not_written() {
    let host = host(FailureClass::DockerContainerCrashLoop).container(container("web").restarting(7));
    let abandoned = || attempt("collect-logs", bundle(&["web"]), "abandoned: as you wished to stop", 5);
    assert_eq!(host.attempt(abandoned()).attempt(abandoned()).actions_of::<CollectLogs>(), bundle(&["web"]));
}

#[test]
fn a_bundle_that_could_not_be_written_is_tried_once_more() {
    let host = host(FailureClass::DockerContainerCrashLoop).container(container("web").restarting(7));
    let failed = || attempt("collect-logs", bundle(&["web"]), "failed: no space left on device", 5);
    let once = host.attempt(failed());
    assert_eq!(once.actions_of::<CollectLogs>(), bundle(&["web"]));
    let twice = once.attempt(failed());
    assert!(twice.decline_of::<CollectLogs>().contains("no space left on device"));
}

#[test]
fn a_project_of_the_greatest_size_is_decided() {
    let services = greatest_project();
    let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
    let all = |state: fn(Container) -> Container| {
        names.iter().fold(FakeHost::new(FailureClass::Unknown).services(greatest_project()), |host, name| {
            host.container(state(container(name)))
        })
    };
    assert_eq!(all(Container::running).actions_of::<CollectLogs>(), bundle(&names));
    assert_eq!(all(|one| one.exited(1)).actions_of::<CollectLogs>(), bundle(&names));
}
