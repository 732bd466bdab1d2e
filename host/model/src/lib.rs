//! The nouns of `repair` as plain data: no input, no output, no clock, no randomness.
//!
//! Modules stand in the order of the workflow: what is healed, what was seen, what it means, what a tool asks and
//! proposes, what was decided and granted, what came of it. Types that end up in the log derive `Serialize`; their
//! shape is part of the log's format version ([`event::FORMAT_VERSION`]) and changes only with it.

pub mod bounds;
pub mod ids;
pub mod limits;
pub mod risk;
pub mod secret;
pub mod target;
pub mod text;

pub mod azure;
pub mod compose;
pub mod container;
pub mod env_value;
pub mod evidence;
pub mod finding;
pub mod image;
pub mod network;
pub mod query;

pub mod action;
pub mod decision;
pub mod event;
pub mod grant;
pub mod outcome;
pub mod plan;
pub mod probe;
pub mod tool;
