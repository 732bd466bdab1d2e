//! The files that a log consists of.
//!
//! ```text
//! log.jsonl                  the first segment
//! log-<12 digits>.jsonl      a later one; the number is the sequence of its first line
//! ```
//!
//! The name of the next segment follows from where the present one ends, so whoever catches up only asks whether that
//! file exists. A segment is never renamed, and gets its name only when its first line is on the disk.

use repair_pipeline::outside::LogError;

use crate::folder::Folder;

const FIRST: &str = "log.jsonl";
const PREFIX: &str = "log-";
const SUFFIX: &str = ".jsonl";
const DIGITS: usize = 12;

/// One file of a log, named by the sequence of its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    /// Sequence number of its first line.
    pub(crate) start: u64,
}

impl Segment {
    /// The segment with which a log begins.
    pub(crate) const FIRST: Self = Self { start: 0 };

    /// The name of its file.
    pub(crate) fn name(self) -> String {
        match self.start {
            0 => FIRST.to_owned(),
            start => format!("{PREFIX}{start:0DIGITS$}{SUFFIX}"),
        }
    }

    /// The segment of that name, if it is one.
    fn from_name(name: &str) -> Option<Self> {
        if name == FIRST {
            return Some(Self::FIRST);
        }
        let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let segment = Self { start: digits.parse().ok()? };
        // One name for one segment: no sign, no other number of zeros, and the first one has a name of its own.
        (segment.name() == name).then_some(segment)
    }
}

/// The segments in the folder of a target, oldest first.
pub(crate) fn list(folder: &Folder) -> Result<Vec<Segment>, LogError> {
    let mut segments: Vec<Segment> = folder.names()?.iter().filter_map(|name| Segment::from_name(name)).collect();
    segments.sort_unstable();
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_segment_has_one_name() {
        for start in [0, 1, 999_999_999_999, 1_000_000_000_000, u64::MAX] {
            let segment = Segment { start };
            assert_eq!(Segment::from_name(&segment.name()), Some(segment));
        }
        assert_eq!(Segment { start: 70 }.name(), "log-000000000070.jsonl");
        for name in ["log-70.jsonl", "log-000000000000.jsonl", "log-+00000000070.jsonl", "log-.jsonl", "log.jsonl.bak"]
        {
            assert_eq!(Segment::from_name(name), None, "{name}");
        }
    }
}
