//! The format of a rule file, exactly as its TOML is written. Unknown keys are errors, so a misspelt one cannot
//! silently do nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One family of classes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RuleFile {
    #[serde(default, rename = "class")]
    pub classes: Vec<ClassEntry>,
    /// Extractors that are tried on the passages of findings, whatever rule proved them.
    #[serde(default, rename = "fact")]
    pub facts: Vec<FactEntry>,
}

/// What is known of one class. A class may have entries in several files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ClassEntry {
    pub id: String,
    /// What a person can do, safest first; `{fact}` is replaced.
    #[serde(default)]
    pub next_steps: Vec<String>,
    #[serde(default, rename = "rule")]
    pub rules: Vec<RuleEntry>,
    /// Later lines that show that the failure was overcome.
    #[serde(default, rename = "overcome")]
    pub overcome: Vec<SignEntry>,
    /// Lines that speak against the class.
    #[serde(default, rename = "doubt")]
    pub doubts: Vec<SignEntry>,
}

/// A pattern that proves the class.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RuleEntry {
    pub id: String,
    /// Literals, one of which stands in every line that is worth a look.
    pub anchors: Vec<String>,
    pub pattern: String,
    /// What contradicts the rule on its own passage.
    #[serde(default)]
    pub unless: Vec<String>,
    /// Lines before and after the anchor's that belong to the passage.
    #[serde(default)]
    pub reach: u8,
    #[serde(default)]
    pub weight: Weight,
    /// In thousandths.
    #[serde(default = "usual_confidence")]
    pub confidence: u16,
    /// Becomes the fact `reason`.
    pub reason: Option<String>,
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    #[serde(default)]
    pub next_steps: Vec<String>,
    pub examples: Vec<Example>,
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "examples are there for the tests"))]
    pub counter_examples: Vec<String>,
}

/// A line that changes what an earlier one meant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SignEntry {
    pub anchors: Vec<String>,
    pub pattern: String,
    /// Thousandths of confidence that a doubt costs.
    #[serde(default = "usual_cost")]
    pub costs: u16,
}

/// An extractor of one fact.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FactEntry {
    pub name: String,
    /// How the identifiers of the classes begin that it is tried for; empty for all.
    pub classes: String,
    /// Its group `value` is the fact.
    pub pattern: String,
}

/// A text that must lead to the class, with what must be extracted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Example {
    #[cfg_attr(not(test), expect(dead_code, reason = "examples are there for the tests"))]
    pub text: String,
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "examples are there for the tests"))]
    pub facts: BTreeMap<String, String>,
}

/// What a rule's proof is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Says what failed.
    #[default]
    Decisive,
    /// What follows from a failure, or frames it; primary only where nothing decisive was seen.
    Symptom,
}

const fn usual_confidence() -> u16 {
    950
}

const fn usual_cost() -> u16 {
    250
}
