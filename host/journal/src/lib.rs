//! The append-only, hash-chained log of one target, which is both the audit trail and the state of its sessions.
//!
//! What is refused: to go on after any mismatch but an unfinished last line; to start anew where a log is missing; to act
//! without the lease, or under an old one; folders that others can write to. Reading never writes.
//!
//! Invariant: a record that [`Journal`] acknowledged with [`Durability::Power`] is there after a loss of power, and every
//! change of a line that another line or a signed head vouches for is found, with its place.
//!
//! The format leaves room for more: lines are RFC 6962 leaves already, so a Merkle tree over them needs no other
//! bytes, and the version in each line tells later formats apart.
//!
//! [`Durability::Power`]: repair_pipeline::outside::Durability::Power

mod folder;
mod problem;
mod state_dir;

mod blobs;
mod frame;
mod head;
mod lease;
mod read_only;
mod reader;
mod recovery;
mod verify;
mod writer;

#[cfg(test)]
mod tests;

pub use frame::{NO_LEAF, leaf_hash};
pub use head::Head;
pub use problem::{At, Place, Problem};
pub use read_only::ReadOnlyLog;
pub use reader::Tail;
pub use state_dir::{KnownTarget, StateDir};
pub use verify::{Audit, Liveness, Present, Reading, audit, liveness, load_blob, read, read_present};
pub use writer::Journal;
