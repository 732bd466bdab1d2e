//! Arbitrary bytes, arbitrary components and damaged tools through the sandbox: loaded, described and asked about a small
//! case. A source that is refused gives one failure that names it; one that loads gives the same answer to the same case,
//! also in a host that was started anew.
//!
//! Form of an input: one byte for its kind (see [`component`]), and then what the component is made from. The contract comes
//! from `wit/`, so nothing here knows its version.
#![no_main]

#[path = "tool/guest.rs"]
mod guest;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use repair_model::finding::{FailureClass, Finding};
use repair_model::ids::Permille;
use repair_model::tool::{Case, Manifest, Reply};
use repair_pipeline::outside::{ToolFailure, Tools as _};
use repair_sandbox::{LoadOptions, Origin, ToolSource, Toolbox, check_declared};

use crate::guest::CONTRACT;

const NAME: &str = "fuzzed.wasm";
/// Bytes of a component that is loaded twice; a built tool takes seconds to compile with an instrumented compiler.
const LOADED_TWICE_BYTES_MAX: usize = 64 * 1024;

/// The guest that nothing changes loads; else nothing behind the door would ever be met.
static IS_MET: LazyLock<bool> = LazyLock::new(|| component(&[3]).is_some_and(|bytes| asked(&bytes).is_some()));

fuzz_target!(|input: &[u8]| {
    assert!(*IS_MET, "the guest of this target does not fit the contract any more");
    let Some(bytes) = component(input) else { return };
    let Some((manifest, said)) = asked(&bytes) else { return };
    if let Ok(reply) = &said {
        check_declared(&manifest, reply).expect("only what is declared leaves the sandbox");
    }
    if bytes.len() > LOADED_TWICE_BYTES_MAX {
        return;
    }
    let (same_manifest, same) = asked(&bytes).expect("what loads once loads again");
    assert_eq!(manifest, same_manifest);
    // How much wall time a call takes is the one thing that no two calls share.
    let is_late =
        |said: &Result<Reply, ToolFailure>| said.as_ref().is_err_and(|failure| failure.what.contains("longer than"));
    assert!(said == same || is_late(&said) || is_late(&same), "{said:?} and then {same:?}");
});

/// The component that an input stands for.
fn component(input: &[u8]) -> Option<Vec<u8>> {
    let (kind, rest) = input.split_first()?;
    match kind {
        // As they are: among the seeds are built tools.
        0 => Some(rest.to_vec()),
        // A valid component of whatever shape.
        1 => {
            let config = wasm_smith::Config { max_instructions: 200, max_components: 3, ..CONTRACT.config() };
            Some(wasm_smith::Component::new(config, &mut Unstructured::new(rest)).ok()?.to_bytes())
        }
        // A tool with the exports of the contract and arbitrary code behind them.
        2 => {
            let module = wasm_smith::Module::new(CONTRACT.shaped(), &mut Unstructured::new(rest)).ok()?;
            CONTRACT.component(module.to_bytes())
        }
        // A tool that returns arbitrary memory.
        _ => CONTRACT.returning(rest),
    }
}

/// The manifest of a component and what it says to the case; `None` where it does not load.
fn asked(bytes: &[u8]) -> Option<(Manifest, Result<Reply, ToolFailure>)> {
    static CASE: LazyLock<Case> = LazyLock::new(case);
    let source = ToolSource { name: NAME.to_owned(), bytes: Cow::Owned(bytes.to_vec()), origin: Origin::Foreign };
    let mut toolbox = Toolbox::load(vec![source], &LoadOptions::default());
    assert_eq!(toolbox.cache_notice(), None);
    let manifest = match (toolbox.manifests(), toolbox.failures()) {
        ([manifest], []) => manifest.clone(),
        ([], [failure]) => {
            assert!(failure.tool == NAME && !failure.what.is_empty() && !failure.fix.is_empty(), "{failure:?}");
            return None;
        }
        (manifests, failures) => panic!("{manifests:?} and {failures:?} of one source"),
    };
    let id = manifest.tool.id.clone();
    assert_eq!(toolbox.component(&id), Some(bytes));
    let said = toolbox.propose(&id, &CASE);
    assert_eq!(toolbox.propose(&id, &CASE).is_ok(), said.is_ok());
    Some((manifest, said))
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
