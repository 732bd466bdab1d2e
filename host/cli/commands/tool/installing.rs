//! `tool add`, `remove`, `lock` and `update`: which tools of somebody else are used, by exactly which component.
//!
//! Whoever accepts a tool sees what it handles, what it may see and what it may propose, with the greatest risk of each, and
//! says yes to the digest of one component. Nothing of a tool is used before that, and nothing that it does not fit.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use repair_effects::files;
use repair_effects::shell::shell_quoted;
use repair_model::ids::{Digest, Domain};
use repair_model::limits::COMPONENT_BYTES_MAX;
use repair_model::text::escaped;
use repair_model::tool::Manifest;
use repair_pipeline::outside::Tools as _;
use repair_pipeline::tool_lock::{Changes, Judgement, LockError, LockedTool, ToolLock};
use serde::Serialize;

use super::super::Context;
use super::cases::{load, load_alone};
use crate::args::{ToolAddArgs, ToolUpdateArgs};
use crate::built_in::BUILT_IN;
use crate::command_error::{Code, CommandError};
use crate::installed::Installed;
use crate::person::TerminalPerson;
use crate::printer::{Tone, toned};

/// A component that somebody may accept.
struct Offer {
    bytes: Vec<u8>,
    manifest: Manifest,
    entry: LockedTool,
}

/// What became of an offer, or how an installed tool stands.
#[derive(Serialize)]
struct Done {
    tool: String,
    version: String,
    component: Digest,
    /// `added`, `updated`, `unchanged`, `declined`, `in-order`, `brought-back`, `left-out` or `removed`.
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Changes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Done {
    fn of(entry: &LockedTool, result: &'static str) -> Self {
        let (tool, version) = (entry.id.clone(), entry.version.to_string());
        Self { tool, version, component: entry.component, result, changes: None, reason: None }
    }
}

/// Installs what a file or a folder holds.
pub async fn add(context: &Context<'_>, args: &ToolAddArgs) -> Result<Code, CommandError> {
    let mut done = Vec::new();
    for file in components(&context.environment.current_directory.join(&args.path))? {
        let offer = offer(context, &file)?;
        done.push(take(context, offer, &args.accept, false).await?);
    }
    finish(context, &done)
}

/// Takes newer versions from where the tools came from.
pub async fn update(context: &Context<'_>, args: &ToolUpdateArgs) -> Result<Code, CommandError> {
    let lock = Installed::of(context.environment).read()?;
    let meant: Vec<&LockedTool> = match &args.id {
        Some(id) => vec![lock.get(id).ok_or_else(|| not_installed(id))?],
        None => lock.tools.iter().collect(),
    };
    if meant.is_empty() {
        context.printer.line("no tool is installed");
    }
    let mut done = Vec::new();
    for tool in meant {
        let offer = offer(context, &tool.source)?;
        if offer.entry.id != tool.id {
            let (source, found) = (tool.source.display(), &offer.entry.id);
            return Err(CommandError::new(
                Code::Usage,
                format!("{source} holds the tool `{found}`, not `{}`", tool.id),
            )
            .hint(format!("`repair tool add` installs it under its own id; `repair tool remove {}`", tool.id)));
        }
        done.push(take(context, offer, &args.accept, true).await?);
    }
    finish(context, &done)
}

/// Removes an installed tool.
pub fn remove(context: &Context<'_>, id: &str) -> Result<Code, CommandError> {
    let installed = Installed::of(context.environment);
    let removed = installed.change(|lock| lock.remove(id).ok_or_else(|| not_installed(id)))?;
    installed.forget(&removed.component)?;
    context.printer.line(&format!("removed {} {}", removed.id, removed.version));
    context.printer.document(&[Done::of(&removed, "removed")])?;
    Ok(Code::Success)
}

/// Compares the installed tools with the lock file, and brings back what is missing where its source still has it.
pub fn lock(context: &Context<'_>) -> Result<Code, CommandError> {
    let installed = Installed::of(context.environment);
    let lock = installed.read()?;
    if lock.tools.is_empty() {
        context.printer.line(&format!("no tool is installed; {} would say which", installed.lock_file().display()));
    }
    let mut done = Vec::new();
    let mut code = Code::Success;
    for tool in &lock.tools {
        let kept = installed.component_file(&tool.component);
        let (bytes, result) = match exactly(&kept, tool) {
            Ok(bytes) => (Ok(bytes), "in-order"),
            Err(lost) => {
                (exactly(&tool.source, tool).map_err(|elsewhere| format!("{lost}; {elsewhere}")), "brought-back")
            }
        };
        let failure = match bytes {
            Err(why) => Some(why),
            Ok(bytes) => {
                if result == "brought-back" {
                    installed.keep(&tool.component, &bytes)?;
                }
                load_alone(context, &tool.id, bytes).err().map(|failure| failure.to_string())
            }
        };
        let heading = toned(Tone::Heading, &format!("{} {}", tool.id, tool.version));
        match failure {
            None => {
                let newer = if has_other(&tool.source, tool) { "; its source has another component" } else { "" };
                let words = format!("{}{newer}", result.replace('-', " "));
                context.printer.line(&format!("{heading}  {} {words}", tool.component.short()));
                done.push(Done::of(tool, result));
            }
            Some(why) => {
                code = Code::NotHealed;
                context.printer.line(&format!("{heading}  {} {}", toned(Tone::Bad, "left out:"), escaped(&why)));
                context.printer.line(&format!(
                    "  `repair tool update {id}` takes what its source has now, where that is newer; `repair tool remove {id}` \
                     forgets it",
                    id = tool.id
                ));
                done.push(Done { reason: Some(why), ..Done::of(tool, "left-out") });
            }
        }
    }
    context.printer.document(&done)?;
    Ok(code)
}

/// The accepted component, if it is what lies there.
fn exactly(path: &Path, tool: &LockedTool) -> Result<Vec<u8>, String> {
    let bytes = files::read_up_to(path, COMPONENT_BYTES_MAX).map_err(|error| error.to_string())?;
    let found = Digest::of(Domain::Component, &bytes);
    if found == tool.component {
        return Ok(bytes);
    }
    Err(format!("{} is {}, and {} was accepted", path.display(), found.short(), tool.component.short()))
}

fn has_other(source: &Path, tool: &LockedTool) -> bool {
    files::read_up_to(source, COMPONENT_BYTES_MAX)
        .is_ok_and(|bytes| Digest::of(Domain::Component, &bytes) != tool.component)
}

/// The components that `path` means: itself, or those in the folder.
fn components(path: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let nothing = |what: String| CommandError::new(Code::Usage, what);
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path)
        .map_err(|error| CommandError::internal(&format!("{} cannot be listed", path.display()), error))?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some(OsStr::new("wasm")) && path.is_file())
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(nothing(format!("{} holds no component (`*.wasm`)", path.display()))
            .hint("`repair tool build` makes one of a tool's folder"));
    }
    Ok(found)
}

/// Reads and checks a component, as every run would.
fn offer(context: &Context<'_>, file: &Path) -> Result<Offer, CommandError> {
    let (tools, manifest) = load(context, file)?;
    let bytes = tools.component(&manifest.tool.id).unwrap_or_default().to_vec();
    let source = std::fs::canonicalize(file)
        .map_err(|error| CommandError::internal(&format!("{} cannot be found", file.display()), error))?;
    let entry = LockedTool::of(&manifest, bytes.len(), source).map_err(refused)?;
    Ok(Offer { bytes, manifest, entry })
}

/// Asks where something has to be asked, and keeps what was accepted.
async fn take(context: &Context<'_>, offer: Offer, accepted: &[String], is_update: bool) -> Result<Done, CommandError> {
    let installed = Installed::of(context.environment);
    let judged = judge(&installed.read()?, &offer)?;
    let changes = match &judged {
        Judgement::Same => {
            context.printer.line(&format!("{} is installed already, exactly so", offer.manifest.tool));
            // Its file may be gone; what was accepted is put back.
            installed.keep(&offer.entry.component, &offer.bytes)?;
            return Ok(Done::of(&offer.entry, "unchanged"));
        }
        Judgement::New => None,
        Judgement::Newer(changes) => Some(changes.clone()),
    };
    context.printer.ask(&shown(&offer, changes.as_ref()));
    let digest = offer.entry.component.to_string();
    let needs_a_yes = changes.as_ref().is_none_or(Changes::grows);
    let is_named = accepted.iter().any(|prefix| digest.starts_with(prefix.as_str()));
    if needs_a_yes && !is_named && !confirmed(context, &offer, is_update).await? {
        return Ok(Done { changes, ..Done::of(&offer.entry, "declined") });
    }
    installed.keep(&offer.entry.component, &offer.bytes)?;
    let replaced = installed.change(|lock| {
        // Somebody else may have changed it meanwhile; the yes was to this step from that state.
        if judge(lock, &offer)? != judged {
            return Err(CommandError::new(Code::Busy, "the lock file was changed meanwhile").hint("run it again"));
        }
        let replaced = lock.get(&offer.entry.id).map(|tool| tool.component);
        lock.accept(offer.entry.clone());
        Ok(replaced)
    })?;
    if let Some(replaced) = replaced {
        installed.forget(&replaced)?;
    }
    let (word, result) = if changes.is_some() { ("updated to", "updated") } else { ("added", "added") };
    context.printer.line(&format!("{word} {} {}", offer.manifest.tool, offer.entry.component.short()));
    Ok(Done { changes, ..Done::of(&offer.entry, result) })
}

fn judge(lock: &ToolLock, offer: &Offer) -> Result<Judgement, CommandError> {
    let built_in: Vec<&str> = BUILT_IN.iter().map(|(id, _)| *id).collect();
    lock.judge(&offer.entry, &built_in).map_err(refused)
}

fn refused(error: LockError) -> CommandError {
    let hint = error.hint();
    CommandError { code: Code::Usage, error: Box::new(error), hints: vec![hint] }
}

/// Everything that whoever says yes has to know.
fn shown(offer: &Offer, changes: Option<&Changes>) -> String {
    let Offer { manifest, entry, bytes } = offer;
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    line(format!("{}  {}", toned(Tone::Heading, &manifest.tool.to_string()), escaped(&manifest.summary)));
    line(format!("  from       {}", escaped(&entry.source.to_string_lossy())));
    line(format!("  contact    {}", manifest.contact.as_deref().map_or("none is given".to_owned(), escaped)));
    line(format!("  component  {} ({} KiB)", entry.component, bytes.len().div_ceil(1024)));
    line(format!("  handles    {}", joined(entry.handles.iter().map(ToString::to_string))));
    line(format!("  sees       {}", joined(entry.sees.iter().map(ToString::to_string))));
    let may = entry.may.iter().map(|kind| format!("{kind} (at most {})", kind.greatest_risk()));
    line(format!("  may        {}", joined(may)));
    if entry.runtime {
        line("  limits     those of a tool that brings a language runtime: more memory, fuel and time".to_owned());
    }
    if let Some(changes) = changes {
        line(format!(
            "  since {}: {}",
            changes.from,
            if changes.grows() { "it wants more than you accepted" } else { "it wants nothing more" }
        ));
        changes.more.iter().for_each(|more| line(format!("    {} {more}", toned(Tone::Warning, "+"))));
        changes.less.iter().for_each(|less| line(format!("    - {less}")));
    }
    line("  It can call nothing. Its plans are asked about, unless a policy of yours or --yes answers.".to_owned());
    text
}

fn joined(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

async fn confirmed(context: &Context<'_>, offer: &Offer, is_update: bool) -> Result<bool, CommandError> {
    if !context.environment.interactive || context.printer.is_json() {
        let command = if is_update {
            format!("repair tool update {}", offer.entry.id)
        } else {
            format!("repair tool add {}", shell_quoted(&offer.entry.source.to_string_lossy()))
        };
        let what = format!("nobody here can accept {}", offer.manifest.tool);
        return Err(CommandError::new(Code::AwaitingApproval, what)
            .hint(format!("`{command} --accept {}` accepts exactly this component", offer.entry.component)));
    }
    let person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let answer = person.read_line("Accept exactly this component? [y]es [n]o: ").await;
    let yes = matches!(answer.as_deref(), Some("y" | "yes"));
    if !yes {
        context.printer.line(&format!("{} was not accepted", offer.manifest.tool));
    }
    Ok(yes)
}

fn not_installed(id: &str) -> CommandError {
    let error = CommandError::new(Code::Usage, format!("no tool `{id}` is installed"));
    if BUILT_IN.iter().any(|(name, _)| *name == id) {
        return error.hint("it is built in; a policy can forbid what it does");
    }
    error.hint("`repair tool lock` lists the installed ones")
}

fn finish(context: &Context<'_>, done: &[Done]) -> Result<Code, CommandError> {
    context.printer.document(&done)?;
    Ok(if done.iter().any(|done| done.result == "declined") { Code::NotHealed } else { Code::Success })
}
