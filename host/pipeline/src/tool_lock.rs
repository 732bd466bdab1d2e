//! `repair-tools.lock`: which tools somebody has accepted, exactly.
//!
//! A tool is accepted as one component, by its digest, together with what it may see and propose. Another component is
//! another tool until somebody accepts it: an [`update`](ToolLock::judge) says what changes, and asks again when a tool
//! wants more than before. This module is the file's text and that judgement; who reads and writes the file is the command
//! line.

use std::fmt;
use std::path::PathBuf;

use repair_model::action::ActionKind;
use repair_model::finding::FailureClass;
use repair_model::ids::Digest;
use repair_model::limits::{INSTALLED_TOOLS_MAX, RUNTIME_COMPONENT_BYTES_MIN, TOOL_LOCK_BYTES_MAX};
use repair_model::query::QueryKind;
use repair_model::tool::Manifest;
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

/// The file's name, in the user's configuration.
pub const FILE_NAME: &str = "repair-tools.lock";
/// Version of the file's format.
const FORMAT: u32 = 1;
const HEAD: &str = "\
# The repair tools that are used beside the built-in ones, each by the digest of the component that was accepted.
# `repair tool add`, `update` and `remove` write this file; a component that does not fit it is never loaded.
";

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolLock {
    /// Version of the format.
    version: u32,
    /// The tools, in the order in which they are asked.
    #[serde(default, rename = "tool", skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<LockedTool>,
}

impl Default for ToolLock {
    fn default() -> Self {
        Self { version: FORMAT, tools: Vec::new() }
    }
}

/// One accepted tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockedTool {
    /// Its id.
    pub id: String,
    /// Semantic version, as its manifest says.
    #[schemars(with = "String")]
    pub version: Version,
    /// Digest of its component.
    pub component: Digest,
    /// Where it was added from, and where `update` looks.
    pub source: PathBuf,
    /// Classes that it handles.
    pub handles: Vec<FailureClass>,
    /// Queries that it may use.
    pub sees: Vec<QueryKind>,
    /// Actions that it may propose.
    pub may: Vec<ActionKind>,
    /// Whether it is as large as a language runtime and gets the wider limits of one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub runtime: bool,
}

impl LockedTool {
    /// The entry of a checked component.
    ///
    /// # Errors
    /// When its version is not a semantic one; a checked manifest has none such.
    pub fn of(manifest: &Manifest, component_bytes: usize, source: PathBuf) -> Result<Self, LockError> {
        let version = Version::parse(&manifest.tool.version);
        Ok(Self {
            id: manifest.tool.id.clone(),
            version: version.map_err(|error| LockError::Malformed(error.to_string()))?,
            component: manifest.tool.component,
            source,
            handles: manifest.handles.clone(),
            sees: manifest.sees.clone(),
            may: manifest.may.clone(),
            runtime: component_bytes >= RUNTIME_COMPONENT_BYTES_MIN,
        })
    }

    /// What the accepted component says otherwise than this entry, by `actual`, its own one: somebody has changed the file.
    pub fn contradiction(&self, actual: &Self) -> Option<String> {
        let changes = Changes::of(self, actual);
        let named = [("id", &self.id, &actual.id), ("version", &changes.from, &actual.version.to_string())]
            .into_iter()
            .filter(|(_, here, there)| here != there)
            .map(|(field, _, there)| format!("{field} {there}"))
            .collect::<Vec<_>>();
        let more = named.iter().chain(&changes.more).map(|more| format!("+ {more}"));
        let words: Vec<String> = more.chain(changes.less.iter().map(|less| format!("- {less}"))).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// A lock file that cannot be used, or a change of it that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Not the format.
    #[error("{0}")]
    Malformed(String),
    /// Of another version.
    #[error("its version is {0}, and this version of repair reads {FORMAT}")]
    Format(u32),
    /// Too large.
    #[error("it has {0} bytes; at most {TOOL_LOCK_BYTES_MAX} are read")]
    Size(usize),
    /// An id twice.
    #[error("it names the tool `{0}` twice")]
    Twice(String),
    /// Too many.
    #[error("it would name more than {INSTALLED_TOOLS_MAX} tools")]
    TooMany,
    /// The id belongs to a built-in tool.
    #[error("`{0}` is the id of a built-in tool, which no other may take")]
    BuiltIn(String),
    /// An older version than the accepted one.
    #[error("`{id}` {offered} is older than {accepted}, which was accepted")]
    Downgrade {
        /// The tool.
        id: String,
        /// What is offered.
        offered: Version,
        /// What was accepted.
        accepted: Version,
    },
    /// The accepted version with other bytes.
    #[error("`{id}` {version} was accepted as {accepted}, and this is {offered} under the same version")]
    Swap {
        /// The tool.
        id: String,
        /// Its version.
        version: Version,
        /// Digest that was accepted.
        accepted: String,
        /// Digest that is offered.
        offered: String,
    },
}

impl LockError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Malformed(_) | Self::Format(_) | Self::Size(_) | Self::Twice(_) => {
                "correct the file, or move it away and add the tools again with `repair tool add`".to_owned()
            }
            Self::TooMany => "remove one with `repair tool remove ID`".to_owned(),
            Self::BuiltIn(_) => "give the tool an id of its own".to_owned(),
            Self::Downgrade { id, .. } => {
                format!("`repair tool remove {id}` forgets the newer one, if that is really meant")
            }
            Self::Swap { id, .. } => format!(
                "ask its author why; a changed tool needs a new version, and `repair tool remove {id}` forgets the old one"
            ),
        }
    }
}

/// How an offered component stands to what was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Exactly this component is accepted already.
    Same,
    /// No tool of this id is.
    New,
    /// A newer version of an accepted one.
    Newer(Changes),
}

/// What a newer version wants more or less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The version that was accepted.
    pub from: String,
    /// Names that it adds, each with its field: `may remap-port`.
    pub more: Vec<String>,
    /// Names that it gives up.
    pub less: Vec<String>,
}

impl Changes {
    /// Whether it wants more than was accepted, so that somebody has to accept it.
    pub fn grows(&self) -> bool {
        !self.more.is_empty()
    }

    fn of(old: &LockedTool, new: &LockedTool) -> Self {
        let mut changes = Self { from: old.version.to_string(), ..Self::default() };
        changes.compare("handles", &old.handles, &new.handles);
        changes.compare("sees", &old.sees, &new.sees);
        changes.compare("may", &old.may, &new.may);
        let runtime = "the limits of a language runtime".to_owned();
        match (old.runtime, new.runtime) {
            (false, true) => changes.more.push(runtime),
            (true, false) => changes.less.push(runtime),
            _ => {}
        }
        changes
    }

    fn compare<T: PartialEq + fmt::Display>(&mut self, field: &str, old: &[T], new: &[T]) {
        let only = |these: &[T], those: &[T]| -> Vec<String> {
            these.iter().filter(|item| !those.contains(item)).map(|item| format!("{field} {item}")).collect()
        };
        self.more.extend(only(new, old));
        self.less.extend(only(old, new));
    }
}

impl ToolLock {
    /// Reads the text of a lock file.
    ///
    /// # Errors
    /// With line and column of what is wrong.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        if text.len() > TOOL_LOCK_BYTES_MAX {
            return Err(LockError::Size(text.len()));
        }
        // Another version may have other fields, so it is looked at first.
        let table: toml::Table = text.parse().map_err(|error| malformed(text, &error))?;
        if let Some(version) = table.get("version").and_then(toml::Value::as_integer)
            && version != i64::from(FORMAT)
        {
            return Err(LockError::Format(u32::try_from(version).unwrap_or(u32::MAX)));
        }
        let lock: Self = toml::from_str(text).map_err(|error| malformed(text, &error))?;
        lock.check()?;
        Ok(lock)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// When a path in it is not Unicode.
    pub fn to_text(&self) -> Result<String, LockError> {
        let body = toml::to_string_pretty(self).map_err(|error| LockError::Malformed(error.to_string()))?;
        Ok(format!("{HEAD}{body}"))
    }

    fn check(&self) -> Result<(), LockError> {
        if self.tools.len() > INSTALLED_TOOLS_MAX {
            return Err(LockError::TooMany);
        }
        let twice =
            self.tools.iter().enumerate().find(|(at, tool)| self.tools[..*at].iter().any(|one| one.id == tool.id));
        match twice {
            Some((_, tool)) => Err(LockError::Twice(tool.id.clone())),
            None => Ok(()),
        }
    }

    /// The entry of that id.
    pub fn get(&self, id: &str) -> Option<&LockedTool> {
        self.tools.iter().find(|tool| tool.id == id)
    }

    /// How `offered` stands to what was accepted. `built_in` are the ids that nobody may take.
    ///
    /// # Errors
    /// For an id of a built-in tool, an older version, and other bytes under an accepted version.
    pub fn judge(&self, offered: &LockedTool, built_in: &[&str]) -> Result<Judgement, LockError> {
        if built_in.contains(&offered.id.as_str()) {
            return Err(LockError::BuiltIn(offered.id.clone()));
        }
        let Some(accepted) = self.get(&offered.id) else {
            return if self.tools.len() < INSTALLED_TOOLS_MAX { Ok(Judgement::New) } else { Err(LockError::TooMany) };
        };
        if accepted.component == offered.component {
            return Ok(Judgement::Same);
        }
        let id = offered.id.clone();
        match offered.version.cmp_precedence(&accepted.version) {
            std::cmp::Ordering::Less => {
                Err(LockError::Downgrade { id, offered: offered.version.clone(), accepted: accepted.version.clone() })
            }
            std::cmp::Ordering::Equal => Err(LockError::Swap {
                id,
                version: offered.version.clone(),
                accepted: accepted.component.to_string(),
                offered: offered.component.to_string(),
            }),
            std::cmp::Ordering::Greater => Ok(Judgement::Newer(Changes::of(accepted, offered))),
        }
    }

    /// Puts an accepted tool in the place of one of the same id, or at the end.
    pub fn accept(&mut self, tool: LockedTool) {
        match self.tools.iter_mut().find(|known| known.id == tool.id) {
            Some(known) => *known = tool,
            None => self.tools.push(tool),
        }
    }

    /// Takes a tool out and gives it back.
    pub fn remove(&mut self, id: &str) -> Option<LockedTool> {
        let at = self.tools.iter().position(|tool| tool.id == id)?;
        Some(self.tools.remove(at))
    }
}

/// What is wrong with the text, in one line, and where.
fn malformed(text: &str, error: &toml::de::Error) -> LockError {
    let before = error.span().and_then(|span| text.get(..span.start));
    let place = before.map(|before| {
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        format!("line {}, column {column}: ", before.matches('\n').count() + 1)
    });
    let message = error.message().replace('\n', " ");
    LockError::Malformed(place.unwrap_or_default() + &message)
}

#[cfg(test)]
mod tests {
    use repair_model::ids::Domain;

    use super::*;

    fn tool(version: &str, bytes: &str) -> LockedTool {
        LockedTool {
            id: "oom-logs".to_owned(),
            version: version.parse().expect("a version"),
            component: Digest::of(Domain::Component, bytes.as_bytes()),
            source: "/home/ann/oom logs.wasm".into(),
            handles: vec![FailureClass::DockerOomKilled],
            sees: vec![QueryKind::Containers],
            may: vec![ActionKind::CollectLogs],
            runtime: false,
        }
    }

    fn lock() -> ToolLock {
        let mut lock = ToolLock::default();
        lock.accept(tool("1.0.0", "one"));
        lock
    }

    #[test]
    fn the_text_reads_back_and_says_what_it_is() {
        let text = lock().to_text().expect("a text");
        assert!(text.starts_with("# The repair tools"), "{text}");
        assert_eq!(ToolLock::parse(&text), Ok(lock()));
        assert_eq!(ToolLock::parse("version = 1\n"), Ok(ToolLock::default()));
    }

    #[test]
    fn what_is_not_the_format_is_refused_by_name() {
        for (text, word) in [
            ("", "version"),
            ("version = 1\ntools = []\n", "tools"),
            ("version = 1\n[[tool]]\nid = \"a\"\n", "version"),
            ("version = \"1\"\n", "invalid type"),
            ("version = 2\nfuture = true\n", "2"),
            ("<<<<<<< HEAD\n", "line 1"),
        ] {
            let error = ToolLock::parse(text).expect_err(text);
            assert!(error.to_string().contains(word), "{text}: {error}");
        }
        let text = lock().to_text().expect("a text").replace("collect-logs", "rm-rf");
        assert!(ToolLock::parse(&text).expect_err("unknown").to_string().contains("rm-rf"));
        let twice = ToolLock { tools: vec![tool("1.0.0", "one"), tool("2.0.0", "two")], ..ToolLock::default() };
        assert_eq!(ToolLock::parse(&twice.to_text().expect("a text")), Err(LockError::Twice("oom-logs".to_owned())));
        assert!(matches!(ToolLock::parse(&"#".repeat(TOOL_LOCK_BYTES_MAX + 1)), Err(LockError::Size(_))));
    }

    #[test]
    fn a_newer_version_is_told_by_what_it_wants_more_and_less() {
        let mut newer = tool("1.1.0", "two");
        newer.may = vec![ActionKind::RemapPort];
        newer.runtime = true;
        let Ok(Judgement::Newer(changes)) = lock().judge(&newer, &[]) else { panic!("newer") };
        assert_eq!(changes.more, ["may remap-port", "the limits of a language runtime"]);
        assert_eq!(changes.less, ["may collect-logs"]);
        assert!(changes.grows());
        let Ok(Judgement::Newer(same)) = lock().judge(&tool("1.1.0", "two"), &[]) else { panic!("newer") };
        assert!(!same.grows());
    }

    #[test]
    fn collisions_downgrades_and_swaps_are_refused() {
        assert_eq!(lock().judge(&tool("1.0.0", "one"), &[]), Ok(Judgement::Same));
        assert_eq!(ToolLock::default().judge(&tool("0.1.0", "one"), &[]), Ok(Judgement::New));
        let taken = lock().judge(&tool("9.0.0", "two"), &["oom-logs"]);
        assert_eq!(taken, Err(LockError::BuiltIn("oom-logs".to_owned())));
        assert!(matches!(lock().judge(&tool("0.9.9", "two"), &[]), Err(LockError::Downgrade { .. })));
        assert!(matches!(lock().judge(&tool("1.0.0-rc.1", "two"), &[]), Err(LockError::Downgrade { .. })));
        assert!(matches!(lock().judge(&tool("1.0.0", "two"), &[]), Err(LockError::Swap { .. })));
        // Build metadata is no newer version, by section 10 of Semantic Versioning 2.0.0.
        assert!(matches!(lock().judge(&tool("1.0.0+2", "two"), &[]), Err(LockError::Swap { .. })));
    }

    #[test]
    fn an_entry_that_its_component_contradicts_is_told_apart() {
        let accepted = tool("1.0.0", "one");
        let moved = LockedTool { source: "/elsewhere.wasm".into(), ..accepted.clone() };
        assert_eq!(moved.contradiction(&accepted), None);
        let narrowed = LockedTool { may: Vec::new(), runtime: true, ..accepted.clone() };
        let words = "+ may collect-logs, - the limits of a language runtime";
        assert_eq!(narrowed.contradiction(&accepted).as_deref(), Some(words));
        let renamed = LockedTool { id: "other".to_owned(), ..tool("2.0.0", "one") };
        assert_eq!(renamed.contradiction(&accepted).as_deref(), Some("+ id oom-logs, + version 1.0.0"));
    }

    #[test]
    fn only_so_many_tools_are_installed() {
        let mut lock = ToolLock::default();
        for at in 0..INSTALLED_TOOLS_MAX {
            lock.accept(LockedTool { id: format!("tool-{at}"), ..tool("1.0.0", "one") });
        }
        assert_eq!(lock.judge(&tool("1.0.0", "one"), &[]), Err(LockError::TooMany));
        lock.accept(tool("1.0.0", "one"));
        assert_eq!(ToolLock::parse(&lock.to_text().expect("a text")), Err(LockError::TooMany));
        assert_eq!(lock.remove("tool-3").map(|tool| tool.id), Some("tool-3".to_owned()));
        assert_eq!(lock.remove("tool-3"), None);
    }
}
