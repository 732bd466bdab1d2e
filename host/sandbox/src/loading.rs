//! From the bytes of a file to a tool that has said what it is.
//!
//! Tools are loaded side by side, on a few threads, because a person waits for all of them. What goes wrong
//! with one, even a panic of the compiler, becomes the failure of that one.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use std::{io, thread};

use repair_model::ids::{Digest, Domain};
use repair_model::tool::Manifest;
use repair_pipeline::outside::ToolFailure;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache::Cache;
use crate::call::Callable;
use crate::component::{self, Bytes, Compiler};
use crate::contract::Contract;
use crate::fault::{Fault, quoted};
use crate::limits::{CallLimits, Ticker, Usage};
use crate::manifest::ManifestFault;
use crate::{imports, manifest};

/// Tools that are loaded at once, on a machine with as many processors. Compiling one takes tens of megabytes.
const LOADED_AT_ONCE_MAX: usize = 8;
/// Tools that are loaded at once on any machine: some wait for the disk or for the compiler's process.
const LOADED_AT_ONCE_MIN: usize = 2;

/// Where a tool comes from.
#[derive(Clone, Debug)]
pub struct ToolSource {
    /// What messages call it until its manifest is read: the name of its file, or of the built-in tool.
    pub name: String,
    /// The exact bytes of its component.
    pub bytes: Cow<'static, [u8]>,
    /// Who vouches for it.
    pub origin: Origin,
}

/// Who vouches for a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is part of this program.
    BuiltIn,
    /// Somebody else made it, and nobody has said yet which bytes are meant.
    Foreign,
    /// Somebody else made it, and exactly the component of this digest was accepted.
    Pinned(Digest),
}

/// A tool that passed every check of its own; whether its id is free is another question.
pub(crate) struct Prepared {
    pub name: String,
    pub manifest: Manifest,
    pub origin: Origin,
    pub component: Component,
    pub contract: Contract,
    pub limits: CallLimits,
    pub compile_ms: u64,
    pub bytes: Bytes,
    /// What `describe`, called twice, used.
    pub described: Usage,
}

/// What loading needs.
pub(crate) struct Loader<'a> {
    pub engine: &'a Engine,
    pub cache: Option<&'a Cache>,
    pub compiler: Option<&'a dyn Compiler>,
    /// For all tools, instead of those by the size of each.
    pub limits: Option<&'a CallLimits>,
    pub ticker: &'a Ticker,
}

impl Loader<'_> {
    /// Loads all sources and keeps their order. Whoever is done takes the next one.
    pub(crate) fn load_all(&self, sources: Vec<ToolSource>) -> Vec<Result<Prepared, ToolFailure>> {
        let at_once = thread::available_parallelism().map_or(LOADED_AT_ONCE_MIN, usize::from);
        let at_once = at_once.clamp(LOADED_AT_ONCE_MIN, LOADED_AT_ONCE_MAX).min(sources.len());
        let names: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
        let waiting = Mutex::new(sources.into_iter().enumerate());
        let loaded: Mutex<BTreeMap<usize, Result<Prepared, ToolFailure>>> = Mutex::default();
        let work = || {
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((at, source)) = next else { return };
                let name = source.name.clone();
                let result = catch_unwind(AssertUnwindSafe(|| self.load(source)));
                let result = result.unwrap_or_else(|_| Err(defective(&name)));
                loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(at, result);
            }
        };
        let mut refused = None;
        thread::scope(|scope| {
            let threads: Vec<_> = (0..at_once)
                .map(|_| thread::Builder::new().name("repair-loader".to_owned()).spawn_scoped(scope, work))
                .collect();
            for thread in threads {
                match thread {
                    // It is waited for to its very end: a scope by itself only waits for the work.
                    Ok(thread) => drop(thread.join()),
                    Err(error) => refused = Some(error),
                }
            }
        });
        let mut loaded = loaded.into_inner().unwrap_or_else(PoisonError::into_inner);
        let missing = |name: &String| match &refused {
            Some(error) => no_thread(name, error),
            None => defective(name),
        };
        names.iter().enumerate().map(|(at, name)| loaded.remove(&at).unwrap_or_else(|| Err(missing(name)))).collect()
    }

    fn load(&self, source: ToolSource) -> Result<Prepared, ToolFailure> {
        let ToolSource { name, bytes, origin } = source;
        let bytes = Arc::new(bytes);
        component::check_form(&bytes).map_err(|fault| fault.of(&name))?;
        let digest = Digest::of(Domain::Component, &bytes);
        if let Origin::Pinned(accepted) = origin
            && accepted != digest
        {
            return Err(swapped(&name, accepted, digest));
        }
        let Self { engine, ticker, .. } = *self;
        let apart = self.compiler.filter(|_| origin != Origin::BuiltIn);
        let begun = Instant::now();
        let component = component::load(engine, &bytes, digest, self.cache, apart).map_err(|fault| fault.of(&name))?;
        let compile_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let contract = imports::check(engine, &component).map_err(|fault| fault.of(&name))?;

        let limits = self.limits.cloned().unwrap_or_else(|| CallLimits::of(bytes.len()));
        let callable = Callable { engine, component: &component, contract, limits: &limits, ticker };
        let ((said, said_again), described) = callable.describe_twice().map_err(|fault| fault.of(&name))?;
        if said != said_again {
            return Err(ManifestFault::Unsteady.of(&name));
        }
        let manifest = manifest::checked(said, digest).map_err(|fault| fault.of(&name))?;
        Ok(Prepared { name, manifest, origin, component, contract, limits, compile_ms, bytes, described })
    }
}

/// The failure of a tool whose file is not the one that was accepted.
fn swapped(tool: &str, accepted: Digest, found: Digest) -> ToolFailure {
    ToolFailure {
        tool: quoted(tool),
        what: format!("its component is {found}, and {accepted} was accepted"),
        fix: "find out who changed the file; `repair tool lock` brings the accepted one back from where it came from"
            .to_owned(),
    }
}

/// The failure of a tool that nothing could watch, so that it was not run.
pub(crate) fn no_thread(tool: &str, error: &io::Error) -> ToolFailure {
    ToolFailure {
        tool: quoted(tool),
        what: format!("it was not run, because the system grants no thread for it: {error}"),
        fix: "raise the limit of processes (`ulimit -u`) and start `repair` again".to_owned(),
    }
}

fn defective(tool: &str) -> ToolFailure {
    ToolFailure {
        tool: quoted(tool),
        what: "loading it failed inside of `repair`".to_owned(),
        fix: "report this with the tool's file".to_owned(),
    }
}
