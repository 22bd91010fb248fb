//! `countermand evidence key …`: ask a certification authority for a certificate, take it in, show what signs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    app::{App, Caller, evidence::signing},
    cli::deployment::{Deployment, Trouble},
    crypto::signature::{Place, Suite},
    evidence::certificate::Uncertified,
};

#[derive(Clone, Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a key, in the token if the settings name one, and print the request for its certificate (PKCS#10); the same key until a certificate is imported
    Request {
        #[command(flatten)]
        deployment: Deployment,
        #[command(flatten)]
        of: Of,
        /// The name in the certificate, as RFC 4514 writes it; the company of the settings if absent
        #[arg(long, value_name = "CN=…,O=…")]
        subject: Option<String>,
        /// Write the request here instead
        #[arg(long, value_name = "FILE.csr")]
        out: Option<PathBuf>,
    },
    /// Take in the certificate: it signs every bundle from now on, with --sm2 in the profile "gm", and those before it stay known
    Import {
        #[command(flatten)]
        deployment: Deployment,
        #[command(flatten)]
        of: Of,
        /// Certificates in PEM: the signer's first, then each authority's, the root's last
        #[arg(value_name = "CHAIN.pem")]
        chain: PathBuf,
        /// A key made elsewhere, PKCS#8 in PEM, P-256 or RSA, with --sm2 SM2; if absent the one in the token that the settings name, else the requested one
        #[arg(long, value_name = "KEY.pem")]
        key: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show the certificate that signs, and whether a key waits for one; exit 1 if nothing signs
    Show {
        #[command(flatten)]
        deployment: Deployment,
        #[command(flatten)]
        of: Of,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// Which of the two.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Of {
    /// The key of SM2 that signs besides in the profile "gm"
    #[arg(long)]
    sm2: bool,
}

impl Of {
    const fn suite(self) -> Suite {
        if self.sm2 { Suite::Sm2 } else { Suite::Standard }
    }
}

pub(super) fn run(command: &Command) -> ExitCode {
    let ready = |deployment: &Deployment| deployment.existing().map(drop);
    let (name, deployment) = match command {
        Command::Request { deployment, .. } => ("evidence key request", deployment),
        Command::Import { deployment, .. } => ("evidence key import", deployment),
        Command::Show { deployment, .. } => ("evidence key show", deployment),
    };
    if let Err(trouble) = ready(deployment) {
        return super::finish(name, Err(trouble));
    }
    deployment.run(name, |app| async move {
        match command {
            Command::Request { of, subject, out, .. } => request(&app, of.suite(), subject.clone(), out.as_deref()).await,
            Command::Import { of, chain, key, json, .. } => import(&app, of.suite(), chain, key.as_deref(), *json).await,
            Command::Show { of, json, .. } => show(&app, of.suite(), *json).await,
        }
    })
}

/// Why a certificate of SM2 that is good signs nothing.
const UNWANTED: &str = "no bundle is signed with it until the settings say evidence.profile = \"gm\"";

/// Why nothing signs, in words.
pub(super) fn why(suite: Suite, uncertified: Uncertified) -> String {
    let (ask, file) = match suite {
        Suite::Standard => ("`evidence key request` asks for", "keys/evidence.pem"),
        Suite::Sm2 => ("`evidence key request --sm2` asks for", "keys/evidence-sm2.pem"),
    };
    match uncertified {
        Uncertified::Module => "the module that holds the key does not sign; `evidence key show` says why".to_owned(),
        Uncertified::Never => format!("no certificate was imported; {ask} one"),
        Uncertified::Missing => {
            format!("{file} is not the certificate that was imported last; copy it from the node where it was, or from a backup")
        }
        Uncertified::Revoked => format!("its authority has revoked the certificate; {ask} another one"),
        Uncertified::Ended => format!("the certificate is not valid now; {ask} another one"),
    }
}

async fn request(app: &App, suite: Suite, subject: Option<String>, out: Option<&Path>) -> Result<(), Trouble> {
    let text = signing::request(app, &Caller::shell(), suite, subject).await?.value;
    match out {
        Some(out) => fs::write(out, text).map_err(|e| Trouble::Cannot(format!("{}: {e}", out.display())))?,
        None => say!("{}", text.trim_end()),
    }
    Ok(())
}

async fn import(app: &App, suite: Suite, chain: &Path, key: Option<&Path>, json: bool) -> Result<(), Trouble> {
    let read = |path: &Path| fs::read_to_string(path).map_err(|e| Trouble::Cannot(format!("{}: {e}", path.display())));
    let key_in_module = key.is_none();
    let key = key.map(read).transpose()?.map(Zeroizing::new);
    let facts = signing::import(app, &Caller::shell(), suite, &read(chain)?, key).await?.value;
    if json {
        say!("{}", serde_json::to_string(&facts).map_err(Trouble::cannot)?);
    } else {
        if signing::wanted(app, suite) {
            say!("signs from now on: {} until {}", facts.subject, facts.not_after);
        } else {
            say!("taken in: {} until {}; {UNWANTED}", facts.subject, facts.not_after);
        }
        say!("publish this fingerprint of the root, SHA-256: {}", facts.root_sha256);
        match suite {
            Suite::Standard if signing::access(app, suite).is_some() && key_in_module => say!(
                "the key stays in its token; copy keys/evidence.pem, which names it, and, if it is there, keys/evidence-former.pem to other nodes"
            ),
            Suite::Standard => say!("copy keys/evidence.pem and, if it is there, keys/evidence-former.pem to other nodes"),
            Suite::Sm2 => say!("copy keys/evidence-sm2.pem and, if it is there, keys/evidence-sm2-former.pem to other nodes"),
        }
    }
    Ok(())
}

async fn show(app: &App, suite: Suite, json: bool) -> Result<(), Trouble> {
    let standing = signing::standing(app, suite).await?;
    let soon = standing.ends_soon(app.now());
    if json {
        let (certificate, until) = standing.certificate.clone().unzip();
        let until = until.map(|at| at.to_rfc3339());
        say!(
            "{}",
            json!({
                "signs": standing.signs(), "reason": standing.reason(), "certificate": certificate, "until": until, "ends_soon": soon,
                "requested": standing.requested, "place": standing.place.as_ref().map(ToString::to_string),
                "trouble": standing.trouble.as_ref().map(ToString::to_string),
            })
        );
    } else {
        if let Some((facts, until)) = &standing.certificate {
            say!("{}\nissued by {}\nvalid until {}{}", facts.subject, facts.issuer, until.to_rfc3339(), if soon { ", which is soon" } else { "" });
            say!("SHA-256 {}\nroot    {}", facts.sha256, facts.root_sha256);
            match &standing.place {
                Some(Place::Module(reference)) => say!("key     {reference}"),
                _ => say!("key     in keys/{}", if suite == Suite::Sm2 { "evidence-sm2.pem" } else { "evidence.pem" }),
            }
        }
        if standing.requested {
            say!("a key waits for its certificate");
        }
    }
    match standing.uncertified {
        Some(Uncertified::Module) => Err(Trouble::No(standing.trouble.map_or_else(String::new, |trouble| format!("the evidence key: {trouble}")))),
        Some(reason) => Err(Trouble::No(why(suite, reason))),
        None if standing.signs() => Ok(()),
        None => Err(Trouble::No(UNWANTED.to_owned())),
    }
}
