//! The Docker Engine as `repair` sees it: which one is meant, its containers, who holds a port of its host, and whether
//! services really answer.
//!
//! Everything here only looks. It creates, starts, stops and removes nothing; that is Compose's task, under a grant. It
//! reads no environment: every value of it is an argument.

mod answers;
pub mod connection;
pub mod containers;
pub mod endpoint;
mod failure;
mod listeners;
pub mod ports;
pub mod probes;
mod sight;
