//! What this login may do, and what is locked.
//!
//! Permissions are those of "Permissions - List For Resource Group" (api-version 2022-04-01): each entry is one role
//! that the login has there, inherited ones included. Within an entry `notActions` takes away from `actions`; entries
//! add up, so what one of them takes away another may give. Deny assignments are not part of it: a yes is a good guess,
//! a no is sure.

use serde_json::Value;

use super::client::Arm;
use super::error::ArmError;
use super::limits::LIST_ENTRIES_MAX;
use super::names::GroupName;

/// The version of the locks API.
const LOCKS_VERSION: &str = "2016-09-01";
/// The version of the permissions API.
const PERMISSIONS_VERSION: &str = "2022-04-01";

/// A lock that somebody put on a resource, a group or the subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Its name; foreign text.
    pub name: String,
    /// Its id, which says what is locked; foreign text.
    pub id: String,
    /// What it forbids.
    pub level: LockLevel,
    /// Why somebody put it there; foreign text.
    pub notes: String,
}

/// What a lock forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockLevel {
    /// Deleting.
    CanNotDelete,
    /// Deleting and changing.
    ReadOnly,
    /// A word that this version does not know; treat it like [`Self::ReadOnly`].
    Other,
}

/// What the login may do somewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    roles: Vec<Role>,
    cut: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Role {
    actions: Vec<String>,
    not_actions: Vec<String>,
}

impl Permissions {
    /// Whether the login may do this, such as `Microsoft.KeyVault/vaults/write`; `None` when the list was too long to say
    /// no. A yes may still be taken away by a deny assignment or a lock.
    pub fn may(&self, action: &str) -> Option<bool> {
        let gives = |role: &Role| {
            let has = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, action));
            has(&role.actions) && !has(&role.not_actions)
        };
        match self.roles.iter().any(gives) {
            true => Some(true),
            false if self.cut => None,
            false => Some(false),
        }
    }

    fn read(entries: &[Value], cut: bool) -> Self {
        let words = |entry: &Value, key: &str| {
            let all = entry.get(key).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let role = |entry| Role { actions: words(entry, "actions"), not_actions: words(entry, "notActions") };
        Self { roles: entries.iter().map(role).collect(), cut }
    }
}

/// Whether an action is meant by a pattern in which `*` stands for any characters, slashes included; in any case.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    // Each piece between two stars as far to the left as it goes leaves the most for those behind it.
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl Arm {
    /// The locks that apply in a resource group: its own, those of resources in it, and inherited ones.
    ///
    /// # Errors
    /// When they cannot be looked at.
    pub async fn locks(&self, group: &GroupName) -> Result<Vec<Lock>, ArmError> {
        let path = format!(
            "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Authorization/locks",
            self.subscription_id()
        );
        let all = self.whole_list(&path, LOCKS_VERSION).await?;
        Ok(all.iter().map(read_lock).collect())
    }

    /// What the login may do in the whole subscription.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn permissions_at_subscription(&self) -> Result<Permissions, ArmError> {
        self.permissions(&format!("/subscriptions/{}", self.subscription_id())).await
    }

    /// What the login may do in a resource group.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub async fn permissions_at_group(&self, group: &GroupName) -> Result<Permissions, ArmError> {
        self.permissions(&format!("/subscriptions/{}/resourceGroups/{group}", self.subscription_id())).await
    }

    async fn permissions(&self, scope: &str) -> Result<Permissions, ArmError> {
        let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
        let (all, cut) = self.list(&path, PERMISSIONS_VERSION, LIST_ENTRIES_MAX).await?;
        Ok(Permissions::read(&all, cut))
    }
}

fn read_lock(value: &Value) -> Lock {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let level = match text("/properties/level").to_ascii_lowercase().as_str() {
        "cannotdelete" => LockLevel::CanNotDelete,
        "readonly" => LockLevel::ReadOnly,
        _ => LockLevel::Other,
    };
    Lock { name: text("/name"), id: text("/id"), level, notes: text("/properties/notes") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stars_stand_for_anything_and_case_for_nothing() {
        for (pattern, action, expected) in [
            ("*", "Microsoft.KeyVault/vaults/write", true),
            ("*/read", "Microsoft.KeyVault/vaults/read", true),
            ("*/read", "Microsoft.KeyVault/vaults/write", false),
            ("microsoft.keyvault/*", "Microsoft.KeyVault/vaults/write", true),
            ("Microsoft.KeyVault/*/write", "Microsoft.KeyVault/vaults/secrets/write", true),
            ("Microsoft.KeyVault/vaults/write", "Microsoft.KeyVault/vaults/write", true),
            ("Microsoft.KeyVault/vaults/write", "Microsoft.KeyVault/vaults/writes", false),
            ("Microsoft.KeyVault/vaults", "Microsoft.KeyVault/vaults/write", false),
            ("*a*a", "ba", false),
            ("*a*a", "aa", true),
            ("", "x", false),
            ("**", "x", true),
        ] {
            assert_eq!(matches(pattern, action), expected, "{pattern} {action}");
        }
    }

    #[test]
    fn a_role_takes_away_from_itself_only() {
        let purge = "Microsoft.KeyVault/locations/deletedVaults/purge/action";
        let contributor = json!({ "actions": ["Microsoft.KeyVault/*"], "notActions": [purge] });
        let reader = json!({ "actions": ["*/read"], "notActions": [] });
        let both = Permissions::read(&[contributor.clone(), reader.clone()], false);
        assert_eq!((both.may(purge), both.may("Microsoft.KeyVault/vaults/write")), (Some(false), Some(true)));
        let owner = json!({ "actions": ["*"] });
        assert_eq!(Permissions::read(&[contributor, owner], false).may(purge), Some(true));
        assert_eq!(Permissions::read(&[reader], true).may(purge), None, "a list that was cut says no to nothing");
        assert_eq!(Permissions::default().may(purge), Some(false));
    }
}
