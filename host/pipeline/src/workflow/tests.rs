//! Tests of the workflow and of the gate, on an outside in memory.
//!
//! Each test says what is in the log and what was asked of the outside, in which order: that an effect is never started where
//! it must not be counts for more than what is reported.

mod approving;
mod bounded;
mod crashing;
mod failing;
mod gate;
mod interrupting;
mod meanwhile;
mod order;
mod recording;
mod resuming;
mod statuses;
mod tools;
mod undoing;
mod verifying;

use repair_model::event::{BlockReason, Ending, Event, SettledBy};
use repair_model::outcome::Outcome;

use super::WorkflowError;
use crate::approval::PersonsAnswer;
use crate::report::Conclusion;
use crate::session::Status;
use crate::testing::{Call, World, begun, compose_up, policies, port_owner_query, proposal, remap, verdict};

/// How the last session stands.
fn last_status(world: &World) -> Status {
    world.history().sessions().last().expect("a session").status.clone()
}

fn failed(error: &str) -> Outcome {
    Outcome::Failed { error: error.to_owned(), output: Vec::new() }
}

/// A world in which a plan waits for its approval, because nobody was at the terminal.
fn waiting() -> World {
    let mut world = World::new();
    world.person.interactive = false;
    let report = world.heal().expect("a plan");
    assert_eq!(report.conclusion, Conclusion::AwaitingApproval);
    assert_eq!(world.trace.effects(), 0);
    world
}
