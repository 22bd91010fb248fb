//! The command line.

/// Prints a line to standard output. A reader that went away (`| head`) ends the printing, not the command.
macro_rules! say {
    ($($words:tt)*) => { $crate::cli::output::print(format_args!($($words)*)) };
}

pub mod alert;
pub mod audit;
pub mod backup;
pub mod connection;
pub mod demo;
pub mod deployment;
pub mod emulate;
pub mod evidence;
pub mod ledger;
pub mod migrate;
pub mod output;
pub mod retention;
pub mod serve;
pub mod stream;
pub mod token;
pub mod user;
pub mod witness;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

#[derive(Parser)]
#[command(name = "countermand", version, about)]
enum Command {
    /// Make an auditor's pack for a period, or verify one offline
    Audit(audit::Args),
    /// What the alert rules found
    Alert(alert::Args),
    /// Write the installation into one file, while it runs
    Backup(backup::Take),
    /// Platform connections, from the shell
    Connection(connection::Args),
    /// Fill an example company, run a whole recall, stay up for a look around
    Demo(demo::Args),
    /// Run a local platform that speaks the documented API, or a local timestamp authority, for trials and tests
    Emulate(emulate::Args),
    /// Export the evidence of a case, or verify a bundle offline
    Evidence(evidence::Args),
    /// Verify, sign, prove, publish and renew the log
    Ledger(ledger::Args),
    /// Bring the database to this version
    Migrate(migrate::Args),
    /// What has lived its time: count it, erase it
    Retention(retention::Args),
    /// Put a backup into an empty installation
    Restore(backup::Put),
    /// Serve console, API and jobs
    Serve(serve::Args),
    /// Streams of the audit trail to other systems, from the shell
    Stream(stream::Args),
    /// Tokens for the API, from the shell
    Token(token::Args),
    /// Accounts, from the shell
    User(user::Args),
    /// Watch other installations' logs, and cosign what does not contradict what was seen before
    Witness(witness::Args),
    /// Run jobs only, for deployments with several nodes
    Work(deployment::Deployment),
    /// Print shell completions
    Completions { shell: clap_complete::Shell },
}

/// The command line with all its subcommands, for completions and for whoever goes over them.
pub fn command() -> clap::Command {
    Command::command()
}

/// Parses the command line, runs the command, gives its exit code: 0 holds or done, 1 does not hold, 2 could not tell or wrong use.
pub fn run() -> ExitCode {
    let parsed = Command::parse();
    // A demonstration tells a story; requests would be told in between.
    let usual = if matches!(parsed, Command::Demo(_)) { "warn" } else { "info" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(usual));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    output::finished(match parsed {
        Command::Audit(args) => audit::run(&args),
        Command::Alert(args) => alert::run(&args),
        Command::Backup(args) => backup::take(&args),
        Command::Connection(args) => connection::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Emulate(args) => emulate::run(&args),
        Command::Evidence(args) => evidence::run(&args),
        Command::Ledger(args) => ledger::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Retention(args) => retention::run(&args),
        Command::Restore(args) => backup::put(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Stream(args) => stream::run(&args),
        Command::Token(args) => token::run(&args),
        Command::User(args) => user::run(&args),
        Command::Witness(args) => witness::run(&args),
        Command::Work(deployment) => serve::work(&deployment),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command(), "countermand", &mut script);
            say!("{}", String::from_utf8_lossy(&script).trim_end());
            ExitCode::SUCCESS
        }
    })
}
