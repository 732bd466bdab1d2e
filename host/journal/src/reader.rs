//! Reading the lines of one segment, verifying each one against everything before it.
//!
//! Never writes. The first mismatch ends the reading, with its place; when a line does not follow from the one before,
//! the line after it tells which of the two was changed. Where the signed head ends, line and tree have to be the ones
//! that were signed.
//!
//! Bytes after the last line end are no line: they are handed out apart, as the [`Tail`].

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use repair_model::ids::Digest;
use repair_model::limits::LOG_LINE_BYTES_MAX;

use crate::chain::{Broken, Chain, Line};
use crate::frame::{self, NotALine};
use crate::head::Head;
use crate::problem::{At, Problem, Trouble, cannot};

/// Bytes that are asked of the system at once.
const READ_BYTES: usize = 256 * 1024;

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

/// Reads the lines of a segment from a given place on.
#[derive(Debug)]
pub(crate) struct Reader<'h, F: std::io::Read> {
    input: BufReader<F>,
    path: Rc<Path>,
    chain: Chain,
    head: Option<&'h Head>,
    last: Option<(Rc<Path>, At)>,
    tail: Option<Tail>,
    /// The present line without its end.
    line: Vec<u8>,
    prefix: Vec<u8>,
}

impl<'h> Reader<'h, &File> {
    /// Reads on in an open segment from where `chain` has got to.
    pub(crate) fn resume<'f>(
        mut file: &'f File,
        path: &Path,
        chain: Chain,
        head: Option<&'h Head>,
    ) -> Result<Reader<'h, &'f File>, Trouble> {
        file.seek(SeekFrom::Start(chain.offset)).map_err(cannot("read", path))?;
        Ok(Reader::new(file, path, chain, head))
    }
}

impl<'h, F: std::io::Read> Reader<'h, F> {
    /// Reads from where `file` stands, which is where `chain` has got to. Lines are compared with `head` where it tells
    /// about them.
    pub(crate) fn new(file: F, path: &Path, chain: Chain, head: Option<&'h Head>) -> Self {
        Self {
            input: BufReader::with_capacity(READ_BYTES, file),
            path: path.into(),
            chain,
            head,
            last: None,
            tail: None,
            line: Vec::new(),
            prefix: Vec::new(),
        }
    }

    /// Goes on in the file of the next segment.
    pub(crate) fn enter(&mut self, file: F, path: &Path) {
        self.input = BufReader::with_capacity(READ_BYTES, file);
        self.path = path.into();
        self.chain.enter_next_segment();
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Line>, Trouble> {
        if !self.read_line()? {
            return Ok(None);
        }
        let at = self.chain.at();
        let line = match self.chain.accept(&self.line) {
            Ok(line) => line,
            Err(broken) => return Err(self.explain(at, &broken)),
        };
        self.compare_with_head(at, line.leaf)?;
        Ok(Some(line))
    }

    /// Checks the links of the next line and nothing else; `None` at the end.
    pub(crate) fn next_link(&mut self) -> Result<Option<At>, Trouble> {
        if !self.read_line()? {
            return Ok(None);
        }
        let at = self.chain.at();
        let leaf = match self.chain.follow(&self.line, &mut self.prefix) {
            Ok(leaf) => leaf,
            Err(broken) => return Err(self.explain(at, &broken)),
        };
        self.compare_with_head(at, leaf)?;
        Ok(Some(at))
    }

    /// The exact bytes of the line that was read last, without its end.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.line
    }

    /// Where the reading has got to.
    pub(crate) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// What stands after the last line, once the end was told.
    pub(crate) fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// Where the reading has got to, and what stands after it.
    pub(crate) fn into_end(self) -> (Chain, Option<Tail>) {
        (self.chain, self.tail)
    }

    /// A problem at a place of the present file.
    pub(crate) fn problem(&self, at: At, what: impl Into<String>) -> Trouble {
        Problem::with_line(&*self.path, at, what).into()
    }

    /// Reads the bytes of the next line; keeps the tail apart. False at the end.
    fn read_line(&mut self) -> Result<bool, Trouble> {
        self.line.clear();
        let input = &mut self.input;
        let limited = input.take(LOG_LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut self.line);
        limited.map_err(cannot("read", &self.path))?;
        match self.line.pop() {
            None => Ok(false),
            Some(b'\n') => Ok(true),
            Some(_) if self.line.len() == LOG_LINE_BYTES_MAX => {
                Err(self.problem(self.chain.at(), NotALine::TooLong.to_string()))
            }
            Some(last) => {
                self.line.push(last);
                self.tail = Some(Tail { offset: self.chain.offset, bytes: std::mem::take(&mut self.line) });
                Ok(false)
            }
        }
    }

    fn compare_with_head(&mut self, at: At, leaf: Digest) -> Result<(), Trouble> {
        if let Some(head) = self.head.filter(|head| head.size == self.chain.sequence()) {
            if head.leaf != leaf {
                let what = "the line is not the one that was signed: it was rewritten, and maybe lines before it too";
                return Err(self.problem(at, what));
            }
            if head.root != self.chain.tree.root() {
                let what = "the lines up to this one are not those that were signed, although this one is";
                return Err(self.problem(at, what));
            }
        }
        self.last = Some((Rc::clone(&self.path), at));
        Ok(())
    }

    fn explain(&mut self, at: At, broken: &Broken) -> Trouble {
        if *broken == Broken::Link { self.blame(at) } else { self.problem(at, broken.to_string()) }
    }

    /// Tells which of two lines was changed, when the second does not follow from the first: the line after the second,
    /// or the signed head, may vouch for one of them.
    fn blame(&mut self, at: At) -> Trouble {
        if at.offset == 0 && at.sequence > 0 {
            let what = "the segment does not follow from the last line of the one before it: that line was changed, or \
                        this segment belongs to another log";
            return self.problem(at, what);
        }
        let leaf = frame::leaf_hash(&self.line);
        let signed = |size: u64, leaf: Digest| self.head.is_some_and(|head| head.size == size && head.leaf == leaf);
        let first_vouched = signed(at.sequence, self.chain.previous);
        let second_vouched = signed(at.sequence + 1, leaf)
            || matches!(self.read_line(), Ok(true) if frame::claimed_previous(&self.line) == Some(leaf));
        match &self.last {
            Some((path, first)) if second_vouched && !first_vouched => {
                let what = "the line was changed: the lines after it do not follow from it";
                Problem::with_line(&**path, *first, what).into()
            }
            _ if at.sequence == 0 => {
                self.problem(at, "the first line was changed: it claims that a line came before it")
            }
            _ if first_vouched && !second_vouched => {
                self.problem(at, "the line was changed: it does not follow from the one before it")
            }
            _ => self.problem(at, Broken::Link.to_string()),
        }
    }
}
