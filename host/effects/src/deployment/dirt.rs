//! What of a session is in the files of the project: how they stand beside what it wrote, what a killed process left beside
//! them, and the projection that the project asks for.
//!
//! It refuses to remove anything but what `repair` itself had begun to write, and to put anything outside of the project.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use repair_model::ids::{Digest, SessionId};
use repair_model::plan::{Change, FileEdit, Step};
use repair_pipeline::outside::{Dirt, FileStanding, Standing, TargetError};

use super::ComposeDeployment;
use super::preparing::{file_refusal, refusal};
use crate::compose::patch;
use crate::files::{self, modified, place_of, put_inside};

impl ComposeDeployment {
    /// Each file of `edits` once, in order of name, and what of the repository is modified.
    pub(super) async fn dirt_of(&mut self, edits: &[FileEdit]) -> Dirt {
        let files = written(edits).into_iter().map(|(file, written)| {
            let standing = match self.planned_digest(file) {
                Ok(now) => written.standing(now),
                Err(_) => Standing::Unreadable,
            };
            FileStanding { file: file.to_owned(), standing }
        });
        let files = files.collect();
        Dirt { files, modified: modified(&self.located.directory, &self.path_var).await }
    }

    /// Removes what is left half-written beside the files that `step` names.
    pub(super) fn sweep_files(&self, step: &Step) -> Vec<String> {
        let paths: BTreeSet<_> = files_of(step).into_iter().map(|file| self.path_of(file)).collect();
        paths.iter().flat_map(|path| files::sweep(path)).collect()
    }

    /// Puts the projection of a session where the project asks for it.
    pub(super) fn put_projection(&self, session: &SessionId, projection: &[u8]) -> Result<(), TargetError> {
        let Some(pattern) = &self.projection else { return Ok(()) };
        let place = place_of(pattern, session).map_err(refusal)?;
        put_inside(&self.located.directory, Path::new(&place), projection).map_err(|error| file_refusal(&error))
    }
}

/// What a session made of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    before: Option<Digest>,
    after: Option<Digest>,
}

impl Written {
    fn standing(self, now: Option<Digest>) -> Standing {
        match now {
            now if now == self.after => Standing::AsWritten,
            now if now == self.before => Standing::AsBefore,
            None => Standing::Missing,
            Some(_) => Standing::Foreign,
        }
    }
}

/// Of several edits of one file, the first tells how it was and the last how it is to be.
fn written(edits: &[FileEdit]) -> BTreeMap<&str, Written> {
    let mut files: BTreeMap<&str, Written> = BTreeMap::new();
    for edit in edits {
        let after = Some(edit.after).filter(|_| !patch::removes_file(edit));
        files.entry(&edit.file).and_modify(|file| file.after = after).or_insert(Written { before: edit.before, after });
    }
    files
}

/// The file that a step changes, and those that it depends on: an earlier step may have changed one of them.
fn files_of(step: &Step) -> Vec<&str> {
    let changed = match &step.change {
        Change::Edit(edit) => Some(edit.file.as_str()),
        Change::SecretValue(edit) => Some(edit.file.as_str()),
        Change::Nothing
        | Change::Containers(_)
        | Change::Networks(_)
        | Change::Images(_)
        | Change::Resource(_)
        | Change::Deployment(_) => None,
    };
    step.footprint.files.keys().map(String::as_str).chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use repair_model::plan::{EditMethod, Hunk};

    use super::*;

    fn edit(file: &str, before: Option<&str>, after: &str) -> FileEdit {
        let hunk = Hunk { offset_bytes: 0, before: before.unwrap_or_default().to_owned(), after: after.to_owned() };
        patch::edit_of(file, EditMethod::InPlace, before, vec![hunk]).expect("it fits")
    }

    #[test]
    fn a_file_stands_by_its_first_beginning_and_its_last_end() {
        let edits = [edit("a", Some("1"), "2"), edit("b", None, "1"), edit("a", Some("2"), "3")];
        let files = written(&edits);
        assert_eq!(files.len(), 2);
        let standing = |file: &str, now: Option<&str>| files[file].standing(now.map(patch::digest));
        for (file, now, expected) in [
            ("a", Some("3"), Standing::AsWritten),
            ("a", Some("1"), Standing::AsBefore),
            ("a", Some("2"), Standing::Foreign),
            ("a", None, Standing::Missing),
            ("b", Some("1"), Standing::AsWritten),
            ("b", None, Standing::AsBefore),
            ("b", Some("x"), Standing::Foreign),
        ] {
            assert_eq!(standing(file, now), expected, "{file} {now:?}");
        }
    }

    #[test]
    fn a_file_that_was_made_and_taken_back_is_as_written_when_it_is_gone() {
        let made = edit("b", None, "1");
        let edits = [made.clone(), patch::undo(&made)];
        let files = written(&edits);
        assert_eq!(files["b"].standing(None), Standing::AsWritten);
        assert_eq!(files["b"].standing(Some(patch::digest("1"))), Standing::Foreign);
    }

    #[test]
    fn each_session_has_a_place_of_its_own_and_none_leaves_the_project() {
        let session: SessionId = "20260131-235959-0a1b2c3d".parse().expect("an id");
        let place = place_of(".azure/deployments/{id}/tracking/phase-state.json", &session);
        let expected = ".azure/deployments/20260131-235959-0a1b2c3d/tracking/phase-state.json";
        assert_eq!(place.as_deref(), Ok(expected));
        for pattern in ["../{id}.json", "/srv/{id}.json", "state.json"] {
            assert!(place_of(pattern, &session).is_err(), "{pattern}");
        }
    }
}
