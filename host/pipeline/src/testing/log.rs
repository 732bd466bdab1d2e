//! A log in memory that can fail at any of its writes, and is poisoned from then on, as the real one is.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;

use repair_model::event::{Ending, Event, Record};
use repair_model::grant::Channel;
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::plan::FrozenPlan;

use super::{Call, FakeClock, Trace};
use crate::approval;
use crate::outside::{Clock, Durability, Log, LogError};
use crate::session::{History, PlanState};

/// What somebody else writes to the log without the lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meanwhile {
    /// The last session is given up.
    Abort,
    /// Its present plan is approved.
    Approve,
    /// The plan that it has now is approved once it has another one.
    ApproveLate,
}

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
    /// All projections of each session, oldest first.
    pub published: BTreeMap<SessionId, Vec<Vec<u8>>>,
    /// Whether none can be written.
    pub publish_fails: bool,
    /// Fails the write of this number, counted from 0 over records, blobs and heads.
    pub fails_at: Option<usize>,
    pub writes: usize,
    pub poisoned: bool,
    /// What somebody else writes, once the trace has so many entries and there is something to write about.
    pub meanwhile: Option<(usize, Meanwhile)>,
    late: Option<PlanState>,
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
            published: BTreeMap::new(),
            publish_fails: false,
            fails_at: None,
            writes: 0,
            poisoned: false,
            meanwhile: None,
            late: None,
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

    /// Appends a record, whoever writes it.
    pub fn put(&mut self, session: Option<SessionId>, event: Event) {
        let sequence = u64::try_from(self.older.len() + self.records.len()).expect("few records");
        self.records.push(Record { sequence, session, epoch: 1, time: self.clock.now(), event });
    }

    fn let_others_write(&mut self) {
        let Some((at, what)) = self.meanwhile else { return };
        if self.trace.len() < at {
            return;
        }
        let history = History::from_segment(self.opening.as_deref(), &self.records).expect("legal until now");
        let Some(session) = history.open().last() else { return };
        if what == Meanwhile::ApproveLate && self.late.is_none() {
            self.late = session.plan.clone();
            return;
        }
        let approved = match what {
            Meanwhile::Abort => None,
            Meanwhile::Approve => session.plan.clone(),
            Meanwhile::ApproveLate => {
                self.late.clone().filter(|late| session.plan.as_ref().is_some_and(|now| now.plan != late.plan))
            }
        };
        let event = match approved {
            None if what == Meanwhile::Abort => {
                let reason = "given up by bob@host".to_owned();
                Event::Ended { ending: Ending::Aborted, reason, next_steps: Vec::new() }
            }
            None => return,
            Some(state) => {
                let frozen = FrozenPlan::read(self.blobs[&state.blob].clone()).expect("a plan");
                let now = self.clock.now();
                let grant = approval::grant(&frozen, &session.id, "bob@host", Channel::Command, now, 3600, [0xbb; 16]);
                Event::Granted { grant }
            }
        };
        self.meanwhile = None;
        self.put(Some(session.id.clone()), event);
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
        self.let_others_write();
        self.trace.push(Call::Append(kind(&event), durability));
        self.put(session.cloned(), event);
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
        if self.publish_fails {
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(LogError::Io { what: "writing the projection".to_owned(), source });
        }
        self.published.entry(session.clone()).or_default().push(projection.to_vec());
        Ok(())
    }

    fn records(&mut self) -> Result<&[Record], LogError> {
        self.let_others_write();
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
