//! The rules, compiled once from the files below `rules/`.
//!
//! All anchors of all rules form one automaton, so a line without any of them costs one table lookup for each byte. Patterns
//! are compiled when their anchor is first seen; the tests compile every one.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::bytes::{Regex, RegexBuilder};
use repair_model::finding::FailureClass;

use crate::reading::Reading;
use crate::rule_file::{ClassEntry, FactEntry, RuleEntry, RuleFile, SignEntry, Weight};

macro_rules! families {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../rules/", $name, ".toml")))),+]
    };
}

/// The built-in files; a test compares this list with the folder.
pub(crate) const FAMILIES: &[(&str, &str)] = families![
    "azure-access",
    "azure-capacity",
    "azure-deployment",
    "azure-keyvault",
    "azure-mysql",
    "docker-build",
    "docker-compose-file",
    "docker-containers",
    "docker-engine-access",
    "docker-images",
    "docker-names-and-networks",
    "docker-network-timeouts",
    "docker-ports",
    "docker-storage",
    "facts",
];

/// Lines before and after an anchor that a rule may ask for.
pub(crate) const REACH_LINES_MAX: usize = 8;

/// What is wrong with a rule file.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}")]
pub struct RuleError {
    /// The family.
    pub file: String,
    /// What is wrong, with the class and the rule.
    pub what: String,
}

/// A pattern that is compiled when it is first needed. It matches bytes: what engines and services write is ASCII, and
/// repetitions of any Unicode character would make automata of megabytes.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), compiled: OnceLock::new() }
    }

    /// One pattern for all of `texts`; `None` without any.
    fn any_of(texts: &[String]) -> Option<Self> {
        let parts: Vec<String> = texts.iter().map(|text| format!("(?:{text})")).collect();
        (!parts.is_empty()).then(|| Self::new(&parts.join("|")))
    }

    fn compile(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.text).case_insensitive(true).unicode(false).build()
    }

    pub(crate) fn get(&self) -> &Regex {
        self.compiled.get_or_init(|| self.compile().expect("a test compiles every pattern with `RuleSet::check`"))
    }
}

/// A rule, ready for use.
#[derive(Debug)]
pub(crate) struct Rule {
    pub class: FailureClass,
    pub pattern: Pattern,
    pub unless: Option<Pattern>,
    pub reach: usize,
    pub weight: Weight,
    pub confidence: u16,
    pub facts: BTreeMap<String, String>,
    pub next_steps: Vec<String>,
}

/// A line that changes what another one meant.
#[derive(Debug)]
pub(crate) struct Sign {
    pub class: FailureClass,
    pub pattern: Pattern,
    pub kind: SignKind,
}

/// What a sign means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignKind {
    /// The failure was overcome.
    Overcome,
    /// It speaks against the class, by so many thousandths.
    Doubt(u16),
}

/// What an anchor may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lead {
    Rule(usize),
    Sign(usize),
}

/// An extractor of one fact.
#[derive(Debug)]
pub(crate) struct Extractor {
    pub name: String,
    pub classes: String,
    pub pattern: Pattern,
}

/// All rules.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) signs: Vec<Sign>,
    pub(crate) extractors: Vec<Extractor>,
    pub(crate) next_steps: BTreeMap<FailureClass, Vec<String>>,
    pub(crate) anchors: AhoCorasick,
    /// By the number of the anchor.
    leads: Vec<Vec<Lead>>,
}

static BUILT_IN: LazyLock<RuleSet> =
    LazyLock::new(|| RuleSet::compile(FAMILIES).expect("a test compiles the built-in rules"));

impl RuleSet {
    /// The rules of this version.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Compiles rule files, given as name and text. Patterns are compiled later; see [`Self::check`].
    ///
    /// # Errors
    /// Names the file, class and rule that is not as it must be.
    pub fn compile(files: &[(&str, &str)]) -> Result<Self, RuleError> {
        let mut building = Building::default();
        for (name, text) in files {
            let wrong = |what: String| RuleError { file: (*name).to_owned(), what };
            let file: RuleFile = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
            building.add(file).map_err(wrong)?;
        }
        building.finish()
    }

    /// Compiles every pattern, so that a wrong one is found before a text leads to it.
    ///
    /// # Errors
    /// Names the first pattern that is wrong.
    pub fn check(&self) -> Result<(), RuleError> {
        let rules = self.rules.iter().flat_map(|rule| std::iter::once(&rule.pattern).chain(&rule.unless));
        let signs = self.signs.iter().map(|sign| &sign.pattern);
        for pattern in rules.chain(signs).chain(self.extractors.iter().map(|extractor| &extractor.pattern)) {
            pattern.compile().map_err(|error| RuleError { file: pattern.text.clone(), what: error.to_string() })?;
        }
        Ok(())
    }

    /// Begins to read a text.
    pub fn start(&self) -> Reading<'_> {
        Reading::new(self)
    }

    /// What the anchors within `text` lead to, each once, in the order of the rules.
    pub(crate) fn leads(&self, text: &[u8], found: &mut Vec<Lead>) {
        found.clear();
        for anchor in self.anchors.find_overlapping_iter(text) {
            found.extend_from_slice(&self.leads[anchor.pattern().as_usize()]);
        }
        found.sort_unstable();
        found.dedup();
    }
}

#[derive(Default)]
struct Building {
    rules: Vec<Rule>,
    signs: Vec<Sign>,
    extractors: Vec<Extractor>,
    next_steps: BTreeMap<FailureClass, Vec<String>>,
    anchors: BTreeMap<String, Vec<Lead>>,
}

impl Building {
    fn add(&mut self, file: RuleFile) -> Result<(), String> {
        for FactEntry { name, classes, pattern } in file.facts {
            self.extractors.push(Extractor { name, classes, pattern: Pattern::new(&pattern) });
        }
        for entry in file.classes {
            let id = entry.id.clone();
            self.add_class(entry).map_err(|what| format!("class `{id}`: {what}"))?;
        }
        Ok(())
    }

    fn add_class(&mut self, entry: ClassEntry) -> Result<(), String> {
        let class = entry.id.parse().map_err(|()| "is none of the classes of `repair_model::finding`".to_owned())?;
        if !entry.next_steps.is_empty() {
            self.next_steps.insert(class, entry.next_steps);
        }
        let mut ids = std::collections::BTreeSet::new();
        for rule in entry.rules {
            let id = rule.id.clone();
            if !ids.insert(id.clone()) {
                return Err(format!("has two rules `{id}`"));
            }
            self.add_rule(class, rule).map_err(|what| format!("rule `{id}`: {what}"))?;
        }
        for sign in entry.overcome {
            self.add_sign(class, &sign, SignKind::Overcome)?;
        }
        for sign in entry.doubts {
            self.add_sign(class, &sign, SignKind::Doubt(sign.costs))?;
        }
        Ok(())
    }

    fn add_rule(&mut self, class: FailureClass, entry: RuleEntry) -> Result<(), String> {
        if usize::from(entry.reach) > REACH_LINES_MAX {
            return Err(format!("reach {} is above {REACH_LINES_MAX}", entry.reach));
        }
        if entry.confidence > 1000 {
            return Err(format!("confidence {} is above 1000", entry.confidence));
        }
        if entry.examples.is_empty() {
            return Err("has no example".to_owned());
        }
        self.lead(&entry.anchors, Lead::Rule(self.rules.len()))?;
        let mut facts = entry.facts;
        facts.extend(entry.reason.map(|reason| ("reason".to_owned(), reason)));
        self.rules.push(Rule {
            class,
            pattern: Pattern::new(&entry.pattern),
            unless: Pattern::any_of(&entry.unless),
            reach: entry.reach.into(),
            weight: entry.weight,
            confidence: entry.confidence,
            facts,
            next_steps: entry.next_steps,
        });
        Ok(())
    }

    fn add_sign(&mut self, class: FailureClass, entry: &SignEntry, kind: SignKind) -> Result<(), String> {
        self.lead(&entry.anchors, Lead::Sign(self.signs.len()))?;
        self.signs.push(Sign { class, pattern: Pattern::new(&entry.pattern), kind });
        Ok(())
    }

    fn lead(&mut self, anchors: &[String], lead: Lead) -> Result<(), String> {
        /// Shorter ones would stop at every other line.
        const ANCHOR_BYTES_MIN: usize = 4;
        if anchors.is_empty() {
            return Err("has no anchor".to_owned());
        }
        for anchor in anchors {
            if anchor.len() < ANCHOR_BYTES_MIN || !anchor.is_ascii() {
                return Err(format!("anchor {anchor:?} is not at least {ANCHOR_BYTES_MIN} ASCII characters"));
            }
            self.anchors.entry(anchor.to_ascii_lowercase()).or_default().push(lead);
        }
        Ok(())
    }

    fn finish(self) -> Result<RuleSet, RuleError> {
        let anchors = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(self.anchors.keys())
            .map_err(|error| RuleError { file: "anchors".to_owned(), what: error.to_string() })?;
        Ok(RuleSet {
            rules: self.rules,
            signs: self.signs,
            extractors: self.extractors,
            next_steps: self.next_steps,
            anchors,
            leads: self.anchors.into_values().collect(),
        })
    }
}
