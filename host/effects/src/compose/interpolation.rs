//! Compose's variables: `$NAME`, `${NAME}`, and `${NAME…}` with `:-` `-` `:?` `?` `:+` `+` and a word that may nest;
//! `$$` is a dollar sign. Measured on Compose 2.40: braces balance inside a word, a `$` before anything else stays as
//! it is, and the shell's environment beats every file.
//!
//! It refuses what Compose refuses (`${A`, `${1}`, `${A:=x}`), and what is nested or grows beyond any use. Invariant: the runs of an evaluated text cover it
//! without gaps, in order, so that each byte of a value can be traced to the bytes that it came from.

use std::collections::BTreeMap;
use std::ops::Range;

use repair_model::compose::ValueSource;
use repair_model::limits::{INTERPOLATED_BYTES_MAX, INTERPOLATION_NESTING_MAX};

/// Where variables get their values.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    /// The environment of the calling shell.
    pub shell: &'a BTreeMap<String, String>,
    /// What the `.env` files say, later files over earlier ones.
    pub dotenv: &'a BTreeMap<String, String>,
}

impl<'a> Variables<'a> {
    /// The value of a variable and where it comes from; `None` if it is set nowhere.
    pub fn get(&self, name: &str) -> Option<(&'a str, ValueSource)> {
        if let Some(value) = self.shell.get(name) {
            return Some((value, ValueSource::Shell(name.to_owned())));
        }
        self.dotenv.get(name).map(|value| (value.as_str(), ValueSource::Dotenv(name.to_owned())))
    }
}

/// Why a text cannot be interpolated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterpolationError {
    /// Not of Compose's grammar.
    #[error("`{0}` is no variable as Compose knows them; write `$$` for a dollar sign")]
    Format(String),
    /// `${NAME:?message}` without a value.
    #[error("the variable `{0}` is required and has no value; set it in `.env` or in the shell")]
    Required(String),
    /// Variables within variables.
    #[error("variables are nested deeper than {INTERPOLATION_NESTING_MAX} in each other; name one instead")]
    Nesting,
    /// A value that grows by its variables.
    #[error("with its variables replaced it is longer than {INTERPOLATED_BYTES_MAX} bytes")]
    TooLong,
}

/// A variable that has no value where a text uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing<'t> {
    /// Its name.
    pub name: &'t str,
    /// Whether Compose refuses the text for it.
    pub required: bool,
}

/// A text with variables, taken apart. All ranges are byte ranges of that text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<'t> {
    text: &'t str,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Range<usize>),
    Dollar(Range<usize>),
    Variable { range: Range<usize>, name: String, rule: Rule },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Plain,
    Default { empty_counts: bool, word: Vec<Piece> },
    Alternative { empty_counts: bool, word: Vec<Piece> },
    Required { empty_counts: bool },
}

/// One stretch of an evaluated text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where it stands in the value; never empty.
    pub at: Range<usize>,
    /// The bytes of the raw text that it comes from: the text itself, or the whole innermost `${…}`.
    pub raw: Range<usize>,
    /// Where it comes from.
    pub source: ValueSource,
    /// Whether the raw bytes are the value, so that a change of them changes the value alike.
    pub verbatim: bool,
}

/// A text with its variables replaced.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Evaluated {
    /// The text.
    pub value: String,
    /// Where each byte of it comes from.
    pub runs: Vec<Run>,
}

impl<'t> Template<'t> {
    /// Takes a text apart.
    ///
    /// # Errors
    /// When Compose would refuse it.
    pub fn parse(text: &'t str) -> Result<Self, InterpolationError> {
        Ok(Self { text, pieces: pieces(text, 0..text.len(), 0)? })
    }

    /// The names of all variables in the text, also those inside words, in order.
    pub fn variables(&self) -> Vec<&str> {
        let mut names = Vec::new();
        collect_names(&self.pieces, &mut names);
        names
    }

    /// The variables that are used and have no value, or an empty one, in order. One with a default, and one that only
    /// switches a word on, is meant to be left out.
    pub fn missing(&self, variables: &Variables<'_>) -> Vec<Missing<'_>> {
        let mut missing = Vec::new();
        collect_missing(&self.pieces, variables, &mut missing);
        missing
    }

    /// Replaces the variables.
    ///
    /// # Errors
    /// When a required one has no value, or the text would grow beyond any use.
    pub fn evaluate(&self, variables: &Variables<'_>) -> Result<Evaluated, InterpolationError> {
        let mut evaluated = Evaluated::default();
        evaluate(self.text, &self.pieces, variables, &ValueSource::Literal, &mut evaluated)?;
        Ok(evaluated)
    }
}

impl Evaluated {
    /// The runs that a span of the value touches.
    pub fn runs_in(&self, span: &Range<usize>) -> &[Run] {
        let start = self.runs.partition_point(|run| run.at.end <= span.start);
        let end = self.runs.partition_point(|run| run.at.start < span.end);
        &self.runs[start..end.max(start)]
    }

    /// Where a span of the value comes from: what beats files first, then `.env`, then a default, then plain text.
    pub fn source(&self, span: &Range<usize>) -> ValueSource {
        let rank = |source: &ValueSource| match source {
            ValueSource::Literal => 0,
            ValueSource::Fallback(_) => 1,
            ValueSource::Dotenv(_) => 2,
            ValueSource::Shell(_) => 3,
        };
        let strongest = self.runs_in(span).iter().map(|run| &run.source).max_by_key(|source| rank(source));
        strongest.cloned().unwrap_or(ValueSource::Literal)
    }

    fn push(&mut self, value: &str, raw: Range<usize>, source: ValueSource, verbatim: bool) {
        if !value.is_empty() {
            let start = self.value.len();
            self.value.push_str(value);
            self.runs.push(Run { at: start..self.value.len(), raw, source, verbatim });
        }
    }
}

fn collect_names<'p>(pieces: &'p [Piece], names: &mut Vec<&'p str>) {
    for piece in pieces {
        if let Piece::Variable { name, rule, .. } = piece {
            names.push(name);
            if let Rule::Default { word, .. } | Rule::Alternative { word, .. } = rule {
                collect_names(word, names);
            }
        }
    }
}

fn collect_missing<'p>(pieces: &'p [Piece], variables: &Variables<'_>, missing: &mut Vec<Missing<'p>>) {
    for piece in pieces {
        let Piece::Variable { name, rule, .. } = piece else { continue };
        let value = variables.get(name).map(|(value, _)| value);
        let counts = |empty_counts: bool| value.is_some_and(|value| !(empty_counts && value.is_empty()));
        match rule {
            Rule::Default { empty_counts, word } if !counts(*empty_counts) => {
                collect_missing(word, variables, missing);
            }
            Rule::Alternative { empty_counts, word } if counts(*empty_counts) => {
                collect_missing(word, variables, missing);
            }
            Rule::Default { .. } | Rule::Alternative { .. } => {}
            Rule::Required { empty_counts } if !counts(*empty_counts) => {
                missing.push(Missing { name, required: true });
            }
            Rule::Plain | Rule::Required { .. } => {
                if value.is_none_or(str::is_empty) {
                    missing.push(Missing { name, required: false });
                }
            }
        }
    }
}

fn pieces(text: &str, range: Range<usize>, depth: usize) -> Result<Vec<Piece>, InterpolationError> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut plain) = (range.start, range.start);
    while at < range.end {
        if bytes[at] != b'$' {
            at += 1;
            continue;
        }
        let Some(piece) = variable(text, at, range.end, depth)? else {
            at += 1;
            continue;
        };
        if plain < at {
            found.push(Piece::Text(plain..at));
        }
        let (Piece::Text(piece_range) | Piece::Dollar(piece_range) | Piece::Variable { range: piece_range, .. }) =
            &piece;
        at = piece_range.end;
        plain = at;
        found.push(piece);
    }
    if plain < range.end {
        found.push(Piece::Text(plain..range.end));
    }
    Ok(found)
}

/// What the dollar sign at `at` begins; `None` if it stands for itself.
fn variable(text: &str, at: usize, end: usize, depth: usize) -> Result<Option<Piece>, InterpolationError> {
    let bytes = text.as_bytes();
    match bytes.get(at + 1).filter(|_| at + 1 < end) {
        Some(b'$') => Ok(Some(Piece::Dollar(at..at + 2))),
        Some(b'{') => braced(text, at, end, depth).map(Some),
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
            let name_end = name_end(bytes, at + 1, end);
            let name = text[at + 1..name_end].to_owned();
            Ok(Some(Piece::Variable { range: at..name_end, name, rule: Rule::Plain }))
        }
        _ => Ok(None),
    }
}

fn name_end(bytes: &[u8], start: usize, end: usize) -> usize {
    let tail = bytes[start..end].iter().position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
    tail.map_or(end, |length| start + length)
}

fn braced(text: &str, at: usize, end: usize, outside: usize) -> Result<Piece, InterpolationError> {
    if outside >= INTERPOLATION_NESTING_MAX {
        return Err(InterpolationError::Nesting);
    }
    let bytes = text.as_bytes();
    let refuse = || InterpolationError::Format(text[at..end].to_owned());
    let mut depth = 0_usize;
    let closing = bytes[at + 1..end].iter().position(|byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    let close = at + 1 + closing.ok_or_else(refuse)?;
    let name_end = name_end(bytes, at + 2, close);
    let name = &text[at + 2..name_end];
    if !name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
        return Err(refuse());
    }
    let rest = &text[name_end..close];
    let (empty_counts, operator) = match rest.strip_prefix(':') {
        Some(operator) => (true, operator),
        None => (false, rest),
    };
    let word = close - operator.len() + 1..close;
    let rule = match operator.as_bytes().first() {
        None if rest.is_empty() => Rule::Plain,
        Some(b'-') => Rule::Default { empty_counts, word: pieces(text, word, outside + 1)? },
        Some(b'+') => Rule::Alternative { empty_counts, word: pieces(text, word, outside + 1)? },
        Some(b'?') => Rule::Required { empty_counts },
        _ => return Err(refuse()),
    };
    Ok(Piece::Variable { range: at..close + 1, name: name.to_owned(), rule })
}

fn evaluate(
    text: &str,
    pieces: &[Piece],
    variables: &Variables<'_>,
    plain: &ValueSource,
    into: &mut Evaluated,
) -> Result<(), InterpolationError> {
    for piece in pieces {
        match piece {
            Piece::Text(range) => into.push(&text[range.clone()], range.clone(), plain.clone(), true),
            Piece::Dollar(range) => into.push("$", range.clone(), plain.clone(), false),
            Piece::Variable { range, name, rule } => {
                let set = variables.get(name);
                let counts =
                    |empty_counts: bool| set.as_ref().is_some_and(|(value, _)| !(empty_counts && value.is_empty()));
                match rule {
                    Rule::Default { empty_counts, word } if !counts(*empty_counts) => {
                        evaluate(text, word, variables, &ValueSource::Fallback(name.clone()), into)?;
                    }
                    Rule::Alternative { empty_counts, word } => {
                        if counts(*empty_counts) {
                            evaluate(text, word, variables, plain, into)?;
                        }
                    }
                    Rule::Required { empty_counts } if !counts(*empty_counts) => {
                        return Err(InterpolationError::Required(name.clone()));
                    }
                    _ => {
                        if let Some((value, source)) = set {
                            into.push(value, range.clone(), source, false);
                        }
                    }
                }
            }
        }
        if into.value.len() > INTERPOLATED_BYTES_MAX {
            return Err(InterpolationError::TooLong);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn value(text: &str, dotenv: &[(&str, &str)]) -> Result<String, InterpolationError> {
        let (shell, dotenv) = (BTreeMap::new(), map(dotenv));
        Ok(Template::parse(text)?.evaluate(&Variables { shell: &shell, dotenv: &dotenv })?.value)
    }

    #[test]
    fn what_is_nested_or_grows_beyond_any_use_is_refused() {
        let nested = |depth: usize| format!("{}1{}", "${A:-".repeat(depth), "}".repeat(depth));
        assert_eq!(value(&nested(INTERPOLATION_NESTING_MAX), &[]), Ok("1".to_owned()));
        for depth in [INTERPOLATION_NESTING_MAX + 1, 100_000] {
            assert_eq!(value(&nested(depth), &[]), Err(InterpolationError::Nesting));
        }
        let long = "x".repeat(10_000);
        assert_eq!(value(&"$A".repeat(100), &[("A", &long)]), Err(InterpolationError::TooLong));
    }

    #[test]
    fn every_form_has_the_value_that_compose_gives_it() {
        // Text, then the value with A unset, empty, and `1`; `!` stands for a refusal. Measured on Compose 2.40.3.
        let table = [
            ("$$A", "$A", "$A", "$A"),
            ("$A", "", "", "1"),
            ("$A.b", ".b", ".b", "1.b"),
            ("${A}", "", "", "1"),
            ("${A:-x}", "x", "x", "1"),
            ("${A-x}", "x", "", "1"),
            ("${A:+x}", "", "", "x"),
            ("${A+x}", "", "x", "x"),
            ("${A:?e r}", "!", "!", "1"),
            ("${A?e r}", "!", "", "1"),
            ("${A:-${B:-9}}", "9", "9", "1"),
            ("${A:-$B-c}", "-c", "-c", "1"),
            ("${A:-$$}", "$", "$", "1"),
            ("${A:-a$$b}", "a$b", "a$b", "1"),
            ("${A:-}}", "}", "}", "1}"),
            ("${A:-a}b}", "ab}", "ab}", "1b}"),
            ("${A:-{x}}", "{x}", "{x}", "1"),
            ("${A-:-x}", ":-x", "", "1"),
            ("${A:-?x}", "?x", "?x", "1"),
            ("$", "$", "$", "$"),
            ("$1", "$1", "$1", "$1"),
            ("$-", "$-", "$-", "$-"),
            ("x$", "x$", "x$", "x$"),
            ("${A", "!", "!", "!"),
            ("${1}", "!", "!", "!"),
            ("${A:=x}", "!", "!", "!"),
            ("${ A }", "!", "!", "!"),
            ("${A.b}", "!", "!", "!"),
            ("${}", "!", "!", "!"),
            ("ü${A:-ö}ß", "üöß", "üöß", "ü1ß"),
        ];
        for (text, unset, empty, set) in table {
            let shown = |dotenv: &[(&str, &str)]| value(text, dotenv).unwrap_or_else(|_| "!".to_owned());
            assert_eq!(shown(&[]), unset, "{text} unset");
            assert_eq!(shown(&[("A", "")]), empty, "{text} empty");
            assert_eq!(shown(&[("A", "1")]), set, "{text} set");
        }
    }

    #[test]
    fn what_is_missing_is_what_compose_warns_of_or_refuses() {
        // Text, then what is missing with A unset, empty, and `1`; `!` stands for a required one.
        let table = [
            ("$A", "A", "A", ""),
            ("x${A}y", "A", "A", ""),
            ("${A:?e}", "!A", "!A", ""),
            ("${A?e}", "!A", "A", ""),
            ("${A:-x}", "", "", ""),
            ("${A-x}", "", "", ""),
            ("${A:-}", "", "", ""),
            ("${A:+x}", "", "", ""),
            ("${A:-$B}", "B", "B", ""),
            ("${A-${B:?}}", "!B", "", ""),
            ("${A:+$B}", "", "", "B"),
            ("$$A", "", "", ""),
        ];
        for (text, unset, empty, set) in table {
            let shown = |dotenv: &[(&str, &str)]| {
                let (shell, dotenv) = (BTreeMap::new(), map(dotenv));
                let template = Template::parse(text).expect("a text of Compose's grammar");
                let missing = template.missing(&Variables { shell: &shell, dotenv: &dotenv });
                missing.iter().map(|found| format!("{}{}", if found.required { "!" } else { "" }, found.name)).collect()
            };
            let shown: [String; 3] = [shown(&[]), shown(&[("A", "")]), shown(&[("A", "1")])];
            assert_eq!(shown, [unset, empty, set], "{text}");
        }
    }

    #[test]
    fn every_byte_is_traced_to_its_source() {
        let (shell, dotenv) = (map(&[("S", "1")]), map(&[("D", "22"), ("S", "9")]));
        let text = "a$S${D}${X:-${Y:-333}}";
        let template = Template::parse(text).unwrap();
        let evaluated = template.evaluate(&Variables { shell: &shell, dotenv: &dotenv }).unwrap();
        assert_eq!(evaluated.value, "a122333");
        let traced: Vec<_> = evaluated.runs.iter().map(|run| (&text[run.raw.clone()], run.source.clone())).collect();
        assert_eq!(
            traced,
            [
                ("a", ValueSource::Literal),
                ("$S", ValueSource::Shell("S".to_owned())),
                ("${D}", ValueSource::Dotenv("D".to_owned())),
                ("333", ValueSource::Fallback("Y".to_owned())),
            ]
        );
        assert_eq!(template.variables(), ["S", "D", "X", "Y"]);
        assert_eq!(evaluated.source(&(0..7)), ValueSource::Shell("S".to_owned()));
        assert_eq!(evaluated.source(&(4..7)), ValueSource::Fallback("Y".to_owned()));
    }
}
