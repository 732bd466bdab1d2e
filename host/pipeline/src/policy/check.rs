//! Checks one policy file: syntax, ids, what its layer may do, and strict validation against the schema.
//!
//! Refuses templates, policies without a usable `@id`, permits of a project, and everything that Cedar's validator
//! merely warns of, because a policy that can never apply is a policy that its author believes in.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet, ValidationMode, Validator};
use repair_model::limits::{POLICY_FILE_BYTES_MAX, POLICY_ID_BYTES_MAX, POLICY_NESTING_MAX};

use super::layers::{Layer, Page, PolicyProblem, PolicySource};
use super::literals::{NeverEqual, never_equal};
use super::nesting::nested_too_deep;
use super::schema::{NAMESPACE, RESOURCE_ID};

const SEE_SCHEMA: &str = "`repair.cedarschema` lists what a policy can name";

/// Checks files one after another, so that an id is unique within its layer.
pub(super) struct Checker<'a> {
    pub validator: &'a Validator,
    /// Where each full id was first seen.
    seen: BTreeMap<String, String>,
    pub problems: Vec<PolicyProblem>,
}

impl<'a> Checker<'a> {
    pub fn new(validator: &'a Validator, problems: Vec<PolicyProblem>) -> Self {
        Self { validator, seen: BTreeMap::new(), problems }
    }

    /// The policies of one file under their full ids, in the order of the file.
    pub fn check(&mut self, source: &PolicySource) -> Vec<Policy> {
        let earlier = self.problems.len();
        let policies = self.check_unordered(source);
        self.problems[earlier..].sort_by_key(|problem| (problem.line, problem.column));
        policies
    }

    fn check_unordered(&mut self, source: &PolicySource) -> Vec<Policy> {
        let mut page = Page { file: &source.name, text: &source.text, problems: &mut self.problems };
        let Some(set) = parse(&mut page) else { return Vec::new() };
        for template in set.templates() {
            let at = source.text.find(&template.to_cedar()).unwrap_or(0);
            page.problem(
                at,
                "it is a template, and nothing fills templates in",
                "write the entity in place of the `?` slot",
            );
        }
        let mut policies = Vec::new();
        for (at, policy) in in_order(&set, &source.text) {
            check_effect(&mut page, at, source.layer, &policy);
            check_literals(&mut page, at, &policy);
            if let Some(id) = full_id(&mut page, at, source.layer, &policy, &mut self.seen) {
                policies.push(policy.new_id(PolicyId::new(id)));
            }
        }
        for NeverEqual { at, what, fix } in never_equal(&source.text) {
            page.problem(at, what, fix);
        }
        validate(&mut page, self.validator, &set);
        policies
    }
}

fn parse(page: &mut Page<'_>) -> Option<PolicySet> {
    if page.text.len() > POLICY_FILE_BYTES_MAX {
        page.problem(0, format!("it is longer than {POLICY_FILE_BYTES_MAX} bytes"), "split it into several files");
        return None;
    }
    if let Some(at) = nested_too_deep(page.text) {
        let what = format!("brackets and `if`s are nested deeper than {POLICY_NESTING_MAX}");
        page.problem(at, what, "split the condition into several policies");
        return None;
    }
    match PolicySet::from_str(page.text) {
        Ok(set) => Some(set),
        Err(errors) => {
            for error in errors.iter() {
                report(
                    page,
                    &DetailedError::from(error),
                    "",
                    "Cedar's syntax is described at https://docs.cedarpolicy.com",
                );
            }
            None
        }
    }
}

/// The policies with their byte offsets. Cedar numbers policies by their place in the file.
fn in_order(set: &PolicySet, text: &str) -> Vec<(usize, Policy)> {
    let number =
        |policy: &Policy| policy.id().to_string().strip_prefix("policy").and_then(|digits| digits.parse::<u32>().ok());
    let mut policies: Vec<Policy> = set.policies().cloned().collect();
    policies.sort_by_key(number);
    let mut from = 0;
    let place = |policy: Policy| {
        let own_text = policy.to_cedar().unwrap_or_default();
        let Some(found) = text[from..].find(&own_text) else { return (from, policy) };
        let at = from + found;
        from = at + own_text.len();
        (at, policy)
    };
    policies.into_iter().map(place).collect()
}

fn check_effect(page: &mut Page<'_>, at: usize, layer: Layer, policy: &Policy) {
    if policy.effect() == Effect::Permit && !layer.may_permit() {
        let fix = "turn it into a `forbid`, or move it into the policies of the user or of the system";
        page.problem(at, "a project may only forbid, and this permits", fix);
    }
}

/// A resource has no name of its own, so a comparison with a name could only ever be a mistake.
fn check_literals(page: &mut Page<'_>, at: usize, policy: &Policy) {
    for literal in policy.entity_literals() {
        let of_an_action = repair_model::action::ActionKind::ALL.iter().any(|kind| {
            literal.type_name().to_string() == format!("{NAMESPACE}::{}", super::schema::entity_type(*kind))
        });
        if of_an_action && literal.id().unescaped() != RESOURCE_ID {
            let what = format!("`{literal}` can never be the resource: an action has no name of its own");
            page.problem(at, what, "compare its attributes, for example `resource.project == \"shop\"`");
        }
    }
}

fn full_id(
    page: &mut Page<'_>,
    at: usize,
    layer: Layer,
    policy: &Policy,
    seen: &mut BTreeMap<String, String>,
) -> Option<String> {
    let Some(id) = policy.annotation("id") else {
        page.problem(at, "it has no `@id`", "put `@id(\"a-name\")` before it, so that decisions can name it");
        return None;
    };
    let fits = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    if id.is_empty() || id.len() > POLICY_ID_BYTES_MAX || !id.chars().all(fits) {
        let fix = format!("use 1 to {POLICY_ID_BYTES_MAX} letters, digits, `-`, `_` and `.`");
        page.problem(at, format!("`@id({id:?})` is not a usable id"), fix);
        return None;
    }
    let full = format!("{layer}/{id}");
    let (line, _) = super::layers::place(page.text, at);
    if let Some(first) = seen.get(&full) {
        let what = format!("the id `{id}` is taken in the {layer} layer, by {first}");
        page.problem(at, what, "give one of the two another `@id`");
        return None;
    }
    seen.insert(full.clone(), format!("{}:{line}", page.file));
    Some(full)
}

fn validate(page: &mut Page<'_>, validator: &Validator, set: &PolicySet) {
    let result = validator.validate(set, ValidationMode::Strict);
    let mut found: Vec<_> =
        result.validation_errors().map(|error| (error.policy_id().to_string(), DetailedError::from(error))).collect();
    // What a wrong policy is warned of besides, such as that it never applies, only follows from what is wrong with it.
    let wrong: BTreeSet<String> = found.iter().map(|(id, _)| id.clone()).collect();
    let warnings =
        result.validation_warnings().map(|warning| (warning.policy_id().to_string(), DetailedError::from(warning)));
    found.extend(warnings.filter(|(id, _)| !wrong.contains(id)));
    found.sort_by(|(_, a), (_, b)| (offset_bytes(a), &a.message).cmp(&(offset_bytes(b), &b.message)));
    // One slip is reported for every kind of action that the policy could meet; a person needs it once.
    let mut told = BTreeSet::new();
    for (id, error) in found {
        if told.insert(offset_bytes(&error)) {
            report(page, &error, &format!("for policy `{id}`, "), SEE_SCHEMA);
        }
    }
}

fn report(page: &mut Page<'_>, error: &DetailedError, prefix: &str, otherwise: &str) {
    let what = error.message.strip_prefix(prefix).unwrap_or(&error.message);
    // Cedar's own suggestion is the nearest name, and without the namespace that is a wrong one.
    let unqualified = what.starts_with("unrecognized ") && !what.contains(&format!("`{NAMESPACE}::"));
    let fix = if unqualified {
        format!("write it with its namespace, as in `{NAMESPACE}::Risk`; {SEE_SCHEMA}")
    } else {
        error.help.clone().unwrap_or_else(|| otherwise.to_owned())
    };
    page.problem(offset_bytes(error), what, fix);
}

fn offset_bytes(error: &DetailedError) -> usize {
    error.source_locations.first().map_or(0, |label| label.loc.start)
}
