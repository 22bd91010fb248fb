//! `countermand connection …`: platform connections from the machine's shell.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;

use super::deployment::{Deployment, Trouble};
use crate::app::{
    App, Caller, Receipt,
    connections::{self, Change, Connection, NewConnection},
    looks::{self, Look},
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
    /// Give a connection other credentials, or switch it off and on
    Change {
        /// Id or name
        connection: String,
        /// File that holds the new secret or access token; its end of line is dropped
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// `active` or `off`
        #[arg(long, value_parser = ["active", "off"])]
        state: Option<String>,
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
                let secret = read(&secret_file)?;
                let new = NewConnection { name, platform, base_url, corp_id, agent_id, secret, agreement };
                let done = connections::create(&app, &caller, new).await?;
                changed(&done.value, done.receipt, json);
                Ok(())
            }
            Command::Change { connection, secret_file, state, json } => {
                let found = find(&app, &caller, &connection).await?;
                let change = Change {
                    secret: secret_file.map_or_else(|| Ok(String::new()), |file| read(&file))?,
                    active: state.map_or(found.active, |state| state == "active"),
                    name: found.name,
                    base_url: found.settings.base_url,
                    corp_id: found.settings.corp_id,
                    agent_id: if found.settings.agent_id == 0 { String::new() } else { found.settings.agent_id.to_string() },
                    agreement: found.agreement,
                    version: found.version,
                };
                let done = connections::change(&app, &caller, &found.id, change).await?;
                changed(&found.id, done.receipt, json);
                Ok(())
            }
            Command::List { json } => {
                let all = connections::list(&app, &caller).await?;
                looks::record(&app, &caller, Look::command("connection list", "connections")).await?;
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
                let found = find(&app, &caller, &connection).await?;
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

fn read(file: &Path) -> Result<String, Trouble> {
    std::fs::read_to_string(file).map_err(|e| Trouble::Cannot(format!("cannot read {}: {e}", file.display())))
}

async fn find(app: &App, caller: &Caller, wanted: &str) -> Result<Connection, Trouble> {
    let all = connections::list(app, caller).await?;
    all.into_iter().find(|c| c.id == wanted || c.name == wanted).ok_or_else(|| Trouble::No(format!("there is no connection {wanted}")))
}

fn changed(id: &str, receipt: Option<Receipt>, json: bool) {
    if json {
        let receipt = receipt.map(|r| json!({ "event": r.event.as_str(), "index": r.index }));
        say!("{}", json!({ "id": id, "receipt": receipt }));
    } else {
        say!("{id}");
    }
}

fn shown(c: &Connection) -> serde_json::Value {
    json!({
        "id": c.id, "name": c.name, "platform": c.platform, "settings": c.settings, "active": c.active, "agreement": c.agreement,
        "created_at": c.created_at.to_rfc3339(), "version": c.version, "capabilities": c.capabilities,
    })
}
