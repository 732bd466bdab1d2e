//! `tool test`: shows a tool its recorded cases and compares what it says with what it said before.
//!
//! What is compared is the whole conversation: every question, wait and answer with its notes. A tool is a pure function,
//! so a difference is a change of the tool and never of the day.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use repair_model::query::{Answer, Observation, Query, Refusal};
use repair_model::text::{escaped, escaped_json};
use repair_model::tool::{Case, Manifest, Reply, ToolAnswer};
use repair_pipeline::rehearsal::{End, Rehearsal, Transcript, Turn};
use repair_sandbox::{Toolbox, Usage};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::super::Context;
use super::cases::{CaseFile, cases_in, component_in, load, shown, text_of, write};
use crate::args::ToolTestArgs;
use crate::command_error::{Code, CommandError};
use crate::person::TerminalPerson;
use crate::printer::{Tone, toned};

/// Lines around a change that a difference shows.
const CONTEXT_LINES: usize = 3;

/// How a case stands.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Standing {
    Same,
    Differs,
    /// Nothing was expected of it yet.
    New,
    Accepted,
    /// The tool failed, which nobody can expect of it.
    Failed,
}

impl Standing {
    fn is_wrong(self) -> bool {
        matches!(self, Self::Differs | Self::New | Self::Failed)
    }
}

#[derive(Serialize)]
struct Tested {
    case: String,
    result: Standing,
    /// In one line what came of it.
    outcome: String,
    /// The whole conversation.
    said: Transcript,
    /// What was expected, where that is something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<serde_json::Value>,
    /// What the tool asked for and the case does not answer.
    unanswered: Vec<Query>,
    notes: Vec<String>,
}

/// Tests the tool of a folder.
pub async fn run(context: &Context<'_>, args: &ToolTestArgs) -> Result<Code, CommandError> {
    let dir = context.environment.current_directory.join(&args.dir);
    let dir = std::fs::canonicalize(&dir).unwrap_or(dir);
    if args.debug && context.printer.is_json() {
        return Err(CommandError::new(Code::Usage, "`--debug` is for a person at a terminal, and `--json` is not")
            .hint("`repair tool test --json` prints whole conversations"));
    }
    let cases = chosen(&dir, args.case.as_deref())?;
    let component = match &args.component {
        Some(named) => context.environment.current_directory.join(named),
        None => component_in(&dir)?,
    };
    if let Some(newer) = newer_source(&dir, &component) {
        context.printer.progress(&format!(
            "{} is older than {}; `repair tool build` builds it again",
            escaped(&component.to_string_lossy()),
            escaped(&newer.to_string_lossy())
        ));
    }
    let (mut tools, manifest) = load(context, &component)?;
    let mut tested = Vec::new();
    let mut all_decided = true;
    for case in &cases {
        let rehearsal = shown(&mut tools, &manifest, &case.case);
        all_decided &= rehearsal.end == End::Decided;
        if args.debug {
            step_through(context, &mut tools, &manifest, case, &rehearsal).await;
        } else {
            tested.push(compare(context, case, &rehearsal, args.accept)?);
        }
    }
    context.printer.document(&tested)?;
    let failed = tested.iter().filter(|one| one.result.is_wrong()).count();
    if failed > 0 {
        let can_accept = tested.iter().any(|one| matches!(one.result, Standing::Differs | Standing::New));
        let accept = if can_accept { ", `--accept` takes what the tool says now as right" } else { "" };
        context.printer.line(&format!(
            "not as expected: {failed} of {}; `repair tool test --debug` goes through them{accept}",
            cases.len()
        ));
    }
    Ok(if failed == 0 && (all_decided || !args.debug) { Code::Success } else { Code::NotHealed })
}

/// The cases with `part` in their name, of which there has to be one.
fn chosen(dir: &Path, part: Option<&str>) -> Result<Vec<CaseFile>, CommandError> {
    if !dir.is_dir() {
        return Err(CommandError::new(Code::Usage, format!("{} is no folder", dir.display()))
            .hint("name the folder of the tool; `--component FILE` names a component elsewhere"));
    }
    let mut cases = cases_in(dir)?;
    let names: Vec<String> = cases.iter().map(|case| case.name.clone()).collect();
    cases.retain(|case| part.is_none_or(|part| case.name.contains(part)));
    match (cases.is_empty(), part) {
        (false, _) => Ok(cases),
        (true, Some(part)) if !names.is_empty() => Err(CommandError::new(
            Code::Usage,
            format!("no recorded case of {} has `{part}` in its name", dir.display()),
        )
        .hint(format!("there are {}", names.join(", ")))),
        (true, _) => Err(CommandError::new(Code::Usage, format!("{} holds no recorded case to show", dir.display()))
            .hint("a case is a file `cases/NAME.json`; `repair tool record SESSION` writes one from a real session")),
    }
}

/// A source of the tool that was changed after the component was built.
fn newer_source(dir: &Path, component: &Path) -> Option<PathBuf> {
    let changed = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let built = changed(component)?;
    let within = |folder: &str| std::fs::read_dir(dir.join(folder)).into_iter().flatten().flatten();
    let sources = within("src").chain(within("")).map(|entry| entry.path());
    let is_source = |path: &PathBuf| {
        let extension = path.extension().and_then(OsStr::to_str);
        matches!(extension, Some("rs" | "py")) || path.file_name() == Some(OsStr::new("Cargo.toml"))
    };
    // The tests of a tool are no part of it.
    let is_part = |path: &PathBuf| !path.file_name().is_some_and(|name| name.to_string_lossy().contains("test"));
    sources.filter(is_source).filter(is_part).find(|path| changed(path).is_some_and(|changed| changed > built))
}

fn compare(
    context: &Context<'_>,
    case: &CaseFile,
    rehearsal: &Rehearsal<Usage>,
    accept: bool,
) -> Result<Tested, CommandError> {
    let transcript = rehearsal.transcript();
    let said = serde_json::to_string_pretty(&transcript)
        .map_err(|error| CommandError::internal("a transcript cannot be encoded", error))?;
    let said = escaped_json(&said) + "\n";
    let path = case.transcript()?;
    let expected = if path.exists() { Some(text_of(&path)?) } else { None };
    let mut result = match &expected {
        _ if matches!(rehearsal.end, End::Failed(..)) => Standing::Failed,
        Some(expected) if *expected == said => Standing::Same,
        Some(_) => Standing::Differs,
        None => Standing::New,
    };
    if accept && matches!(result, Standing::Differs | Standing::New) {
        write(&path, &said, expected.is_some())?;
        result = Standing::Accepted;
    }
    let notes: Vec<String> = rehearsal.turns.iter().flat_map(|turn| turn.reply.notes.clone()).collect();
    let (tone, word) = match result {
        Standing::Same => (Tone::Good, "ok      "),
        Standing::Accepted => (Tone::Warning, "accepted"),
        Standing::New => (Tone::Bad, "new     "),
        Standing::Differs => (Tone::Bad, "DIFFERS "),
        Standing::Failed => (Tone::Bad, "FAILED  "),
    };
    context.printer.line(&format!("{}  {}  {}", toned(tone, word), escaped(&case.name), outcome(rehearsal)));
    for note in &notes {
        context.printer.line(&format!("          note: {}", escaped(note)));
    }
    for query in rehearsal.turns.iter().flat_map(|turn| &turn.unanswered) {
        let asked = serde_json::to_string(query).unwrap_or_default();
        context.printer.line(&format!("          the case has no answer to {}", escaped(&asked)));
    }
    match result {
        Standing::Differs => context.printer.line(&difference(expected.as_deref().unwrap_or_default(), &said)),
        Standing::New => context.printer.line(&difference("", &said)),
        Standing::Same | Standing::Accepted | Standing::Failed => {}
    }
    let expected = expected.filter(|_| result == Standing::Differs);
    Ok(Tested {
        case: case.name.clone(),
        result,
        outcome: outcome(rehearsal),
        said: transcript,
        // A file that is no JSON is shown as the text that it is.
        expected: expected.map(|text| serde_json::from_str(&text).unwrap_or(serde_json::Value::String(text))),
        unanswered: rehearsal.turns.iter().flat_map(|turn| turn.unanswered.clone()).collect(),
        notes,
    })
}

/// In one line what came of a case.
fn outcome(rehearsal: &Rehearsal<Usage>) -> String {
    let last = rehearsal.turns.last().map(|turn| &turn.reply.answer);
    match (&rehearsal.end, last) {
        (End::Failed(failure, _), _) => escaped(&failure.to_string()),
        (End::TurnedDown(words), _) => format!("the host would turn it down: {}", escaped(words)),
        (End::Decided, Some(ToolAnswer::Propose(proposal))) => {
            let actions: Vec<String> = proposal
                .actions
                .iter()
                .map(|action| format!("{} {}", action.kind(), escaped(&action.object())))
                .collect();
            format!("proposes {}", actions.join(", "))
        }
        (End::Decided, Some(ToolAnswer::Decline(words))) => format!("declines: {}", escaped(words)),
        (End::Decided, _) => "says nothing".to_owned(),
    }
}

/// Lines that went and came, with a few around them.
fn difference(expected: &str, said: &str) -> String {
    let diff = TextDiff::from_lines(expected, said);
    let mut text = String::new();
    for (at, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
        if at > 0 {
            text.push_str("          …\n");
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let line = escaped(change.value().trim_end_matches('\n'));
            let _ = match change.tag() {
                ChangeTag::Delete => writeln!(text, "        {}", toned(Tone::Bad, &format!("- {line}"))),
                ChangeTag::Insert => writeln!(text, "        {}", toned(Tone::Good, &format!("+ {line}"))),
                ChangeTag::Equal => writeln!(text, "          {line}"),
            };
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Shows a conversation call by call; on a terminal it waits for Enter between them.
async fn step_through(
    context: &Context<'_>,
    tools: &mut Toolbox,
    manifest: &Manifest,
    case: &CaseFile,
    rehearsal: &Rehearsal<Usage>,
) {
    let printer = context.printer;
    printer.line(&toned(Tone::Heading, &format!("case {}", escaped(&case.name))));
    if !case.case.about.is_empty() {
        printer.line(&format!("  {}", escaped(&case.case.about)));
    }
    let person = TerminalPerson::new(printer, context.environment, context.interrupt.clone());
    let limits = tools.weight(&manifest.tool.id).map(|weight| weight.limits);
    let failed_on = match &rehearsal.end {
        End::Failed(_, case) => Some(&**case),
        End::Decided | End::TurnedDown(_) => None,
    };
    for (at, turn) in rehearsal.turns.iter().enumerate() {
        let next = rehearsal.turns.get(at + 1).map(|turn| &turn.case).or(failed_on);
        printer.line(&format!("\ncall {}", at + 1));
        for line in call_lines(at, turn, next) {
            printer.line(&format!("  {line}"));
        }
        if let Some(limits) = &limits {
            printer.line(&format!(
                "  used        {} of {} units of fuel, {} of {} KiB of memory",
                turn.used.fuel,
                limits.fuel_max,
                turn.used.memory_bytes / 1024,
                limits.memory_bytes_max / 1024
            ));
        }
        if next.is_some() && context.environment.interactive && !printer.is_json() {
            let _ = person.read_line("  Enter for the next call: ").await;
        }
        if context.interrupt.is_set() {
            return;
        }
    }
    if failed_on.is_some() {
        printer.line(&format!("\ncall {}", rehearsal.turns.len() + 1));
        printer.line("  fails");
    }
    printer.line(&format!("\nin the end  {}", outcome(rehearsal)));
    if matches!(rehearsal.end, End::Decided)
        && let Some(ToolAnswer::Propose(proposal)) = rehearsal.turns.last().map(|turn| &turn.reply.answer)
    {
        for action in &proposal.actions {
            let risk = action.kind().greatest_risk();
            printer.line(&format!(
                "  the host would look whether this project has it, freeze the exact change ({risk} at most), and ask the \
                 policy and a person: {}",
                json(action)
            ));
        }
    }
    printer.line("");
}

/// What a tool was shown in one call, what it said, and what the host answers.
fn call_lines(at: usize, turn: &Turn<Usage>, next: Option<&Case>) -> Vec<String> {
    let mut lines = Vec::new();
    if at == 0 {
        lines.push(format!("is shown    {}", json(&turn.case.finding)));
        lines.push(format!("parameters  {}", escaped(&turn.case.params)));
        lines.extend(turn.case.history.iter().map(|attempt| format!("tried       {}", json(attempt))));
    }
    let Reply { answer, notes } = &turn.reply;
    lines.push(format!("says        {}", json(answer)));
    lines.extend(notes.iter().map(|note| format!("notes       {}", escaped(note))));
    let Some(next) = next else { return lines };
    match answer {
        ToolAnswer::WaitSeconds(_) => {
            lines.push(format!(
                "the host    waits, until {} s have passed in all, and looks again",
                next.waited_seconds
            ));
        }
        _ => {
            let known = turn.case.observations.len();
            lines.extend(next.observations.iter().skip(known).map(answered));
        }
    }
    lines
}

fn answered(Observation { asked, answer, truncated }: &Observation) -> String {
    let cut = if *truncated { " (cut by a limit)" } else { "" };
    match answer {
        Answer::Fact(fact) => format!("the host    answers {} with {}{cut}", json(asked), json(fact)),
        Answer::Refused(Refusal::Unavailable(why)) => format!("the host    refuses {}: {}", json(asked), escaped(why)),
        Answer::Refused(Refusal::NotPermitted) => {
            format!("the host    refuses {}: the manifest does not name it in `sees`", json(asked))
        }
        Answer::Refused(Refusal::OverLimit) => {
            format!("the host    refuses {}: it is more than the limits allow", json(asked))
        }
    }
}

fn json<T: Serialize>(value: &T) -> String {
    escaped(&serde_json::to_string(value).unwrap_or_default())
}
