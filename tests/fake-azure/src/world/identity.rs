//! Who may ask, and for what.

/// Somebody who can log in without a person: an application with a secret or a federated credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The tenant in which it lives.
    pub tenant: String,
    /// The application's id.
    pub client_id: String,
    /// The id of its service principal.
    pub object_id: String,
    /// The secret with which it logs in.
    pub secret: String,
    /// The assertion with which it logs in instead (workload identity).
    pub assertion: Option<String>,
    /// What it may do.
    pub grants: Vec<Grant>,
}

/// A role assignment. `*` in an action stands for anything; case does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Where it holds and below: `/` everywhere, or the id of a subscription, group or resource.
    pub scope: String,
    /// What may be done.
    pub actions: Vec<String>,
    /// What may not be done by this grant; another grant can still allow it.
    pub not_actions: Vec<String>,
}

impl Grant {
    /// A role of one's own.
    pub fn new(scope: &str, actions: &[&str], not_actions: &[&str]) -> Self {
        let owned = |actions: &[&str]| actions.iter().map(|action| (*action).to_owned()).collect();
        Self { scope: scope.to_owned(), actions: owned(actions), not_actions: owned(not_actions) }
    }

    /// `Owner`: everything.
    pub fn owner(scope: &str) -> Self {
        Self::new(scope, &["*"], &[])
    }

    /// `Contributor`: everything but access.
    pub fn contributor(scope: &str) -> Self {
        let not_actions = [
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
        ];
        Self::new(scope, &["*"], &not_actions)
    }

    /// `Reader`: everything is seen, nothing is changed.
    pub fn reader(scope: &str) -> Self {
        Self::new(scope, &["*/read"], &[])
    }

    /// `Key Vault Contributor`: vaults, but no purge.
    pub fn key_vault_contributor(scope: &str) -> Self {
        let actions = [
            "Microsoft.Authorization/*/read",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.KeyVault/*",
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
        ];
        let not_actions = [
            "Microsoft.KeyVault/locations/deletedVaults/purge/action",
            "Microsoft.KeyVault/hsmPools/*",
            "Microsoft.KeyVault/managedHsms/*",
        ];
        Self::new(scope, &actions, &not_actions)
    }

    /// Whether it holds at `scope`.
    pub(crate) fn reaches(&self, scope: &str) -> bool {
        is_below(scope, &self.scope)
    }

    pub(crate) fn allows(&self, action: &str, scope: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, action));
        self.reaches(scope) && any(&self.actions) && !any(&self.not_actions)
    }
}

impl Identity {
    /// Whether one of its grants allows this.
    pub(crate) fn may(&self, action: &str, scope: &str) -> bool {
        self.grants.iter().any(|grant| grant.allows(action, scope))
    }
}

/// Whether `scope` is `above` or lies below it.
pub(crate) fn is_below(scope: &str, above: &str) -> bool {
    let (scope, above) = (scope.to_ascii_lowercase(), above.trim_end_matches('/').to_ascii_lowercase());
    scope.strip_prefix(&above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether `text` fits `pattern`, in which `*` stands for anything.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_lowercase(), text.to_ascii_lowercase());
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let mut pieces: Vec<_> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_within_an_action() {
        assert!(matches("*", "Microsoft.KeyVault/vaults/write"));
        assert!(matches("*/read", "Microsoft.KeyVault/vaults/read"));
        assert!(matches("Microsoft.Authorization/*/Write", "microsoft.authorization/locks/write"));
        assert!(!matches("*/read", "Microsoft.KeyVault/vaults/write"));
        assert!(!matches("Microsoft.KeyVault/vaults/read", "Microsoft.KeyVault/vaults/read/more"));
    }

    #[test]
    fn a_key_vault_contributor_may_not_purge() {
        let grant = Grant::key_vault_contributor("/subscriptions/s");
        let scope = "/subscriptions/S/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/kv";
        assert!(!grant.allows("Microsoft.KeyVault/locations/deletedVaults/purge/action", scope));
        assert!(grant.allows("Microsoft.KeyVault/vaults/write", scope));
        assert!(!grant.allows("Microsoft.KeyVault/vaults/write", "/subscriptions/s2"));
    }
}
