//! Refuses a component that could call anything.
//!
//! The only import that passes is an interface of types: it holds no function and no resource, so it grants nothing.
//! The component also has to export the contract in a version that this host speaks; one for another version is named as
//! such here, before it fails in words that only wasmtime understands.

use std::fmt;

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentInstance, ComponentItem};

use crate::contract::Contract;
use crate::fault::{Fault, listed, quoted};

/// Rejected imports that one message names.
const NAMED_MAX: usize = 8;

/// Why the world of a component is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WorldFault {
    /// It imports something that it could call or hold.
    Imports(Vec<Rejected>),
    /// It is written for another version of the contract.
    Version { found: String },
    /// It is not a repair tool.
    NoContract,
}

/// One rejected import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    name: String,
    holds: String,
}

impl fmt::Display for WorldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imports(rejected) => {
                f.write_str("it imports ")?;
                for (at, import) in rejected.iter().take(NAMED_MAX).enumerate() {
                    write!(f, "{}`{}` ({})", if at == 0 { "" } else { ", " }, import.name, import.holds)?;
                }
                match rejected.len().saturating_sub(NAMED_MAX) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }?;
                f.write_str(", but a repair tool may call nothing")
            }
            Self::Version { found } => {
                let spoken = listed(Contract::ALL.iter().map(|contract| contract.exported()));
                write!(f, "it speaks `{found}`, and this host speaks {spoken}")
            }
            Self::NoContract => {
                write!(f, "it does not export `{}`, so it is not a repair tool", Contract::PRESENT.exported())
            }
        }
    }
}

impl Fault for WorldFault {
    fn fix(&self) -> String {
        match self {
            Self::Imports(rejected) if rejected.iter().any(|import| import.name.starts_with("wasi:")) => {
                "build it for wasm32-unknown-unknown (see plugins/sdk), not for wasm32-wasip1 or wasm32-wasip2; with \
                 componentize-py, use `--stub-wasi`"
                    .to_owned()
            }
            Self::Imports(_) => {
                "take what it needs from the observations of its case instead, and name them in the manifest's `sees`"
                    .to_owned()
            }
            Self::Version { .. } => "build it with the SDK of this release of repair".to_owned(),
            Self::NoContract => {
                "export the world `repair-tool` of wit/repair-tool.wit; the SDK's macro does it".to_owned()
            }
        }
    }
}

/// The contract of a component that imports only types and exports it.
///
/// # Errors
/// Names every rejected import.
pub(crate) fn check(engine: &Engine, component: &Component) -> Result<Contract, WorldFault> {
    let world = component.component_type();
    let mut rejected = Vec::new();
    let mut types = Vec::new();
    for (name, import) in world.imports(engine) {
        match held(engine, &import.ty) {
            Some(holds) => rejected.push(Rejected { name: quoted(name), holds }),
            None if name.starts_with("repair:tool/") => types.push(name),
            None => {}
        }
    }
    if !rejected.is_empty() {
        return Err(WorldFault::Imports(rejected));
    }
    let is_exported = |contract: &Contract| {
        let export = world.get_export(engine, contract.exported()).map(|export| export.ty);
        matches!(export, Some(ComponentItem::ComponentInstance(_)))
    };
    let Some(contract) = Contract::ALL.into_iter().find(is_exported) else {
        return Err(match world.exports(engine).find(|(name, _)| name.starts_with("repair:tool/repair@")) {
            Some((name, _)) => WorldFault::Version { found: quoted(name) },
            None => types.first().map_or(WorldFault::NoContract, |found| WorldFault::Version { found: quoted(found) }),
        });
    };
    match types.into_iter().find(|name| *name != contract.types()) {
        Some(found) => Err(WorldFault::Version { found: quoted(found) }),
        None => Ok(contract),
    }
}

/// What an import gives beyond types, or `None` when it gives nothing.
fn held(engine: &Engine, item: &ComponentItem) -> Option<String> {
    match item {
        ComponentItem::ComponentInstance(interface) => held_by_interface(engine, interface),
        ComponentItem::ComponentFunc(_) | ComponentItem::CoreFunc(_) => Some("a function".to_owned()),
        ComponentItem::Resource(_) => Some("a resource".to_owned()),
        ComponentItem::Module(_) => Some("a core module".to_owned()),
        ComponentItem::Component(_) => Some("a component".to_owned()),
        ComponentItem::Type(_) => Some("a type outside an interface".to_owned()),
    }
}

fn held_by_interface(engine: &Engine, interface: &ComponentInstance) -> Option<String> {
    let beyond_types: Vec<&str> = interface
        .exports(engine)
        .filter(|(_, export)| !matches!(export.ty, ComponentItem::Type(_)))
        .map(|(name, _)| name)
        .collect();
    match beyond_types.len() {
        0 => None,
        count if count > 3 => Some(format!("{} and {} more", listed(beyond_types[..3].iter().copied()), count - 3)),
        _ => Some(listed(beyond_types)),
    }
}
