//! The limits of one call and the counters that enforce them.
//!
//! Fuel gives a deterministic verdict; the wall clock is there for the case that fuel was priced wrongly. Memory and
//! tables are counted over all instances of a component together, so that a component of many modules gets no more than
//! a simple one.

use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use repair_model::limits;
use wasmtime::{Engine, ResourceLimiter};

/// What one call may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLimits {
    /// Linear memory of all instances together, in bytes.
    pub memory_bytes_max: usize,
    /// Table elements of all instances together.
    pub table_elements_max: usize,
    /// Core instances, and as many memories and tables.
    pub instances_max: usize,
    /// Fuel; about one unit for each WASM instruction.
    pub fuel_max: u64,
    /// Wall time, in milliseconds.
    pub wall_ms_max: u64,
    /// Bytes of the returned value, about.
    pub reply_fuel_max: usize,
}

impl CallLimits {
    /// Those of a component of so many bytes: what carries a language runtime needs more than a plain tool.
    pub(crate) fn of(component_bytes: usize) -> Self {
        if component_bytes < limits::RUNTIME_COMPONENT_BYTES_MIN {
            return Self::default();
        }
        Self {
            memory_bytes_max: limits::RUNTIME_TOOL_MEMORY_BYTES_MAX,
            fuel_max: limits::RUNTIME_TOOL_FUEL_MAX,
            wall_ms_max: limits::RUNTIME_TOOL_WALL_MS_MAX,
            instances_max: limits::RUNTIME_TOOL_INSTANCES_MAX,
            ..Self::default()
        }
    }
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            memory_bytes_max: limits::TOOL_MEMORY_BYTES_MAX,
            table_elements_max: limits::TOOL_TABLE_ELEMENTS_MAX,
            instances_max: limits::TOOL_INSTANCES_MAX,
            fuel_max: limits::TOOL_FUEL_MAX,
            wall_ms_max: limits::TOOL_WALL_MS_MAX,
            reply_fuel_max: limits::TOOL_REPLY_FUEL_MAX,
        }
    }
}

/// A growth that was refused. It ends the call: a guest that went on without the memory that it asked for would fail
/// later and with a worse message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    /// Linear memory.
    #[error("more than {bytes_max} bytes of memory")]
    Memory { bytes_max: usize },
    /// Tables.
    #[error("more than {elements_max} table elements")]
    Tables { elements_max: usize },
}

/// What one call used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Fuel; about one unit for each WASM instruction.
    pub fuel: u64,
    /// Linear memory of all instances together, in bytes; memory never shrinks, so this is its peak.
    pub memory_bytes: usize,
}

/// Counts what one store holds.
#[derive(Debug)]
pub(crate) struct Meter {
    limits: CallLimits,
    memory_bytes: usize,
    table_elements: usize,
}

impl Meter {
    pub(crate) fn new(limits: CallLimits) -> Self {
        Self { limits, memory_bytes: 0, table_elements: 0 }
    }

    pub(crate) const fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let total = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        if total > self.limits.memory_bytes_max {
            return Err(Exceeded::Memory { bytes_max: self.limits.memory_bytes_max }.into());
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            return Ok(false);
        }
        let total = self.table_elements.saturating_add(desired.saturating_sub(current));
        if total > self.limits.table_elements_max {
            return Err(Exceeded::Tables { elements_max: self.limits.table_elements_max }.into());
        }
        self.table_elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances_max
    }

    fn tables(&self) -> usize {
        self.limits.instances_max
    }

    fn memories(&self) -> usize {
        self.limits.instances_max
    }
}

/// Idle ticks after which the ticker goes to sleep: calls come in rows, and waking a thread for each would cost as much as
/// a small call.
const IDLE_TICKS_MAX: u32 = 16;

/// Advances the engine's epoch every [`limits::TOOL_TICK_MS`] while calls run, so that a call can notice how long it has
/// run. One thread serves all calls of an engine, because two would make time run twice as fast. It ends with the value.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Calls that run right now.
    running: usize,
    /// When the first of them began, or of those before.
    began: Option<Instant>,
    /// Whether the thread sleeps until it is woken.
    asleep: bool,
    over: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps until a call runs; `None` when none will any more.
    fn wait_for_a_call(&self) -> Option<Instant> {
        let mut state = self.state();
        state.asleep = true;
        let waited = self.changed.wait_while(state, |state| state.running == 0 && !state.over);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.asleep = false;
        state.began.filter(|_| !state.over)
    }

    /// Waits until `until`; `None` when no call will run any more.
    fn wait_until(&self, until: Instant) -> Option<MutexGuard<'_, State>> {
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.state(), left, |state| !state.over);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Some(state).filter(|state| !state.over)
    }

    /// Ticks until no call will run any more.
    fn tick(&self, engine: &Engine) -> Option<Infallible> {
        let tick = Duration::from_millis(limits::TOOL_TICK_MS);
        loop {
            // By the clock and not from tick to tick, or each would be late by what the one before was.
            let mut next = self.wait_for_a_call()? + tick;
            let mut idle = 0;
            while idle < IDLE_TICKS_MAX {
                let state = self.wait_until(next)?;
                // The first tick of a call is a whole one.
                let whole = state.began.map_or(next, |began| next.max(began + tick));
                if state.running == 0 {
                    idle += 1;
                    next += tick;
                } else if whole > Instant::now() {
                    next = whole;
                } else {
                    idle = 0;
                    engine.increment_epoch();
                    next = whole + tick;
                }
            }
        }
    }
}

impl Ticker {
    /// Makes one, which does not tick yet.
    ///
    /// # Errors
    /// When the system grants no thread; nothing may run then, because nothing would stop it.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (engine, of_thread) = (engine.clone(), Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("repair-ticker".to_owned()).spawn(move || {
            let None = of_thread.tick(&engine);
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Ticks for as long as the value lives.
    pub(crate) fn running(&self) -> Running<'_> {
        let mut state = self.shared.state();
        if state.running == 0 {
            state.began = Some(Instant::now());
        }
        state.running += 1;
        if state.asleep {
            self.shared.changed.notify_all();
        }
        drop(state);
        Running(&self.shared)
    }

    /// Its ticks in `wall_ms`; at least one.
    pub(crate) fn ticks(&self, wall_ms: u64) -> u64 {
        (wall_ms / limits::TOOL_TICK_MS).max(1)
    }
}

/// A call that runs.
pub(crate) struct Running<'t>(&'t Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.state().over = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and if it did, there would be nothing left to stop.
            let _ = thread.join();
        }
    }
}
