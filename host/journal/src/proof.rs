//! The proof of one session in one file, which anybody can check without the log: a signed checkpoint, and every line from
//! the session's first to its last with its inclusion proof in the checkpoint's tree.
//!
//! The lines are contiguous, so nothing between the first and the last is left out; each is proven by itself, so none was
//! changed; and each names the one before, so none was moved. What nobody can see from outside is whether more follows the
//! last line: a session that has ended cannot have more.
//!
//! Refused: a file that is not exactly what [`prove`] writes; a line, proof, plan or checkpoint that does not fit. Whose
//! key signed the checkpoint is handed out and for the caller to judge.

use std::cell::RefCell;
use std::collections::BTreeMap;

use repair_model::event::{Event, FORMAT_VERSION, Record};
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::limits::PROOF_LINES_MAX;
use repair_pipeline::outside::{Clock, Log as _, LogError};
use serde::{Deserialize, Serialize};
use tlog_tiles::tlog::{self, Hash, HashReader, RecordProof, stored_hash_index};

use crate::checkpoint::{Checkpoint, CheckpointError, PublicKey};
use crate::frame::{self, Envelope};
use crate::head::{self, Head};
use crate::state_dir::StateDir;
use crate::walk::Walk;
use crate::writer::Journal;
use crate::{blobs, lease};

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofFile {
    v: u32,
    session: SessionId,
    key: String,
    checkpoint: String,
    lines: Vec<ProvenLine>,
    plans: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvenLine {
    index: u64,
    line: String,
    proof: Vec<Digest>,
}

/// Why a proof was not made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log has nothing of that session.
    #[error("the log has no session {0}; `repair sessions --all` lists them")]
    NoSuchSession(SessionId),
    /// Its first record is not there any more.
    #[error("the beginning of session {0} was removed by a retention rule, so it cannot be proven any more")]
    Removed(SessionId),
    /// No head covers it.
    #[error("no signed head covers session {0} yet; `repair audit checkpoint` signs one")]
    Unsigned(SessionId),
    /// Too much happened meanwhile.
    #[error("session {0} spans more than {PROOF_LINES_MAX} records, which is more than a proof may hold")]
    TooLong(SessionId),
    /// The library could not compute it.
    #[error("an inclusion proof cannot be made ({0})")]
    Tree(String),
}

/// What a file proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Which session.
    pub session: SessionId,
    /// Every record from its first to its last one, with those of others in between.
    pub records: Vec<Record>,
    /// The plans that its records name, by their digest.
    pub plans: BTreeMap<Digest, Vec<u8>>,
    /// The checkpoint that covers them.
    pub checkpoint: Checkpoint,
    /// The key that signed it, as the file says and the signature confirms.
    pub key: PublicKey,
}

/// Signs the present end of a log, if it is not signed yet, and hands the head out.
///
/// # Errors
/// As for [`Journal::open_for_append`] and [`Log::sign_head`](repair_pipeline::outside::Log::sign_head).
pub fn checkpoint(state: &StateDir, target: &Digest, clock: Box<dyn Clock>) -> Result<Head, LogError> {
    let mut journal = Journal::open_for_append(state, target, clock)?;
    let load = |journal: &Journal| head::load(state, &journal.folder, target);
    match load(&journal)? {
        Some(head) if head.size == journal.chain.sequence() => Ok(head),
        _ => {
            journal.sign_head()?;
            let missing = || LogError::Damaged("the signed head was removed while it was read".to_owned());
            load(&journal)?.ok_or_else(missing)
        }
    }
}

/// The file that proves `session`, as the signed head covers it. Writes nothing.
///
/// # Errors
/// See [`ProofError`].
pub fn prove(state: &StateDir, target: &Digest, session: &SessionId) -> Result<Vec<u8>, ProofError> {
    let none = || ProofError::NoSuchSession(session.clone());
    let folder = state.open_target(target).map_err(LogError::from)?.ok_or_else(none)?;
    let _shared = lease::share_append(&folder).map_err(LogError::from)?;
    let head = head::load(state, &folder, target).map_err(LogError::from)?;
    let Some(head) = head else { return Err(ProofError::Unsigned(session.clone())) };
    let walk = || Walk::whole(&folder, target, Some(&head)).map_err(LogError::from);

    let mut walked = walk()?.ok_or_else(none)?;
    let (mut lines, mut plans, mut last) = (Vec::new(), Vec::new(), None);
    while let Some(line) = walked.next().map_err(LogError::from)? {
        let is_its_own = line.record.session.as_ref() == Some(session);
        if lines.is_empty() {
            match &line.record.event {
                Event::SessionBegan { .. } if is_its_own => {}
                _ if is_its_own => return Err(ProofError::Removed(session.clone())),
                _ => continue,
            }
        }
        let index = line.record.sequence;
        if is_its_own {
            last = Some(index);
        }
        if let Event::Planned { blob, .. } = line.record.event
            && is_its_own
        {
            let plan = blobs::load(&folder, &blob).map_err(LogError::from)?;
            plans.push(String::from_utf8_lossy(&plan).into_owned());
        }
        // What others do after its last record belongs to no proof of it, however long that goes on.
        if lines.len() <= PROOF_LINES_MAX {
            let line = String::from_utf8_lossy(walked.bytes()).into_owned();
            lines.push(ProvenLine { index, line, proof: Vec::new() });
        }
    }
    let last = last.ok_or_else(none)?;
    lines.retain(|line| line.index <= last);
    match lines.last() {
        Some(line) if line.index == last && lines.len() <= PROOF_LINES_MAX => {}
        _ => return Err(ProofError::TooLong(session.clone())),
    }
    if head.size <= last {
        return Err(ProofError::Unsigned(session.clone()));
    }

    let nodes = Nodes::default();
    let proof_of =
        |index| tlog::prove_record(head.size, index, &nodes).map_err(|error| ProofError::Tree(error.to_string()));
    // The first time the library only tells which nodes it needs, the second time they are there.
    for line in &lines {
        proof_of(line.index)?;
    }
    let mut walked = walk()?.ok_or_else(none)?;
    nodes.gather(&mut walked, head.size)?;
    for line in &mut lines {
        line.proof = proof_of(line.index)?.into_iter().map(|hash| Digest::from_bytes(hash.0)).collect();
    }
    let (session, key, checkpoint) = (session.clone(), head.key.to_string(), head.note.clone());
    let file = ProofFile { v: FORMAT_VERSION, session, key, checkpoint, lines, plans };
    file.to_bytes().map_err(|error| ProofError::Tree(error.to_string()))
}

/// Nodes of a tree: first those that are asked for, then their hashes.
#[derive(Default)]
struct Nodes(RefCell<BTreeMap<u64, Option<Hash>>>);

impl HashReader for Nodes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        let mut nodes = self.0.borrow_mut();
        let mut hash_of = |index: &u64| nodes.entry(*index).or_default().unwrap_or_default();
        Ok(indexes.iter().map(&mut hash_of).collect())
    }
}

impl Nodes {
    /// Walks over the lines up to `size` and keeps every node that was asked for.
    fn gather(&self, walk: &mut Walk<'_>, size: u64) -> Result<(), LogError> {
        let mut nodes = self.0.borrow_mut();
        let mut keep = |level: u8, place: u64, hash: Digest| {
            if let Some(node) = nodes.get_mut(&stored_hash_index(level, place)) {
                *node = Some(Hash(*hash.as_bytes()));
            }
        };
        let mut tree = walk.chain().tree.clone();
        for (level, place, hash) in tree.nodes() {
            keep(level, place, hash);
        }
        while tree.size() < size && walk.next_link()?.is_some() {
            tree.push_telling(walk.chain().previous, &mut keep);
        }
        Ok(())
    }
}

/// Why a file proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotProven {
    /// Not of the form.
    #[error("this is no proof as `repair audit prove` writes it: {0}")]
    Form(String),
    /// The checkpoint.
    #[error("the checkpoint does not count: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A line.
    #[error("record {index}: {what}")]
    Line {
        /// Which.
        index: u64,
        /// What is wrong.
        what: String,
    },
    /// A plan.
    #[error("plan {plan}: {what}")]
    Plan {
        /// Its digest.
        plan: Digest,
        /// What is wrong.
        what: &'static str,
    },
}

/// Checks a file that [`prove`] made, by itself: nothing else is needed.
///
/// # Errors
/// The first thing that does not fit.
pub fn check_proof(bytes: &[u8]) -> Result<Proven, NotProven> {
    let form = |what: &str| NotProven::Form(what.to_owned());
    let file: ProofFile = serde_json::from_slice(bytes)
        .map_err(|error| NotProven::Form(repair_model::text::escaped(&error.to_string())))?;
    if file.v != FORMAT_VERSION {
        return Err(NotProven::Form(format!("it is of format version {}, not {FORMAT_VERSION}", file.v)));
    }
    if file.to_bytes().ok().as_deref() != Some(bytes) {
        return Err(form("it has another spelling"));
    }
    let key: PublicKey = file.key.parse().map_err(|_| form("its key is no key"))?;
    if file.key != key.to_string() {
        return Err(form("its key has another spelling"));
    }
    let checkpoint = Checkpoint::verify(file.checkpoint.as_bytes(), &key)?;

    let mut records = Vec::new();
    let mut before: Option<(Digest, u64)> = None;
    let mut expected = file.lines.first().map(|line| line.index);
    for line in &file.lines {
        let index = line.index;
        let wrong = |what: &str| NotProven::Line { index, what: what.to_owned() };
        if expected != Some(index) {
            return Err(wrong("the records are not contiguous: something between them was left out"));
        }
        expected = index.checked_add(1);
        let leaf = frame::leaf_hash(line.line.as_bytes());
        let proof: RecordProof = line.proof.iter().map(|digest| Hash(*digest.as_bytes())).collect();
        let root = Hash(*checkpoint.root.as_bytes());
        if tlog::check_record(&proof, checkpoint.size, root, index, Hash(*leaf.as_bytes())).is_err() {
            return Err(wrong("it is not in the tree that was signed: the line, its place or its proof was changed"));
        }
        let envelope = frame::decode(line.line.as_bytes()).map_err(|error| wrong(&error.to_string()))?;
        follows(&envelope, before, index).map_err(wrong)?;
        before = Some((leaf, envelope.epoch));
        records.push(envelope.into_record());
    }
    let is_its_own = |record: &Record| record.session.as_ref() == Some(&file.session);
    match (records.first(), records.last()) {
        (Some(Record { event: Event::SessionBegan { .. }, .. }), Some(last)) if is_its_own(last) => {}
        _ => return Err(form("it does not reach from the first record of its session to the last")),
    }
    if !records.first().is_some_and(is_its_own) {
        return Err(form("its first record is of another session"));
    }
    let plans = plans_of(&file, &records)?;
    Ok(Proven { session: file.session, records, plans, checkpoint, key })
}

/// Whether a line is the one that its place in the tree says, and follows from the line before.
fn follows(envelope: &Envelope, before: Option<(Digest, u64)>, index: u64) -> Result<(), &'static str> {
    if envelope.seq != index {
        return Err("it says another place than it has");
    }
    let Some((leaf, epoch)) = before else { return Ok(()) };
    if envelope.prev != leaf {
        return Err("it does not follow from the record before it");
    }
    let expected = epoch.saturating_add(u64::from(matches!(envelope.event, Event::LeaseTaken { .. })));
    if envelope.epoch == expected { Ok(()) } else { Err("it stands under an epoch that was not the lease's") }
}

/// The plans that the session's records name, each with its bytes, and no other.
fn plans_of(file: &ProofFile, records: &[Record]) -> Result<BTreeMap<Digest, Vec<u8>>, NotProven> {
    let mut plans = BTreeMap::new();
    let mut texts = file.plans.iter();
    for record in records.iter().filter(|record| record.session.as_ref() == Some(&file.session)) {
        let Event::Planned { plan, blob, .. } = record.event else { continue };
        let wrong = |what| NotProven::Plan { plan, what };
        let bytes = texts.next().ok_or_else(|| wrong("its bytes are missing"))?.as_bytes();
        if Digest::of(Domain::Plan, bytes) != plan || Digest::of(Domain::Blob, bytes) != blob {
            return Err(wrong("its bytes are not those that the record names"));
        }
        plans.insert(plan, bytes.to_vec());
    }
    if texts.next().is_some() {
        return Err(NotProven::Form("it has plans that no record names".to_owned()));
    }
    Ok(plans)
}

impl ProofFile {
    /// One JSON document, indented, so that a person can look into it.
    fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
