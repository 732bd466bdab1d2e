//! Azure's ways to answer late, oddly or not at all: the same heal under each of them, waits that a person ends, and waits
//! that a bound ends.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use expectrl::ControlCode;
use repair_fake_azure::{
    Durations, Fault, FaultKind, LedgerEntry, LinkTo, PollHeaders, Progress, Quirks, ServerState, Throttling, shop,
};

use crate::azure_scenario::{FILES, GROUP, Shop, says, text};

/// Shops that are healed side by side.
const WORKERS: usize = 4;

/// One quirk, by its name.
type Quirk = (&'static str, fn(&mut Quirks));

/// 429 with this code and this `Retry-After`.
const fn throttled(code: Throttling, retry_after_seconds: Option<u32>) -> FaultKind {
    FaultKind::Throttle { code, retry_after_seconds }
}

const QUIRKS: &[Quirk] = &[
    ("poll headers: Location alone", |quirks| quirks.poll_headers = PollHeaders::OnlyLocation),
    ("poll headers: Azure-AsyncOperation alone", |quirks| quirks.poll_headers = PollHeaders::OnlyAsyncOperation),
    ("poll headers: both", |quirks| quirks.poll_headers = PollHeaders::Both),
    ("Retry-After of a second", |quirks| quirks.retry_after_seconds = Some(1)),
    ("Retry-After of nothing", |quirks| quirks.retry_after_seconds = Some(0)),
    ("relative addresses", |quirks| {
        quirks.poll_link = LinkTo::Relative;
        quirks.next_link = LinkTo::Relative;
        quirks.page_items = 2;
    }),
    ("changed case", |quirks| quirks.changed_case = true),
    ("one item on a page", |quirks| quirks.page_items = 1),
    ("an empty first page", |quirks| quirks.empty_first_page = true),
    ("statusMessage as a string", |quirks| quirks.status_message_as_string = true),
    ("errors packed thrice", |quirks| quirks.error_nesting = 3),
    ("errors not packed", |quirks| quirks.error_nesting = 0),
    ("bodies in chunks", |quirks| quirks.chunked = true),
    ("tokens for six requests", |quirks| quirks.token_requests_max = Some(6)),
    ("tokens that end in a moment", |quirks| quirks.token_seconds = 1),
    ("a vault's state asked in a 429", |quirks| {
        quirks.fault(Fault::on("GET", "/vaults/kv-shop", throttled(Throttling::Resource, Some(1))).after(2).times(2));
    }),
    ("looks that are asked too often", |quirks| {
        quirks.fault(Fault::on("GET", "Resources/deployments", throttled(Throttling::Subscription, Some(1))).times(2));
        quirks.fault(Fault::on("GET", "deletedVaults", throttled(Throttling::Resource, None)).times(3));
        quirks.fault(Fault::on("POST", "whatIf", throttled(Throttling::Subscription, None)).times(2));
    }),
    ("looks that are held by another operation", |quirks| {
        let lock = throttled(Throttling::AnotherOperation, Some(1));
        quirks.fault(Fault::on("GET", "flexibleServers", lock).after(1).times(2));
    }),
    ("looks that Azure itself fails", |quirks| {
        quirks.fault(Fault::on("GET", "Resources/deployments", FaultKind::Unavailable).after(2).times(2));
        quirks.fault(Fault::on("GET", "/operations", FaultKind::ServerError).times(2));
    }),
    ("a poll that is asked too often", |quirks| {
        let burst = throttled(Throttling::Subscription, None);
        quirks.fault(Fault::on("GET", "operationStatuses", burst).times(3));
        quirks.fault(Fault::on("GET", "azureAsyncOperation", burst).times(3));
    }),
    ("a poll that is held by another operation", |quirks| {
        let lock = throttled(Throttling::AnotherOperation, Some(1));
        quirks.fault(Fault::on("GET", "operationStatuses", lock).times(1));
    }),
    ("a poll that fails once", |quirks| {
        quirks.fault(Fault::on("GET", "operationStatuses", FaultKind::ServerError));
        quirks.fault(Fault::on("GET", "azureAsyncOperation", FaultKind::Unavailable));
    }),
    ("a poll whose answer is cut", |quirks| {
        quirks.fault(Fault::on("GET", "operationStatuses", FaultKind::CutAnswer));
        quirks.fault(Fault::on("GET", "azureAsyncOperation", FaultKind::NoAnswer));
    }),
    ("a recovery whose answer is cut", |quirks| {
        quirks.fault(Fault::on("PUT", "/vaults/kv-shop", FaultKind::CutAnswer));
    }),
    ("a recovery without an answer", |quirks| {
        quirks.fault(Fault::on("PUT", "/vaults/kv-shop", FaultKind::NoAnswer));
    }),
    ("a recovery that Azure calls an error of its own", |quirks| {
        quirks.fault(Fault::on("PUT", "/vaults/kv-shop", FaultKind::ServerErrorAfterwards));
    }),
    ("a start whose answer is cut", |quirks| quirks.fault(Fault::on("POST", "/start", FaultKind::CutAnswer))),
    ("a start without an answer", |quirks| quirks.fault(Fault::on("POST", "/start", FaultKind::NoAnswer))),
    ("a start that Azure calls an error of its own", |quirks| {
        quirks.fault(Fault::on("POST", "/start", FaultKind::ServerErrorAfterwards));
    }),
    ("a deployment whose answer is cut", |quirks| {
        quirks.fault(Fault::on("PUT", "/deployments/shop-", FaultKind::CutAnswer).times(2));
    }),
    ("a deployment without an answer", |quirks| {
        quirks.fault(Fault::on("PUT", "/deployments/shop-", FaultKind::NoAnswer).times(2));
    }),
    ("a deployment that Azure calls an error of its own", |quirks| {
        quirks.fault(Fault::on("PUT", "/deployments/shop-", FaultKind::ServerErrorAfterwards).times(2));
    }),
    ("a start that is refused as asked too often", |quirks| {
        quirks.fault(Fault::on("POST", "/start", throttled(Throttling::Resource, Some(1))));
    }),
    ("a start that is refused by a lock of another operation", |quirks| {
        quirks.fault(Fault::on("POST", "/start", throttled(Throttling::AnotherOperation, None)));
    }),
    ("a start that fails", |quirks| quirks.fault(Fault::on("POST", "/start", FaultKind::ServerError))),
];

#[test]
fn the_same_heal_comes_to_the_same_end_under_each_quirk() {
    let jobs = Mutex::new(QUIRKS.iter());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().expect("no panic").next();
                    let Some((name, quirk)) = job else { break };
                    if std::panic::catch_unwind(|| heals_under(*quirk)).is_err() {
                        failures.lock().expect("no panic").push(*name);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic");
    assert!(failures.is_empty(), "not healed under: {failures:#?}");
}

fn heals_under(quirk: fn(&mut Quirks)) {
    let shop = Shop::deleted_and_stopped();
    shop.azure.quirks(quirk);
    shop.healed_by_command(0);
    shop.is_well();
    assert_eq!((shop.recoveries(), shop.changes("/purge")), (1, 0), "{}", shop.ledger());
}

/// Under this quirk from the start of the server until the start is asked for; after it Azure is as usual.
fn starts_under(quirk: fn(&mut Quirks)) {
    let shop = Shop::stopped_server();
    let digest = shop.approved();
    shop.azure.quirks(quirk);
    thread::scope(|scope| {
        scope.spawn(|| {
            let is_start = |entry: &LedgerEntry| entry.path.ends_with("/start");
            shop.azure.wait_for(Duration::from_secs(20), is_start).expect("it starts");
            shop.azure.quirks(|quirks| {
                quirks.poll_headers = PollHeaders::Real;
                quirks.poll_link = LinkTo::Absolute;
            });
        });
        assert_eq!(shop.applied(0, &digest)["result"], "healed");
    });
    assert_eq!(shop.changes("/start"), 1, "{}", shop.ledger());
    shop.is_well();
}

#[test]
fn without_an_address_to_poll_the_server_itself_is_looked_at() {
    starts_under(|quirks| quirks.poll_headers = PollHeaders::Neither);
}

#[test]
fn an_address_on_another_host_gets_no_token_and_the_server_itself_is_looked_at() {
    starts_under(|quirks| quirks.poll_link = LinkTo::Stranger);
}

#[test]
fn without_a_preview_that_can_be_had_nothing_is_deployed() {
    for quirk in [
        |quirks: &mut Quirks| quirks.poll_headers = PollHeaders::Neither,
        |quirks: &mut Quirks| {
            quirks.poll_link = LinkTo::Stranger;
        },
    ] {
        let shop = Shop::deleted_vault();
        shop.azure.quirks(quirk);
        let report = shop.document(3, &[&["plan"][..], &GROUP, &FILES].concat());
        says(&report.to_string(), &["Azure cannot say what deploying would do"]);
        shop.untouched();
    }
}

#[test]
fn a_purge_whose_answer_is_lost_is_never_asked_for_again() {
    for kind in [FaultKind::CutAnswer, FaultKind::NoAnswer, FaultKind::ServerErrorAfterwards] {
        let shop = Shop::deleted_vault();
        shop.write("repair.toml", crate::vaults::PREFERS_PURGE);
        shop.azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/purge", kind)));
        let digest = shop.planned();
        shop.approved_by_name(&digest);
        let report = shop.applied(0, &digest);
        assert_eq!(report["result"], "healed", "{report:#}");
        assert_eq!(shop.changes("/purge"), 1, "{}", shop.ledger());
        shop.is_well();
    }
}

#[test]
fn a_purge_of_which_nobody_knows_waits_for_a_person_who_looks() {
    let shop = Shop::deleted_vault();
    shop.write("repair.toml", crate::vaults::PREFERS_PURGE);
    // Nobody can tell this from a purge that was taken: an error of Azure's own, and nothing done.
    shop.azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/purge", FaultKind::ServerError)));
    let digest = shop.planned();
    shop.approved_by_name(&digest);
    let report = shop.applied(3, &digest);
    assert_eq!(report["result"], "blocked", "{report:#}");
    says(&report.to_string(), &["if it carries that out", "az keyvault show-deleted"]);
    let session = text(&report, "/session");
    let resumed = shop.repair(&["resume", session]);
    assert_eq!(resumed.code, Some(3), "{resumed}");
    assert_eq!(shop.changes("/purge"), 0, "{}", shop.ledger());
    let asked = shop.azure.ledger().iter().filter(|entry| entry.path.ends_with("/purge")).count();
    assert_eq!(asked, 1, "it is not asked for again by itself: {}", shop.ledger());
    let said = shop.repair(&["resume", session, "--did-not-happen"]);
    assert!(matches!(said.code, Some(0 | 3 | 4)), "{said}");
    shop.sound();
}

/// A session that waits at a terminal for a server that starts for an hour.
fn waiting_for_a_start() -> (Shop, String) {
    let shop = Shop::stopped_server();
    let digest = shop.approved();
    shop.azure.world(|world| world.durations = Durations::HOURS);
    (shop, digest)
}

#[test]
fn a_wait_that_a_person_ends_is_gone_on_with_at_the_address_in_the_log() {
    let (shop, digest) = waiting_for_a_start();
    let mut terminal = shop.terminal(&["apply", &digest]);
    let polled = |entry: &LedgerEntry| entry.path.contains("azureAsyncOperation");
    shop.azure.wait_for(Duration::from_secs(20), polled).expect("it waits");
    let pressed = Instant::now();
    terminal.press(ControlCode::EndOfText);
    let (code, seen) = terminal.end();
    assert_eq!(code, 130, "{seen}");
    assert!(pressed.elapsed() < Duration::from_secs(5), "it ends soon");
    let polls = shop.azure.ledger().iter().filter(|entry| polled(entry)).count();
    let url = shop.records().into_iter().find(|record| record["event"]["kind"] == "operation-began");
    says(&url.expect("the address is in the log").to_string(), &["azureAsyncOperation"]);

    shop.azure.world(|world| world.durations = crate::azure_scenario::MOMENTS);
    shop.azure.fast_forward();
    let resumed = shop.repair(&["resume"]);
    assert_eq!(resumed.code, Some(0), "{resumed}\n{}", shop.ledger());
    let again = shop.azure.ledger().iter().filter(|entry| polled(entry)).count();
    assert!(again > polls, "the resume polls at the same address: {}", shop.ledger());
    assert_eq!(shop.changes("/start"), 1, "{}", shop.ledger());
    shop.is_well();
}

#[test]
fn a_preview_that_a_person_does_not_wait_for_ends_at_once() {
    let shop = Shop::deleted_vault();
    shop.azure.world(|world| world.durations.what_if_millis = 3_600_000);
    let terminal_args = [&["--self-heal=preview"][..], &GROUP, &FILES];
    let mut terminal = shop.terminal(&terminal_args.concat());
    let polled = |entry: &LedgerEntry| entry.path.contains("operationresults");
    shop.azure.wait_for(Duration::from_secs(20), polled).expect("it waits");
    terminal.press(ControlCode::EndOfText);
    let (code, seen) = terminal.end();
    assert_eq!(code, 130, "{seen}");
    shop.untouched();
}

#[test]
fn an_operation_beyond_its_bound_is_left_to_azure_and_gone_on_with_later() {
    let shop = Shop::stopped_server();
    shop.bounds("operation_seconds_max = 1\n");
    let digest = shop.approved();
    shop.azure.world(|world| world.durations.start_millis = 3_600_000);
    let report = shop.applied(3, &digest);
    assert_eq!(report["result"], "blocked", "{report:#}");
    says(&report.to_string(), &["after 1 s", "az mysql flexible-server show"]);
    shop.azure.fast_forward();
    let resumed = shop.repair(&["resume", text(&report, "/session")]);
    assert_eq!(resumed.code, Some(0), "{resumed}\n{}", shop.ledger());
    assert_eq!(shop.changes("/start"), 1, "{}", shop.ledger());
    shop.is_well();
}

#[test]
fn a_deployment_that_runs_for_hours_ends_the_wait_within_its_bound() {
    let shop = Shop::deleted_vault();
    shop.bounds("operation_seconds_max = 1\n");
    let digest = shop.approved();
    shop.azure.world(|world| world.durations.resource_millis = 3_600_000);
    let begun = Instant::now();
    let report = shop.applied(3, &digest);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(report["result"], "blocked", "{report:#}");
    says(&report.to_string(), &["after 1 s", "az deployment group list"]);
    shop.azure.world(|world| world.durations = crate::azure_scenario::MOMENTS);
    thread::sleep(Duration::from_millis(10));
    shop.azure.fast_forward();
    let resumed = shop.repair(&["resume", text(&report, "/session")]);
    assert_eq!(resumed.code, Some(0), "{resumed}\n{}", shop.ledger());
    shop.is_well();
}

#[test]
fn a_person_who_saw_it_happen_settles_what_nobody_else_can() {
    let shop = Shop::stopped_server();
    shop.bounds("operation_seconds_max = 1\n");
    let digest = shop.approved();
    shop.azure.world(|world| world.durations.start_millis = 3_600_000);
    let report = shop.applied(3, &digest);
    let session = text(&report, "/session");
    shop.azure.world(|world| world.set_server_state(shop::SERVER, ServerState::Ready).expect("a server"));
    let resumed = shop.repair(&["resume", session, "--happened"]);
    assert_eq!(resumed.code, Some(0), "{resumed}\n{}", shop.ledger());
    shop.azure.world(|world| {
        let newest = world.deployments.last().map(|deployment| deployment.progress);
        assert_eq!(newest, Some(Progress::Succeeded));
    });
    assert_eq!(shop.changes("/start"), 1, "{}", shop.ledger());
    shop.sound();
}

#[test]
fn while_one_waits_another_is_told_who_is_at_work() {
    let (shop, digest) = waiting_for_a_start();
    let mut terminal = shop.terminal(&["apply", &digest]);
    let polled = |entry: &LedgerEntry| entry.path.contains("azureAsyncOperation");
    shop.azure.wait_for(Duration::from_secs(20), polled).expect("it waits");
    let other = shop.repair(&[&["--self-heal=preview"][..], &GROUP, &FILES].concat());
    assert_eq!(other.code, Some(6), "{other}");
    says(&other.stderr, &["another `repair` is at work"]);
    terminal.press(ControlCode::EndOfText);
    assert_eq!(terminal.end().0, 130);
    shop.sound();
}

#[test]
fn a_rate_that_stays_limited_is_told_after_a_few_looks() {
    for (seconds, looks) in [(None, 4), (Some(600), 1)] {
        let shop = Shop::deleted_vault();
        let burst = throttled(Throttling::Subscription, seconds);
        shop.azure.quirks(|quirks| quirks.fault(Fault::on("GET", "Resources/deployments", burst).always()));
        let finished = shop.repair(&GROUP);
        assert_eq!(finished.code, Some(3), "{finished}");
        says(&finished.stderr, &["SubscriptionRequestsThrottled", "next: Azure limits the rate"]);
        assert_eq!(shop.azure.ledger().iter().filter(|entry| entry.status == 429).count(), looks, "{}", shop.ledger());
        shop.nothing_began();
    }
}

/// Those that a purge could trip over.
const OF_A_PURGE: [Quirk; 8] = [
    ("Location alone", |quirks| quirks.poll_headers = PollHeaders::OnlyLocation),
    ("Azure-AsyncOperation alone", |quirks| quirks.poll_headers = PollHeaders::OnlyAsyncOperation),
    ("both", |quirks| quirks.poll_headers = PollHeaders::Both),
    ("relative addresses", |quirks| quirks.poll_link = LinkTo::Relative),
    ("changed case", |quirks| quirks.changed_case = true),
    ("an empty first page", |quirks| quirks.empty_first_page = true),
    ("a clock that is off", |quirks| quirks.clock_skew_seconds = -4000),
    ("a poll that fails", |quirks| {
        quirks.fault(Fault::on("GET", "operationResults", FaultKind::ServerError));
        quirks.fault(Fault::on("GET", "operationResults", FaultKind::CutAnswer));
    }),
];

#[test]
fn a_purge_comes_to_the_same_end_under_each_quirk_that_it_could_trip_over() {
    for (name, quirk) in OF_A_PURGE {
        let shop = Shop::deleted_vault();
        shop.write("repair.toml", crate::vaults::PREFERS_PURGE);
        shop.azure.quirks(quirk);
        let digest = shop.planned();
        shop.approved_by_name(&digest);
        assert_eq!(shop.applied(0, &digest)["result"], "healed", "{name}");
        assert_eq!(shop.changes("/purge"), 1, "{name}: {}", shop.ledger());
        shop.is_well();
    }
}

#[test]
fn a_vault_that_is_back_and_does_not_answer_is_told_and_not_brought_back_twice() {
    let shop = Shop::deleted_vault();
    shop.azure.quirks(|quirks| quirks.fault(Fault::on("GET", "/vaults-data/", FaultKind::NoAnswer)));
    let report = shop.healed_by_command(0);
    assert_eq!(report["result"], "healed", "{report:#}");
    assert!(shop.records().iter().any(|record| record.to_string().contains("does not answer")), "it is on record");
    assert_eq!(shop.recoveries(), 1, "{}", shop.ledger());
    shop.is_well();
}

#[test]
fn a_vault_that_does_not_come_to_rest_ends_the_wait_within_its_bound() {
    let shop = Shop::deleted_vault();
    shop.bounds("operation_seconds_max = 1\n");
    let digest = shop.approved();
    shop.azure.quirks(|quirks| quirks.fault(Fault::on("PUT", "/vaults/kv-shop", FaultKind::NeverEnds)));
    let report = shop.applied(3, &digest);
    says(&report.to_string(), &["after 1 s", "az keyvault show"]);
    shop.azure.world(|world| world.vault_mut(shop::VAULT).expect("it is back").ready_at = jiff::Timestamp::UNIX_EPOCH);
    let resumed = shop.repair(&["resume", text(&report, "/session")]);
    assert_eq!(resumed.code, Some(0), "{resumed}\n{}", shop.ledger());
    assert_eq!(shop.recoveries(), 1, "{}", shop.ledger());
    shop.is_well();
}
