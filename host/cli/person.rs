//! The person in front of `repair`, at a terminal or not.

use std::io::BufRead as _;

use repair_model::text::escaped;
use repair_pipeline::approval::{ApprovalRequest, Person, PersonsAnswer, Progress, SettleRequest, names_what_is_lost};

use rustix::termios::QueueSelector;

use crate::environment::Environment;
use crate::interrupt::Interrupt;
use crate::printer::Printer;
use crate::screen;

/// Answers that make no sense before `repair` leaves the plan waiting.
const WRONG_ANSWERS_MAX: u32 = 5;

/// A person at a terminal, or nobody.
pub struct TerminalPerson<'p> {
    printer: &'p Printer,
    interactive: bool,
    interrupt: Interrupt,
    said: Option<String>,
}

impl<'p> TerminalPerson<'p> {
    /// Whoever is there.
    pub fn new(printer: &'p Printer, environment: &Environment, interrupt: Interrupt) -> Self {
        let interactive = environment.interactive && !printer.is_json();
        Self { printer, interactive, interrupt, said: None }
    }

    /// Tells something once, however often it is found out.
    fn say_once(&mut self, text: String) {
        if self.said.as_ref() != Some(&text) {
            self.printer.progress(&text);
            self.said = Some(text);
        }
    }

    /// One line of the person's; `None` when there is none to be had any more.
    pub async fn read_line(&self, question: &str) -> Option<String> {
        self.read_exactly(question).await.map(|line| line.to_lowercase())
    }

    /// The same with the case of its letters.
    pub async fn read_exactly(&self, question: &str) -> Option<String> {
        // What was typed before the question was seen is no answer to it.
        let _ = rustix::termios::tcflush(std::io::stdin(), QueueSelector::IFlush);
        self.printer.ask(question);
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            match std::io::stdin().lock().read_line(&mut line) {
                Ok(0) | Err(_) => None,
                Ok(_) => Some(line.trim().to_owned()),
            }
        });
        tokio::select! {
            line = line => line.ok().flatten(),
            () = self.interrupt.wait() => {
                self.printer.ask("\n");
                None
            }
        }
    }
}

impl Person for TerminalPerson<'_> {
    fn interactive(&self) -> bool {
        self.interactive
    }

    async fn approve(&mut self, request: &ApprovalRequest<'_>) -> PersonsAnswer {
        self.printer.ask(&screen::approval(request));
        let question = screen::question(request);
        let mut wrong = 0;
        while wrong < WRONG_ANSWERS_MAX {
            let Some(answer) = self.read_exactly(&question).await else { return PersonsAnswer::Later };
            if let Some(typed) = typed_names(request, &answer) {
                return PersonsAnswer::Typed(typed);
            }
            match answer.to_lowercase().as_str() {
                "y" | "yes" if request.frozen.plan().lost().is_empty() => return PersonsAnswer::Yes,
                "y" | "yes" => {
                    wrong += 1;
                    self.printer.ask("A yes is not enough for this: type the name.\n");
                }
                "n" | "no" => return PersonsAnswer::No,
                "v" | "view" => self.printer.ask(&screen::whole_plan(request)),
                "e" | "explain" => self.printer.ask(&screen::explanation(request)),
                "o" | "other" => {
                    if let Some(answer) = self.other_way(request).await {
                        return answer;
                    }
                }
                "" => wrong += 1,
                other => {
                    wrong += 1;
                    self.printer.ask(&format!("`{}` is no answer.\n", escaped(other)));
                }
            }
        }
        self.printer.ask(&format!("{WRONG_ANSWERS_MAX} times no answer: the plan waits, and nothing was done.\n"));
        PersonsAnswer::Later
    }

    async fn settle(&mut self, request: &SettleRequest<'_>) -> Option<bool> {
        if !self.interactive {
            return None;
        }
        self.printer.ask(&screen::unknown_step(request));
        for _ in 0..WRONG_ANSWERS_MAX {
            match self.read_line("Did it happen? [y]es [n]o [l]eave it: ").await?.as_str() {
                "y" | "yes" => return Some(true),
                "n" | "no" => return Some(false),
                "l" | "leave" => return None,
                other => self.printer.ask(&format!("`{}` is no answer.\n", escaped(other))),
            }
        }
        None
    }

    fn tell(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Inspecting => self.say_once("looking at the project".to_owned()),
            Progress::Found(finding) => self.say_once(format!("found {} ({})", finding.class, finding.confidence)),
            Progress::Planning => self.say_once("asking the repair tools".to_owned()),
            Progress::Applying { step, steps, summary } => {
                self.say_once(format!("step {step} of {steps}: {}", escaped(summary)));
            }
            Progress::Output(line) => {
                if self.printer.shows_output() {
                    self.printer.progress(&format!("  {}", escaped(line)));
                }
            }
            Progress::Waiting(what) => self.say_once(escaped(what)),
            Progress::Verifying(verdict) => {
                let waiting: Vec<_> = verdict
                    .services
                    .iter()
                    .filter(|service| !service.healthy)
                    .map(|service| format!("{} ({})", service.service, service.state))
                    .chain(verdict.probes.iter().filter(|probe| !probe.passed).map(|probe| probe.probe.clone()))
                    .collect();
                let text = if waiting.is_empty() {
                    "all services are well".to_owned()
                } else {
                    format!("not well yet: {}", escaped(&waiting.join(", ")))
                };
                self.say_once(text);
            }
            Progress::Void(why) => self.say_once(format!("{}; planning anew", escaped(why))),
            Progress::Recovered(what) => self.say_once(escaped(what)),
            Progress::Unpublished(why) => {
                self.say_once(format!("the file for other programs was not written: {}", escaped(why)));
            }
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupt.is_set()
    }
}

/// The names of everything that the plan loses for good, if that is what was answered.
fn typed_names(request: &ApprovalRequest<'_>, answer: &str) -> Option<Vec<String>> {
    let typed: Vec<String> = answer.split_whitespace().map(str::to_owned).collect();
    (!typed.is_empty() && names_what_is_lost(request.frozen.plan(), &typed)).then_some(typed)
}

impl TerminalPerson<'_> {
    /// Where else the port could be changed; `None` to go back to the question.
    async fn other_way(&self, request: &ApprovalRequest<'_>) -> Option<PersonsAnswer> {
        let others = request.methods.get(1..).unwrap_or_default();
        self.printer.ask(&screen::other_ways(request));
        if others.is_empty() {
            return None;
        }
        let answer = self.read_line("Number, or Enter to go back: ").await?;
        let number: usize = answer.parse().ok()?;
        others.get(number.checked_sub(1)?).copied().map(PersonsAnswer::Method)
    }
}
