//! `countermand evidence …`: export a case's bundle; verify a bundle with nothing but its file and a key that is trusted; the key and the
//! certificate that sign bundles ([`key`]); lists of revoked certificates ([`crl`]).

mod crl;
mod key;

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    app::{
        App, AppError, Caller,
        evidence::{
            export::{Export, export},
            write_private,
        },
        timestamps,
    },
    cli::deployment::{Deployment, Trouble, finish},
    clock::{Clock, SystemClock},
    config::Config,
    crypto::{
        keyring::{Keyring, KeyringError},
        private,
        revocation::List,
        signature::{Suite, files},
        timestamp::Roots,
    },
    evidence::{
        verify::{Answer, Outcome, Pin, verify},
        zip::Limits,
    },
    ledger::{
        mldsa::MldsaVkey,
        note::{Vkey, VkeyError},
    },
};

/// Arguments of `evidence`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What is verified, and against what.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Verify {
    #[arg(value_name = "FILE.zip")]
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The log's verifier key as known from elsewhere
    #[arg(long, value_name = "VKEY")]
    log_key: Option<String>,
    /// An installation whose own key is trusted
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A public key, or the root of a signer or of a timestamp authority, that is trusted, as PEM; may be given several times
    #[arg(long, value_name = "FILE.pem")]
    root: Vec<PathBuf>,
    /// A list of revoked certificates (CRL, PEM or DER) as its authority publishes it; may be given several times
    #[arg(long, value_name = "FILE.crl")]
    crl: Vec<PathBuf>,
}

impl Verify {
    /// Verifies the file within `limits`; the exit code of the command `name`.
    pub(super) fn run(&self, name: &str, limits: &Limits) -> ExitCode {
        let pins = pins(self.log_key.as_deref(), self.data.as_deref(), &self.root).and_then(|mut pins| {
            pins.extend(lists(&self.crl)?);
            Ok(pins)
        });
        match pins.and_then(|pins| check(&self.file, &pins, limits, self.json)) {
            Ok(answer) => ExitCode::from(answer.exit_code()),
            Err(trouble) => finish(name, Err(trouble)),
        }
    }
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Write the bundle of a case, with its .sha256 beside it
    Export {
        #[command(flatten)]
        deployment: Deployment,
        /// Number or id of the case
        #[arg(long, value_name = "NO")]
        case: String,
        #[arg(long, value_name = "FILE.zip")]
        out: PathBuf,
        /// What it is for; goes into the audit trail and the bundle
        #[arg(long, default_value = "command line", value_name = "TEXT")]
        purpose: String,
        /// Export as of this size of the log
        #[arg(long, value_name = "SIZE")]
        at: Option<u64>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Verify a bundle offline: exit 0 holds, 1 does not, 2 could not tell
    Verify(Verify),
    /// Take in a list of revoked certificates where no network is
    Crl(crl::Args),
    /// The key and certificate that sign bundles
    #[command(subcommand)]
    Key(key::Command),
}

/// Runs the command; its exit code.
pub fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::Export { deployment, case, out, purpose, at, json } => {
            let wanted = Export { case: case.clone(), purpose: purpose.clone(), at: *at, ..Export::default() };
            match ready(deployment, out) {
                Ok(()) => deployment.run("evidence export", |app| write(app, wanted, out, *json)),
                Err(trouble) => finish("evidence export", Err(trouble)),
            }
        }
        Command::Verify(wanted) => wanted.run("evidence verify", &Limits::default()),
        Command::Crl(args) => crl::run(args),
        Command::Key(command) => key::run(command),
    }
}

/// An export is recorded when it is made: what can be known to fail is refused before.
pub(super) fn ready(deployment: &Deployment, out: &Path) -> Result<(), Trouble> {
    if out.file_name().is_none() || out.is_dir() {
        return Err(Trouble::Cannot(format!("--out must name a file; {} is a folder", out.display())));
    }
    deployment.existing().map(drop)
}

/// The file with the checksum.
pub(super) fn beside(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".sha256");
    name.into()
}

/// Keeps what lies at `out` with its checksum (`private::aside`): it may be the only copy of what somebody handed to a court.
pub(super) fn keep(out: &Path) -> std::io::Result<()> {
    let filled = |file: &PathBuf| file.symlink_metadata().is_ok_and(|m| m.is_file() && m.len() > 0);
    let there: Vec<PathBuf> = [out.to_owned(), beside(out)].into_iter().filter(filled).collect();
    for (file, kept) in private::aside(&there)? {
        eprintln!("{} was there already and is now {}", file.display(), kept.display());
    }
    Ok(())
}

async fn write(app: App, wanted: Export, out: &Path, json: bool) -> Result<(), Trouble> {
    let case = wanted.case.clone();
    let done = match export(&app, &Caller::shell(), wanted).await {
        Err(AppError::NotFound) => return Err(Trouble::Cannot(format!("there is no case {case:?}"))),
        Err(wrong @ AppError::Invalid(_)) => return Err(Trouble::cannot(Trouble::from(wrong))),
        other => other?,
    };
    let (bundle, verified) = (done.value.bundle, done.value.verified);
    for missing in &done.value.missing {
        eprintln!("countermand evidence export: without a timestamp: {missing}");
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let failed = |e: std::io::Error| Trouble::Cannot(format!("{}: {e}", out.display()));
    keep(out).map_err(failed)?;
    write_private(out, &bundle.bytes).map_err(failed)?;
    write_private(&beside(out), bundle.checksum_line(&name).as_bytes()).map_err(failed)?;
    if let Some(why) = done.value.uncertified {
        eprintln!("countermand evidence export: without a signature by certificate: {}", key::why(Suite::Standard, why));
    }
    if let Some(Err(why)) = done.value.sm2 {
        eprintln!("countermand evidence export: without a signature by SM2: {}", key::why(Suite::Sm2, why));
    }
    let sha256 = hex::encode(bundle.sha256);
    if json {
        let path = fs::canonicalize(out).unwrap_or_else(|_| out.to_owned());
        let mut said = serde_json::json!({
            "number": bundle.number, "file": path, "bytes": bundle.bytes.len(), "sha256": sha256, "verified": verified,
            "certificate_signature": done.value.uncertified.is_none(),
            "event": done.receipt.as_ref().map(|r| r.event.to_string()), "index": done.receipt.as_ref().and_then(|r| r.index),
        });
        if let Some(sm2) = done.value.sm2 {
            said["sm2_signature"] = sm2.is_ok().into();
        }
        say!("{said}");
    } else {
        say!("{}\t{sha256}\t{}", bundle.number, out.display());
    }
    if verified { Ok(()) } else { Err(Trouble::No("the bundle was written, but does not hold; `evidence verify` names what".to_owned())) }
}

fn pins(log_key: Option<&str>, data: Option<&Path>, roots: &[PathBuf]) -> Result<Vec<Pin>, Trouble> {
    let mut pins = vec![Pin::At(SystemClock.now())];
    if let Some(text) = log_key {
        let wrong = |e: VkeyError| Trouble::Cannot(format!("--log-key: {e}"));
        for key in text.split_whitespace() {
            pins.push(match MldsaVkey::parse(key) {
                Err(VkeyError::Type(_)) => Pin::Log(Vkey::parse(key).map_err(wrong)?),
                second => Pin::Mldsa(second.map_err(wrong)?),
            });
        }
    }
    if let Some(data) = data {
        let config = Config::load(data, std::iter::empty::<(String, String)>()).map_err(|e| Trouble::Cannot(format!("--data: {e}")))?;
        pins.push(Pin::Authorities(timestamps::roots(&config)));
        pins.push(Pin::Signers(files::roots(data)));
        let keys = Keyring::open(data, false).map_err(|e| match e {
            KeyringError::Missing(path) => Trouble::Cannot(format!("--data: there is no key file {}", path.display())),
            other => Trouble::Cannot(format!("--data: {other}")),
        })?;
        let former = Keyring::former(data).into_iter().filter_map(|line| Some(Vkey::parse(&line).ok()?.key().to_bytes()));
        pins.push(Pin::OneOf(std::iter::once(keys.log.verifying_key().to_bytes()).chain(former).collect()));
    }
    for path in roots {
        let pem = fs::read_to_string(path).map_err(|e| Trouble::Cannot(format!("{}: {e}", path.display())))?;
        pins.push(trusted(&pem).ok_or_else(|| Trouble::Cannot(format!("{}: neither an Ed25519 public key nor a root certificate", path.display())))?);
    }
    Ok(pins)
}

/// Lists that were brought along, if any were.
fn lists(paths: &[PathBuf]) -> Result<Option<Pin>, Trouble> {
    let read = |path: &PathBuf| {
        let failed = |e: &dyn std::fmt::Display| Trouble::Cannot(format!("{}: {e}", path.display()));
        List::read(&fs::read(path).map_err(|e| failed(&e))?).map_err(|e| failed(&e))
    };
    let found = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok((!found.is_empty()).then_some(Pin::Lists(found)))
}

/// What a PEM file pins: an Ed25519 key (RFC 8410), or roots of signers and timestamp authorities.
fn trusted(pem: &str) -> Option<Pin> {
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    if pem.contains("-----BEGIN CERTIFICATE-----") {
        return Roots::from_pem(pem).ok().map(Pin::Certificate);
    }
    let body: String = pem.split("-----BEGIN PUBLIC KEY-----").nth(1)?.split("-----END").next()?.split_whitespace().collect();
    let der = STANDARD.decode(body).ok()?;
    Some(Pin::Key(der.strip_prefix(&PREFIX)?.try_into().ok()?))
}

fn check(file: &Path, pins: &[Pin], limits: &Limits, json: bool) -> Result<Answer, Trouble> {
    // Larger files are not read into memory.
    let largest = limits.total;
    let failed = |e: std::io::Error| Trouble::Cannot(format!("{}: {e}", file.display()));
    let mut bytes = Vec::new();
    // Counted while reading: a pipe or a device says no size.
    fs::File::open(file).and_then(|f| f.take(largest + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > largest {
        return Err(Trouble::Cannot(format!("{}: larger than {} GiB", file.display(), largest >> 30)));
    }
    let outcome = verify(&bytes, pins, limits);
    if json {
        say!("{}", serde_json::to_string(&outcome).map_err(Trouble::cannot)?);
    } else {
        print(&outcome);
    }
    Ok(outcome.result)
}

fn print(outcome: &Outcome) {
    for c in &outcome.checks {
        let file = if c.file.is_empty() { String::new() } else { format!(" {}", c.file) };
        match c.result {
            // Who signed, and on whose word, is what the reader has to judge.
            Answer::Pass if ["certificate_signature", "revocation", "signer_root", "sm2_root", "sm2_signature"].contains(&c.name) => {
                say!("pass     {}{file}: {}", c.name, c.actual);
            }
            Answer::Pass => say!("pass     {}{file}", c.name),
            _ => say!("{:<8} {}{file}\n         expected {:?}\n         actual   {:?}", c.result.as_str(), c.name, c.expected, c.actual),
        }
    }
    say!("{}", outcome.result.as_str());
}
