//! Reading a log line by line, verifying each one against everything before it.
//!
//! Never writes. Each line has to be spelled exactly ([`crate::frame`]), carry the next sequence number, name the leaf of
//! the line before, and stand under the epoch of the last lease. The first line says whose log it is. The first mismatch
//! ends the reading, with its place; when a line does not follow from the one before, the line after it tells which of
//! the two was changed.
//!
//! Bytes after the last line end are no line: they are handed out apart, as the [`Tail`].

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use repair_model::event::{Event, Record};
use repair_model::ids::Digest;
use repair_model::limits::LOG_LINE_BYTES_MAX;

use crate::frame::{self, Envelope, NO_LEAF, NotALine};
use crate::head::Head;
use crate::problem::{At, Problem, Trouble, cannot};

/// What stands after the last line: an unfinished write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Where it begins.
    pub offset: u64,
    /// The bytes; at most [`LOG_LINE_BYTES_MAX`] of them, and no line end among them.
    pub bytes: Vec<u8>,
}

impl Tail {
    /// Whether it is nothing but zeros, as some file systems leave it after a loss of power.
    pub fn is_zeros(&self) -> bool {
        self.bytes.iter().all(|byte| *byte == 0)
    }
}

/// A line that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it says.
    pub(crate) record: Record,
    /// Its leaf hash.
    pub(crate) leaf: Digest,
    /// Where it stands.
    pub(crate) at: At,
}

/// Where a log has got to: everything that the next line has to agree with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The target whose log it is.
    pub(crate) target: Digest,
    /// Sequence number of the next line, which is the number of lines so far.
    pub(crate) sequence: u64,
    /// Leaf of the last line.
    pub(crate) previous: Digest,
    /// Epoch of the last lease.
    pub(crate) epoch: u64,
    /// Where the next line begins.
    pub(crate) offset: u64,
}

/// Why a line does not continue its log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Broken {
    #[error("{0}")]
    NotALine(#[from] NotALine),
    #[error("the line says sequence {found} where {expected} has to stand: a line was removed, repeated or moved here")]
    Sequence { expected: u64, found: u64 },
    #[error("the line does not follow from the one before it: one of the two was changed")]
    Link,
    #[error("the line stands under epoch {found}, but the lease then was epoch {expected}")]
    Epoch { expected: u64, found: u64 },
    #[error("the first line, and only the first line, has to say whose log this is")]
    Opening,
    #[error("the log belongs to another target ({0})")]
    Target(Digest),
}

impl Chain {
    /// The state before the first line.
    pub(crate) fn new(target: Digest) -> Self {
        Self { target, sequence: 0, previous: NO_LEAF, epoch: 0, offset: 0 }
    }

    /// Where the next line stands.
    pub(crate) fn at(&self) -> At {
        At { sequence: self.sequence, offset: self.offset }
    }

    /// Accepts a line, given without its end, and moves on behind it.
    pub(crate) fn accept(&mut self, bytes: &[u8]) -> Result<Line, Broken> {
        let envelope = frame::decode(bytes)?;
        self.check(&envelope)?;
        let line = Line { at: self.at(), leaf: frame::leaf_hash(bytes), record: envelope.into_record() };
        self.sequence += 1;
        self.previous = line.leaf;
        self.epoch = line.record.epoch;
        self.offset += bytes.len() as u64 + 1;
        Ok(line)
    }

    fn check(&self, envelope: &Envelope) -> Result<(), Broken> {
        if envelope.seq != self.sequence {
            return Err(Broken::Sequence { expected: self.sequence, found: envelope.seq });
        }
        if envelope.prev != self.previous {
            return Err(Broken::Link);
        }
        let expected = match envelope.event {
            Event::LeaseTaken { .. } => self.epoch + 1,
            _ => self.epoch,
        };
        if envelope.epoch != expected {
            return Err(Broken::Epoch { expected, found: envelope.epoch });
        }
        match &envelope.event {
            Event::LogOpened { target } if self.sequence == 0 => match target.id() {
                id if id == self.target => Ok(()),
                other => Err(Broken::Target(other)),
            },
            Event::LogOpened { .. } => Err(Broken::Opening),
            _ if self.sequence == 0 => Err(Broken::Opening),
            _ => Ok(()),
        }
    }
}

/// Reads the lines of a log from a given place on.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    input: BufReader<&'a File>,
    path: PathBuf,
    chain: Chain,
    head: Option<&'a Head>,
    last: Option<At>,
    tail: Option<Tail>,
}

impl<'a> Reader<'a> {
    /// Reads on from where `chain` has got to. Lines are compared with `head` where it tells about them.
    pub(crate) fn new(mut file: &'a File, path: &Path, chain: Chain, head: Option<&'a Head>) -> Result<Self, Trouble> {
        file.seek(SeekFrom::Start(chain.offset)).map_err(cannot("read", path))?;
        let input = BufReader::with_capacity(64 * 1024, file);
        Ok(Self { input, path: path.to_owned(), chain, head, last: None, tail: None })
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Line>, Trouble> {
        let Some(bytes) = self.next_bytes()? else { return Ok(None) };
        let at = self.chain.at();
        let before = self.chain.clone();
        match self.chain.accept(&bytes) {
            Ok(line) => match self.head {
                Some(head) if head.size == self.chain.sequence && head.leaf != line.leaf => {
                    let what =
                        "the line is not the one that was signed: it was rewritten, and maybe lines before it too";
                    Err(self.problem(at, what))
                }
                _ => {
                    self.last = Some(at);
                    Ok(Some(line))
                }
            },
            Err(Broken::Link) => Err(self.blame(&before, &bytes)),
            Err(broken) => Err(self.problem(at, broken.to_string())),
        }
    }

    /// What stands after the last line, once [`Self::next`] has told the end.
    pub(crate) fn into_end(self) -> (Chain, Option<Tail>) {
        (self.chain, self.tail)
    }

    /// The bytes of the next line without its end; keeps the tail apart.
    fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        let mut bytes = Vec::new();
        let input = &mut self.input;
        input.take(LOG_LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut bytes).map_err(cannot("read", &self.path))?;
        match bytes.pop() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(bytes)),
            Some(_) if bytes.len() == LOG_LINE_BYTES_MAX => {
                Err(self.problem(self.chain.at(), NotALine::TooLong.to_string()))
            }
            Some(last) => {
                bytes.push(last);
                self.tail = Some(Tail { offset: self.chain.offset, bytes });
                Ok(None)
            }
        }
    }

    /// Tells which of two lines was changed, when the second does not follow from the first: the line after the second,
    /// or the signed head, may vouch for one of them.
    fn blame(&mut self, before: &Chain, bytes: &[u8]) -> Trouble {
        let at = before.at();
        let leaf = frame::leaf_hash(bytes);
        let signed = |size: u64, leaf: Digest| self.head.is_some_and(|head| head.size == size && head.leaf == leaf);
        let first_vouched = signed(before.sequence, before.previous);
        let second_vouched = signed(before.sequence + 1, leaf)
            || matches!(self.next_bytes(), Ok(Some(next)) if frame::claimed_previous(&next) == Some(leaf));
        match self.last {
            Some(first) if second_vouched && !first_vouched => {
                self.problem(first, "the line was changed: the lines after it do not follow from it")
            }
            _ if before.sequence == 0 => {
                self.problem(at, "the first line was changed: it claims that a line came before it")
            }
            _ if first_vouched && !second_vouched => {
                self.problem(at, "the line was changed: it does not follow from the one before it")
            }
            _ => self.problem(at, Broken::Link.to_string()),
        }
    }

    fn problem(&self, at: At, what: impl Into<String>) -> Trouble {
        Problem::with_line(&self.path, at, what).into()
    }
}

#[cfg(test)]
mod tests {
    use repair_model::event::{FORMAT_VERSION, Holder};
    use repair_model::ids::Domain;
    use repair_model::target::Target;

    use super::*;

    fn target() -> Target {
        Target {
            endpoint: "unix:///var/run/docker.sock".into(),
            directory: "/srv/shop".into(),
            project: "shop".into(),
            files: Vec::new(),
            files_are_explicit: false,
            profiles: Vec::new(),
            services: Vec::new(),
        }
    }

    /// Offers a line that links rightly to what comes before it.
    fn offer(chain: &mut Chain, epoch: u64, event: Event) -> Result<Line, Broken> {
        let time = "2026-01-31T12:00:00Z".parse().expect("a time");
        let (seq, prev) = (chain.sequence, chain.previous);
        let envelope = Envelope { v: FORMAT_VERSION, seq, prev, session: None, epoch, time, event };
        chain.accept(&frame::encode(&envelope).expect("a line"))
    }

    fn opened() -> Event {
        Event::LogOpened { target: target() }
    }

    fn noted() -> Event {
        Event::Noted { note: String::new() }
    }

    #[test]
    fn only_the_first_line_says_whose_log_it_is() {
        let mut chain = Chain::new(target().id());
        assert_eq!(offer(&mut chain, 0, noted()), Err(Broken::Opening));
        offer(&mut chain, 0, opened()).expect("accepted");
        assert_eq!(offer(&mut chain, 0, opened()), Err(Broken::Opening));

        let mut other = Chain::new(Digest::of(Domain::Target, b"other"));
        assert_eq!(offer(&mut other, 0, opened()), Err(Broken::Target(target().id())));
    }

    #[test]
    fn epochs_rise_by_one_with_each_lease_and_only_then() {
        let mut chain = Chain::new(target().id());
        offer(&mut chain, 0, opened()).expect("accepted");
        let holder = Holder { user: "ann".into(), host: "here".into(), pid: 1, started: "1".into() };
        let taken = || Event::LeaseTaken { holder: holder.clone() };
        for wrong in [0, 2] {
            assert_eq!(offer(&mut chain, wrong, taken()), Err(Broken::Epoch { expected: 1, found: wrong }));
        }
        offer(&mut chain, 1, taken()).expect("accepted");
        for wrong in [0, 2] {
            assert_eq!(offer(&mut chain, wrong, noted()), Err(Broken::Epoch { expected: 1, found: wrong }));
        }
        offer(&mut chain, 1, noted()).expect("accepted");
        assert_eq!((chain.sequence, chain.epoch), (3, 1));
    }

    #[test]
    fn a_refused_line_leaves_the_chain_where_it_was() {
        let mut chain = Chain::new(target().id());
        let before = chain.clone();
        assert!(chain.accept(b"{}").is_err());
        assert_eq!(chain, before);
    }
}
