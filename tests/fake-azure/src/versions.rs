//! Which versions of which API the fake speaks. ARM refuses all others, and so does the fake.

use crate::refusal::Refusal;

const RESOURCES: &[&str] =
    &["2020-10-01", "2021-01-01", "2021-04-01", "2022-09-01", "2023-07-01", "2024-03-01", "2024-07-01", "2024-11-01"];
const SUBSCRIPTIONS: &[&str] = &["2016-06-01", "2019-06-01", "2020-01-01", "2021-01-01", "2022-12-01"];
const VAULTS: &[&str] = &[
    "2019-09-01",
    "2021-06-01-preview",
    "2021-10-01",
    "2021-11-01-preview",
    "2022-02-01-preview",
    "2022-07-01",
    "2022-11-01",
    "2023-02-01",
    "2023-07-01",
    "2024-11-01",
];
const MYSQL: &[&str] = &["2021-05-01", "2021-12-01-preview", "2022-01-01", "2023-06-30", "2023-12-30"];
const LOCKS: &[&str] = &["2016-09-01", "2017-04-01", "2020-05-01"];
const PERMISSIONS: &[&str] = &["2015-07-01", "2018-01-01-preview", "2018-07-01", "2022-04-01"];
const CONTAINERS: &[&str] = &["2021-09-01", "2022-09-01", "2023-05-01", "2024-05-01-preview"];

/// Namespace, first part of the type, its versions.
const KNOWN: &[(&str, &str, &[&str])] = &[
    ("Microsoft.KeyVault", "vaults", VAULTS),
    ("Microsoft.KeyVault", "deletedVaults", VAULTS),
    ("Microsoft.KeyVault", "locations", VAULTS),
    ("Microsoft.KeyVault", "checkNameAvailability", VAULTS),
    ("Microsoft.DBforMySQL", "flexibleServers", MYSQL),
    ("Microsoft.DBforMySQL", "locations", MYSQL),
    ("Microsoft.ContainerInstance", "containerGroups", CONTAINERS),
    ("Microsoft.Resources", "deployments", RESOURCES),
    ("Microsoft.Authorization", "locks", LOCKS),
    ("Microsoft.Authorization", "permissions", PERMISSIONS),
];

/// The newest version that the fake knows of a type; nothing where it knows no such type.
pub(crate) fn supported(kind: &str) -> Option<&'static [&'static str]> {
    let (namespace, rest) = kind.split_once('/')?;
    let first = rest.split('/').next().unwrap_or_default();
    KNOWN
        .iter()
        .find(|(known, kind, _)| known.eq_ignore_ascii_case(namespace) && kind.eq_ignore_ascii_case(first))
        .map(|(_, _, versions)| *versions)
}

/// The namespace as it is properly written, if the fake knows it.
pub(crate) fn namespace(name: &str) -> Option<&'static str> {
    KNOWN.iter().map(|(known, _, _)| *known).find(|known| known.eq_ignore_ascii_case(name))
}

/// The types of a namespace and their versions.
pub(crate) fn types(namespace: &str) -> Vec<(&'static str, &'static [&'static str])> {
    let mine = KNOWN.iter().filter(|(known, _, _)| known.eq_ignore_ascii_case(namespace));
    mine.map(|(_, kind, versions)| (*kind, *versions)).collect()
}

/// The full type as it is properly written: the case of its namespace and first part.
pub(crate) fn proper(kind: &str) -> String {
    let mut parts = kind.split('/');
    let (space, first) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let known =
        KNOWN.iter().find(|(known, kind, _)| known.eq_ignore_ascii_case(space) && kind.eq_ignore_ascii_case(first));
    let (space, first) = known.map_or((space, first), |(known, kind, _)| (*known, *kind));
    parts.fold(format!("{space}/{first}"), |whole, part| format!("{whole}/{part}"))
}

/// Checks the version of a request to ARM itself.
pub(crate) fn check_resources(version: Option<&str>) -> Result<(), Refusal> {
    check_own(version, RESOURCES)
}

/// Checks the version of a request for subscriptions.
pub(crate) fn check_subscriptions(version: Option<&str>) -> Result<(), Refusal> {
    check_own(version, SUBSCRIPTIONS)
}

fn check_own(version: Option<&str>, known: &[&str]) -> Result<(), Refusal> {
    let version = version.ok_or_else(Refusal::no_api_version)?;
    if known.contains(&version) {
        return Ok(());
    }
    Err(Refusal::invalid_api_version(version, &known.join(",")))
}

/// Checks the version of a request to a provider, for a type such as `Microsoft.KeyVault/vaults`. `location` is that
/// of the resource group, for types that live in one.
pub(crate) fn check(kind: &str, version: Option<&str>, location: Option<&str>) -> Result<(), Refusal> {
    let version = version.ok_or_else(Refusal::no_api_version)?;
    let (space, rest) = kind.split_once('/').unwrap_or((kind, ""));
    let Some(space) = namespace(space) else { return Err(Refusal::invalid_namespace(space)) };
    let Some(known) = supported(kind) else { return Err(Refusal::invalid_resource_type(space, rest, version, "")) };
    if known.contains(&version) {
        return Ok(());
    }
    if space == "Microsoft.Resources" {
        return Err(Refusal::invalid_api_version(version, &known.join(",")));
    }
    let known = known.join(", ");
    Err(match location {
        Some(location) => Refusal::no_registered_provider(rest, location, version, &known),
        None => Refusal::invalid_resource_type(space, rest, version, &known),
    })
}
