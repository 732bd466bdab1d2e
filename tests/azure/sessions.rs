//! Sessions of a resource group that stopped half-way: how they are shown, gone on with and given up, without a word of an
//! engine that they have nothing to do with.

use repair_fake_azure::shop;

use crate::azure_scenario::{Shop, says, text};
use crate::vaults::PREFERS_PURGE;

/// A session whose `apply` was killed at this point; its id.
fn killed(shop: Shop, digest: &str, fault: &str) -> (Shop, String) {
    let shop = shop.with("REPAIR_FAULT", fault);
    let killed = shop.command(&["apply", digest]).output().expect("it starts");
    assert_eq!(killed.status.code(), None, "{}", String::from_utf8_lossy(&killed.stderr));
    let shop = shop.with("REPAIR_FAULT", "");
    let sessions = shop.document(0, &["sessions", "--all"]);
    let id = text(&sessions, "/0/id").to_owned();
    (shop, id)
}

/// A purge of which nobody knows whether Azure has it: the request had not gone out.
fn killed_before_the_purge() -> (Shop, String) {
    let shop = Shop::deleted_vault();
    shop.write("repair.toml", PREFERS_PURGE);
    let digest = shop.planned();
    shop.approved_by_name(&digest);
    killed(shop, &digest, "kill@request-begun:azure-purge-vault")
}

#[test]
fn a_session_half_way_is_shown_in_the_words_of_azure() {
    let shop = Shop::deleted_vault();
    let digest = shop.approved();
    let (shop, id) = killed(shop, &digest, "kill@request-answered");
    let records = shop.records().len();
    for (args, words) in [
        (vec!["sessions", "--all"], vec!["running", "azure-keyvault-soft-deleted"]),
        (vec!["show", &id], vec!["rg-shop", "recover-vault"]),
        (vec!["show", "--handover", &id], vec!["bring the deleted vault `kv-shop-7f3a` back", "unknown"]),
        (vec!["resume", "--dry-run"], vec!["record that the open step had happened"]),
    ] {
        let shown = shop.repair(&args);
        assert_eq!(shown.code, Some(0), "{shown}");
        says(&shown.stdout, &words);
        for foreign in ["docker", "ompose"] {
            assert!(!shown.stdout.contains(foreign), "`{foreign}`: {shown}");
        }
    }
    let undone = shop.repair(&["undo", &id]);
    assert_ne!(undone.code, Some(0), "{undone}");
    says(&undone.stderr, &["no edit to take back"]);
    assert_eq!(shop.records().len(), records, "nothing was written");
    assert_eq!(shop.recoveries(), 1, "{}", shop.ledger());
    let given_up = shop.repair(&["abort", &id]);
    assert_eq!(given_up.code, Some(0), "{given_up}");
    says(&given_up.stdout, &["nobody looks at it any more", "az deployment group list"]);
    shop.sound();
}

#[test]
fn a_purge_of_which_nobody_knows_is_asked_about_at_a_terminal() {
    let (shop, id) = killed_before_the_purge();
    let mut terminal = shop.terminal(&["resume", &id]);
    terminal.until("It cannot be told whether a step happened");
    terminal.until("az keyvault show-deleted");
    terminal.until("Did it happen? [y]es [n]o [l]eave it: ");
    terminal.answer("l");
    let (code, seen) = terminal.end();
    assert_eq!(code, 3, "{seen}");
    shop.untouched();

    let mut terminal = shop.terminal(&["resume", &id]);
    terminal.until("Did it happen? [y]es [n]o [l]eave it: ");
    terminal.answer("n");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}\n{}", shop.ledger());
    assert_eq!(shop.changes("/purge"), 1, "{}", shop.ledger());
    shop.is_well();
}

#[test]
fn a_purge_of_which_nobody_knows_does_not_go_on_without_a_word() {
    let (shop, id) = killed_before_the_purge();
    for args in [vec!["resume", &id], vec!["resume", &id, "--yes"], vec!["--self-heal=preview", "--yes", "--resume"]] {
        let mut args = args;
        if args[0].starts_with("--") {
            args.extend(["--azure", shop::GROUP]);
        }
        let blocked = shop.repair(&args);
        assert_eq!(blocked.code, Some(3), "{blocked}");
        shop.untouched();
    }
}

#[test]
fn a_vault_that_came_back_while_nobody_knew_of_its_purge_is_not_purged() {
    let (shop, id) = killed_before_the_purge();
    shop.azure.world(|world| {
        let deleted = world.deleted_vaults.pop().expect("it was deleted");
        world.vaults.push(deleted.vault);
    });
    // Its name is held by nobody deleted any more, which is all that can be seen of a purge.
    let resumed = shop.repair(&["resume", &id]);
    assert!(matches!(resumed.code, Some(0 | 3 | 4)), "{resumed}");
    let kept = shop.azure.world(|world| world.vault(shop::VAULT).is_some_and(|vault| !vault.secrets.is_empty()));
    assert!(kept, "the vault and its secrets are there");
    assert_eq!(shop.changes("/purge"), 0, "{}", shop.ledger());
    shop.sound();
}
