//! Runs a process that turns bytes into bytes, while the caller waits: for work that could take too long or too much in
//! this process.
//!
//! Time and output are bounded. The process gets a group of its own, and at the end of its time it is killed, not asked.

use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Invocation, ProcessError};

/// How often the process is looked at.
const TICK: Duration = Duration::from_millis(2);
/// Bytes that are kept of what it says on standard error; the beginning is kept.
const WORDS_BYTES_MAX: u64 = 16 * 1024;

/// A process that has ended.
#[derive(Debug)]
pub struct Piped {
    /// How it ended.
    pub status: ExitStatus,
    /// What it gave; one byte more than asked for where it would have given more.
    pub output: Vec<u8>,
    /// The beginning of what it said on standard error.
    pub words: String,
    /// Whether it was killed because its time was over.
    pub timed_out: bool,
}

/// Runs a process that reads `input` and writes at most `output_bytes_max` bytes, within `timeout`.
///
/// # Errors
/// When it cannot be started or watched. A process that fails is not an error.
pub fn run_piped(
    invocation: &Invocation,
    input: &[u8],
    timeout: Duration,
    output_bytes_max: usize,
) -> Result<Piped, ProcessError> {
    let program = || invocation.program.clone();
    let mut command = invocation.command();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|source| ProcessError::Start { program: program(), source })?;
    let watched = watch(&mut child, input, timeout, output_bytes_max as u64 + 1);
    if watched.is_err() {
        kill(&child);
        let _ = child.wait();
    }
    watched.map_err(|source| ProcessError::Watch { program: program(), source })
}

fn watch(child: &mut Child, input: &[u8], timeout: Duration, output_bytes_max: u64) -> io::Result<Piped> {
    let pipe_missing = || io::Error::other("it has no pipe");
    let mut stdin = child.stdin.take().ok_or_else(pipe_missing)?;
    let stdout = child.stdout.take().ok_or_else(pipe_missing)?;
    let stderr = child.stderr.take().ok_or_else(pipe_missing)?;
    thread::scope(|scope| {
        scope.spawn(move || {
            // It may end before it has read everything, and says why itself.
            let _ = stdin.write_all(input);
        });
        let output = scope.spawn(move || read(stdout, output_bytes_max));
        let words = scope.spawn(move || read(stderr, WORDS_BYTES_MAX));
        let until = Instant::now() + timeout;
        let mut timed_out = false;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() >= until {
                timed_out = true;
                kill(child);
                break child.wait()?;
            }
            thread::sleep(TICK);
        };
        let joined = |thread: thread::ScopedJoinHandle<'_, io::Result<Vec<u8>>>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a reading thread ended")))
        };
        let (output, words) = (joined(output)?, joined(words)?);
        Ok(Piped { status, output, words: String::from_utf8_lossy(&words).into_owned(), timed_out })
    })
}

/// The first bytes. Whoever writes more meets a closed pipe.
fn read(pipe: impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pipe.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn kill(child: &Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // It has not been waited for yet, so the id is still its own.
    let _ = group.map(|group| kill_process_group(group, Signal::KILL));
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    fn run(program: &str, args: &[&str], input: &[u8], timeout: Duration, bytes_max: usize) -> Piped {
        run_piped(&Invocation::new(program, args.iter().copied()), input, timeout, bytes_max).expect("it starts")
    }

    #[test]
    fn a_megabyte_goes_through() {
        let input = vec![b'x'; 1024 * 1024];
        let piped = run("cat", &[], &input, LONG, input.len());
        assert!(piped.status.success() && !piped.timed_out);
        assert_eq!(piped.output, input);
    }

    #[test]
    fn one_that_takes_too_long_is_killed_with_its_group() {
        let begun = Instant::now();
        let piped = run("sleep", &["60"], b"", Duration::from_millis(50), 10);
        assert!(piped.timed_out && !piped.status.success());
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn output_without_end_is_cut_and_its_words_are_kept() {
        let piped = run("yes", &[], b"", LONG, 1000);
        assert_eq!(piped.output.len(), 1001);
        assert!(!piped.status.success(), "the pipe closes on it");
        let piped = run("ls", &["/no/such/folder"], &[0; 1024 * 1024], LONG, 1000);
        assert!(piped.words.contains("/no/such/folder"), "{}", piped.words);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run_piped(&Invocation::new("/no/such/program", [""; 0]), b"", LONG, 1).expect_err("no program");
        assert!(error.to_string().contains("/no/such/program"), "{error}");
    }
}
