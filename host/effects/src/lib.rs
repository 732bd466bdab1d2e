//! Everything that touches the outside: Azure, Docker Engine, Compose, files of the project, processes.

pub mod azure;
pub mod compose;
pub mod deployment;
pub mod docker;
pub mod files;
pub mod process;
pub mod resource_group;
pub mod shell;
pub mod target;
