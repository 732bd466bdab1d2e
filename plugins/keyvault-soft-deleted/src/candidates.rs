//! Vaults whose names the deployment wants, as far as it was observed: by the template, or by the errors of its operations.

use repair_tool_sdk::azure::{Repetition, ResourceId, VAULT_TYPE, WantedChange, same_id};

/// A vault that the deployment would make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: ResourceId<'a>,
    /// Where the template wants it, as far as that is known.
    pub(crate) location: Option<&'a str>,
}

/// The vaults of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidates<'a> {
    /// Those that do not exist, in order of name.
    pub(crate) wanted: Vec<Candidate<'a>>,
    /// Names of those that exist, so that no deleted vault holds them.
    pub(crate) live: Vec<&'a str>,
}

impl<'a> Candidates<'a> {
    /// What-if can miss a resource, so those of which an operation says that it failed are added.
    pub(crate) fn of(again: &Repetition<'a>) -> Self {
        let mut found = Self::default();
        for resource in again.wanted.into_iter().flatten().filter(|resource| resource.is_a(VAULT_TYPE)) {
            match resource.change {
                WantedChange::Write => found.live.push(&resource.name),
                WantedChange::Create | WantedChange::Unsupported => found.add(Candidate {
                    name: &resource.name,
                    id: ResourceId::new(&resource.id),
                    location: resource.location.as_deref(),
                }),
                // The whole deployment is refused for it.
                WantedChange::Delete => {}
            }
        }
        for error in &again.deployment.errors {
            let Some(id) = error.resource_id.as_deref().map(ResourceId::new) else { continue };
            let Some(name) = id.name_of(VAULT_TYPE).filter(|_| id.is_a(VAULT_TYPE)) else { continue };
            if !found.knows(name) {
                found.add(Candidate { name, id, location: None });
            }
        }
        found.wanted.sort_by(|one, other| one.name.cmp(other.name));
        found
    }

    /// Whether the deployment has a vault of that name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        let names = self.wanted.iter().map(|candidate| candidate.name).chain(self.live.iter().copied());
        names.into_iter().any(|known| same_id(known, name))
    }

    fn add(&mut self, candidate: Candidate<'a>) {
        if !self.knows(candidate.name) {
            self.wanted.push(candidate);
        }
    }
}
