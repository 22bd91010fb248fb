//! `countermand retention …`: what would be erased now, erasing it, and what is kept about one person.

use std::process::ExitCode;

use crate::{
    app::{
        Caller,
        looks::{self, Look},
        personal,
        retention::{self, Plan},
    },
    cli::deployment::{Deployment, finish},
    clock::Instant,
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
    /// Say what is kept about one person, why and until when
    Person {
        /// User name or id
        name: String,
        #[command(flatten)]
        printing: Printing,
    },
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
    let (Command::Plan(p) | Command::Run(p)) = &args.command else { return person(args) };
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
            print(p.json, &held_as(&plan, ran.plan), "went");
        } else {
            looks::record(&app, &Caller::shell(), Look::command("retention plan", "settings")).await?;
            print(p.json, &plan, "would go");
        }
        Ok(())
    })
}

fn person(args: &Args) -> ExitCode {
    let Command::Person { name, printing } = &args.command else { return ExitCode::from(2) };
    if let Err(trouble) = printing.deployment.existing() {
        return finish("retention person", Err(trouble));
    }
    printing.deployment.run("retention person", async |app| {
        let kept = personal::for_shell(&app, &Caller::shell(), name).await?;
        if printing.json {
            say!("{}", kept.to_json());
            return Ok(());
        }
        say!("{} ({})", kept.person.name, kept.person.username);
        for e in &kept.entries {
            let class = if let personal::What::Records(class) = e.what { format!(" {class}") } else { String::new() };
            let time = |at: Option<Instant>| at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339());
            say!(
                "  {:<24} {:>7}  oldest {}  until {}  basis {}  erasure {}",
                format!("{}{class}", e.what.kind()),
                e.count,
                time(e.oldest),
                time(e.until),
                e.basis,
                e.erasure
            );
        }
        for (id, records) in kept.holds.iter().flatten() {
            say!("  legal hold {id} keeps {records} of these records");
        }
        Ok(())
    })
}

/// What went, beside what is held of everything.
fn held_as(plan: &Plan, ran: Plan) -> Plan {
    let mut classes = ran.classes;
    for (of, planned) in classes.iter_mut().zip(&plan.classes) {
        of.tally.held = planned.tally.held;
    }
    Plan { held: plan.held, classes, ..ran }
}

fn print(json: bool, plan: &Plan, went: &str) {
    if json {
        say!("{}", plan.to_json());
        return;
    }
    let Plan { parts, held, before, classes, archive, sent } = plan;
    say!("{parts} parts of events before {} {went}; a legal hold keeps {held}", before.to_rfc3339());
    for of in classes {
        let since = of.tally.oldest.map(|at| format!(", the oldest of {}", at.to_rfc3339())).unwrap_or_default();
        say!(
            "  {:<10} {:>5} days, before {}: {} {went}, {} held{since}",
            of.class.as_str(),
            of.days,
            of.before.to_rfc3339(),
            of.tally.parts,
            of.tally.held
        );
    }
    let since = archive.oldest.map(|at| format!(", the oldest of {}", at.to_rfc3339())).unwrap_or_default();
    say!(
        "  {:<10} {:>5} days, before {}: {} {went}, {} held{since}",
        "bundles",
        archive.days,
        archive.before.to_rfc3339(),
        archive.files,
        archive.held
    );
    let since = sent.oldest.map(|at| format!(", the oldest of {}", at.to_rfc3339())).unwrap_or_default();
    say!("  {:<10} {:>5} days, before {}: {} {went}, {} held{since}", "broadcasts", sent.days, sent.before.to_rfc3339(), sent.broadcasts, sent.held);
}
