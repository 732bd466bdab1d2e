//! Why one deleted vault is not touched, and what a person could do next, with exact commands.

use repair_tool_sdk::azure::command::{excerpt, next_steps, word};
use repair_tool_sdk::azure::{DeletedVault, ResourceId};

use crate::candidates::Candidate;

/// Longer lists are cut.
const LISTED_MAX: usize = 6;
/// The steps that a name of one's own takes, which is always possible.
pub(crate) const RENAME: &str =
    "or choose another name, in the template's parameter from which the vault's name comes, and deploy again";

/// Shows it.
pub(crate) fn show(vault: &DeletedVault) -> String {
    let (name, location) = (word(&vault.name, "VAULT"), word(&vault.location, "LOCATION"));
    format!("`az keyvault show-deleted --name {name} --location {location}`")
}

/// Removes it for good.
pub(crate) fn purge(vault: &DeletedVault) -> String {
    let (name, location) = (word(&vault.name, "VAULT"), word(&vault.location, "LOCATION"));
    format!("`az keyvault purge --name {name} --location {location}`")
}

/// Brings it back.
pub(crate) fn recover(vault: &DeletedVault) -> String {
    let (name, location) = (word(&vault.name, "VAULT"), word(&vault.location, "LOCATION"));
    let group = word(&vault.resource_group, "GROUP");
    format!("`az keyvault recover --name {name} --location {location} --resource-group {group}`")
}

/// Its subscription for a command; one of another subscription than the healed one is told before.
fn subscription(vault: &DeletedVault) -> &str {
    word(ResourceId::new(&vault.vault_id).subscription().unwrap_or_default(), "SUBSCRIPTION")
}

/// The vault as a person recognises it.
pub(crate) fn described(vault: &DeletedVault) -> String {
    let protected = if vault.purge_protected { ", purge-protected" } else { "" };
    format!(
        "`{}` in {}, deleted on {} from the group `{}`, kept until {}{protected}",
        vault.name, vault.location, vault.deleted, vault.resource_group, vault.purges
    )
}

/// Several deleted vaults, and none of them stands where the name is wanted, or more than one.
pub(crate) fn ambiguous(wanted: Candidate<'_>, deleted: &[&DeletedVault]) -> String {
    let each: Vec<String> = deleted.iter().take(LISTED_MAX).map(|vault| described(vault)).collect();
    let why = match wanted.location {
        Some(location) => format!("the template wants the name in {location}, and not exactly one of them was there"),
        None => "where the template wants the name is not known".to_owned(),
    };
    format!(
        "{} deleted vaults have the name `{}`: {}. Which of them is in the way is not guessed at: {why}. {}",
        deleted.len(),
        wanted.name,
        each.join("; "),
        next_steps([
            deleted.iter().take(2).map(|vault| show(vault)).collect::<Vec<_>>().join(" and "),
            "bring the right one back, which loses nothing: `az keyvault recover` with its `--location`".to_owned(),
            RENAME.to_owned(),
        ])
    )
}

/// What is told of it contradicts itself.
pub(crate) fn implausible(vault: &DeletedVault) -> String {
    format!(
        "What Azure tells of the deleted vault `{}` does not fit together (its id is `{}`, its group `{}`, its location \
         `{}`, deleted on `{}`), so it is not touched. See it: {}.",
        vault.name,
        excerpt(&vault.vault_id),
        vault.resource_group,
        vault.location,
        vault.deleted,
        show(vault)
    )
}

/// It was, or is wanted, in a subscription that this session has nothing to do with.
pub(crate) fn foreign_subscription(wanted: Candidate<'_>, vault: &DeletedVault, stranger: &str) -> String {
    format!(
        "The vault `{}` concerns the subscription `{}`, which is not the one that is healed, so nothing is touched ({}). {}",
        wanted.name,
        if stranger.is_empty() { "unknown".to_owned() } else { excerpt(stranger) },
        described(vault),
        next_steps([
            format!(
                "look there: `az account set --subscription {}`, then {}",
                word(stranger, "SUBSCRIPTION"),
                show(vault)
            ),
            RENAME.to_owned(),
        ])
    )
}

/// It cannot be purged before its date, and bringing it back would not give the name to this deployment.
pub(crate) fn protected(wanted: Candidate<'_>, vault: &DeletedVault, in_its_group: bool, only_said: bool) -> String {
    let why = if only_said && !vault.purge_protected {
        "The failure says that it may not be purged, although the list of deleted vaults does not, so no purge is proposed."
    } else {
        "Nobody can purge it before that, neither its owner nor Azure's support."
    };
    let place = match (in_its_group, wanted.location) {
        (true, Some(location)) => format!("It was in this group, but not in {location}, where the template wants it."),
        _ => "It was in another group, so bringing it back would not help this deployment.".to_owned(),
    };
    let back = if in_its_group {
        format!(
            "if it may be there, bring it back, which loses nothing: {}, and let the template name its location",
            recover(vault)
        )
    } else {
        format!("if its owner wants it back: {}; the name then stays theirs", recover(vault))
    };
    format!(
        "The deleted vault {} holds the name. {place} {why} {}",
        described(vault),
        next_steps([
            format!("see it: {}", show(vault)),
            format!(
                "until {} take another name, in the template's parameter from which the vault's name comes, and deploy again",
                vault.purges
            ),
            back,
        ])
    )
}

/// It was in another group, and nobody said that such a one may go.
pub(crate) fn somebody_elses(vault: &DeletedVault) -> String {
    format!(
        "The deleted vault {} holds the name. It was not this group's, so it is not purged here. {}",
        described(vault),
        next_steps([
            format!("see it and ask the owner of `{}`: {}", vault.resource_group, show(vault)),
            "choose another name, in the template's parameter from which the vault's name comes, and deploy again"
                .to_owned(),
            format!("if its owner wants it back: {}; the name then stays theirs", recover(vault)),
            format!("if its owner needs nothing of it, they purge it, for good: {}", purge(vault)),
            format!(
                "if that group is yours too, say so in repair.toml: `purge_from_groups = [\"{}\"]` in \
                 `[tools.keyvault-soft-deleted]`; a person still types the vault's name",
                word(&vault.resource_group, "GROUP")
            ),
        ])
    )
}

/// The login may not bring it back.
pub(crate) fn may_not_recover(vault: &DeletedVault, group: &str) -> String {
    format!(
        "The deleted vault {} holds the name and can come back, but this login may not do that: it lacks \
         `Microsoft.KeyVault/vaults/write` on the group. {}",
        described(vault),
        next_steps([
            format!(
                "ask an owner for the role `repair deployer` (or Key Vault Contributor): `az role assignment create --role \
                 'repair deployer' --assignee OBJECT_ID --scope /subscriptions/{}/resourceGroups/{group}`; it takes some \
                 minutes to be effective",
                subscription(vault)
            ),
            format!("or let somebody bring it back who may: {}", recover(vault)),
        ])
    )
}

/// The login may not purge it.
pub(crate) fn may_not_purge(vault: &DeletedVault, is_own: bool) -> String {
    let other = if is_own {
        format!(
            "or bring it back instead, which loses nothing: leave `prefer` out of repair.toml, or {}",
            recover(vault)
        )
    } else {
        RENAME.to_owned()
    };
    format!(
        "The deleted vault {} holds the name, and this login may not purge it: it lacks \
         `Microsoft.KeyVault/locations/deletedVaults/purge/action` on the subscription, which the role Key Vault Contributor \
         excludes on purpose. {}",
        described(vault),
        next_steps([
            format!(
                "ask an owner of the subscription for the role `repair vault purger`: `az role assignment create --role \
                 'repair vault purger' --assignee OBJECT_ID --scope /subscriptions/{}`",
                subscription(vault)
            ),
            format!("or let somebody purge it who may, for good: {}", purge(vault)),
            other,
        ])
    )
}
