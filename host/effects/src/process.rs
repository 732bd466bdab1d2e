//! The only place that starts processes.
//!
//! A process is started from a fixed argument vector, never through a shell. [`run`] gives it a process group of its own,
//! no standard input, a time limit and, where it carries out an effect, the lease: killing `repair` does not stop
//! Compose, so the lease has to stay busy until the effect itself has ended. [`run_wrapped`] runs a person's own command,
//! which keeps the terminal.

mod compose_binary;
mod output;
mod piped;
mod wrapped;

use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use command_fds::CommandFdExt as _;
use repair_faults::{Point, pass};
use repair_model::event::EffectProcess;
use repair_model::limits::PROCESS_GRACE_MS;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::time::Instant;

pub(crate) use compose_binary::in_path;
pub use compose_binary::{Compose, ComposeMissing, ComposeSearch, ComposeVersion, compose_version, find_compose};
pub use output::Tail;
use output::{Kept, Printed, read_some};
pub use piped::{Piped, run_piped};
pub use wrapped::{Wrapped, run_wrapped};

/// How often a running process is looked at.
const TICK: Duration = Duration::from_millis(50);
/// How long output is waited for after the process itself has ended: a child of it may hold the pipes for ever.
const DRAIN: Duration = Duration::from_millis(500);

/// What is started: a program and its exact arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// A path, or a name to be found in `PATH`.
    pub program: PathBuf,
    /// Without the program itself.
    pub args: Vec<OsString>,
    /// Where it runs; `None` for the present directory.
    pub directory: Option<PathBuf>,
    /// Variables that are set, or removed (`None`), on top of the environment of this process.
    pub environment: Vec<(OsString, Option<OsString>)>,
}

impl Invocation {
    /// `program` with `args`, in the present directory and environment.
    pub fn new<A: Into<OsString>>(program: impl Into<PathBuf>, args: impl IntoIterator<Item = A>) -> Self {
        let args = args.into_iter().map(Into::into).collect();
        Self { program: program.into(), args, directory: None, environment: Vec::new() }
    }

    /// The same in another directory.
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// The same with a variable set.
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), Some(value.into())));
        self
    }

    /// The same with a variable removed.
    pub fn without_variable(mut self, name: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), None));
        self
    }

    fn command(&self) -> std::process::Command {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// Which of the two streams a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Takes lines of output as they come.
pub type OnLine<'a> = &'a mut dyn FnMut(Stream, &str);

/// How [`run`] runs it.
pub struct RunOptions<'a> {
    /// It is ended after that.
    pub timeout: Duration,
    /// Bytes kept of each stream; the end is kept.
    pub output_bytes_max: usize,
    /// Inherited by the process, so that it stays open until the process has ended.
    pub lease: Vec<BorrowedFd<'a>>,
    /// Called once, right after the start. [`ControlFlow::Break`] kills the process.
    pub started: Option<&'a mut dyn FnMut(EffectProcess) -> ControlFlow<()>>,
    /// Called with each line of output without its end. A carriage return ends a line too. Not safe to show yet.
    pub on_line: Option<OnLine<'a>>,
    /// Looked at every 50 ms; true ends the process.
    pub interrupted: Option<&'a dyn Fn() -> bool>,
}

impl RunOptions<'_> {
    /// A quiet run.
    pub fn new(timeout: Duration, output_bytes_max: usize) -> Self {
        Self { timeout, output_bytes_max, lease: Vec::new(), started: None, on_line: None, interrupted: None }
    }
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// The end of its standard output.
    pub stdout: Tail,
    /// The end of its standard error.
    pub stderr: Tail,
    /// Whether it was ended because it took too long.
    pub timed_out: bool,
    /// Whether it was ended because the person wanted to stop.
    pub interrupted: bool,
}

impl Finished {
    /// Whether it ended by itself, with exit code 0.
    pub fn succeeded(&self) -> bool {
        self.status.success() && !self.timed_out && !self.interrupted
    }

    /// Whether it came to its own end with exit code 0, though it was asked to stop meanwhile.
    pub fn succeeded_before_the_interruption(&self) -> bool {
        self.status.success() && self.interrupted && !self.timed_out
    }

    /// Its exit code, or 128 plus the signal that killed it, as shells count.
    pub fn exit_code(&self) -> i32 {
        exit_code(self.status)
    }
}

fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// Why a process could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("`{}` cannot be started: {source}", .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// It could not be watched.
    #[error("`{}` was started, but cannot be watched: {source}", .program.display())]
    Watch {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The caller did not want it to go on right after the start; it was killed.
    #[error("`{}` was ended right after its start", .program.display())]
    Abandoned {
        /// The program.
        program: PathBuf,
    },
}

/// Runs a process to its end, in a process group of its own and without standard input.
///
/// On the timeout or an interruption the whole group gets SIGTERM, which Compose understands, and SIGKILL
/// [`PROCESS_GRACE_MS`] later. The future has to be polled to its end: when it is dropped, the process goes on.
///
/// # Errors
/// When it cannot be started or watched, or `started` breaks. A process that fails is not an error.
pub async fn run(invocation: &Invocation, mut options: RunOptions<'_>) -> Result<Finished, ProcessError> {
    let program = || invocation.program.clone();
    let start = |source| ProcessError::Start { program: program(), source };
    let mut command = invocation.command();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut kept = None;
    if !options.lease.is_empty() {
        let inherited: io::Result<_> = options.lease.iter().map(BorrowedFd::try_clone_to_owned).collect();
        command.preserved_fds(inherited.map_err(start)?);
        // An effect outlives this process, so its output must not depend on it either.
        let ((out, stdout), (err, stderr)) = (Kept::new().map_err(start)?, Kept::new().map_err(start)?);
        command.stdout(stdout).stderr(stderr);
        kept = Some((out, err));
    }
    let is_effect = !options.lease.is_empty();
    let name = invocation.program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let come_by = |point| {
        if is_effect {
            pass(point, &name);
        }
    };
    let mut child = tokio::process::Command::from(command).spawn().map_err(start)?;
    come_by(Point::ProcessStarted);
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let Some(group) = group else { return Err(start(io::Error::other("it has no process id"))) };
    if let Some(started) = options.started.take()
        && started(repair_processes::effect(group.as_raw_nonzero().get().unsigned_abs())).is_break()
    {
        let _ = kill_process_group(group, Signal::KILL);
        let _ = child.wait().await;
        return Err(ProcessError::Abandoned { program: program() });
    }
    come_by(Point::ProcessRecorded);
    let finished = watch(child, kept, group, options).await;
    come_by(Point::ProcessEnded);
    finished.map_err(|source| ProcessError::Watch { program: program(), source })
}

/// How far a running process has been told to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running { until: Instant },
    Asked { until: Instant },
    Killed,
}

async fn watch(
    mut child: Child,
    mut kept: Option<(Kept, Kept)>,
    group: Pid,
    mut options: RunOptions<'_>,
) -> io::Result<Finished> {
    let (mut out_pipe, mut err_pipe) = (child.stdout.take(), child.stderr.take());
    let mut printed = Printed::new(options.output_bytes_max);
    let (mut out_piece, mut err_piece) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut ignore = |_: Stream, _: &str| {};
    let on_line: OnLine<'_> = options.on_line.take().unwrap_or(&mut ignore);
    let mut stage = Stage::Running { until: Instant::now() + options.timeout };
    let (mut timed_out, mut interrupted) = (false, false);
    let mut ended: Option<(ExitStatus, Instant)> = None;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);

    while ended.is_none() || out_pipe.is_some() || err_pipe.is_some() {
        tokio::select! {
            count = read_some(&mut out_pipe, &mut out_piece) => {
                printed.take(Stream::Stdout, &out_piece[..count], on_line);
            }
            count = read_some(&mut err_pipe, &mut err_piece) => {
                printed.take(Stream::Stderr, &err_piece[..count], on_line);
            }
            status = child.wait(), if ended.is_none() => ended = Some((status?, Instant::now())),
            _ = tick.tick() => {
                printed.take_kept(kept.as_mut(), on_line)?;
                if ended.is_some_and(|(_, at)| at.elapsed() > DRAIN) {
                    break;
                }
                if ended.is_none() {
                    let stop = options.interrupted.is_some_and(|interrupted| interrupted());
                    stage = next_stage(stage, stop, group, &mut timed_out, &mut interrupted);
                }
            }
        }
    }
    printed.take_kept(kept.as_mut(), on_line)?;
    printed.finish(on_line);
    if (timed_out || interrupted) && (out_pipe.is_some() || err_pipe.is_some()) {
        // Somebody of the group outlived its leader and still holds the pipes, so the group's id is still its own.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = match ended {
        Some((status, _)) => status,
        None => child.wait().await?,
    };
    Ok(Finished { status, stdout: printed.out, stderr: printed.err, timed_out, interrupted })
}

fn next_stage(stage: Stage, stop: bool, group: Pid, timed_out: &mut bool, interrupted: &mut bool) -> Stage {
    let now = Instant::now();
    match stage {
        Stage::Running { until } if stop || now >= until => {
            *interrupted = stop;
            *timed_out = !stop;
            let _ = kill_process_group(group, Signal::TERM);
            Stage::Asked { until: now + Duration::from_millis(PROCESS_GRACE_MS) }
        }
        Stage::Asked { until } if now >= until => {
            let _ = kill_process_group(group, Signal::KILL);
            Stage::Killed
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::os::fd::AsFd as _;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Invocation {
        Invocation::new("/bin/sh", ["-c", script])
    }

    #[tokio::test]
    async fn both_streams_and_the_exit_code_come_back() {
        let mut lines = Vec::new();
        let mut on_line = |stream: Stream, line: &str| lines.push((stream, line.to_owned()));
        let options = RunOptions { on_line: Some(&mut on_line), ..RunOptions::new(MINUTE, 1024) };
        let finished = run(&shell("echo one; printf 'two\\rthree' >&2; exit 7"), options).await.expect("ran");
        assert_eq!((finished.exit_code(), finished.succeeded()), (7, false));
        assert_eq!(finished.stdout.into_text(), "one\n");
        assert_eq!(finished.stderr.into_text(), "two\rthree");
        lines.sort_by_key(|(stream, _)| *stream == Stream::Stderr);
        let expected = [(Stream::Stdout, "one"), (Stream::Stderr, "two"), (Stream::Stderr, "three")];
        assert_eq!(lines, expected.map(|(stream, line)| (stream, line.to_owned())));
    }

    #[tokio::test]
    async fn output_without_end_keeps_its_end() {
        let finished = run(&shell("seq 1 100000"), RunOptions::new(MINUTE, 64)).await.expect("ran");
        assert!(finished.succeeded() && finished.stdout.is_cut());
        let text = finished.stdout.into_text();
        assert!(text.ends_with("99999\n100000\n") && text.len() <= 64, "{text}");
    }

    #[tokio::test]
    async fn a_program_that_is_missing_is_named() {
        let error =
            run(&Invocation::new("/no/such/tool", [""; 0]), RunOptions::new(MINUTE, 1)).await.expect_err("none");
        assert!(matches!(error, ProcessError::Start { .. }) && error.to_string().contains("/no/such/tool"));
    }

    #[tokio::test]
    async fn the_timeout_ends_the_whole_group() {
        let begun = Instant::now();
        let options = RunOptions::new(Duration::from_millis(200), 1024);
        let finished = run(&shell("sleep 60 & sleep 60"), options).await.expect("ran");
        assert!(finished.timed_out && !finished.succeeded());
        assert_eq!(finished.exit_code(), 128 + 15);
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn an_interruption_lets_the_process_finish_its_last_words() {
        let calls = Cell::new(0);
        let interrupted = || {
            calls.set(calls.get() + 1);
            calls.get() > 4
        };
        let options = RunOptions { interrupted: Some(&interrupted), ..RunOptions::new(MINUTE, 1024) };
        let finished = run(&shell("trap 'echo bye; exit 3' TERM; sleep 60 & wait"), options).await.expect("ran");
        assert!(finished.interrupted && !finished.timed_out);
        assert_eq!((finished.exit_code(), finished.stdout.into_text().as_str()), (3, "bye\n"));
    }

    #[tokio::test]
    async fn a_start_that_cannot_be_recorded_is_taken_back() {
        let group = Cell::new(0);
        let mut started = |process: EffectProcess| {
            group.set(process.group);
            ControlFlow::Break(())
        };
        let options = RunOptions { started: Some(&mut started), ..RunOptions::new(MINUTE, 1024) };
        let error = run(&Invocation::new("sleep", ["60"]), options).await.expect_err("abandoned");
        assert!(matches!(error, ProcessError::Abandoned { .. }));
        let pid = Pid::from_raw(i32::try_from(group.get()).expect("a pid")).expect("a pid");
        assert!(rustix::process::test_kill_process_group(pid).is_err(), "it is gone");
    }

    #[tokio::test]
    async fn the_lease_stays_busy_until_the_process_has_ended() {
        use rustix::fs::{FlockOperation, flock};
        let file = tempfile::NamedTempFile::new().expect("a file");
        let held = std::fs::File::open(file.path()).expect("open");
        flock(&held, FlockOperation::LockExclusive).expect("locked");
        let other = std::fs::File::open(file.path()).expect("open");
        let busy = || flock(&other, FlockOperation::NonBlockingLockExclusive).is_err();
        let mut pid = 0;
        let mut started = |process: EffectProcess| {
            pid = process.group;
            ControlFlow::Continue(())
        };
        let options =
            RunOptions { lease: vec![held.as_fd()], started: Some(&mut started), ..RunOptions::new(MINUTE, 1024) };
        // The grandchild outlives the process that was run, and holds the lease on; it has no pipe of ours.
        let finished = run(&shell("sleep 1 >/dev/null 2>&1 & exit 0"), options).await.expect("ran");
        assert!(finished.succeeded());
        assert_ne!(pid, 0);
        drop(held);
        assert!(busy(), "the process that inherited it still runs");
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!busy(), "nobody has it any more");
    }

    #[tokio::test]
    async fn an_effect_comes_by_its_fault_points_in_order_and_a_look_by_none() {
        let trace = tempfile::NamedTempFile::new().expect("a file");
        // Only a trace, so that the other tests of this process live on; they come by points of other programs.
        repair_faults::arm(None, Some(trace.path())).expect("nothing is armed yet");
        let held = std::fs::File::open(trace.path()).expect("open");
        let mut started = |_: EffectProcess| ControlFlow::Continue(());
        let options =
            RunOptions { lease: vec![held.as_fd()], started: Some(&mut started), ..RunOptions::new(MINUTE, 1024) };
        run(&Invocation::new("/bin/true", [""; 0]), options).await.expect("ran");
        run(&Invocation::new("/bin/false", [""; 0]), RunOptions::new(MINUTE, 1024)).await.expect("ran");
        let text = std::fs::read_to_string(trace.path()).expect("read");
        let points: Vec<&str> = text.lines().filter(|line| line.starts_with("process-")).collect();
        let of_true: Vec<&str> = points.iter().copied().filter(|line| line.ends_with(":true")).collect();
        assert_eq!(of_true, ["process-started:true", "process-recorded:true", "process-ended:true"]);
        assert!(!points.iter().any(|line| line.ends_with(":false")), "{points:?}");
    }

    #[tokio::test]
    async fn an_effect_prints_on_when_its_reader_is_lost() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let held = std::fs::File::open(file.path()).expect("open");
        let mut lines = Vec::new();
        let mut on_line = |stream: Stream, line: &str| lines.push((stream, line.to_owned()));
        let lease = || vec![held.as_fd()];
        let options = RunOptions { lease: lease(), on_line: Some(&mut on_line), ..RunOptions::new(MINUTE, 1024) };
        let finished = run(&shell("echo one; echo two >&2; exit 3"), options).await.expect("ran");
        assert_eq!((finished.exit_code(), finished.stdout.into_text().as_str()), (3, "one\n"));
        assert_eq!(finished.stderr.into_text(), "two\n");
        assert_eq!(lines.len(), 2, "{lines:?}");

        // The future is dropped, as if this process were gone: whoever prints then does not die of it.
        let done = tempfile::tempdir().expect("a folder");
        let done = done.path().join("done");
        let script = format!("sleep 0.3; seq 1 50000; seq 1 50000 >&2; : > '{}'", done.display());
        let invocation = shell(&script);
        let running = run(&invocation, RunOptions { lease: lease(), ..RunOptions::new(MINUTE, 1024) });
        assert!(tokio::time::timeout(Duration::from_millis(100), running).await.is_err(), "it still runs");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !done.exists() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(done.exists(), "it came to its end");
    }

    #[tokio::test]
    async fn the_environment_is_added_to_and_taken_from() {
        let invocation =
            Invocation::new("/usr/bin/env", [""; 0]).with_variable("REPAIR_A", "1").without_variable("PATH");
        let finished = run(&invocation.in_directory("/"), RunOptions::new(MINUTE, 64 * 1024)).await.expect("ran");
        let text = finished.stdout.into_text();
        assert!(text.lines().any(|line| line == "REPAIR_A=1") && !text.lines().any(|line| line.starts_with("PATH=")));
    }
}
