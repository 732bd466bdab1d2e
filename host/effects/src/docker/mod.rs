//! The Docker Engine as `repair` sees it: which one is meant, its containers, networks and images, who holds a port of its
//! host, and whether services really answer.
//!
//! Everything here only looks, except [`changes`], which restarts and removes one thing at a time, under a grant.
//! Creating and starting is Compose's task. It reads no environment: every value of it is an argument.

mod answers;
pub mod changes;
pub mod connection;
pub mod containers;
pub mod endpoint;
mod events;
mod failure;
pub mod images;
mod listeners;
pub mod networks;
pub mod ports;
pub mod probes;
mod sight;
pub mod survey;
pub mod volumes;

pub(crate) use answers::is_full_id;
pub(crate) use events::{PAST_SECONDS, RecentPast};
