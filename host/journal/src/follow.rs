//! Following a log while it grows: each record once, from whichever on, over all segments that are there and that come.
//!
//! Writes nothing. What it has visited it does not read again, so it costs nothing to ask often. It refuses a log that was
//! cut, replaced or removed behind it.

use std::fs::File;
use std::ops::ControlFlow;

use repair_model::event::Record;
use repair_model::ids::Digest;
use repair_pipeline::outside::LogError;

use crate::chain::Chain;
use crate::folder::Folder;
use crate::problem::{Problem, Trouble, cannot};
use crate::reader::Reader;
use crate::segment::Segment;
use crate::state_dir::StateDir;
use crate::walk::{self, Walk};
use crate::{head, lease};

/// A place in the log of one target that moves on with it.
#[derive(Debug)]
pub struct Follower {
    state: StateDir,
    target: Digest,
    reached: Option<(Chain, File)>,
}

impl Follower {
    /// A follower before the first record.
    pub fn new(state: &StateDir, target: &Digest) -> Self {
        Self { state: state.clone(), target: *target, reached: None }
    }

    /// Visits every record that is there and was not visited yet, until `visit` breaks; a record at which it breaks counts
    /// as visited.
    ///
    /// # Errors
    /// [`LogError::Damaged`] with the place of the first mismatch; [`LogError::Io`] when the log cannot be read.
    pub fn advance(&mut self, mut visit: impl FnMut(Record) -> ControlFlow<()>) -> Result<(), LogError> {
        let Some(folder) = self.state.open_target(&self.target)? else { return Ok(()) };
        let _shared = lease::share_append(&folder)?;
        let Some((chain, file)) = self.reached.take() else { return Ok(self.begin(&folder, visit)?) };
        let (mut chain, mut file) = (chain, file);
        loop {
            let path = folder.file_path(&chain.segment.name());
            let length = file.metadata().map_err(cannot("look at", &path))?.len();
            if length < chain.offset {
                let what = "the log was cut here while it was followed";
                return Err(Trouble::from(Problem::with_line(path, chain.at(), what)).into());
            }
            let mut reader = Reader::resume(&file, &path, chain, None)?;
            while let Some(line) = reader.next()? {
                if visit(line.record).is_break() {
                    self.reached = Some((reader.into_end().0, file));
                    return Ok(());
                }
            }
            (chain, _) = reader.into_end();
            let next = Segment { start: chain.sequence() };
            if next == chain.segment || !folder.has(&next.name())? {
                self.reached = Some((chain, file));
                return Ok(());
            }
            chain.enter_next_segment();
            file = walk::open(&folder, next)?;
        }
    }

    fn begin(&mut self, folder: &Folder, mut visit: impl FnMut(Record) -> ControlFlow<()>) -> Result<(), Trouble> {
        let head = head::load(&self.state, folder, &self.target)?;
        let Some(mut walk) = Walk::whole(folder, &self.target, head.as_ref())? else { return Ok(()) };
        while let Some(line) = walk.next()? {
            if visit(line.record).is_break() {
                break;
            }
        }
        let chain = walk.into_end().chain;
        let file = walk::open(folder, chain.segment)?;
        self.reached = Some((chain, file));
        Ok(())
    }
}
