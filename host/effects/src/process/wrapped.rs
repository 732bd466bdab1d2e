//! Runs a person's own command as if `repair` were not there, and keeps the end of what it prints as evidence.
//!
//! Standard input is passed through, so the command can ask. Standard output and error go through pipes to the writers of
//! the caller; a command that draws on a terminal therefore prints plainly (Compose does so by itself). The command
//! stays in the process group of `repair`, so that a terminal's Ctrl-C and Ctrl-Z reach it; `repair` itself outlives them.

use std::io::Write;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::output::read_some;
use super::{DRAIN, Invocation, ProcessError, TICK, Tail, exit_code};

/// A wrapped command that has ended.
#[derive(Debug)]
pub struct Wrapped {
    /// Its exit code, or 128 plus the signal that killed it.
    pub code: i32,
    /// The end of its standard output.
    pub stdout: Tail,
    /// The end of its standard error.
    pub stderr: Tail,
    /// Whether Ctrl-C was pressed, or SIGTERM came, meanwhile. A command that was stopped on purpose did not fail.
    pub interrupted: bool,
}

/// Runs `invocation`, copies what it prints to `stdout` and `stderr` as it comes, and keeps the last `bytes_max` of each.
///
/// SIGTERM is handed on to the command; SIGINT is not, since the terminal has sent it already and Compose takes a second
/// one for "at once". From the first call on, this process does not die of either any more: the caller has to look at
/// [`Wrapped::interrupted`]. When a writer fails, the command's pipe is closed, so that it ends as it would by itself.
///
/// # Errors
/// When it cannot be started or watched. A command that fails is not an error.
pub async fn run_wrapped(
    invocation: &Invocation,
    bytes_max: usize,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> Result<Wrapped, ProcessError> {
    let watch = |source| ProcessError::Watch { program: invocation.program.clone(), source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(watch)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(watch)?;
    let mut command = invocation.command();
    command.stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = tokio::process::Command::from(command)
        .spawn()
        .map_err(|source| ProcessError::Start { program: invocation.program.clone(), source })?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);

    let (mut out_pipe, mut err_pipe) = (child.stdout.take(), child.stderr.take());
    let (mut out, mut err) = (Tail::new(bytes_max), Tail::new(bytes_max));
    let (mut out_piece, mut err_piece) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut interrupted = false;
    let mut ended = None;
    let mut tick = tokio::time::interval(TICK);
    while ended.is_none() || out_pipe.is_some() || err_pipe.is_some() {
        tokio::select! {
            count = read_some(&mut out_pipe, &mut out_piece) => {
                out.push(&out_piece[..count]);
                copy(&out_piece[..count], stdout, &mut out_pipe);
            }
            count = read_some(&mut err_pipe, &mut err_piece) => {
                err.push(&err_piece[..count]);
                copy(&err_piece[..count], stderr, &mut err_pipe);
            }
            status = child.wait(), if ended.is_none() => ended = Some((status.map_err(watch)?, Instant::now())),
            _ = interrupt.recv() => interrupted = true,
            _ = terminate.recv() => {
                interrupted = true;
                if let (Some(pid), None) = (pid, ended) {
                    let _ = kill_process(pid, Signal::TERM);
                }
            }
            _ = tick.tick(), if ended.is_some() => {
                if ended.is_some_and(|(_, at)| at.elapsed() > DRAIN) {
                    break;
                }
            }
        }
    }
    let status = match ended {
        Some((status, _)) => status,
        None => child.wait().await.map_err(watch)?,
    };
    Ok(Wrapped { code: exit_code(status), stdout: out, stderr: err, interrupted })
}

fn copy<R>(piece: &[u8], writer: &mut dyn Write, pipe: &mut Option<R>) {
    if writer.write_all(piece).and_then(|()| writer.flush()).is_err() {
        *pipe = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Invocation {
        Invocation::new("/bin/sh", ["-c", script])
    }

    async fn wrapped(script: &str) -> (Wrapped, Vec<u8>, Vec<u8>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let wrapped = run_wrapped(&shell(script), 32, &mut out, &mut err).await.expect("ran");
        (wrapped, out, err)
    }

    #[tokio::test]
    async fn everything_is_passed_on_and_the_end_is_kept() {
        let (wrapped, out, err) = wrapped("seq 1 100; echo broken >&2; exit 14").await;
        assert_eq!((wrapped.code, wrapped.interrupted), (14, false));
        assert!(out.starts_with(b"1\n2\n") && out.ends_with(b"99\n100\n"));
        assert_eq!(err, b"broken\n");
        assert!(wrapped.stdout.is_cut() && wrapped.stdout.into_text().ends_with("100\n"));
        assert_eq!(wrapped.stderr.into_text(), "broken\n");
    }

    #[tokio::test]
    async fn a_command_killed_by_a_signal_counts_as_shells_count() {
        let (wrapped, ..) = wrapped("kill -9 $$").await;
        assert_eq!(wrapped.code, 137);
    }

    #[tokio::test]
    async fn a_grandchild_that_keeps_the_pipes_holds_nobody_up() {
        let begun = Instant::now();
        let (wrapped, out, _) = wrapped("sleep 5 & echo done").await;
        assert_eq!((wrapped.code, out.as_slice()), (0, b"done\n".as_slice()));
        assert!(begun.elapsed().as_secs() < 3);
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_ends_the_command_as_it_would_by_itself() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let wrapped = run_wrapped(&shell("exec yes"), 32, &mut Gone, &mut Vec::new()).await.expect("ran");
        assert_eq!(wrapped.code, 128 + 13);
    }
}
