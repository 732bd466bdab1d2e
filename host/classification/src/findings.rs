//! From single matches to findings: matches of one class become one finding, what was overcome is dropped, what speaks
//! against a class lowers its confidence, and the last decisive finding comes first.

use std::collections::BTreeMap;

use repair_model::finding::FailureClass;
use repair_model::ids::Permille;

use crate::evaluation::{Match, value_of};
use crate::next_steps::filled;
use crate::passage::readable_text;
use crate::redaction::redacted;
use crate::rule_file::Weight;
use crate::rules::{Rule, RuleSet, SignKind};

/// Lines of proof kept for one finding; the first and the newest ones.
const PROOF_LINES_MAX: usize = 8;
/// Bytes of one line of proof; longer ones are cut.
const PROOF_BYTES_MAX: usize = 2 * 1024;
/// Lines that speak against one finding.
const CONTRADICTIONS_MAX: usize = 4;
/// How sure it is that a text without any proof is none of the classes, in thousandths.
pub const UNKNOWN_PERMILLE: u16 = 880;

/// So many lines that say the same are surer than one. Both numbers are chosen, within what the cases and some public reports
/// bear out: of 38 reports with a proof of this length all were named rightly, of those with less nine in ten.
const AGREEING_LINES_MIN: usize = 3;
/// What their agreement adds, in thousandths.
const AGREEMENT_PERMILLE: u16 = 30;
/// No text makes a class certain, in thousandths.
const CONFIDENCE_MAX: u16 = 990;

/// A line of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofLine {
    /// Counted from 1.
    pub line: u64,
    /// The line, without terminal sequences, with escapes undone, redacted, and bounded.
    pub text: String,
}

/// A failure that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What failed.
    pub class: FailureClass,
    /// How sure it is.
    pub confidence: Permille,
    /// Whether a line says so itself, or only what follows from it.
    pub weight: Weight,
    /// What was extracted.
    pub facts: BTreeMap<String, String>,
    /// The lines that prove it, ascending.
    pub proof: Vec<ProofLine>,
    /// Lines that speak against it.
    pub contradictions: Vec<ProofLine>,
    /// What a person can do, safest first.
    pub next_steps: Vec<String>,
    /// Where its last proof ends.
    place: (u64, usize),
}

/// What is known of one class so far.
#[derive(Debug)]
struct Collected {
    weight: Weight,
    confidence: u16,
    facts: BTreeMap<String, String>,
    proof: Vec<ProofLine>,
    next_steps: Vec<String>,
    place: (u64, usize),
    /// The text around the last proof as it was read, for the extractors.
    around: Vec<u8>,
}

/// Findings while a text is read. Its size is bounded by the number of classes.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    by_class: BTreeMap<FailureClass, Collected>,
    doubts: BTreeMap<FailureClass, (u16, Vec<ProofLine>)>,
}

impl Findings {
    /// Adds what `rule` proves; `around` is the text near it.
    pub(crate) fn add(&mut self, rule: &Rule, proven: Match, around: &[u8]) {
        let Match { facts, proof, place } = proven;
        let proof = proof.into_iter().map(|(line, text)| ProofLine { line, text });
        let Some(known) = self.by_class.get_mut(&rule.class) else {
            self.by_class.insert(
                rule.class,
                Collected {
                    weight: rule.weight,
                    confidence: rule.confidence,
                    facts,
                    proof: proof.collect(),
                    next_steps: rule.next_steps.clone(),
                    place,
                    around: around.to_vec(),
                },
            );
            return;
        };
        // A symptom adds nothing to what was said outright, and its place is not where the failure was named.
        if rule.weight <= known.weight || place >= known.place {
            if rule.weight < known.weight {
                known.place = place;
            } else if rule.weight == known.weight {
                known.place = known.place.max(place);
            }
            known.weight = known.weight.min(rule.weight);
            known.facts.extend(facts);
            if !rule.next_steps.is_empty() {
                known.next_steps.clone_from(&rule.next_steps);
            }
            known.around.clear();
            known.around.extend_from_slice(around);
        }
        known.confidence = known.confidence.max(rule.confidence);
        for line in proof.filter(|line| !known.proof.iter().any(|other| other.line == line.line)).collect::<Vec<_>>() {
            if known.proof.len() == PROOF_LINES_MAX {
                known.proof.remove(1);
            }
            known.proof.push(line);
        }
    }

    /// Counts a sign.
    pub(crate) fn sign(&mut self, class: FailureClass, kind: SignKind, line: (u64, String)) {
        match kind {
            SignKind::Overcome => {
                self.by_class.remove(&class);
            }
            SignKind::Doubt(costs) => {
                let (cost, lines) = self.doubts.entry(class).or_default();
                *cost = (*cost).max(costs);
                if lines.len() < CONTRADICTIONS_MAX {
                    lines.push(ProofLine { line: line.0, text: line.1 });
                }
            }
        }
    }

    /// The findings, the primary one first; never empty.
    pub(crate) fn finish(mut self, rules: &RuleSet) -> Vec<Found> {
        let mut found: Vec<Found> = std::mem::take(&mut self.by_class)
            .into_iter()
            .map(|(class, collected)| self.found(class, collected, rules))
            .collect();
        found.sort_by(|one, other| tier(one).cmp(&tier(other)).then(other.place.cmp(&one.place)));
        if found.is_empty() {
            found.push(unknown());
        }
        found
    }

    fn found(&mut self, class: FailureClass, collected: Collected, rules: &RuleSet) -> Found {
        let (cost, contradictions) = self.doubts.remove(&class).unwrap_or_default();
        let agreement = if collected.proof.len() >= AGREEING_LINES_MIN { AGREEMENT_PERMILLE } else { 0 };
        let mut facts = collected.facts;
        let around = readable_text(&collected.around);
        for extractor in &rules.extractors {
            if facts.contains_key(&extractor.name) || !class.as_str().starts_with(&extractor.classes) {
                continue;
            }
            let value = extractor.pattern.get().captures_iter(around.as_bytes()).last();
            let value =
                value.and_then(|captures| value_of(&String::from_utf8_lossy(captures.name("value")?.as_bytes())));
            facts.extend(value.map(|value| (extractor.name.clone(), value)));
        }
        let steps = Some(&collected.next_steps).filter(|steps| !steps.is_empty());
        let steps = steps.or_else(|| rules.next_steps.get(&class)).map_or(&[][..], Vec::as_slice);
        for value in facts.values_mut() {
            *value = redacted(value);
        }
        let mut proof = safe(collected.proof);
        proof.sort_by_key(|line| line.line);
        Found {
            class,
            confidence: permille((collected.confidence + agreement).min(CONFIDENCE_MAX).saturating_sub(cost)),
            weight: collected.weight,
            next_steps: filled(steps, &facts),
            facts,
            proof,
            contradictions: safe(contradictions),
            place: collected.place,
        }
    }
}

/// Lines as they may be stored and shown.
fn safe(lines: Vec<ProofLine>) -> Vec<ProofLine> {
    let safe = |line: ProofLine| {
        let mut text = redacted(line.text.trim());
        let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= PROOF_BYTES_MAX).last().unwrap_or(0);
        if text.len() > PROOF_BYTES_MAX {
            text.truncate(end);
        }
        ProofLine { line: line.line, text }
    };
    lines.into_iter().map(safe).collect()
}

/// Named outright, then a look-alike that is explained, then what only follows from a failure, then what may be nothing.
fn tier(found: &Found) -> u8 {
    match (found.class, found.weight) {
        (FailureClass::Unknown, Weight::Decisive) => 1,
        (FailureClass::Unknown, Weight::Symptom) => 3,
        (_, Weight::Decisive) => 0,
        (_, Weight::Symptom) => 2,
    }
}

fn permille(value: u16) -> Permille {
    Permille::new(value).unwrap_or(Permille::CERTAIN)
}

fn unknown() -> Found {
    Found {
        class: FailureClass::Unknown,
        confidence: permille(UNKNOWN_PERMILLE),
        weight: Weight::Decisive,
        facts: BTreeMap::new(),
        proof: Vec::new(),
        contradictions: Vec::new(),
        next_steps: Vec::new(),
        place: (0, 0),
    }
}
