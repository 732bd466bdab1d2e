//! What `repair:tool@0.3.0` says differently: its manifest has no `contact`.

use wasmtime::component::{ComponentType, Lift};

use crate::bindings::said;

/// `manifest` as it was.
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(super) struct Manifest {
    id: String,
    version: String,
    summary: String,
    handles: Vec<String>,
    sees: Vec<String>,
    may: Vec<String>,
    #[component(name = "params-schema")]
    params_schema: String,
}

impl From<Manifest> for said::Manifest {
    fn from(said: Manifest) -> Self {
        let Manifest { id, version, summary, handles, sees, may, params_schema } = said;
        Self { id, version, summary, handles, sees, may, params_schema, contact: None }
    }
}
