//! What a person reads of a value that is to be drawn: the line with a hole, and what to mind.

use repair_model::env_value::{EmptyVariable, EnvValue};
use repair_model::plan::SecretEdit;

use crate::files::GitState;

pub(super) fn summary_of(value: &EnvValue, empty: &EmptyVariable) -> String {
    let users = match empty.services.as_slice() {
        [] => String::new(),
        services => format!(" for {}", services.join(", ")),
    };
    format!("give `{}` a random value in `{}`{users}; nobody sees it", value.variable, value.file)
}

/// The line before and after, with a hole.
pub(super) fn detail_of(edit: &SecretEdit, text: Option<&str>) -> Vec<String> {
    let line = 1 + text.unwrap_or_default().bytes().take(edit_offset(edit)).filter(|byte| *byte == b'\n').count();
    let line = line + edit.prefix.matches('\n').count();
    let (prefix, suffix) = (edit.prefix.trim_start(), edit.suffix.trim_end());
    let after = format!("+ {}:{line}  {prefix}[{} random bytes, {}]{suffix}", edit.file, edit.bytes, edit.encoding);
    match edit.replaced.as_str() {
        "" => vec![after],
        replaced => vec![format!("- {}:{line}  {replaced}", edit.file), after],
    }
}

fn edit_offset(edit: &SecretEdit) -> usize {
    usize::try_from(edit.offset_bytes).unwrap_or(usize::MAX)
}

pub(super) fn git_warning(file: &str, state: &GitState) -> Option<String> {
    let how = match state {
        GitState::TrackedClean | GitState::TrackedModified => "is under version control",
        GitState::Untracked => "is not ignored by git",
        GitState::Unclear(_) => "may be under version control",
        GitState::Ignored | GitState::NotARepository => return None,
    };
    Some(format!("`{file}` {how}: a secret will stand in it that must not be committed"))
}

pub(super) fn data_warning(variable: &str) -> String {
    format!(
        "what was encrypted or signed with an earlier value of `{variable}` cannot be read with a new one; if there was \
         one, write it down instead"
    )
}
