//! `countermand connection …`: platform connections from the machine's shell.

use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use super::deployment::{Deployment, Trouble};
use crate::app::{
    Caller,
    connections::{self, Connection, NewConnection},
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
    /// Make a connection and print its id
    Add {
        #[arg(long)]
        name: String,
        /// `wecom` or `matrix`
        #[arg(long)]
        platform: String,
        /// Scheme, host and port: `https://qyapi.weixin.qq.com`
        #[arg(long)]
        base_url: String,
        /// WeCom: id of the enterprise
        #[arg(long, default_value = "")]
        corp_id: String,
        /// WeCom: number of the application
        #[arg(long, default_value = "")]
        agent_id: String,
        /// File that holds the application's secret or the access token; its end of line is dropped
        #[arg(long, value_name = "FILE")]
        secret_file: PathBuf,
        /// Which version of the platform's service agreement holds
        #[arg(long, default_value = "")]
        agreement: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the connections, without their secrets
    List {
        /// Print one JSON list
        #[arg(long)]
        json: bool,
    },
    /// Prove address and credentials by a call without effect
    Test {
        /// Id or name
        connection: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

pub fn run(args: &Args) -> ExitCode {
    args.deployment.run("connection", async |app| {
        let caller = Caller::shell();
        match args.command.clone() {
            Command::Add { name, platform, base_url, corp_id, agent_id, secret_file, agreement, json } => {
                let secret =
                    std::fs::read_to_string(&secret_file).map_err(|e| Trouble::Cannot(format!("cannot read {}: {e}", secret_file.display())))?;
                let new = NewConnection { name, platform, base_url, corp_id, agent_id, secret, agreement };
                let done = connections::create(&app, &caller, new).await?;
                if json {
                    let receipt = done.receipt.map(|r| json!({ "event": r.event.as_str(), "index": r.index }));
                    say!("{}", json!({ "id": done.value, "receipt": receipt }));
                } else {
                    say!("{}", done.value);
                }
                Ok(())
            }
            Command::List { json } => {
                let all = connections::list(&app, &caller).await?;
                if json {
                    say!("{}", serde_json::Value::Array(all.iter().map(shown).collect()));
                } else {
                    for c in all {
                        say!("{}  {}  {}  {}  {}", c.id, c.platform, if c.active { "active" } else { "off" }, c.settings.base_url, c.name);
                    }
                }
                Ok(())
            }
            Command::Test { connection, json } => {
                let all = connections::list(&app, &caller).await?;
                let found = all.into_iter().find(|c| c.id == connection || c.name == connection);
                let found = found.ok_or_else(|| Trouble::No(format!("there is no connection {connection}")))?;
                let done = connections::test(&app, &caller, &found.id).await?;
                if json {
                    say!("{}", json!({ "id": found.id, "result": done.value.result, "code": done.value.code }));
                } else {
                    say!("{}{}", done.value.result, done.value.code.as_ref().map(|c| format!(" {c}")).unwrap_or_default());
                }
                if done.value.result == "ok" { Ok(()) } else { Err(Trouble::No(format!("{} cannot be used", found.name))) }
            }
        }
    })
}

fn shown(c: &Connection) -> serde_json::Value {
    json!({
        "id": c.id, "name": c.name, "platform": c.platform, "settings": c.settings, "active": c.active, "agreement": c.agreement,
        "created_at": c.created_at.to_rfc3339(), "version": c.version, "capabilities": c.capabilities,
    })
}
