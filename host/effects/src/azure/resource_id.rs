//! The id of a resource, as Resource Manager writes it.
//!
//! `/subscriptions/ID[/resourceGroups/NAME][/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME]…]`, where a later `providers`
//! begins an extension of what stands before it. Ids come from Azure and from people; this module refuses those that
//! would not stay what they are when they become a path: dot segments, empty segments, `?`, `#`, `%`, `\` and control
//! characters. Azure compares ids without regard to case, and so does [`ResourceId`].

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use super::limits::RESOURCE_ID_BYTES_MAX;
use super::names::{GroupName, NameError, ProviderNamespace, SubscriptionId};

/// The field that errors name.
const FIELD: &str = "resource id";

/// The id of a resource, a resource group or a subscription.
#[derive(Clone)]
pub struct ResourceId {
    text: String,
    subscription: SubscriptionId,
    group: Option<GroupName>,
    resource: Option<Resource>,
}

/// What stands behind the last `providers` of an id.
#[derive(Clone)]
struct Resource {
    provider: ProviderNamespace,
    /// Types and names in turn, as many of the one as of the other.
    types: Vec<String>,
    names: Vec<String>,
}

impl ResourceId {
    /// What an id has to be, in words.
    pub const RULE: &'static str = "it has to be of the form \
        /subscriptions/ID/resourceGroups/NAME/providers/NAMESPACE/TYPE/NAME, with plain segments";

    /// Reads an id.
    ///
    /// # Errors
    /// When it breaks [`Self::RULE`] or is longer than [`RESOURCE_ID_BYTES_MAX`].
    pub fn new(text: &str) -> Result<Self, NameError> {
        read(text).ok_or_else(|| NameError::new(FIELD, text, Self::RULE))
    }

    /// The id as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The subscription.
    pub fn subscription(&self) -> &SubscriptionId {
        &self.subscription
    }

    /// The resource group, unless it is something of the subscription itself.
    pub fn group(&self) -> Option<&GroupName> {
        self.group.as_ref()
    }

    /// The namespace of the resource provider; `None` for a subscription or resource group.
    pub fn provider(&self) -> Option<&ProviderNamespace> {
        self.resource.as_ref().map(|resource| &resource.provider)
    }

    /// The full type, such as `Microsoft.DBforMySQL/flexibleServers/databases`; `None` for a subscription or resource
    /// group. Compare it without regard to case.
    pub fn resource_type(&self) -> Option<String> {
        let resource = self.resource.as_ref()?;
        Some(format!("{}/{}", resource.provider, resource.types.join("/")))
    }

    /// Whether it is a resource of this full type, in any case.
    pub fn is_of_type(&self, full_type: &str) -> bool {
        self.resource_type().is_some_and(|own| own.eq_ignore_ascii_case(full_type))
    }

    /// The names of the resource and of those that it is part of, outermost first; empty for a subscription or group.
    pub fn names(&self) -> &[String] {
        self.resource.as_ref().map_or(&[], |resource| &resource.names)
    }

    /// The last name: that of the resource, the group or the subscription itself.
    pub fn name(&self) -> &str {
        match (self.names().last(), &self.group) {
            (Some(name), _) => name,
            (None, Some(group)) => group.as_str(),
            (None, None) => self.subscription.as_str(),
        }
    }
}

fn read(text: &str) -> Option<ResourceId> {
    if text.len() > RESOURCE_ID_BYTES_MAX {
        return None;
    }
    let segments: Vec<&str> = text.strip_prefix('/')?.split('/').collect();
    if !segments.iter().all(|segment| is_segment(segment)) {
        return None;
    }
    let (subscription, rest) = keyed("subscriptions", &segments)?;
    let subscription = SubscriptionId::new(subscription).ok()?;
    let (group, rest) = match keyed("resourceGroups", rest) {
        Some((name, rest)) => (Some(GroupName::new(name).ok()?), rest),
        None => (None, rest),
    };
    let resource = if rest.is_empty() { None } else { Some(resource(rest)?) };
    Some(ResourceId { text: text.to_owned(), subscription, group, resource })
}

/// The value behind `key` at the beginning, and what follows.
fn keyed<'a, 'b>(key: &str, segments: &'b [&'a str]) -> Option<(&'a str, &'b [&'a str])> {
    match segments {
        [first, value, rest @ ..] if first.eq_ignore_ascii_case(key) => Some((value, rest)),
        _ => None,
    }
}

fn resource(segments: &[&str]) -> Option<Resource> {
    let mut last = None;
    let mut rest = segments;
    while !rest.is_empty() {
        let (namespace, behind) = keyed("providers", rest)?;
        let end = behind.iter().step_by(2).position(|kind| kind.eq_ignore_ascii_case("providers"));
        let (own, next) = behind.split_at(end.map_or(behind.len(), |pairs| pairs * 2));
        if own.is_empty() || !own.len().is_multiple_of(2) {
            return None;
        }
        let pick = |from: usize| own.iter().skip(from).step_by(2).map(|&segment| segment.to_owned()).collect();
        last = Some(Resource { provider: ProviderNamespace::new(namespace).ok()?, types: pick(0), names: pick(1) });
        rest = next;
    }
    last
}

/// Whether it stays one segment of a path whatever reads that path.
fn is_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && segment.chars().all(|character| {
            character.is_alphanumeric()
                || (character.is_ascii_graphic() && !"?#%\\\"<>".contains(character))
                || character == ' '
        })
}

impl FromStr for ResourceId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for ResourceId {}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.to_ascii_lowercase().cmp(&other.text.to_ascii_lowercase())
    }
}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.to_ascii_lowercase().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBSCRIPTION: &str = "/subscriptions/01234567-89ab-cdef-0123-456789abcdef";

    fn id(rest: &str) -> ResourceId {
        ResourceId::new(&format!("{SUBSCRIPTION}{rest}")).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn an_id_is_taken_apart() {
        let database = id("/resourceGroups/rg/providers/Microsoft.DBforMySQL/flexibleServers/my1/databases/app");
        assert_eq!(database.group().map(GroupName::as_str), Some("rg"));
        assert_eq!(database.resource_type().as_deref(), Some("Microsoft.DBforMySQL/flexibleServers/databases"));
        assert!(database.is_of_type("microsoft.dbformysql/FLEXIBLESERVERS/databases"));
        assert_eq!((database.names(), database.name()), (&["my1".to_owned(), "app".to_owned()][..], "app"));
        let deleted = id("/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/kv1");
        assert_eq!((deleted.group(), deleted.name()), (None, "kv1"));
        assert_eq!(id("").name(), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(id("/resourcegroups/My-RG").name(), "My-RG");
    }

    #[test]
    fn an_extension_is_the_resource_that_its_last_provider_names() {
        let lock = id(
            "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv1/providers/Microsoft.Authorization/locks/keep",
        );
        assert_eq!(lock.resource_type().as_deref(), Some("Microsoft.Authorization/locks"));
        assert_eq!(lock.name(), "keep");
    }

    #[test]
    fn ids_are_equal_in_any_case() {
        assert_eq!(
            id("/resourceGroups/RG/providers/Microsoft.KeyVault/vaults/KV"),
            id("/resourcegroups/rg/providers/microsoft.keyvault/vaults/kv")
        );
    }

    #[test]
    fn what_would_become_another_path_is_refused() {
        for rest in [
            "/resourceGroups/../providers/Microsoft.KeyVault/vaults/kv1",
            "/resourceGroups/./x",
            "/resourceGroups//x",
            "/resourceGroups/rg/",
            "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults",
            "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/..",
            "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/%2e%2e",
            "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv?x=1",
            "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv#x",
            "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/k\\v",
            "/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/k\nv",
            "/resourceGroups/rg/providers/KeyVault/vaults/kv",
            "/resourceGroups/rg/elsewhere/Microsoft.KeyVault/vaults/kv",
        ] {
            assert!(ResourceId::new(&format!("{SUBSCRIPTION}{rest}")).is_err(), "{rest}");
        }
        for text in
            ["", "/", "subscriptions/x", "/subscriptions/not-a-guid", "https://management.azure.com/subscriptions/x"]
        {
            assert!(ResourceId::new(text).is_err(), "{text}");
        }
        assert!(ResourceId::new(&format!("{SUBSCRIPTION}/resourceGroups/{}", "a/b/".repeat(1_000))).is_err());
    }
}
