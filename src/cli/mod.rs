//! The command line.

pub mod emulate;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "countermand", version, about)]
enum Command {
    /// Run a local platform that speaks the documented API, for trials and tests
    Emulate(emulate::Args),
}

pub fn run() -> ExitCode {
    match Command::parse() {
        Command::Emulate(args) => emulate::run(&args),
    }
}
