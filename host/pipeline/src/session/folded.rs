//! The history of a log as far as it was folded, so that a process which looks at it before every step folds each record once.
//!
//! It is a memory and no second store: every look asks the log for what was appended since, by whomever, and a new segment is
//! folded from its own beginning.

use crate::outside::Log;

use super::{History, HistoryError};

/// A history that is kept between two looks at the log.
#[derive(Debug, Default)]
pub struct Folded {
    history: History,
    /// The first record of the segment that was folded; `None` as long as there was none.
    first: Option<u64>,
    /// Records of that segment that were folded.
    records: usize,
}

impl Folded {
    /// What the present segment of `log` says.
    ///
    /// # Errors
    /// When the log cannot be read, or says what cannot be.
    pub fn of<'f>(&'f mut self, log: &mut impl Log) -> Result<&'f History, HistoryError> {
        let first = log.records()?.first().map(|record| record.sequence);
        if first.is_none() || first != self.first || log.records()?.len() < self.records {
            let state = log.opening_state()?;
            *self = Self { history: History::from_segment(state.as_deref(), &[])?, first, records: 0 };
        }
        for record in log.records()?.get(self.records..).unwrap_or_default() {
            match std::mem::take(&mut self.history).next(record) {
                Ok(history) => self.history = history,
                Err(error) => {
                    // The next look begins anew and fails in the same way.
                    *self = Self::default();
                    return Err(error.into());
                }
            }
            self.records += 1;
        }
        Ok(&self.history)
    }
}
