//! Ids of Azure Resource Manager, taken apart: `/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME/…`.

use super::same_id;

/// An id, as far as it can be read. What is none has no parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceId<'a>(&'a str);

impl<'a> ResourceId<'a> {
    /// Any text.
    pub const fn new(id: &'a str) -> Self {
        Self(id)
    }

    /// The subscription that it is in.
    pub fn subscription(self) -> Option<&'a str> {
        self.after("subscriptions")
    }

    /// The resource group that it is in.
    pub fn group(self) -> Option<&'a str> {
        self.after("resourceGroups")
    }

    /// The name of the resource of that type that it is, or is a part of; a firewall rule is a part of its server.
    pub fn name_of(self, resource_type: &str) -> Option<&'a str> {
        self.names_down_to(resource_type).map(|(name, _)| name)
    }

    /// Whether it is of that type itself, and not a part of one.
    pub fn is_a(self, resource_type: &str) -> bool {
        self.names_down_to(resource_type).is_some_and(|(_, is_last)| is_last)
    }

    /// Whether it is `other`, or a part of it; a firewall rule is within its server.
    pub fn is_within(self, other: &str) -> bool {
        let mut parts = self.parts();
        let mut others = ResourceId(other).parts().peekable();
        others.peek().is_some() && others.all(|other| parts.next().is_some_and(|part| same_id(part, other)))
    }

    /// The type and the name of the resource, each without its ancestors' names.
    pub fn type_and_name(self) -> Option<(String, &'a str)> {
        let mut parts = self.provided()?;
        let (mut resource_type, mut name) = (parts.next()?.to_owned(), None);
        while let (Some(kind), Some(named)) = (parts.next(), parts.next()) {
            resource_type = format!("{resource_type}/{kind}");
            name = Some(named);
        }
        Some((resource_type, name?))
    }

    fn parts(self) -> impl Iterator<Item = &'a str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    fn after(self, key: &str) -> Option<&'a str> {
        let mut parts = self.parts();
        parts.find(|part| same_id(part, key))?;
        parts.next()
    }

    /// From the namespace on, up to where something of another provider hangs on to it, such as a lock.
    fn provided(self) -> Option<impl Iterator<Item = &'a str>> {
        let mut parts = self.parts();
        parts.find(|part| same_id(part, "providers"))?;
        Some(parts.take_while(|part| !same_id(part, "providers")))
    }

    fn names_down_to(self, resource_type: &str) -> Option<(&'a str, bool)> {
        let mut parts = self.provided()?;
        let mut kinds = resource_type.split('/');
        let mut name = None;
        if !same_id(parts.next()?, kinds.next()?) {
            return None;
        }
        for kind in kinds {
            if !same_id(parts.next()?, kind) {
                return None;
            }
            name = Some(parts.next()?);
        }
        let hangs_on = self.parts().filter(|part| same_id(part, "providers")).count() > 1;
        Some((name?, parts.next().is_none() && !hangs_on))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::{MYSQL_TYPE, VAULT_TYPE};

    #[test]
    fn an_id_is_read_whatever_the_case_of_its_letters() {
        let id =
            ResourceId::new("/SUBSCRIPTIONS/5b0a/resourcegroups/RG-Shop/PROVIDERS/microsoft.keyvault/Vaults/kv-shop");
        assert_eq!((id.subscription(), id.group()), (Some("5b0a"), Some("RG-Shop")));
        assert_eq!(id.name_of(VAULT_TYPE), Some("kv-shop"));
        assert!(id.is_a(VAULT_TYPE) && !id.is_a(MYSQL_TYPE));
        assert_eq!(id.type_and_name(), Some(("microsoft.keyvault/Vaults".to_owned(), "kv-shop")));
    }

    #[test]
    fn a_part_names_what_it_is_a_part_of_and_is_not_that() {
        let rule =
            "/subscriptions/5b0a/resourceGroups/rg/providers/Microsoft.DBforMySQL/flexibleServers/db/firewallRules/all";
        let rule = ResourceId::new(rule);
        let server = "/subscriptions/5b0a/resourceGroups/RG/providers/Microsoft.DBforMySQL/flexibleServers/DB";
        assert!(rule.is_within(server) && ResourceId::new(server).is_within(server));
        assert!(
            !rule.is_within(&format!("{server}2")) && !rule.is_within("") && !ResourceId::new(server).is_within(rule.0)
        );
        assert_eq!(rule.name_of(MYSQL_TYPE), Some("db"));
        assert!(!rule.is_a(MYSQL_TYPE));
        let rule_type = "Microsoft.DBforMySQL/flexibleServers/firewallRules".to_owned();
        assert_eq!(rule.type_and_name(), Some((rule_type, "all")));
        let lock = "/subscriptions/5b0a/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv/providers/Microsoft.Authorization/locks/keep";
        assert_eq!(ResourceId::new(lock).name_of(VAULT_TYPE), Some("kv"));
        assert!(!ResourceId::new(lock).is_a(VAULT_TYPE), "a lock on a vault is no vault");
    }

    #[test]
    fn what_is_no_id_has_no_parts() {
        for text in ["", "/", "kv-shop", "/subscriptions", "/providers/Microsoft.KeyVault", "//providers//"] {
            let id = ResourceId::new(text);
            assert_eq!((id.subscription(), id.group(), id.name_of(VAULT_TYPE)), (None, None, None), "{text}");
            assert!(!id.is_a(VAULT_TYPE) && id.type_and_name().is_none(), "{text}");
        }
    }
}
