//! What one action may send: methods and paths, and nothing else.
//!
//! Every request passes a [`Permit`] right before it leaves, below the SDK, so that neither a mistake here nor one in
//! generated code sends what was not approved. Looking is a fixed list of GET requests and two POST requests that change
//! nothing (preview, export). Each change is looking plus exactly one request. Paths are compared segment by
//! segment without regard to case, as Azure does; a path with an encoded, empty or dot segment fits nothing.

use azure_core::Method;

use super::names::{DeploymentName, GroupName, Location, ProviderNamespace, ServerName, SubscriptionId, VaultName};

/// What one action may send.
#[derive(Clone, Debug)]
pub(super) struct Permit {
    action: &'static str,
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    method: Method,
    path: String,
    /// Whether such a request changes something.
    changes: bool,
}

/// Stands for any one segment in the path of a rule.
const ANY: &str = "*";

/// What looking reads, below the subscription.
const LOOKS: &[&str] = &[
    "",
    "/resourcegroups/*",
    "/resourcegroups/*/providers/Microsoft.Resources/deployments",
    "/resourcegroups/*/providers/Microsoft.Resources/deployments/*",
    "/resourcegroups/*/deployments/*/operations",
    "/resourcegroups/*/providers/Microsoft.KeyVault/vaults/*",
    "/providers/Microsoft.KeyVault/deletedVaults",
    "/providers/Microsoft.KeyVault/locations/*/deletedVaults/*",
    "/resourcegroups/*/providers/Microsoft.DBforMySQL/flexibleServers",
    "/resourcegroups/*/providers/Microsoft.DBforMySQL/flexibleServers/*",
    "/providers/*",
    "/resourcegroups/*/providers/Microsoft.Authorization/locks",
    "/resourcegroups/*/providers/Microsoft.Authorization/permissions",
    "/providers/Microsoft.Authorization/permissions",
];

/// What looking sends with POST: Azure computes something and changes nothing.
const LOOKS_BY_POST: &[&str] = &[
    "/resourcegroups/*/providers/Microsoft.Resources/deployments/*/whatIf",
    "/resourcegroups/*/providers/Microsoft.Resources/deployments/*/exportTemplate",
];

impl Permit {
    /// Looking at one subscription.
    pub(super) fn look(subscription: &SubscriptionId) -> Self {
        let below = |path: &&str| format!("/subscriptions/{subscription}{path}");
        let get = LOOKS.iter().map(below).map(|path| Rule { method: Method::Get, path, changes: false });
        let post = LOOKS_BY_POST.iter().map(below).map(|path| Rule { method: Method::Post, path, changes: false });
        Self { action: "looking", rules: get.chain(post).collect() }
    }

    /// Asking which subscriptions there are.
    pub(super) fn subscriptions() -> Self {
        Self::only("asking for the subscriptions", Method::Get, "/subscriptions")
    }

    /// One GET of one path that Azure itself has named.
    pub(super) fn poll(path: &str) -> Self {
        Self::only("waiting for an operation", Method::Get, path)
    }

    /// Asking a vault whether it answers.
    pub(super) fn vault(path: &str) -> Self {
        Self::only("asking a vault whether it answers", Method::Get, path)
    }

    /// Asking Entra ID for a token.
    pub(super) fn token() -> Self {
        Self::only("asking for a token", Method::Post, "/*/oauth2/v2.0/token")
    }

    /// Asking the machine or service for a token.
    pub(super) fn identity(path: &str) -> Self {
        Self::only("asking for a token", Method::Get, path)
    }

    /// Deploying under one name.
    pub(super) fn deploy(subscription: &SubscriptionId, group: &GroupName, name: &DeploymentName) -> Self {
        let path = format!("resourcegroups/{group}/providers/Microsoft.Resources/deployments/{name}");
        Self::change("azure-deploy", subscription, Method::Put, &path)
    }

    /// Purging one deleted vault, which cannot be undone.
    pub(super) fn purge(subscription: &SubscriptionId, location: &Location, vault: &VaultName) -> Self {
        let path = format!("providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{vault}/purge");
        Self::change("azure-purge-vault", subscription, Method::Post, &path)
    }

    /// Recovering one deleted vault.
    pub(super) fn recover(subscription: &SubscriptionId, group: &GroupName, vault: &VaultName) -> Self {
        let path = format!("resourcegroups/{group}/providers/Microsoft.KeyVault/vaults/{vault}");
        Self::change("azure-recover-vault", subscription, Method::Put, &path)
    }

    /// Starting one server.
    pub(super) fn start_server(subscription: &SubscriptionId, group: &GroupName, server: &ServerName) -> Self {
        let path = format!("resourcegroups/{group}/providers/Microsoft.DBforMySQL/flexibleServers/{server}/start");
        Self::change("azure-start-server", subscription, Method::Post, &path)
    }

    /// Registering one resource provider.
    pub(super) fn register(subscription: &SubscriptionId, provider: &ProviderNamespace) -> Self {
        Self::change("azure-register-provider", subscription, Method::Post, &format!("providers/{provider}/register"))
    }

    fn only(action: &'static str, method: Method, path: &str) -> Self {
        Self { action, rules: vec![Rule { method, path: path.to_owned(), changes: false }] }
    }

    fn change(action: &'static str, subscription: &SubscriptionId, method: Method, path: &str) -> Self {
        let mut permit = Self::look(subscription);
        permit.action = action;
        permit.rules.push(Rule { method, path: format!("/subscriptions/{subscription}/{path}"), changes: true });
        permit
    }

    /// What it is for: the detail of fault points, and a word of errors.
    pub(super) fn action(&self) -> &'static str {
        self.action
    }

    /// Whether `method` and `path` are permitted, and if so, whether that changes something.
    pub(super) fn allows(&self, method: Method, path: &str) -> Option<bool> {
        self.rules.iter().find(|rule| rule.method == method && fits(&rule.path, path)).map(|rule| rule.changes)
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    // Resource Manager and its SDK write some lists with a slash at the end.
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut path = path.split('/');
    let mut pattern = pattern.strip_suffix('/').unwrap_or(pattern).split('/');
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(ANY), Some(segment)) if !is_plain(segment) => return false,
            (Some(wanted), Some(segment)) if wanted == ANY || wanted.eq_ignore_ascii_case(segment) => {}
            _ => return false,
        }
    }
}

fn is_plain(segment: &str) -> bool {
    !matches!(segment, "" | "." | ".." | ANY) && !segment.contains(['%', '\\', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "01234567-89ab-cdef-0123-456789abcdef";

    fn subscription() -> SubscriptionId {
        SubscriptionId::new(SUBSCRIPTION).expect("a GUID")
    }

    fn path(rest: &str) -> String {
        format!("/subscriptions/{SUBSCRIPTION}{rest}")
    }

    #[test]
    fn looking_changes_nothing_and_reaches_nothing_else() {
        let look = Permit::look(&subscription());
        let vault = path("/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1");
        assert_eq!(look.allows(Method::Get, &vault), Some(false));
        assert_eq!(look.allows(Method::Get, &vault.to_uppercase()), Some(false), "in any case");
        assert_eq!(
            look.allows(Method::Post, &path("/resourcegroups/rg/providers/Microsoft.Resources/deployments/d/whatIf")),
            Some(false)
        );
        for method in [Method::Put, Method::Post, Method::Delete, Method::Patch, Method::Head] {
            assert_eq!(look.allows(method, &vault), None, "{method}");
        }
        for (method, wrong) in [
            (Method::Get, "/subscriptions/11111111-89ab-cdef-0123-456789abcdef".to_owned()),
            (Method::Get, "/subscriptions".to_owned()),
            (Method::Get, path("/resourceGroups")),
            (Method::Get, path("/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1/secrets")),
            (Method::Get, path("/resourceGroups/../providers/x")),
            (Method::Get, path("/resourceGroups//")),
            (Method::Get, path("/resourceGroups/%2e%2e")),
            (Method::Get, path("/resourceGroups/*")),
            (Method::Post, path("/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/kv1/purge")),
            (Method::Post, path("/providers/Microsoft.KeyVault/register")),
            (Method::Post, path("/resourcegroups/rg/providers/Microsoft.Resources/deployments/d/cancel")),
        ] {
            assert_eq!(look.allows(method, &wrong), None, "{method} {wrong}");
        }
    }

    #[test]
    fn a_change_is_looking_and_exactly_one_request() {
        let (group, vault) = (GroupName::new("rg").expect("a name"), VaultName::new("kv1").expect("a name"));
        let location = Location::new("East US").expect("a region");
        let purge = Permit::purge(&subscription(), &location, &vault);
        let own = path("/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/KV1/purge");
        assert_eq!(purge.allows(Method::Post, &own), Some(true));
        for other in ["locations/westus/deletedVaults/kv1", "locations/eastus/deletedVaults/kv2"] {
            assert_eq!(
                purge.allows(Method::Post, &path(&format!("/providers/Microsoft.KeyVault/{other}/purge"))),
                None
            );
        }
        let recover = Permit::recover(&subscription(), &group, &vault);
        assert_eq!(recover.allows(Method::Post, &own), None);
        assert_eq!(
            recover.allows(Method::Put, &path("/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1")),
            Some(true)
        );
        assert_eq!(
            recover.allows(Method::Delete, &path("/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1")),
            None
        );
        let name = DeploymentName::new("main").expect("a name");
        let deploy = Permit::deploy(&subscription(), &group, &name);
        let own = path("/resourcegroups/rg/providers/Microsoft.Resources/deployments/main");
        assert_eq!((deploy.allows(Method::Put, &own), deploy.allows(Method::Get, &own)), (Some(true), Some(false)));
        assert_eq!(deploy.allows(Method::Put, &own.replace("main", "other")), None);
        let server = ServerName::new("my1").expect("a name");
        let start = Permit::start_server(&subscription(), &group, &server);
        let own = path("/resourceGroups/rg/providers/Microsoft.DBforMySQL/flexibleServers/my1/start");
        assert_eq!(
            (start.allows(Method::Post, &own), start.allows(Method::Post, &own.replace("/start", "/stop"))),
            (Some(true), None)
        );
        let provider = ProviderNamespace::new("Microsoft.KeyVault").expect("a namespace");
        let register = Permit::register(&subscription(), &provider);
        assert_eq!(register.allows(Method::Post, &path("/providers/microsoft.keyvault/register")), Some(true));
        assert_eq!(register.allows(Method::Post, &path("/providers/Microsoft.KeyVault/unregister")), None);
    }
}
