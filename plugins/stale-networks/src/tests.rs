//! Every proposal and every decline, over a made-up deployment.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::{FailureClass, QueryKind};
use repair_tool_sdk::network::Network;
use repair_tool_sdk::reply::Answer;
use repair_tool_sdk::testing::{FakeHost, attempt, container, container_ref, greatest_project, network, service};
use repair_tool_sdk::tool::manifest;

use super::StaleNetworks;

const STALE: FailureClass = FailureClass::DockerOrphansOrStaleNetwork;

/// `web` is wanted, and nothing of it is there.
fn host() -> FakeHost {
    FakeHost::new(STALE).service(service("web"))
}

/// A network that was made as `front` and whose name is wanted as `back`.
fn renamed() -> Network {
    Network { wanted_as: Some("back".to_owned()), ..network("front") }
}

fn plan(networks: &[Network]) -> Vec<Action> {
    networks.iter().map(Action::remove_stale_network).chain([Action::compose_up(["web"])]).collect()
}

#[track_caller]
fn declines(host: &FakeHost, words: &[&str]) {
    host.assert_declines::<StaleNetworks>(words);
}

#[test]
fn a_network_whose_name_is_wanted_under_another_key_goes() {
    for host in [host(), host().fact("network", "shop_front"), host().fact("network", "id-of-shop_front")] {
        let transcript = host.network(renamed()).converse::<StaleNetworks>();
        assert_eq!(transcript.rounds.len(), 1, "all questions cost one round");
        let Answer::Propose(proposal) = transcript.reply.expect("a reply").answer else { panic!("a proposal") };
        assert_eq!(proposal.actions, plan(&[renamed()]));
        assert_eq!(proposal.confidence, 930);
        for word in ["`shop_front` was made as the network `front`", "wants the name as `back`", "Nothing is attached"]
        {
            assert!(proposal.reason.contains(word), "`{word}` is missing: {}", proposal.reason);
        }
    }
}

#[test]
fn an_orphaned_network_goes_and_a_wanted_one_stays() {
    let host = host().network(network("old").orphaned()).network(network("default"));
    let Answer::Propose(proposal) = host.reply_of::<StaleNetworks>().answer else { panic!("a proposal") };
    assert_eq!(proposal.actions, plan(&[network("old")]));
    assert_eq!(proposal.confidence, 700);
}

#[test]
fn a_failure_that_names_a_network_is_about_that_one() {
    let host = host().fact("network", "shop_front").network(renamed()).network(network("old").orphaned());
    assert_eq!(host.actions_of::<StaleNetworks>(), plan(&[renamed()]));
}

#[test]
fn a_network_with_containers_stays_and_they_are_named() {
    let host =
        host().container(container("web").exited(0)).network(renamed().attached_to(container_ref("shop", "web")));
    declines(&host, &["`shop_front`", "attached: `shop-web-1`", "docker compose down", "volumes stay"]);
    // Removing another one would not bring the project up.
    declines(&host.network(network("old").orphaned()), &["attached: `shop-web-1`"]);
    let orphan = network("old").orphaned().attached_to(container_ref("till", "pay"));
    declines(&self::host().network(orphan.clone()), &["in use", "`till-pay-1`"]);
    let both = self::host().network(orphan).network(network("older").orphaned());
    assert_eq!(both.actions_of::<StaleNetworks>(), plan(&[network("older")]));
}

#[test]
fn a_foreign_network_is_named_with_its_project_and_never_removed() {
    let foreign = renamed().owned_by(Some("till")).attached_to(container_ref("till", "pay"));
    let host = host().container(container("web")).fact("network", "shop_front").network(foreign);
    let because = host.decline_of::<StaleNetworks>();
    for word in ["project `till`", "`till-pay-1`", "left alone", "`external: true`", "name: shop_front"] {
        assert!(because.contains(word), "`{word}` is missing: {because}");
    }
    assert!(!because.contains("docker network rm"), "somebody else's network: {because}");
    let nobodys = self::host().fact("network", "shop_front").network(renamed().owned_by(None));
    declines(&nobodys, &["was not made by Compose", "left alone"]);
}

#[test]
fn a_foreign_network_that_no_failure_names_may_be_an_external_one_and_stays() {
    let external = Network { wanted_as: Some("proxy".to_owned()), ..network("edge") }.owned_by(None);
    declines(&host().network(external.clone()), &["No unused network"]);
    let others = Network { wanted_as: Some("proxy".to_owned()), ..network("edge") }.owned_by(Some("till"));
    let host = host().network(external).network(others).network(network("old").orphaned());
    assert_eq!(host.actions_of::<StaleNetworks>(), plan(&[network("old")]));
}

#[test]
fn whose_a_network_is_shows_in_containers_or_in_another_network() {
    let foreign = renamed().owned_by(Some("till"));
    declines(&host().container(container("web")).network(foreign.clone()), &["No unused network"]);
    let by_network = host().network(foreign.clone()).network(network("old").orphaned());
    assert_eq!(by_network.actions_of::<StaleNetworks>(), plan(&[network("old")]));
    // The project has no container, so one that is attached is another's, and so is a network of the same project.
    let pay = foreign.clone().attached_to(container_ref("till", "pay"));
    declines(&host().fact("network", "shop_front").network(pay), &["project `till`", "left alone"]);
    // Where nothing tells, the host is asked, and refuses what is not the project's.
    assert_eq!(host().network(foreign.clone()).actions_of::<StaleNetworks>(), plan(&[foreign]));
}

#[test]
fn a_text_that_names_a_network_that_is_not_there_removes_nothing() {
    for named in ["prod_default", "shop", "id-of-shop", "shop_front; docker network prune", "8c41d09e66b1ac72f2a9"] {
        let host = host().fact("network", named).network(renamed()).network(network("old").orphaned());
        declines(&host, &["none of that name", "--force-recreate"]);
    }
}

#[test]
fn a_network_that_is_wanted_stays_whatever_the_text_says() {
    let host = host().fact("network", "shop_default").network(network("default")).network(network("old").orphaned());
    declines(&host, &["`shop_default` is one that this project wants", "docker compose down"]);
    declines(&self::host(), &["No unused network"]);
}

#[test]
fn exhausted_pools_are_explained_and_nothing_is_guessed() {
    let host = FakeHost::new(FailureClass::DockerNetworkOverlap).service(service("web"));
    let shown = host
        .clone()
        .network(network("old").orphaned())
        .network(Network { subnets: vec!["10.7.0.0/24".to_owned()], ..network("default") });
    declines(
        &shown,
        &[
            "2 networks concern this project: `shop_default` (10.7.0.0/24, nothing attached), `shop_old` (172.28.0.0/16",
            "not guessed at",
            "docker network ls",
            "docker network prune",
            "`subnet`",
            "`default-address-pools`",
        ],
    );
    declines(&host.clone().network(network("default")), &["One network concerns this project"]);
    declines(&host.clone(), &["no network yet"]);
    let many = (0..20).fold(host, |host, at| host.network(network(&format!("n{at}"))));
    declines(&many.cutting(QueryKind::Networks), &["20 networks", "and more."]);
}

#[test]
fn more_leftovers_than_one_plan_removes_are_left_to_a_person() {
    let many = (0..5).fold(host(), |host, at| host.network(network(&format!("n{at}")).orphaned()));
    declines(&many, &["5 networks", "more than the 4"]);
    assert_eq!(many.params(r#"{"removals_max": 5}"#).actions_of::<StaleNetworks>().len(), 6);
}

#[test]
fn leftovers_of_a_project_that_is_up_are_left_to_a_person() {
    let host = host().container(container("web").running()).network(network("old").orphaned());
    declines(&host, &["Every service of this project is up", "so `shop_old` stands in nobody's way"]);
    declines(&host.network(network("older").orphaned()), &["so `shop_old`, `shop_older` stand in nobody's way"]);
}

#[test]
fn a_list_that_was_cut_may_hide_who_uses_a_network() {
    for kind in [QueryKind::Networks, QueryKind::ComposeModel, QueryKind::Containers] {
        declines(&host().network(renamed()).cutting(kind), &["more networks or containers"]);
    }
}

#[test]
fn a_refused_look_declines_with_its_reason() {
    for kind in [QueryKind::Networks, QueryKind::ComposeModel, QueryKind::Containers] {
        let refusal = Refusal::Unavailable("the engine does not answer".to_owned());
        declines(&host().network(renamed()).refusing(kind, refusal), &["the engine does not answer"]);
    }
}

#[test]
fn a_removal_that_failed_twice_is_not_tried_again() {
    let tried = |ago| {
        let removal = vec![Action::remove_stale_network(&renamed())];
        attempt("stale-networks", removal, "failed: has active endpoints", ago)
    };
    let once = host().network(renamed()).attempt(tried(5));
    assert_eq!(once.actions_of::<StaleNetworks>(), plan(&[renamed()]));
    let full = (0..31).fold(once.clone(), |host, _| host.attempt(tried(60)));
    declines(&full, &["has active endpoints", "docker network inspect shop_front"]);
    assert_eq!(once.attempt(tried(3600)).actions_of::<StaleNetworks>(), plan(&[renamed()]));
}

#[test]
fn parameters_are_bounded_by_their_schema_and_unknown_ones_are_an_error() {
    let schema = manifest::<StaleNetworks>().params_schema;
    assert!(schema.contains(r#""maximum":15"#) && schema.contains(r#""additionalProperties":false"#), "{schema}");
    let reply = host().params(r#"{"prune": true}"#).converse::<StaleNetworks>().reply;
    assert_eq!(reply.expect_err("no such parameter").code, "params");
}

#[test]
fn a_project_of_the_greatest_size_is_decided() {
    let mut host = FakeHost::new(STALE).services(greatest_project());
    let mut used = [network("back"), network("default"), network("front")];
    for service in greatest_project() {
        host = host.container(container(&service.name).exited(1));
        used = used.map(|network| network.attached_to(container_ref("shop", &service.name)));
    }
    let host = used.into_iter().fold(host, FakeHost::network);
    declines(&host, &["No unused network of this project is in its way"]);
    let names = greatest_project().into_iter().map(|service| service.name);
    let plan = [Action::remove_stale_network(&network("old")), Action::compose_up(names)];
    assert_eq!(host.network(network("old").orphaned()).actions_of::<StaleNetworks>(), plan);
}
