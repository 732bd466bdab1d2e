//! What counts as a clash, and where it goes when no bundle says so.

use repair_tool_sdk::action::{Action, PortMove};
use repair_tool_sdk::case::{Query, Refusal};
use repair_tool_sdk::kinds::QueryKind;
use repair_tool_sdk::ports::{PortKey, Protocol, Published, ValueSource};
use repair_tool_sdk::testing::{
    attempt, container, container_ref, greatest_project, other_container, process, publish, service,
};

use super::{PortConflict, by_process, four_services, host, plan, proposal, web};

#[test]
fn a_process_holds_the_port_and_the_next_free_one_is_taken() {
    let host = by_process(by_process(web(publish(8080, 80)), 8080), 8081).fact("port", "8080");
    let proposal = proposal(&host);
    let expected = PortMove {
        service: "web".to_owned(),
        target: 80,
        protocol: Protocol::Tcp,
        host_ip: None,
        before: Published::Fixed(8080),
        after: Published::Fixed(8082),
    };
    assert_eq!(proposal.actions, [Action::RemapPort(expected), Action::compose_up(["web"])]);
    assert_eq!(proposal.confidence, 950);
    assert_eq!(
        proposal.reason,
        "Held: port 8080/tcp of `web` by the process `nginx` (812). It moves to a free port: `web` from 8080 to 8082."
    );
}

#[test]
fn the_questions_fit_into_three_rounds() {
    let host = by_process(web(publish(8080, 80)), 8080);
    let rounds = host.converse::<PortConflict>().rounds;
    assert_eq!(rounds[0], [Query::ComposeModel, Query::Containers]);
    assert_eq!(rounds[1], [Query::PortOwner(PortKey::tcp(8080))]);
    assert_eq!(rounds[2], [Query::free_ports(PortKey::tcp(8080), 32)]);
    assert_eq!(rounds.len(), 3);
}

#[test]
fn one_two_and_all_four_ports_move_in_one_plan() {
    let one = by_process(four_services(), 8080);
    assert_eq!(plan(&one), ["devlake 8080>8081", "up config-ui devlake grafana mysql"]);
    let two = one.held(PortKey::tcp(4000), other_container("shop-two", "page"));
    assert_eq!(plan(&two), ["config-ui 4000>4001", "devlake 8080>8081", "up config-ui devlake grafana mysql"]);
    let four = by_process(by_process(two, 3002), 3306);
    assert_eq!(
        plan(&four),
        [
            "config-ui 4000>4001",
            "devlake 8080>8081",
            "grafana 3002>3003",
            "mysql 3306>3307",
            "up config-ui devlake grafana mysql"
        ]
    );
}

#[test]
fn two_clashes_side_by_side_never_meet() {
    let host = host()
        .service(service("a").publishing(publish(8080, 80)))
        .service(service("b").publishing(publish(8081, 80)))
        .service(service("c").publishing(publish(8082, 80)));
    let host = by_process(by_process(by_process(host, 8080), 8081), 8082);
    assert_eq!(plan(&host), ["a 8080>8083", "b 8081>8084", "c 8082>8085", "up a b c"]);
}

#[test]
fn a_port_that_another_service_claims_is_passed_over_even_inside_a_range() {
    let range = repair_tool_sdk::testing::publish_range(8081, 8090, 1);
    let host = web(publish(8080, 80)).service(service("other").publishing(range));
    assert_eq!(plan(&by_process(host, 8080)), ["web 8080>8091", "up other web"]);
}

#[test]
fn what_runs_is_neither_asked_about_nor_started() {
    let host = by_process(four_services(), 8080)
        .container(container("mysql").running())
        .container(container("grafana").running())
        .container(container("devlake").failed("Bind for 0.0.0.0:8080 failed: port is already allocated"));
    assert_eq!(plan(&host), ["devlake 8080>8081", "up config-ui devlake"]);
    let asked = host.converse::<PortConflict>().rounds.concat();
    assert!(!asked.contains(&Query::PortOwner(PortKey::tcp(3306))));
}

#[test]
fn a_completed_one_shot_is_not_started_again_and_one_that_failed_is() {
    let host = by_process(web(publish(8080, 80)), 8080)
        .service(service("fail").one_shot())
        .container(container("fail").exited(2))
        .service(service("done").one_shot())
        .container(container("done").exited(0));
    assert_eq!(plan(&host), ["web 8080>8081", "up fail web"]);
}

#[test]
fn protocol_and_address_are_kept() {
    let host = web(publish(5353, 53).udp().on("127.0.0.1"))
        .held(PortKey::udp(5353).on("127.0.0.1"), process(7, "dns"))
        .held(PortKey::udp(5354), process(7, "dns"))
        .held(PortKey::tcp(5355), process(7, "dns"));
    let actions = proposal(&host).actions;
    let Action::RemapPort(one) = &actions[0] else { panic!("a move") };
    assert_eq!((one.protocol, one.host_ip.as_deref()), (Protocol::Udp, Some("127.0.0.1")));
    assert_eq!(one.after, Published::Fixed(5355), "a TCP port does not stand in the way of UDP");
}

#[test]
fn the_same_number_under_another_protocol_is_not_a_clash() {
    let host = web(publish(5353, 53)).service(service("udp").publishing(publish(5353, 53).udp()));
    let host = host.held(PortKey::udp(5353), process(7, "dns"));
    assert_eq!(plan(&host), ["udp 5353>5354", "up udp web"]);
}

#[test]
fn tcp_and_udp_of_one_port_keep_one_number() {
    let both = service("dns").publishing(publish(5300, 53)).publishing(publish(5300, 53).udp());
    let host = host()
        .service(both)
        .held(PortKey::tcp(5300), process(7, "a"))
        .held(PortKey::udp(5300), process(7, "a"))
        .held(PortKey::tcp(5301), process(7, "a"))
        .held(PortKey::udp(5302), process(7, "a"));
    assert_eq!(plan(&host), ["dns 5300>5303", "dns 5300>5303", "up dns"]);
}

#[test]
fn both_families_of_one_port_are_no_clash_and_keep_one_number() {
    let both = publish(8080, 80).on("0.0.0.0");
    let both = service("web").publishing(both.clone()).publishing(both.on("::"));
    let host = host().service(both).service(service("api").publishing(publish(9090, 80)));
    assert!(host.decline_of::<PortConflict>().contains("Nobody holds"));
    let other = by_process(host.clone(), 9090);
    assert_eq!(plan(&other), ["api 9090>9091", "up api web"]);
    let held = by_process(host, 8080);
    assert_eq!(plan(&held), ["web 8080>8081", "web 8080>8081", "up api web"]);
    // What somebody else holds on one family is passed over on both.
    let next = held.held(PortKey::tcp(8081).on("::"), process(7, "a"));
    assert_eq!(plan(&next), ["web 8080>8082", "web 8080>8082", "up api web"]);
}

#[test]
fn a_wildcard_of_one_family_clashes_with_an_address_of_it_in_another_service() {
    let web = |address: &str| web(publish(8080, 80).on(address));
    let api = |address: &str| service("api").publishing(publish(8080, 3000).on(address));
    assert_eq!(plan(&web("::").service(api("::1"))), ["web 8080>8081", "up api web"]);
    assert!(web("::").service(api("127.0.0.1")).decline_of::<PortConflict>().contains("Nobody holds"));
    assert!(web("0.0.0.0").service(api("::")).decline_of::<PortConflict>().contains("Nobody holds"));
}

#[test]
fn a_shared_variable_keeps_one_number_where_both_clash_and_moves_nothing_that_runs() {
    let port = || publish(5300, 53).valued_by(ValueSource::Dotenv("DNS_PORT".to_owned()));
    let host = host()
        .service(service("dns").publishing(port()))
        .service(service("dns-udp").publishing(port().udp()))
        .held(PortKey::tcp(5300), process(7, "a"))
        .held(PortKey::udp(5301), process(7, "a"));
    let both = host.clone().held(PortKey::udp(5300), process(7, "a"));
    assert_eq!(plan(&both), ["dns 5300>5302", "dns-udp 5300>5302", "up dns dns-udp"]);
    let one = host.container(container("dns-udp").running());
    assert_eq!(plan(&one), ["dns 5300>5301", "up dns"]);
}

#[test]
fn two_services_that_share_the_text_never_get_one_number() {
    let port = || publish(8080, 80).valued_by(ValueSource::Dotenv("PORT".to_owned())).shared_with("other");
    let host = host().service(service("a").publishing(port())).service(service("b").publishing(port()));
    assert_eq!(plan(&host), ["b 8080>8081", "up a b"]);
    assert_eq!(plan(&by_process(host, 8080)), ["a 8080>8081", "b 8080>8082", "up a b"]);
}

#[test]
fn a_port_below_1024_goes_where_no_privilege_is_needed() {
    let host = by_process(by_process(web(publish(80, 80)), 80), 8080);
    assert_eq!(plan(&host), ["web 80>8081", "up web"]);
}

#[test]
fn another_service_of_this_project_that_holds_the_port_is_explained() {
    let host = web(publish(8080, 80))
        .service(service("old").publishing(publish(8080, 80)))
        .container(container("old").running());
    assert_eq!(plan(&host), ["web 8080>8081", "up web"]);
    assert!(proposal(&host).reason.contains("the container `shop-old-1` of this project"));
}

#[test]
fn a_left_over_container_of_a_removed_service_is_a_holder_as_well() {
    let orphan = repair_tool_sdk::ports::PortOwner::ThisProject(container_ref("shop", "removed"));
    let host = web(publish(8080, 80)).held(PortKey::tcp(8080), orphan);
    assert_eq!(plan(&host), ["web 8080>8081", "up web"]);
}

#[test]
fn two_services_that_are_down_and_claim_one_port_are_told_apart() {
    let host = web(publish(8080, 80)).service(service("api").publishing(publish(8080, 3000).on("127.0.0.1")));
    assert_eq!(plan(&host), ["web 8080>8081", "up api web"]);
    let proposal = proposal(&host);
    assert!(proposal.reason.contains("claimed by `api` of this project as well"), "{}", proposal.reason);
    assert_eq!(proposal.confidence, 900);
}

#[test]
fn a_text_that_names_another_port_lowers_the_confidence_and_moves_nothing_else() {
    let host = by_process(web(publish(8080, 80)), 8080).service(service("db").publishing(publish(5432, 5432)));
    let proposal = proposal(&host.fact("port", "5432"));
    assert_eq!(proposal.confidence, 800);
    assert_eq!(proposal.actions.len(), 2);
}

#[test]
fn on_a_remote_engine_its_own_error_counts_when_the_text_names_the_same_port() {
    let error = "Bind for 0.0.0.0:8080 failed: port is already allocated";
    let host =
        host().remote().service(service("web").publishing(publish(8080, 80))).container(container("web").failed(error));
    let named = host.clone().fact("port", "8080");
    assert_eq!(plan(&named), ["web 8080>8081", "up web"]);
    assert_eq!(proposal(&named).confidence, 700);
    assert!(proposal(&named).reason.contains("as the engine says"));
    let unnamed = host.decline_of::<PortConflict>();
    assert!(unnamed.contains("cannot be seen from here"), "{unnamed}");
}

#[test]
fn a_refused_look_at_the_holder_tells_as_little_as_a_remote_engine() {
    let host = web(publish(8080, 80))
        .fact("port", "8080")
        .refusing(QueryKind::PortOwner, Refusal::Unavailable("no rights to list processes".to_owned()));
    assert!(host.decline_of::<PortConflict>().contains("cannot be seen from here"));
}

#[test]
fn a_move_that_was_tried_in_vain_is_not_repeated() {
    let moved = |to| Action::remap_port("web", &publish(8080, 80), Published::Fixed(to));
    let host = by_process(web(publish(8080, 80)), 8080);
    let once = host.clone().attempt(attempt("port-conflict", vec![moved(8081)], "failed: held", 9));
    assert_eq!(plan(&once), ["web 8080>8082", "up web"]);
    let healed = host.attempt(attempt("port-conflict", vec![], "healed", 5)).attempt(attempt(
        "port-conflict",
        vec![moved(8081)],
        "failed: held",
        9,
    ));
    assert_eq!(plan(&healed), ["web 8080>8081", "up web"], "what failed before a heal is another incident");
    let abandoned = attempt("port-conflict", vec![moved(8082)], "abandoned: as you wished to stop", 9);
    assert_eq!(
        plan(&once.clone().attempt(abandoned)),
        ["web 8080>8082", "up web"],
        "nobody knows whether it is in vain"
    );
    let thrice = once.attempt(attempt("port-conflict", vec![moved(8082)], "failed: held", 19)).attempt(attempt(
        "port-conflict",
        vec![moved(8083)],
        "not-verified: `web` exited",
        29,
    ));
    assert!(thrice.decline_of::<PortConflict>().contains("moved 3 times without success"));
}

#[test]
fn many_ports_are_looked_up_within_the_limits_and_the_hinted_one_first() {
    let mut many = service("many");
    for port in 0..200 {
        many = many.publishing(publish(20000 + port, 1000 + port));
    }
    let host = by_process(host().service(many), 20150).fact("port", "20150");
    assert_eq!(plan(&host), ["many 20150>20200", "up many"]);
    assert_eq!(host.reply_of::<PortConflict>().notes, ["136 ports were not looked up, because there are too many"]);
}

#[test]
fn what_the_engine_picks_never_clashes() {
    let port = publish(8080, 80);
    let picked = repair_tool_sdk::ports::PublishedPort { published: Published::EnginePicks, ..port };
    let host = by_process(web(picked).service(service("b").publishing(publish(9000, 80))), 9000);
    assert_eq!(plan(&host), ["b 9000>9001", "up b web"]);
}

#[test]
fn a_project_of_the_greatest_size_is_decided() {
    let mut all = host();
    for (port, service) in (20000..).zip(greatest_project()) {
        let name = service.name.clone();
        all = all.service(service.publishing(publish(port, 80))).container(container(&name));
    }
    let held = by_process(all.clone(), 20503).fact("port", "20503");
    let moved = Action::remap_port("service-500", &publish(20503, 80), Published::Fixed(21000));
    assert_eq!(proposal(&held).actions[0], moved);
    assert!(all.decline_of::<PortConflict>().contains("Nobody holds"));
}

#[test]
fn a_service_with_thousands_of_entries_is_decided() {
    let entries = || (0..2000).map(|at| publish(20000 + at, 1000 + at));
    let many = |name: &str| entries().fold(service(name), |service, entry| service.publishing(entry));
    let one = host().service(many("many"));
    let held = by_process(one.clone(), 21500).fact("port", "21500");
    assert_eq!(plan(&held), ["many 21500>22000", "up many"]);
    assert!(one.decline_of::<PortConflict>().contains("Nobody holds"));
    let other = service("other").publishing(publish(21999, 80)).publishing(publish(21000, 81));
    assert_eq!(plan(&one.service(other)), ["other 21999>22000", "other 21000>22001", "up many other"]);
}
