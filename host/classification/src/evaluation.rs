//! One rule against one passage: does it hold, and what does it extract?

use std::collections::BTreeMap;
use std::ops::Range;

use regex::bytes::Captures;

use crate::passage::{Passage, Surroundings};
use crate::rules::{Rule, Sign};

/// Bytes of a fact's value; text is foreign, and a name is short.
const FACT_BYTES_MAX: usize = 256;

/// What a rule proves.
#[derive(Debug)]
pub(crate) struct Match {
    pub facts: BTreeMap<String, String>,
    /// The lines that prove it.
    pub proof: Vec<(u64, String)>,
    /// Where it ends: number of the line, and the place within it.
    pub place: (u64, usize),
}

/// Tries the rule on the line itself or the lines within its reach, then on the line as it was before it was wrapped.
pub(crate) fn evaluate(rule: &Rule, around: &Surroundings<'_>) -> Option<Match> {
    let passage = if rule.reach == 0 { around.own_line() } else { around.with_reach(rule.reach) };
    if rule.pattern.get().is_match(passage.text.as_bytes()) {
        return on(rule, passage);
    }
    around.unwrapped()?.iter().find_map(|passage| on(rule, passage))
}

/// The line that a sign is, if its pattern matches.
pub(crate) fn sign(sign: &Sign, around: &Surroundings<'_>) -> Option<(u64, String)> {
    let passage = around.own_line();
    let found = sign.pattern.get().find(passage.text.as_bytes())?;
    passage.texts_of(&found.range()).first().map(|(number, text)| (*number, (*text).to_owned()))
}

fn on(rule: &Rule, passage: &Passage) -> Option<Match> {
    // Of several in one passage the last counts, as of several in one text.
    let captures = rule.pattern.get().captures_iter(passage.text.as_bytes()).last()?;
    if rule.unless.as_ref().is_some_and(|unless| unless.get().is_match(passage.text.as_bytes())) {
        return None;
    }
    let place = captures.get(0).map_or(Range::default(), |whole| whole.range());
    let mut facts = rule.facts.clone();
    facts.extend(named(&captures, rule.pattern.get().capture_names().flatten()));
    Some(Match {
        facts,
        proof: passage.texts_of(&place).into_iter().map(|(number, text)| (number, text.to_owned())).collect(),
        place: passage.place_of(place.end),
    })
}

fn named<'c>(
    captures: &'c Captures<'_>,
    names: impl Iterator<Item = &'c str> + 'c,
) -> impl Iterator<Item = (String, String)> + 'c {
    names.filter_map(|name| {
        let value = String::from_utf8_lossy(captures.name(name)?.as_bytes());
        // Groups of a pattern cannot contain hyphens or repeat; a trailing number tells alternatives apart.
        let name = name.trim_end_matches(|last: char| last.is_ascii_digit()).trim_end_matches('_').replace('_', "-");
        value_of(&value).map(|value| (name, value))
    })
}

/// A value without quotes and spaces around it; `None` if nothing is left or it is too long to be a name.
pub(crate) fn value_of(text: &str) -> Option<String> {
    let value = text.trim().trim_matches(['"', '\'', '`']).trim();
    (!value.is_empty() && value.len() <= FACT_BYTES_MAX).then(|| value.to_owned())
}
