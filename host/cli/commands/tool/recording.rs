//! `tool record`: the cases of a real session, as recorded cases for the author of a tool.
//!
//! A session keeps what each tool was shown and what it said. What comes out here is no more than that: redacted as it was
//! recorded, with everything that the host answered, so that `tool test` can show it to the next version of the tool.

use std::collections::BTreeMap;
use std::path::Path;

use repair_journal::load_blob;
use repair_model::text::{escaped, escaped_json};
use repair_model::tool::Case;
use repair_pipeline::rehearsal::RecordedCase;
use repair_pipeline::session::AnswerState;
use serde::Serialize;

use super::super::Context;
use super::cases::{self, load_alone, shown};
use crate::args::ToolRecordArgs;
use crate::command_error::{Code, CommandError};
use crate::opening::{find_session, state_dir};

/// Records the cases of a session.
pub fn run(context: &Context<'_>, args: &ToolRecordArgs) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let found = find_session(&state, &args.session)?;
    let answers: Vec<&AnswerState> = found
        .session()?
        .answers
        .iter()
        .filter(|answer| args.tool.as_deref().is_none_or(|tool| answer.tool.id == tool))
        // What was asked on the way stands in the case of the decision.
        .filter(|answer| matches!(answer.answer.as_str(), "propose" | "decline"))
        .collect();
    if answers.is_empty() {
        let what = match &args.tool {
            Some(tool) => format!("tool `{tool}` decided nothing in session {}", found.id),
            None => format!("no tool decided anything in session {}", found.id),
        };
        return Err(CommandError::new(Code::Usage, what).hint("`repair replay SESSION` lists which tools were asked"));
    }
    let folder = context.environment.current_directory.join(&args.output);
    std::fs::create_dir_all(&folder)
        .map_err(|error| CommandError::internal(&format!("{} cannot be made", folder.display()), error))?;
    let mut written = Vec::new();
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    for answer in answers {
        let number = numbers.entry(answer.tool.id.as_str()).or_default();
        *number += 1;
        let case: Case = serde_json::from_slice(&load_blob(&state, &found.target_id, &answer.case)?)
            .map_err(|error| CommandError::internal("the recorded case cannot be read", error))?;
        let about = format!("What `{}` was shown in session {}, decision {number}.", answer.tool, found.id);
        let recorded = RecordedCase::of(&case, about)
            .map_err(|error| CommandError::internal("the recorded case has no parameters", error))?;
        let name = format!("{}-{}-{number}", found.id, answer.tool.id);
        let path = folder.join(format!("{name}.json"));
        write(&path, &recorded)?;
        written.push(path);

        let component = load_blob(&state, &found.target_id, &answer.component_blob)?;
        let (mut tools, manifest) = match load_alone(context, &answer.tool.id, component) {
            Ok(loaded) => loaded,
            Err(failure) => {
                context.printer.line(&format!("no reply is written for {name}: {failure}"));
                continue;
            }
        };
        let transcript = shown(&mut tools, &manifest, &recorded).transcript();
        let path = folder.join(format!("{name}.reply.json"));
        write(&path, &transcript)?;
        written.push(path);
    }
    for path in &written {
        context.printer.line(&format!("wrote {}", escaped(&path.to_string_lossy())));
    }
    context.printer.document(&serde_json::json!({ "session": found.id, "wrote": written }))?;
    Ok(Code::Success)
}

fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| CommandError::internal("a recorded case cannot be encoded", error))?;
    cases::write(path, &(escaped_json(&text) + "\n"), false)
}
