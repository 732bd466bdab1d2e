//! What lies behind the server's one lock: the world, the long operations that run in it, and time, which passes only
//! when somebody looks.
//!
//! Long operations and the steps of deployments end at a time that is known when they begin. Before each request is
//! answered, and before a test looks, everything that has come due is done in the order in which it came due.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::deployments::run;
use crate::entra::Token;
use crate::ledger::LedgerEntry;
use crate::quirks::Quirks;
use crate::world::server::ServerState;
use crate::world::{Registration, World};

/// What a long operation does when it ends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Aim {
    /// The deleted vault of this name is gone.
    Purge { name: String },
    /// The server of this name is ready.
    Start { name: String },
    /// The server of this name is stopped.
    Stop { name: String },
    /// The server of this name is changed.
    Update { name: String },
    /// The namespace is registered.
    Register { namespace: String },
    /// It was computed when it was asked for.
    WhatIf,
    /// It ends with the last step of the deployment of this id.
    Deployment { id: String },
}

/// How a long operation stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Running,
    Succeeded,
    Failed(Value),
    Canceled,
}

/// A long operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) aim: Aim,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Timestamp,
    pub(crate) outcome: Outcome,
    /// What a client gets at the end, beside the status; null for nothing.
    pub(crate) result: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum Due {
    Operation { id: String },
    Step { deployment: String, run: String, step: usize },
}

/// Everything behind the lock.
#[derive(Debug)]
pub(crate) struct State {
    /// `http://127.0.0.1:PORT` of the fake.
    pub(crate) url: String,
    /// The same of the stranger.
    pub(crate) stranger: String,
    pub(crate) world: World,
    pub(crate) quirks: Quirks,
    pub(crate) ledger: Vec<LedgerEntry>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) operations: Vec<Operation>,
    due: Vec<(Timestamp, Due)>,
    serial: u64,
    /// How many times [`crate::FakeAzure::release`] was called.
    pub(crate) releases: u64,
    /// The server is being dropped.
    pub(crate) ending: bool,
}

impl State {
    pub(crate) fn new(world: World, url: String, stranger: String) -> Self {
        Self {
            url,
            stranger,
            world,
            quirks: Quirks::default(),
            ledger: Vec::new(),
            tokens: Vec::new(),
            operations: Vec::new(),
            due: Vec::new(),
            serial: 0,
            releases: 0,
            ending: false,
        }
    }

    /// A GUID that was not given before.
    pub(crate) fn fresh_id(&mut self) -> String {
        self.serial += 1;
        guid(self.serial)
    }

    /// What a client is told that the time is.
    pub(crate) fn shown(&self, time: Timestamp) -> Timestamp {
        clock::shifted(time, self.quirks.clock_skew_seconds)
    }

    /// Begins a long operation that ends after so many milliseconds, or never.
    pub(crate) fn begin(&mut self, aim: Aim, now: Timestamp, millis: Option<u64>, result: Value) -> String {
        let id = self.fresh_id();
        self.operations.push(Operation {
            id: id.clone(),
            aim,
            started_at: now,
            ended_at: now,
            outcome: Outcome::Running,
            result,
        });
        if let Some(millis) = millis {
            self.due.push((clock::later(now, millis), Due::Operation { id: id.clone() }));
        }
        id
    }

    /// Lets a step of a deployment end after so many milliseconds.
    pub(crate) fn begin_step(&mut self, deployment: &str, run: &str, step: usize, at: Timestamp, millis: u64) {
        let due = Due::Step { deployment: deployment.to_owned(), run: run.to_owned(), step };
        self.due.push((clock::later(at, millis), due));
    }

    pub(crate) fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.id.eq_ignore_ascii_case(id))
    }

    /// Ends an operation that still runs.
    pub(crate) fn end(&mut self, id: &str, at: Timestamp, outcome: Outcome, result: Value) {
        let running = |operation: &&mut Operation| operation.id == id && operation.outcome == Outcome::Running;
        if let Some(operation) = self.operations.iter_mut().find(running) {
            operation.outcome = outcome;
            operation.ended_at = at;
            if !result.is_null() {
                operation.result = result;
            }
        }
    }

    /// Does everything that has come due.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        while let Some(next) = self.next_due(now) {
            let (at, due) = self.due.remove(next);
            self.end_due(due, at);
        }
    }

    fn end_due(&mut self, due: Due, at: Timestamp) {
        match due {
            Due::Operation { id } => self.finish(&id, at),
            Due::Step { deployment, run: of, step } => run::end_step(self, &deployment, &of, step, at),
        }
    }

    /// Ends all that is under way and will ever end, as if its time had come; the steps of deployments alone, if only
    /// those are wanted.
    pub(crate) fn hurry(&mut self, now: Timestamp, steps_only: bool) {
        while let Some(next) = self.due.iter().position(|(_, due)| !steps_only || matches!(due, Due::Step { .. })) {
            let (_, due) = self.due.remove(next);
            self.end_due(due, now);
        }
        if !steps_only {
            let getting_ready = self.world.vaults.iter_mut().filter(|vault| vault.ready_at != Timestamp::MAX);
            getting_ready.for_each(|vault| vault.ready_at = vault.ready_at.min(now));
        }
    }

    /// The first of what is due at `now`; of the same time, what was begun first.
    fn next_due(&self, now: Timestamp) -> Option<usize> {
        let due = self.due.iter().enumerate().filter(|(_, (at, _))| *at <= now);
        due.min_by_key(|(index, (at, _))| (*at, *index)).map(|(index, _)| index)
    }

    fn finish(&mut self, id: &str, at: Timestamp) {
        let Some(aim) = self.operation(id).map(|operation| operation.aim.clone()) else { return };
        let mut outcome = Outcome::Succeeded;
        match aim {
            // Somebody else may have been quicker.
            Aim::Purge { name } => drop(self.world.purge_vault(&name)),
            Aim::Start { name } => outcome = self.finish_start(&name),
            Aim::Stop { name } => drop(self.world.set_server_state(&name, ServerState::Stopped)),
            Aim::Update { name } => drop(self.world.set_server_state(&name, ServerState::Ready)),
            Aim::Register { namespace } => self.world.set_registration(&namespace, Registration::Registered),
            Aim::WhatIf | Aim::Deployment { .. } => {}
        }
        self.end(id, at, outcome, Value::Null);
    }

    fn finish_start(&mut self, name: &str) -> Outcome {
        let tracking = self.fresh_id();
        let Some(server) = self.world.server_mut(name) else { return Outcome::Succeeded };
        if server.start_failures == 0 {
            server.state = ServerState::Ready;
            return Outcome::Succeeded;
        }
        server.start_failures -= 1;
        server.state = ServerState::Stopped;
        let message = format!("An unexpected error occured while processing the request. Tracking ID: '{tracking}'");
        Outcome::Failed(json!({
            "code": "ResourceOperationFailure",
            "message": "The resource operation completed with terminal provisioning state 'Failed'.",
            "details": [{"code": "InternalServerError", "message": message}],
        }))
    }
}

/// A GUID that follows from a number (splitmix64).
fn guid(number: u64) -> String {
    let mix = |seed: u64| {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let (high, low) = (mix(number.wrapping_mul(2)), mix(number.wrapping_mul(2).wrapping_add(1)));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}
