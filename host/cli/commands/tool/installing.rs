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
use crate::built_in::{BUILT_IN, is_built_in};
use crate::command_error::{Code, CommandError};
use crate::installed::{Installed, contradicted};
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
    /// Its id; of a file of which no more is known, its path.
    tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    component: Option<Digest>,
    /// `added`, `updated`, `unchanged`, `declined`, `failed`, `in-order`, `brought-back`, `left-out` or `removed`.
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Changes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What can be done about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next: Vec<String>,
}

impl Done {
    fn of(entry: &LockedTool, result: &'static str) -> Self {
        let (version, component) = (Some(entry.version.to_string()), Some(entry.component));
        Self { version, component, result, ..Self::nothing(&entry.id) }
    }

    /// Of a file that is no tool.
    fn nothing(file: &str) -> Self {
        let tool = file.to_owned();
        Self { tool, version: None, component: None, result: "failed", changes: None, reason: None, next: Vec::new() }
    }
}

/// Installs what a file or a folder holds.
pub async fn add(context: &Context<'_>, args: &ToolAddArgs) -> Result<Code, CommandError> {
    let mut tally = Tally::default();
    let files = components(&context.environment.current_directory.join(&args.path))?;
    for file in &files {
        let (tool, taken) = match offer(context, file) {
            Ok(offer) => (Some(offer.entry.clone()), take(context, offer, &args.accept, false).await),
            Err(error) => (None, Err(error)),
        };
        match taken {
            Ok(done) => tally.done.push(done),
            Err(error) if files.len() == 1 || error.code == Code::Interrupted => return Err(error),
            Err(error) => tally.failed(context, &file.to_string_lossy(), tool.as_ref(), error),
        }
    }
    tally.finish(context)
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
    let mut tally = Tally::default();
    for tool in &meant {
        match update_one(context, tool, &args.accept).await {
            Ok(done) => tally.done.push(done),
            Err(error) if meant.len() == 1 || error.code == Code::Interrupted => return Err(error),
            Err(error) => tally.failed(context, &tool.id, Some(tool), error),
        }
    }
    tally.finish(context)
}

async fn update_one(context: &Context<'_>, tool: &LockedTool, accepted: &[Digest]) -> Result<Done, CommandError> {
    let offer = offer(context, &tool.source).map_err(|error| {
        error.hint(format!(
            "`repair tool add PATH` takes `{id}` from elsewhere; `repair tool remove {id}` forgets it",
            id = tool.id
        ))
    })?;
    if offer.entry.id != tool.id {
        let (source, found) = (tool.source.display(), &offer.entry.id);
        return Err(CommandError::new(Code::Usage, format!("{source} holds the tool `{found}`, not `{}`", tool.id))
            .hint(format!("`repair tool add` installs it under its own id; `repair tool remove {}`", tool.id)));
    }
    take(context, offer, accepted, true).await
}

/// What became of several tools, one after the other: none keeps the next from its turn.
#[derive(Default)]
struct Tally {
    done: Vec<Done>,
    /// Of the first one that failed.
    code: Option<Code>,
}

impl Tally {
    fn failed(&mut self, context: &Context<'_>, name: &str, tool: Option<&LockedTool>, error: CommandError) {
        let reason = [vec![error.error.to_string()], error.causes()].concat().join(": ");
        context.printer.line(&format!("{}  {} {}", escaped(name), toned(Tone::Bad, "failed:"), escaped(&reason)));
        error.hints.iter().for_each(|hint| context.printer.line(&format!("  next: {}", escaped(hint))));
        let done = match tool {
            Some(tool) => Done::of(tool, "failed"),
            None => Done::nothing(name),
        };
        self.done.push(Done { reason: Some(reason), next: error.hints, ..done });
        self.code.get_or_insert(error.code);
    }

    fn finish(self, context: &Context<'_>) -> Result<Code, CommandError> {
        context.printer.document(&self.done)?;
        let declined = self.done.iter().any(|done| done.result == "declined");
        Ok(self.code.unwrap_or(if declined { Code::NotHealed } else { Code::Success }))
    }
}

/// Removes an installed tool.
pub fn remove(context: &Context<'_>, id: &str) -> Result<Code, CommandError> {
    let installed = Installed::of(context.environment);
    let removed = installed.change(None, |lock| lock.remove(id).ok_or_else(|| not_installed(id)))?;
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
                let size = bytes.len();
                let failure = match load_alone(context, &tool.id, bytes) {
                    Ok((_, manifest)) => contradicted(tool, &manifest, size),
                    Err(failure) => Some(failure),
                };
                failure.map(|failure| failure.to_string())
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
    if source.to_str().is_none() {
        let what = format!("{} is no UTF-8 path, which the lock file could not name", source.display());
        return Err(CommandError::new(Code::Usage, what).hint("copy the component to another place"));
    }
    let entry = LockedTool::of(&manifest, bytes.len(), source).map_err(refused)?;
    Ok(Offer { bytes, manifest, entry })
}

/// Asks where something has to be asked, and keeps what was accepted. Only an update that wants nothing more needs no yes:
/// it comes from where the accepted one came from.
async fn take(context: &Context<'_>, offer: Offer, accepted: &[Digest], is_update: bool) -> Result<Done, CommandError> {
    let installed = Installed::of(context.environment);
    let lock = installed.read()?;
    let judged = judge(&lock, &offer)?;
    let component = offer.entry.component;
    let changes = match &judged {
        Judgement::Same => {
            let entry = lock.get(&offer.entry.id);
            if let Some(failure) = entry.and_then(|entry| contradicted(entry, &offer.manifest, offer.bytes.len())) {
                return Err(CommandError::new(Code::NotHealed, failure.what).hint(failure.fix));
            }
            context.printer.line(&format!("{} is installed already, exactly so", offer.manifest.tool));
            // Its file may be gone; what was accepted is put back.
            installed.keep(&component, &offer.bytes)?;
            return Ok(Done::of(&offer.entry, "unchanged"));
        }
        Judgement::New => None,
        Judgement::Newer(changes) => Some(changes.clone()),
    };
    context.printer.ask(&shown(&offer, lock.get(&offer.entry.id), changes.as_ref()));
    let needs_a_yes = !is_update || changes.as_ref().is_none_or(Changes::grows);
    if needs_a_yes && !accepted.contains(&component) && !confirmed(context, &offer, is_update).await? {
        return Ok(Done { changes, ..Done::of(&offer.entry, "declined") });
    }
    installed.change(Some(&component), |lock| {
        // Somebody else may have changed it meanwhile; the yes was to this step from that state.
        if judge(lock, &offer)? != judged {
            return Err(CommandError::new(Code::Busy, "the lock file was changed meanwhile").hint("run it again"));
        }
        installed.keep(&component, &offer.bytes)?;
        lock.accept(offer.entry.clone());
        Ok(())
    })?;
    let (word, result) = if changes.is_some() { ("updated to", "updated") } else { ("added", "added") };
    context.printer.line(&format!("{word} {} {}", offer.manifest.tool, component.short()));
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
fn shown(offer: &Offer, accepted: Option<&LockedTool>, changes: Option<&Changes>) -> String {
    let Offer { manifest, entry, bytes } = offer;
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    line(format!("{}  {}", toned(Tone::Heading, &manifest.tool.to_string()), escaped(&manifest.summary)));
    line(format!("  from       {}", escaped(&entry.source.to_string_lossy())));
    if let Some(accepted) = accepted.filter(|accepted| accepted.source != entry.source) {
        let elsewhere = escaped(&accepted.source.to_string_lossy());
        line(format!("  {} the accepted one came from {elsewhere}", toned(Tone::Warning, "note:")));
    }
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
    if context.interrupt.is_set() {
        return Err(CommandError::new(Code::Interrupted, format!("{} was not accepted", offer.manifest.tool)));
    }
    let yes = matches!(answer.as_deref(), Some("y" | "yes"));
    if !yes {
        context.printer.line(&format!("{} was not accepted", offer.manifest.tool));
    }
    Ok(yes)
}

fn not_installed(id: &str) -> CommandError {
    let error = CommandError::new(Code::Usage, format!("no tool `{id}` is installed"));
    if is_built_in(id) {
        return error.hint("it is built in; a policy can forbid what it does");
    }
    error.hint("`repair tool lock` lists the installed ones")
}
