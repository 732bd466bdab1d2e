//! Texts in a policy that its attributes never have.
//!
//! Azure takes names in any spelling, so policies are shown one spelling of each, and a digest has one form. A comparison
//! with another one is valid to Cedar and never holds: a `forbid` that its author believes in. What is looked at is the
//! text, because Cedar's form of a policy is taken apart by recursion.

use super::nesting::tokens;
use super::schema::{DIGEST_ATTRIBUTE, is_lower_case};

/// A text that what it is compared with never is.
pub(super) struct NeverEqual {
    /// Where it stands, in bytes.
    pub at: usize,
    /// In words.
    pub what: String,
    /// What to write instead.
    pub fix: String,
}

/// All such texts of a file whose syntax has been checked.
pub(super) fn never_equal(text: &str) -> Vec<NeverEqual> {
    let tokens: Vec<Token<'_>> = tokens(text).filter_map(|(at, token)| Some((at, visible(token)?))).collect();
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        let Some((attribute, after)) = attribute(&tokens[at..]) else { continue };
        let (before, after) = (&tokens[..at], &tokens[at + after..]);
        for (place, text) in compared_after(after).chain(compared_before(before)) {
            found.extend(exact(&attribute, text).map(|(what, fix)| NeverEqual { at: place, what, fix }));
        }
        if let [(_, "like"), (place, pattern), ..] = after {
            let pieces = text_of(pattern).unwrap_or_default().split('*');
            let wrong = pieces.filter_map(|piece| spelling(&attribute, piece));
            found.extend(wrong.map(|(what, fix)| NeverEqual { at: *place, what, fix }));
        }
    }
    found
}

/// Where it begins, and its text.
type Token<'t> = (usize, &'t str);
/// `principal` or `resource`, and the name of an attribute.
type Attribute<'t> = (&'t str, &'t str);

fn visible(token: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(token).ok()?;
    (!text.trim().is_empty() && !text.starts_with("//")).then_some(text)
}

/// The attribute that is named at the front, and how many tokens name it.
fn attribute<'t>(tokens: &[Token<'t>]) -> Option<(Attribute<'t>, usize)> {
    let (owner, name, length) = match tokens {
        [(_, owner), (_, "."), (_, name), ..] => (*owner, *name, 3),
        [(_, owner), (_, "["), (_, name), (_, "]"), ..] => (*owner, text_of(name)?, 4),
        _ => return None,
    };
    matches!(owner, "principal" | "resource").then_some(((owner, name), length))
}

/// The texts in `== "a"`, `!= "a"`, `.contains("a")` and `.containsAny(["a", "b"])`.
fn compared_after<'t>(tokens: &[Token<'t>]) -> impl Iterator<Item = Token<'t>> {
    let operands = match tokens {
        [(_, "=" | "!"), (_, "="), rest @ ..] => rest,
        [(_, "."), (_, "contains" | "containsAny" | "containsAll"), (_, "("), rest @ ..] => rest,
        _ => &[],
    };
    let list = if let [(_, "["), rest @ ..] = operands { rest } else { &operands[..operands.len().min(1)] };
    texts(list.to_vec())
}

/// The texts in `"a" ==`, `"a" !=` and `["a", "b"].contains(`.
fn compared_before<'t>(tokens: &[Token<'t>]) -> impl Iterator<Item = Token<'t>> {
    let operands: Vec<Token<'t>> = match tokens {
        [.., text, (_, "=" | "!"), (_, "=")] => vec![*text],
        [list @ .., (_, "]"), (_, "."), (_, "contains"), (_, "(")] => list.iter().rev().copied().collect(),
        _ => Vec::new(),
    };
    texts(operands)
}

/// The texts of a list from its front to its end.
fn texts(list: Vec<Token<'_>>) -> impl Iterator<Item = Token<'_>> {
    let members = list.into_iter().take_while(|(_, token)| *token == "," || token.starts_with('"'));
    members.filter_map(|(at, token)| Some((at, text_of(token)?)))
}

/// What a string says. One with an escape is left alone: nothing that is looked for needs any.
fn text_of(token: &str) -> Option<&str> {
    token.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains('\\'))
}

fn exact(attribute: &Attribute<'_>, text: &str) -> Option<(String, String)> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_digest = text.len() == 64 && text.bytes().all(is_digit);
    if *attribute == ("principal", DIGEST_ATTRIBUTE) && !is_digest {
        let what =
            format!("`principal.{DIGEST_ATTRIBUTE}` is never `{text}`: it has 64 hexadecimal digits, in lower case");
        return Some((what, "write the whole digest; `repair tool show ID` prints it".to_owned()));
    }
    spelling(attribute, text)
}

fn spelling(&(owner, name): &Attribute<'_>, text: &str) -> Option<(String, String)> {
    let blank = if name == "location" { "" } else { " " };
    let shown = text.to_lowercase().replace(' ', blank);
    let is_wrong = owner == "resource" && is_lower_case(name, text) && shown != text;
    is_wrong.then(|| {
        (format!("`resource.{name}` is never `{text}`: it is shown in lower case"), format!("write `{shown}`"))
    })
}
