//! Whether a file is under version control, so that a person knows what an edit would show up in.
//!
//! It asks `git`, with commands that read only and that start nothing which the repository's own configuration names: no
//! file system monitor, hook, pager, content filter or transport. That is why the state of a file is told by comparing
//! object names: `git status` runs clean filters, so each has to be switched off first ([`modified`]).

mod status;

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use crate::process::{Finished, Invocation, RunOptions, in_path, run};
pub use status::modified;

const PATIENCE: Duration = Duration::from_secs(10);
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// What git knows of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitState {
    /// Not under version control, though it lies in a repository.
    Untracked,
    /// As it was committed.
    TrackedClean,
    /// Tracked, and not as it was committed. Where git converts line ends or filters, that may be all the difference.
    TrackedModified,
    /// In no repository, or there is no `git` here.
    NotARepository,
    /// Kept out of the repository on purpose.
    Ignored,
    /// Git does not tell, and why.
    Unclear(String),
}

/// What git knows of `path`, which may not exist yet. `path_var` is the value of `PATH`.
pub async fn git_state(path: &Path, path_var: &OsStr) -> GitState {
    // The file may be a link out of the repository; git tracks the link, so only its folder is resolved.
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return GitState::NotARepository };
    let Ok(folder) = std::fs::canonicalize(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }) else {
        return GitState::NotARepository;
    };
    let Some(git) = in_path(path_var, "git") else { return GitState::NotARepository };
    if !folder.ancestors().any(|above| above.join(".git").exists()) {
        return GitState::NotARepository;
    }
    let git = Git { program: &git, folder: &folder };
    git.state(name).await.unwrap_or_else(GitState::Unclear)
}

struct Git<'a> {
    program: &'a Path,
    folder: &'a Path,
}

impl Git<'_> {
    async fn state(&self, name: &OsStr) -> Result<GitState, String> {
        let staged = self.ask(&["--literal-pathspecs", "ls-files", "--stage", "-z", "--"], name).await?;
        if !staged.succeeded() {
            return Err(first_line(staged));
        }
        if staged.stdout.into_text().is_empty() {
            // 0: ignored, 1: not.
            let ignored = self.ask(&["check-ignore", "--quiet", "--"], name).await?;
            return match ignored.exit_code() {
                0 => Ok(GitState::Ignored),
                1 => Ok(GitState::Untracked),
                _ => Err(first_line(ignored)),
            };
        }
        let committed = self.ask(&["--literal-pathspecs", "ls-tree", "-z", "HEAD", "--"], name).await?;
        // Before the first commit there is no HEAD.
        let committed = if committed.succeeded() { committed.stdout.into_text() } else { String::new() };
        let present = self.ask(&["hash-object", "--no-filters", "--"], name).await?;
        let present = present.stdout.into_text();
        // `MODE blob NAME<TAB>PATH`
        let committed = committed.split_ascii_whitespace().nth(2).unwrap_or_default();
        let same = !committed.is_empty() && committed == present.trim();
        Ok(if same { GitState::TrackedClean } else { GitState::TrackedModified })
    }

    async fn ask(&self, args: &[&str], name: &OsStr) -> Result<Finished, String> {
        let invocation = self.invocation(args.iter().map(OsStr::new).chain([name]));
        run(&invocation, RunOptions::new(PATIENCE, OUTPUT_BYTES_MAX)).await.map_err(|error| error.to_string())
    }

    fn invocation<'a>(&self, args: impl Iterator<Item = &'a OsStr>) -> Invocation {
        const SAFE: [&str; 7] = [
            "--no-pager",
            "--no-optional-locks",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.hooksPath=/dev/null",
            "--no-replace-objects",
        ];
        let args = SAFE.iter().map(OsStr::new).chain(args);
        let mut invocation = Invocation::new(self.program, args)
            .in_directory(self.folder)
            .with_variable("GIT_OPTIONAL_LOCKS", "0")
            .with_variable("GIT_TERMINAL_PROMPT", "0")
            .with_variable("GIT_NO_LAZY_FETCH", "1")
            // No transport has this name, so nothing can be fetched, whatever the configuration allows.
            .with_variable("GIT_ALLOW_PROTOCOL", "none")
            .with_variable("LC_ALL", "C");
        for name in [
            "GIT_DIR",
            "GIT_COMMON_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_CONFIG",
            "GIT_EXTERNAL_DIFF",
            "GIT_TRACE",
        ] {
            invocation = invocation.without_variable(name);
        }
        invocation
    }
}

fn first_line(finished: Finished) -> String {
    let code = finished.exit_code();
    let text = finished.stderr.into_text();
    text.lines().next().map_or_else(|| format!("git ended with exit code {code}"), str::to_owned)
}

#[cfg(test)]
pub(in crate::files) mod tests {
    use super::*;

    /// The tests need git as the code does; where there is none, they check that its absence is no error.
    pub(in crate::files) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

    pub(in crate::files) async fn git(folder: &Path, args: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"];
        let program = in_path(OsStr::new(PATH), "git").expect("git");
        let invocation = Invocation::new(program, identity.iter().chain(args).copied()).in_directory(folder);
        let finished = run(&invocation, RunOptions::new(PATIENCE, OUTPUT_BYTES_MAX)).await.expect("ran");
        assert!(finished.succeeded(), "{args:?}: {}", finished.stderr.into_text());
    }

    async fn state(path: &Path) -> GitState {
        git_state(path, OsStr::new(PATH)).await
    }

    pub(in crate::files) fn has_git() -> bool {
        in_path(OsStr::new(PATH), "git").is_some()
    }

    #[tokio::test]
    async fn each_state_of_a_file_is_told_apart() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("inner");
        std::fs::create_dir(&folder).expect("made");
        let file = folder.join("compose.yaml");
        crate::files::create_new(&file, b"services: {}\n").expect("made");
        assert_eq!(state(&file).await, GitState::NotARepository);
        assert_eq!(git_state(&file, OsStr::new("")).await, GitState::NotARepository);
        if !has_git() {
            return;
        }
        git(dir.path(), &["init", "--quiet"]).await;
        assert_eq!(state(&file).await, GitState::Untracked);
        assert_eq!(state(&folder.join("compose.override.yaml")).await, GitState::Untracked);
        git(dir.path(), &["add", "."]).await;
        assert_eq!(state(&file).await, GitState::TrackedModified);
        git(dir.path(), &["commit", "--quiet", "-m", "first"]).await;
        assert_eq!(state(&file).await, GitState::TrackedClean);
        crate::files::replace(&file, b"services: {a: {}}\n", None).expect("replaced");
        assert_eq!(state(&file).await, GitState::TrackedModified);
        crate::files::create_new(&folder.join(".gitignore"), b".env\n").expect("made");
        crate::files::create_new(&folder.join(".env"), b"A=1\n").expect("made");
        assert_eq!(state(&folder.join(".env")).await, GitState::Ignored);
    }

    #[tokio::test]
    async fn nothing_that_a_hostile_configuration_names_is_started() {
        if !has_git() {
            return;
        }
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("compose.yaml");
        crate::files::create_new(&file, b"services: {}\n").expect("made");
        git(dir.path(), &["init", "--quiet"]).await;
        git(dir.path(), &["add", "."]).await;
        git(dir.path(), &["commit", "--quiet", "-m", "first"]).await;
        let trap = dir.path().join("trapped");
        let touch = format!("touch {}", trap.display());
        for key in ["core.fsmonitor", "filter.evil.clean", "filter.evil.process", "core.pager", "core.sshCommand"] {
            git(dir.path(), &["config", key, &touch]).await;
        }
        crate::files::create_new(&dir.path().join(".gitattributes"), b"* filter=evil\n").expect("made");
        crate::files::replace(&file, b"services: {b: {}}\n", None).expect("replaced");
        assert_eq!(state(&file).await, GitState::TrackedModified);
        assert_eq!(state(&dir.path().join("other.yaml")).await, GitState::Untracked);
        assert!(!trap.exists(), "the repository's own program ran");
    }

    #[tokio::test]
    async fn a_damaged_repository_is_unclear_and_no_error() {
        if !has_git() {
            return;
        }
        let dir = tempfile::tempdir().expect("a folder");
        crate::files::create_new(&dir.path().join(".git"), b"gitdir: nowhere\n").expect("made");
        assert!(matches!(state(&dir.path().join("compose.yaml")).await, GitState::Unclear(_)));
    }
}
