//! One call of one export, in a store of its own and within limits.
//!
//! Whatever a guest does ends in a value or in a [`CallFault`] that names the export and, where one was hit, the limit.

use repair_model::limits::TOOL_STACK_BYTES_MAX;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, Trap};

use crate::bindings::said::Manifest;
use crate::bindings::shown::Case;
use crate::contract::{Contract, Exports, Said};
use crate::fault::{Fault, quoted};
use crate::last_words;
use crate::limits::{CallLimits, Exceeded, Meter, Ticker, Usage};

/// What of a component is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Export {
    /// `describe`.
    Describe,
    /// `propose`.
    Propose,
}

impl Export {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Propose => "propose",
        }
    }
}

/// Why a call gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {cause}", .export.as_str())]
pub(crate) struct CallFault {
    /// Which export.
    pub export: Export,
    /// What ended it.
    pub cause: Cause,
}

/// What ended a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cause {
    #[error("used up its fuel of {units_max} units")]
    Fuel { units_max: u64 },
    #[error("ran longer than {ms_max} ms")]
    WallTime { ms_max: u64 },
    #[error("asked for {0}")]
    Growth(Exceeded),
    #[error("needed more than {TOOL_STACK_BYTES_MAX} bytes of stack")]
    Stack,
    #[error("needs more than {instances_max} instances, memories or tables")]
    Instances { instances_max: usize },
    #[error("returned more than {bytes_max} bytes")]
    ReplySize { bytes_max: usize },
    #[error("panicked{}", .said.as_ref().map(|said| format!(" at {said}")).unwrap_or_default())]
    Panic { said: Option<String> },
    #[error("was ended by a fault of its own: {0}")]
    Trap(String),
    #[error("cannot be called: {0}")]
    Instantiation(String),
    #[error("returned something that cannot be read: {0}")]
    Malformed(String),
}

impl Fault for CallFault {
    fn fix(&self) -> String {
        match &self.cause {
            Cause::Fuel { .. } | Cause::WallTime { .. } => "look for a loop without an end, or do less in one call",
            Cause::Growth(_) => "keep less at a time; a case never needs more",
            Cause::Stack => "look for a recursion without an end, or use a loop",
            Cause::Instances { .. } => "link its parts into one module",
            Cause::ReplySize { .. } => "return fewer or shorter texts",
            Cause::Panic { said: Some(_) } => "return an error or `decline` there instead",
            Cause::Panic { said: None } => {
                "return an error or `decline` instead; in Rust the SDK's `export!` makes a panic tell its message and place, \
                 in Python a clock or secure randomness ends a call like this"
            }
            Cause::Trap(_) | Cause::Malformed(_) => "write it in a safe language on its generated bindings",
            Cause::Instantiation(_) => "build it with the SDK of this release of repair",
        }
        .to_owned()
    }
}

/// A component that can be called.
pub(crate) struct Callable<'a> {
    pub engine: &'a Engine,
    pub component: &'a Component,
    pub contract: Contract,
    pub limits: &'a CallLimits,
    /// What makes the deadline of a call come.
    pub ticker: &'a Ticker,
}

impl Callable<'_> {
    /// Calls `describe` twice in one instance: a tool that keeps something between calls shows it here.
    pub(crate) fn describe_twice(&self) -> Result<((Manifest, Manifest), Usage), CallFault> {
        self.with_instance(Export::Describe, |tool, store| {
            let first = tool.describe(store)?;
            Ok((first, tool.describe(store)?))
        })
    }

    /// Calls `propose`.
    pub(crate) fn propose(&self, case: Case<'_>) -> Result<(Said, Usage), CallFault> {
        self.with_instance(Export::Propose, |tool, store| tool.propose(store, case))
    }

    /// Calls `propose` twice in one instance, which no session does: what the two differ in, the tool has kept. Each call
    /// may use as much as one of a session.
    pub(crate) fn propose_twice(&self, case: &Case<'_>) -> Result<(Said, Said), CallFault> {
        let (both, _) = self.with_instance(Export::Propose, |tool, store| {
            let first = tool.propose(store, case.clone())?;
            self.supply(store)?;
            Ok((first, tool.propose(store, case.clone())?))
        })?;
        Ok(both)
    }

    fn with_instance<'c, T>(
        &self,
        export: Export,
        call: impl FnOnce(&Exports<'c>, &mut Store<Meter>) -> wasmtime::Result<T>,
    ) -> Result<(T, Usage), CallFault> {
        let fault = |cause| CallFault { export, cause };
        let mut store = Store::new(self.engine, Meter::new(self.limits.clone()));
        store.limiter(|meter| meter);
        // Instantiation may run code of the guest already, so the deadline stands before it.
        let _running = self.ticker.running();
        self.supply(&mut store).map_err(|error| fault(Cause::Instantiation(error.to_string())))?;

        // The linker is empty: whatever passed the check of imports needs nothing from it.
        let tool = Linker::new(self.engine).instantiate(&mut store, self.component);
        let tool = tool.map_err(|error| fault(self.cause_of(&error, &store, Cause::Instantiation)))?;
        let tool = self.contract.exports(&tool, &mut store);
        let tool = tool.map_err(|error| fault(Cause::Instantiation(text_of(&error))))?;
        let returned = call(&tool, &mut store);
        let returned = returned.map_err(|error| fault(self.cause_of(&error, &store, Cause::Malformed)))?;
        let fuel = self.limits.fuel_max.saturating_sub(store.get_fuel().unwrap_or_default());
        Ok((returned, Usage { fuel, memory_bytes: store.data().memory_bytes() }))
    }

    /// Gives a call its fuel and its time.
    fn supply(&self, store: &mut Store<Meter>) -> wasmtime::Result<()> {
        store.set_hostcall_fuel(self.limits.reply_fuel_max);
        store.set_epoch_deadline(self.ticker.ticks(self.limits.wall_ms_max));
        store.set_fuel(self.limits.fuel_max)
    }

    /// The limit or trap behind an error of wasmtime, or what `otherwise` makes of its words.
    fn cause_of(&self, error: &wasmtime::Error, store: &Store<Meter>, otherwise: fn(String) -> Cause) -> Cause {
        if let Some(exceeded) = error.downcast_ref::<Exceeded>() {
            return Cause::Growth(*exceeded);
        }
        if let Some(trap) = error.downcast_ref::<Trap>() {
            return match trap {
                Trap::OutOfFuel => Cause::Fuel { units_max: self.limits.fuel_max },
                Trap::Interrupt => Cause::WallTime { ms_max: self.limits.wall_ms_max },
                Trap::StackOverflow => Cause::Stack,
                Trap::UnreachableCodeReached => Cause::Panic { said: last_words::heard(error, store) },
                other => Cause::Trap(other.to_string()),
            };
        }
        // These two have no public type in wasmtime 48; tests hold their words in place.
        let text = text_of(error);
        if text.contains("fuel allocated for hostcalls has been exhausted") {
            Cause::ReplySize { bytes_max: self.limits.reply_fuel_max }
        } else if text.contains("resource limit exceeded") {
            Cause::Instances { instances_max: self.limits.instances_max }
        } else {
            otherwise(text)
        }
    }
}

fn text_of(error: &wasmtime::Error) -> String {
    quoted(&format!("{error:#}"))
}
