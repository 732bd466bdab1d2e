//! One entry of `ports` with its variables replaced: what it publishes, where that value comes from, and which bytes to
//! change for another host port.
//!
//! Invariant: [`Reading::respelled`] changes only digits of the published part; what it cannot change so it refuses.

use std::ops::Range;

use repair_model::compose::{Published, ValueSource};

use super::interpolation::{Evaluated, Template, Variables};
use super::source::{EntryText, PortEntry, Spelled};
use super::syntax::{Port, PublishedSpan, parse_protocol, parse_published, parse_short};

/// What one number of the published part is made of. Ranges are bytes of the raw text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Number {
    /// Digits, in the text itself or in a default.
    Digits(Range<usize>),
    /// One variable and nothing else.
    Variable(Range<usize>),
    /// Part of a variable, or several things together.
    Mixed,
}

/// One entry, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it publishes.
    pub port: Port,
    /// Where the published value comes from.
    pub source: ValueSource,
    /// The variable whose value is the published part and nothing else, not even when that part is a range.
    pub variable: Option<String>,
    numbers: Vec<Number>,
    whole: Option<Range<usize>>,
}

/// A replacement of bytes of a raw text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// The bytes.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub after: String,
}

impl Reading {
    /// Reads an entry.
    ///
    /// # Errors
    /// When it is written in a way that is not edited, or is no port; the text says why.
    pub fn of(entry: &PortEntry, variables: &Variables<'_>) -> Result<Self, String> {
        match &entry.text {
            EntryText::Unreadable(why) => Err((*why).to_owned()),
            EntryText::Short(spelled) => {
                let evaluated = evaluated(spelled, variables)?;
                let (port, span) = parse_short(&evaluated.value).map_err(|error| error.to_string())?;
                Ok(Self::new(port, span, &evaluated))
            }
            EntryText::Long(long) => {
                let value = |spelled: &Spelled| evaluated(spelled, variables).map(|evaluated| evaluated.value);
                let text = value(&long.target)?;
                let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
                let target = text.parse().ok().filter(|target| is_number && *target > 0);
                let target = target.ok_or_else(|| format!("`{text}` is no port of the container"))?;
                let protocol = long.protocol.as_ref().map(value).transpose()?.unwrap_or_default();
                let protocol = parse_protocol(&protocol).map_err(|error| error.to_string())?;
                let host_ip = long.host_ip.as_ref().map(value).transpose()?.filter(|address| !address.is_empty());
                let published = long.published.as_ref().map(|spelled| evaluated(spelled, variables)).transpose()?;
                let published = published.unwrap_or_default();
                let (host, span) = parse_published(&published.value, 0).map_err(|error| error.to_string())?;
                let port = Port { host_ip, published: host, target, target_last: target, protocol };
                Ok(Self::new(port, span, &published))
            }
        }
    }

    fn new(port: Port, span: Option<PublishedSpan>, evaluated: &Evaluated) -> Self {
        let Some(span) = span else {
            let source = ValueSource::Literal;
            return Self { port, source, variable: None, numbers: Vec::new(), whole: None };
        };
        let whole_run = match evaluated.runs_in(&span.whole()) {
            [run] if !run.verbatim && run.at == span.whole() => Some(run.clone()),
            _ => None,
        };
        let variable = whole_run.as_ref().and_then(|run| match &run.source {
            ValueSource::Dotenv(name) | ValueSource::Shell(name) => Some(name.clone()),
            ValueSource::Literal | ValueSource::Fallback(_) => None,
        });
        let numbers = [Some(span.first.clone()), span.last.clone()].into_iter().flatten();
        Self {
            source: evaluated.source(&span.whole()),
            numbers: numbers.map(|digits| number(evaluated, &digits)).collect(),
            whole: whole_run.map(|run| run.raw),
            variable,
            port,
        }
    }

    /// The bytes of the raw text to change so that the entry publishes `after`: digits that are written out, in the
    /// text or in a default.
    ///
    /// # Errors
    /// The text says which part of the published value comes from a variable.
    pub fn respelled(&self, after: Published) -> Option<Vec<Splice>> {
        self.spliced(after, false)
    }

    /// Like [`Self::respelled`], but digits take the place of variables that name the published port.
    pub fn written_out(&self, after: Published) -> Option<Vec<Splice>> {
        self.spliced(after, true).or_else(|| {
            let range = self.whole.clone()?;
            Some(vec![Splice { range, after: after.to_string() }])
        })
    }

    fn spliced(&self, after: Published, variables_too: bool) -> Option<Vec<Splice>> {
        let ports = match (after, self.numbers.len()) {
            (Published::Fixed(port), count @ 1..) => vec![port; count],
            (Published::Range(first, last), 2) => vec![first, last],
            _ => return None,
        };
        let splices = self.numbers.iter().zip(ports).map(|(number, port)| match number {
            Number::Digits(range) => Some(Splice { range: range.clone(), after: port.to_string() }),
            Number::Variable(range) if variables_too => Some(Splice { range: range.clone(), after: port.to_string() }),
            Number::Variable(_) | Number::Mixed => None,
        });
        splices.collect()
    }
}

/// A raw text with its splices, which ascend and do not overlap.
pub fn with_splices(raw: &str, splices: &[Splice]) -> String {
    let mut text = String::with_capacity(raw.len() + 8);
    let mut at = 0;
    for splice in splices {
        text.push_str(&raw[at..splice.range.start]);
        text.push_str(&splice.after);
        at = splice.range.end;
    }
    text.push_str(&raw[at..]);
    text
}

fn evaluated(spelled: &Spelled, variables: &Variables<'_>) -> Result<Evaluated, String> {
    let template = Template::parse(&spelled.raw).map_err(|error| error.to_string())?;
    template.evaluate(variables).map_err(|error| error.to_string())
}

fn number(evaluated: &Evaluated, digits: &Range<usize>) -> Number {
    match evaluated.runs_in(digits) {
        [run] if run.verbatim => {
            let start = run.raw.start + (digits.start - run.at.start);
            Number::Digits(start..start + digits.len())
        }
        [run] if run.at == *digits => Number::Variable(run.raw.clone()),
        _ => Number::Mixed,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::compose::source::{Source, SourceFile};

    const DOTENV: [(&str, &str); 5] =
        [("PORT", "8080"), ("RANGE", "8000-8002"), ("BOTH", "127.0.0.1:8080"), ("HIGH", "80"), ("EMPTY", "")];

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Source of the value, the text after an edit, and the text with variables written out.
    fn shown(raw: &str, after: Published) -> (ValueSource, Option<String>, Option<String>) {
        let text = format!("services: {{a: {{ports: ['{raw}']}}}}");
        let source = Source::read(&[SourceFile { name: "compose.yaml".to_owned(), text }]).unwrap();
        let (shell, dotenv) = (map(&[("SHELL_PORT", "8080")]), map(&DOTENV));
        let reading = Reading::of(&source.ports("a")[0], &Variables { shell: &shell, dotenv: &dotenv }).unwrap();
        let spliced = |splices: Option<Vec<Splice>>| splices.map(|splices| with_splices(raw, &splices));
        (reading.source.clone(), spliced(reading.respelled(after)), spliced(reading.written_out(after)))
    }

    #[test]
    fn only_the_digits_of_the_published_part_change() {
        let one = Published::Fixed(9000);
        let range = Published::Range(9000, 9002);
        let fallback = |name: &str| ValueSource::Fallback(name.to_owned());
        let table = [
            ("8080:80", one, ValueSource::Literal, "9000:80"),
            ("8080:8080", one, ValueSource::Literal, "9000:8080"),
            ("127.0.0.1:8080:8080/TCP", one, ValueSource::Literal, "127.0.0.1:9000:8080/TCP"),
            ("[::1]:6001:6001", one, ValueSource::Literal, "[::1]:9000:6001"),
            ("7000-7000:85", one, ValueSource::Literal, "9000-9000:85"),
            ("8000-8002:8000-8002/udp", range, ValueSource::Literal, "9000-9002:8000-8002/udp"),
            ("8000-8002:80", range, ValueSource::Literal, "9000-9002:80"),
            ("${X:-8080}:80", one, fallback("X"), "${X:-9000}:80"),
            ("${X-8080}:${Y:-80}", one, fallback("X"), "${X-9000}:${Y:-80}"),
            ("${X:-${Y-8080}}:80", one, fallback("Y"), "${X:-${Y-9000}}:80"),
            ("${EMPTY:-8080}:80", one, fallback("EMPTY"), "${EMPTY:-9000}:80"),
            ("${PORT:+8080}:80", one, ValueSource::Literal, "${PORT:+9000}:80"),
            ("${IP:-127.0.0.1}:${X:-8080}:80", one, fallback("X"), "${IP:-127.0.0.1}:${X:-9000}:80"),
            ("${ALL:-127.0.0.1:8080:80}", one, fallback("ALL"), "${ALL:-127.0.0.1:9000:80}"),
            ("${X:-8000-8002}:80", range, fallback("X"), "${X:-9000-9002}:80"),
            ("${X:-8000}-${Y:-8002}:80", range, fallback("Y"), "${X:-9000}-${Y:-9002}:80"),
            ("8000-${Y:-8002}:80", range, fallback("Y"), "9000-${Y:-9002}:80"),
        ];
        for (raw, after, source, expected) in table {
            let shown = shown(raw, after);
            assert_eq!(shown, (source, Some(expected.to_owned()), Some(expected.to_owned())), "{raw}");
        }
    }

    #[test]
    fn variables_that_have_a_value_are_written_out_only_for_an_override() {
        let one = Published::Fixed(9000);
        let range = Published::Range(9000, 9002);
        let dotenv = |name: &str| ValueSource::Dotenv(name.to_owned());
        let table = [
            ("${PORT}:80", one, dotenv("PORT"), Some("9000:80")),
            ("$PORT:80", one, dotenv("PORT"), Some("9000:80")),
            ("${PORT:-1}:80", one, dotenv("PORT"), Some("9000:80")),
            ("${X:-$PORT}:80", one, dotenv("PORT"), Some("${X:-9000}:80")),
            ("${SHELL_PORT}:80", one, ValueSource::Shell("SHELL_PORT".to_owned()), Some("9000:80")),
            ("${RANGE}:80", range, dotenv("RANGE"), Some("9000-9002:80")),
            ("${BOTH}:80", one, dotenv("BOTH"), None),
            ("80${HIGH}:80", one, dotenv("HIGH"), None),
        ];
        for (raw, after, source, written_out) in table {
            assert_eq!(shown(raw, after), (source, None, written_out.map(str::to_owned)), "{raw}");
        }
    }

    #[test]
    fn a_port_that_the_engine_picks_has_nothing_to_change() {
        for raw in ["80", ":80", "0:80", "${EMPTY}:80", "127.0.0.1::80"] {
            assert_eq!(shown(raw, Published::Fixed(9000)), (ValueSource::Literal, None, None), "{raw}");
        }
    }
}
