//! What happens before a session begins: sessions that wait for this target are shown, and whoever starts says whether one
//! of them goes on.
//!
//! Without a terminal and without a choice nothing begins; the exact commands are printed. Nothing is written here but where
//! a person has chosen to begin anew.

use jiff::Timestamp;
use repair_journal::{Liveness, StateDir, liveness, read_present};
use repair_model::event::Purpose;
use repair_model::ids::{Digest, SessionId};
use repair_model::text::escaped;
use repair_pipeline::outside::Clock as _;
use repair_pipeline::session::Session;

use super::Context;
use super::sessions::age;
use crate::args::HealArgs;
use crate::command_error::{Code, CommandError};
use crate::opened::{Opened, Scope, journal, open, options};
use crate::opening::{SystemClock, folded, state_dir};
use crate::output::WaitingDocument;
use crate::person::TerminalPerson;
use crate::place::Place;
use crate::printer::{Tone, toned};

/// Answers that make no sense before nothing is begun.
const WRONG_ANSWERS_MAX: u32 = 5;

/// What whoever starts has said beforehand.
pub enum Wish {
    /// Nothing.
    Ask,
    /// A new session.
    New,
    /// The session with this part in its id, or the newest one.
    Resume(Option<String>),
    /// A plan: what has not begun anything gives way to it.
    Plan,
}

impl Wish {
    /// What the options of healing say.
    pub fn of(args: &HealArgs) -> Self {
        match &args.resume {
            _ if args.new => Self::New,
            Some(part) => Self::Resume(part.clone().filter(|part| !part.is_empty())),
            None => Self::Ask,
        }
    }
}

/// What was chosen.
pub enum Choice {
    /// Begin a new session; those that wait are superseded.
    New,
    /// Go on with this one.
    Resume(SessionId),
}

/// The sessions of a target that are not over, newest first, with who holds the target.
pub fn waiting(state: &StateDir, target: &Digest) -> Result<(Vec<Session>, Liveness), CommandError> {
    let present = read_present(state, target)?;
    let history = folded(present.opening_state.as_deref(), &present.records)?;
    Ok((history.open().rev().cloned().collect(), liveness(state, target)?))
}

/// Shows the sessions that wait for the target of this call, and finds out what is to be done.
pub async fn choose(context: &Context<'_>, scope: Scope, wish: &Wish) -> Result<Choice, CommandError> {
    let state = state_dir(context.global, context.environment);
    if !something_may_wait(context, &state, &scope)? {
        return nothing_waits(wish);
    }
    let opened = open(context, scope).await?;
    let (waiting, liveness) = waiting(&state, &opened.target().id())?;
    if let (Liveness::Held(holder), false) = (&liveness, waiting.is_empty()) {
        let who = format!("process {} of {}@{}", holder.pid, holder.user, holder.host);
        return Err(CommandError::new(Code::Busy, format!("another `repair` is at work on this target: {who}"))
            .hint("wait for it, or interrupt it there; `repair sessions` shows its session"));
    }
    if waiting.is_empty() {
        return nothing_waits(wish);
    }
    match wish {
        Wish::New => Ok(Choice::New),
        Wish::Plan if waiting.iter().all(|session| !session.has_acted()) => Ok(Choice::New),
        Wish::Resume(None) => Ok(Choice::Resume(waiting[0].id.clone())),
        Wish::Resume(Some(part)) => named(&waiting, part).map(Choice::Resume),
        Wish::Ask | Wish::Plan => ask(context, &waiting, &liveness).await,
    }
}

/// Asked first, because it takes neither the engine nor Compose.
fn something_may_wait(context: &Context<'_>, state: &StateDir, scope: &Scope) -> Result<bool, CommandError> {
    let Ok(here) = Place::find(context.global, context.environment, scope) else { return Ok(false) };
    for known in state.known_targets()? {
        if here.may_be(&known.target) && !waiting(state, &known.id)?.0.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The newest session that waits and was begun in this folder for a resource group, where nothing in the folder names one.
pub fn begun_here(context: &Context<'_>) -> Result<Option<SessionId>, CommandError> {
    if Place::find(context.global, context.environment, &Scope::default()).is_ok() {
        return Ok(None);
    }
    let Ok(here) = context.environment.current_directory.canonicalize() else { return Ok(None) };
    let state = state_dir(context.global, context.environment);
    let mut newest: Option<Session> = None;
    for known in state.known_targets()? {
        let (waiting, _) = waiting(&state, &known.id)?;
        let of_here = |session: &Session| session.target.azure().is_some() && session.target.directory == here;
        newest = newest.into_iter().chain(waiting.into_iter().filter(of_here)).max_by_key(|session| session.updated);
    }
    Ok(newest.map(|session| session.id))
}

fn nothing_waits(wish: &Wish) -> Result<Choice, CommandError> {
    match wish {
        Wish::Resume(Some(part)) => {
            Err(CommandError::new(Code::Usage, format!("no session `{}` of this project waits", escaped(part)))
                .hint("`repair sessions` lists them"))
        }
        Wish::Resume(None) | Wish::Ask | Wish::New | Wish::Plan => Ok(Choice::New),
    }
}

fn named(waiting: &[Session], part: &str) -> Result<SessionId, CommandError> {
    let fitting: Vec<&Session> = waiting.iter().filter(|session| session.id.as_str().contains(part)).collect();
    match fitting.as_slice() {
        [one] => Ok(one.id.clone()),
        [] => Err(CommandError::new(Code::Usage, format!("no session `{}` of this project waits", escaped(part)))
            .hint("`repair sessions` lists them")),
        _ => Err(CommandError::new(Code::Usage, format!("`{}` fits several sessions that wait", escaped(part)))
            .hint("give the whole id")),
    }
}

async fn ask(context: &Context<'_>, waiting: &[Session], liveness: &Liveness) -> Result<Choice, CommandError> {
    let person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let interactive = context.environment.interactive && !context.printer.is_json();
    if !interactive {
        return Err(nobody_chooses(waiting, liveness));
    }
    context.printer.ask(&format!("\n{}\n", toned(Tone::Heading, "Sessions that wait for this project")));
    for line in lines(waiting, liveness) {
        context.printer.ask(&format!("{line}\n"));
    }
    let question = match waiting.len() {
        1 => "[r]esume it, begin a [n]ew one, [v]iew it, [q]uit: ".to_owned(),
        most => format!("[r]esume or [v]iew with a number from 1 to {most} (such as r1), begin a [n]ew one, [q]uit: "),
    };
    for _ in 0..WRONG_ANSWERS_MAX {
        let Some(answer) = person.read_line(&question).await else { break };
        let (word, number) = answer.split_at(answer.find(|it: char| it.is_ascii_digit()).unwrap_or(answer.len()));
        let number = if number.is_empty() && waiting.len() == 1 { Some(1) } else { number.parse::<usize>().ok() };
        let meant = number.and_then(|number| waiting.get(number.checked_sub(1)?));
        match (word.trim(), meant) {
            ("r" | "resume", Some(session)) => return Ok(Choice::Resume(session.id.clone())),
            ("v" | "view", Some(session)) => {
                super::sessions::show(context, session.id.as_str(), true)?;
            }
            ("n" | "new", _) => return Ok(Choice::New),
            ("q" | "quit", _) => break,
            ("r" | "resume" | "v" | "view", None) => context.printer.ask("which one? add its number, such as r1\n"),
            _ => context.printer.ask(&format!("`{}` is no answer.\n", escaped(&answer))),
        }
    }
    Err(CommandError { hints: commands(waiting), ..CommandError::new(Code::NotHealed, "nothing was begun") })
}

/// The error of a program that did not choose; a list of the sessions and the exact commands.
fn nobody_chooses(waiting: &[Session], liveness: &Liveness) -> CommandError {
    let list = lines(waiting, liveness).join("\n");
    let what = format!("an interrupted session waits, and nobody said whether it goes on:\n{list}");
    CommandError { hints: commands(waiting), ..CommandError::new(Code::NotHealed, what) }
}

fn commands(waiting: &[Session]) -> Vec<String> {
    let mut commands: Vec<String> =
        waiting.iter().map(|session| format!("`repair resume {}` goes on with it", session.id)).collect();
    commands.push("`repair --self-heal=preview --new` begins a new session in its place".to_owned());
    commands
}

/// One numbered line for each session: what, how it stands, how old, and who held it last.
pub fn lines(waiting: &[Session], liveness: &Liveness) -> Vec<String> {
    let now = SystemClock::new().now();
    waiting.iter().enumerate().map(|(at, session)| line(at + 1, session, liveness, now)).collect()
}

fn line(number: usize, session: &Session, liveness: &Liveness, now: Timestamp) -> String {
    let (holder, note) = match liveness {
        Liveness::Held(holder) => (Some(holder), ", a live process works on it"),
        Liveness::HeldByEffect(holder, _) => (Some(holder), ", its process is gone and its effect still runs"),
        Liveness::Free(holder) => (holder.as_ref(), ""),
    };
    let who = holder.map(|holder| format!(", by {}@{}", escaped(&holder.user), escaped(&holder.host)));
    let approved = if session.is_approved() { " (approved)" } else { "" };
    let class = session.findings.first().map_or("not diagnosed yet", |finding| finding.class.as_str());
    format!(
        "{number}. {}  {}, {}{approved}, {class}, {} ago{}{note}",
        session.id,
        session.phase.as_str(),
        session.status.as_str(),
        age(session.updated, now),
        who.unwrap_or_default()
    )
}

/// The target turned out healthy and nobody wants to go on with what waits: what it left open is settled, and it ends.
pub async fn give_up_earlier(context: &Context<'_>, opened: &mut Opened) -> Result<(), CommandError> {
    let state = state_dir(context.global, context.environment);
    let (left, _) = waiting(&state, &opened.target().id())?;
    if left.is_empty() {
        return Ok(());
    }
    let mut journal = journal(context, opened, false).await?;
    let options = options(context, opened.target(), Purpose::Heal, false, &[])?;
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let mut workflow = opened.workflow(&mut journal, &mut person, options);
    for session in &left {
        workflow.give_up(session, "a new start found the target healthy".to_owned()).await?;
    }
    Ok(())
}

/// What a look at the target tells of sessions that wait; empty when none does.
pub fn remind(context: &Context<'_>, target: &Digest) -> Result<Vec<WaitingDocument>, CommandError> {
    let state = state_dir(context.global, context.environment);
    if !state.known_targets()?.iter().any(|known| known.id == *target) {
        return Ok(Vec::new());
    }
    let (waiting, liveness) = waiting(&state, target)?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    context.printer.line(&toned(Tone::Warning, "a session waits for this project:"));
    for line in lines(&waiting, &liveness) {
        context.printer.line(&format!("  {line}"));
    }
    for command in commands(&waiting) {
        context.printer.line(&format!("{} {command}", toned(Tone::Warning, "next:")));
    }
    Ok(waiting.iter().map(|session| WaitingDocument::new(session, &liveness)).collect())
}
