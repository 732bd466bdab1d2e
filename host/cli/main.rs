//! The program `repair`: wiring only. It reads the command line and the environment, calls the libraries, prints what they
//! found, and turns it into an exit code. No other crate of this workspace prints, exits or reads the environment.

mod args;
mod built_in;
mod command_error;
mod commands;
mod environment;
mod interrupt;
mod opening;
mod output;
mod person;
mod printer;
mod screen;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::Args;
use crate::command_error::CommandError;
use crate::environment::Environment;
use crate::printer::Printer;

fn main() -> ExitCode {
    let args = Args::parse();
    let environment = Environment::read();
    let printer = Printer::new(args.global.json, args.global.verbose, &environment);
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
