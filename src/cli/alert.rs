//! `countermand alert …`: what the rules found, for whoever runs the machine.

use std::process::ExitCode;

use serde_json::json;

use crate::{
    app::{
        Caller, Turn,
        alerts::{self, Alert, Wanted},
        looks::{self, Look},
    },
    cli::deployment::{Deployment, finish},
    domain::alert::State,
};

/// Arguments of `alert`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// List open alerts, newest first; works while the server runs
    List {
        #[command(flatten)]
        deployment: Deployment,
        /// Those that somebody has acknowledged too
        #[arg(long)]
        all: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// 0: listed; 2: could not.
pub fn run(args: &Args) -> ExitCode {
    let Command::List { deployment, all, json } = &args.command;
    // A mistyped folder is no installation to begin with.
    if let Err(trouble) = deployment.existing() {
        return finish("alert list", Err(trouble));
    }
    deployment.run("alert list", async |app| {
        let wanted = Wanted { state: (!all).then_some(State::Open), ..Wanted::default() };
        let (mut found, mut turn) = (Vec::new(), Turn::First);
        looks::record(&app, &Caller::shell(), Look::command("alert list", "alerts")).await?;
        loop {
            let (page, (_, below)) = alerts::list(&app, &Caller::shell(), wanted, turn).await?;
            found.extend(page);
            match below {
                Some(place) => turn = Turn::Down(place),
                None => break,
            }
        }
        if *json {
            say!("{}", json!({ "alerts": found.iter().map(as_json).collect::<Vec<_>>() }));
        } else if found.is_empty() {
            say!("no {}alerts", if *all { "" } else { "open " });
        } else {
            for alert in &found {
                say!("{}  {:<12}  {:<8}  {}  {}  {}", alert.id, alert.state, alert.severity, alert.last_at.to_rfc3339(), alert.rule, alert.about);
            }
        }
        Ok(())
    })
}

fn as_json(alert: &Alert) -> serde_json::Value {
    json!({
        "id": alert.id, "rule": alert.rule, "rule_version": alert.rule_version, "severity": alert.severity, "state": alert.state,
        "about": { "kind": alert.about_kind, "id": alert.about_id }, "raised_at": alert.raised_at.to_rfc3339(), "last_at": alert.last_at.to_rfc3339(),
        "explanation": alert.why,
    })
}
