//! What an attempt leaves: files, containers, what the engine did, what the log says; and what of it is wrong.
//!
//! Invariant: two attempts that did the same have equal aftermaths, whatever their projects are called and whichever
//! ports they have.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use serde_json::Value;

use crate::attempt::Attempt;
use crate::engine_events::EngineEvents;

/// What of an attempt has to equal another one's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// Every file of the project.
    pub files: BTreeMap<String, String>,
    /// Service, name, status and exit code of each container.
    pub containers: Vec<String>,
    /// What the engine started, restarted and removed, and how often.
    pub deeds: BTreeMap<String, u32>,
    /// How often each action was intended.
    pub intents: BTreeMap<String, u32>,
}

impl Aftermath {
    /// Looks at everything; only what a project's own name and ports make of it is left out.
    ///
    /// # Errors
    /// What is wrong by itself, whatever was to be compared.
    pub fn of(attempt: &mut Attempt<'_>, events: &EngineEvents) -> Result<Self, String> {
        log_is_sound(attempt)?;
        nobody_is_left(attempt)?;
        let project = &attempt.broken.project;
        let mut files = BTreeMap::new();
        for (name, text) in files_below(project.dir()) {
            let text = match name.as_str() {
                ".env" => text.lines().map(without_drawn_value).collect::<Vec<_>>().join("\n"),
                _ => text,
            };
            files.insert(name, plain(attempt, &text));
        }
        let containers = project.containers().map_err(|error| format!("{error:#}"))?;
        let containers = containers.iter().map(|container| {
            let line = format!("{} {} {}", container.name, container.status, container.exit_code);
            plain(attempt, &line)
        });
        let containers = containers.collect();
        let deeds = events.of(project.name());
        let deeds = deeds.into_iter().map(|(deed, times)| (plain(attempt, &deed), times)).collect();
        Ok(Self { files, containers, deeds, intents: intents(attempt)? })
    }

    /// How this one, after so many kills, differs from that of an attempt that was not killed. A step that was killed may
    /// be begun once more.
    ///
    /// # Errors
    /// The first difference.
    pub fn equals(&self, reference: &Self, kills: u32) -> Result<(), String> {
        if self.files != reference.files {
            return Err(format!("other files: {:#?}\ninstead of {:#?}", self.files, reference.files));
        }
        if self.containers != reference.containers {
            return Err(format!("other containers: {:?} instead of {:?}", self.containers, reference.containers));
        }
        if self.duplicates(reference) > 0 {
            return Err(format!("the engine did more: {:?} instead of {:?}", self.deeds, reference.deeds));
        }
        if more(&self.intents, &reference.intents) > kills {
            return Err(format!("intended more often: {:?} instead of {:?}", self.intents, reference.intents));
        }
        Ok(())
    }

    /// What the engine did more often than in `reference`.
    pub fn duplicates(&self, reference: &Self) -> u32 {
        more(&self.deeds, &reference.deeds)
    }
}

fn more(these: &BTreeMap<String, u32>, those: &BTreeMap<String, u32>) -> u32 {
    these.iter().map(|(what, times)| times.saturating_sub(those.get(what).copied().unwrap_or(0))).sum()
}

/// The log verifies, every session is over, and every command that reads it works.
fn log_is_sound(attempt: &mut Attempt<'_>) -> Result<(), String> {
    let audits = attempt.document(&["audit", "verify"])?;
    if audits[0]["verified"] != true {
        return Err(format!("the log does not verify: {audits:#}"));
    }
    let sessions = attempt.sessions()?;
    if let Some(open) = sessions.iter().find(|session| !session.is_over()) {
        return Err(format!("a session is not over: {open:?}"));
    }
    let last = sessions.last().ok_or("no session")?.id.clone();
    attempt.document(&["show", &last]).map(|_| ())
}

/// The lease is free, and no process works in the project's folder.
fn nobody_is_left(attempt: &Attempt<'_>) -> Result<(), String> {
    let project = &attempt.broken.project;
    let is_free = |path: &Path| File::open(path).is_ok_and(|file| file.try_lock().is_ok());
    if !is_free(project.dir()) {
        return Err("somebody holds the project's folder".to_owned());
    }
    let held = files_below(&project.state_dir()).into_keys().find(|name| {
        let is_lock = name.ends_with("/lease") || name.ends_with(".lock");
        is_lock && !is_free(&project.state_dir().join(name))
    });
    if let Some(name) = held {
        return Err(format!("somebody holds `{name}`"));
    }
    for process in fs::read_dir("/proc").map_err(|error| error.to_string())?.flatten() {
        if fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == project.dir()) {
            let line = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default().replace('\0', " ");
            return Err(format!("a process is left: {line}"));
        }
    }
    Ok(())
}

/// Nothing half-written is left in the state folder.
///
/// # Errors
/// What is.
pub fn nothing_half_written(attempt: &Attempt<'_>) -> Result<(), String> {
    let mut names = files_below(&attempt.broken.project.state_dir()).into_keys();
    match names.find(|name| name.contains(".new-") || name.contains(".unfinished")) {
        Some(name) => Err(format!("`{name}` is left in the state folder")),
        None => Ok(()),
    }
}

fn intents(attempt: &Attempt<'_>) -> Result<BTreeMap<String, u32>, String> {
    let records = attempt.document(&["audit", "show"])?;
    let mut intents = BTreeMap::new();
    for record in records.as_array().ok_or("no list of records")? {
        if record["event"]["kind"] == "intended" {
            *intents.entry(what_is_intended(&record["event"]["intent"])).or_default() += 1;
        }
    }
    Ok(intents)
}

fn what_is_intended(intent: &Value) -> String {
    let action = intent["apply"]["action"].as_object().and_then(|action| action.keys().next());
    action.map_or_else(|| "undo".to_owned(), String::clone)
}

/// The text without what differs between any two projects.
fn plain(attempt: &Attempt<'_>, text: &str) -> String {
    let project = &attempt.broken.project;
    let mut text = text.replace(project.name(), "PROJECT");
    if let Some(registry) = &attempt.broken.registry {
        text = text.replace(&registry.address(), "REGISTRY");
    }
    for index in 0..repair_test_support::PORTS_PER_BLOCK {
        text = text.replace(&project.port(index).to_string(), &format!("PORT+{index}"));
    }
    text
}

/// The value that the host drew, as it stands in the project's `.env`.
pub fn drawn_value(attempt: &Attempt<'_>) -> Option<String> {
    let text = attempt.broken.project.read(".env").ok()?;
    let values: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("APP_SECRET_KEY=")).collect();
    (!values.is_empty()).then(|| values.join("\n"))
}

fn without_drawn_value(line: &str) -> String {
    match line.strip_prefix("APP_SECRET_KEY=") {
        Some(value) if value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            "APP_SECRET_KEY=DRAWN".to_owned()
        }
        _ => line.to_owned(),
    }
}

/// Every file below `dir`, by its path from there.
fn files_below(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
                found.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned());
            }
        }
    }
    found
}
