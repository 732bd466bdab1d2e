//! Why a port is not moved, in words that name file, line and service, and what a person can do instead.

use repair_model::compose::Published;

use super::SnapshotError;

/// Why a port cannot be moved that way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// A file cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The service does not publish that port.
    #[error("service `{service}` publishes no {port}; a range moves as a whole")]
    Unknown {
        /// The service.
        service: String,
        /// The port, in Compose's short form.
        port: String,
    },
    /// Such a move makes no sense.
    #[error("{before} cannot become {after}: a port moves to a port, and a range to a range of the same length")]
    Shape {
        /// The host side before.
        before: Published,
        /// The host side afterwards.
        after: Published,
    },
    /// The shell's environment beats every file.
    #[error("the port of service `{service}` is the value of `{variable}`, which this shell exports")]
    Shell {
        /// The service.
        service: String,
        /// The variable.
        variable: String,
    },
    /// Other services read the same bytes.
    #[error("`{file}`, line {line} is also the port of {}", listed(.others))]
    Shared {
        /// The file.
        file: String,
        /// Counted from 1.
        line: u32,
        /// The other services.
        others: Vec<String>,
    },
    /// The edit would move other ports too, or not this one alone.
    #[error("that edit of `{file}` would also change ports of {}", listed(.others))]
    Collateral {
        /// The file.
        file: String,
        /// The services concerned; the service itself if another of its lines publishes the same.
        others: Vec<String>,
    },
    /// A line that would be changed holds a secret.
    #[error("`{file}`, line {line} holds a secret, and the log would keep that line")]
    Secret {
        /// The file.
        file: String,
        /// Counted from 1.
        line: u32,
    },
    /// This way is closed.
    #[error("{0}")]
    Infeasible(String),
}

impl EditError {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Shell { variable, .. } => {
                format!("set another port for this shell: `export {variable}=PORT`, or `unset {variable}`")
            }
            Self::Shared { others, .. } => {
                format!(
                    "give the service a `ports` list of its own, or move the port of {} along by hand",
                    listed(others)
                )
            }
            Self::Collateral { file, .. } => format!("change `{file}` by hand"),
            Self::Secret { file, .. } => format!("put the port on a line of its own in `{file}`, or change it by hand"),
            Self::Unknown { .. } => "look at `docker compose config`".to_owned(),
            Self::Snapshot(_) | Self::Shape { .. } | Self::Infeasible(_) => return Vec::new(),
        };
        vec![hint]
    }
}

fn listed(services: &[String]) -> String {
    services.iter().map(|service| format!("`{service}`")).collect::<Vec<_>>().join(", ")
}
