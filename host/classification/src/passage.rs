//! The few lines around an anchor, made readable, and the ways to read them: as they are, or with wrapped lines joined.
//!
//! Invariant: every place of a passage's text belongs to one line of the input, so a match always knows its proof.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::cleaning::REDRAW;
use crate::escapes::readable;
use crate::rules::REACH_LINES_MAX;

/// Bytes of one line that are looked at, before and after the anchor; the rest of a longer line does not belong to it.
pub(crate) const LINE_BYTES_MAX: usize = 4 * 1024;
/// Wrapped lines that are joined, before and after the anchor's.
const WRAPPED_LINES_MAX: usize = 4;
/// Narrower lines are not taken for wrapped ones: no terminal is that narrow.
const WRAP_COLUMNS_MIN: usize = 40;

/// The lines around an anchor. Each way to read them is made once, however many rules ask for it.
pub(crate) struct Surroundings<'t> {
    /// The anchor's own line: first and last byte within the text, clipped to [`LINE_BYTES_MAX`] around the anchor.
    pub own: Range<usize>,
    text: &'t [u8],
    number: u64,
    own_line: OnceCell<Passage>,
    lines: OnceCell<(Vec<Line<'t>>, usize)>,
    by_reach: [OnceCell<Passage>; REACH_LINES_MAX + 1],
    unwrapped: OnceCell<Option<[Passage; 2]>>,
}

/// A line's number in the input, and its readable text.
type Line<'t> = (u64, Cow<'t, str>);

/// Text of some lines, with the place where each begins.
#[derive(Debug)]
pub(crate) struct Passage {
    pub text: String,
    /// Where each line begins, and its number in the input.
    starts: Vec<(usize, u64)>,
}

/// How lines are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Join {
    /// As they are.
    Lines,
    /// Wrapped between words: ends and marks of continuation become one space.
    Words,
    /// Wrapped anywhere: the ends vanish.
    Nothing,
}

impl<'t> Surroundings<'t> {
    /// The surroundings of the anchor at `anchor` in `text`, whose line has the number `number`.
    pub(crate) fn new(text: &'t [u8], anchor: Range<usize>, number: u64) -> Self {
        let start = start_of_line(text, anchor.start);
        let end = end_of_line(text, anchor.end);
        Self {
            own: start..end,
            text,
            number,
            own_line: OnceCell::new(),
            lines: OnceCell::new(),
            by_reach: Default::default(),
            unwrapped: OnceCell::new(),
        }
    }

    /// The anchor's own line.
    pub(crate) fn own_line(&self) -> &Passage {
        self.own_line.get_or_init(|| {
            let line = readable_bytes(&self.text[self.own.clone()]);
            Passage::joined(&[(self.number, line)], Join::Lines)
        })
    }

    /// The anchor's line with `reach` lines on both sides, at most [`REACH_LINES_MAX`].
    pub(crate) fn with_reach(&self, reach: usize) -> &Passage {
        let reach = reach.min(REACH_LINES_MAX);
        self.by_reach[reach].get_or_init(|| {
            let (lines, own) = self.lines();
            Passage::joined(&lines[own.saturating_sub(reach)..(own + reach + 1).min(lines.len())], Join::Lines)
        })
    }

    /// The lines within the greatest reach, as they stand in the text.
    pub(crate) fn raw(&self) -> &'t [u8] {
        let (mut start, mut end) = (self.own.start, self.own.end);
        for _ in 0..REACH_LINES_MAX {
            start = start
                .checked_sub(1)
                .filter(|at| is_break(self.text[*at]))
                .map_or(start, |at| start_of_line(self.text, at));
            end = self.text.get(end).filter(|byte| is_break(**byte)).map_or(end, |_| end_of_line(self.text, end + 1));
        }
        &self.text[start..end]
    }

    /// The line as it was before it was wrapped, if it looks like a piece of a wrapped one: joined between words, and
    /// joined anywhere.
    pub(crate) fn unwrapped(&self) -> Option<&[Passage; 2]> {
        self.unwrapped.get_or_init(|| self.unwrap_lines()).as_ref()
    }

    fn unwrap_lines(&self) -> Option<[Passage; 2]> {
        let (lines, own) = self.lines();
        let mut first = *own;
        while first > 0 && own - first < WRAPPED_LINES_MAX && continues(&lines[first - 1].1, &lines[first].1) {
            first -= 1;
        }
        let mut last = *own;
        while last + 1 < lines.len() && last - own < WRAPPED_LINES_MAX && continues(&lines[last].1, &lines[last + 1].1)
        {
            last += 1;
        }
        (first < last).then(|| {
            let lines = &lines[first..=last];
            [Passage::joined(lines, Join::Words), Passage::joined(lines, Join::Nothing)]
        })
    }

    /// All lines within reach, and which of them is the anchor's own.
    fn lines(&self) -> &(Vec<Line<'t>>, usize) {
        self.lines.get_or_init(|| {
            let mut lines = vec![(self.number, readable_bytes(&self.text[self.own.clone()]))];
            let (mut at, mut number) = (self.own.start, self.number);
            for _ in 0..REACH_LINES_MAX {
                // A line that was clipped has no neighbour.
                let Some(end) = at.checked_sub(1).filter(|end| is_break(self.text[*end])) else { break };
                number -= u64::from(self.text[end] == b'\n');
                at = start_of_line(self.text, end);
                lines.push((number, readable_bytes(&self.text[at..end])));
            }
            lines.reverse();
            let own = lines.len() - 1;
            let (mut at, mut number) = (self.own.end, self.number);
            for _ in 0..REACH_LINES_MAX {
                let Some(end) = self.text.get(at).filter(|byte| is_break(**byte)) else { break };
                number += u64::from(*end == b'\n');
                let start = at + 1;
                at = end_of_line(self.text, start);
                if start == self.text.len() {
                    break;
                }
                lines.push((number, readable_bytes(&self.text[start..at])));
            }
            (lines, own)
        })
    }
}

impl Passage {
    fn joined(lines: &[Line<'_>], join: Join) -> Self {
        let mut passage = Self { text: String::new(), starts: Vec::with_capacity(lines.len()) };
        for (at, (number, line)) in lines.iter().enumerate() {
            if at > 0 {
                passage.text.push_str(match join {
                    Join::Lines => "\n",
                    Join::Words => " ",
                    Join::Nothing => "",
                });
            }
            passage.starts.push((passage.text.len(), *number));
            passage.text.push_str(match join {
                Join::Words => content(line),
                Join::Lines | Join::Nothing => line,
            });
        }
        passage
    }

    /// The text of the lines that `place` covers, one for each number.
    pub(crate) fn texts_of(&self, place: &Range<usize>) -> Vec<(u64, &str)> {
        let mut texts: Vec<(u64, &str)> = Vec::new();
        for (at, (start, number)) in self.starts.iter().enumerate() {
            let end = self.starts.get(at + 1).map_or(self.text.len(), |next| next.0);
            if *start < place.end && end > place.start && texts.last().is_none_or(|last| last.0 != *number) {
                texts.push((
                    *number,
                    covered(&self.text[*start..end], place.start.saturating_sub(*start)..place.end - start),
                ));
            }
        }
        texts
    }

    /// Where `end` lies: number of its line, and the place within it.
    pub(crate) fn place_of(&self, end: usize) -> (u64, usize) {
        let line = self.starts.iter().rev().find(|(start, _)| *start < end).or(self.starts.first());
        line.map_or((0, 0), |(start, number)| (*number, end - start))
    }
}

/// Of a line that escapes have spread over several, those that `place` covers.
fn covered(text: &str, place: Range<usize>) -> &str {
    let bytes = text.as_bytes();
    let start = memchr::memrchr(b'\n', &bytes[..place.start.min(bytes.len())]).map_or(0, |found| found + 1);
    let last = place.end.min(bytes.len()).saturating_sub(1).max(start);
    let end = memchr::memchr(b'\n', &bytes[last..]).map_or(bytes.len(), |found| last + found);
    &text[start..end]
}

fn is_break(byte: u8) -> bool {
    byte == b'\n' || byte == REDRAW
}

/// Where the line that holds `at` begins, at most [`LINE_BYTES_MAX`] before it.
fn start_of_line(text: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(LINE_BYTES_MAX);
    memchr::memrchr2(b'\n', REDRAW, &text[from..at]).map_or(from, |found| from + found + 1)
}

/// Where the line that holds `at` ends, at most [`LINE_BYTES_MAX`] after it.
fn end_of_line(text: &[u8], at: usize) -> usize {
    let to = (at + LINE_BYTES_MAX).min(text.len());
    memchr::memchr2(b'\n', REDRAW, &text[at..to]).map_or(to, |found| at + found)
}

/// A piece of text whose every line is readable.
pub(crate) fn readable_text(text: &[u8]) -> String {
    let lines: Vec<_> = text.split(|byte| is_break(*byte)).map(readable_bytes).collect();
    lines.join("\n")
}

/// Invalid UTF-8 is shown as replacement characters; a whole line without any is borrowed.
fn readable_bytes(line: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(line) {
        Cow::Borrowed(line) => readable(line),
        Cow::Owned(line) => Cow::Owned(readable(&line).into_owned()),
    }
}

/// What a line says without the marks of the box or the record that it stands in.
fn content(line: &str) -> &str {
    let line = line.trim_end_matches([' ', '\t', '│', '┃', '║', '|']);
    MARKS.find(line).map_or(line, |marks| &line[marks.end()..])
}

static MARKS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\s)?\s*(?:(?:[│┃║╷╵]|\+|>|\|)\s*)*")
        .expect("a valid pattern")
});

/// What begins a record of its own, so the line does not continue the one before.
static BEGINS_A_RECORD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)^\s*(?:
            \d{4}-\d\d-\d\d[T\x20] | \d\d:\d\d:\d\d | \[\S*\]\s | time= | level= |
            (?:E(?:rror|RROR)S?|W(?:arn|ARN)(?:ing|ING)?|I(?:nfo|NFO)|F(?:atal|ATAL)|panic|Caused\x20by|Traceback|N(?:ote|OTE)|Hint)\b |
            \#\d+\x20 | =>\x20 | [✔✘⠿⠋●•×✓]\x20? | (?:Container|Network|Volume|Image)\x20\S+\x20+\S+$ |
            [{\["']?(?:code|message|details|target)["']?\s*[:=] | \$\x20 | PS\x20[A-Z]: | at\x20\S+[(:] | -\x20 | \d+\.\x20
        )"#,
    )
    .expect("a valid pattern")
});

fn continues(line: &str, next: &str) -> bool {
    line.chars().count() >= WRAP_COLUMNS_MIN && {
        let next = content(next);
        !next.trim().is_empty() && !BEGINS_A_RECORD.is_match(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around<'t>(text: &'t str, anchor: &str, number: u64) -> Surroundings<'t> {
        let at = text.find(anchor).expect("the anchor is in the text");
        Surroundings::new(text.as_bytes(), at..at + anchor.len(), number)
    }

    #[test]
    fn a_passage_knows_the_lines_of_a_match() {
        let around = around("one\ntwo\nthree\nfour\nfive", "three", 3);
        let passage = around.with_reach(1);
        assert_eq!(passage.text, "two\nthree\nfour");
        let at = passage.text.find("three").expect("there");
        assert_eq!(passage.texts_of(&(at..at + 7)), [(3, "three"), (4, "four")]);
        assert_eq!(passage.place_of(at + 5), (3, 5));
        assert_eq!(around.own_line().text, "three");
    }

    #[test]
    fn a_proof_shows_the_part_of_an_escaped_line_that_it_is() {
        let text = r#"{"code":"Outer","message":"{\"code\":\"Inner\",\"message\":\"gone\"}"}"#;
        let around = around(text, "Inner", 1);
        let passage = around.own_line();
        let at = passage.text.find("Inner").expect("there");
        assert_eq!(passage.texts_of(&(at..at + 5)), [(1, r#""code":"Inner","#)]);
    }

    #[test]
    fn redrawn_pieces_share_their_number() {
        let around = around("a\x0bb\x0bc\nd", "c", 1);
        let passage = around.with_reach(2);
        assert_eq!(passage.text, "a\nb\nc\nd");
        assert_eq!(passage.texts_of(&(0..7)), [(1, "a"), (2, "d")]);
    }

    #[test]
    fn wrapped_lines_are_joined_and_records_are_not() {
        let text = "│ Error: performing CreateOrUpdate: unexpected status 409 with\n│ error: VaultAlreadyExists: the vault is in deleted state";
        let boxed = around(text, "VaultAlready", 2);
        let [words, _] = boxed.unwrapped().expect("it is wrapped");
        assert!(words.text.contains("unexpected status 409 with error: VaultAlreadyExists"), "{}", words.text);
        assert_eq!(words.texts_of(&(0..words.text.len())).len(), 2);
        let text = "Bind for 0.0.0.0:9090 failed: port is already alloca\nted and more";
        let hard = around(text, "Bind for", 1);
        let [_, nothing] = hard.unwrapped().expect("it is wrapped");
        assert!(nothing.text.contains("already allocated and"));
        let text = "a line that is long enough to be a wrapped one\nError: another record";
        assert!(around(text, "wrapped", 1).unwrapped().is_none());
    }

    #[test]
    fn a_line_without_end_is_clipped_around_the_anchor() {
        let text = format!("{}needle{}", "x".repeat(50_000), "y".repeat(50_000));
        let around = around(&text, "needle", 1);
        assert_eq!(around.own.len(), 2 * LINE_BYTES_MAX + "needle".len());
        assert_eq!(around.with_reach(8).texts_of(&(0..10)).len(), 1);
    }
}
