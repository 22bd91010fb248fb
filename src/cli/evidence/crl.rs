//! `countermand evidence crl`: take in a list of revoked certificates where no network is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    app::{App, Caller, revocation},
    cli::deployment::{Deployment, Trouble},
};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    deployment: Deployment,
    /// The list as its authority publishes it, PEM or DER: of the certificate that signs bundles, or of a timestamp authority
    #[arg(value_name = "FILE.crl")]
    list: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> ExitCode {
    const NAME: &str = "evidence crl";
    match args.deployment.existing() {
        Ok(_) => args.deployment.run(NAME, |app| import(app, &args.list, args.json)),
        Err(trouble) => super::finish(NAME, Err(trouble)),
    }
}

async fn import(app: App, list: &Path, json: bool) -> Result<(), Trouble> {
    let bytes = fs::read(list).map_err(|e| Trouble::Cannot(format!("{}: {e}", list.display())))?;
    let facts = revocation::import(&app, &Caller::shell(), &bytes).await?.value;
    if json {
        say!("{}", serde_json::to_string(&facts).map_err(Trouble::cannot)?);
    } else {
        say!("{}: {} revoked, good from {} to {}", facts.issuer, facts.entries, facts.this_update, facts.next_update);
    }
    Ok(())
}
