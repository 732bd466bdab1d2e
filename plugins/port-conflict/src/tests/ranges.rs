//! Ranges move whole.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::ports::{Published, PublishedPort};
use repair_tool_sdk::testing::{publish_range, service};

use super::{PortConflict, by_process, plan, proposal, web};

#[test]
fn one_held_port_moves_the_whole_range_to_as_many_in_a_row() {
    let host = by_process(web(publish_range(5000, 5002, 6000)), 5001);
    assert_eq!(plan(&host), ["web 5000-5002>5003-5005", "up web"]);
    let Action::RemapPort(one) = &proposal(&host).actions[0] else { panic!("a move") };
    assert_eq!(one.target, 6000);
}

#[test]
fn a_gap_that_is_too_small_is_passed_over() {
    let host = by_process(by_process(web(publish_range(5000, 5002, 6000)), 5000), 5005);
    assert_eq!(plan(&host)[0], "web 5000-5002>5006-5008");
}

#[test]
fn a_range_wider_than_one_answer_is_still_found() {
    let host = by_process(web(publish_range(10000, 10100, 10000)), 10050).fact("port", "10050");
    assert_eq!(plan(&host)[0], "web 10000-10100>10101-10201");
}

#[test]
fn two_ranges_and_a_single_port_do_not_meet() {
    let host = web(publish_range(5000, 5002, 6000))
        .service(service("other").publishing(publish_range(5003, 5005, 6000)))
        .service(service("single").publishing(repair_tool_sdk::testing::publish(5006, 80)));
    let host = by_process(by_process(by_process(host, 5000), 5004), 5006);
    assert_eq!(
        plan(&host),
        ["other 5003-5005>5007-5009", "single 5006>5010", "web 5000-5002>5011-5013", "up other single web"]
    );
}

#[test]
fn without_as_many_in_a_row_it_declines() {
    let mut host = by_process(web(publish_range(60000, 60003, 6000)), 60000);
    for port in (60004..=65535).step_by(3) {
        host = by_process(host, port);
    }
    let because = host.decline_of::<PortConflict>();
    assert!(
        because.contains("no 4 ports in a row") && because.contains("[[tools.port-conflict.bundles]]"),
        "{because}"
    );
}

#[test]
fn at_the_end_of_all_ports_it_declines() {
    let host = by_process(web(repair_tool_sdk::testing::publish(65535, 80)), 65535);
    assert!(host.decline_of::<PortConflict>().contains("no port could be found"));
}

#[test]
fn a_range_wider_than_can_be_looked_at_declines() {
    let host = by_process(web(publish_range(20000, 20300, 20000)), 20000);
    assert!(host.decline_of::<PortConflict>().contains("no 301 ports in a row"));
}

#[test]
fn a_range_of_which_the_engine_takes_any_clashes_only_when_all_are_held() {
    let any = PublishedPort { target_last: 80, ..publish_range(8000, 8001, 80) };
    let one = by_process(web(any), 8000);
    assert!(one.decline_of::<PortConflict>().contains("Nobody holds"));
    let both = by_process(one, 8001);
    assert_eq!(plan(&both), ["web 8000-8001>8002-8003", "up web"]);
    let Action::RemapPort(moved) = &proposal(&both).actions[0] else { panic!("a move") };
    assert_eq!(moved.after, Published::Range((8002, 8003)));
}

#[test]
fn the_first_service_of_the_model_keeps_a_port_that_several_claim() {
    let host = web(publish_range(5003, 5006, 6000))
        .service(service("a").publishing(publish_range(5005, 5010, 6000)))
        .service(service("b").publishing(publish_range(5000, 5020, 6000)))
        .service(service("c").publishing(publish_range(5011, 5012, 6000)));
    let reason = proposal(&host).reason;
    let claims = [
        "port 5005/tcp of `b` claimed by `a`",
        "port 5011/tcp of `c` claimed by `b`",
        "port 5005/tcp of `web` claimed by `a`",
    ];
    for claim in claims {
        assert!(reason.contains(claim), "`{claim}` is missing: {reason}");
    }
}
