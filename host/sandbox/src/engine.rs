//! The one configuration of wasmtime under which tools run.
//!
//! It refuses everything whose result could differ between two hosts: relaxed SIMD, the bits of a NaN, and threads, for
//! which wasmtime is built without support. Compiled code is valid for exactly this configuration; the cache's key
//! covers it.

use std::sync::Arc;

use repair_model::limits;
use wasmtime::{Config, Engine, OptLevel};

use crate::functions::Functions;

/// An engine for repair tools.
///
/// # Errors
/// When this machine cannot run compiled WebAssembly; the text says why.
pub(crate) fn engine() -> Result<Engine, String> {
    engine_with(&Arc::default())
}

/// An engine that compiles each function once, as long as `functions` has it.
///
/// # Errors
/// As [`engine`].
pub(crate) fn engine_with(functions: &Arc<Functions>) -> Result<Engine, String> {
    let why = |error: wasmtime::Error| format!("{error:#}");
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .cranelift_nan_canonicalization(true)
        // A tool runs for milliseconds and is compiled while somebody waits.
        .cranelift_opt_level(OptLevel::None)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits::TOOL_STACK_BYTES_MAX)
        // Memory keeps wasmtime's reservation of 4 GiB of address space, which costs no memory: without it every access
        // would need a check of its bounds, and compiling would take half as long again.
        .memory_may_move(false)
        // Nobody would read a backtrace of stripped code, and its frames would make failures differ between builds.
        .wasm_backtrace_max_frames(None)
        // For the memory that a trap leaves behind, in which a tool's last words stand.
        .coredump_on_trap(true)
        .native_unwind_info(false)
        .generate_address_map(false);
    config.enable_incremental_compilation(Arc::clone(functions) as _).map_err(why)?;
    Engine::new(&config).map_err(why)
}
