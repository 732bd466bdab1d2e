//! Guests that behave, err and attack, each through the same door as a real tool.

mod abuse;
mod azure_facts;
mod contract;
mod hostile;
mod loading;
mod replies;

use std::collections::BTreeMap;

use repair_model::finding::{FailureClass, Finding};
use repair_model::ids::Permille;
use repair_model::tool::{Case, Reply};
use repair_pipeline::outside::{ToolFailure, Tools};

use repair_test_guests::Guest;

use crate::limits::CallLimits;
use crate::{LoadOptions, Origin, ToolSource, Toolbox};

/// A component of somebody else under that name.
fn source(name: &str, bytes: Vec<u8>) -> ToolSource {
    ToolSource { name: name.to_owned(), bytes: bytes.into(), origin: Origin::Foreign }
}

/// A guest under its own name.
trait Sourced {
    fn source(self) -> ToolSource;
}

impl Sourced for Guest {
    fn source(self) -> ToolSource {
        source(&format!("{}.wasm", self.id), self.build())
    }
}

/// A toolbox without a cache.
fn loaded(sources: Vec<ToolSource>) -> Toolbox {
    Toolbox::load(sources, &LoadOptions::default())
}

/// The one failure of loading one source.
fn refused(source: ToolSource) -> ToolFailure {
    let toolbox = loaded(vec![source]);
    assert!(toolbox.manifests().is_empty(), "{:?}", toolbox.manifests());
    let [failure] = toolbox.failures() else { panic!("one failure: {:?}", toolbox.failures()) };
    failure.clone()
}

/// What a tool says to an ordinary case.
fn proposed(source: ToolSource) -> Result<Reply, ToolFailure> {
    proposed_within(source, CallLimits::default())
}

fn proposed_within(source: ToolSource, limits: CallLimits) -> Result<Reply, ToolFailure> {
    let mut toolbox = Toolbox::load_within(vec![source], &LoadOptions::default(), Some(&limits));
    assert_eq!(toolbox.failures(), []);
    let id = toolbox.manifests()[0].tool.id.clone();
    let first = toolbox.propose(&id, &case());
    assert_eq!(toolbox.propose(&id, &case()), first, "the same case gets the same reply");
    first
}

fn case() -> Case {
    Case {
        finding: Finding {
            class: FailureClass::DockerPortConflict,
            confidence: Permille::CERTAIN,
            facts: BTreeMap::from([("port".to_owned(), "8080".to_owned())]),
            proof: Vec::new(),
            contradictions: Vec::new(),
            next_steps: Vec::new(),
        },
        observations: Vec::new(),
        params: "{}".to_owned(),
        history: Vec::new(),
        waited_seconds: 0,
    }
}
