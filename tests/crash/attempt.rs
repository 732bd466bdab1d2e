//! One attempt to heal a broken project: each command as a person types it, killed at a point where that is asked for,
//! and gone on with as a person would.
//!
//! It refuses what no person would do: another answer than yes, a hand on the project, a session begun beside one that
//! waits.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

use serde_json::Value;

use crate::sampling::Place;
use crate::scenarios::{Broken, DIGEST, HEALED, Scenario};

/// The signal of a kill.
const SIGKILL: i32 = 9;
/// Commands after a kill; more means that it goes round in circles.
const COMMANDS_MAX: usize = 8;

/// An attempt, with the project that it is about.
pub struct Attempt<'s> {
    /// How the project is broken.
    pub scenario: &'s Scenario,
    /// The project.
    pub broken: Broken,
    said: Vec<Said>,
}

/// A command of `repair` that has ended.
#[derive(Clone, Debug)]
pub struct Said {
    words: Vec<String>,
    /// How.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    stderr: String,
}

impl Said {
    /// Its exit code.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Whether SIGKILL ended it.
    pub fn was_killed(&self) -> bool {
        self.status.signal() == Some(SIGKILL)
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stdout, stderr) = (self.stdout.trim_end(), self.stderr.trim_end());
        writeln!(f, "$ repair {}  ({})\n{stderr}\n{stdout}", self.words.join(" "), self.status)
    }
}

/// How a session stands, as `repair sessions` lists it.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its id.
    pub id: String,
    /// Its status.
    pub status: String,
    approved: bool,
    plan: Option<String>,
}

impl Standing {
    /// Whether nothing can follow.
    pub fn is_over(&self) -> bool {
        ["healed", "undone", "escalated", "failed", "aborted"].contains(&self.status.as_str())
    }
}

impl<'s> Attempt<'s> {
    /// Breaks a new project.
    pub fn new(scenario: &'s Scenario) -> Self {
        Self { scenario, broken: (scenario.broken)(), said: Vec::new() }
    }

    /// Everything that was said so far.
    pub fn transcript(&self) -> String {
        self.said.iter().map(ToString::to_string).collect()
    }

    /// Runs the commands of the scenario one after the other, the one of number `at` with `fault`, and stops behind it.
    /// Whether it was killed.
    ///
    /// # Errors
    /// When another signal than SIGKILL ends one.
    pub fn until_killed(&mut self, at: usize, fault: &str) -> Result<bool, String> {
        for command in &self.scenario.commands[..at] {
            self.run(command, None)?;
        }
        self.is_killed(self.scenario.commands[at], fault)
    }

    /// Runs a command with a fault. Whether that killed it.
    ///
    /// # Errors
    /// When another signal than SIGKILL ends it.
    pub fn is_killed(&mut self, words: &[&str], fault: &str) -> Result<bool, String> {
        let said = self.run(words, Some(fault))?;
        match (said.was_killed(), said.status.signal()) {
            (true, _) => Ok(true),
            (false, None) => Ok(false),
            (false, Some(other)) => Err(format!("signal {other} ended it")),
        }
    }

    /// The points that a command comes by, in order, by the name that a fault has.
    ///
    /// # Errors
    /// As for [`Attempt::run`].
    pub fn traced(&mut self, words: &[&str]) -> Result<(Said, Vec<Place>), String> {
        let before = self.trace().len();
        let said = self.run(words, None)?;
        Ok((said, Place::counted(self.trace().split_off(before))))
    }

    fn trace(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.broken.trace()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Runs a command with a fault or without; its points go into the trace.
    ///
    /// # Errors
    /// When it panics, or a word of it stands for something that is not there.
    pub fn run(&mut self, words: &[&str], fault: Option<&str>) -> Result<Said, String> {
        let words = words.iter().map(|word| self.meant(word)).collect::<Result<Vec<String>, String>>()?;
        let mut command = self.broken.project.command(env!("CARGO_BIN_EXE_repair"));
        command.args(&words).env("REPAIR_STATE_DIR", self.broken.project.state_dir()).stdin(Stdio::null());
        command.env("REPAIR_FAULT_TRACE", self.broken.trace());
        if let Some(fault) = fault {
            command.env("REPAIR_FAULT", fault);
        }
        let output = command.output().map_err(|error| format!("repair does not start: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut words = words;
        words.extend(fault.map(|fault| format!("   # REPAIR_FAULT={fault}")));
        let said = Said { words, status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) };
        self.said.push(said.clone());
        if said.stderr.contains("panicked") {
            return Err("it panicked".to_owned());
        }
        Ok(said)
    }

    /// Goes on until nothing waits and the last session ended as it should. Whether there was anything left to do.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn go_on(&mut self) -> Result<bool, String> {
        let resume = self.resume();
        let mut code = None;
        for _ in 0..COMMANDS_MAX {
            let sessions = self.sessions()?;
            let Some(waiting) = sessions.iter().rev().find(|session| !session.is_over()) else {
                let ended = sessions.last().is_some_and(|session| session.status == self.scenario.end.1);
                match code {
                    // It was over when it was killed, or it ends as it should.
                    None if ended => return Ok(false),
                    Some(code) if ended && code == self.scenario.end.0 => return Ok(true),
                    Some(code) if ended => return Err(format!("it ends with {code}")),
                    _ => code = self.run(self.scenario.commands[0], None)?.code(),
                }
                continue;
            };
            match (waiting.status.as_str(), &waiting.plan) {
                ("awaiting-approval", Some(plan)) if !waiting.approved => {
                    let approved = self.run(&["approve", plan], None)?;
                    if approved.code() != Some(0) {
                        return Err("the approval fails".to_owned());
                    }
                }
                ("blocked", _) => return Err("a person has to look".to_owned()),
                _ => {}
            }
            code = self.run(resume, None)?.code();
        }
        Err(format!("it does not come to an end with {COMMANDS_MAX} commands"))
    }

    /// How a person goes on with a session.
    pub fn resume(&self) -> &'static [&'static str] {
        if self.scenario.yes { &["resume", "--yes"] } else { &["resume"] }
    }

    /// All sessions of the project, oldest first.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn sessions(&mut self) -> Result<Vec<Standing>, String> {
        let list = self.document(&["sessions"])?;
        let text = |session: &Value, field: &str| session[field].as_str().map(str::to_owned);
        let sessions = list.as_array().ok_or("no list of sessions")?;
        Ok(sessions
            .iter()
            .map(|session| Standing {
                id: text(session, "id").unwrap_or_default(),
                status: text(session, "status").unwrap_or_default(),
                approved: session["approved"] == true,
                plan: text(session, "plan"),
            })
            .collect())
    }

    /// What a command that only looks prints with `--json`. It passes no point of its own.
    ///
    /// # Errors
    /// When it does not succeed.
    pub fn document(&self, words: &[&str]) -> Result<Value, String> {
        let mut command = self.broken.project.command(env!("CARGO_BIN_EXE_repair"));
        command.args(words).arg("--json").env("REPAIR_STATE_DIR", self.broken.project.state_dir());
        let output =
            command.stdin(Stdio::null()).output().map_err(|error| format!("repair does not start: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`repair {}` fails ({}): {said}", words.join(" "), output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("`repair {}`: {error}", words.join(" ")))
    }

    fn meant(&mut self, word: &str) -> Result<String, String> {
        match word {
            DIGEST => {
                let waiting = self.sessions()?.into_iter().rev().find(|session| !session.is_over());
                waiting.and_then(|session| session.plan).ok_or_else(|| "no plan waits".to_owned())
            }
            HEALED => {
                let healed = self.sessions()?.into_iter().rev().find(|session| session.status == "healed");
                healed.map(|session| session.id).ok_or_else(|| "nothing was healed".to_owned())
            }
            word => Ok(word.to_owned()),
        }
    }
}
