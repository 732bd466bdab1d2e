//! What the integration tests, the demo and the benchmarks share: a real Docker Engine, images made from scratch, and
//! Compose projects that clean up after themselves.
//!
//! It refuses to skip: whoever asks for an engine gets one or a precise error. It installs nothing into the system
//! but Debian's own Python, touches no firewall rule, and everything that it starts ends with the process that asked for it, even when that
//! process is killed.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the rules for the shipped program do not bind its tests: this crate starts processes and reports progress"
)]

mod archive;
mod devlake;
mod disk;
mod engine;
mod image;
mod place;
mod podman;
mod port;
mod process;
mod project;
mod provision;
mod python;
mod registry;
mod run;
mod saved;

pub use devlake::{DevLake, DevLakePorts};
pub use disk::SmallDisk;
pub use engine::{DOCKER_CONFIG_VARIABLE, DOCKER_HOST_VARIABLE, DOCKER_PATH_VARIABLE, ENGINE_VARIABLE, Engine};
pub use image::{IMAGES, WEB};
pub use place::target_dir;
pub use podman::Podman;
pub use port::{HeldPort, PORTS_PER_BLOCK, PortBlock, banner, http_get, is_free, wait_for};
pub use process::{Finished, without_surroundings};
pub use project::{ContainerState, Project};
pub use provision::{PrivateEngine, SUITE_VARIABLE, busybox};
pub use python::componentize_py;
pub use registry::{Refusal, Registry};
pub use run::DaemonOptions;
