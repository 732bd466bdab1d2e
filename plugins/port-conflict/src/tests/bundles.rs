//! Ports that move together.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::ports::{PortKey, Published, ValueSource};
use repair_tool_sdk::testing::{FakeHost, attempt, container, process, publish, service};

use super::{PortConflict, by_process, four_services, plan, proposal};

const TWO: &str = r#"{"bundles": [
    {"from": [8080, 3002, 4000], "to": [8085, 3004, 4004]},
    {"from": [8080, 3002, 4000], "to": [8090, 3010, 4010]}
]}"#;

fn with_bundles(host: FakeHost) -> FakeHost {
    host.params(TWO)
}

#[test]
fn one_clash_moves_the_whole_bundle_position_by_position() {
    let host = with_bundles(by_process(four_services(), 3002));
    assert_eq!(
        plan(&host),
        ["config-ui 4000>4004", "devlake 8080>8085", "grafana 3002>3004", "up config-ui devlake grafana mysql"]
    );
    let reason = proposal(&host).reason;
    assert!(reason.contains("only because of the bundle in repair.toml: `config-ui` and `devlake`."), "{reason}");
}

#[test]
fn what_clashes_outside_of_the_bundle_takes_the_nearest_free_port() {
    let host = with_bundles(by_process(by_process(four_services(), 8080), 3306));
    assert_eq!(
        plan(&host),
        [
            "config-ui 4000>4004",
            "devlake 8080>8085",
            "grafana 3002>3004",
            "mysql 3306>3307",
            "up config-ui devlake grafana mysql"
        ]
    );
}

#[test]
fn a_bundle_with_a_held_port_gives_way_to_the_next_and_then_to_the_nearest() {
    let second = with_bundles(by_process(by_process(four_services(), 8080), 4004));
    assert_eq!(plan(&second)[..3], ["config-ui 4000>4010", "devlake 8080>8090", "grafana 3002>3010"]);
    let nearest = by_process(second, 3010);
    assert_eq!(plan(&nearest), ["devlake 8080>8081", "up config-ui devlake grafana mysql"]);
}

#[test]
fn a_bundle_whose_target_a_service_claims_gives_way() {
    let host = four_services().service(service("spare").scaled(0).publishing(publish(3004, 80)));
    let host = with_bundles(by_process(host, 8080));
    assert_eq!(plan(&host)[..3], ["config-ui 4000>4010", "devlake 8080>8090", "grafana 3002>3010"]);
}

#[test]
fn a_bundle_that_the_project_does_not_publish_as_a_whole_is_not_used() {
    let host = by_process(four_services(), 8080).params(r#"{"bundles": [{"from": [8080, 9999], "to": [8085, 9995]}]}"#);
    assert_eq!(plan(&host)[0], "devlake 8080>8081");
}

#[test]
fn a_bundle_that_no_clash_asks_for_stays_where_it_is() {
    let host = with_bundles(by_process(four_services(), 3306));
    assert_eq!(plan(&host), ["mysql 3306>3307", "up config-ui devlake grafana mysql"]);
}

#[test]
fn a_running_service_of_the_bundle_is_replaced_and_that_is_said() {
    let host = with_bundles(by_process(four_services(), 8080))
        .container(container("grafana").running())
        .container(container("mysql").running());
    assert_eq!(
        plan(&host),
        ["config-ui 4000>4004", "devlake 8080>8085", "grafana 3002>3004", "up config-ui devlake grafana"]
    );
    assert!(proposal(&host).reason.contains("Replaced although running: `grafana`."));
}

#[test]
fn a_person_can_forbid_that_a_running_service_is_replaced() {
    let host = by_process(four_services(), 8080)
        .container(container("grafana").running())
        .params(r#"{"recreate_running": false, "bundles": [{"from": [8080, 3002], "to": [8085, 3004]}]}"#);
    assert_eq!(plan(&host), ["devlake 8080>8081", "up config-ui devlake mysql"]);
}

#[test]
fn a_bundle_with_a_port_that_cannot_be_moved_is_not_used() {
    let exported = publish(3002, 3000).valued_by(ValueSource::Shell("GRAFANA_PORT".to_owned()));
    let host = super::host()
        .service(service("devlake").publishing(publish(8080, 8080)))
        .service(service("grafana").publishing(exported));
    let host = by_process(host, 8080).params(r#"{"bundles": [{"from": [8080, 3002], "to": [8085, 3004]}]}"#);
    assert_eq!(plan(&host), ["devlake 8080>8081", "up devlake grafana"]);
}

#[test]
fn tcp_and_udp_of_a_port_in_a_bundle_move_together() {
    let both = service("dns").publishing(publish(5300, 53)).publishing(publish(5300, 53).udp());
    let host = super::host()
        .service(both)
        .held(PortKey::udp(5300), process(7, "a"))
        .params(r#"{"bundles": [{"from": [5300], "to": [5400]}]}"#);
    assert_eq!(plan(&host), ["dns 5300>5400", "dns 5300>5400", "up dns"]);
}

#[test]
fn two_bundles_that_lead_to_one_port_do_not_meet() {
    let host = by_process(by_process(four_services(), 8080), 4000)
        .params(r#"{"bundles": [{"from": [8080], "to": [9000]}, {"from": [4000], "to": [9000]}]}"#);
    assert_eq!(plan(&host)[..2], ["config-ui 4000>4001", "devlake 8080>9000"]);
}

#[test]
fn a_bundle_that_was_tried_in_vain_gives_way() {
    let moved = Action::remap_port("grafana", &publish(3002, 3000), Published::Fixed(3004));
    let host = with_bundles(by_process(four_services(), 8080));
    let host = host.attempt(attempt("port-conflict", vec![moved], "failed: held", 30));
    assert_eq!(plan(&host)[..3], ["config-ui 4000>4010", "devlake 8080>8090", "grafana 3002>3010"]);
}

#[test]
fn a_bundle_that_contradicts_itself_is_an_error_that_names_it() {
    for (bundle, what) in [
        (r#"{"from": [1, 2], "to": [3]}"#, "2 ports in `from` and 1 in `to`"),
        (r#"{"from": [], "to": []}"#, "0 ports"),
        (r#"{"from": [8080], "to": [8080]}"#, "port 8080 twice"),
        (r#"{"from": [8080, 8080], "to": [1, 2]}"#, "port 8080 twice"),
        (r#"{"from": [8080], "to": [0]}"#, "port 0"),
    ] {
        let host = four_services().params(&format!(r#"{{"bundles": [{bundle}]}}"#));
        let error = host.converse::<PortConflict>().reply.expect_err(what);
        assert!(error.message.contains("`bundles[0]`") && error.message.contains(what), "{error:?}");
    }
}
