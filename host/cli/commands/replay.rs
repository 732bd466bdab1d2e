//! `replay`: shows the recorded cases to the recorded components again. A tool is a pure function, so each answer has to be
//! the recorded one.

use std::borrow::Cow;

use repair_journal::{StateDir, load_blob};
use repair_model::ids::Digest;
use repair_model::tool::{Case, Reply};
use repair_pipeline::outside::Tools as _;
use repair_pipeline::planning::reply_digest;
use repair_pipeline::session::AnswerState;
use repair_sandbox::{Origin, ToolSource, Toolbox};

use super::Context;
use crate::command_error::{Code, CommandError};
use crate::opening::{find_session, load_options, state_dir};
use crate::printer::{Tone, toned};

/// Replays a session.
pub fn run(context: &Context<'_>, session: &str) -> Result<Code, CommandError> {
    let state = state_dir(context.global, context.environment);
    let found = find_session(&state, session)?;
    let answers = &found.session()?.answers;
    if answers.is_empty() {
        return Err(CommandError::new(Code::Usage, format!("no tool was asked in session {}", found.id)));
    }
    let mut documents = Vec::new();
    let mut all_equal = true;
    for answer in answers {
        let (recorded, replayed) = replay(context, &state, &found.target_id, answer)?;
        let equal = recorded == replayed;
        all_equal &= equal;
        let (tone, word) = if equal { (Tone::Good, "equal") } else { (Tone::Bad, "DIFFERS") };
        context.printer.line(&format!("{}  {} {} {recorded}", toned(tone, word), answer.tool, answer.answer));
        context.printer.line(&format!("         component {}", answer.tool.component));
        documents.push(serde_json::json!({
            "tool": answer.tool.id,
            "version": answer.tool.version,
            "component": answer.tool.component,
            "answer": answer.answer,
            "recorded": recorded,
            "replayed": replayed,
            "equal": equal,
        }));
    }
    context.printer.document(&documents)?;
    if all_equal {
        return Ok(Code::Success);
    }
    Err(CommandError::new(Code::Internal, "a tool answered differently than it did in the session")
        .hint("report this: the sandbox lets something in that the record does not hold"))
}

fn replay(
    context: &Context<'_>,
    state: &StateDir,
    target: &Digest,
    answer: &AnswerState,
) -> Result<(Digest, Digest), CommandError> {
    let decode = |what: &str, error: serde_json::Error| CommandError::internal(what, error);
    let component = load_blob(state, target, &answer.component_blob)?;
    let case: Case = serde_json::from_slice(&load_blob(state, target, &answer.case)?)
        .map_err(|error| decode("the recorded case cannot be read", error))?;
    let recorded: Reply = serde_json::from_slice(&load_blob(state, target, &answer.reply)?)
        .map_err(|error| decode("the recorded reply cannot be read", error))?;
    let source = ToolSource { name: answer.tool.id.clone(), bytes: Cow::Owned(component), origin: Origin::Foreign };
    let mut tools = Toolbox::load(vec![source], &load_options(context.environment));
    if let Some(failure) = tools.failures().first() {
        return Err(CommandError::new(Code::Internal, failure.to_string()));
    }
    let replayed = tools
        .propose(&answer.tool.id, &case)
        .map_err(|failure| CommandError::new(Code::Internal, failure.to_string()))?;
    let digest = |reply: &Reply| reply_digest(reply).map_err(|error| decode("a reply cannot be encoded", error));
    Ok((digest(&recorded)?, digest(&replayed)?))
}
