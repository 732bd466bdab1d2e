//! Which providers are looked up: those that Azure names as missing, and those that the template uses.

use std::collections::BTreeSet;

use repair_tool_sdk::azure::{Repetition, same_id};
use repair_tool_sdk::case::Case;

/// Namespaces that are looked up and registered; a template rarely uses more.
pub(super) const NAMESPACES_MAX: usize = 8;
/// Every subscription has these.
const ALWAYS_REGISTERED: [&str; 2] = ["Microsoft.Resources", "Microsoft.Authorization"];

/// Namespaces of providers, as the observations bear them out.
pub(super) struct Namespaces {
    /// In the order in which they were found: those that failed, then those that the template uses.
    pub(super) needed: Vec<String>,
    /// Whether there are more than are looked up.
    pub(super) is_cut: bool,
    /// One that only the failure's text names, and that the template does not use.
    pub(super) only_said: Option<String>,
}

impl Namespaces {
    pub(super) fn of(case: &Case, again: &Repetition<'_>) -> Self {
        let used: BTreeSet<&str> = again
            .wanted
            .into_iter()
            .flatten()
            .map(|resource| resource.provider())
            .filter(|name| is_namespace(name))
            .collect();
        let errors = again.deployment.errors.iter().filter(|error| {
            error.code.to_ascii_lowercase().contains("regist")
                || error.message.to_ascii_lowercase().contains("registered")
        });
        let by_errors = errors.flat_map(|error| named_in(&error.message));
        let said = case.fact("provider").filter(|name| is_namespace(name));
        // A text alone is believed only where nothing better can be seen, and then the host confirms the state.
        let believed = said.filter(|name| again.wanted.is_none() || used.iter().any(|used| same_id(used, name)));
        let mut needed: Vec<String> = Vec::new();
        for namespace in by_errors.chain(believed).chain(used.iter().copied()) {
            if needed.len() > NAMESPACES_MAX {
                break;
            }
            let is_known = needed.iter().any(|known| same_id(known, namespace));
            if !is_known && !ALWAYS_REGISTERED.iter().any(|always| same_id(always, namespace)) {
                needed.push(namespace.to_owned());
            }
        }
        let only_said = said.filter(|name| !needed.iter().any(|needed| same_id(needed, name))).map(str::to_owned);
        let is_cut = needed.len() > NAMESPACES_MAX;
        needed.truncate(NAMESPACES_MAX);
        Self { needed, is_cut, only_said }
    }
}

/// Whether it reads like `Microsoft.KeyVault`.
fn is_namespace(name: &str) -> bool {
    const BYTES_MAX: usize = 64;
    let mut parts = name.split('.');
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic())
            && part.bytes().all(|each| each.is_ascii_alphanumeric())
    };
    name.len() <= BYTES_MAX && name.contains('.') && parts.all(is_part)
}

/// Namespaces that stand between quotes, without what comes after a slash: a message names types too.
fn named_in(message: &str) -> impl Iterator<Item = &str> {
    let parts = message.split(['\'', '"', '`']);
    parts.map(|part| part.split('/').next().unwrap_or_default()).filter(|name| is_namespace(name))
}
