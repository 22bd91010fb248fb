//! `countermand ledger …`: verify the log, print its checkpoint, prove an event, publish it as static files; and what to do where it must
//! not go on as it is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use crate::{
    app::{Caller, witness},
    cli::deployment::{Deployment, Trouble, finish, secret_file},
    clock::Instant,
    domain::event::{Action, Subject},
    ledger::{
        checkpoint::{Checkpoint, Note, Vkey, VkeyError},
        mldsa::MldsaVkey,
        proof::Proof,
        publish::publish,
    },
    store::{
        Options, Store, StoreError,
        keys::RotateError,
        reader::{self, TileReader},
        renewal::{self, Cause, RenewError, Renewed},
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
        /// A verifier key of the log as known from elsewhere, of either kind; may be given several times
        #[arg(long, value_name = "KEY")]
        vkey: Vec<String>,
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
        /// Print every verifier key that checks it, one a line: Ed25519, ML-DSA-44, and those that are taking over
        #[arg(long, conflicts_with = "vkey")]
        vkeys: bool,
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
    /// Announce new keys for the log, which sign beside the old ones until these are retired
    Rotate {
        #[command(flatten)]
        deployment: Deployment,
        /// How many days both sign
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(0..=3650))]
        overlap: u32,
        /// Retire the old keys now, also before the overlap is over
        #[arg(long, conflicts_with = "overlap")]
        finish: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Begin a new log, with a new name and key, where a restored one must not go on
    Renew {
        #[command(flatten)]
        deployment: Deployment,
        /// The log can go on, but nobody has its key any more
        #[arg(long, conflicts_with = "key_stolen")]
        key_lost: bool,
        /// The log can go on, but somebody else has its key too
        #[arg(long)]
        key_stolen: bool,
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
        Command::Verify { deployment, json, vkey, against, .. } => finish("ledger verify", verify(deployment, *json, vkey, against)),
        Command::Checkpoint { deployment, vkey, vkeys } => finish("ledger checkpoint", checkpoint(deployment, *vkey, *vkeys)),
        Command::Proof { deployment, index } => finish("ledger proof", proof(deployment, *index)),
        Command::Accept { deployment, against } => finish("ledger accept", accept(deployment, against)),
        Command::Rotate { deployment, overlap, finish, json } => {
            self::finish("ledger rotate", rotate(deployment, (!finish).then_some(*overlap), *json))
        }
        Command::Renew { deployment, key_lost, key_stolen, reason_file, json } => {
            let cause = match (key_lost, key_stolen) {
                (true, _) => Cause::KeyLost,
                (_, true) => Cause::KeyStolen,
                _ => Cause::Behind,
            };
            finish("ledger renew", renew(deployment, cause, reason_file.as_deref(), *json))
        }
        Command::Publish { deployment, out } => finish("ledger publish", write(deployment, out)),
    }
}

fn verify(deployment: &Deployment, json: bool, vkeys: &[String], files: &[PathBuf]) -> Result<(), Trouble> {
    let (config, database) = deployment.existing()?;
    let witnesses = witness::of(&config).map(|witnesses| witnesses.policy.keys()).unwrap_or_else(|why| {
        // The log can be looked at without; who looks must know what was not.
        eprintln!("countermand ledger verify: {why}; cosignatures are held against the keys in the database alone");
        Vec::new()
    });
    let mut against = Against { witnesses, ..Against::default() };
    for text in vkeys.iter().flat_map(|text| text.split_whitespace()) {
        match MldsaVkey::parse(text) {
            Err(VkeyError::Type(_)) => against.vkeys.push(Vkey::parse(text).map_err(Trouble::cannot)?),
            second => against.mldsa.push(second.map_err(Trouble::cannot)?),
        }
    }
    let read = |path: &PathBuf| fs::read_to_string(path).map_err(|e| Trouble::Cannot(format!("{}: {e}", path.display())));
    against.notes = files.iter().map(read).collect::<Result<_, _>>()?;
    let report = inspect(&database, &deployment.data, &against).map_err(Trouble::cannot)?;
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
    for key in &report.keys {
        let from = key.announced.map_or_else(String::new, |index| format!(", announced by event {index}"));
        let until = key.retired.map_or_else(String::new, |index| format!(", retired by event {index}"));
        say!("signed by {}{from}{until}", key.vkey);
        key.mldsa.iter().for_each(|vkey| say!("and by {vkey}"));
    }
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

fn checkpoint(deployment: &Deployment, vkey: bool, vkeys: bool) -> Result<(), Trouble> {
    deployment.existing()?;
    let app = deployment.open()?;
    let store = &app.store;
    if vkeys {
        say!("{}", self::vkeys(store)?.trim_end());
    } else if vkey {
        say!("{}", store.vkey().map_err(Trouble::cannot)?);
    } else {
        let note = store.newest_note().map_err(Trouble::cannot)?;
        let size = Note::parse(&note).and_then(|note| Checkpoint::parse(note.text())).map_err(Trouble::cannot)?.size;
        let known = app.witnesses.policy.keys();
        say!("{}", store.read_now(|conn| witnesses::cosigned(conn, size, note, &known)).map_err(Trouble::cannot)?.trim_end());
    }
    Ok(())
}

/// Every verifier key that checks the newest checkpoint, one a line.
fn vkeys(store: &Store) -> Result<String, Trouble> {
    let rows = store.in_force().map_err(Trouble::cannot)?;
    Ok(rows.into_iter().flat_map(|row| std::iter::once(row.vkey).chain(row.mldsa)).map(|vkey| format!("{vkey}\n")).collect())
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
    let put = |path: &str, bytes: &[u8]| {
        let path = out.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes)).map_err(|e| format!("{}: {e}", path.display()))
    };
    put("vkeys", vkeys(&store)?.as_bytes()).map_err(Trouble::Cannot)?;
    publish(entries(&store), &note, &vkey, put).map_err(Trouble::cannot)
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

/// Announces new keys that sign beside the old for so many days, or retires the old ones.
fn rotate(deployment: &Deployment, overlap: Option<u32>, json: bool) -> Result<(), Trouble> {
    let store = open(deployment)?;
    let event = |action, subject| Caller::shell().event(action, subject);
    let days = |days: u32| Duration::from_secs(u64::from(days) * 86_400);
    let old = store.in_force().map_err(Trouble::cannot)?.swap_remove(0);
    let done = match overlap {
        Some(overlap) => store.rotate(days(overlap), event),
        None => store.retire(true, event),
    };
    let new = done.map_err(|e| match e {
        RotateError::Store(e) => Trouble::cannot(e),
        RotateError::Uncovered => Trouble::cannot(e),
        other => Trouble::No(other.to_string()),
    })?;
    let until = store.in_force().map_err(Trouble::cannot)?.swap_remove(0).ends_at.map(|at| Instant(at).to_rfc3339());
    if json {
        say!("{}", serde_json::json!({ "old": old.vkey, "vkey": new.vkey, "mldsa": new.mldsa, "until": until }));
        return Ok(());
    }
    match until {
        Some(until) => {
            say!("both keys sign from now on; the server retires the old one after {until}, `ledger rotate --finish` before");
            say!("copy keys/log.key.new and keys/log-mldsa.key.new to other nodes, and give everybody who checks this log the new keys:");
        }
        None => say!("retired {}; from now on these alone sign:", old.vkey),
    }
    say!("{}", new.vkey);
    new.mldsa.iter().for_each(|vkey| say!("{vkey}"));
    Ok(())
}

fn renew(deployment: &Deployment, cause: Cause, reason: Option<&Path>, json: bool) -> Result<(), Trouble> {
    let (config, database) = deployment.existing()?;
    let reason = reason.map(secret_file).transpose()?;
    let options = Options { host: config.host(), ..Options::new(database, &deployment.data) };
    let renewed = begin(&options, cause, reason.as_deref())?;
    if json {
        say!("{}", serde_json::json!({ "old": renewed.old, "vkey": renewed.vkey, "size": renewed.size }));
    } else {
        print_renewed(&renewed);
    }
    Ok(())
}

/// Begins a new log; also at the end of `restore --new-log`.
pub(super) fn begin(options: &Options, cause: Cause, reason: Option<&str>) -> Result<Renewed, Trouble> {
    renewal::renew(options, cause, reason).map_err(|e| match e {
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
