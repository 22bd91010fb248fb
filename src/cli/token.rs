//! `countermand token …`: tokens for the API from the machine's shell.

use std::process::ExitCode;

use serde_json::json;

use super::{deployment::Deployment, user::parse_time};
use crate::{
    app::{
        Caller,
        tokens::{self, NewToken},
    },
    clock::Instant,
};

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    deployment: Deployment,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Make a token and print it once
    Add {
        /// What it is for
        #[arg(long)]
        name: String,
        /// A permission, e.g. `broadcast.send`; may be given several times
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
        /// Username of the person it acts as; without it a service token, which never decides
        #[arg(long, value_name = "USERNAME")]
        user: Option<String>,
        /// When it ends, RFC 3339
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        expires_at: Option<Instant>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token
    Revoke {
        #[arg(long)]
        id: String,
    },
}

pub fn run(args: &Args) -> ExitCode {
    args.deployment.run("token", async |app| match args.command.clone() {
        Command::Add { name, scopes, user, expires_at, json } => {
            let service = user.is_none();
            let new = NewToken { name, scopes, user, expires_at };
            let done = tokens::create(&app, &Caller::shell(), new, service, "").await?;
            if json {
                let receipt = done.receipt.map(|r| json!({ "event": r.event.as_str(), "index": r.index }));
                say!("{}", json!({ "id": done.value.id, "token": done.value.secret, "receipt": receipt }));
            } else {
                say!("{}", done.value.secret);
            }
            Ok(())
        }
        Command::Revoke { id } => {
            tokens::revoke(&app, &Caller::shell(), &id).await?;
            Ok(())
        }
    })
}
