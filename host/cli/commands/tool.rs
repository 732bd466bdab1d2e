//! `repair tool`: looking at tools, and the way of one from its author to whoever installs it.

mod building;
mod cases;
mod checking;
mod installing;
mod making;
mod recording;
mod testing;

use repair_journal::load_blob;
use repair_model::text::escaped;
use repair_model::tool::{Manifest, Reply};
use repair_pipeline::outside::{ToolFailure, Tools as _};
use repair_sandbox::Toolbox;
use serde::Serialize;

use super::Context;
use crate::args::ToolCommand;
use crate::command_error::{Code, CommandError};
use crate::opening::{histories, state_dir, toolbox};
use crate::printer::{Tone, toned};

/// Notes of a tool that `tool show` shows; the newest.
const NOTES_SHOWN_MAX: usize = 20;

/// Runs one of the subcommands.
pub async fn run(context: &Context<'_>, command: &ToolCommand) -> Result<Code, CommandError> {
    match command {
        ToolCommand::List => list(context),
        ToolCommand::Show { id } => show(context, id),
        ToolCommand::New(args) => making::run(context, args),
        ToolCommand::Build(args) => building::run(context, args).await,
        ToolCommand::Check(args) => checking::run(context, args),
        ToolCommand::Test(args) => testing::run(context, args).await,
        ToolCommand::Record(args) => recording::run(context, args),
        ToolCommand::Add(args) => installing::add(context, args).await,
        ToolCommand::Remove { id } => installing::remove(context, id),
        ToolCommand::Lock => installing::lock(context),
        ToolCommand::Update(args) => installing::update(context, args).await,
    }
}

/// A tool, and whose it is.
#[derive(Serialize)]
struct Listed<'m> {
    #[serde(flatten)]
    manifest: &'m Manifest,
    built_in: bool,
}

/// A note that a tool left in a session.
#[derive(Serialize)]
struct Note {
    session: String,
    note: String,
}

fn list(context: &Context<'_>) -> Result<Code, CommandError> {
    let tools = toolbox(context.environment);
    for manifest in tools.manifests() {
        tell(context, &tools, manifest);
    }
    for failure in tools.failures() {
        context.printer.line(&format!("{} {}", toned(Tone::Bad, "left out:"), escaped(&failure.to_string())));
    }
    let listed: Vec<_> = tools.manifests().iter().map(|manifest| listed(&tools, manifest)).collect();
    let left_out = tools
        .failures()
        .iter()
        .map(|ToolFailure { tool, what, fix }| serde_json::json!({ "tool": tool, "what": what, "fix": fix }));
    let left_out: Vec<_> = left_out.collect();
    context.printer.document(&serde_json::json!({ "tools": listed, "left_out": left_out }))?;
    Ok(if tools.failures().is_empty() { Code::Success } else { Code::NotHealed })
}

fn show(context: &Context<'_>, id: &str) -> Result<Code, CommandError> {
    let tools = toolbox(context.environment);
    let manifest = tools.manifests().iter().find(|manifest| manifest.tool.id == id).ok_or_else(|| {
        let error = CommandError::new(Code::Usage, format!("there is no tool `{id}`"));
        match tools.failures().iter().find(|failure| failure.tool == id) {
            Some(failure) => error.hint(format!("it was left out: {}", failure.what)).hint(failure.fix.clone()),
            None => error.hint("`repair tool list` lists them"),
        }
    })?;
    let notes = notes(context, id)?;
    tell(context, &tools, manifest);
    context.printer.line(&format!("  contact    {}", manifest.contact.as_deref().map_or("none".to_owned(), escaped)));
    context.printer.line(&format!("  component  {}", manifest.tool.component));
    context.printer.line(&format!("  parameters {}", escaped(&manifest.params_schema)));
    for Note { session, note } in &notes {
        context.printer.line(&format!("  note       {session}: {}", escaped(note)));
    }
    context.printer.document(&serde_json::json!({ "tool": listed(&tools, manifest), "notes": notes }))?;
    Ok(Code::Success)
}

fn listed<'m>(tools: &Toolbox, manifest: &'m Manifest) -> Listed<'m> {
    Listed { manifest, built_in: tools.is_built_in(&manifest.tool.id) }
}

fn tell(context: &Context<'_>, tools: &Toolbox, manifest: &Manifest) {
    fn joined<T: ToString>(items: &[T]) -> String {
        items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
    let whose = if tools.is_built_in(&manifest.tool.id) { "" } else { "  (installed)" };
    context.printer.line(&format!(
        "{}  {}{whose}",
        toned(Tone::Heading, &manifest.tool.to_string()),
        escaped(&manifest.summary)
    ));
    context.printer.line(&format!("  handles    {}", joined(&manifest.handles)));
    context.printer.line(&format!("  sees       {}", joined(&manifest.sees)));
    context.printer.line(&format!("  may        {}", joined(&manifest.may)));
}

/// The newest notes of a tool, from the replies that the logs of all targets keep; the oldest of them first.
fn notes(context: &Context<'_>, id: &str) -> Result<Vec<Note>, CommandError> {
    let state = state_dir(context.global, context.environment);
    let mut notes = Vec::new();
    for (_, target, history) in histories(&state)? {
        for session in history.sessions() {
            for answer in session.answers.iter().filter(|answer| answer.tool.id == id) {
                let bytes = load_blob(&state, &target, &answer.reply)?;
                let reply: Reply = serde_json::from_slice(&bytes)
                    .map_err(|error| CommandError::internal("a recorded reply cannot be read", error))?;
                let session = session.id.to_string();
                notes.extend(reply.notes.into_iter().map(|note| Note { session: session.clone(), note }));
            }
        }
    }
    // A session's id begins with its time.
    notes.sort_by(|one, other| one.session.cmp(&other.session));
    notes.drain(..notes.len().saturating_sub(NOTES_SHOWN_MAX));
    Ok(notes)
}
