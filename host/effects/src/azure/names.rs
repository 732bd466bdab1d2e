//! Names that reach the path of a request, each held to its rule before anything is sent.
//!
//! The SDK puts names into paths as they are, and `..` or an encoded slash would collapse into another path. So
//! everything that reaches one is a type of this module or of [`resource_id`](super::resource_id), and none of them
//! accepts a dot segment, a slash, `%`, `?` or `#`. Azure compares names without regard to case, and so do these types;
//! the text is kept as it was given. Rules are those of "Naming rules and restrictions for Azure resources"
//! (Microsoft Learn), narrowed to ASCII.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use repair_model::text::escaped_short;

/// Characters that an error shows of an offending name.
const SHOWN_CHARACTERS_MAX: usize = 100;

/// A text that is not a valid name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {field} `{text}` is not valid: {rule}")]
pub struct NameError {
    /// Which name was meant, such as `resource group name`.
    pub field: &'static str,
    /// What was given, escaped and shortened.
    pub text: String,
    /// What it has to be.
    pub rule: &'static str,
}

impl NameError {
    pub(super) fn new(field: &'static str, text: &str, rule: &'static str) -> Self {
        Self { field, text: escaped_short(text, SHOWN_CHARACTERS_MAX), rule }
    }
}

macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident, $field:literal, $rule:literal, $read:expr;)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone)]
            pub struct $name(String);

            impl $name {
                #[doc = concat!("The rule in words: ", $rule, ".")]
                pub const RULE: &'static str = $rule;

                /// Reads a name.
                ///
                /// # Errors
                /// When it breaks [`Self::RULE`].
                pub fn new(text: &str) -> Result<Self, NameError> {
                    let read: fn(&str) -> Option<String> = $read;
                    read(text).map(Self).ok_or_else(|| NameError::new($field, text, $rule))
                }

                /// The name as it stands in a path.
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl FromStr for $name {
                type Err = NameError;

                fn from_str(text: &str) -> Result<Self, NameError> {
                    Self::new(text)
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{:?}", self.0)
                }
            }

            impl PartialEq for $name {
                fn eq(&self, other: &Self) -> bool {
                    self.0.eq_ignore_ascii_case(&other.0)
                }
            }

            impl Eq for $name {}

            impl PartialOrd for $name {
                fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                    Some(self.cmp(other))
                }
            }

            impl Ord for $name {
                fn cmp(&self, other: &Self) -> Ordering {
                    self.0.to_ascii_lowercase().cmp(&other.0.to_ascii_lowercase())
                }
            }

            impl Hash for $name {
                fn hash<H: Hasher>(&self, state: &mut H) {
                    self.0.to_ascii_lowercase().hash(state);
                }
            }
        )+
    };
}

names! {
    /// A subscription. Kept in lower case.
    SubscriptionId, "subscription id", "a GUID such as 01234567-89ab-cdef-0123-456789abcdef", guid;
    /// A tenant of Entra ID, by its GUID. Kept in lower case.
    TenantId, "tenant id", "a GUID such as 01234567-89ab-cdef-0123-456789abcdef", guid;
    /// A resource group.
    GroupName, "resource group name",
        "1 to 90 letters, digits, `-`, `_`, `.`, `(` or `)` of ASCII, not ending with a dot", group;
    /// A deployment, as Resource Manager keeps it in the history of a resource group.
    DeploymentName, "deployment name",
        "1 to 64 letters, digits, `-`, `_`, `.`, `(` or `)` of ASCII, and not dots alone", deployment;
    /// A key vault. Its name is unique in the whole cloud, deleted ones included.
    VaultName, "key vault name",
        "3 to 24 letters, digits and single hyphens; a letter first, no hyphen last", vault;
    /// A flexible server of Azure Database for MySQL. Its name is unique in the whole cloud.
    ServerName, "MySQL server name",
        "3 to 63 lower-case letters, digits and hyphens, no hyphen first or last", server;
    /// A namespace of a resource provider.
    ProviderNamespace, "resource provider namespace",
        "words of letters and digits with dots between them, such as Microsoft.KeyVault, 128 characters at most", provider;
    /// A region, in the form that paths use; display names such as `East US 2` are turned into it.
    Location, "location", "1 to 64 letters, digits and spaces, such as eastus2 or East US 2", location;
}

fn guid(text: &str) -> Option<String> {
    let shape_holds = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    shape_holds.then(|| text.to_ascii_lowercase())
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.()".contains(&byte))
}

fn group(text: &str) -> Option<String> {
    ((1..=90).contains(&text.len()) && is_plain(text) && !text.ends_with('.')).then(|| text.to_owned())
}

fn deployment(text: &str) -> Option<String> {
    let dots_alone = text.bytes().all(|byte| byte == b'.');
    ((1..=64).contains(&text.len()) && is_plain(text) && !dots_alone).then(|| text.to_owned())
}

fn vault(text: &str) -> Option<String> {
    let characters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let hyphens = !text.ends_with('-') && !text.contains("--");
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    ((3..=24).contains(&text.len()) && characters && hyphens && begins).then(|| text.to_owned())
}

fn server(text: &str) -> Option<String> {
    let characters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let hyphens = !text.starts_with('-') && !text.ends_with('-');
    ((3..=63).contains(&text.len()) && characters && hyphens).then(|| text.to_owned())
}

fn provider(text: &str) -> Option<String> {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    (text.len() <= 128 && begins && text.contains('.') && text.split('.').all(word)).then(|| text.to_owned())
}

fn location(text: &str) -> Option<String> {
    let characters = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
    let normal: String = text.chars().filter(|character| *character != ' ').collect();
    (text.len() <= 64 && characters && !normal.is_empty()).then(|| normal.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no name may ever hold: each would leave its segment, or change its meaning on the way.
    const NEVER: &[&str] = &[
        "",
        " ",
        ".",
        "..",
        "...",
        "a/b",
        "a\\b",
        "../x",
        "..%2fx",
        "%2e%2e",
        "%2E",
        "a%20b",
        "a?b",
        "a#b",
        "a b/",
        "a\0b",
        "a\nb",
        "a\r\nHost: x",
        "ä",
        "a\u{202e}b",
        "a;b",
        "a&b",
        "a:b",
        "a@b",
        "a*b",
    ];

    fn accepts<T: FromStr>(texts: &[&str]) {
        for text in texts {
            assert!(text.parse::<T>().is_ok(), "{text}");
        }
    }

    fn refuses<T: FromStr>(texts: &[&str]) {
        for text in NEVER.iter().chain(texts) {
            assert!(text.parse::<T>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn no_name_leaves_its_segment_and_each_keeps_its_rule() {
        let guid = "01234567-89AB-cdef-0123-456789abcdef";
        accepts::<SubscriptionId>(&[guid]);
        refuses::<SubscriptionId>(&[
            "0123456789abcdef0123456789abcdef",
            &guid[1..],
            "{01234567-89ab-cdef-0123-456789abcdef}",
        ]);
        refuses::<TenantId>(&["common", "contoso.onmicrosoft.com"]);
        accepts::<GroupName>(&["rg", "my-rg_1.(test)", &"a".repeat(90), ".hidden"]);
        refuses::<GroupName>(&["rg.", &"a".repeat(91)]);
        accepts::<DeploymentName>(&["main", "repair-20261126.(1)", &"a".repeat(64), "a."]);
        refuses::<DeploymentName>(&[&"a".repeat(65)]);
        accepts::<VaultName>(&["kv1", "kv-MyVault-1", &"a".repeat(24)]);
        refuses::<VaultName>(&["kv", "1kv", "kv-", "k--v", "k.v", "k_v", &"a".repeat(25)]);
        accepts::<ServerName>(&["my1", "1my-server", &"a".repeat(63)]);
        refuses::<ServerName>(&["my", "My-server", "-my", "my-", "m.y", &"a".repeat(64)]);
        accepts::<ProviderNamespace>(&["Microsoft.KeyVault", "microsoft.dbformysql", "Contoso.A.B1"]);
        refuses::<ProviderNamespace>(&["Microsoft", "Microsoft.", ".KeyVault", "Microsoft..KeyVault", "1a.b", "a.b-c"]);
        accepts::<Location>(&["eastus2", "East US 2", "global"]);
        refuses::<Location>(&["east-us", "   ", &"a".repeat(65)]);
    }

    #[test]
    fn names_are_equal_in_any_case_and_regions_in_any_spelling() {
        assert_eq!(GroupName::new("My-RG").expect("a name"), GroupName::new("my-rg").expect("a name"));
        assert_eq!(GroupName::new("My-RG").expect("a name").as_str(), "My-RG");
        assert_eq!(Location::new("East US 2").expect("a region").as_str(), "eastus2");
        let upper = SubscriptionId::new("01234567-89AB-CDEF-0123-456789ABCDEF").expect("a GUID");
        assert_eq!(upper.as_str(), "01234567-89ab-cdef-0123-456789abcdef");
        let set: std::collections::HashSet<VaultName> =
            ["kv-One", "KV-one"].iter().map(|name| VaultName::new(name).expect("a name")).collect();
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn an_error_names_the_field_the_text_and_the_rule() {
        let error = VaultName::new("kv\u{1b}[31m/..").expect_err("not a name");
        let said = error.to_string();
        assert!(
            said.contains("key vault name") && said.contains("\\u{1b}[31m/..") && said.contains(VaultName::RULE),
            "{said}"
        );
        let long = DeploymentName::new(&"x".repeat(10_000)).expect_err("too long").to_string();
        assert!(long.len() < 500, "{}", long.len());
    }
}
