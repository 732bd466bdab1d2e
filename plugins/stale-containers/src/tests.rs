//! Every proposal and every decline, over a made-up deployment.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::{FailureClass, QueryKind};
use repair_tool_sdk::project::{Container, ContainerState, StaleContainer, Staleness};
use repair_tool_sdk::reply::Answer;
use repair_tool_sdk::testing::{FakeHost, attempt, container, container_ref, greatest_project, service, stale};
use repair_tool_sdk::tool::manifest;

use super::StaleContainers;

const NAME_CONFLICT: FailureClass = FailureClass::DockerContainerNameConflict;
const ORPHANS: FailureClass = FailureClass::DockerOrphansOrStaleNetwork;

/// `db` and `web` are wanted, and nothing of them is there.
fn host(class: FailureClass) -> FakeHost {
    FakeHost::new(class).service(service("db")).service(service("web").depending_on("db"))
}

fn holder() -> StaleContainer {
    stale("database", Staleness::HoldsWantedName).being(container("database").exited(0))
}

fn removal(service: &str) -> Action {
    Action::remove_stale_container(&container_ref("shop", service))
}

#[track_caller]
fn declines(host: &FakeHost, words: &[&str]) {
    host.assert_declines::<StaleContainers>(words);
}

#[test]
fn a_leftover_that_holds_a_wanted_name_goes_and_what_is_down_starts() {
    let transcript = host(NAME_CONFLICT).stale(holder()).converse::<StaleContainers>();
    assert_eq!(transcript.rounds.len(), 1, "all questions cost one round");
    let Answer::Propose(proposal) = transcript.reply.expect("a reply").answer else { panic!("a proposal") };
    assert_eq!(proposal.actions, [removal("database"), Action::compose_up(["db", "web"])]);
    assert_eq!(proposal.confidence, 930);
    for word in ["`shop-database-1` of `database`", "has ended", "volumes stay"] {
        assert!(proposal.reason.contains(word), "`{word}` is missing: {}", proposal.reason);
    }
}

#[test]
fn only_what_rests_is_removed() {
    let in_state = |state| StaleContainer { container: Container { state, ..container("database") }, ..holder() };
    for state in [ContainerState::Created, ContainerState::Exited, ContainerState::Dead] {
        assert_eq!(host(NAME_CONFLICT).stale(in_state(state)).actions_of::<StaleContainers>()[0], removal("database"));
    }
    let strange = ContainerState::Unknown("thawing".to_owned());
    for state in
        [ContainerState::Running, ContainerState::Paused, ContainerState::Restarting, ContainerState::Removing, strange]
    {
        let busy = host(NAME_CONFLICT).stale(in_state(state));
        declines(
            &busy,
            &["`shop-database-1` of `database`", "Only a container at rest", "docker stop shop-database-1"],
        );
    }
}

#[test]
fn a_holder_that_runs_keeps_the_others_where_they_are() {
    let busy = stale("cache", Staleness::HoldsWantedName).being(container("cache").running());
    declines(&host(NAME_CONFLICT).stale(holder()).stale(busy), &["`shop-cache-1`", "and it runs"]);
}

#[test]
fn a_foreign_holder_is_named_with_its_project_and_never_removed() {
    let foreign = || holder().foreign("till");
    let because = host(NAME_CONFLICT).stale(foreign()).decline_of::<StaleContainers>();
    for word in ["`shop-database-1`", "project `till`", "left alone", "`container_name`", "COMPOSE_PROJECT_NAME"] {
        assert!(because.contains(word), "`{word}` is missing: {because}");
    }
    for word in ["docker rm", "docker stop", "docker kill"] {
        assert!(!because.contains(word), "somebody else's container is no business of this project: {because}");
    }
    // Own leftovers would not bring the project up either.
    let own = stale("cache", Staleness::HoldsWantedName).being(container("cache").exited(1));
    declines(&host(NAME_CONFLICT).stale(foreign()).stale(own), &["project `till`"]);
    let mut nobodys = foreign();
    nobodys.container.ref_.project = None;
    declines(&host(NAME_CONFLICT).stale(nobodys), &["no Compose project", "left alone"]);
}

#[test]
fn a_foreign_container_is_never_removed_whatever_its_kind() {
    for why in [Staleness::NoSuchService, Staleness::InterruptedReplacement] {
        let odd = stale("api", why).being(container("api").exited(0)).foreign("till");
        declines(&host(ORPHANS).stale(odd), &["is not removed"]);
    }
}

#[test]
fn what_an_interrupted_replacement_left_goes() {
    let left = stale("web", Staleness::InterruptedReplacement).being(container("web").exited(0));
    for class in [NAME_CONFLICT, ORPHANS] {
        let actions = host(class).stale(left.clone()).actions_of::<StaleContainers>();
        assert_eq!(actions, [removal("web"), Action::compose_up(["db", "web"])]);
    }
    let running = StaleContainer { container: container("web").running(), ..left };
    declines(&host(ORPHANS).stale(running), &["`shop-web-1`", "may be in use"]);
}

#[test]
fn an_orphan_goes_only_where_the_failure_is_about_orphans() {
    let orphan = stale("api", Staleness::NoSuchService).being(container("api").exited(0));
    let actions = host(ORPHANS).stale(orphan.clone()).actions_of::<StaleContainers>();
    assert_eq!(actions, [removal("api"), Action::compose_up(["db", "web"])]);
    declines(&host(NAME_CONFLICT).stale(orphan.clone()), &["`shop-api-1`", "--remove-orphans"]);
    declines(&host(ORPHANS).fact("network", "shop_default").stale(orphan), &["about a network"]);
}

#[test]
fn an_orphan_that_runs_stays_beside_one_that_goes() {
    let host = host(ORPHANS)
        .stale(stale("api", Staleness::NoSuchService).being(container("api").exited(0)))
        .stale(stale("worker", Staleness::NoSuchService).being(container("worker").running()));
    let reply = host.reply_of::<StaleContainers>();
    assert_eq!(reply.actions(), [removal("api"), Action::compose_up(["db", "web"])]);
    assert!(reply.notes[0].contains("`shop-worker-1`") && reply.notes[0].contains("stays"), "{:?}", reply.notes);
}

#[test]
fn a_text_that_names_another_container_removes_nothing() {
    for named in ["prod-db", "shop-web-1", "shop-database-1; docker rm --force prod-db", "/shop-database-1"] {
        let host = host(NAME_CONFLICT).fact("container", named).stale(holder());
        declines(&host, &["which is not in the way of this project"]);
    }
    for named in ["shop-database-1", "id-of-shop-database"] {
        let host = host(NAME_CONFLICT).fact("container", named).fact("service", "web").stale(holder());
        assert_eq!(host.actions_of::<StaleContainers>()[0], removal("database"));
    }
}

#[test]
fn a_text_that_names_a_real_container_which_is_not_stale_removes_nothing() {
    let host = host(NAME_CONFLICT).fact("container", "shop-db-1").container(container("db").running());
    declines(&host, &["`shop-db-1`, which is not in the way"]);
    declines(&self::host(NAME_CONFLICT), &["No container is in the way"]);
}

#[test]
fn leftovers_of_a_project_that_is_up_are_left_to_a_person() {
    let orphan = stale("api", Staleness::NoSuchService).being(container("api").exited(0));
    let up = host(ORPHANS).stale(orphan).container(container("db").running()).container(container("web").running());
    declines(&up, &["Every service of this project is up", "so `shop-api-1` stands in nobody's way"]);
}

#[test]
fn more_leftovers_than_one_plan_removes_are_left_to_a_person() {
    let many = |count: usize| {
        (0..count).fold(host(ORPHANS), |host, at| {
            let name = format!("job{at}");
            host.stale(stale(&name, Staleness::NoSuchService).being(container(&name).exited(0)))
        })
    };
    assert_eq!(many(8).actions_of::<StaleContainers>().len(), 9);
    declines(&many(9), &["9 containers", "more than the 8"]);
    assert_eq!(many(9).params(r#"{"removals_max": 9}"#).actions_of::<StaleContainers>().len(), 10);
}

#[test]
fn a_list_that_was_cut_may_hide_another_holder() {
    for kind in [QueryKind::StaleContainers, QueryKind::ComposeModel, QueryKind::Containers] {
        declines(&host(NAME_CONFLICT).stale(holder()).cutting(kind), &["more containers than `repair` can look at"]);
    }
}

#[test]
fn a_refused_look_declines_with_its_reason() {
    for kind in [QueryKind::StaleContainers, QueryKind::ComposeModel, QueryKind::Containers] {
        let refusal = Refusal::Unavailable("the engine does not answer".to_owned());
        declines(&host(NAME_CONFLICT).stale(holder()).refusing(kind, refusal), &["the engine does not answer"]);
    }
}

#[test]
fn a_removal_that_failed_twice_is_not_tried_again() {
    let tried = |outcome: &str, ago| attempt("stale-containers", vec![removal("database")], outcome, ago);
    let once = host(NAME_CONFLICT).stale(holder()).attempt(tried("failed: device busy", 5));
    assert_eq!(once.actions_of::<StaleContainers>()[0], removal("database"));
    let twice = (0..31).fold(once.clone(), |host, _| host.attempt(tried("failed: device busy", 60)));
    declines(&twice, &["twice (failed: device busy)", "docker inspect shop-database-1"]);
    let old = once.attempt(tried("failed: device busy", 3600));
    assert_eq!(old.actions_of::<StaleContainers>()[0], removal("database"));
    let others = attempt("stale-containers", vec![removal("api")], "failed: device busy", 5);
    let others = host(NAME_CONFLICT).stale(holder()).attempt(others.clone()).attempt(others);
    assert_eq!(others.actions_of::<StaleContainers>()[0], removal("database"));
}

#[test]
fn parameters_are_bounded_by_their_schema_and_unknown_ones_are_an_error() {
    let schema = manifest::<StaleContainers>().params_schema;
    assert!(schema.contains(r#""maximum":15"#) && schema.contains(r#""additionalProperties":false"#), "{schema}");
    let reply = host(NAME_CONFLICT).params(r#"{"force": true}"#).converse::<StaleContainers>().reply;
    assert_eq!(reply.expect_err("no such parameter").code, "params");
}

#[test]
fn a_project_of_the_greatest_size_is_decided() {
    let mut host = FakeHost::new(NAME_CONFLICT).services(greatest_project()).stale(holder());
    for service in greatest_project() {
        host = host.container(container(&service.name));
    }
    let names = greatest_project().into_iter().map(|service| service.name);
    assert_eq!(host.actions_of::<StaleContainers>(), [removal("database"), Action::compose_up(names)]);
}
