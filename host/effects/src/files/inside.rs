//! A file of `repair` itself somewhere below a folder, such as a projection that a project asks for.
//!
//! It refuses a place that leads out of the folder, by its words or through a symbolic link, and never writes through a
//! link. Each folder on the way is opened from the one above, so nobody can put a link there in between. Invariant: what
//! is there is either the last whole content or the new one.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use repair_faults::Point;
use repair_model::ids::SessionId;
use repair_model::limits::PROJECT_FILE_BYTES_MAX;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::beside::{Access, Beside, Points, open_folder};
use super::{FileError, io_error, short_enough};

/// What stands for the id of the session in the place of a projection.
pub const ID: &str = "{id}";

/// Checks the place of a projection as a project declares it: a relative path with [`ID`] in it, down from the project.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_place(place: &str) -> Result<(), String> {
    let plain = |component| matches!(component, Component::Normal(_));
    if place.is_empty() || place.ends_with('/') || !Path::new(place).components().all(plain) {
        return Err(format!("`{place}` is not a path of a file below the project, without `..` and not absolute"));
    }
    if !place.contains(ID) {
        return Err(format!("`{place}` needs `{ID}` where the id of the session belongs, so that no two share a file"));
    }
    Ok(())
}

/// Where the projection of a session is put.
///
/// # Errors
/// Those of [`check_place`].
pub fn place_of(pattern: &str, session: &SessionId) -> Result<String, String> {
    check_place(pattern)?;
    Ok(pattern.replace(ID, session.as_str()))
}

/// Puts `bytes` at `place`, a relative path below `root`; folders that are missing are made.
///
/// # Errors
/// When a part of the way is no folder or a link, what is there is no regular file, or it cannot be written.
pub fn put_inside(root: &Path, place: &Path, bytes: &[u8]) -> Result<(), FileError> {
    const POINTS: Points =
        Points { written: Point::StateFileWritten, renamed: Point::StateFileRenamed, detail: "projection-in-project" };
    let whole = root.join(place);
    short_enough(&whole, bytes.len() as u64, PROJECT_FILE_BYTES_MAX)?;
    let name = place.file_name().filter(|_| place.is_relative());
    let name = name.ok_or_else(|| FileError::NotRegular { path: whole.clone() })?;
    let mut folder = open_folder(&whole, root)?;
    for component in place.parent().unwrap_or(Path::new("")).components() {
        let Component::Normal(part) = component else { return Err(FileError::NotRegular { path: whole }) };
        folder = enter(&whole, &folder, Path::new(part))?;
    }
    let failed = |error: Errno| io_error(&whole, "written", error.into());
    let before = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile => {
            return Err(FileError::NotRegular { path: whole });
        }
        Ok(_) => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = File::from(rustix::fs::openat(&folder, name, flags, Mode::empty()).map_err(failed)?);
            Some(file.metadata().map_err(|source| io_error(&whole, "read", source))?)
        }
        Err(Errno::NOENT) => None,
        Err(error) => return Err(failed(error)),
    };
    let beside = Beside::new(&whole, folder, POINTS)?;
    beside.fill(bytes, before.as_ref().map_or(Access::ByUmask, Access::Like))?;
    beside.take_the_place()
}

/// The folder `part` of `above`, made if it is missing.
fn enter(whole: &Path, above: &OwnedFd, part: &Path) -> Result<OwnedFd, FileError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(above, part, flags, Mode::empty());
    let opened = match open() {
        Err(Errno::NOENT) => match rustix::fs::mkdirat(above, part, Mode::RWXU | Mode::RWXG | Mode::RWXO) {
            Ok(()) | Err(Errno::EXIST) => open(),
            Err(error) => Err(error),
        },
        opened => opened,
    };
    opened.map_err(|error| match error {
        // The kernel's words for a link here; see open(2), O_NOFOLLOW.
        Errno::LOOP | Errno::NOTDIR => FileError::LeadsOut { path: whole.to_owned(), part: part.to_owned() },
        error => io_error(whole, "written", error.into()),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::tests::names;
    use super::*;

    const PLACE: &str = ".azure/deployments/s1/tracking/phase-state.json";

    #[test]
    fn only_a_place_below_the_project_with_the_sessions_id_is_taken() {
        for good in [".azure/deployments/{id}/tracking/phase-state.json", "{id}.json", "a/b-{id}/c"] {
            assert_eq!(check_place(good), Ok(()), "{good}");
        }
        for bad in ["", "/etc/{id}", "../{id}", "a/../{id}", "./{id}", "a/{id}/", "a/b.json", "{ID}", ".."] {
            assert!(check_place(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_are_made_and_the_file_is_replaced_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        for content in ["{\"a\":1}", "{}"] {
            put_inside(dir.path(), Path::new(PLACE), content.as_bytes()).expect("put");
            assert_eq!(crate::files::read_text(&dir.path().join(PLACE)).expect("read"), content);
        }
        let folder = dir.path().join(PLACE);
        assert_eq!(names(folder.parent().expect("a folder")), ["phase-state.json"]);
    }

    #[test]
    fn nothing_is_written_through_a_link_or_out_of_the_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let outside = tempfile::tempdir().expect("a folder");
        symlink(outside.path(), dir.path().join(".azure")).expect("linked");
        let error = put_inside(dir.path(), Path::new(PLACE), b"{}").expect_err("it leads out");
        assert!(matches!(&error, FileError::LeadsOut { .. }) && error.to_string().contains(".azure"), "{error}");
        let victim = outside.path().join("victim");
        crate::files::create_new(&victim, b"theirs").expect("made");
        symlink(&victim, dir.path().join("state.json")).expect("linked");
        let error = put_inside(dir.path(), Path::new("state.json"), b"{}").expect_err("a link");
        assert!(matches!(error, FileError::NotRegular { .. }), "{error}");
        assert_eq!(crate::files::read(&victim).expect("read"), b"theirs");
        assert!(put_inside(dir.path(), Path::new("../x"), b"{}").is_err());
        assert!(put_inside(dir.path(), &outside.path().join("x"), b"{}").is_err());
        assert_eq!(names(outside.path()), ["victim"]);
    }
}
