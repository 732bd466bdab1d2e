//! A yes: where it is given, what it binds, and what never goes without a person.

use std::io::Write as _;
use std::process::Stdio;

use repair_fake_azure::{ScriptedFailure, shop};
use serde_json::Value;

use crate::azure_scenario::{FILES, GROUP, Shop, says, text};
use crate::vaults::PREFERS_PURGE;

/// Everything may be done, and without asking, as far as a policy can say so.
const EVERYTHING: &str = "@id(\"all\")\npermit (principal, action == Repair::Action::\"apply\", resource);\n\
    @id(\"all-unattended\")\npermit (principal, action == Repair::Action::\"apply_unattended\", resource);\n";
/// Heals without asking, as far as that goes.
const YES: [&str; 2] = ["--self-heal=preview", "--yes"];

/// Every kind of broken shop.
fn every_shop() -> Vec<(&'static str, Shop)> {
    let purging = Shop::deleted_vault();
    purging.write("repair.toml", PREFERS_PURGE);
    let elsewhere = Shop::broken(|world| {
        world.vaults.clear();
        world.add_deleted_vault(shop::SUBSCRIPTION, shop::GROUP, shop::VAULT, "northeurope");
    });
    let failed = Shop::broken(|world| world.failures.push(ScriptedFailure::internal_error("containerGroups")));
    failed.write("repair.toml", "[tools.bicep-redeploy]\nbackoff_seconds = 1\n");
    vec![
        ("recover", Shop::deleted_vault()),
        ("purge", purging),
        ("purge elsewhere", elsewhere),
        ("start", Shop::stopped_server()),
        ("both", Shop::deleted_and_stopped()),
        ("redeploy", failed),
    ]
}

#[test]
fn under_yes_nothing_is_purged_recovered_started_or_deployed() {
    for (what, shop) in every_shop() {
        let report = shop.document(4, &[&YES[..], &GROUP, &FILES].concat());
        assert_eq!(report["result"], "awaiting-approval", "{what}: {report:#}");
        shop.untouched();
        let digest = text(&report, "/plan/digest");
        let refused = shop.repair(&["apply", digest, "--yes"]);
        assert_eq!(refused.code, Some(4), "{what}: {refused}");
        let resumed = shop.repair(&[&["resume", "--yes"][..], &GROUP].concat());
        assert_eq!(resumed.code, Some(4), "{what}: {resumed}");
        shop.untouched();
    }
}

#[test]
fn a_policy_that_permits_everything_unattended_still_asks() {
    for (what, shop) in every_shop() {
        shop.policy("all.cedar", EVERYTHING);
        for args in [&YES[..1], &YES[..]] {
            let report = shop.document(4, &[args, &["--new"], &GROUP, &FILES].concat());
            assert_eq!(report["result"], "awaiting-approval", "{what}: {report:#}");
        }
        shop.untouched();
    }
}

#[test]
fn a_policy_that_forbids_a_purge_is_heard() {
    let shop = Shop::deleted_vault();
    shop.write("repair.toml", PREFERS_PURGE);
    shop.policy(
        "no.cedar",
        "@id(\"no-purge\")\n@why(\"nothing of ours is purged\")\nforbid (principal, action, resource is Repair::PurgeVault);\n",
    );
    let report = shop.document(5, &[&["plan"][..], &GROUP, &FILES].concat());
    says(&report.to_string(), &["user/no-purge", "nothing of ours is purged"]);
    shop.untouched();
}

/// A plan that purges, and its digest.
fn purge_planned() -> (Shop, String) {
    let shop = Shop::deleted_vault();
    shop.write("repair.toml", PREFERS_PURGE);
    let digest = shop.planned();
    (shop, digest)
}

#[test]
fn a_purge_is_not_approved_without_a_terminal() {
    let (shop, digest) = purge_planned();
    for args in [vec!["approve", &digest], vec!["approve", &digest, "--json"]] {
        let mut command = shop.command(&args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        // The name on standard input is no name that a person typed.
        let _ = child.stdin.take().expect("an input").write_all(format!("{}\n", shop::VAULT).as_bytes());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
        let said = [output.stdout, output.stderr].concat();
        says(&String::from_utf8_lossy(&said), &["loses something for good"]);
    }
    let refused = shop.repair(&["apply", &digest]);
    assert_eq!(refused.code, Some(4), "{refused}");
    shop.untouched();
}

#[test]
fn a_build_machine_with_a_terminal_is_no_person() {
    let (shop, digest) = purge_planned();
    let shop = shop.with("CI", "true");
    let (code, seen) = shop.terminal(&["approve", &digest]).end();
    assert_eq!(code, 4, "{seen}");
    shop.untouched();
}

#[test]
fn a_purge_is_approved_at_a_terminal_by_its_exact_name() {
    let (shop, digest) = purge_planned();
    for wrong in ["y", "yes", "kv-shop", "KV-SHOP-7F3A", "kv-shop-7f3a kv-shop-7f3a", ""] {
        let mut terminal = shop.terminal(&["approve", &digest]);
        terminal.until("lost for good: every secret");
        terminal.until("to approve exactly this: ");
        terminal.answer(wrong);
        let (code, seen) = terminal.end();
        assert_eq!(code, 4, "{wrong}: {seen}");
        assert!(seen.contains("nothing was approved"), "{seen}");
    }
    shop.untouched();
    shop.approved_by_name(&digest);
    let granted = granted(&shop);
    assert_eq!(granted["typed"], serde_json::json!([shop::VAULT]), "{granted:#}");
    assert_eq!(shop.applied(0, &digest)["result"], "healed");
    shop.is_well();
    assert_eq!(shop.changes("/purge"), 1, "{}", shop.ledger());
}

fn granted(shop: &Shop) -> Value {
    let mut records = shop.records().into_iter().filter(|record| record["event"]["kind"] == "granted");
    records.next().expect("a grant")["event"]["grant"].clone()
}

#[test]
fn the_commands_that_are_printed_work_from_anywhere() {
    let shop = Shop::deleted_vault();
    let waiting = shop.repair(&[&["--self-heal=preview"][..], &GROUP, &FILES].concat());
    assert_eq!(waiting.code, Some(4), "{waiting}");
    let commands: Vec<Vec<String>> = waiting
        .stdout
        .lines()
        .filter_map(|line| line.trim().strip_prefix("repair "))
        .map(|command| command.split(' ').map(str::to_owned).collect())
        .collect();
    assert_eq!(commands.iter().map(|words| words[0].as_str()).collect::<Vec<_>>(), ["approve", "apply"], "{waiting}");
    for words in commands {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let done = shop.command(&words).current_dir("/").output().expect("it runs");
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    shop.is_well();
}

#[test]
fn a_template_or_parameters_edited_after_the_yes_void_it() {
    for file in ["main.json", "main.parameters.json"] {
        let shop = Shop::deleted_vault();
        let digest = shop.approved();
        let text = std::fs::read_to_string(shop.dir().join(file)).expect("a file");
        shop.write(file, &text.replace("shopadmin", "shopadmin2"));
        let report = shop.applied(4, &digest);
        assert_ne!(report["plan"]["digest"], digest.as_str(), "{report:#}");
        shop.untouched();
    }
}

#[test]
fn an_approval_is_used_once() {
    let shop = Shop::deleted_vault();
    let digest = shop.approved();
    assert_eq!(shop.applied(0, &digest)["result"], "healed");
    let again = shop.repair(&[&["apply", &digest][..], &GROUP].concat());
    assert_eq!(again.code, Some(3), "{again}");
    shop.is_well();
}

#[test]
fn a_plan_without_an_approval_is_not_applied() {
    let shop = Shop::deleted_vault();
    let digest = shop.planned();
    let refused = shop.repair(&["apply", &digest]);
    assert_eq!(refused.code, Some(4), "{refused}");
    says(&refused.stderr, &["is not approved", &format!("repair approve {digest}")]);
    shop.untouched();
}

#[test]
fn every_request_for_a_change_says_which_session_and_step_asked_for_it() {
    use repair_effects::azure::request_ids::RequestIds;
    let shop = Shop::deleted_and_stopped();
    let report = shop.healed_by_command(0);
    let session = text(&report, "/session");
    let ids: Vec<_> = shop
        .accepted()
        .iter()
        .map(|entry| RequestIds::parse(entry.client_request_id.as_deref().unwrap_or_default()).expect("an id of ours"))
        .map(|id| (id.session.to_string(), id.place))
        .collect();
    let steps = u16::try_from(ids.len()).expect("a few");
    assert_eq!(ids, (0..steps).map(|place| (session.to_owned(), place)).collect::<Vec<_>>(), "{}", shop.ledger());
    assert_eq!(steps, 4, "recover, deploy, start, deploy");
    shop.is_well();
}
