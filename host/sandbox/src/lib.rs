//! Loads repair tools as WebAssembly components that can call nothing, shows them cases and checks what they answer.
//!
//! A tool gets no imports, so there is nothing to configure and nothing to trust: it computes, within limits, and
//! returns data. What it returns is foreign until [`check_declared`] and the conversions of this crate have passed it.
//!
//! Invariants: no type of wasmtime and no generated type leaves this crate; every call runs in a store of its own; a
//! tool that misbehaves harms nobody but itself.

mod fault;
mod limits;

mod engine;
mod functions;

mod bindings;
mod cache;
mod component;
mod contract;
mod imports;
mod last_words;

mod call;
mod convert;
mod manifest;
mod reply;

mod loading;
mod tools;

#[cfg(test)]
mod tests;

pub use component::{Compiler, CompilerFault, compile_apart};
pub use limits::{CallLimits, Usage};
pub use loading::{Origin, ToolSource};
pub use manifest::is_id as is_tool_id;
pub use reply::check_declared;
pub use tools::{LoadOptions, Toolbox, Weight};
