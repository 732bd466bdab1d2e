//! A stopped server that a deployment needs: started after a yes, waited for within a bound, and never started for nothing.

use std::thread;
use std::time::Duration;

use repair_fake_azure::{Grant, ServerState, shop};

use crate::azure_scenario::{FILES, GROUP, Shop, says};

#[test]
fn a_stopped_server_is_started_after_a_yes_and_the_deployment_repeated() {
    let shop = Shop::stopped_server();
    let report = shop.healed_by_command(0);
    assert_eq!(report["result"], "healed", "{report:#}");
    shop.is_well();
    assert_eq!(shop.changes("/start"), 1, "{}", shop.ledger());
}

#[test]
fn a_server_that_nobody_needs_stays_stopped() {
    let shop = Shop::new(|world| world.set_server_state(shop::SERVER, ServerState::Stopped).expect("a server"));
    let report = shop.document(0, &GROUP);
    assert_eq!(report["result"], "healthy", "{report:#}");
    shop.document(0, &[&["--self-heal=preview", "--yes"][..], &GROUP].concat());
    shop.nothing_began();
}

#[test]
fn a_server_on_its_way_is_waited_for_and_not_started() {
    for state in [ServerState::Starting, ServerState::Updating] {
        let shop = Shop::broken(|world| world.set_server_state(shop::SERVER, state).expect("a server"));
        let digest = shop.approved();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(600));
                shop.azure.world(|world| world.set_server_state(shop::SERVER, ServerState::Ready).expect("a server"));
            });
            let report = shop.applied(0, &digest);
            assert_eq!(report["result"], "healed", "{state:?}: {report:#}");
        });
        shop.is_well();
        assert_eq!(shop.changes("/start"), 0, "{}", shop.ledger());
    }
}

#[test]
fn a_server_that_is_being_stopped_is_waited_for_and_started_with_a_plan_of_its_own() {
    let shop = Shop::broken(|world| world.set_server_state(shop::SERVER, ServerState::Stopping).expect("a server"));
    let digest = shop.planned();
    shop.document(0, &["approve", &digest]);
    let next = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(600));
            shop.azure.world(|world| world.set_server_state(shop::SERVER, ServerState::Stopped).expect("a server"));
        });
        shop.applied(4, &digest)
    });
    let digest = next["plan"]["digest"].as_str().expect("another plan");
    says(&next.to_string(), &["start the MySQL server"]);
    shop.document(0, &["approve", digest]);
    shop.applied(0, digest);
    shop.is_well();
}

#[test]
fn one_start_that_azure_fails_is_tried_once_more() {
    let shop = Shop::stopped_server();
    shop.azure.world(|world| world.server_mut(shop::SERVER).expect("a server").start_failures = 1);
    shop.healed_by_command(0);
    shop.is_well();
    assert_eq!(shop.changes("/start"), 2, "each start has an intent of its own: {}", shop.ledger());
}

#[test]
fn a_server_that_does_not_start_is_left_to_a_person() {
    let shop = Shop::stopped_server();
    shop.azure.world(|world| world.server_mut(shop::SERVER).expect("a server").start_failures = 9);
    let report = shop.healed_by_command(3);
    says(&report.to_string(), &["InternalServerError"]);
    assert_eq!(shop.changes("/start"), 2, "{}", shop.ledger());
    shop.sound();
}

#[test]
fn a_server_that_is_disabled_is_shown_and_left_alone() {
    let shop = Shop::broken(|world| world.set_server_state(shop::SERVER, ServerState::Disabled).expect("a server"));
    let report = shop.document(3, &GROUP);
    says(&report["verdict"].to_string(), &["mysql mysql-shop-7f3a", "Disabled"]);
    let report = shop.document(3, &[&["plan"][..], &GROUP, &FILES].concat());
    assert!(report["plan"].is_null(), "{report:#}");
    shop.untouched();
}

#[test]
fn without_the_right_to_start_that_right_is_named() {
    let shop = Shop::stopped_server();
    shop.azure.world(|world| {
        let start = "Microsoft.DBforMySQL/flexibleServers/start/action";
        let scope = format!("/subscriptions/{}", shop::SUBSCRIPTION);
        world.identities[0].grants = vec![Grant::new(&scope, &["*"], &[start])];
    });
    let report = shop.healed_by_command(3);
    says(&report.to_string(), &["Microsoft.DBforMySQL/flexibleServers/start/action", "az role assignment"]);
    assert_eq!(shop.accepted(), Vec::new());
    shop.sound();
}

#[test]
fn a_server_that_somebody_starts_after_the_yes_voids_it() {
    let shop = Shop::stopped_server();
    let digest = shop.approved();
    shop.azure.world(|world| world.set_server_state(shop::SERVER, ServerState::Ready).expect("a server"));
    let report = shop.applied(4, &digest);
    assert_eq!(shop.changes("/start"), 0, "{}", shop.ledger());
    says(&report["plan"].to_string(), &["deploy `shop`"]);
    let digest = report["plan"]["digest"].as_str().expect("another plan");
    shop.document(0, &["approve", digest]);
    shop.applied(0, digest);
    shop.is_well();
}
