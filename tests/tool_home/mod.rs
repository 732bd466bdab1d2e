//! A home of its own for `repair tool`, so that what a test installs is nobody else's.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use repair_test_guests::Guest;
use repair_test_support::{Finished, without_surroundings};
use serde_json::Value;

/// A folder that is home, configuration, data, cache and place of work.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    /// An empty one, with a space in its name.
    pub fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("some home ").tempdir().expect("a folder") }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path below it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }

    /// `repair` with these arguments, at home.
    #[expect(clippy::disallowed_methods, reason = "the test runs the program itself")]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_repair"));
        without_surroundings(command.args(args).current_dir(self.path()).env("HOME", self.path()));
        for variable in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs `repair`; nothing raw may reach the reader.
    pub fn repair(&self, args: &[&str]) -> Finished {
        let finished = Finished::run(&mut self.command(args)).expect("repair can be started");
        finished.assert_plain();
        finished
    }

    /// Runs `repair`, which has to end with `code`.
    pub fn ends(&self, code: i32, args: &[&str]) -> Finished {
        let finished = self.repair(args);
        assert_eq!(finished.code, Some(code), "{finished}");
        finished
    }

    /// Runs `repair --json`, which has to end with `code`.
    pub fn document(&self, code: i32, args: &[&str]) -> Value {
        let finished = self.ends(code, &[args, &["--json"]].concat());
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("no document ({error}): {finished}"))
    }

    /// Writes a file below it.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("its folder can be made");
        std::fs::write(&path, bytes).expect("a file can be written");
        path
    }

    /// Installs a component that nobody is asked about.
    pub fn install(&self, component: &Path) -> Finished {
        // What is wrong with its answers is no reason not to install it; nobody has to check a tool at all.
        let checked = self.repair(&["tool", "check", text_of(component), "--json"]);
        let checked: Value = serde_json::from_str(&checked.stdout).expect("a document");
        let digest = checked.pointer("/manifest/tool/component").and_then(Value::as_str).expect("a digest");
        self.ends(0, &["tool", "add", text_of(component), "--accept", digest])
    }

    /// The ids of the tools in the order in which they are asked.
    pub fn tools(&self, code: i32) -> Vec<String> {
        let listed = self.document(code, &["tool", "list"]);
        let id = |tool: &Value| tool.pointer("/tool/id").and_then(Value::as_str).expect("an id").to_owned();
        listed["tools"].as_array().expect("a list").iter().map(id).collect()
    }
}

/// A path as an argument.
pub fn text_of(path: &Path) -> &str {
    path.to_str().expect("the paths of tests are text")
}

/// A guest of that version.
pub fn versioned(id: &str, version: &str) -> Guest {
    Guest { version: version.to_owned(), ..Guest::new(id) }
}

/// The names of the files in a folder.
pub fn files_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| OsStr::to_string_lossy(&entry.expect("an entry").file_name()).into_owned()).collect();
    names.sort();
    names
}
