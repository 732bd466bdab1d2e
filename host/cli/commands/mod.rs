//! One file for each command. A command opens what it needs, calls the libraries, prints, and says how it ended.

mod apply;
mod audit;
mod classify;
mod clean;
mod doctor;
mod handover;
mod heal;
mod init;
mod log_file;
mod look;
mod policy;
mod replay;
mod report;
mod resume;
mod schema;
mod sessions;
mod starting;
mod tool;
mod undo;
mod wrapped;
mod yes_and_no;

use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory as _;
pub use wrapped::compose_up;

use crate::args::{Args, Command, GlobalArgs};
use crate::command_error::{Code, CommandError};
use crate::environment::Environment;
use crate::interrupt::Interrupt;
use crate::opened::Scope;
use crate::opening::Opening;
use crate::place::Place;
use crate::printer::Printer;

/// What every command has.
pub struct Context<'c> {
    /// Options of every command.
    pub global: &'c GlobalArgs,
    /// The environment.
    pub environment: &'c Environment,
    /// The printer.
    pub printer: &'c Printer,
    /// Ctrl-C and its like.
    pub interrupt: Interrupt,
}

impl Context<'_> {
    /// How a target is opened.
    pub fn opening(&self, scope: &Scope, wait: Duration) -> Opening<'_> {
        let (global, environment, interrupt) = (self.global, self.environment, &self.interrupt);
        let (wanted_at, failed_at) = (scope.wanted_at, scope.failed_at);
        Opening { global, environment, interrupt, wanted_at, failed_at, wait }
    }

    /// What is meant here, for those who only look up what is known of it.
    pub fn here(&self) -> Result<Place, CommandError> {
        Place::find_lightly(self.global, self.environment)
    }

    /// The directory of what is meant here.
    pub fn directory(&self) -> Result<PathBuf, CommandError> {
        self.here().map(|place| place.directory)
    }

    /// The same with other options, such as those that name the project of a session.
    pub fn on<'c>(&'c self, global: &'c GlobalArgs) -> Context<'c> {
        Context { global, environment: self.environment, printer: self.printer, interrupt: self.interrupt.clone() }
    }
}

/// Runs what the command line asks for.
pub async fn dispatch(args: Args, environment: &Environment, printer: &Printer) -> Result<Code, CommandError> {
    if let Some(option) = args.misplaced_healing() {
        return Err(CommandError::new(Code::Usage, format!("{option} means nothing to this command"))
            .hint("`repair --help` shows what goes together"));
    }
    if args.command.as_ref().is_none_or(Command::looks_at_the_home_folder) {
        environment.require_home()?;
    }
    let interrupt = match &args.command {
        Some(command) if command.can_be_ended_anywhere() => Interrupt::unheard(),
        _ => Interrupt::listen().map_err(|error| CommandError::internal("signals cannot be listened to", error))?,
    };
    let context = Context { global: &args.global, environment, printer, interrupt };
    match args.command {
        None if args.heal.self_heal.is_some() => heal::run(&context, &args.heal).await,
        None if args.heal.command.is_empty() => look::run(&context, args.heal.log.as_deref()).await,
        None => look::wrapped(&context, &args.heal.command).await,
        Some(Command::Classify(classify)) => classify::run(&context, &classify),
        Some(Command::Plan(plan)) => heal::plan(&context, plan.new).await,
        Some(Command::Approve(digest)) => yes_and_no::approve(&context, &digest.digest).await,
        Some(Command::Apply(apply)) => apply::apply(&context, &apply).await,
        Some(Command::Undo(undo)) => undo::run(&context, &undo).await,
        Some(Command::Sessions(sessions)) => sessions::list(&context, sessions.all),
        Some(Command::Resume(resume)) => resume::run(&context, &resume).await,
        Some(Command::Show(show)) if show.handover => handover::run(&context, &show.session).await,
        Some(Command::Show(show)) => sessions::show(&context, &show.session, false),
        Some(Command::Abort(session)) => yes_and_no::abort(&context, &session.session),
        Some(Command::Audit(command)) => audit::run(&context, &command).await,
        Some(Command::Replay(session)) => replay::run(&context, &session.session),
        Some(Command::Tool(command)) => tool::run(&context, &command).await,
        Some(Command::Policy(command)) => policy::run(&context, &command),
        Some(Command::Schema(schema)) => schema::run(&context, schema.name),
        Some(Command::Init) => init::run(&context),
        Some(Command::Clean) => clean::run(&context),
        Some(Command::Doctor) => doctor::run(&context).await,
        Some(Command::Completions(completions)) => {
            let mut script = Vec::new();
            clap_complete::generate(completions.shell, &mut Args::command(), "repair", &mut script);
            printer.raw(&String::from_utf8_lossy(&script));
            Ok(Code::Success)
        }
        Some(Command::CompileComponent) => crate::compiler::compile(),
    }
}
