//! Everything that the log of one target says: its sessions, and the counts that no restart resets.
//!
//! A history is folded from records alone. Where a log has several segments, it begins with the state that the newest one
//! opens with: open sessions whole, and of those that are over what the bounds and the tools still need.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use repair_model::action::{Action, ActionKind};
use repair_model::event::{Ending, Event, Intent, Record};
use repair_model::finding::FailureClass;
use repair_model::ids::{Digest, SessionId};
use repair_model::limits::CARRIED_TRIES_MAX;
use repair_model::outcome::Outcome;
use repair_model::tool::Attempt;
use serde::{Deserialize, Serialize};

use super::transition::{advance, after_the_end};
use super::{Phase, Session, Status};
use crate::outside::LogError;

/// Bytes of what is told of the outcome of one try.
const OUTCOME_TEXT_BYTES_MAX: usize = 1024;

/// Version of the state that a segment opens with.
const STATE_VERSION: u32 = 1;

/// An event that cannot follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {sequence}: {what}")]
pub struct IllegalTransition {
    /// Which record.
    pub sequence: u64,
    /// Why it cannot follow.
    pub what: String,
}

/// One effect that was begun, in any session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// The session.
    pub session: SessionId,
    /// What it was meant to repair.
    pub class: FailureClass,
    /// When.
    pub at: Timestamp,
    /// The tool that proposed it.
    pub tool: String,
    /// What.
    pub action: Action,
    /// What came of it, in the host's words.
    pub outcome: String,
}

/// What is kept of every plan, whether or not it is still the present one of its session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PlanMark {
    class: FailureClass,
    /// The tool that proposed it.
    tool: String,
}

/// Everything that the log of one target says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    sessions: BTreeMap<SessionId, Session>,
    plans: BTreeMap<Digest, PlanMark>,
    /// Tries of sessions that are over and that this history does not hold any more, oldest first.
    carried: Vec<Try>,
    /// When a session that did something for a class last ended without healing it.
    unhealed: BTreeMap<FailureClass, Timestamp>,
}

/// A history as a segment opens with it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    v: u32,
    sessions: Vec<Session>,
    plans: Vec<(Digest, PlanMark)>,
    tries: Vec<Try>,
    unhealed: Vec<(FailureClass, Timestamp)>,
}

impl History {
    /// Folds all records of a log from its first on.
    ///
    /// # Errors
    /// At the first record that cannot follow.
    pub fn fold(records: &[Record]) -> Result<Self, IllegalTransition> {
        Self::default().and(records)
    }

    /// Folds the records of one segment on the state that it opens with.
    ///
    /// # Errors
    /// When the state is none, or at the first record that cannot follow.
    pub fn from_segment(state: Option<&[u8]>, records: &[Record]) -> Result<Self, IllegalTransition> {
        let Some(state) = state else { return Self::fold(records) };
        let sequence = records.first().map_or(0, |record| record.sequence);
        let unusable = |what: String| IllegalTransition { sequence, what };
        let state: State = serde_json::from_slice(state)
            .map_err(|error| unusable(format!("the state that the segment opens with cannot be read: {error}")))?;
        if state.v != STATE_VERSION {
            return Err(unusable(format!("the state that the segment opens with is of version {}", state.v)));
        }
        let history = Self {
            sessions: state.sessions.into_iter().map(|session| (session.id.clone(), session)).collect(),
            plans: state.plans.into_iter().collect(),
            carried: state.tries,
            unhealed: state.unhealed.into_iter().collect(),
        };
        history.and(records)
    }

    fn and(self, records: &[Record]) -> Result<Self, IllegalTransition> {
        records.iter().try_fold(self, |history, record| history.next(record))
    }

    /// The state for a segment to open with: what is open, and what the next sessions are measured by.
    ///
    /// # Errors
    /// Never for what was folded from a log.
    pub fn opening_state(&self, now: Timestamp) -> Result<Vec<u8>, serde_json::Error> {
        let open: Vec<Session> = self.sessions().filter(|session| !session.status.is_final()).cloned().collect();
        let is_of_open = |digest: &Digest| open.iter().any(|session| session.plans().any(|plan| plan == *digest));
        let mut tries: Vec<Try> = self.tries().filter(|one| !open.iter().any(|open| open.id == one.session)).collect();
        // The newest are told to tools for a day; whatever counts against a bound is younger than an hour.
        let yesterday = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
        tries.retain(|one| one.at >= yesterday);
        tries.drain(..tries.len().saturating_sub(CARRIED_TRIES_MAX));
        serde_json::to_vec(&State {
            v: STATE_VERSION,
            plans: self
                .plans
                .iter()
                .filter(|(plan, _)| is_of_open(plan))
                .map(|(plan, mark)| (*plan, mark.clone()))
                .collect(),
            sessions: open,
            tries,
            unhealed: self.unhealed.iter().map(|(class, time)| (*class, *time)).collect(),
        })
    }

    /// All sessions, oldest first. Where the history begins with a state, those that were over by then are not among them.
    pub fn sessions(&self) -> impl DoubleEndedIterator<Item = &Session> {
        self.sessions.values()
    }

    /// One session.
    pub fn session(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// The sessions that are not over, oldest first.
    pub fn open(&self) -> impl DoubleEndedIterator<Item = &Session> {
        self.sessions().filter(|session| !session.status.is_final())
    }

    /// The session that is not over and whose present plan has this digest, or a unique prefix of it.
    pub fn session_of_plan(&self, digest_prefix: &str) -> Option<&Session> {
        self.open()
            .rev()
            .find(|session| session.plan.as_ref().is_some_and(|plan| plan.plan.to_string().starts_with(digest_prefix)))
    }

    /// Effects started since `since`, for one class or for whatever, over all sessions of this target.
    pub fn attempts_since(&self, class: Option<FailureClass>, since: Timestamp) -> u32 {
        let counts = |one: &Try| one.at >= since && class.is_none_or(|class| one.class == class);
        self.tries().filter(counts).count().try_into().unwrap_or(u32::MAX)
    }

    /// When a session that did something for `class` last ended without healing it, if none has healed it since.
    pub fn unhealed_since(&self, class: FailureClass) -> Option<Timestamp> {
        self.unhealed.get(&class).copied()
    }

    /// Earlier tries for `class`, newest first, as tools see them.
    pub fn attempts_for(&self, class: FailureClass, now: Timestamp, tries_max: usize) -> Vec<Attempt> {
        let mut tries: Vec<Try> = self.tries().filter(|one| one.class == class).collect();
        tries.reverse();
        tries.truncate(tries_max);
        let seconds_ago = |at: Timestamp| now.duration_since(at).as_secs().try_into().unwrap_or(0);
        tries
            .into_iter()
            .map(|one| Attempt {
                tool: one.tool,
                actions: vec![one.action],
                outcome: one.outcome,
                seconds_ago: seconds_ago(one.at),
            })
            .collect()
    }

    /// Every effect that was begun by a plan, oldest first.
    pub fn tries(&self) -> impl Iterator<Item = Try> {
        let of_sessions = self.sessions.values().flat_map(|session| {
            session.steps.iter().filter_map(|step| {
                let Intent::Apply { plan, action, .. } = &step.intent else { return None };
                let mark = self.plans.get(plan)?;
                Some(Try {
                    session: session.id.clone(),
                    class: mark.class,
                    at: step.intended_at,
                    tool: mark.tool.clone(),
                    action: action.clone(),
                    outcome: describe(step.outcome.as_ref(), session),
                })
            })
        });
        self.carried.iter().cloned().chain(of_sessions)
    }

    /// The one transition function.
    ///
    /// # Errors
    /// When the event cannot follow.
    pub fn next(mut self, record: &Record) -> Result<Self, IllegalTransition> {
        let illegal = |what: String| IllegalTransition { sequence: record.sequence, what };
        let Some(id) = &record.session else {
            return match record.event {
                Event::LogOpened { .. }
                | Event::SegmentOpened { .. }
                | Event::Collected { .. }
                | Event::TailSetAside { .. }
                | Event::LeaseTaken { .. }
                | Event::Noted { .. } => Ok(self),
                _ => Err(illegal("an event of a session names no session".to_owned())),
            };
        };
        if let Some(session) = began(id, &record.event, record.time) {
            return match self.sessions.insert(id.clone(), session) {
                None => Ok(self),
                Some(_) => Err(illegal(format!("session {id} begins twice"))),
            };
        }
        let session = self.sessions.get_mut(id).ok_or_else(|| illegal(format!("session {id} has not begun")))?;
        if session.status.is_final() {
            after_the_end(session, &record.event, record.time)
                .map_err(|what| illegal(format!("session {id}: {what}")))?;
            return Ok(self);
        }
        if let Event::Planned { plan, tool, class, .. } = &record.event {
            // The tool is part of what the digest is over, so a plan that is made again is by the same one.
            self.plans.entry(*plan).or_insert_with(|| PlanMark { class: *class, tool: tool.id.clone() });
        }
        session.count_work(&record.event, record.time);
        advance(session, &record.event, record.time).map_err(|what| illegal(format!("session {id}: {what}")))?;
        session.updated = record.time;
        if let Event::Ended { ending, .. } = &record.event {
            let (id, ending) = (id.clone(), *ending);
            self.note_end(&id, ending, record.time);
        }
        Ok(self)
    }

    fn note_end(&mut self, id: &SessionId, ending: Ending, time: Timestamp) {
        let Some(session) = self.sessions.get(id) else { return };
        // A plan that only looked was no try to heal.
        let acted = session.steps.iter().filter_map(|step| match &step.intent {
            Intent::Apply { plan, action, .. } if action.kind() != ActionKind::CollectLogs => Some(*plan),
            Intent::Apply { .. } | Intent::Undo { .. } => None,
        });
        let classes: Vec<FailureClass> =
            acted.filter_map(|plan| self.plans.get(&plan).map(|mark| mark.class)).collect();
        for class in classes {
            match ending {
                Ending::Healed => drop(self.unhealed.remove(&class)),
                Ending::Escalated | Ending::Failed => drop(self.unhealed.insert(class, time)),
                Ending::Undone | Ending::Aborted => {}
            }
        }
    }
}

/// Why the history of a log cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log does not say what it should.
    #[error("the log of this target is not consistent")]
    Illegal(#[from] IllegalTransition),
}

fn began(id: &SessionId, event: &Event, time: Timestamp) -> Option<Session> {
    let Event::SessionBegan { purpose, command, evidence, target, .. } = event else { return None };
    Some(Session {
        id: id.clone(),
        purpose: purpose.clone(),
        command: command.clone(),
        target: target.clone(),
        first_evidence: *evidence,
        started: time,
        updated: time,
        own_until: time,
        worked_ms: 0,
        status: Status::Running,
        phase: Phase::Inspection,
        recoveries: 0,
        round: 0,
        evidence: None,
        findings: Vec::new(),
        plan: None,
        grants: Vec::new(),
        steps: Vec::new(),
        checkpoint: None,
        answers: Vec::new(),
        verdict: None,
        reason: None,
        next_steps: Vec::new(),
    })
}

/// What came of a step, in words for a tool: bounded, because tries are carried on from segment to segment.
fn describe(outcome: Option<&Outcome>, session: &Session) -> String {
    let mut words = words_for(outcome, session);
    words.truncate(words.floor_char_boundary(OUTCOME_TEXT_BYTES_MAX));
    words
}

fn words_for(outcome: Option<&Outcome>, session: &Session) -> String {
    match outcome {
        None => "unclear: not settled".to_owned(),
        Some(Outcome::Failed { error, .. }) => format!("failed: {error}"),
        Some(Outcome::Abandoned { reason }) => format!("abandoned: {reason}"),
        Some(Outcome::Unclear { reason }) => format!("unclear: {reason}"),
        Some(Outcome::Done { .. }) if session.status == Status::Ended(Ending::Healed) => "healed".to_owned(),
        Some(Outcome::Done { .. }) => match &session.verdict {
            Some(verdict) if verdict.healthy() => "healed".to_owned(),
            Some(verdict) => {
                let sick: Vec<_> = verdict
                    .services
                    .iter()
                    .filter(|service| !service.healthy)
                    .map(|service| format!("{} {}", service.service, service.state))
                    .collect();
                format!("not-verified: {}", sick.join(", "))
            }
            None => "not-verified: no verification".to_owned(),
        },
    }
}
