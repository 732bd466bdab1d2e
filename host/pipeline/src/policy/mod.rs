//! Policy: may a step be applied at all, and may it be applied without asking a person?
//!
//! Policies are Cedar with strict validation against a schema that is generated from the action types; bounds are TOML
//! beside them. Both come in layers (built-in, system, user, project) and share one digest, which plans and grants
//! bind. Every file is handed in as text; nothing here opens one.
//!
//! Refuses: a set in which anything is wrong with any file. It never goes on with the rest, because the file that was
//! left out could have been the one that forbids.
//!
//! Invariants: code sets the ceiling, a later layer only tightens bounds, a project only forbids, an error denies.

mod azure_examples;
mod bounds_file;
mod check;
mod decide;
mod explain;
mod layers;
mod literals;
mod nesting;
mod schema;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use cedar_policy::{PolicySet, Schema, Validator};
use repair_model::bounds::Bounds;
use repair_model::ids::{Digest, Domain};
use repair_model::limits::POLICY_FILES_MAX;

pub use decide::Request;
pub use explain::{AnswerExplained, BoundExplained, Explanation, FileExplained, PolicyExplained};
pub use layers::{BoundsSource, Layer, PolicyProblem, PolicySource};
pub use schema::schema_text;

use check::Checker;
use layers::{Page, Source};

/// What policies are checked against; to read it takes longer than to read the policies.
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let schema = Schema::from_cedarschema_str(&schema_text()).map(|(schema, _)| schema);
    schema.expect("a test parses the schema that the action types give")
});

/// The policies and bounds in force.
#[derive(Clone, Debug)]
pub struct Policies {
    validator: Validator,
    set: PolicySet,
    /// Where each policy stands in `set`'s order of layers and files, by its full id.
    order: HashMap<String, usize>,
    files: Vec<FileExplained>,
    bounds: Bounds,
    bounds_explained: Vec<BoundExplained>,
    digest: Digest,
}

impl Policies {
    /// The built-in policies and bounds, and then those that are handed in. Files of one layer count in the order
    /// given.
    ///
    /// # Errors
    /// Everything that is wrong with any file, ordered by layer, file and line.
    pub fn load(policies: Vec<PolicySource>, bounds: Vec<BoundsSource>) -> Result<Self, Vec<PolicyProblem>> {
        let validator = Validator::new(SCHEMA.clone());
        let mut problems = Vec::new();
        let policies = with_built_in(layers::built_in_policies(), policies, &mut problems);
        let bounds = with_built_in(layers::built_in_bounds(), bounds, &mut problems);
        let mut checker = Checker::new(&validator, problems);
        let (mut all, mut files) = (Vec::new(), Vec::new());
        for source in &policies {
            let checked = checker.check(source);
            files.push(explain::file_explained(source, &checked));
            all.extend(checked);
        }
        let mut problems = checker.problems;
        let tightened = bounds_file::tighten(&bounds, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let order = all.iter().enumerate().map(|(at, policy)| (policy.id().to_string(), at)).collect();
        let set = PolicySet::from_policies(all).expect("the ids were found to be unique");
        let digest = digest(&policies, &tightened.bounds);
        let bounds_explained = tightened.explain(&bounds);
        Ok(Self { validator, set, order, files, bounds: tightened.bounds, bounds_explained, digest })
    }

    /// The bounds after all layers.
    pub fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The digest of every policy text with its layer, and of the bounds in force. The names of files do not count.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What is in force, for people and programs.
    pub fn explain(&self) -> Explanation {
        Explanation {
            digest: self.digest,
            files: self.files.clone(),
            bounds: self.bounds_explained.clone(),
            answers: explain::answers(self),
        }
    }

    fn schema(&self) -> &Schema {
        self.validator.schema()
    }

    fn set(&self) -> &PolicySet {
        &self.set
    }

    /// These ids in the order of layers and files.
    fn in_order(&self, ids: &HashSet<String>) -> Vec<String> {
        let mut ids: Vec<String> = ids.iter().cloned().collect();
        ids.sort_by_key(|id| self.order.get(id).copied());
        ids
    }

    /// What a policy says of itself.
    fn why(&self, id: &str) -> Option<&str> {
        let policies = self.files.iter().flat_map(|file| &file.policies);
        policies.filter(|policy| policy.id == id).find_map(|policy| policy.annotations.get("why")).map(String::as_str)
    }
}

/// The built-in source first, the others by layer. Nobody outside speaks for the built-in layer.
fn with_built_in<T: Source>(built_in: T, mut sources: Vec<T>, problems: &mut Vec<PolicyProblem>) -> Vec<T> {
    for source in sources.iter().filter(|source| source.layer() == Layer::BuiltIn) {
        let mut page = Page { file: source.name(), text: "", problems: &mut *problems };
        page.problem(0, "the built-in layer is part of `repair` itself", "hand the file in as another layer");
    }
    if let Some(source) = sources.get(POLICY_FILES_MAX) {
        let mut page = Page { file: source.name(), text: "", problems: &mut *problems };
        page.problem(0, format!("there are more than {POLICY_FILES_MAX} files"), "join some of them");
        sources.truncate(POLICY_FILES_MAX);
    }
    sources.retain(|source| source.layer() != Layer::BuiltIn);
    sources.sort_by_key(Source::layer);
    sources.insert(0, built_in);
    sources
}

/// Over lengths and bytes, so that no two sets of files share a text; sorted within a layer, so that a renamed file,
/// which may be read earlier or later, changes nothing.
fn digest(policies: &[PolicySource], bounds: &Bounds) -> Digest {
    let mut texts: Vec<_> = policies.iter().map(|source| (source.layer, source.text.as_str())).collect();
    texts.sort_unstable();
    let mut bytes = Vec::new();
    let mut part = |part: &[u8]| {
        bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    };
    for (layer, text) in texts {
        part(layer.as_str().as_bytes());
        part(text.as_bytes());
    }
    part(b"bounds");
    part(&serde_json::to_vec(bounds).expect("bounds are plain numbers"));
    Digest::of(Domain::Policy, &bytes)
}
