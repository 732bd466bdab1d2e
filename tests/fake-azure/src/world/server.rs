//! MySQL flexible servers.

use super::resource::Resource;

/// What a MySQL flexible server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// It takes connections and changes.
    Ready,
    /// It is being deleted.
    Dropping,
    /// Its key is out of reach.
    Disabled,
    /// On its way to `Ready`.
    Starting,
    /// On its way to `Stopped`.
    Stopping,
    /// Stopped by somebody, or by Azure.
    Stopped,
    /// A change is being made.
    Updating,
}

impl ServerState {
    /// As ARM writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Dropping => "Dropping",
            Self::Disabled => "Disabled",
            Self::Starting => "Starting",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::Updating => "Updating",
        }
    }
}

/// A MySQL flexible server. Its databases and firewall rules are among [`crate::World::resources`].
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// What ARM shows of it. `state` is added to its properties in answers.
    pub resource: Resource,
    /// What it is doing.
    pub state: ServerState,
    /// So many starts will fail in the middle; the server is stopped again afterwards.
    pub start_failures: u32,
    /// The password that was last set for its administrator.
    pub password: Option<String>,
}
