//! Compose projects: what their files say about published ports, and how to change exactly that.
//!
//! All modules but two are pure: texts come in as values, edits go out as values. [`project`] looks which files exist, and
//! [`command`] calls Compose.

pub mod dotenv;
pub mod interpolation;
pub mod syntax;
pub mod yaml;

pub mod reading;
pub mod source;

pub mod config;
pub mod origins;

pub mod edit;
pub mod empty_variables;
pub mod filling;
pub mod overrides;
pub mod patch;
pub mod snapshot;
pub mod stale_urls;
pub mod variable_names;
pub mod variable_uses;

pub mod command;
pub mod project;
