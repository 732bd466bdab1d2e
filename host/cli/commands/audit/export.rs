//! `audit export`: every record once, one a line, for a collector of logs. With `--follow` it goes on as records come, over
//! new segments too, until it is interrupted or nobody reads any more. Nothing is written but the stream.

use std::ops::ControlFlow;
use std::time::Duration;

use repair_journal::{Follower, KnownTarget, StateDir};
use repair_model::event::Record;
use repair_model::text::escaped_json;

use super::{Context, targets};
use crate::args::{AuditExportArgs, ExportFormat};
use crate::command_error::{Code, CommandError};

/// How often it is looked whether there is more.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// RFC 5424, section 6.2.1: facility 13 (log audit) times 8, and severity 6 (informational).
const PRIORITY: u8 = 13 * 8 + 6;
/// RFC 5424, section 6: the longest host name in a message.
const HOST_BYTES_MAX: usize = 255;

/// Exports logs.
pub async fn run(context: &Context<'_>, state: &StateDir, args: &AuditExportArgs) -> Result<Code, CommandError> {
    let targets = targets(context, state, args.all)?;
    let mut followers: Vec<_> = targets.iter().map(|known| (known, Follower::new(state, &known.id))).collect();
    let lines = Lines { format: args.format, host: host(&context.environment.host) };
    loop {
        for (known, follower) in &mut followers {
            if let Stream::Closed = pass_on(context, known, follower, &lines, args.from)? {
                return Ok(Code::Success);
            }
        }
        if !args.follow {
            return Ok(Code::Success);
        }
        tokio::select! {
            () = context.interrupt.wait() => return Ok(Code::Success),
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Whether anybody still reads.
enum Stream {
    Open,
    Closed,
}

fn pass_on(
    context: &Context<'_>,
    known: &KnownTarget,
    follower: &mut Follower,
    lines: &Lines,
    from: u64,
) -> Result<Stream, CommandError> {
    let mut ended = None;
    follower.advance(|record| {
        if context.interrupt.is_set() {
            return ControlFlow::Break(());
        }
        if record.sequence < from {
            return ControlFlow::Continue(());
        }
        let printed = lines.of(known, &record).and_then(|line| {
            context.printer.stream(&line).map_err(|error| CommandError::internal("the stream ended", error))
        });
        match printed {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                ended = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    match ended {
        None => Ok(Stream::Open),
        Some(error) if is_closed(&error) => Ok(Stream::Closed),
        Some(error) => Err(error),
    }
}

fn is_closed(error: &CommandError) -> bool {
    let cause = error.error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

/// How records become lines.
struct Lines {
    format: ExportFormat,
    host: String,
}

impl Lines {
    fn of(&self, known: &KnownTarget, record: &Record) -> Result<String, CommandError> {
        let json = serde_json::to_string(&serde_json::json!({
            "target": known.id,
            "project": known.target.project,
            "sequence": record.sequence,
            "session": record.session,
            "epoch": record.epoch,
            "time": record.time,
            "event": record.event,
        }))
        .map_err(|error| CommandError::internal("a record cannot be exported", error))?;
        let json = escaped_json(&json);
        Ok(match self.format {
            ExportFormat::Json => json.to_string(),
            ExportFormat::Syslog => {
                let (host, kind) = (&self.host, record.event.kind());
                format!("<{PRIORITY}>1 {:.6} {host} repair - {kind} - {json}", record.time)
            }
        })
    }
}

/// A host name as a message may hold it: visible ASCII, or `-` for none.
fn host(name: &str) -> String {
    let visible: String = name.chars().filter(char::is_ascii_graphic).take(HOST_BYTES_MAX).collect();
    if visible.is_empty() { "-".to_owned() } else { visible }
}

#[cfg(test)]
mod tests {
    use repair_model::event::Event;
    use repair_model::ids::{Digest, Domain};
    use repair_model::target::{ComposeScope, Scope, Target};

    use super::*;

    fn known() -> KnownTarget {
        let target = Target {
            endpoint: "unix:///var/run/docker.sock".into(),
            directory: "/srv/shop".into(),
            project: "shop".into(),
            scope: Scope::Compose(ComposeScope::default()),
        };
        KnownTarget { id: Digest::of(Domain::Target, b"shop"), target }
    }

    fn record() -> Record {
        Record {
            sequence: 7,
            session: None,
            epoch: 1,
            time: "2026-01-31T12:00:00.123456789Z".parse().expect("a time"),
            event: Event::Noted { note: "two\nlines \u{1b}[31m".to_owned() },
        }
    }

    #[test]
    fn a_record_is_one_line_in_each_format_and_the_same_object() {
        let json =
            Lines { format: ExportFormat::Json, host: "here".to_owned() }.of(&known(), &record()).expect("a line");
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&value["sequence"], &value["event"]["kind"]), (&7.into(), &"noted".into()));
        assert_eq!(value["event"]["note"], "two\nlines \u{1b}[31m");
        assert!(!json.contains(['\n', '\u{1b}']));
        let syslog = Lines { format: ExportFormat::Syslog, host: host("") }.of(&known(), &record()).expect("a line");
        assert_eq!(syslog, format!("<110>1 2026-01-31T12:00:00.123456Z - repair - noted - {json}"));
    }

    #[test]
    fn a_host_name_is_visible_ascii() {
        assert_eq!(host("my host\u{e9}"), "myhost");
        assert_eq!(host(&"x".repeat(300)).len(), 255);
    }
}
