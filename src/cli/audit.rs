//! `countermand audit …`: an auditor's pack for a period, without a browser; and whether one holds, with nothing but its file and a key
//! that is trusted. Questions are put and answered in the console.

use std::{path::PathBuf, process::ExitCode};

use crate::{
    app::{
        App, AppError, Caller,
        audits::{NewAudit, open, packs},
        evidence::write_private,
    },
    cli::{
        deployment::{Deployment, Trouble, finish},
        evidence::{Verify, beside, keep, ready},
    },
    domain::audit::ExceptionKind,
    evidence::zip::Limits,
};

/// Arguments of `audit`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What is looked at.
#[derive(Clone, Debug, clap::Args)]
struct Wanted {
    /// First day of the period, by the company's calendar
    #[arg(long, value_name = "DATE", required_unless_present = "audit")]
    from: Option<String>,
    /// Last day of the period
    #[arg(long, value_name = "DATE", required_unless_present = "audit")]
    to: Option<String>,
    /// An audit that was opened before, instead of a new one
    #[arg(long, value_name = "NO", conflicts_with_all = ["from", "to", "title", "seed", "sample_size", "walk", "as_at"])]
    audit: Option<String>,
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Seed of the sample, 8 to 64 letters, digits, hyphens, dots and underscores; drawn at random without
    #[arg(long, value_name = "TEXT")]
    seed: Option<String>,
    /// Cases in the sample [default: 25]
    #[arg(long, value_name = "N")]
    sample_size: Option<u32>,
    /// Number of the case to walk through; the first of the sample without
    #[arg(long, value_name = "NO")]
    walk: Option<String>,
    /// Day at whose end the access list is taken; the last of the period without
    #[arg(long, value_name = "DATE")]
    as_at: Option<String>,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Open an audit and write its pack, with its .sha256 beside it
    Pack {
        #[command(flatten)]
        deployment: Deployment,
        #[command(flatten)]
        wanted: Wanted,
        #[arg(long, value_name = "FILE.zip")]
        out: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Verify a pack offline: exit 0 holds, 1 does not, 2 could not tell
    Verify(Verify),
}

/// Runs the command; its exit code.
pub fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::Pack { deployment, wanted, out, json } => match ready(deployment, out) {
            Ok(()) => deployment.run("audit pack", |app| pack(app, wanted, out, *json)),
            Err(trouble) => finish("audit pack", Err(trouble)),
        },
        Command::Verify(wanted) => wanted.run("audit verify", &Limits::of_packs()),
    }
}

/// The audit's number: of the one that was named, or of one that is opened now.
async fn audit(app: &App, wanted: &Wanted) -> Result<String, Trouble> {
    if let Some(number) = &wanted.audit {
        return Ok(number.clone());
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let new = NewAudit {
        title: wanted.title.clone().unwrap_or_else(|| format!("{} – {}", text(&wanted.from), text(&wanted.to))),
        from: text(&wanted.from),
        to: text(&wanted.to),
        as_at: text(&wanted.as_at),
        exceptions: ExceptionKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect(),
        sample_size: wanted.sample_size.unwrap_or(25).to_string(),
        seed: text(&wanted.seed),
        walk: text(&wanted.walk),
    };
    match open(app, &Caller::shell(), new).await {
        Ok(done) => Ok(done.value.number),
        Err(wrong @ AppError::Invalid(_)) => Err(Trouble::cannot(Trouble::from(wrong))),
        Err(other) => Err(other.into()),
    }
}

async fn pack(app: App, wanted: &Wanted, out: &PathBuf, json: bool) -> Result<(), Trouble> {
    let audit = audit(&app, wanted).await?;
    let failed = |e: std::io::Error| Trouble::Cannot(format!("{}: {e}", out.display()));
    keep(out).map_err(failed)?;
    let done = match packs::export_to(&app, &Caller::shell(), &audit, out).await {
        Err(AppError::NotFound) => return Err(Trouble::Cannot(format!("there is no audit {audit:?}"))),
        other => other?,
    };
    let made = done.value;
    for missing in &made.missing {
        eprintln!("countermand audit pack: without a timestamp: {missing}");
    }
    if made.missing.is_empty() && made.timestamps() == 0 {
        eprintln!("countermand audit pack: without a timestamp: no authority configured");
    }
    let sha256 = hex::encode(made.sha256);
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    write_private(&beside(out), format!("{sha256}  {name}\n").as_bytes()).map_err(failed)?;
    if json {
        let path = std::fs::canonicalize(out).unwrap_or_else(|_| out.clone());
        let said = serde_json::json!({
            "audit": audit, "number": made.number, "file": path, "bytes": made.size, "sha256": sha256, "log_size": made.log_size,
            "cases": made.cases, "verified": made.verified, "timestamps": made.timestamps(),
            "event": done.receipt.as_ref().map(|r| r.event.to_string()), "index": done.receipt.as_ref().and_then(|r| r.index),
        });
        say!("{said}");
    } else {
        say!("{}\t{sha256}\t{}", made.number, out.display());
    }
    if made.verified.is_none() {
        eprintln!("the pack is too large to be verified while it is made; `audit verify` does it");
    }
    if made.verified != Some(false) {
        Ok(())
    } else {
        Err(Trouble::No("the pack was written, but does not hold; `audit verify` names what".to_owned()))
    }
}
