//! `repair classify`: names the failures in a text. No project, no engine and no session are needed, and nothing is kept.
//!
//! The text is read as a stream, so a log of a gigabyte takes no more memory than one of a kilobyte. Ctrl-C ends it like
//! any program that only reads.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use repair_classification::{Found, RuleSet, Summary};
use repair_model::text::{escaped, escaped_short};

use super::Context;
use super::log_file::open;
use crate::args::ClassifyArgs;
use crate::command_error::{Code, CommandError};
use crate::output::ClassifiedDocument;
use crate::printer::{Printer, Tone, toned};

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// Progress is told this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);
/// Characters of a line of proof that are printed for a person; the JSON document has all that is kept.
const LINE_CHARACTERS_MAX: usize = 400;

/// Reads a file or standard input and prints what failed.
pub fn run(context: &Context<'_>, args: &ClassifyArgs) -> Result<Code, CommandError> {
    let printer = context.printer;
    let summary = match &args.file {
        Some(path) if path.as_os_str() != "-" => read(open(path)?, &path.display().to_string(), printer)?,
        Some(_) => read(std::io::stdin().lock(), "standard input", printer)?,
        None if context.environment.stdin_is_terminal => {
            return Err(CommandError::new(Code::Usage, "there is nothing to classify")
                .hint("name a file: `repair classify build.log`")
                .hint("or pipe a text in: `docker compose up 2>&1 | repair classify`"));
        }
        None => read(std::io::stdin().lock(), "standard input", printer)?,
    };
    show(printer, &summary);
    printer.document(&ClassifiedDocument::new(&summary))?;
    Ok(Code::Success)
}

fn read(mut source: impl Read, name: &str, printer: &Printer) -> Result<Summary, CommandError> {
    let mut reading = RuleSet::built_in().start();
    let mut buffer = vec![0; READ_BYTES];
    let (mut total_bytes, mut told) = (0_u64, Instant::now());
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(reading.finish()),
            Ok(count) => {
                reading.push(&buffer[..count]);
                total_bytes += u64::try_from(count).unwrap_or_default();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                let what = format!("{name} cannot be read any further after {total_bytes} bytes: {error}");
                return Err(CommandError::new(Code::Usage, what).hint("nothing was decided on the part that was read"));
            }
        }
        if told.elapsed() > PROGRESS_EVERY {
            told = Instant::now();
            printer.progress(&format!("{} MB of {} were read", total_bytes / 1_000_000, escaped(name)));
        }
    }
}

fn show(printer: &Printer, summary: &Summary) {
    let (primary, others) = summary.findings.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
    if let Some(found) = primary {
        printer.line(&format!("{} ({})", toned(Tone::Bad, found.class.as_str()), found.confidence));
        show_lines(printer, found);
        for (name, value) in &found.facts {
            printer.line(&format!("  {name} = {}", escaped(value)));
        }
        if found.proof.is_empty() {
            printer.line(&format!("  no rule knows anything in {} lines", summary.lines));
        }
        for step in &found.next_steps {
            printer.line(&format!("{} {}", toned(Tone::Warning, "next:"), escaped(step)));
        }
    }
    for found in others {
        printer.line(&format!("{} {} ({})", toned(Tone::Faint, "also:"), found.class, found.confidence));
        show_lines(printer, found);
    }
}

fn show_lines(printer: &Printer, found: &Found) {
    for line in &found.proof {
        printer.line(&format!("  line {}: {}", line.line, escaped_short(&line.text, LINE_CHARACTERS_MAX)));
    }
    for line in &found.contradictions {
        let text = escaped_short(&line.text, LINE_CHARACTERS_MAX);
        printer.line(&format!("  {} line {}: {text}", toned(Tone::Faint, "against it,"), line.line));
    }
}
