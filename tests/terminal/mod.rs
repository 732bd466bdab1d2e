//! `repair` at a terminal, as a person sits in front of it.

use std::process::Command;
use std::time::Duration;

use expectrl::process::unix::WaitStatus;
use expectrl::session::OsSession;
use expectrl::{ControlCode, Eof, Expect as _, Session};
use repair_test_support::Project;

/// The last word of the question under a plan.
pub const QUESTION: &str = "[o]ther way: ";

/// `repair` at a terminal.
pub struct Terminal {
    /// The terminal.
    pub session: OsSession,
    /// Everything that was shown so far.
    pub seen: String,
}

impl Terminal {
    /// Starts `repair` with `args` in the project's folder.
    pub fn start(project: &Project<'_>, args: &[&str]) -> Self {
        let mut command = project.command(env!("CARGO_BIN_EXE_repair"));
        command.args(args).arg("--state-dir").arg(project.state_dir());
        Self::of(command)
    }

    /// Starts a command at a terminal of its own.
    pub fn of(command: Command) -> Self {
        let mut session = Session::spawn(command).expect("a terminal");
        session.set_expect_timeout(Some(Duration::from_secs(60)));
        Self { session, seen: String::new() }
    }

    /// Waits until `expected` is shown.
    pub fn until(&mut self, expected: &str) {
        let found = match self.session.expect(expected) {
            Ok(found) => found,
            Err(error) => {
                let rest = self.rest();
                panic!("no {expected:?}: {error}\n{}{rest}", self.seen)
            }
        };
        self.seen.push_str(&String::from_utf8_lossy(found.before()));
        self.seen.push_str(expected);
    }

    /// What was shown since, if it has ended.
    fn rest(&mut self) -> String {
        let rest = self.session.check(Eof).map(|rest| String::from_utf8_lossy(rest.as_bytes()).into_owned());
        rest.unwrap_or_default()
    }

    /// Types a line.
    pub fn answer(&mut self, line: &str) {
        self.session.send_line(line).expect("an answer can be given");
    }

    /// Types a control character.
    pub fn press(&mut self, key: ControlCode) {
        self.session.send(key).expect("a key can be pressed");
    }

    /// Its exit code and all that was shown.
    pub fn end(mut self) -> (i32, String) {
        let rest = self.session.expect(Eof).expect("it ends");
        self.seen.push_str(&String::from_utf8_lossy(rest.as_bytes()));
        match self.session.get_process().wait().expect("it ends") {
            WaitStatus::Exited(_, code) => (code, self.seen),
            other => panic!("{other:?}: {}", self.seen),
        }
    }
}
