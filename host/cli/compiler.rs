//! Compiles the tools that somebody else made, in a process of its own.
//!
//! A component can be made so that compiling it takes hours or all memory. So this program starts itself once more for
//! each, under the kernel's limits, and takes what comes out; code comes only from its own executable.

use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use repair_effects::process::{Invocation, run_piped};
use repair_model::limits::{
    CACHE_ENTRY_BYTES_MAX, COMPONENT_BYTES_MAX, TOOL_COMPILE_CPU_SECONDS_MAX, TOOL_COMPILE_MEMORY_BYTES_MAX,
    TOOL_COMPILE_MS_MAX,
};
use repair_sandbox::{Compiler, CompilerFault};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};

use crate::command_error::{Code, CommandError};

/// This very executable, also when its file has been replaced meanwhile.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// The hidden command that runs [`compile`].
const COMMAND: &str = "compile-component";

/// Starts a process for each component.
pub struct ProcessCompiler;

impl Compiler for ProcessCompiler {
    fn compile(&self, component: &[u8]) -> Result<Vec<u8>, CompilerFault> {
        let invocation = Invocation::new(THIS_PROGRAM, [COMMAND]);
        let timeout = Duration::from_millis(TOOL_COMPILE_MS_MAX);
        let ended = run_piped(&invocation, component, timeout, CACHE_ENTRY_BYTES_MAX)
            .map_err(|error| CompilerFault::Unavailable(error.to_string()))?;
        if ended.timed_out {
            return Err(CompilerFault::Time);
        }
        let work = processor_time();
        let ended_by = |signal: Signal| ended.status.signal() == Some(signal.as_raw());
        if ended_by(Signal::XCPU) || ended_by(Signal::KILL) && !work.warns() {
            return Err(CompilerFault::Work { seconds_max: work.seconds });
        }
        if ended_by(Signal::KILL) {
            return Err(CompilerFault::Killed);
        }
        let memory = || CompilerFault::Memory { bytes_max: most(Resource::As, TOOL_COMPILE_MEMORY_BYTES_MAX) };
        if ended.output.len() > CACHE_ENTRY_BYTES_MAX {
            return Err(memory());
        }
        match ended.status.code() {
            Some(0) => Ok(ended.output),
            Some(code) if code == Code::NotHealed as i32 => Err(CompilerFault::Invalid(ended.words)),
            Some(_) => Err(CompilerFault::Unavailable(ended.words)),
            None => Err(memory()),
        }
    }
}

/// How much of a resource the compiler may have: so much, or what whoever started `repair` lets it have, if that is less.
fn most(resource: Resource, ours: u64) -> u64 {
    getrlimit(resource).maximum.map_or(ours, |theirs| theirs.min(ours))
}

/// The processor time that the compiler may have.
struct ProcessorTime {
    seconds: u64,
    /// When the kernel kills.
    kill_at: u64,
}

impl ProcessorTime {
    /// Whether the kernel warns before it kills. The two signals differ, so that a compiler that somebody else killed is
    /// told apart from one that was at it for too long.
    fn warns(&self) -> bool {
        self.seconds < self.kill_at
    }
}

fn processor_time() -> ProcessorTime {
    let seconds = most(Resource::Cpu, TOOL_COMPILE_CPU_SECONDS_MAX);
    ProcessorTime { seconds, kill_at: most(Resource::Cpu, seconds + 1) }
}

/// What the started process does: standard input to standard output, and what is wrong to standard error.
pub fn compile() -> Result<Code, CommandError> {
    // Nobody waits for what comes out once that has ended, however it ended.
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| CommandError::internal("the compiler cannot be bound to who started it", error))?;
    let memory = most(Resource::As, TOOL_COMPILE_MEMORY_BYTES_MAX);
    let work = processor_time();
    let limits = [
        (Resource::As, memory, memory),
        (Resource::Cpu, work.seconds, work.kill_at),
        (Resource::Fsize, 0, 0),
        (Resource::Core, 0, 0),
    ];
    for (resource, current, maximum) in limits {
        let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
        setrlimit(resource, limit).map_err(|error| CommandError::internal("the compiler cannot be limited", error))?;
    }
    let mut component = Vec::new();
    let input = std::io::stdin().lock().take(COMPONENT_BYTES_MAX as u64 + 1).read_to_end(&mut component);
    input.map_err(|error| CommandError::internal("the component cannot be read", error))?;
    match repair_sandbox::compile_apart(&component) {
        Ok(code) => {
            let written = std::io::stdout().lock().write_all(&code);
            written.map_err(|error| CommandError::internal("what was compiled cannot be handed over", error))?;
            Ok(Code::Success)
        }
        Err(why) => {
            let _ = std::io::stderr().lock().write_all(why.as_bytes());
            Ok(Code::NotHealed)
        }
    }
}
