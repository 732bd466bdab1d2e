//! The loaded tools: the host's side of [`repair_pipeline::outside::Tools`].
//!
//! A tool that cannot be loaded becomes a failure in a list, and the others are loaded all the same. A tool that
//! misbehaves later is quarantined: from then on it gives the failure of that moment, without being called again. An
//! error that a tool returns as such is no misbehaviour.

use std::io::Write;
use std::path::PathBuf;

use repair_model::limits::{CASE_BYTES_MAX, OBSERVATIONS_MAX};
use repair_model::tool::{Case, Manifest, Reply};
use repair_pipeline::outside::{ToolFailure, Tools};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::bindings::ToolError;
use crate::cache::Cache;
use crate::call::Callable;
use crate::component::Bytes;
use crate::contract::Contract;
use crate::fault::{Fault, quoted};
use crate::limits::{CallLimits, Ticker};
use crate::loading::{Loader, Prepared, ToolSource, no_thread};
use crate::{convert, reply};

/// How tools are loaded.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// A directory of this user alone where compiled code is kept, created if missing. `None` compiles every time.
    pub cache_dir: Option<PathBuf>,
}

/// The repair tools of one run.
#[derive(Default)]
pub struct Toolbox {
    manifests: Vec<Manifest>,
    /// In the order of `manifests`.
    loaded: Vec<Loaded>,
    failures: Vec<ToolFailure>,
    cache_notice: Option<String>,
    limits: CallLimits,
}

struct Loaded {
    engine: Engine,
    component: Component,
    contract: Contract,
    bytes: Bytes,
    quarantine: Option<ToolFailure>,
}

impl Toolbox {
    /// Loads tools, in order. Never fails as a whole: see [`Tools::failures`]. Without sources nothing is started.
    pub fn load(sources: Vec<ToolSource>, options: &LoadOptions) -> Self {
        Self::load_within(sources, options, CallLimits::default())
    }

    /// Loads tools that run within other limits than usual.
    pub(crate) fn load_within(sources: Vec<ToolSource>, options: &LoadOptions, limits: CallLimits) -> Self {
        let mut toolbox = Self { limits, ..Self::default() };
        if sources.is_empty() {
            return toolbox;
        }
        let refuse_all = |failure_of: &dyn Fn(&str) -> ToolFailure| {
            sources.iter().map(|source| failure_of(&source.name)).collect::<Vec<_>>()
        };
        let engine = match crate::engine::engine() {
            Ok(engine) => engine,
            Err(why) => {
                toolbox.failures = refuse_all(&|name| no_engine(name, &why));
                return toolbox;
            }
        };
        let ticker = match Ticker::start(&engine) {
            Ok(ticker) => ticker,
            Err(error) => {
                toolbox.failures = refuse_all(&|name| no_thread(name, &error));
                return toolbox;
            }
        };
        let cache = toolbox.open_cache(options);
        let loader = Loader { engine: &engine, cache: cache.as_ref(), limits: &toolbox.limits, ticker: &ticker };
        for result in loader.load_all(sources) {
            if let Err(failure) = result.and_then(|tool| toolbox.add(&engine, tool)) {
                toolbox.failures.push(failure);
            }
        }
        toolbox
    }

    /// Why compiled code is not kept, if it is not although it should be.
    pub fn cache_notice(&self) -> Option<&str> {
        self.cache_notice.as_deref()
    }

    fn open_cache(&mut self, options: &LoadOptions) -> Option<Cache> {
        match Cache::open(options.cache_dir.as_deref()?) {
            Ok(cache) => Some(cache),
            Err(notice) => {
                self.cache_notice = Some(notice);
                None
            }
        }
    }

    fn add(&mut self, engine: &Engine, tool: Prepared) -> Result<(), ToolFailure> {
        let Prepared { name, manifest, component, contract, bytes, described: _ } = tool;
        if self.position(&manifest.tool.id).is_some() {
            return Err(taken(&name, &manifest.tool.id));
        }
        self.manifests.push(manifest);
        self.loaded.push(Loaded { engine: engine.clone(), component, contract, bytes, quarantine: None });
        Ok(())
    }

    fn position(&self, tool: &str) -> Option<usize> {
        self.manifests.iter().position(|manifest| manifest.tool.id == tool)
    }
}

impl Tools for Toolbox {
    fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    fn failures(&self) -> &[ToolFailure] {
        &self.failures
    }

    fn component(&self, tool: &str) -> Option<&[u8]> {
        self.position(tool).map(|at| &**self.loaded[at].bytes)
    }

    fn propose(&mut self, tool: &str, case: &Case) -> Result<Reply, ToolFailure> {
        let at = self.position(tool).ok_or_else(|| unknown(tool))?;
        let (loaded, manifest) = (&mut self.loaded[at], &self.manifests[at]);
        if let Some(failure) = &loaded.quarantine {
            return Err(failure.clone());
        }
        check_case(tool, case)?;
        let ticker = Ticker::start(&loaded.engine).map_err(|error| no_thread(tool, &error))?;
        let Loaded { engine, component, contract, .. } = &*loaded;
        let callable = Callable { engine, component, contract: *contract, limits: &self.limits, ticker: &ticker };
        let said = callable.propose(&convert::case(case)).map(|(said, _)| said);
        let replied = match said {
            Ok(Ok(replied)) => reply::checked(replied).map_err(|fault| fault.of(tool)),
            Ok(Err(error)) => return Err(own_error(tool, &error)),
            Err(fault) => Err(fault.of(tool)),
        };
        let checked = replied.and_then(|reply| reply::check_declared(manifest, &reply).map(|()| reply));
        if let Err(failure) = &checked {
            loaded.quarantine = Some(failure.clone());
        }
        checked
    }
}

/// A case beyond the limits is the host's fault and says nothing about the tool.
fn check_case(tool: &str, case: &Case) -> Result<(), ToolFailure> {
    let what = if case.observations.len() > OBSERVATIONS_MAX {
        format!("its case has {} observations, more than the limit of {OBSERVATIONS_MAX}", case.observations.len())
    } else if serde_json::to_writer(Budget { bytes_left: CASE_BYTES_MAX }, case).is_err() {
        format!("its case has more than the limit of {CASE_BYTES_MAX} bytes")
    } else {
        return Ok(());
    };
    Err(ToolFailure {
        tool: quoted(tool),
        what,
        fix: "heal a smaller project, or a part of it by naming services".to_owned(),
    })
}

/// Takes so many bytes and keeps none.
struct Budget {
    bytes_left: usize,
}

impl Write for Budget {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.bytes_left = self.bytes_left.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn own_error(tool: &str, error: &ToolError) -> ToolFailure {
    ToolFailure {
        tool: quoted(tool),
        what: format!("`propose` returned the error `{}`: {}", quoted(&error.code), quoted(&error.message)),
        fix: error.hint.as_deref().map_or_else(|| "ask its author what this error means".to_owned(), quoted),
    }
}

fn no_engine(tool: &str, why: &str) -> ToolFailure {
    ToolFailure {
        tool: quoted(tool),
        what: format!("this machine cannot run WebAssembly: {why}"),
        fix: "run `repair` on x86-64 or arm64 Linux without a limit of address space (`ulimit -v`)".to_owned(),
    }
}

fn taken(tool: &str, id: &str) -> ToolFailure {
    ToolFailure {
        tool: quoted(tool),
        what: format!("its id `{id}` belongs to a tool that was loaded before it"),
        fix: "give it an id of its own, or remove one of the two".to_owned(),
    }
}

fn unknown(tool: &str) -> ToolFailure {
    ToolFailure {
        tool: quoted(tool),
        what: "no tool of that id is loaded".to_owned(),
        fix: "`repair tool list` shows the tools and why some could not be loaded".to_owned(),
    }
}
