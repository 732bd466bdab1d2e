//! The loaded tools: the host's side of [`repair_pipeline::outside::Tools`].
//!
//! A tool that cannot be loaded becomes a failure in a list, and the others are loaded all the same. A tool that
//! misbehaves later is quarantined: from then on it gives the failure of that moment, without being called again. An
//! error that a tool returns as such is no misbehaviour.

use std::path::PathBuf;
use std::sync::Arc;

use bumpalo::Bump;
use repair_model::limits::OBSERVATIONS_MAX;
use repair_model::tool::{Case, Manifest, Reply};
use repair_pipeline::outside::{ToolFailure, Tools};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::bindings::said::ToolError;
use crate::cache::Cache;
use crate::call::Callable;
use crate::component::{Bytes, Compiler};
use crate::contract::Contract;
use crate::fault::{Fault, quoted};
use crate::functions::Functions;
use crate::limits::{CallLimits, Ticker, Usage};
use crate::loading::{Loader, Origin, Prepared, ToolSource, no_thread};
use crate::{convert, reply};

/// How tools are loaded.
#[derive(Clone, Default)]
pub struct LoadOptions<'o> {
    /// A directory of this user alone where compiled code is kept, created if missing. `None` compiles every time.
    pub cache_dir: Option<PathBuf>,
    /// What compiles the tools that somebody else made. Without one they are compiled in this process.
    pub compiler: Option<&'o dyn Compiler>,
}

/// The repair tools of one run.
#[derive(Default)]
pub struct Toolbox {
    manifests: Vec<Manifest>,
    /// In the order of `manifests`.
    loaded: Vec<Loaded>,
    failures: Vec<ToolFailure>,
    cache_notice: Option<String>,
    /// There is one wherever there is a tool.
    ticker: Option<Ticker>,
}

struct Loaded {
    engine: Engine,
    origin: Origin,
    component: Component,
    contract: Contract,
    bytes: Bytes,
    limits: CallLimits,
    compile_ms: u64,
    described: Usage,
    quarantine: Option<ToolFailure>,
}

/// What is known of a loaded tool beside its manifest.
#[derive(Clone, Debug)]
pub struct Weight {
    /// Bytes of its component.
    pub component_bytes: usize,
    /// Which version of the contract it speaks, such as `repair:tool/repair@0.4.0`.
    pub contract: &'static str,
    /// How long it took to compile it, or to take it from the cache, in milliseconds.
    pub compile_ms: u64,
    /// What two calls of `describe` used.
    pub described: Usage,
    /// What one call may use.
    pub limits: CallLimits,
}

impl Toolbox {
    /// Loads tools, in order. Never fails as a whole: see [`Tools::failures`]. Without sources nothing is started.
    ///
    /// Ids go to the sources in their order, so that no tool takes that of one before it. The tools that somebody has
    /// installed are asked first nevertheless: they were chosen.
    pub fn load(sources: Vec<ToolSource>, options: &LoadOptions<'_>) -> Self {
        Self::load_within(sources, options, None)
    }

    /// Loads tools that run within other limits than usual.
    pub(crate) fn load_within(
        sources: Vec<ToolSource>,
        options: &LoadOptions<'_>,
        limits: Option<&CallLimits>,
    ) -> Self {
        let mut toolbox = Self::default();
        if sources.is_empty() {
            return toolbox;
        }
        let refuse_all = |failure_of: &dyn Fn(&str) -> ToolFailure| {
            sources.iter().map(|source| failure_of(&source.name)).collect::<Vec<_>>()
        };
        let functions = Arc::new(Functions::default());
        let engine = match crate::engine::engine_with(&functions) {
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
        let compiler = options.compiler;
        let loader = Loader { engine: &engine, cache: cache.as_ref(), compiler, limits, ticker: &ticker };
        let mut chosen = 0;
        for result in loader.load_all(sources) {
            if let Err(failure) = result.and_then(|tool| toolbox.add(&engine, tool, &mut chosen)) {
                toolbox.failures.push(failure);
            }
        }
        functions.forget();
        toolbox.ticker = Some(ticker);
        toolbox
    }

    /// Adds the failure of a tool that could not even be offered for loading.
    pub fn leave_out(&mut self, failure: ToolFailure) {
        self.failures.push(failure);
    }

    /// Takes a loaded tool out again, for a reason that only the caller knows.
    pub fn exclude(&mut self, failure: ToolFailure) {
        if let Some(at) = self.position(&failure.tool) {
            self.manifests.remove(at);
            self.loaded.remove(at);
        }
        self.failures.push(failure);
    }

    /// What is known of that tool beside its manifest.
    pub fn weight(&self, tool: &str) -> Option<Weight> {
        let Loaded { contract, bytes, limits, compile_ms, described, .. } = &self.loaded[self.position(tool)?];
        Some(Weight {
            component_bytes: bytes.len(),
            contract: contract.exported(),
            compile_ms: *compile_ms,
            described: *described,
            limits: limits.clone(),
        })
    }

    /// Shows a tool a case and tells what the call used.
    ///
    /// # Errors
    /// As [`Tools::propose`].
    pub fn propose_measured(&mut self, tool: &str, case: &Case) -> Result<(Reply, Usage), ToolFailure> {
        let at = self.position(tool).ok_or_else(|| unknown(tool))?;
        let (loaded, manifest) = (&mut self.loaded[at], &self.manifests[at]);
        if let Some(failure) = &loaded.quarantine {
            return Err(failure.clone());
        }
        check_case(tool, case)?;
        let ticker = self.ticker.as_ref().ok_or_else(|| unknown(tool))?;
        let arena = Bump::new();
        let replied = match loaded.callable(ticker).propose(convert::case(&arena, case)) {
            Ok((Ok(replied), usage)) => {
                reply::checked(replied).map(|reply| (reply, usage)).map_err(|fault| fault.of(tool))
            }
            Ok((Err(error), _)) => return Err(own_error(manifest, &error)),
            Err(fault) => Err(fault.of(tool)),
        };
        let checked = replied.and_then(|(reply, usage)| {
            reply::check_declared(manifest, &reply)?;
            Ok((reply, usage))
        });
        let checked = checked.map_err(|failure| with_contact(failure, manifest));
        if let Err(failure) = &checked {
            loaded.quarantine = Some(failure.clone());
        }
        checked
    }

    /// Lets a tool be asked again that has misbehaved: for its author, who looks at each case by itself. No session does.
    pub fn forgive(&mut self, tool: &str) {
        if let Some(at) = self.position(tool) {
            self.loaded[at].quarantine = None;
        }
    }

    /// Whether a tool answers the same when one instance is asked twice, which no session does: a difference shows that
    /// it keeps something between calls.
    ///
    /// # Errors
    /// When one of the calls is ended.
    pub fn is_steady(&self, tool: &str, case: &Case) -> Result<bool, ToolFailure> {
        let loaded = &self.loaded[self.position(tool).ok_or_else(|| unknown(tool))?];
        let ticker = self.ticker.as_ref().ok_or_else(|| unknown(tool))?;
        let said = loaded.callable(ticker).propose_twice(&convert::case(&Bump::new(), case));
        said.map(|(first, second)| first == second).map_err(|fault| fault.of(tool))
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

    fn add(&mut self, engine: &Engine, tool: Prepared, chosen: &mut usize) -> Result<(), ToolFailure> {
        let Prepared { name, manifest, origin, component, contract, limits, compile_ms, bytes, described } = tool;
        if self.position(&manifest.tool.id).is_some() {
            return Err(taken(&name, &manifest.tool.id));
        }
        let engine = engine.clone();
        let quarantine = None;
        let loaded = Loaded { engine, origin, component, contract, bytes, limits, compile_ms, described, quarantine };
        let at = if origin == Origin::BuiltIn { self.loaded.len() } else { std::mem::replace(chosen, *chosen + 1) };
        self.manifests.insert(at, manifest);
        self.loaded.insert(at, loaded);
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

    fn is_built_in(&self, tool: &str) -> bool {
        self.position(tool).is_some_and(|at| self.loaded[at].origin == Origin::BuiltIn)
    }

    fn propose(&mut self, tool: &str, case: &Case) -> Result<Reply, ToolFailure> {
        self.propose_measured(tool, case).map(|(reply, _)| reply)
    }
}

impl Loaded {
    fn callable<'c>(&'c self, ticker: &'c Ticker) -> Callable<'c> {
        let Self { engine, component, contract, limits, .. } = self;
        Callable { engine, component, contract: *contract, limits, ticker }
    }
}

/// A case beyond the limits is the host's fault and says nothing about the tool. Its bytes are counted where it is made:
/// counting them once more would cost as much as the call.
fn check_case(tool: &str, case: &Case) -> Result<(), ToolFailure> {
    let count = case.observations.len();
    if count <= OBSERVATIONS_MAX {
        return Ok(());
    }
    Err(ToolFailure {
        tool: quoted(tool),
        what: format!("its case has {count} observations, more than the limit of {OBSERVATIONS_MAX}"),
        fix: "heal a smaller project, or a part of it by naming services".to_owned(),
    })
}

fn own_error(manifest: &Manifest, error: &ToolError) -> ToolFailure {
    let ask = || match &manifest.contact {
        Some(contact) => format!("ask its author what this error means: {contact}"),
        None => "ask its author what this error means".to_owned(),
    };
    ToolFailure {
        tool: manifest.tool.id.clone(),
        what: format!("`propose` returned the error `{}`: {}", quoted(&error.code), quoted(&error.message)),
        fix: error.hint.as_deref().map_or_else(ask, quoted),
    }
}

/// Whoever meets the failure may not be the author.
fn with_contact(mut failure: ToolFailure, manifest: &Manifest) -> ToolFailure {
    if let Some(contact) = &manifest.contact {
        failure.fix = format!("{} (its author: {contact})", failure.fix);
    }
    failure
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
