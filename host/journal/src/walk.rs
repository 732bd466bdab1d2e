//! Walking over the segments of a log, line by line and in constant memory.
//!
//! A walk begins at the first segment that is there, or at the newest one where the signed head covers its opening line:
//! that head proves the tree, and with it everything that the line claims of the past. It refuses a gap between two
//! segments, an unfinished line before the end, and a log that begins in the middle without a proof and without a record
//! of the rule by which its beginning was removed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::vec::IntoIter;

use repair_model::event::Event;
use repair_model::ids::Digest;
use repair_model::limits::LOG_LINE_BYTES_MAX;
use rustix::fs::OFlags;

use crate::chain::{Chain, Line};
use crate::folder::Folder;
use crate::head::Head;
use crate::problem::{At, Problem, Trouble, cannot};
use crate::reader::{Reader, Tail};
use crate::segment::{self, Segment};

/// A walk over the lines of a log.
pub(crate) struct Walk<'f> {
    folder: &'f Folder,
    head: Option<&'f Head>,
    reader: Reader<'f, File>,
    first: Segment,
    ahead: IntoIter<Segment>,
    /// Whether it began with the oldest segment that is there.
    is_whole: bool,
    /// What the last retention rule keeps; `None` where no rule is recorded.
    kept_from: Option<u64>,
}

/// Where a walk ended.
pub(crate) struct End {
    /// Where the log has got to.
    pub(crate) chain: Chain,
    /// What stands after the last line.
    pub(crate) tail: Option<Tail>,
}

impl<'f> Walk<'f> {
    /// Walks over everything that is there; `None` where nothing is.
    pub(crate) fn whole(folder: &'f Folder, target: &Digest, head: Option<&'f Head>) -> Result<Option<Self>, Trouble> {
        Self::over(folder, target, head, segment::list(folder)?, true)
    }

    /// Walks over the newest segment only, where the signed head covers its opening line, and else over everything.
    pub(crate) fn newest(folder: &'f Folder, target: &Digest, head: Option<&'f Head>) -> Result<Option<Self>, Trouble> {
        let mut segments = segment::list(folder)?;
        let covered = |newest: &Segment| head.is_some_and(|head| head.size > newest.start);
        match segments.last().copied().filter(covered) {
            Some(newest) => {
                let is_whole = segments.len() == 1;
                segments.retain(|segment| *segment == newest);
                Self::over(folder, target, head, segments, is_whole)
            }
            None => Self::over(folder, target, head, segments, true),
        }
    }

    fn over(
        folder: &'f Folder,
        target: &Digest,
        head: Option<&'f Head>,
        segments: Vec<Segment>,
        is_whole: bool,
    ) -> Result<Option<Self>, Trouble> {
        let mut ahead = segments.into_iter();
        let Some(first) = ahead.next() else { return Ok(None) };
        let mut file = open(folder, first)?;
        let path = folder.file_path(&first.name());
        let chain = match first {
            Segment::FIRST => Chain::new(*target),
            later => claimed(&mut file, folder, target, later)?,
        };
        let reader = Reader::new(file, &path, chain, head);
        Ok(Some(Self { folder, head, reader, first, ahead, is_whole, kept_from: None }))
    }

    /// The next line; `None` at the end, which has been checked then.
    pub(crate) fn next(&mut self) -> Result<Option<Line>, Trouble> {
        loop {
            if let Some(line) = self.reader.next()? {
                if let Event::Collected { before, .. } = line.record.event {
                    self.kept_from = self.kept_from.max(Some(before));
                }
                return Ok(Some(line));
            }
            if !self.go_on()? {
                self.check_end()?;
                self.check_beginning()?;
                return Ok(None);
            }
        }
    }

    /// Checks the links of the next line and nothing else; `None` at the end.
    pub(crate) fn next_link(&mut self) -> Result<Option<At>, Trouble> {
        loop {
            if let Some(at) = self.reader.next_link()? {
                return Ok(Some(at));
            }
            if !self.go_on()? {
                self.check_end()?;
                return Ok(None);
            }
        }
    }

    /// The exact bytes of the line that was read last, without its end.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.reader.bytes()
    }

    /// Where the walk has got to.
    pub(crate) fn chain(&self) -> &Chain {
        self.reader.chain()
    }

    /// The first segment of the walk.
    pub(crate) fn first(&self) -> Segment {
        self.first
    }

    /// Where the walk ended.
    pub(crate) fn into_end(self) -> End {
        let (chain, tail) = self.reader.into_end();
        End { chain, tail }
    }

    /// Enters the next segment; false where there is none.
    fn go_on(&mut self) -> Result<bool, Trouble> {
        let Some(next) = self.ahead.next() else { return Ok(false) };
        let chain = self.reader.chain();
        let (at, present) = (chain.at(), chain.segment.name());
        if self.reader.tail().is_some() {
            let what = format!("the line is unfinished, although the log goes on in `{}`", next.name());
            return Err(self.reader.problem(at, format!("{what}; restore `{present}` from a backup")));
        }
        if next.start != at.sequence {
            let what = format!(
                "the lines {} to {} are missing before `{}`: this segment was cut, or the next one (`{}`) was removed; \
                 restore it from a backup",
                at.sequence + 1,
                next.start,
                next.name(),
                Segment { start: at.sequence }.name()
            );
            let grown =
                format!("lines were added behind the end of this segment: the log goes on in `{}`", next.name());
            return Err(self.reader.problem(at, if next.start > at.sequence { what } else { grown }));
        }
        let file = open(self.folder, next)?;
        self.reader.enter(file, &self.folder.file_path(&next.name()));
        Ok(true)
    }

    /// A segment is never empty, and a log never shorter than what was signed.
    fn check_end(&self) -> Result<(), Trouble> {
        let chain = self.reader.chain();
        if chain.sequence() == chain.segment.start {
            // The first line is on the disk before the segment gets its name.
            let what = "the first line is missing; restore this file from a backup";
            return Err(self.reader.problem(chain.at(), what));
        }
        match self.head {
            Some(head) if chain.sequence() < head.size => {
                let what = format!(
                    "the log ends here, but a head signed at {} vouches for {} lines: {} were cut off; restore the log \
                     from a backup",
                    head.time,
                    head.size,
                    head.size - chain.sequence()
                );
                Err(self.reader.problem(chain.at(), what))
            }
            Some(head) if self.first.start < head.size => Ok(()),
            _ if self.first == Segment::FIRST => Ok(()),
            _ => {
                let what = "the log begins here, in the middle, and no signed head proves what came before; restore what \
                            is missing from a backup";
                Err(Problem::with_file(self.folder.file_path(&self.first.name()), what).into())
            }
        }
    }

    /// Nothing is missing at the beginning but what a recorded rule removed.
    fn check_beginning(&self) -> Result<(), Trouble> {
        let ruled = self.kept_from.is_some_and(|kept| self.first.start <= kept);
        if !self.is_whole || self.first == Segment::FIRST || ruled {
            return Ok(());
        }
        let what = format!(
            "the {} records before this segment are missing, and no record says that a rule removed them; restore them \
             from a backup",
            self.first.start
        );
        Err(Problem::with_file(self.folder.file_path(&self.first.name()), what).into())
    }
}

/// Opens the file of a segment for reading.
pub(crate) fn open(folder: &Folder, segment: Segment) -> Result<File, Trouble> {
    let name = segment.name();
    match folder.open(&name, OFlags::RDONLY)? {
        Some(file) => Ok(file),
        None => Err(Problem::with_file(folder.file_path(&name), "was removed while the log was read").into()),
    }
}

/// What the first line of a later segment claims of everything before it.
fn claimed(file: &mut File, folder: &Folder, target: &Digest, segment: Segment) -> Result<Chain, Trouble> {
    let path = folder.file_path(&segment.name());
    let mut line = Vec::new();
    let read = BufReader::new(&*file).take(LOG_LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line);
    read.and_then(|_| file.seek(SeekFrom::Start(0))).map_err(cannot("read", &path))?;
    let at = At { sequence: segment.start, offset: 0 };
    let Some(line) = line.strip_suffix(b"\n") else {
        return Err(Problem::with_line(path, at, "the first line is missing; restore this file from a backup").into());
    };
    Chain::claimed(*target, segment, line).map_err(|broken| Problem::with_line(path, at, broken.to_string()).into())
}
