//! `countermand stream …`: streams of the audit trail to other systems, from the machine's shell.

use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use super::deployment::{Deployment, Trouble, secret_file};
use crate::{
    app::{
        App, Caller, Receipt,
        looks::{self, Look},
        streams::{
            self, Stream,
            change::{self, Act, Made, Typed},
        },
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

#[derive(Clone, Debug, clap::Args)]
struct What {
    /// `ocsf` (OCSF 1.6) or `native`
    #[arg(long, default_value = "ocsf")]
    format: String,
    /// Only these actions, or those that begin so: `recall.*`; may be given several times
    #[arg(long = "action")]
    actions: Vec<String>,
    /// Only these outcomes: `success`, `refused`, `failed`; may be given several times
    #[arg(long = "outcome")]
    outcomes: Vec<String>,
    /// Only events of this case, by number or id; may be given several times
    #[arg(long = "case")]
    cases: Vec<String>,
    /// What stays here: `names`, `addresses`, `browsers`, `devices`, `details`, `texts`; may be given several times
    #[arg(long)]
    leave_out: Vec<String>,
    /// PEM file with the authorities that the receiver's certificate may come from, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file with the certificate that we show
    #[arg(long, value_name = "FILE", requires = "client_key_secret")]
    certificate: Option<PathBuf>,
    /// PEM file with its private key
    #[arg(long, value_name = "FILE", requires = "certificate")]
    client_key_secret: Option<PathBuf>,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Make a stream; prints its id, and a webhook's secret once
    Add {
        #[arg(long)]
        name: String,
        /// `syslog`, `webhook` or `file`
        #[arg(long)]
        kind: String,
        /// `tls://host:6514` or `tcp://127.0.0.1:514` for syslog, `https://…` for a webhook, a folder's name for a file
        #[arg(long)]
        destination: String,
        #[command(flatten)]
        what: Box<What>,
        /// File with the webhook's secret (`whsec_…`), where the receiver chose it
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// Begin with the first event of the log, not with the next one
        #[arg(long)]
        from_start: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the streams and how far each has come
    List {
        /// Print one JSON list
        #[arg(long)]
        json: bool,
    },
    /// Stop a stream; it keeps its place
    Pause { stream: String },
    /// Let a stream go on where it stopped
    Resume { stream: String },
    /// Remove a stream; what it delivered stays where it is
    Remove { stream: String },
    /// Send a line that is no event
    Test { stream: String },
    /// Give a webhook another secret and print it once; the one before signs too for a day
    Rotate { stream: String },
    /// Send the event of this index next: earlier ones once more, or later ones and none between
    Rewind { stream: String, index: String },
}

pub fn run(args: &Args) -> ExitCode {
    args.deployment.run("stream", async |app| {
        let caller = Caller::shell();
        match args.command.clone() {
            Command::Add { name, kind, destination, what, secret_file: secret, from_start, json } => {
                let read = |file: &Option<PathBuf>| file.as_deref().map_or_else(|| Ok(String::new()), secret_file);
                let typed = Typed {
                    name,
                    kind,
                    destination,
                    format: what.format,
                    actions: what.actions.join(" "),
                    outcomes: what.outcomes,
                    cases: what.cases.join(" "),
                    leave_out: what.leave_out,
                    ca: read(&what.ca)?,
                    certificate: read(&what.certificate)?,
                    client_key: read(&what.client_key_secret)?,
                    secret: read(&secret)?,
                    from_start,
                    code: String::new(),
                };
                let done = change::create(&app, &caller, typed).await?;
                made(&done.value, done.receipt, json);
                Ok(())
            }
            Command::List { json } => {
                let all = streams::list(&app, &caller).await?;
                looks::record(&app, &caller, Look::command("stream list", "streams")).await?;
                if json {
                    say!("{}", serde_json::Value::Array(all.iter().map(shown).collect()));
                } else {
                    for s in all {
                        say!("{}  {}  {}  {}  next {}  behind {}  {}", s.id, s.kind, s.state(), s.settings.destination, s.next, s.lag, s.name);
                        if let Some((word, what)) = &s.problem {
                            say!("  {word}: {what}");
                        }
                    }
                }
                Ok(())
            }
            Command::Pause { stream } => act(&app, &caller, &stream, Act::Pause).await,
            Command::Resume { stream } => act(&app, &caller, &stream, Act::Resume).await,
            Command::Remove { stream } => act(&app, &caller, &stream, Act::Remove).await,
            Command::Test { stream } => {
                let found = find(&app, &caller, &stream).await?;
                match change::test(&app, &caller, &found.id).await?.value {
                    None => {
                        say!("ok");
                        Ok(())
                    }
                    Some((word, what)) => Err(Trouble::No(format!("{}: {word}: {what}", found.name))),
                }
            }
            Command::Rotate { stream } => {
                let found = find(&app, &caller, &stream).await?;
                let done = change::rotate(&app, &caller, &found.id, found.version, "").await?;
                say!("{}", done.value.secret.unwrap_or_default());
                Ok(())
            }
            Command::Rewind { stream, index } => {
                let found = find(&app, &caller, &stream).await?;
                change::rewind(&app, &caller, &found.id, found.version, &index, "").await?;
                Ok(())
            }
        }
    })
}

async fn find(app: &App, caller: &Caller, wanted: &str) -> Result<Stream, Trouble> {
    let all = streams::list(app, caller).await?;
    all.into_iter().find(|s| s.id == wanted || s.name == wanted).ok_or_else(|| Trouble::No(format!("there is no stream {wanted}")))
}

async fn act(app: &App, caller: &Caller, wanted: &str, act: Act) -> Result<(), Trouble> {
    let found = find(app, caller, wanted).await?;
    change::act(app, caller, &found.id, found.version, act, "").await?;
    Ok(())
}

fn made(made: &Made, receipt: Option<Receipt>, json: bool) {
    if json {
        let receipt = receipt.map(|r| json!({ "event": r.event.as_str(), "index": r.index }));
        say!("{}", json!({ "id": made.id, "secret": made.secret, "receipt": receipt }));
    } else {
        say!("{}", made.id);
        if let Some(secret) = &made.secret {
            say!("{secret}");
        }
    }
}

fn shown(s: &Stream) -> serde_json::Value {
    let at = |at: Option<Instant>| at.map(Instant::to_rfc3339);
    json!({
        "id": s.id, "name": s.name, "kind": s.kind, "settings": s.settings, "state": s.state(), "next": s.next, "lag": s.lag,
        "lag_since": at(s.lag_since), "failures": s.failures, "stuck_since": at(s.stuck_at),
        "problem": s.problem.as_ref().map(|(word, what)| format!("{word}: {what}")),
        "tried_at": at(s.tried_at), "delivered_at": at(s.delivered_at), "created_at": s.created_at.to_rfc3339(), "version": s.version,
    })
}
