//! Every decline, every wait and every proposal, over a made-up deployment.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::{FailureClass, QueryKind};
use repair_tool_sdk::project::Health;
use repair_tool_sdk::reply::{Answer, Reply};
use repair_tool_sdk::testing::{FakeHost, attempt, container, greatest_project, service};
use repair_tool_sdk::tool::manifest;

use super::ComposeRetry;

/// `web` is down, `db` runs.
fn host(class: FailureClass) -> FakeHost {
    FakeHost::new(class)
        .service(service("db"))
        .service(service("web").depending_on("db"))
        .container(container("db").running())
}

fn tried(outcome: &str, seconds_ago: u32) -> repair_tool_sdk::case::Attempt {
    attempt("compose-retry", vec![Action::compose_up(["web"])], outcome, seconds_ago)
}

#[test]
fn a_network_timeout_starts_only_what_is_down() {
    let transcript = host(FailureClass::DockerDnsOrNetworkTimeout).converse::<ComposeRetry>();
    assert_eq!(transcript.rounds.len(), 1, "model and containers cost one round");
    let Ok(Reply { answer: Answer::Propose(proposal), .. }) = transcript.reply else { panic!("a proposal") };
    assert_eq!(proposal.actions, [Action::compose_up(["web"])]);
    assert_eq!(proposal.confidence, 800);
    assert!(proposal.reason.contains("try 1 of 3"));
}

#[test]
fn a_completed_one_shot_and_an_unwanted_service_stay_as_they_are() {
    let host = host(FailureClass::DockerRegistryThrottled)
        .service(service("migrate").one_shot())
        .container(container("migrate").exited(0))
        .service(service("spare").scaled(0));
    assert_eq!(host.actions_of::<ComposeRetry>(), [Action::compose_up(["web"])]);
}

#[test]
fn nothing_to_start_declines() {
    let host = host(FailureClass::DockerDnsOrNetworkTimeout).container(container("web").running());
    assert!(host.decline_of::<ComposeRetry>().contains("Every service of this project is up"));
}

#[test]
fn a_try_waits_twice_as_long_as_the_one_before() {
    let once = host(FailureClass::DockerRegistryThrottled).attempt(tried("failed: a", 0));
    assert_eq!(once.reply_of::<ComposeRetry>(), Reply::wait_seconds(2));
    let twice =
        host(FailureClass::DockerRegistryThrottled).attempt(tried("failed: b", 1)).attempt(tried("failed: a", 9));
    assert_eq!(twice.reply_of::<ComposeRetry>(), Reply::wait_seconds(3));
    let over =
        host(FailureClass::DockerRegistryThrottled).attempt(tried("failed: b", 4)).attempt(tried("failed: a", 9));
    assert_eq!(over.actions_of::<ComposeRetry>(), [Action::compose_up(["web"])]);
}

#[test]
fn a_wait_has_an_end_and_is_made_once() {
    let params = r#"{"max_tries": 5, "backoff_seconds": 60}"#;
    let thrice = host(FailureClass::DockerRegistryThrottled)
        .attempt(tried("failed: c", 5))
        .attempt(tried("failed: b", 90))
        .attempt(tried("failed: a", 120))
        .params(params);
    assert_eq!(thrice.reply_of::<ComposeRetry>(), Reply::wait_seconds(55));
    // The host made the wait shorter, and going on to wait would never come to an end.
    for waited in [1, 55] {
        assert_eq!(thrice.clone().waited(waited).actions_of::<ComposeRetry>(), [Action::compose_up(["web"])]);
    }
}

#[test]
fn what_a_registry_says_of_waiting_is_kept() {
    let told = |said| host(FailureClass::DockerRegistryThrottled).fact("retry-after-seconds", said);
    assert_eq!(told("17").reply_of::<ComposeRetry>(), Reply::wait_seconds(17));
    assert_eq!(told("17").waited(17).actions_of::<ComposeRetry>(), [Action::compose_up(["web"])]);
    for waited in [0, 60] {
        let because = told("900").waited(waited).decline_of::<ComposeRetry>();
        assert!(because.contains("after 900 s") && because.contains("docker login"), "{because}");
    }
}

#[test]
fn the_same_outcome_twice_declines() {
    let host = host(FailureClass::DockerRegistryThrottled)
        .attempt(tried("failed: toomanyrequests", 60))
        .attempt(tried("failed: toomanyrequests", 90));
    let because = host.decline_of::<ComposeRetry>();
    assert!(because.contains("a third would too") && because.contains("docker login"), "{because}");
}

#[test]
fn a_pull_of_another_tool_is_a_try_because_an_up_would_pull_again() {
    let pulled =
        |seconds_ago| attempt("image-pull", vec![Action::pull_image(["web"])], "failed: toomanyrequests", seconds_ago);
    let host = host(FailureClass::DockerRegistryThrottled).attempt(pulled(60)).attempt(pulled(90));
    assert!(host.decline_of::<ComposeRetry>().contains("a third would too"));
    let others = attempt("image-pull", vec![Action::compose_up(["web"])], "failed: toomanyrequests", 1);
    let host = self::host(FailureClass::DockerRegistryThrottled).attempt(others);
    assert_eq!(host.actions_of::<ComposeRetry>(), [Action::compose_up(["web"])]);
}

#[test]
fn tries_run_out() {
    let host = host(FailureClass::DockerDnsOrNetworkTimeout)
        .attempt(tried("failed: c", 60))
        .attempt(tried("failed: b", 90))
        .attempt(tried("failed: a", 120));
    assert!(host.decline_of::<ComposeRetry>().contains("3 tries within an hour"));
    let once = self::host(FailureClass::DockerDnsOrNetworkTimeout).attempt(tried("failed: a", 60));
    let once = once.params(r#"{"max_tries": 1}"#).decline_of::<ComposeRetry>();
    assert!(once.contains("1 try within an hour did not help, and no more than 1 is made"), "{once}");
    let patient = host.params(r#"{"max_tries": 4}"#);
    assert_eq!(patient.actions_of::<ComposeRetry>(), [Action::compose_up(["web"])]);
}

#[test]
fn old_tries_and_those_before_a_heal_do_not_count() {
    let host = host(FailureClass::DockerDnsOrNetworkTimeout)
        .attempt(tried("failed: a", 100))
        .attempt(tried("healed", 200))
        .attempt(tried("failed: a", 300))
        .attempt(tried("failed: a", 400));
    assert_eq!(host.actions_of::<ComposeRetry>(), [Action::compose_up(["web"])]);
    let old = self::host(FailureClass::DockerDnsOrNetworkTimeout)
        .attempt(tried("failed: a", 3600))
        .attempt(tried("failed: a", 3700));
    assert_eq!(old.actions_of::<ComposeRetry>(), [Action::compose_up(["web"])]);
}

#[test]
fn what_a_person_abandoned_does_not_count() {
    let pulled = attempt("image-pull", vec![Action::pull_image(["web"])], "abandoned: as you wished to stop", 1);
    let host = host(FailureClass::DockerRegistryThrottled)
        .attempt(pulled)
        .attempt(tried("abandoned: as you wished to stop", 1))
        .attempt(tried("abandoned: as you wished to stop", 2));
    let proposal = host.proposal_of::<ComposeRetry>();
    assert_eq!(proposal.actions, [Action::compose_up(["web"])]);
    assert!(proposal.reason.contains("try 1 of 3"), "{}", proposal.reason);
}

#[test]
fn a_dependency_that_still_starts_is_listed_so_that_compose_waits_for_it() {
    let host = FakeHost::new(FailureClass::DockerUnhealthyDependency)
        .service(service("db").checked())
        .service(service("web").depending_on("db"))
        .container(container("db").running().with_health(Health::Starting))
        .container(container("web"))
        .service(service("cache").checked())
        .container(container("cache").running().with_health(Health::Starting));
    assert_eq!(host.actions_of::<ComposeRetry>(), [Action::compose_up(["db", "web"])]);
}

#[test]
fn a_dependency_that_became_healthy_lets_the_others_start() {
    let host = FakeHost::new(FailureClass::DockerUnhealthyDependency)
        .service(service("db").checked())
        .service(service("web").depending_on("db"))
        .container(container("db").running().with_health(Health::Healthy))
        .container(container("web"));
    assert_eq!(host.actions_of::<ComposeRetry>(), [Action::compose_up(["web"])]);
}

#[test]
fn a_dependency_that_failed_is_left_to_a_person() {
    for failed in [
        container("db").running().with_health(Health::Unhealthy),
        container("db").exited(1),
        container("db").restarting(4),
    ] {
        let host = FakeHost::new(FailureClass::DockerUnhealthyDependency)
            .service(service("db").checked())
            .service(service("web").depending_on("db"))
            .container(failed);
        let because = host.decline_of::<ComposeRetry>();
        assert!(because.contains("`db` has failed") && because.contains("docker compose logs"), "{because}");
    }
}

#[test]
fn a_refused_look_declines_with_its_reason() {
    let host = host(FailureClass::DockerDnsOrNetworkTimeout)
        .refusing(QueryKind::Containers, Refusal::Unavailable("the engine does not answer".to_owned()));
    assert!(host.decline_of::<ComposeRetry>().contains("the engine does not answer"));
}

#[test]
fn parameters_are_bounded_by_their_schema_and_unknown_ones_are_an_error() {
    let schema = manifest::<ComposeRetry>().params_schema;
    assert!(schema.contains(r#""maximum":60"#) && schema.contains(r#""additionalProperties":false"#), "{schema}");
    let reply =
        host(FailureClass::DockerDnsOrNetworkTimeout).params(r#"{"tries": 4}"#).converse::<ComposeRetry>().reply;
    assert_eq!(reply.expect_err("no such parameter").code, "params");
}

#[test]
fn a_project_of_the_greatest_size_is_decided() {
    let host = FakeHost::new(FailureClass::DockerUnhealthyDependency).services(greatest_project());
    let services = greatest_project();
    let starting = ["cache", "db", "queue"]
        .iter()
        .fold(host, |host, name| host.container(container(name).running().with_health(Health::Starting)));
    let host = services[3..].iter().fold(starting, |host, service| host.container(container(&service.name)));
    let names = services.iter().map(|service| service.name.clone());
    assert_eq!(host.actions_of::<ComposeRetry>(), [Action::compose_up(names)]);
}
