//! `repair tool`, from an empty folder to an installed tool, and what is refused on the way. No engine is needed.

#![expect(clippy::disallowed_methods, reason = "the tests run programs and write files")]

#[path = "tools/authoring.rs"]
mod authoring;
#[path = "tools/building.rs"]
mod building;
#[path = "tools/compiling.rs"]
mod compiling;
#[path = "tools/installing.rs"]
mod installing;
#[path = "tools/locking.rs"]
mod locking;
#[path = "tools/settings.rs"]
mod settings;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod terminal;
mod tool_home;
