//! The types that the present `wit/repair-tool.wit` generates. Nothing outside this crate sees them, and within it only
//! the conversions and the versions of the contract do.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "repair-tool",
    additional_derives: [PartialEq],
});

pub(crate) use self::exports::repair::tool::repair::{Case, Manifest, Reply, ToolError};
pub(crate) use self::repair::tool::types;
