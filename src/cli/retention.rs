//! `countermand retention …`: what would be erased now, and erasing it.

use std::process::ExitCode;

use crate::{
    app::{
        Caller,
        looks::{self, Look},
        retention::{self, Plan},
    },
    cli::deployment::{Deployment, finish},
};

/// Arguments of `retention`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Count what has lived its time: what would be erased, and what a legal hold keeps
    Plan(Printing),
    /// Erase what has lived its time, as the nightly job does; works while the server runs
    Run(Printing),
}

#[derive(Clone, Debug, clap::Args)]
struct Printing {
    #[command(flatten)]
    deployment: Deployment,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// 0: done; 2: could not.
pub fn run(args: &Args) -> ExitCode {
    let (Command::Plan(p) | Command::Run(p)) = &args.command;
    let erase = matches!(args.command, Command::Run(_));
    let name = if erase { "retention run" } else { "retention plan" };
    // A mistyped folder is no installation to begin with.
    if let Err(trouble) = p.deployment.existing() {
        return finish(name, Err(trouble));
    }
    p.deployment.run(name, async |app| {
        let plan = retention::plan(&app, &Caller::shell()).await?;
        if erase {
            // What an earlier run passed by because it is held is not looked at again: the plan knows of it.
            let ran = retention::run(&app, &Caller::shell()).await?;
            print(p.json, &Plan { held: plan.held, ..ran.plan }, "went");
        } else {
            looks::record(&app, &Caller::shell(), Look::command("retention plan", "settings")).await?;
            print(p.json, &plan, "would go");
        }
        Ok(())
    })
}

fn print(json: bool, plan: &Plan, went: &str) {
    let Plan { parts, held, before } = plan;
    if json {
        say!("{}", serde_json::json!({ "parts": parts, "held": held, "before": before.to_rfc3339() }));
    } else {
        say!("{parts} parts of events before {} {went}; a legal hold keeps {held}", before.to_rfc3339());
    }
}
