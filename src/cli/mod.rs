//! The command line.

pub mod deployment;
pub mod emulate;
pub mod token;
pub mod user;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "countermand", version, about)]
enum Command {
    /// Run a local platform that speaks the documented API, for trials and tests
    Emulate(emulate::Args),
    /// Tokens for the API, from the shell
    Token(token::Args),
    /// Accounts, from the shell
    User(user::Args),
}

pub fn run() -> ExitCode {
    match Command::parse() {
        Command::Emulate(args) => emulate::run(&args),
        Command::Token(args) => token::run(&args),
        Command::User(args) => user::run(&args),
    }
}
