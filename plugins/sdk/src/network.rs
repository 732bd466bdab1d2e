//! Networks of the engine, as far as they concern the target.

pub use crate::bindings::repair::tool::types::Network;

impl Network {
    /// Whether it is of that project, by its label.
    pub fn is_of(&self, project: &str) -> bool {
        self.project.as_deref() == Some(project)
    }

    /// Whether no container is attached to it, running or not.
    pub fn is_unused(&self) -> bool {
        self.attached.is_empty()
    }
}
