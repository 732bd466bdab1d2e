//! Reads a text piece by piece in constant memory.
//!
//! The clean text is kept in one buffer. Anchors are looked for up to a point that leaves enough text behind it for the
//! passage of a rule, and as much stays before it when the buffer is moved on. Every place of the text is scanned once, and
//! every anchor's line is evaluated once, so the time is linear in the input whatever it consists of.
//!
//! Invariant: how the text was cut into pieces makes no difference to what is found.

use std::ops::Range;

use crate::cleaning::Cleaner;
use crate::evaluation::{evaluate, sign};
use crate::findings::{Findings, Found};
use crate::passage::{LINE_BYTES_MAX, Surroundings};
use crate::rules::{Lead, REACH_LINES_MAX, RuleSet};

/// Bytes that are scanned at once.
const SCAN_BYTES: usize = 256 * 1024;
/// Bytes kept on both sides of a place that is evaluated: as much as the lines within a rule's reach can have.
const MARGIN_BYTES: usize = (REACH_LINES_MAX + 1) * (LINE_BYTES_MAX + 1);
/// Bytes taken from the caller's piece at once, so that the buffer does not grow with it.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// A text that is being read.
#[derive(Debug)]
pub struct Reading<'r> {
    rules: &'r RuleSet,
    cleaner: Cleaner,
    buffer: Vec<u8>,
    /// What lies before it in the buffer was scanned.
    scanned: usize,
    /// Number of the line that holds `counted`.
    line: u64,
    /// Line ends before it were counted.
    counted: usize,
    findings: Findings,
    bytes: u64,
    leads: Vec<Lead>,
}

/// What a text says.
#[derive(Debug)]
pub struct Summary {
    /// The primary finding first; never empty.
    pub findings: Vec<Found>,
    /// Lines of the text.
    pub lines: u64,
    /// Bytes of the text.
    pub bytes: u64,
}

impl<'r> Reading<'r> {
    pub(crate) fn new(rules: &'r RuleSet) -> Self {
        Self {
            rules,
            cleaner: Cleaner::default(),
            buffer: Vec::with_capacity(SCAN_BYTES + 2 * MARGIN_BYTES + PIECE_BYTES_MAX),
            scanned: 0,
            line: 1,
            counted: 0,
            findings: Findings::default(),
            bytes: 0,
            leads: Vec::new(),
        }
    }

    /// Reads on.
    pub fn push(&mut self, raw: &[u8]) {
        self.bytes += u64::try_from(raw.len()).unwrap_or(u64::MAX);
        for piece in raw.chunks(PIECE_BYTES_MAX) {
            self.cleaner.push(piece, &mut self.buffer);
            if self.buffer.len() - self.scanned >= SCAN_BYTES + MARGIN_BYTES {
                self.scan(self.buffer.len() - MARGIN_BYTES);
                self.forget();
            }
        }
    }

    /// The end of the text.
    pub fn finish(mut self) -> Summary {
        self.scan(self.buffer.len());
        let ends = count_lines(&self.buffer[self.counted..]);
        let unfinished = self.buffer.last().is_some_and(|last| *last != b'\n');
        let lines = self.line - 1 + ends + u64::from(unfinished);
        Summary { findings: self.findings.finish(self.rules), lines, bytes: self.bytes }
    }

    /// Looks for anchors that begin before `limit` and evaluates their lines.
    fn scan(&mut self, limit: usize) {
        let buffer = std::mem::take(&mut self.buffer);
        while self.scanned < limit {
            let found = self.rules.anchors.find(aho_corasick::Input::new(&buffer).range(self.scanned..));
            let Some(anchor) = found.filter(|anchor| anchor.start() < limit) else {
                self.scanned = limit;
                break;
            };
            self.line += count_lines(&buffer[self.counted..anchor.start()]);
            self.counted = anchor.start();
            let end = self.evaluate(&buffer, anchor.range());
            self.scanned = end;
        }
        self.buffer = buffer;
    }

    /// Evaluates the anchor's line, and returns where its evaluated part ends.
    fn evaluate(&mut self, text: &[u8], anchor: Range<usize>) -> usize {
        let around = Surroundings::new(text, anchor, self.line);
        let mut leads = std::mem::take(&mut self.leads);
        // What lies before on the same line, on which an earlier anchor ended, was evaluated with that one.
        let own = around.own.start.max(self.scanned.min(around.own.end))..around.own.end;
        self.rules.leads(&text[own.clone()], &mut leads);
        for lead in &leads {
            match lead {
                Lead::Rule(at) => {
                    let rule = &self.rules.rules[*at];
                    if let Some(proven) = evaluate(rule, &around) {
                        self.findings.add(rule, proven, around.raw());
                    }
                }
                Lead::Sign(at) => {
                    let known = &self.rules.signs[*at];
                    if let Some(line) = sign(known, &around) {
                        self.findings.sign(known.class, known.kind, line);
                    }
                }
            }
        }
        self.leads = leads;
        own.end.max(self.scanned + 1)
    }

    /// Drops what no passage can need any more.
    fn forget(&mut self) {
        let keep = self.scanned.saturating_sub(MARGIN_BYTES);
        if keep > self.counted {
            self.line += count_lines(&self.buffer[self.counted..keep]);
            self.counted = keep;
        }
        let dropped = keep.min(self.counted);
        self.buffer.drain(..dropped);
        self.scanned -= dropped;
        self.counted -= dropped;
    }
}

fn count_lines(text: &[u8]) -> u64 {
    u64::try_from(memchr::memchr_iter(b'\n', text).count()).unwrap_or(u64::MAX)
}
