//! The program `repair`: wiring only. It reads the command line and the environment, calls the libraries, prints what they
//! found, and turns it into an exit code. No other crate of this workspace prints, exits or reads the environment.

mod args;
mod built_in;
mod command_error;
mod commands;
mod compiler;
mod environment;
mod installed;
mod interrupt;
mod opened;
mod opening;
mod output;
mod person;
mod place;
mod printer;
mod screen;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Args;
use crate::command_error::CommandError;
use crate::environment::Environment;
use crate::printer::Printer;

/// Lets a test kill this process at a named point, or make a write fail there.
#[cfg(debug_assertions)]
fn arm_faults(environment: &Environment) -> Result<(), CommandError> {
    let (fault, trace) = (environment.get("REPAIR_FAULT"), environment.get("REPAIR_FAULT_TRACE"));
    if fault.is_none() && trace.is_none() {
        return Ok(());
    }
    let armed = repair_faults::arm(fault, trace.map(std::path::Path::new));
    armed.map_err(|error| CommandError::new(command_error::Code::Usage, format!("no fault is armed: {error:?}")))
}

fn main() -> ExitCode {
    let args = Args::parse();
    let environment = Environment::read();
    let printer = Printer::new(args.global.json, args.global.verbose, &environment);
    #[cfg(debug_assertions)]
    if let Err(error) = arm_faults(&environment) {
        return printer.failed(&error);
    }
    if matches!(args.command, Some(args::Command::CompileComponent)) {
        return compiler::compile().map_or_else(|error| printer.failed(&error), Into::into);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return printer.failed(&CommandError::internal("the runtime cannot be started", error)),
    };
    let result = runtime.block_on(commands::dispatch(args, &environment, &printer));
    // A prompt that nobody answered may still wait for a line in a thread of its own.
    runtime.shutdown_background();
    match result {
        Ok(code) => code.into(),
        Err(error) => printer.failed(&error),
    }
}
