//! Carries out a [`FileEdit`] on a text and turns it round.
//!
//! Invariant: an edit applies to exactly one text, the one whose digest it names, and `undo` of an edit restores that
//! text byte for byte. An edit never starts from an existing empty file; so an edit that leaves nothing, from one hunk
//! at the start, means that the file goes ([`removes_file`]): it is the undo of one that made the file.

use repair_model::ids::{Digest, Domain};
use repair_model::plan::{EditMethod, FileEdit, Hunk};

/// Why an edit cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The file is another one than the edit was made for.
    #[error("`{0}` is not as it was when the change was planned; plan it again")]
    Changed(String),
    /// The edit itself does not fit its digests.
    #[error("the change of `{0}` does not fit its own digests; the record of it is damaged")]
    Damaged(String),
}

/// The digest of a file's text.
pub fn digest(text: &str) -> Digest {
    Digest::of(Domain::File, text.as_bytes())
}

/// An edit of `text`, which is `None` for a file that does not exist. The hunks ascend, do not overlap and fit the
/// text.
pub fn edit_of(file: &str, method: EditMethod, text: Option<&str>, hunks: Vec<Hunk>) -> Option<FileEdit> {
    let after = spliced(text.unwrap_or_default(), &hunks)?;
    Some(FileEdit { file: file.to_owned(), method, before: text.map(digest), after: digest(&after), hunks })
}

/// The text after an edit; `text` is `None` for a file that does not exist. See [`removes_file`] for an empty result.
///
/// # Errors
/// When the text is not the one that the edit was made for, or the edit contradicts itself.
pub fn apply(text: Option<&str>, edit: &FileEdit) -> Result<String, PatchError> {
    if text.map(digest) != edit.before {
        return Err(PatchError::Changed(edit.file.clone()));
    }
    let after = spliced(text.unwrap_or_default(), &edit.hunks);
    after.filter(|after| digest(after) == edit.after).ok_or_else(|| PatchError::Damaged(edit.file.clone()))
}

/// The edit that takes `edit` back.
pub fn undo(edit: &FileEdit) -> FileEdit {
    let mut grown = 0_i64;
    let hunks = edit.hunks.iter().map(|hunk| {
        let offset = i64::try_from(hunk.offset_bytes).unwrap_or(i64::MAX).saturating_add(grown);
        grown += length(&hunk.after) - length(&hunk.before);
        let offset_bytes = u64::try_from(offset).unwrap_or(0);
        Hunk { offset_bytes, before: hunk.after.clone(), after: hunk.before.clone() }
    });
    FileEdit {
        file: edit.file.clone(),
        method: edit.method,
        hunks: hunks.collect(),
        before: Some(edit.after).filter(|_| !removes_file(edit)),
        after: edit.before.unwrap_or_else(|| digest("")),
    }
}

/// Whether the edit leaves nothing, so that the file is to be removed.
pub fn removes_file(edit: &FileEdit) -> bool {
    let empties = matches!(edit.hunks.as_slice(), [hunk] if hunk.offset_bytes == 0 && hunk.after.is_empty());
    empties && edit.before.is_some() && edit.after == digest("")
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// The text with all hunks replaced; `None` if one does not fit.
fn spliced(text: &str, hunks: &[Hunk]) -> Option<String> {
    let mut after = String::with_capacity(text.len());
    let mut at = 0;
    for hunk in hunks {
        let start = usize::try_from(hunk.offset_bytes).ok()?;
        after.push_str(text.get(at..start)?);
        if !text.get(start..)?.starts_with(&hunk.before) {
            return None;
        }
        after.push_str(&hunk.after);
        at = start + hunk.before.len();
    }
    after.push_str(text.get(at..)?);
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(offset_bytes: u64, before: &str, after: &str) -> Hunk {
        Hunk { offset_bytes, before: before.to_owned(), after: after.to_owned() }
    }

    #[test]
    fn an_edit_and_its_undo_give_the_text_back() {
        let text = "ä 8080 b 80 c";
        let hunks = vec![hunk(3, "8080", "18085"), hunk(10, "80", ""), hunk(14, "", "!")];
        let edit = edit_of("f", EditMethod::InPlace, Some(text), hunks).unwrap();
        let after = apply(Some(text), &edit).unwrap();
        assert_eq!(after, "ä 18085 b  c!");
        assert_eq!(apply(Some(&after), &undo(&edit)).unwrap(), text);
        assert_eq!(undo(&undo(&edit)), edit);
        assert!(!removes_file(&edit) && !removes_file(&undo(&edit)));
    }

    #[test]
    fn the_undo_of_a_new_file_removes_it() {
        let edit = edit_of("f", EditMethod::Override, None, vec![hunk(0, "", "new\n")]).unwrap();
        assert_eq!(apply(None, &edit).unwrap(), "new\n");
        let undone = undo(&edit);
        assert!(removes_file(&undone) && !removes_file(&edit));
        assert_eq!(apply(Some("new\n"), &undone).unwrap(), "");
        assert_eq!(undo(&undone), edit);
    }

    #[test]
    fn another_text_is_refused() {
        let edit = edit_of("f", EditMethod::InPlace, Some("8080"), vec![hunk(0, "8080", "8085")]).unwrap();
        assert_eq!(apply(Some("8080 "), &edit), Err(PatchError::Changed("f".to_owned())));
        assert_eq!(apply(None, &edit), Err(PatchError::Changed("f".to_owned())));
        let damaged = FileEdit { hunks: vec![hunk(0, "8080", "8086")], ..edit };
        assert_eq!(apply(Some("8080"), &damaged), Err(PatchError::Damaged("f".to_owned())));
        assert_eq!(edit_of("f", EditMethod::InPlace, Some("ä"), vec![hunk(1, "", "x")]), None);
    }
}
