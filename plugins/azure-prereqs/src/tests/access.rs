//! Logins, roles, policies, locks, groups and templates: who may do what, and what a person is told.

use repair_tool_sdk::azure::ManagementLock;
use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::{FailureClass, QueryKind};
use repair_tool_sdk::testing::{AzureGroup, FakeHost};

use crate::policy::assignments;

use super::{AzurePrereqs, declines, failed, host, told};

const GROUP: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-shop";

fn account(state: &str, login: &str) -> FakeHost {
    let mut azure = AzureGroup::default();
    azure.account.state = state.to_owned();
    azure.account.login = login.to_owned();
    FakeHost::new(FailureClass::AzureAuthExpired).azure(azure)
}

#[test]
fn a_login_that_has_ended_says_how_to_renew_it() {
    let refusal = Refusal::Unavailable("the Azure CLI is not logged in".to_owned());
    let ended = told(
        FailureClass::AzureAuthExpired,
        &[
            "AADSTS700082: The refresh token has expired due to inactivity.",
            "tenant '9b1c0000-0000-0000-0000-00000000abcd'",
        ],
    )
    .fact("subscription", "5b0a0000-0000-0000-0000-000000000001")
    .refusing(QueryKind::AzureAccount, refusal);
    declines(
        &ended,
        &[
            "the Azure CLI is not logged in",
            "AADSTS700082",
            "az login --tenant 9b1c0000-0000-0000-0000-00000000abcd",
            "az account set --subscription 5b0a0000-0000-0000-0000-000000000001",
        ],
    );
    assert_eq!(ended.converse::<AzurePrereqs>().rounds.len(), 1, "nothing else is asked with a login that has ended");
}

#[test]
fn a_login_that_works_here_is_told_apart_from_the_one_that_failed() {
    for (login, word) in [
        ("Azure CLI", "az login"),
        ("workload identity", "federated credential"),
        ("managed identity", "az vm identity show"),
        ("client secret of the environment", "az ad app credential list"),
        ("something new", "az login"),
    ] {
        declines(&account("Enabled", login), &["is logged in", login, word, "`shop`"]);
    }
}

#[test]
fn a_disabled_subscription_is_no_matter_of_logins() {
    for state in ["Disabled", "Warned", "PastDue", "Deleted"] {
        declines(&account(state, "Azure CLI"), &[&format!("in state {state}"), "Cost Management", "az account list"]);
    }
}

#[test]
fn a_refused_action_is_told_with_scope_principal_and_role() {
    let refused =
        |message: &str| host(FailureClass::AzureAuthorizationFailed, failed("AuthorizationFailed", message, None));
    let who = "The client 'c0b6461f' with object id '2ee8dc3a-993f-5f55-8c01-95dec9466869'";
    let message = format!(
        "{who} does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '{GROUP}' or \
         the scope is invalid."
    );
    declines(
        &refused(&message),
        &[
            "`2ee8dc3a-993f-5f55-8c01-95dec9466869` may not do `Microsoft.Authorization/roleAssignments/write`",
            "Role Based Access Control Administrator",
            &format!("--assignee 2ee8dc3a-993f-5f55-8c01-95dec9466869 --scope {GROUP}"),
            "acts with Azure CLI",
        ],
    );
    for (action, role) in [
        ("Microsoft.KeyVault/locations/deletedVaults/purge/action", "`repair vault purger`"),
        ("Microsoft.KeyVault/vaults/write", "`repair deployer`"),
        ("microsoft.dbformysql/flexibleservers/start/action", "`repair deployer`"),
        ("Microsoft.Resources/deployments/whatIf/action", "`repair reader`"),
        ("Microsoft.KeyVault/deletedVaults/read", "`repair reader`"),
        ("Microsoft.Web/register/action", "`repair provider registrar` or `Contributor` on the subscription"),
        ("Microsoft.Web/sites/write", "az role definition list"),
    ] {
        let message = format!("{who} does not have authorization to perform action '{action}' over scope '{GROUP}'");
        declines(&refused(&message), &[action, role]);
    }
    declines(
        &refused(&format!(
            "{who} does not have authorization to perform action 'Microsoft.KeyVault/locations/deletedVaults/purge/action'"
        )),
        &["Key Vault Contributor excludes", "Bringing the vault back"],
    );
}

#[test]
fn of_a_linked_refusal_the_missing_action_counts() {
    let message = "The client 'a' with object id 'b' has permission to perform action 'Microsoft.Web/sites/write' on scope \
                   '/subscriptions/0d5c/resourceGroups/rg-a'; however, it does not have permission to perform action \
                   'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) \
                   '/subscriptions/0d5c/resourceGroups/rg-net'.";
    let linked = host(FailureClass::AzureAuthorizationFailed, failed("LinkedAuthorizationFailed", message, None));
    declines(
        &linked,
        &[
            "may not do `Microsoft.Network/virtualNetworks/subnets/join/action`",
            "on `/subscriptions/0d5c/resourceGroups/rg-net`",
        ],
    );
}

#[test]
fn a_refusal_that_says_little_is_filled_in_from_the_facts() {
    let bare = told(FailureClass::AzureAuthorizationFailed, &["AuthorizationFailed"])
        .fact("operation", "Microsoft.KeyVault/vaults/write")
        .fact("path", GROUP);
    declines(&bare, &["The login may not do `Microsoft.KeyVault/vaults/write`", GROUP, "--assignee OBJECT_ID"]);
    declines(
        &told(FailureClass::AzureAuthorizationFailed, &[]),
        &["something that the deployment needs", "--scope SCOPE"],
    );
}

#[test]
fn the_assignments_of_a_policy_are_read_from_its_message() {
    let escaped = "Policy identifiers: '[{\"policyAssignment\":{\"name\":\"No public IPs\",\"id\":\"/providers/Microsoft.Management/\
                   managementGroups/corp/providers/Microsoft.Authorization/policyAssignments/Deny-IP\"},\"policyDefinition\":\
                   {\"name\":\"x\"}},{\"policyAssignment\":{\"id\":\"/a/b\"}}]'";
    let found: Vec<_> = assignments(escaped).iter().map(|one| (one.name, one.id.is_some())).collect();
    assert_eq!(found, [("No public IPs", true), ("/a/b", true)]);
    assert!(assignments("\"policyAssignment\"").is_empty() && assignments("").is_empty());
    let message = format!("Resource 'pip-shop' was disallowed by policy. {}", escaped.replace('"', "\\\""));
    declines(
        &host(FailureClass::AzurePolicyDenied, failed("RequestDisallowedByPolicy", &message, None)),
        &[
            "forbids `pip-shop`: `No public IPs`",
            "az policy assignment show --name Deny-IP --scope /providers/Microsoft.Management/managementGroups/corp",
            "exemption",
        ],
    );
    declines(
        &told(FailureClass::AzurePolicyDenied, &["because of policy violation"]),
        &["does not name", "az policy assignment list"],
    );
}

#[test]
fn what_azure_itself_disallows_is_nobodys_policy() {
    let message = "Resource 'st5shop' was disallowed by Azure: This policy maintains a set of best available regions.";
    let host = host(FailureClass::AzurePolicyDenied, failed("RequestDisallowedByAzure", message, None));
    declines(&host, &["no policy that somebody could change", "support request"]);
}

fn lock(name: &str, level: &str, scope: &str) -> ManagementLock {
    ManagementLock { name: name.to_owned(), level: level.to_owned(), scope: format!("{GROUP}{scope}") }
}

fn locked(locks: Vec<ManagementLock>) -> FakeHost {
    FakeHost::new(FailureClass::AzureLock).azure(AzureGroup { locks, ..AzureGroup::default() })
}

#[test]
fn locks_are_listed_and_left_to_their_owner() {
    let host = locked(vec![
        lock("keep", "CanNotDelete", ""),
        lock("freeze", "ReadOnly", "/providers/Microsoft.KeyVault/vaults/kv"),
    ]);
    declines(
        &host,
        &[
            "`keep` (CanNotDelete)",
            "`freeze` (ReadOnly)",
            "az lock show --name freeze --resource-group rg-shop --resource-type Microsoft.KeyVault/vaults --resource kv",
            "az lock delete --name freeze",
            "--lock-type ReadOnly",
        ],
    );
    declines(
        &locked(vec![lock("keep", "CanNotDelete", "")]),
        &["az lock delete --name keep --resource-group rg-shop`"],
    );
    declines(&locked(vec![lock("keep", "CanNotDelete", ""); 9]).cutting(QueryKind::Locks), &["and more"]);
}

#[test]
fn a_lock_that_is_not_on_the_group_is_looked_for_above_it() {
    let above = ["none is on the group", "az lock list --subscription 00000000-0000-0000-0000-000000000001"];
    declines(&locked(Vec::new()), &above);
    let refusal = Refusal::Unavailable("403".to_owned());
    declines(&locked(Vec::new()).refusing(QueryKind::Locks, refusal), &["could not be looked at", "az lock list"]);
}

#[test]
fn a_missing_group_is_not_made_here() {
    let class = FailureClass::AzureResourceGroupNotFound;
    let host = told(class, &["Resource group 'rg-shop-dev' could not be found."])
        .fact("resource-group", "rg-shop-dev")
        .fact("region", "West Europe");
    declines(
        &host,
        &[
            "`rg-shop-dev` does not exist in the subscription `shop`",
            "az group exists --name rg-shop-dev",
            "az group create --name rg-shop-dev --location westeurope",
        ],
    );
    declines(&told(class, &[]), &["az group create --name GROUP --location REGION"]);
}

#[test]
fn a_wrong_template_is_explained_with_its_place() {
    let class = FailureClass::AzureInvalidTemplate;
    let message = "Deployment template validation failed: 'The template parameter 'skuName' at line '1' and column '312' is not provided.'";
    let words = ["the parameter `skuName` at line 1 and column 312", "az deployment group validate", "bicep build"];
    declines(&host(class, failed("InvalidTemplate", message, None)), &words);
    declines(&told(class, &["main.bicep(12,3) : Error BCP057: The name does not exist"]), &["`main.bicep(12,3)`"]);
    declines(
        &told(class, &["ERROR: Missing input parameters: adminLogin, x"]),
        &["the missing parameter `adminLogin`"],
    );
    declines(&told(class, &[]), &["nobody but its author"]);
}
