//! From the bytes of a file to a compiled component.
//!
//! Only the binary format of components passes. Compiled code is refused by its first bytes, whoever offers it: it would
//! run outside the sandbox. What somebody else made is compiled apart, in a process with a bound of time and of memory,
//! where there is one ([`Compiler`]); else the compiler gets a bounded time on a thread of its own.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use repair_model::ids::Digest;
use repair_model::limits::{COMPONENT_BYTES_MAX, TOOL_COMPILE_MS_MAX};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::{self, Cache};
use crate::fault::{Fault, quoted};
use crate::limits::CallLimits;

/// The bytes of a tool; those of built-in tools are part of the program.
pub(crate) type Bytes = Arc<Cow<'static, [u8]>>;

/// Magic, version and layer of a component, by the component model's binary format.
const COMPONENT_MAGIC: &[u8] = b"\0asm\x0d\0\x01\0";
/// Magic and version of a core module.
const MODULE_MAGIC: &[u8] = b"\0asm\x01\0\0\0";
/// Compiled code is an ELF file.
const ELF_MAGIC: &[u8] = b"\x7fELF";
/// Stack of the compiler's thread: its passes recurse over the shape of the code.
const COMPILER_STACK_BYTES: usize = 8 * 1024 * 1024;

/// Why bytes do not become a component.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ComponentFault {
    #[error("the file has {bytes} bytes, more than the limit of {COMPONENT_BYTES_MAX} bytes")]
    TooLarge { bytes: usize },
    #[error("it is a core WebAssembly module, not a component")]
    CoreModule,
    #[error("it is compiled code, which is never accepted as a tool")]
    CompiledCode,
    #[error("it is WebAssembly text, not a component")]
    Text,
    #[error("it is not a WebAssembly component")]
    NotComponent,
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    #[error("it was not compiled within {TOOL_COMPILE_MS_MAX} ms")]
    CompileTime,
    #[error("compiling it takes more than {seconds_max} s of processor time")]
    CompileWork { seconds_max: u64 },
    #[error("compiling it takes more than {bytes_max} bytes of memory, or ends the compiler")]
    CompileMemory { bytes_max: u64 },
    #[error("the system killed its compiler, perhaps because this machine has no memory left")]
    CompilerKilled,
    #[error("it was not compiled: {0}")]
    Compiler(String),
    #[error("it holds {found} {what}, more than the limit of {limit}")]
    TooMany { found: u32, what: &'static str, limit: u32 },
}

impl Fault for ComponentFault {
    fn fix(&self) -> String {
        match self {
            Self::TooLarge { .. } => {
                "build it with `opt-level = \"s\"`, `lto` and `strip`, as the profile `guest` does"
            }
            Self::CoreModule => "link it with `wasm-component-ld` (see plugins/sdk)",
            Self::CompiledCode => "give the component itself (`.wasm`), not what wasmtime made of it (`.cwasm`)",
            Self::Text => "give the binary form; `wasm-tools parse` makes it",
            Self::NotComponent => "give the `.wasm` file that the build of the tool made, whole",
            Self::Invalid(_) => "build it again; the file may have been cut, or use a feature that tools do not have",
            Self::CompileTime => {
                "try again when this machine has less to do; if it stays, make its functions fewer and smaller"
            }
            Self::CompileWork { .. } | Self::CompileMemory { .. } => "make its functions fewer and smaller",
            Self::CompilerKilled => "try again when this machine has more memory to spare",
            Self::Compiler(_) => "start `repair` again; if it stays, report it with the tool's file",
            Self::TooMany { .. } => "link its parts into one module",
        }
        .to_owned()
    }
}

/// Compiles components in a process of its own, within bounds.
pub trait Compiler: Send + Sync {
    /// What [`compile_apart`] gives there for `component`.
    ///
    /// # Errors
    /// Says which bound it hit, or what the compiler said.
    fn compile(&self, component: &[u8]) -> Result<Vec<u8>, CompilerFault>;
}

/// Why a process apart compiled nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompilerFault {
    /// It was not done in time, by the clock.
    Time,
    /// It was not done within so many seconds of processor time.
    Work {
        /// The limit that it had.
        seconds_max: u64,
    },
    /// Its memory was used up, or it crashed; the two look the same from outside.
    Memory {
        /// The limit that it had.
        bytes_max: u64,
    },
    /// The system killed it, and none of the limits made it do so.
    Killed,
    /// The component is not valid: the words of [`compile_apart`].
    Invalid(String),
    /// It could not be started or watched.
    Unavailable(String),
}

impl From<CompilerFault> for ComponentFault {
    fn from(fault: CompilerFault) -> Self {
        match fault {
            CompilerFault::Time => Self::CompileTime,
            CompilerFault::Work { seconds_max } => Self::CompileWork { seconds_max },
            CompilerFault::Memory { bytes_max } => Self::CompileMemory { bytes_max },
            CompilerFault::Killed => Self::CompilerKilled,
            CompilerFault::Invalid(why) => Self::Invalid(quoted(&why)),
            CompilerFault::Unavailable(why) => Self::Compiler(quoted(&why)),
        }
    }
}

/// Compiles a component for the engine of this host: what the process behind a [`Compiler`] does.
///
/// # Errors
/// What is wrong with the component, or why this machine has no engine.
pub fn compile_apart(component: &[u8]) -> Result<Vec<u8>, String> {
    check_form(component).map_err(|fault| fault.to_string())?;
    crate::engine::engine()?.precompile_component(component).map_err(|error| format!("{error:#}"))
}

/// The component of `bytes`, from the cache where that is possible. Their form has been checked.
pub(crate) fn load(
    engine: &Engine,
    bytes: &Bytes,
    digest: Digest,
    cache: Option<&Cache>,
    apart: Option<&dyn Compiler>,
) -> Result<Component, ComponentFault> {
    if let Some(component) = cache.and_then(|cache| cache.get(engine, digest)) {
        return Ok(component);
    }
    let component = match apart {
        Some(compiler) => cache::deserialize(engine, &compiler.compile(bytes)?)
            .ok_or_else(|| ComponentFault::Compiler("what the compiler gave cannot be used".to_owned()))?,
        None => compile(engine, bytes)?,
    };
    check_size(&component, &CallLimits::of(bytes.len()))?;
    if let Some(cache) = cache {
        cache.put(engine, digest, &component);
    }
    Ok(component)
}

/// Passes bytes that begin as a component and are not too many.
pub(crate) fn check_form(bytes: &[u8]) -> Result<(), ComponentFault> {
    if bytes.len() > COMPONENT_BYTES_MAX {
        return Err(ComponentFault::TooLarge { bytes: bytes.len() });
    }
    if bytes.starts_with(COMPONENT_MAGIC) {
        return Ok(());
    }
    Err(if bytes.starts_with(MODULE_MAGIC) {
        ComponentFault::CoreModule
    } else if bytes.starts_with(ELF_MAGIC) || Engine::detect_precompiled(bytes).is_some() {
        ComponentFault::CompiledCode
    } else if bytes.trim_ascii_start().starts_with(b"(") {
        ComponentFault::Text
    } else {
        ComponentFault::NotComponent
    })
}

/// A component of thousands of instances would take long to instantiate before the store's own limit could count them.
fn check_size(component: &Component, limits: &CallLimits) -> Result<(), ComponentFault> {
    let Some(needed) = component.resources_required() else {
        // Only a component that imports modules has no answer, and such imports are refused by name next.
        return Ok(());
    };
    let limit = limits.instances_max as u32;
    match (needed.num_memories, needed.num_tables) {
        (found, _) if found > limit => Err(ComponentFault::TooMany { found, what: "memories", limit }),
        (_, found) if found > limit => Err(ComponentFault::TooMany { found, what: "tables", limit }),
        _ => Ok(()),
    }
}

/// Compiles on a thread of its own. When its time is over the thread is left behind: the compiler cannot be stopped, it
/// touches nothing but its own memory, and it ends with the process at the latest.
fn compile(engine: &Engine, bytes: &Bytes) -> Result<Component, ComponentFault> {
    let (done, result) = channel();
    let (engine, bytes) = (engine.clone(), Arc::clone(bytes));
    let thread = std::thread::Builder::new()
        .name("repair-compiler".to_owned())
        .stack_size(COMPILER_STACK_BYTES)
        .spawn(move || {
            // The receiver may have given up.
            let _ = done.send(Component::from_binary(&engine, &bytes));
        })
        .map_err(|error| ComponentFault::Compiler(error.to_string()))?;
    let result = result.recv_timeout(Duration::from_millis(TOOL_COMPILE_MS_MAX));
    if !matches!(result, Err(RecvTimeoutError::Timeout)) {
        // It is at its end, or over it; what a panic had to say is told by the channel.
        let _ = thread.join();
    }
    match result {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => Err(ComponentFault::Invalid(quoted(&format!("{error:#}")))),
        Err(RecvTimeoutError::Timeout) => Err(ComponentFault::CompileTime),
        Err(RecvTimeoutError::Disconnected) => Err(ComponentFault::Compiler("the compiler gave up".to_owned())),
    }
}
