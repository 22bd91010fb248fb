//! `countermand backup` and `countermand restore`: an installation as one file, and back.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;

use super::{
    deployment::{Deployment, Trouble, finish, secret_file},
    ledger,
};
use crate::{
    app::backup::{self, BackupError, Standing, Taken},
    config::Config,
    crypto::{passphrase::SHORTEST, private},
    store::{Database, Options, renewal::Cause},
};

/// Arguments of `backup`.
#[derive(Clone, Debug, clap::Args)]
pub struct Take {
    #[command(flatten)]
    deployment: Deployment,
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File for the copy of the part keys, replaced each time; without it where `retention.key_copy` says, or beside the backup
    #[arg(long, value_name = "FILE")]
    part_keys: Option<PathBuf>,
    /// Put the installation's keys into it, sealed under the passphrase
    #[arg(long, requires = "passphrase_file")]
    with_keys: bool,
    /// File with the passphrase (`-` is standard input)
    #[arg(long, value_name = "FILE", requires = "with_keys")]
    passphrase_file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Arguments of `restore`.
#[derive(Clone, Debug, clap::Args)]
pub struct Put {
    #[command(flatten)]
    deployment: Deployment,
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Address of an empty database; without it the settings' or SQLite under the folder
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// File with the passphrase of the keys in the backup (`-` is standard input)
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The copy of the part keys; without it the one where `retention.key_copy` says, or beside the backup
    #[arg(long, value_name = "FILE")]
    part_keys: Option<PathBuf>,
    /// A checkpoint kept elsewhere; may be given several times
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// Your word that nothing was signed after the backup: how many events its last checkpoint is over; the audit trail keeps it
    #[arg(long, value_name = "SIZE", conflicts_with = "new_log")]
    newest: Option<u64>,
    /// Begin a new log, with a new name and key, if the one in the backup must not go on or nobody can say whether it may
    #[arg(long)]
    new_log: bool,
    /// File with the reason for a new log, for the audit trail
    #[arg(long, value_name = "FILE", requires = "new_log")]
    reason_file: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl From<BackupError> for Trouble {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Broken(_) | BackupError::Fork(_) => Self::No(error.to_string()),
            other => Self::cannot(other),
        }
    }
}

/// 0: taken; 1: taken, but bundles were missing; 2: not taken.
pub fn take(args: &Take) -> ExitCode {
    finish("backup", taken(args))
}

fn taken(args: &Take) -> Result<(), Trouble> {
    let out = &args.out;
    if out.file_name().is_none() || out.is_dir() {
        return Err(Trouble::Cannot(format!("--out must name a file; {} is a folder", out.display())));
    }
    let passphrase = args.passphrase_file.as_deref().map(secret_file).transpose()?;
    if passphrase.as_ref().is_some_and(|p| p.chars().count() < SHORTEST) {
        return Err(Trouble::Cannot(format!("a passphrase has at least {SHORTEST} characters")));
    }
    args.deployment.existing()?;
    let app = args.deployment.open()?;
    let Taken { manifest, part_keys: (copy, copied), receipt } =
        backup::take(&app, out, args.part_keys.as_deref(), passphrase.as_deref(), || keep(out))?;
    if args.json {
        let path = fs::canonicalize(out).unwrap_or_else(|_| out.clone());
        let bytes = fs::metadata(out).map_or(0, |m| m.len());
        let receipt = receipt.map(|r| json!({ "event": r.event.as_str(), "index": r.index }));
        say!(
            "{}",
            json!({
                "id": manifest.id, "file": path, "bytes": bytes, "origin": manifest.origin, "size": manifest.size, "root": manifest.root,
                "keys": manifest.keys, "part_keys": fs::canonicalize(&copy).unwrap_or(copy), "missing": manifest.missing, "receipt": receipt,
            })
        );
    } else {
        say!("{}\t{} events, root {}\t{}", manifest.id, manifest.size, manifest.root, out.display());
        say!("{copied} part keys\t{}: keep this copy apart from the backups, and only its newest state", copy.display());
        if !manifest.keys {
            say!("the keys are not in it; keep {} elsewhere, nothing can be read without them", args.deployment.data.join("keys").display());
        }
    }
    if manifest.missing.is_empty() {
        Ok(())
    } else {
        Err(Trouble::No(format!("the backup was taken, but these bundles are missing or changed: {}", manifest.missing.join(", "))))
    }
}

/// Keeps what lies at `out`: it may be the only backup.
fn keep(out: &Path) -> std::io::Result<()> {
    let there: Vec<PathBuf> = Some(out.to_owned()).into_iter().filter(|f| f.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() > 0)).collect();
    told(&private::aside(&there)?);
    Ok(())
}

fn told(kept: &[(PathBuf, PathBuf)]) {
    for (file, kept) in kept {
        eprintln!("{} was there already and is now {}", file.display(), kept.display());
    }
}

/// 0: restored, and it goes on; 1: restored, but it can only be read, or the backup does not hold; 2: nothing was restored.
pub fn put(args: &Put) -> ExitCode {
    finish("restore", restored(args))
}

fn restored(args: &Put) -> Result<(), Trouble> {
    let data = &args.deployment.data;
    let mut config = Config::load(data, std::env::vars_os()).map_err(Trouble::cannot)?;
    config.database_url = args.database_url.clone().or(config.database_url);
    let database = Database::of(&config).map_err(Trouble::cannot)?;
    let passphrase = args.passphrase_file.as_deref().map(secret_file).transpose()?;
    let reason = args.reason_file.as_deref().map(secret_file).transpose()?;
    let read = |path: &PathBuf| fs::read_to_string(path).map_err(|e| Trouble::Cannot(format!("{}: {e}", path.display())));
    let against = args.against.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let wanted = backup::Wanted {
        file: &args.file,
        data,
        database: &database,
        passphrase: passphrase.as_deref(),
        against: &against,
        newest: args.newest,
        new_log: args.new_log,
        part_keys: args.part_keys.as_deref(),
        key_copy: config.key_copy(),
    };
    let done = backup::restore(&wanted)?;
    told(&done.aside);
    let manifest = &done.manifest;
    let options = || Options { host: config.host(), ..Options::new(database.clone(), data) };
    let (mut behind, mut renewed) = (None, None);
    match &done.standing {
        Standing::Behind(why) if !args.new_log => behind = Some(why.clone()),
        standing => {
            if *standing != Standing::GoesOn {
                renewed = Some(ledger::begin(&options(), Cause::Behind, reason.as_deref())?);
            }
            backup::resume(options(), &done)?;
        }
    }
    if args.json {
        let said = json!({
            "id": manifest.id, "taken_at": manifest.taken_at, "origin": manifest.origin, "size": manifest.size, "root": manifest.root,
            "missing": manifest.missing, "unopened": done.unopened, "timestamps": done.timestamps, "rows": done.rows, "read_only": behind, "vkey": renewed.as_ref().map_or(&manifest.vkey, |r| &r.vkey),
        });
        say!("{said}");
    } else {
        say!("restored {} of {}, {} events, root {}", manifest.id, manifest.taken_at, manifest.size, manifest.root);
        if !done.unopened.is_empty() {
            say!(
                "there is no key for the erasable parts of {}; nobody can open them. Restore again with --part-keys if there is a copy of the keys",
                done.unopened.join(", ")
            );
        }
        if !done.rows.is_empty() {
            say!(
                "these rows are not what the log says of them, and were not when the backup was taken: {}. `countermand ledger verify` names them until they are mended",
                done.rows.join("; ")
            );
        }
        if !done.timestamps.is_empty() {
            say!("these timestamps or cosignatures do not hold: {}. Nothing else depends on them", done.timestamps.join("; "));
        }
        renewed.iter().for_each(ledger::print_renewed);
    }
    match behind {
        None => Ok(()),
        Some(why) => Err(Trouble::No(format!(
            "restored, but it can only be read: {why}. Restore a newer backup if there is one, or begin a new log with `ledger renew`"
        ))),
    }
}
