//! Finding components and recorded cases in an author's folder, and showing the one the other.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use repair_effects::files::{self, FileError};
use repair_model::bounds::Bounds;
use repair_model::limits::{COMPONENT_BYTES_MAX, RECORDED_CASE_BYTES_MAX};
use repair_model::tool::Manifest;
use repair_pipeline::outside::{ToolFailure, Tools as _};
use repair_pipeline::rehearsal::{RecordedCase, Rehearsal, rehearse};
use repair_sandbox::{Origin, ToolSource, Toolbox, Usage};

use super::super::Context;
use crate::command_error::{Code, CommandError};
use crate::installed::file_error;
use crate::opening::load_options;

/// The folder of recorded cases within that of a tool.
pub(super) const CASES: &str = "cases";
/// What stands behind the name of a case in the name of its expected transcript.
const REPLY: &str = ".reply.json";

/// A recorded case and where it lies.
pub(super) struct CaseFile {
    pub name: String,
    pub path: PathBuf,
    pub case: RecordedCase,
}

impl CaseFile {
    /// Where the transcript lies that is expected of it.
    pub(super) fn transcript(&self) -> Result<PathBuf, CommandError> {
        let path = self.path.with_file_name(format!("{}{REPLY}", self.name));
        no_link(&path)?;
        Ok(path)
    }
}

/// Refuses a link in the folder of a tool: somebody else may have made the folder, and what is there is shown and replaced.
fn no_link(path: &Path) -> Result<(), CommandError> {
    if std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        let what = format!("{} is a link, which could lead anywhere", path.display());
        return Err(CommandError::new(Code::Usage, what).hint("put the file itself in its place"));
    }
    Ok(())
}

/// Writes a case or a transcript in full; `is_there` when it is to be replaced.
pub(super) fn write(path: &Path, text: &str, is_there: bool) -> Result<(), CommandError> {
    let write = if is_there { files::replace_up_to } else { files::create_up_to };
    write(path, text.as_bytes(), RECORDED_CASE_BYTES_MAX).map_err(|error| not_usable(error, "name another place"))
}

/// The only component in a folder.
pub(super) fn component_in(dir: &Path) -> Result<PathBuf, CommandError> {
    let mut found = files_in(dir, ".wasm")?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(CommandError::new(Code::Usage, format!("{} holds no component (`*.wasm`)", dir.display()))
            .hint("`repair tool build` makes it; `--component FILE` names one elsewhere")),
        (Some(_), false) => Err(CommandError::new(Code::Usage, format!("{} holds several components", dir.display()))
            .hint("name the one that is meant with `--component FILE`")),
    }
}

/// The recorded cases of a tool's folder, by name; none where it has no such folder.
pub(super) fn cases_in(dir: &Path) -> Result<Vec<CaseFile>, CommandError> {
    let folder = dir.join(CASES);
    no_link(&folder)?;
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let files = files_in(&folder, ".json")?;
    let cases = files.iter().filter(|path| !name_of(path).ends_with(REPLY));
    cases.map(|path| no_link(path).and_then(|()| case_of(path))).collect()
}

/// The recorded case in a file.
pub(super) fn case_of(path: &Path) -> Result<CaseFile, CommandError> {
    let text = text_of(path)?;
    let case = RecordedCase::parse(&text).map_err(|error| {
        CommandError::new(Code::Usage, format!("{}: {error}", path.display()))
            .hint("`repair schema case` prints the schema; `repair tool record SESSION` writes one")
    })?;
    let name = name_of(path);
    Ok(CaseFile { name: name.trim_end_matches(".json").to_owned(), path: path.to_owned(), case })
}

/// The text of a case or a transcript.
pub(super) fn text_of(path: &Path) -> Result<String, CommandError> {
    let bytes = files::read_up_to(path, RECORDED_CASE_BYTES_MAX)
        .map_err(|error| not_usable(error, "`repair tool record SESSION` writes a case"))?;
    String::from_utf8(bytes)
        .map_err(|_| CommandError::new(Code::Usage, format!("{} is not UTF-8 text", path.display())))
}

/// The error of a file that somebody has named; `otherwise` says what to do where the error itself does not. What the
/// system could not do is no fault of the name.
fn not_usable(error: FileError, otherwise: &str) -> CommandError {
    let of_name = [ErrorKind::NotFound, ErrorKind::AlreadyExists, ErrorKind::PermissionDenied, ErrorKind::IsADirectory];
    if error.kind().is_some_and(|kind| !of_name.contains(&kind)) {
        return file_error(error);
    }
    let hints = Some(error.hints()).filter(|hints| !hints.is_empty()).unwrap_or_else(|| vec![otherwise.to_owned()]);
    CommandError { code: Code::Usage, error: Box::new(error), hints }
}

/// Loads a component by itself, as every run would.
///
/// # Errors
/// What is wrong with it, and its fix.
pub(super) fn load(context: &Context<'_>, component: &Path) -> Result<(Toolbox, Manifest), CommandError> {
    let bytes = files::read_up_to(component, COMPONENT_BYTES_MAX).map_err(|error| match error {
        FileError::TooLong { .. } => CommandError::new(Code::NotHealed, error.to_string())
            .hint("a component is that large with what it does not need; build it with `opt-level = \"s\"`, `lto` and `strip`"),
        other => not_usable(other, "name the file of a component; `repair tool build` makes one"),
    })?;
    load_alone(context, &name_of(component), bytes).map_err(|failure| {
        let what = format!("tool `{}`: {}", failure.tool, failure.what);
        CommandError::new(Code::NotHealed, what).hint(failure.fix)
    })
}

/// The same for the bytes of a component.
///
/// # Errors
/// Why it is refused.
pub(super) fn load_alone(
    context: &Context<'_>,
    name: &str,
    bytes: Vec<u8>,
) -> Result<(Toolbox, Manifest), ToolFailure> {
    let source = ToolSource { name: name.to_owned(), bytes: Cow::Owned(bytes), origin: Origin::Foreign };
    let tools = Toolbox::load(vec![source], &load_options(context.environment));
    match (tools.failures().first(), tools.manifests().first().cloned()) {
        (None, Some(manifest)) => Ok((tools, manifest)),
        (Some(failure), _) => Err(failure.clone()),
        (None, None) => Err(ToolFailure {
            tool: name.to_owned(),
            what: "it was neither loaded nor refused".to_owned(),
            fix: "report this with the tool's file".to_owned(),
        }),
    }
}

/// Shows a tool a case within the bounds that hold without any policy, whatever it did at the cases before.
pub(super) fn shown(tools: &mut Toolbox, manifest: &Manifest, case: &RecordedCase) -> Rehearsal<Usage> {
    tools.forgive(&manifest.tool.id);
    rehearse(case, manifest, &Bounds::default(), |case| tools.propose_measured(&manifest.tool.id, case))
}

fn files_in(dir: &Path, ending: &str) -> Result<Vec<PathBuf>, CommandError> {
    let entries = std::fs::read_dir(dir).map_err(|error| {
        CommandError::new(Code::Usage, format!("{} cannot be listed: {error}", dir.display()))
            .hint("name the folder of the tool")
    })?;
    let mut found: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| name_of(path).ends_with(ending)).collect();
    found.retain(|path| path.is_file());
    found.sort();
    Ok(found)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
