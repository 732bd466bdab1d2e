//! One attempt to heal a broken shop: planned, approved, carried out by an `apply` that is killed where that is asked for,
//! and gone on with as a person would.
//!
//! It refuses what no person would do: a yes to what was not shown, or a word on a step without a look at Azure.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use repair_fake_azure::{Durations, shop};
use serde_json::Value;

use crate::azure_scenario::{FILES, GROUP, Shop};
use crate::sampling::Place;
use crate::scenarios::{Pace, Scenario, is_done};

/// The signal of a kill.
const SIGKILL: i32 = 9;
/// Commands after a kill; more means that it goes round in circles.
const COMMANDS_MAX: usize = 12;
/// After so long whoever looks sees what has become of something.
const MOMENT: Duration = Duration::from_millis(300);
/// How often it is looked whether a command has ended.
const TICK: Duration = Duration::from_millis(10);

/// An attempt, with the shop that it is about.
pub struct Attempt<'s> {
    scenario: &'s Scenario,
    /// The shop.
    pub shop: Shop,
    said: Vec<Said>,
}

/// A command of `repair` that has ended.
#[derive(Clone, Debug)]
struct Said {
    words: String,
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stdout, stderr) = (self.stdout.trim_end(), self.stderr.trim_end());
        writeln!(f, "$ repair {}  ({})\n{stderr}\n{stdout}", self.words, self.status)
    }
}

/// How a session stands, as `repair sessions` lists it.
struct Standing {
    id: String,
    status: String,
    approved: bool,
    plan: Option<String>,
}

impl Standing {
    fn is_over(&self) -> bool {
        ["healed", "undone", "escalated", "failed", "aborted"].contains(&self.status.as_str())
    }
}

impl<'s> Attempt<'s> {
    /// Breaks a new shop.
    pub fn new(scenario: &'s Scenario) -> Self {
        Self { scenario, shop: (scenario.broken)(), said: Vec::new() }
    }

    /// Everything that was said, and everything that Azure was asked.
    pub fn transcript(&self) -> String {
        let said: String = self.said.iter().map(ToString::to_string).collect();
        format!("{said}\n{}", self.shop.ledger())
    }

    /// Plans, approves and applies, with a fault in the last; whether that killed it, and what it came by.
    ///
    /// # Errors
    /// When it does not come to an approved plan, or ends by another signal.
    pub fn applied(&mut self, fault: Option<&str>) -> Result<(bool, Vec<Place>), String> {
        self.run(&[&["plan"][..], &GROUP, &FILES].concat(), None)?;
        let waiting = self.sessions()?.pop().ok_or("no plan was made")?;
        let plan = waiting.plan.ok_or("no plan waits")?;
        self.approve(&plan)?;
        if self.scenario.azure == Pace::Slow {
            self.shop.azure.world(|world| {
                world.durations = Durations { what_if_millis: world.durations.what_if_millis, ..Durations::HOURS };
            });
        }
        self.traced(&["apply", &plan], fault)
    }

    /// Goes on with the session once, with a fault; whether that killed it, and what it came by.
    ///
    /// # Errors
    /// When there is none, or it ends by another signal.
    pub fn resumed(&mut self, fault: Option<&str>) -> Result<(bool, Vec<Place>), String> {
        let session = self.sessions()?.pop().ok_or("there is no session")?.id;
        self.traced(&["resume", &session], fault)
    }

    fn traced(&mut self, words: &[&str], fault: Option<&str>) -> Result<(bool, Vec<Place>), String> {
        let before = self.trace().len();
        let status = self.run(words, fault)?;
        match status.signal() {
            Some(SIGKILL) => Ok((true, Vec::new())),
            Some(other) => Err(format!("signal {other} ended it")),
            None => Ok((false, Place::counted(self.trace().split_off(before)))),
        }
    }

    /// Goes on until nothing waits and the last session healed the shop.
    ///
    /// # Errors
    /// When it does not come to that.
    pub fn go_on(&mut self) -> Result<(), String> {
        for _ in 0..COMMANDS_MAX {
            let sessions = self.sessions()?;
            let Some(waiting) = sessions.iter().rev().find(|session| !session.is_over()) else {
                return match sessions.last() {
                    Some(last) if last.status == "healed" => Ok(()),
                    Some(last) => Err(format!("it ends as `{}`", last.status)),
                    None => Err("there is no session".to_owned()),
                };
            };
            let (id, status) = (waiting.id.clone(), waiting.status.clone());
            match (status.as_str(), &waiting.plan) {
                ("awaiting-approval", Some(plan)) if !waiting.approved => self.approve(&plan.clone())?,
                ("blocked", _) => {
                    let word = self.seen()?;
                    self.run(&["resume", &id, word], None)?;
                }
                _ => {
                    self.run(&["resume", &id], None)?;
                }
            }
        }
        Err(format!("it does not come to an end with {COMMANDS_MAX} commands"))
    }

    /// What a person says of the step that nobody could tell, after a look at Azure.
    fn seen(&self) -> Result<&'static str, String> {
        thread::sleep(MOMENT);
        if self.scenario.azure != Pace::Quick {
            // Whoever looks waits until it has come to rest.
            self.shop.azure.fast_forward();
        }
        let records = self.document(&["audit", "show", "--all"])?;
        let records = records.as_array().ok_or("no list of records")?;
        let intended = records.iter().rev().find(|record| record["event"]["kind"] == "intended");
        let action = intended.ok_or("nothing was intended")?["event"]["intent"]["apply"]["action"].to_string();
        Ok(if is_done(&self.shop, &action) { "--happened" } else { "--did-not-happen" })
    }

    /// Says yes; where something is lost for good, at a terminal by its name.
    fn approve(&mut self, plan: &str) -> Result<(), String> {
        if self.run(&["approve", plan], None)?.code() == Some(0) {
            return Ok(());
        }
        let mut terminal = self.shop.terminal(&["approve", plan]);
        terminal.until("to approve exactly this: ");
        terminal.answer(shop::VAULT);
        match terminal.end() {
            (0, _) => Ok(()),
            (code, seen) => Err(format!("the approval fails with {code}: {seen}")),
        }
    }

    fn sessions(&self) -> Result<Vec<Standing>, String> {
        let list = self.document(&["sessions", "--all"])?;
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

    fn document(&self, words: &[&str]) -> Result<Value, String> {
        let mut command = self.shop.command(words);
        let output = command.arg("--json").stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("`repair {}` fails ({}): {said}", words.join(" "), output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("`repair {}`: {error}", words.join(" ")))
    }

    fn run(&mut self, words: &[&str], fault: Option<&str>) -> Result<ExitStatus, String> {
        let mut command = self.shop.command(words);
        command.stdin(Stdio::null()).env("REPAIR_FAULT_TRACE", self.trace_file());
        if let Some(fault) = fault {
            command.env("REPAIR_FAULT", fault);
        }
        // A plan is made while somebody else's deployment runs; it ends while it is waited for.
        let interval = self.scenario.azure.interval().filter(|_| words.first() != Some(&"plan"));
        let (azure, over) = (&self.shop.azure, &AtomicBool::new(false));
        let output = thread::scope(|scope| {
            if let Some(interval) = interval {
                scope.spawn(move || {
                    let mut begun = Instant::now();
                    while !over.load(Ordering::Relaxed) {
                        thread::sleep(TICK);
                        if begun.elapsed() >= interval {
                            azure.fast_forward();
                            begun = Instant::now();
                        }
                    }
                });
            }
            let output = command.output();
            over.store(true, Ordering::Relaxed);
            output
        });
        let output = output.map_err(|error| format!("repair does not start: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fault = fault.map(|fault| format!("   # REPAIR_FAULT={fault}")).unwrap_or_default();
        let words = format!("{}{fault}", words.join(" "));
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let panicked = stderr.contains("panicked");
        self.said.push(Said { words, status: output.status, stdout, stderr });
        if panicked { Err("it panicked".to_owned()) } else { Ok(output.status) }
    }

    fn trace_file(&self) -> PathBuf {
        self.shop.dir().with_file_name("trace")
    }

    fn trace(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.trace_file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
