//! An action that the login may not do: which, on what, who was refused, and which role has it.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_again, word};
use repair_tool_sdk::azure::same_id;
use repair_tool_sdk::case::Case;

use crate::messages::{Messages, group, name_after, position, said};

const WORDS: [&str; 6] =
    ["to perform action", "authorization to perform", "permission", "not authorized", "forbidden", "consented"];
/// Azure's own words before the action that is missing; in a linked failure the second one counts.
const ACTION_LABELS: [&str; 3] = ["not have permission to perform action", "to perform action(s)", "to perform action"];

/// What a message says of a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused<'a> {
    pub(crate) action: Option<&'a str>,
    pub(crate) scope: Option<&'a str>,
    /// Object id, or name where there is no id.
    pub(crate) principal: Option<&'a str>,
}

impl<'a> Refused<'a> {
    pub(crate) fn in_text(text: &'a str) -> Self {
        let label = ACTION_LABELS.iter().find_map(|label| Some((position(text, label)?, label.len())));
        let rest = label.and_then(|(at, length)| text.get(at + length..));
        let action = rest.and_then(|rest| name_after(rest, &[" "])).filter(|action| action.contains('/'));
        let scopes = ["over scope", "on the linked scope(s)", "linked scope(s)", "on scope", "scope"];
        let scope = rest.and_then(|rest| name_after(rest, &scopes)).filter(|scope| scope.starts_with('/'));
        Self { action, scope, principal: name_after(text, &["object id", "oid=", "The client", "The user"]) }
    }
}

pub(crate) fn explained(case: &Case, messages: &Messages) -> String {
    let refused = messages
        .find(|message| Some(Refused::in_text(&message.text)).filter(|refused| refused.action.is_some()))
        .unwrap_or_default();
    let action = refused.action.or_else(|| case.fact("operation"));
    let scope = refused.scope.or_else(|| case.fact("path"));
    let who = refused.principal.map_or_else(|| "The login".to_owned(), |who| format!("`{}`", excerpt(who)));
    let what = action
        .map_or_else(|| "something that the deployment needs".to_owned(), |action| format!("`{}`", excerpt(action)));
    let place = scope.map_or_else(String::new, |scope| format!(" on `{}`", excerpt(scope)));
    let login = case.azure_account().map_or_else(
        |_| String::new(),
        |account| format!(" `repair` itself acts with {} in the subscription `{}`.", account.login, account.name),
    );
    let (role, hint) = role_for(action.unwrap_or_default());
    let scope = word(scope.unwrap_or_default(), "SCOPE");
    let principal = word(refused.principal.unwrap_or_default(), "OBJECT_ID");
    format!(
        "{who} may not do {what}{place}.{hint}{login}{} {}",
        said(messages.about(&WORDS)),
        next_steps([
            format!(
                "see which roles it has there: `az role assignment list --assignee {principal} --scope {scope} \
                 --include-inherited --output table`"
            ),
            format!(
                "ask an owner of that scope for the narrowest role that has the action, such as {role}: `az role assignment \
                 create --assignee {principal} --role ROLE --scope {scope}`"
            ),
            format!(
                "wait five minutes, log in again, and run `repair` again: {}; a role that was given only just now is not known \
                 everywhere yet",
                repair_again(group(case))
            ),
        ])
    )
}

/// A ready-made role that has the action, and what else is worth knowing.
fn role_for(action: &str) -> (&'static str, &'static str) {
    let is = |name: &str| same_id(action, name);
    let begins = |name: &str| position(action, name) == Some(0);
    if is("Microsoft.KeyVault/locations/deletedVaults/purge/action") {
        return (
            "`repair vault purger`",
            " The role Key Vault Contributor excludes that on purpose: a purge is final. Bringing the vault back needs only \
             `Microsoft.KeyVault/vaults/write` and loses nothing.",
        );
    }
    if is("Microsoft.Authorization/locks/read") || is("Microsoft.Authorization/permissions/read") {
        return ("`repair reader`", "");
    }
    if begins("Microsoft.Authorization/roleAssignments/") {
        return (
            "`Role Based Access Control Administrator`",
            " The template gives roles to somebody, which a contributor may not.",
        );
    }
    if begins("Microsoft.Authorization/policy") {
        return ("`Resource Policy Contributor`", "");
    }
    if begins("Microsoft.Authorization/locks") {
        return ("`User Access Administrator`", " Locks may be changed only by those who may give roles.");
    }
    let ends = |words: &str| action.to_ascii_lowercase().ends_with(words);
    if ends("/register/action") {
        return (
            "`repair provider registrar` or `Contributor` on the subscription",
            " Whoever may do that registers the provider once, for all; after that nobody else needs it.",
        );
    }
    if begins("Microsoft.KeyVault/vaults/secrets") || begins("Microsoft.KeyVault/vaults/keys") {
        return (
            "`Key Vault Secrets User` or `Key Vault Crypto User`",
            " Being an owner of the subscription is not enough for what is in a vault.",
        );
    }
    let deployed =
        ["Microsoft.KeyVault/", "Microsoft.DBforMySQL/", "Microsoft.Resources/", "Microsoft.ContainerInstance/"];
    if deployed.iter().any(|namespace| begins(namespace)) {
        let looks = ["/read", "/whatif/action", "/exporttemplate/action"].iter().any(|words| ends(words));
        let written = [
            "Microsoft.DBforMySQL/flexibleServers/databases/",
            "Microsoft.DBforMySQL/flexibleServers/firewallRules/",
            "Microsoft.ContainerInstance/",
        ];
        // What only deployments look at is in the deployer's role.
        let for_reader = looks && !written.iter().any(|part| begins(part));
        return (if for_reader { "`repair reader`" } else { "`repair deployer`" }, "");
    }
    (
        "the one that `az role definition list --query \"[?contains(to_string(permissions), 'ACTION')].roleName\"` finds",
        "",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_made_role_is_named_for_each_of_its_actions() {
        for (name, text) in [
            ("`repair reader`", include_str!("../../../docs/roles/repair-reader.json")),
            ("`repair deployer`", include_str!("../../../docs/roles/repair-deployer.json")),
            ("`repair provider registrar`", include_str!("../../../docs/roles/repair-provider-registrar.json")),
            ("`repair vault purger`", include_str!("../../../docs/roles/repair-vault-purger.json")),
        ] {
            let is_action = |word: &&str| word.starts_with("Microsoft.") || word.starts_with('*');
            let actions: Vec<&str> = text.split('"').filter(is_action).collect();
            assert!(!actions.is_empty(), "{name}");
            for action in actions {
                let action = action.replace('*', "Microsoft.Web");
                assert!(role_for(&action).0.contains(name), "{action}: {}", role_for(&action).0);
            }
        }
    }
}
