//! `--log FILE`: a log that a person hands over, as evidence. Only its end is kept, because the last failure decides.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use repair_model::evidence::{Evidence, Provenance};
use repair_model::limits::EVIDENCE_BYTES_MAX;
use repair_pipeline::evidence::from_text;

use crate::command_error::{Code, CommandError};

/// The end of a log as evidence; its lines keep the numbers that they have in the file.
pub fn evidence(path: &Path) -> Result<Evidence, CommandError> {
    let (name, tail) = if path.as_os_str() == "-" {
        ("standard input".to_owned(), tail(std::io::stdin().lock()))
    } else {
        (path.display().to_string(), tail(open(path)?))
    };
    let tail = tail.map_err(|error| unreadable(path, &error))?;
    if tail.bytes.is_empty() {
        return Err(CommandError::new(Code::Usage, format!("the log `{name}` is empty"))
            .hint("give the output of the command that failed, or run the command under `repair`"));
    }
    let mut evidence = from_text(Provenance::File(name), &tail.bytes);
    evidence.truncated |= tail.lines_before > 0;
    evidence.lines_before += tail.lines_before;
    Ok(evidence)
}

/// Opens a file that a person names as text.
pub fn open(path: &Path) -> Result<File, CommandError> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    if file.metadata().map_err(|error| unreadable(path, &error))?.is_dir() {
        return Err(unreadable(path, &ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

fn unreadable(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::new(Code::Usage, format!("`{}` cannot be read: {error}", path.display()))
        .hint("name a text file, or `-` for standard input")
}

struct Tail {
    bytes: Vec<u8>,
    lines_before: u64,
}

/// The last bytes of a stream, from the beginning of a line where there is one, in bounded memory.
fn tail(mut source: impl Read) -> std::io::Result<Tail> {
    let mut tail = Tail { bytes: Vec::new(), lines_before: 0 };
    let mut buffer = vec![0; EVIDENCE_BYTES_MAX];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(tail),
            Ok(count) => tail.bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if tail.bytes.len() > 2 * EVIDENCE_BYTES_MAX {
            let cut = tail.bytes.len() - EVIDENCE_BYTES_MAX;
            let cut = tail.bytes[cut..].iter().position(|byte| *byte == b'\n').map_or(cut, |end| cut + end + 1);
            let ends = tail.bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
            tail.lines_before += u64::try_from(ends).unwrap_or_default();
            tail.bytes.drain(..cut);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_keeps_its_end_and_its_line_numbers() {
        let text: String = (1..=200_000).map(|line| format!("line {line}\n")).collect();
        let tail = tail(text.as_bytes()).expect("it is readable");
        assert!(tail.bytes.len() <= 2 * EVIDENCE_BYTES_MAX);
        let first = String::from_utf8_lossy(&tail.bytes).lines().next().map(str::to_owned);
        assert_eq!(first, Some(format!("line {}", tail.lines_before + 1)));
        assert!(tail.bytes.ends_with(b"line 200000\n"));
    }
}
