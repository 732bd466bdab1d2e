//! The way of one repair, one module per stage, in the order in which they run.
//!
//! ```text
//! evidence ─► classification ─► planning ─► policy ─► approval ─► execution ─► verification ─► report
//! ```
//!
//! Everything here is pure but for the traits in [`outside`]: the target, the tools, the log, the person and the clock are
//! handed in. This crate opens no file, starts no process, uses no network and prints nothing.

pub mod outside;
pub mod session;
pub mod settings;
pub mod tool_lock;

pub mod approval;
pub mod classification;
pub mod evidence;
pub mod execution;
pub mod handover;
pub mod planning;
pub mod policy;
pub mod projection;
pub mod rehearsal;
pub mod report;
pub mod verification;
pub mod workflow;

#[cfg(test)]
mod testing;
