//! A deleted vault that holds a wanted name: brought back where it was, purged only where nothing else frees the name and
//! a person types it, and left alone everywhere else.

use jiff::SignedDuration;
use repair_fake_azure::{DataAccess, Grant, LockLevel, VaultConflict, World, shop};

use crate::azure_scenario::{FILES, GROUP, Shop, says};
use crate::terminal::QUESTION;

/// `prefer = "purge"`, as for groups that tests make and throw away.
pub const PREFERS_PURGE: &str = "[tools.keyvault-soft-deleted]\nprefer = \"purge\"\n";
/// The right to purge.
const PURGE: &str = "Microsoft.KeyVault/locations/deletedVaults/purge/action";

/// What heals, and asks.
fn heal() -> Vec<&'static str> {
    [&["--self-heal=preview"][..], &GROUP, &FILES].concat()
}

/// A deleted vault of that name, which was in this group and place, instead of the shop's own.
fn held_from(group: &str, location: &str) -> impl FnOnce(&mut World) {
    let (group, location) = (group.to_owned(), location.to_owned());
    move |world| {
        world.vaults.clear();
        world.add_deleted_vault(shop::SUBSCRIPTION, &group, shop::VAULT, &location);
    }
}

/// That no plan is made, for a reason that is told with what to do.
#[track_caller]
fn left_alone(shop: &Shop, words: &[&str]) {
    let report = shop.document(3, &[&["plan"][..], &GROUP, &FILES].concat());
    says(&report.to_string().replace("\\\"", "\""), words);
    shop.untouched();
}

/// Everything but these.
fn owner_without(actions: &[&str]) -> Grant {
    Grant::new(&format!("/subscriptions/{}", shop::SUBSCRIPTION), &["*"], actions)
}

#[test]
fn vault_and_server_come_back_in_two_rounds_each_with_its_own_yes() {
    let shop = Shop::deleted_and_stopped();
    let mut terminal = shop.terminal(&heal());
    terminal.until("bring the deleted vault `kv-shop-7f3a` back");
    terminal.until("az keyvault recover");
    terminal.until(QUESTION);
    terminal.answer("y");
    terminal.until("start the MySQL server `mysql-shop-7f3a`");
    terminal.until("az mysql flexible-server stop");
    terminal.until(QUESTION);
    terminal.answer("y");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    shop.is_well();
    assert_eq!((shop.recoveries(), shop.changes("/start"), shop.changes("/purge")), (1, 1, 0), "{}", shop.ledger());
    let kept =
        shop.azure.world(|world| world.vault(shop::VAULT).and_then(|vault| vault.secrets.get(shop::SECRET).cloned()));
    assert_eq!(kept.as_deref(), Some(shop::PASSWORD), "the secrets came back with the vault");
    shop.writes_no_secret();
}

#[test]
fn a_no_leaves_everything_as_it_is() {
    let shop = Shop::deleted_vault();
    let mut terminal = shop.terminal(&heal());
    terminal.until(QUESTION);
    terminal.answer("n");
    let (code, seen) = terminal.end();
    assert_eq!(code, 3, "{seen}");
    shop.untouched();
}

#[test]
fn a_purge_takes_the_typed_name_and_nothing_else() {
    let shop = Shop::deleted_vault();
    shop.write("repair.toml", PREFERS_PURGE);
    let mut terminal = shop.terminal(&heal());
    terminal.until("purge the deleted vault `kv-shop-7f3a`, for good");
    terminal.until("irreversible");
    terminal.until("Type kv-shop-7f3a to do exactly this");
    terminal.until(QUESTION);
    for (answer, said) in [
        ("y", "A yes is not enough"),
        ("yes", "A yes is not enough"),
        ("kv-shop-7f3b", "is no answer"),
        ("KV-SHOP-7F3A", "is no answer"),
    ] {
        terminal.answer(answer);
        terminal.until(said);
        terminal.until(QUESTION);
    }
    assert_eq!(shop.accepted(), Vec::new());
    terminal.answer(shop::VAULT);
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    shop.is_well();
    assert_eq!((shop.changes("/purge"), shop.recoveries()), (1, 0), "{}", shop.ledger());
    let new = shop.azure.world(|world| world.vault(shop::VAULT).is_some_and(|vault| vault.secrets.is_empty()));
    assert!(new, "the vault is a new one");
}

#[test]
fn five_wrong_answers_leave_a_purge_waiting() {
    let shop = Shop::deleted_vault();
    shop.write("repair.toml", PREFERS_PURGE);
    let mut terminal = shop.terminal(&heal());
    for _ in 0..5 {
        terminal.until(QUESTION);
        terminal.answer("yes");
    }
    let (code, seen) = terminal.end();
    assert_eq!(code, 4, "{seen}");
    shop.untouched();
}

#[test]
fn a_vault_of_another_place_is_purged_once_its_name_is_typed() {
    let shop = Shop::broken(held_from(shop::GROUP, "northeurope"));
    let mut terminal = shop.terminal(&heal());
    terminal.until("in northeurope");
    terminal.until(QUESTION);
    terminal.answer(shop::VAULT);
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    shop.is_well();
    assert_eq!(shop.changes("locations/northeurope/deletedvaults/kv-shop-7f3a/purge"), 1, "{}", shop.ledger());
}

#[test]
fn a_vault_of_somebody_elses_group_is_left_alone() {
    let shop = Shop::broken(held_from("rg-other", shop::LOCATION));
    left_alone(&shop, &["rg-other", "purge_from_groups", "another name"]);
}

#[test]
fn a_vault_of_a_group_that_the_project_names_is_purged_once_its_name_is_typed() {
    let shop = Shop::broken(held_from("rg-other", shop::LOCATION));
    shop.write("repair.toml", "[tools.keyvault-soft-deleted]\npurge_from_groups = [\"rg-other\"]\n");
    let mut terminal = shop.terminal(&heal());
    terminal.until("it was not of this resource group (`rg-shop`), but of `rg-other`");
    terminal.until(QUESTION);
    terminal.answer(shop::VAULT);
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    shop.is_well();
}

#[test]
fn two_deleted_vaults_of_one_name_elsewhere_are_listed_and_none_is_guessed_at() {
    let shop = Shop::broken(|world| {
        held_from(shop::GROUP, "northeurope")(world);
        world.add_deleted_vault(shop::SUBSCRIPTION, shop::GROUP, shop::VAULT, "swedencentral");
    });
    left_alone(&shop, &["2 deleted vaults", "in northeurope", "in swedencentral", "not guessed at"]);
}

#[test]
fn purge_protection_elsewhere_leaves_another_name_until_a_date() {
    let shop = Shop::broken(|world| {
        held_from(shop::GROUP, "northeurope")(world);
        let deleted = world.deleted_vault_mut(shop::VAULT).expect("it is deleted");
        deleted.vault.resource.properties["enablePurgeProtection"] = true.into();
    });
    left_alone(&shop, &["Nobody can purge it", "another name"]);
}

#[test]
fn a_protected_vault_that_was_to_be_purged_comes_back_instead() {
    let shop = Shop::broken(|world| {
        let vault = world.vault_mut(shop::VAULT).expect("a vault");
        vault.resource.properties["enablePurgeProtection"] = true.into();
        world.soft_delete_vault(shop::VAULT).expect("a vault");
    });
    shop.write("repair.toml", PREFERS_PURGE);
    shop.healed_by_command(0);
    shop.is_well();
    assert_eq!((shop.changes("/purge"), shop.recoveries()), (0, 1), "{}", shop.ledger());
}

#[test]
fn without_the_right_to_purge_the_role_to_ask_for_is_named() {
    let shop = Shop::broken(|world| {
        held_from(shop::GROUP, "northeurope")(world);
        world.identities[0].grants = vec![owner_without(&[PURGE])];
    });
    left_alone(&shop, &["deletedVaults/purge/action", "Key Vault Contributor", "another name"]);
}

#[test]
fn without_the_right_to_recover_nothing_is_purged_instead() {
    let shop = Shop::broken(|world| {
        world.soft_delete_vault(shop::VAULT).expect("a vault");
        world.identities[0].grants = vec![owner_without(&["Microsoft.KeyVault/vaults/write"])];
    });
    left_alone(&shop, &["Microsoft.KeyVault/vaults/write", "repair deployer"]);
}

#[test]
fn without_the_right_to_see_deleted_vaults_that_right_is_named() {
    let shop = Shop::broken(|world| {
        world.soft_delete_vault(shop::VAULT).expect("a vault");
        world.identities[0].grants = vec![owner_without(&["Microsoft.KeyVault/deletedVaults/read"])];
    });
    left_alone(&shop, &["Microsoft.KeyVault/deletedVaults/read"]);
}

#[test]
fn a_right_that_is_taken_back_after_the_yes_is_told_and_nothing_is_done() {
    let shop = Shop::deleted_vault();
    let digest = shop.approved();
    shop.azure.world(|world| {
        world.identities[0].grants = vec![owner_without(&["Microsoft.KeyVault/vaults/write"])];
    });
    let report = shop.applied(3, &digest);
    says(&report.to_string(), &["Microsoft.KeyVault/vaults/write"]);
    assert_eq!(shop.accepted(), Vec::new());
    shop.sound();
}

#[test]
fn a_lock_on_the_group_is_no_reason_to_go_around_it() {
    let shop = Shop::deleted_vault();
    shop.azure.world(|world| {
        world.locks.push(repair_fake_azure::Lock {
            scope: format!("/subscriptions/{}/resourceGroups/{}", shop::SUBSCRIPTION, shop::GROUP),
            name: "frozen".to_owned(),
            level: LockLevel::ReadOnly,
        });
    });
    let report = shop.healed_by_command(3);
    says(&report.to_string(), &["ScopeLocked"]);
    assert_eq!(shop.accepted(), Vec::new());
    shop.sound();
}

#[test]
fn a_name_that_a_live_vault_has_is_explained_and_nothing_is_purged() {
    let shop = Shop::broken(|world| {
        world.vaults.clear();
        world.vault_names_taken.insert(shop::VAULT.to_owned());
    });
    left_alone(&shop, &["azure-keyvault-name-taken", "purging and bringing back are both wrong"]);
}

#[test]
fn each_way_in_which_azure_says_it_leads_to_the_same_plan() {
    for conflict in
        [VaultConflict::ConflictError, VaultConflict::VaultAlreadyExists, VaultConflict::FlagMustBeSetForRestore]
    {
        let shop = Shop::broken(|world| {
            world.vault_conflict = conflict;
            world.soft_delete_vault(shop::VAULT).expect("a vault");
        });
        shop.healed_by_command(0);
        shop.is_well();
        assert_eq!(shop.recoveries(), 1, "{conflict:?}: {}", shop.ledger());
    }
}

#[test]
fn a_vault_that_answers_this_login_with_no_is_back_all_the_same() {
    for access in [DataAccess::ForbiddenByRbac, DataAccess::ForbiddenByFirewall] {
        let shop = Shop::broken(|world| {
            world.vault_mut(shop::VAULT).expect("a vault").access = access;
            world.soft_delete_vault(shop::VAULT).expect("a vault");
        });
        let report = shop.healed_by_command(0);
        says(&report.to_string(), &["this login may not read it"]);
        shop.is_well();
    }
}

/// What somebody else does with the vault between the yes and the deed.
type Meanwhile = (&'static str, fn(&mut World));

const MEANWHILE: [Meanwhile; 3] = [
    ("purged", |world| world.purge_vault(shop::VAULT).expect("it was deleted")),
    ("revived", |world| {
        let deleted = world.deleted_vaults.pop().expect("it was deleted");
        world.vaults.push(deleted.vault);
    }),
    ("deleted once more", |world| {
        let deleted = world.deleted_vault_mut(shop::VAULT).expect("it was deleted");
        deleted.deleted_at += SignedDuration::from_secs(61);
        deleted.scheduled_purge_at += SignedDuration::from_secs(61);
    }),
];

#[test]
fn a_vault_that_somebody_changes_after_the_yes_voids_it() {
    for (what, meanwhile) in MEANWHILE {
        for purge in [false, true] {
            let shop = Shop::deleted_vault();
            if purge {
                shop.write("repair.toml", PREFERS_PURGE);
            }
            let digest = shop.planned();
            if purge {
                shop.approved_by_name(&digest);
            } else {
                shop.document(0, &["approve", &digest]);
            }
            shop.azure.world(meanwhile);
            let report = shop.applied(4, &digest);
            assert_ne!(report["plan"]["digest"], digest.as_str(), "{what}: {report:#}");
            let session = shop.repair(&["show", report["session"].as_str().expect("a session")]);
            says(&session.stdout, &["void: the target changed after the approval"]);
            shop.untouched();
        }
    }
}
