//! What becomes of the deleted vault that holds one wanted name.

use repair_tool_sdk::azure::{AzureAccount, DeletedVault, ResourceId, VAULT_TYPE, same_id, same_location};

use crate::candidates::Candidate;
use crate::untouched;
use crate::{Params, Prefer};

/// That the deployment succeeds once the vault is back, in permille: name, group, subscription and place are the same.
const CONFIDENCE_RECOVER: u16 = 900;
/// The same for a purge that the project asked for: Azure may take a while to give the name free.
const CONFIDENCE_PURGE_OWN: u16 = 860;
/// The same for a vault of another place or group, which holds the name because names are unique in all of Azure.
const CONFIDENCE_PURGE_OTHER: u16 = 800;
/// What not knowing the wanted place costs: Azure refuses to write a vault into another one.
const UNKNOWN_LOCATION_COSTS: u16 = 100;
/// What a second deleted vault of the name costs: it might hold the name too.
const NAMESAKE_COSTS: u16 = 80;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Recover,
    Purge,
}

/// What is done to which deletion, and why that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice<'a> {
    pub(crate) wanted: Candidate<'a>,
    pub(crate) vault: &'a DeletedVault,
    pub(crate) way: Way,
    /// Whether it was in the group and the place in which it is wanted.
    pub(crate) is_own: bool,
    /// Whether a purge was preferred and is impossible.
    pub(crate) cannot_purge: bool,
    /// Deleted vaults of the same name that are left alone.
    pub(crate) namesakes: Vec<&'a DeletedVault>,
    pub(crate) confidence: u16,
}

/// What the choice depends on besides the vault.
pub(crate) struct Circumstances<'a> {
    pub(crate) params: &'a Params,
    pub(crate) account: Option<&'a AzureAccount>,
    /// Whether the failure itself says that a purge is not allowed.
    pub(crate) said_protected: bool,
    /// For commands.
    pub(crate) group: &'a str,
}

/// Chooses among the deleted vaults that have the wanted name; there is at least one.
///
/// # Errors
/// Says to a person why none is touched, and what can be done.
pub(crate) fn choose<'a>(
    wanted: Candidate<'a>,
    deleted: &[&'a DeletedVault],
    given: &Circumstances<'_>,
) -> Result<Choice<'a>, String> {
    let vault = the_one_in_the_way(wanted, deleted).ok_or_else(|| untouched::ambiguous(wanted, deleted))?;
    if !is_plausible(wanted, vault) {
        return Err(untouched::implausible(vault));
    }
    if let Some(stranger) = foreign_subscription(wanted, vault, given.account) {
        return Err(untouched::foreign_subscription(wanted, vault, stranger));
    }
    let in_its_group = vault.same_group && same_part(ResourceId::new(&vault.vault_id).group(), wanted.id.group());
    let in_its_place = wanted.location.is_none_or(|location| same_location(location, &vault.location));
    let is_own = in_its_group && in_its_place;
    let protected = vault.purge_protected || given.said_protected;
    let (way, cannot_purge) = match (is_own, given.params.prefer) {
        (true, Prefer::Recover) => (Way::Recover, false),
        (true, Prefer::Purge) if protected => (Way::Recover, true),
        (true, Prefer::Purge) | (false, _) => (Way::Purge, false),
    };
    match way {
        Way::Recover if vault.may_recover == Some(false) => return Err(untouched::may_not_recover(vault, given.group)),
        Way::Recover => {}
        Way::Purge if protected => return Err(untouched::protected(wanted, vault, in_its_group, given.said_protected)),
        Way::Purge if !in_its_group && !is_released(vault, given.params) => {
            return Err(untouched::somebody_elses(vault));
        }
        Way::Purge if vault.may_purge == Some(false) => return Err(untouched::may_not_purge(vault, is_own)),
        Way::Purge => {}
    }
    let namesakes: Vec<&DeletedVault> = deleted.iter().copied().filter(|other| *other != vault).collect();
    let surely = match (way, is_own) {
        (Way::Recover, _) => CONFIDENCE_RECOVER,
        (Way::Purge, true) => CONFIDENCE_PURGE_OWN,
        (Way::Purge, false) => CONFIDENCE_PURGE_OTHER,
    };
    let costs = if wanted.location.is_none() { UNKNOWN_LOCATION_COSTS } else { 0 }
        + if namesakes.is_empty() { 0 } else { NAMESAKE_COSTS };
    Ok(Choice { wanted, vault, way, is_own, cannot_purge, namesakes, confidence: surely.saturating_sub(costs) })
}

/// Azure keeps a deletion for each location, so of several only the one at the wanted place is in the way for certain.
fn the_one_in_the_way<'a>(wanted: Candidate<'_>, deleted: &[&'a DeletedVault]) -> Option<&'a DeletedVault> {
    if let [only] = deleted {
        return Some(only);
    }
    let location = wanted.location?;
    let mut there = deleted.iter().filter(|vault| same_location(location, &vault.location));
    there.next().filter(|_| there.next().is_none()).copied()
}

/// Whether what the host says of it agrees with its id, and is enough to name this deletion and no other.
fn is_plausible(wanted: Candidate<'_>, vault: &DeletedVault) -> bool {
    let id = ResourceId::new(&vault.vault_id);
    let named = id.is_a(VAULT_TYPE) && id.name_of(VAULT_TYPE).is_some_and(|name| same_id(name, wanted.name));
    let placed = same_part(id.group(), Some(&vault.resource_group));
    named && placed && !vault.deleted.is_empty() && !vault.location.is_empty()
}

/// A subscription that is not the one that acts, where the vault was or is wanted.
fn foreign_subscription<'a>(
    wanted: Candidate<'a>,
    vault: &'a DeletedVault,
    account: Option<&AzureAccount>,
) -> Option<&'a str> {
    let was_in = ResourceId::new(&vault.vault_id).subscription().unwrap_or_default();
    let wanted_in = wanted.id.subscription().unwrap_or_default();
    let ours = account.map_or(was_in, |account| account.subscription.as_str());
    [was_in, wanted_in].into_iter().find(|subscription| !same_id(subscription, ours))
}

fn same_part(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_some_and(|(one, other)| same_id(one, other))
}

/// Whether the project lets vaults of that group go.
fn is_released(vault: &DeletedVault, params: &Params) -> bool {
    params.purge_from_groups.iter().any(|group| same_id(group, &vault.resource_group))
}
