//! `countermand migrate [--check]`: brings the database to this version, or says what is missing.

use std::process::ExitCode;

use crate::{
    cli::deployment::{Deployment, Trouble, finish},
    config::Config,
    crypto::private,
    store::{Database, migrate},
};

/// Arguments of `migrate`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    deployment: Deployment,
    /// Change nothing; exit 1 if migrations are pending
    #[arg(long)]
    check: bool,
}

/// 0: up to date; 1: `--check` found pending migrations; 2: the database cannot be reached.
pub fn run(args: &Args) -> ExitCode {
    finish("migrate", work(args))
}

fn work(args: &Args) -> Result<(), Trouble> {
    let config = Config::load(&args.deployment.data, std::env::vars_os()).map_err(Trouble::cannot)?;
    let database = Database::of(&config).map_err(Trouble::cannot)?;
    if args.check {
        if let Database::Sqlite(path) = &database
            && !path.exists()
        {
            return Err(Trouble::No(format!("pending: all; there is no database at {}", path.display())));
        }
        let pending = migrate::pending(&database).map_err(Trouble::cannot)?;
        return if pending.is_empty() { Ok(()) } else { Err(Trouble::No(format!("pending: {}", pending.join(", ")))) };
    }
    private::folder(&args.deployment.data).map_err(|e| Trouble::Cannot(format!("{}: {e}", args.deployment.data.display())))?;
    for name in migrate::run(&database).map_err(Trouble::cannot)? {
        say!("applied {name}");
    }
    Ok(())
}
