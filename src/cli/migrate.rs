//! `countermand migrate [--check]`: brings the database to this version, or says what is missing.

use std::process::ExitCode;

use crate::{
    cli::deployment::{Deployment, Trouble, finish},
    config::Config,
    crypto::{keyring::Keyring, private},
    store::{Database, Options, Store, migrate, signer},
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
    let applied = migrate::run(&database).map_err(Trouble::cannot)?;
    for name in &applied {
        say!("applied {name}");
    }
    // Where the keys are not at hand, the next start finds it out and records it.
    let keys = Keyring::missing(&args.deployment.data, false).is_empty();
    if !applied.is_empty() && keys && signer::is_begun(&database).map_err(Trouble::cannot)? {
        let options = Options { host: config.host(), migrated: applied, ..Options::new(database, &args.deployment.data) };
        Store::open(options)
            .map_err(|e| Trouble::Cannot(format!("the database is of this version, but the audit trail does not say so yet: {e}")))?;
    }
    Ok(())
}
