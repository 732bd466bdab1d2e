//! The append-only, hash-chained log of one target, which is both the audit trail and the state of its sessions.
//!
//! What is refused: to go on after any mismatch but an unfinished last line; to start anew where a log is missing; to act
//! without the lease, or under an old one; folders that others can write to. Reading never writes.
//!
//! Invariant: a record that [`Journal`] acknowledged with [`Durability::Power`] is there after a loss of power, and every
//! change of a line that another line or a signed head vouches for is found, with its place.
//!
//! [`Durability::Power`]: repair_pipeline::outside::Durability::Power

mod folder;
mod problem;
mod state_dir;

mod blobs;
mod chain;
mod checkpoint;
mod frame;
mod head;
mod holder;
mod key;
mod lease;
mod segment;
mod tree;

mod audit;
mod follow;
mod proof;
mod publication;
mod read_only;
mod reader;
mod reading;
mod recovery;
mod retention;
mod rotation;
mod walk;
mod writer;

#[cfg(test)]
mod tests;

pub use audit::{Anchor, Audit, Removal, audit, audit_links};
pub use checkpoint::{Checkpoint, CheckpointError, NotAKey, PublicKey};
pub use follow::Follower;
pub use frame::{NO_LEAF, leaf_hash};
pub use head::Head;
pub use holder::{Liveness, liveness};
pub use key::public_key;
pub use problem::{At, Place, Problem};
pub use proof::{NotProven, ProofError, Proven, check_proof, checkpoint, prove};
pub use read_only::ReadOnlyLog;
pub use reader::Tail;
pub use reading::{Reading, each, load_blob, read, read_present};
pub use retention::{Collection, collectable};
pub use state_dir::{KnownTarget, StateDir};
pub use writer::Journal;
