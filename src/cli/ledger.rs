//! `countermand ledger …`: verify the log, print its checkpoint, prove an event, publish it as static files; and what to do where it must
//! not go on as it is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    app::Caller,
    cli::deployment::{Deployment, Trouble, finish, secret_file},
    domain::event::{Action, Subject},
    ledger::{
        checkpoint::{Checkpoint, Note, Vkey},
        proof::Proof,
        publish::publish,
    },
    store::{
        Options, Store, StoreError,
        reader::{self, TileReader},
        renewal::{self, RenewError, Renewed},
        signer,
        verify::{Against, Report, inspect},
        witnesses,
    },
};

/// Arguments of `ledger`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Recompute every leaf, commitment, projection, tile and checkpoint; exit 1 if anything does not hold
    Verify {
        #[command(flatten)]
        deployment: Deployment,
        /// Accepted for scripts; every verification is a full one
        #[arg(long)]
        full: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
        /// The log's verifier key as known from elsewhere
        #[arg(long, value_name = "KEY")]
        vkey: Option<String>,
        /// A checkpoint kept elsewhere; may be given several times
        #[arg(long, value_name = "FILE")]
        against: Vec<PathBuf>,
    },
    /// Sign the present head if it is not signed yet, and print the checkpoint
    Checkpoint {
        #[command(flatten)]
        deployment: Deployment,
        /// Print the log's verifier key instead
        #[arg(long)]
        vkey: bool,
    },
    /// Print the proof of one event as a .tlog-proof
    Proof {
        #[command(flatten)]
        deployment: Deployment,
        #[arg(long, value_name = "N")]
        index: u64,
    },
    /// Write the log as a C2SP tlog-tiles folder that any static server can carry
    Publish {
        #[command(flatten)]
        deployment: Deployment,
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Put the newest checkpoint that somebody else has into the place of the lost copy under the data folder
    Accept {
        #[command(flatten)]
        deployment: Deployment,
        #[arg(long, value_name = "FILE")]
        against: PathBuf,
    },
    /// Begin a new log, with a new name and key, where a restored one must not go on
    Renew {
        #[command(flatten)]
        deployment: Deployment,
        /// File with the reason, for the audit trail
        #[arg(long, value_name = "FILE")]
        reason_file: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// 0: holds, or done; 1: does not hold; 2: could not tell.
pub fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::Verify { deployment, json, vkey, against, .. } => finish("ledger verify", verify(deployment, *json, vkey.as_deref(), against)),
        Command::Checkpoint { deployment, vkey } => finish("ledger checkpoint", checkpoint(deployment, *vkey)),
        Command::Proof { deployment, index } => finish("ledger proof", proof(deployment, *index)),
        Command::Accept { deployment, against } => finish("ledger accept", accept(deployment, against)),
        Command::Renew { deployment, reason_file, json } => finish("ledger renew", renew(deployment, reason_file.as_deref(), *json)),
        Command::Publish { deployment, out } => finish("ledger publish", write(deployment, out)),
    }
}

fn verify(deployment: &Deployment, json: bool, vkey: Option<&str>, files: &[PathBuf]) -> Result<(), Trouble> {
    let (_, database) = deployment.existing()?;
    let vkey = vkey.map(Vkey::parse).transpose().map_err(Trouble::cannot)?;
    let read = |path: &PathBuf| fs::read_to_string(path).map_err(|e| Trouble::Cannot(format!("{}: {e}", path.display())));
    let notes = files.iter().map(read).collect::<Result<_, _>>()?;
    let report = inspect(&database, &deployment.data, &Against { vkey, notes, restoring: false }).map_err(Trouble::cannot)?;
    if json {
        say!("{}", serde_json::to_string(&report).map_err(Trouble::cannot)?);
    } else {
        print(&report);
    }
    let closed: Vec<String> = report.unopened.iter().map(|(bucket, parts)| format!("{parts} of {bucket}")).collect();
    match report.problems.first() {
        None if closed.is_empty() => Ok(()),
        None => Err(Trouble::Cannot(format!(
            "everything that can be looked at holds; erasable parts that cannot be opened, because a restore did not find their key: {}",
            closed.join(", ")
        ))),
        Some(first) => {
            let at = first.index.map_or_else(String::new, |i| format!(" at {i}"));
            Err(Trouble::No(format!("the log does not hold: {}{at}: {} ({} problems)", first.table, first.detail, report.problems.len())))
        }
    }
}

fn print(report: &Report) {
    let c = &report.checked;
    say!("{} events, root {}", report.size, report.root);
    say!("checked: {} leaves, {} parts, {} projections, {} tiles, {} checkpoints", c.leaves, c.parts, c.projections, c.tiles, c.checkpoints);
    for p in &report.problems {
        let index = p.index.map_or_else(|| "-".to_owned(), |i| i.to_string());
        say!(
            "{}\t{}\t{index}\t{}",
            serde_json::to_value(p.kind).ok().and_then(|k| k.as_str().map(str::to_owned)).unwrap_or_default(),
            p.table,
            p.detail
        );
    }
    if report.ok {
        say!("the log holds");
    }
}

fn open(deployment: &Deployment) -> Result<Store, Trouble> {
    deployment.existing()?;
    Ok(deployment.open()?.store)
}

fn checkpoint(deployment: &Deployment, vkey: bool) -> Result<(), Trouble> {
    let store = open(deployment)?;
    if vkey {
        say!("{}", store.vkey().map_err(Trouble::cannot)?);
    } else {
        let note = store.newest_note().map_err(Trouble::cannot)?;
        let size = Note::parse(&note).and_then(|note| Checkpoint::parse(note.text())).map_err(Trouble::cannot)?.size;
        say!("{}", store.read_now(|conn| witnesses::cosigned(conn, size, note)).map_err(Trouble::cannot)?.trim_end());
    }
    Ok(())
}

fn proof(deployment: &Deployment, index: u64) -> Result<(), Trouble> {
    let store = open(deployment)?;
    let note = store.newest_note().map_err(Trouble::cannot)?;
    let vkey = store.vkey().map_err(Trouble::cannot)?;
    let size = crate::ledger::checkpoint::open(&note, &vkey).map_err(Trouble::cannot)?.size;
    if index >= size {
        return Err(Trouble::Cannot(format!("the log holds {size} events; there is no event {index}")));
    }
    let hashes = store
        .read_now(|conn| crate::ledger::tree::inclusion(&TileReader::new(conn), index, size).map_err(|e| StoreError::Corrupt(e.to_string())))
        .map_err(Trouble::cannot)?;
    say!("{}", Proof { extra: None, index, hashes, checkpoint: note }.to_text().trim_end());
    Ok(())
}

fn write(deployment: &Deployment, out: &Path) -> Result<(), Trouble> {
    let store = open(deployment)?;
    let note = store.newest_note().map_err(Trouble::cannot)?;
    let vkey = store.vkey().map_err(Trouble::cannot)?;
    publish(entries(&store), &note, &vkey, |path, bytes| {
        let path = out.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes)).map_err(|e| format!("{}: {e}", path.display()))
    })
    .map_err(Trouble::cannot)
}

fn accept(deployment: &Deployment, file: &Path) -> Result<(), Trouble> {
    let (_, database) = deployment.existing()?;
    let note = fs::read_to_string(file).map_err(|e| Trouble::Cannot(format!("{}: {e}", file.display())))?;
    let accepted = signer::accept(&database, &deployment.data, &note).map_err(|e| match e {
        StoreError::Fork(why) => Trouble::No(format!("not accepted: {why}")),
        other => Trouble::cannot(other),
    })?;
    let store = deployment.open()?.store;
    let detail = serde_json::json!({ "size": accepted.size, "root": hex::encode(accepted.root) });
    let event = Caller::shell().event(Action::CheckpointAccepted, Subject::new("log", store.installation())).detail(detail);
    store.write_now(move |tx| tx.append(event.clone())).map_err(Trouble::cannot)?;
    store.checkpoint_now().map_err(Trouble::cannot)?;
    say!("accepted the checkpoint over {} events", accepted.size);
    Ok(())
}

fn renew(deployment: &Deployment, reason: Option<&Path>, json: bool) -> Result<(), Trouble> {
    let (config, database) = deployment.existing()?;
    let reason = reason.map(secret_file).transpose()?;
    let options = Options { host: config.host(), ..Options::new(database, &deployment.data) };
    let renewed = begin(&options, reason.as_deref())?;
    if json {
        say!("{}", serde_json::json!({ "old": renewed.old, "vkey": renewed.vkey, "size": renewed.size }));
    } else {
        print_renewed(&renewed);
    }
    Ok(())
}

/// Begins a new log; also at the end of `restore --new-log`.
pub(super) fn begin(options: &Options, reason: Option<&str>) -> Result<Renewed, Trouble> {
    renewal::renew(options, reason).map_err(|e| match e {
        RenewError::Store(e) => Trouble::cannot(e),
        other => Trouble::No(other.to_string()),
    })
}

pub(super) fn print_renewed(renewed: &Renewed) {
    say!("the log {} has ended with {} events", renewed.old, renewed.size);
    say!("it goes on as {}", renewed.vkey);
    say!("give the new key to everybody who checks this log; start the server anew");
}

/// The leaves in order, read a thousand at a time.
fn entries(store: &Store) -> impl Iterator<Item = Result<Vec<u8>, String>> + '_ {
    const AT_ONCE: i64 = 1000;
    let mut next = 0;
    let mut waiting = std::collections::VecDeque::new();
    std::iter::from_fn(move || {
        if waiting.is_empty() {
            match store.read_now(|conn| reader::events_from(conn, next, AT_ONCE)) {
                Ok(events) => waiting.extend(events),
                Err(e) => return Some(Err(e.to_string())),
            }
        }
        let event = waiting.pop_front()?;
        next = event.index + 1;
        Some(Ok(event.bytes))
    })
}
