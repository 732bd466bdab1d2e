//! What `git status` calls modified below a folder: the first paths, and how many there are.
//!
//! `git status` compares contents, and runs the clean filters that the repository's own configuration names. It refuses to
//! let any run: the names of all filters are asked for first, and each is given nothing to run. Submodules, whose own
//! configuration would count, are left out. Invariant: time and memory are bounded, however large the repository.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use repair_model::limits::MODIFIED_FILES_SHOWN_MAX;
use repair_model::text::escaped;
use repair_pipeline::outside::Modified;

use super::{Git, OUTPUT_BYTES_MAX, PATIENCE};
use crate::process::{RunOptions, Stream, in_path, run};

/// Filters of one configuration; a machine has a handful.
const FILTERS_MAX: usize = 64;
/// Bytes kept of what `git status` prints, which is read line by line.
const KEPT_BYTES_MAX: usize = 1024;

/// What is modified in the repository of `folder`, below `folder` only, by paths from there. `None` without git or a
/// repository, and where git does not tell: in time, or because the repository belongs to somebody else.
pub async fn modified(folder: &Path, path_var: &OsStr) -> Option<Modified> {
    let folder = std::fs::canonicalize(folder).ok()?;
    let program = in_path(path_var, "git")?;
    let root = folder.ancestors().find(|above| above.join(".git").exists())?;
    let below = folder.strip_prefix(root).ok()?;
    let git = Git { program: &program, folder: &folder };
    let filters = git.filters().await?;
    git.status(&filters, below).await
}

impl Git<'_> {
    /// The names of the filters in the configuration, whoever defines them.
    async fn filters(&self) -> Option<BTreeSet<String>> {
        let found =
            self.ask(&["config", "--null", "--name-only", "--get-regexp"], OsStr::new(r"^filter\..")).await.ok()?;
        // 1: there is none.
        if !matches!(found.exit_code(), 0 | 1) || found.timed_out || found.stdout.is_cut() {
            return None;
        }
        let text = String::from_utf8(found.stdout.into_bytes()).ok()?;
        let filters = names_of_filters(&text);
        (filters.len() <= FILTERS_MAX).then_some(filters)
    }

    async fn status(&self, filters: &BTreeSet<String>, below: &Path) -> Option<Modified> {
        const STATUS: [&str; 7] =
            ["status", "--porcelain=v1", "--untracked-files=no", "--ignore-submodules=all", "--no-renames", "--", "."];
        let mut invocation = self.invocation(STATUS.into_iter().map(OsStr::new));
        let switched_off = switched_off(filters);
        // Given so and not by `-c`, which would end a key at its first `=`.
        invocation = invocation.with_variable("GIT_CONFIG_COUNT", switched_off.len().to_string());
        for (at, (key, value)) in switched_off.into_iter().enumerate() {
            invocation = invocation
                .with_variable(format!("GIT_CONFIG_KEY_{at}"), key)
                .with_variable(format!("GIT_CONFIG_VALUE_{at}"), value);
        }
        let mut modified = Modified::default();
        let mut on_line = |stream: Stream, line: &str| {
            if stream == Stream::Stdout {
                take(&mut modified, line, below);
            }
        };
        let options = RunOptions { on_line: Some(&mut on_line), ..RunOptions::new(PATIENCE, KEPT_BYTES_MAX) };
        let finished = run(&invocation, options).await.ok()?;
        finished.succeeded().then_some(modified)
    }
}

const _: () = assert!(KEPT_BYTES_MAX < OUTPUT_BYTES_MAX);

/// `filter.NAME.KEY` with a NUL behind each; the name may hold any other character.
fn names_of_filters(keys: &str) -> BTreeSet<String> {
    let name = |key: &str| Some(key.strip_prefix("filter.")?.rsplit_once('.')?.0.to_owned());
    keys.split('\0').filter_map(name).collect()
}

/// What makes git take the content of a file as it is (gitattributes(5), "filter"): no command, and none required.
fn switched_off(filters: &BTreeSet<String>) -> Vec<(String, &'static str)> {
    let of = |name: &String| {
        let key = |key: &str| format!("filter.{name}.{key}");
        [(key("clean"), ""), (key("smudge"), ""), (key("process"), ""), (key("required"), "false")]
    };
    filters.iter().flat_map(of).collect()
}

/// Takes a line `XY PATH`, whose path counts from the top of the repository; git quotes an odd one.
fn take(modified: &mut Modified, line: &str, below: &Path) {
    let Some(path) = line.get(3..).filter(|path| !path.is_empty()) else { return };
    modified.count += 1;
    if modified.first.len() < MODIFIED_FILES_SHOWN_MAX {
        let relative = Path::new(path).strip_prefix(below).map_or(path.into(), Path::to_string_lossy);
        modified.first.push(escaped(&relative));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PATH, git, has_git};
    use super::*;

    async fn modified(folder: &Path) -> Option<Modified> {
        super::modified(folder, OsStr::new(PATH)).await
    }

    fn write(path: &Path, text: &str) {
        match path.exists() {
            true => crate::files::replace(path, text.as_bytes(), None),
            false => crate::files::create_new(path, text.as_bytes()),
        }
        .expect("written");
    }

    #[tokio::test]
    async fn the_first_paths_are_named_and_all_are_counted() {
        let dir = tempfile::tempdir().expect("a folder");
        let project = dir.path().join("shop");
        std::fs::create_dir(&project).expect("made");
        assert_eq!(modified(&project).await, None, "there is no repository");
        if !has_git() {
            return;
        }
        let files = MODIFIED_FILES_SHOWN_MAX + 5;
        let file = |number: usize| project.join(format!("file-{number:02}"));
        (0..files).for_each(|number| write(&file(number), "before\n"));
        write(&dir.path().join("elsewhere"), "before\n");
        git(dir.path(), &["init", "--quiet"]).await;
        git(dir.path(), &["add", "."]).await;
        git(dir.path(), &["commit", "--quiet", "-m", "first"]).await;
        assert_eq!(modified(&project).await, Some(Modified::default()));
        (1..files).for_each(|number| write(&file(number), "after it\n"));
        write(&dir.path().join("elsewhere"), "after it\n");
        write(&project.join("untracked"), "");
        let found = modified(&project).await.expect("git tells");
        assert_eq!((found.first.len(), found.count), (MODIFIED_FILES_SHOWN_MAX, files - 1));
        assert_eq!(found.first[0], "file-01", "by its path from the project");
        assert_eq!(super::modified(&project, OsStr::new("")).await, None, "there is no git");
    }

    #[tokio::test]
    async fn no_filter_monitor_or_hook_of_a_hostile_repository_runs() {
        if !has_git() {
            return;
        }
        let dir = tempfile::tempdir().expect("a folder");
        write(&dir.path().join("compose.yaml"), "services: {}\n");
        git(dir.path(), &["init", "--quiet"]).await;
        git(dir.path(), &["add", "."]).await;
        git(dir.path(), &["commit", "--quiet", "-m", "first"]).await;
        let trap = dir.path().join("trapped");
        let touch = format!("touch {}", trap.display());
        for key in [
            "core.fsmonitor",
            "filter.evil.clean",
            "filter.evil.process",
            "filter.a=b.c.clean",
            "filter.a=b.c.smudge",
            "core.pager",
            "core.sshCommand",
            "diff.external",
        ] {
            git(dir.path(), &["config", key, &touch]).await;
        }
        git(dir.path(), &["config", "filter.evil.required", "true"]).await;
        write(&dir.path().join(".gitattributes"), "*.yaml filter=evil\n*.txt filter=a=b.c\n");
        // Of the same length, so that git has to read it.
        write(&dir.path().join("compose.yaml"), "services: []\n");
        let found = modified(dir.path()).await.expect("git tells");
        assert_eq!(found.first, ["compose.yaml"]);
        assert!(!trap.exists(), "the repository's own program ran");
    }

    #[tokio::test]
    async fn a_damaged_repository_tells_nothing() {
        let dir = tempfile::tempdir().expect("a folder");
        write(&dir.path().join(".git"), "gitdir: nowhere\n");
        assert_eq!(modified(dir.path()).await, None);
    }

    #[test]
    fn names_of_filters_may_hold_dots_and_lines() {
        let names = names_of_filters("filter.lfs.clean\0filter.lfs.process\0filter.a.b\nc.clean\0");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a.b\nc", "lfs"]);
    }
}
