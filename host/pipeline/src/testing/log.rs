//! A log in memory that can fail at any of its writes, and is poisoned from then on, as the real one is.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use repair_model::event::{Event, Record};
use repair_model::ids::{Digest, Domain, SessionId};

use super::{Call, FakeClock, Trace};
use crate::outside::{Clock, Durability, Log, LogError};

/// The log of one target.
pub struct FakeLog {
    pub records: Vec<Record>,
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    /// The state that the present segment opens with.
    pub opening: Option<Vec<u8>>,
    /// The records of older segments.
    pub older: Vec<Record>,
    /// Records after which a segment is full; never, unless told.
    pub segment_records_max: Option<usize>,
    /// The last projection of each session.
    pub projections: BTreeMap<SessionId, Vec<u8>>,
    /// Fails the write of this number, counted from 0 over records, blobs and heads.
    pub fails_at: Option<usize>,
    pub writes: usize,
    pub poisoned: bool,
    pub clock: FakeClock,
    pub trace: Trace,
}

impl FakeLog {
    pub fn new(clock: FakeClock, trace: Trace) -> Self {
        Self {
            records: Vec::new(),
            blobs: BTreeMap::new(),
            opening: None,
            older: Vec::new(),
            segment_records_max: None,
            projections: BTreeMap::new(),
            fails_at: None,
            writes: 0,
            poisoned: false,
            clock,
            trace,
        }
    }

    /// The kinds of all events, as the log's format names them.
    pub fn kinds(&self) -> Vec<String> {
        self.records.iter().map(|record| kind(&record.event)).collect()
    }

    /// All events of that kind.
    pub fn events(&self, wanted: &str) -> Vec<&Event> {
        self.records.iter().map(|record| &record.event).filter(|event| kind(event) == wanted).collect()
    }

    fn write(&mut self) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        if self.fails_at == Some(self.writes) {
            self.poisoned = true;
            self.trace.push(Call::LogFailed);
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(LogError::Io { what: "writing the log".to_owned(), source });
        }
        self.writes += 1;
        Ok(())
    }
}

/// The event's kind, as the log's format names it.
fn kind(event: &Event) -> String {
    let value = serde_json::to_value(event).expect("events are plain data");
    value["kind"].as_str().expect("every event has a kind").to_owned()
}

impl Log for FakeLog {
    fn append(&mut self, session: Option<&SessionId>, event: Event, durability: Durability) -> Result<(), LogError> {
        self.write()?;
        self.trace.push(Call::Append(kind(&event), durability));
        let sequence = u64::try_from(self.older.len() + self.records.len()).expect("few records");
        self.records.push(Record { sequence, session: session.cloned(), epoch: 1, time: self.clock.now(), event });
        self.trace.point();
        Ok(())
    }

    fn store(&mut self, bytes: &[u8]) -> Result<Digest, LogError> {
        self.write()?;
        self.trace.push(Call::Store);
        let digest = Digest::of(Domain::Blob, bytes);
        self.blobs.insert(digest, bytes.to_vec());
        Ok(digest)
    }

    fn load(&self, blob: Digest) -> Result<Vec<u8>, LogError> {
        self.blobs.get(&blob).cloned().ok_or_else(|| LogError::Damaged(format!("blob {blob} is missing")))
    }

    fn opening_state(&mut self) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.opening.clone())
    }

    fn is_segment_full(&self) -> bool {
        self.segment_records_max.is_some_and(|most| self.records.len() >= most)
    }

    fn begin_segment(&mut self, state: &[u8]) -> Result<(), LogError> {
        self.write()?;
        self.trace.push(Call::BeginSegment);
        self.opening = Some(state.to_vec());
        self.older.append(&mut self.records);
        Ok(())
    }

    fn publish(&mut self, session: &SessionId, projection: &[u8]) -> Result<(), LogError> {
        self.projections.insert(session.clone(), projection.to_vec());
        Ok(())
    }

    fn records(&mut self) -> Result<&[Record], LogError> {
        Ok(&self.records)
    }

    fn sign_head(&mut self) -> Result<(), LogError> {
        self.write()?;
        self.trace.push(Call::SignHead);
        Ok(())
    }

    fn lease(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }
}
