//! Timestamps by the authorities that the settings name: of the newest checkpoint once an hour ([`checkpoint`]), of every bundle that is
//! kept ([`bundle`]), of one that goes out of the house at once ([`now`]), and of older tokens before they run out ([`renewal`]).
//!
//! Nothing waits for an authority, and no more than two jobs of a process ask at the same time. A bundle is sealed first, without a token; a job asks afterwards and the token lies beside the archive,
//! in `timestamps`; whoever is handed the bundle gets it with the token in its `signatures/`. So the sealed file stays the one whose hash
//! `evidence.sealed` records, a slow authority holds nobody up, and the token covers everything that was sealed. Only an export to the
//! command line asks while its caller waits, and not for long: nobody comes back to that file.
//!
//! An authority that refuses or cannot be reached is asked again, after a minute at first and after an hour at most. The event is
//! appended when it begins to refuse and when the reason changes, not at each try: an authority that is gone for a year must not fill the
//! log. Not here: what an answer means (`crypto::timestamp`), the wire (`connect::timestamp`).

pub mod bundle;
pub mod checkpoint;
pub mod overview;
pub mod renewal;

use std::time::Duration;

use serde_json::{Value, json};

use super::{App, AppResult, Caller, StoreError, revocation};
use crate::{
    clock::Instant,
    config::{Authority, Config},
    connect::timestamp::{self as wire, NoAnswer},
    crypto::{
        revocation::certificates,
        sha256,
        timestamp::{self, Policy, Query, Refusal, Roots, Stamp, chain},
    },
    domain::event::{Action, Event, Outcome, Subject},
    evidence::{revocation::Known, timestamps::Token},
    id::TimestampId,
    store::{
        Conn, Tx,
        timestamps::{self as rows, OBTAINED, REFUSED, TimestampRow},
    },
};

/// How long a job waits for an authority.
const PATIENT: Duration = Duration::from_secs(15);
/// Jobs of a process that ask at the same time; the others come back after [`TURN`]. Well below the jobs that a runner does at once.
pub(super) const AT_ONCE: usize = 2;
const TURN: Duration = Duration::from_secs(2);
/// How long somebody waits who exports to a file.
const HURRIED: Duration = Duration::from_secs(8);

/// The roots of an authority; its PEM file lies below the data folder unless its path is absolute.
///
/// # Errors
/// Words that name the file.
pub fn roots_of(config: &Config, authority: &Authority) -> Result<Roots, String> {
    let path = config.data.join(&authority.root);
    let pem = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    Roots::from_pem(&pem).map_err(|e| format!("{}: {e}", path.display()))
}

/// The roots of all authorities; a file that cannot be read is left out, for [`begin`] has told of it.
pub fn roots(config: &Config) -> Roots {
    let mut all = Roots::default();
    for roots in config.timestamp.authorities.iter().filter_map(|a| roots_of(config, a).ok()) {
        all.extend(&roots);
    }
    all
}

/// Makes sure that the job of each authority waits, and warns of one whose root or policy cannot be used: its job is refused for its
/// settings, which the settings page shows, and nobody else is held up. Call it when a process starts, before it says that it did.
///
/// # Errors
/// As the store has them.
pub async fn begin(app: &App) -> AppResult<()> {
    let authorities = app.config.timestamp.authorities.clone();
    for authority in &authorities {
        if let Err(reason) = roots_of(&app.config, authority).and_then(|_| policy(authority)) {
            tracing::warn!(authority = authority.name, reason, "no timestamps by this authority: its settings cannot be used");
        }
    }
    let enqueue = move |tx: &mut Tx<'_>| {
        // Tokens run out whether anybody is asked for new ones or not.
        tx.enqueue(renewal::JOB, "", &json!({}), tx.now())?;
        for authority in &authorities {
            tx.enqueue("timestamp_checkpoint", &authority.name, &json!({ "authority": authority.name }), tx.now())?;
        }
        Ok(())
    };
    app.store.write(enqueue).await?;
    Ok(())
}

/// An authority of the settings by its name.
fn authority<'a>(app: &'a App, name: &str) -> Option<&'a Authority> {
    app.config.timestamp.authorities.iter().find(|a| a.name == name)
}

fn policy(authority: &Authority) -> Result<Option<Policy>, String> {
    let parse = |text: &String| text.parse().map_err(|_| format!("{text:?} is no policy: a dotted number"));
    authority.policy.as_ref().map(parse).transpose()
}

/// Why there is no token.
#[derive(Clone, Debug)]
struct Failure {
    /// A word of `timestamp::Refusal`, or `revoked`, `unreachable`, `settings`, `no_authority`, `short_lived`, `out_of_time`.
    kind: &'static str,
    words: String,
}

/// What asking came to.
struct Asked {
    query: Vec<u8>,
    outcome: Result<(Vec<u8>, Stamp), Failure>,
    /// What is known of the revocation of its certificates, with a token.
    known: Known,
}

/// Asks an authority about `bytes` and checks its answer. Never inside a write.
async fn ask(app: &App, authority: &Authority, bytes: &[u8], patience: Duration) -> Asked {
    let settings = |words: String| Failure { kind: "settings", words };
    let policy = match policy(authority) {
        Ok(policy) => policy,
        Err(words) => return Asked { query: Query::new(bytes, None).to_der(), outcome: Err(settings(words)), known: Known::default() },
    };
    let query = Query::new(bytes, policy);
    let asked = async {
        let roots = roots_of(&app.config, authority).map_err(settings)?;
        let answer = wire::ask(&authority.url, app.config.allow_private_destinations, query.to_der(), patience).await;
        let answer = answer.map_err(|e| Failure { kind: if e == NoAnswer::TooLong { "too_long" } else { "unreachable" }, words: e.to_string() })?;
        let question = query.clone();
        // Signatures take their time; the thread that waits for others must not.
        let checked = tokio::task::spawn_blocking(move || timestamp::verify(&question, &answer, &roots).map(|stamp| (answer, stamp))).await;
        let checked = checked.unwrap_or(Err(Refusal::Malformed("the check ended before its time")));
        checked.map_err(|e| Failure { kind: e.as_str(), words: e.to_string() })
    };
    let (outcome, known) = match asked.await {
        Ok((answer, stamp)) => match revocation::look(app, certificates(&stamp.path), stamp.at, patience.min(revocation::PATIENT)).await {
            Ok(Ok(known)) => (Ok((answer, stamp)), known),
            Ok(Err(revoked)) => (Err(Failure { kind: "revoked", words: revoked.to_string() }), Known::default()),
            // What was fetched could not be kept: nobody can say any more by what the token was judged.
            Err(error) => (Err(Failure { kind: "unreachable", words: error.to_string() }), Known::default()),
        },
        Err(failure) => (Err(failure), Known::default()),
    };
    Asked { outcome, query: query.to_der(), known }
}

/// When to ask again after `attempts` refusals: a minute, doubling, an hour at most.
fn backoff(attempts: i64) -> Duration {
    let exponent = u32::try_from(attempts.clamp(1, 7)).unwrap_or(7) - 1;
    Duration::from_secs((60u64 << exponent).min(3600))
}

/// What an event says of a token.
fn told(authority: &str, size: u64, stamped: &[u8], answer: &[u8], stamp: &Stamp, known: &Known) -> Value {
    json!({
        "authority": authority, "log_size": size, "stamped_sha256": hex::encode(sha256(stamped)), "at": stamp.at.to_rfc3339(),
        "serial": stamp.serial, "policy": stamp.policy, "signer": stamp.signer, "token_sha256": hex::encode(sha256(answer)),
        "until": stamp.until.to_rfc3339(), "revocation": known.as_str(),
    })
}

/// What is asked about: as it goes into row and event.
#[derive(Clone)]
struct About {
    kind: &'static str,
    /// Id and case of a bundle.
    bundle: Option<(String, String)>,
    /// Of a renewal: the tokens that it covers, and when each runs out.
    renews: Vec<(String, Instant)>,
    size: u64,
    stamped: Vec<u8>,
}

impl About {
    /// The event that tells how asking ended, for the row `id`.
    fn event(&self, id: &str, obtained: bool) -> Event {
        let action = if obtained { Action::TimestampObtained } else { Action::TimestampRefused };
        match &self.bundle {
            _ if !self.renews.is_empty() => {
                let action = if obtained { Action::TimestampRenewed } else { Action::TimestampExpiring };
                Caller::job(renewal::JOB).event(action, Subject::new("timestamp", id))
            }
            Some((id, case)) => Caller::job("timestamp_bundle").event(action, Subject::new("bundle", id.clone())).case(case),
            None => Caller::job("timestamp_checkpoint").event(action, Subject::new("checkpoint", self.size.to_string())),
        }
    }

    /// Whether the list in this row names the first token that is to be renewed: what was told of it was told of this one too.
    fn told_in(&self, row: &TimestampRow) -> bool {
        let first = self.renews.iter().min_by_key(|(_, until)| *until);
        first.is_none_or(|(id, _)| String::from_utf8_lossy(&row.stamped).lines().any(|line| line.ends_with(&format!("  {id}"))))
    }

    /// What it tells of the tokens that are renewed.
    fn tell(&self, detail: &mut Value) {
        if let Some(first) = self.renews.iter().map(|(_, until)| *until).min() {
            detail["tokens"] = json!(self.renews.len());
            detail["run_out"] = json!(first.to_rfc3339());
        }
    }
}

/// Records what asking came to, over the `earlier` row for the same thing. The instant at which to ask again, `None` with a token.
async fn record(app: &App, authority: &str, about: About, asked: Asked, earlier: Option<TimestampRow>) -> AppResult<Option<Instant>> {
    let attempts = earlier.as_ref().map_or(0, |row| row.attempts).saturating_add(1);
    let (words, refusal) = match &asked.outcome {
        Ok(_) => (String::new(), None),
        Err(failure) => (failure.words.clone(), Some(failure.kind)),
    };
    if refusal.is_some() {
        tracing::warn!(authority, subject = about.kind, attempts, reason = words, "no timestamp");
    }
    let again = refusal.map(|_| app.now().plus(backoff(attempts)));
    let known = earlier.as_ref().is_some_and(|row| row.refusal.as_deref() == refusal && about.told_in(row));
    let authority = authority.to_owned();
    let id = earlier.as_ref().map_or_else(|| TimestampId::fresh().0, |row| row.id.clone());
    let write = move |tx: &mut Tx<'_>| {
        // Somebody else, who took the job while we were asking, has it already: a second event would tell of a token that no row has.
        if rows::is_obtained(tx.conn, &id)? {
            return Ok(());
        }
        let (answer, stamp) = asked.outcome.as_ref().ok().map(|(answer, stamp)| (answer.clone(), stamp.clone())).unzip();
        rows::put(
            tx.conn,
            TimestampRow {
                id: id.clone(),
                authority: authority.clone(),
                subject: about.kind.to_owned(),
                bundle_id: about.bundle.as_ref().map(|(id, _)| id.clone()),
                log_size: i64::try_from(about.size).unwrap_or(i64::MAX),
                // Of a refusal, what it was told of.
                stamped: earlier.as_ref().filter(|_| known).map_or_else(|| about.stamped.clone(), |row| row.stamped.clone()),
                state: if stamp.is_some() { OBTAINED } else { REFUSED }.to_owned(),
                query: asked.query.clone(),
                answer: answer.clone(),
                chain: stamp.as_ref().map(|s| chain::pem_of(&s.path)),
                stamped_at: stamp.as_ref().map(|s| s.at.0),
                refusal: refusal.map(ToOwned::to_owned),
                attempts,
                asked_at: tx.now().0,
                valid_until: stamp.as_ref().map(|s| s.until.0),
                renewed_by: None,
                revocation: stamp.as_ref().map(|_| asked.known.as_str().to_owned()),
            },
        )?;
        match (&stamp, refusal) {
            (Some(stamp), _) => {
                let mut detail = told(&authority, about.size, &about.stamped, &answer.unwrap_or_default(), stamp, &asked.known);
                about.tell(&mut detail);
                tx.append(about.event(&id, true).detail(detail))?;
                let renewed: Vec<String> = about.renews.iter().map(|(id, _)| id.clone()).collect();
                rows::renewed(tx.conn, &renewed, &id)?;
            }
            (None, Some(kind)) if !known => {
                let mut detail = json!({ "authority": authority, "log_size": about.size, "reason": kind, "words": words, "attempts": attempts });
                about.tell(&mut detail);
                tx.append(about.event(&id, false).outcome(Outcome::Failed).detail(detail))?;
            }
            (None, _) => {}
        }
        Ok(())
    };
    app.store.write(write).await?;
    Ok(again)
}

/// The token of a row that has one, with the lists about its certificates.
pub(super) fn token_of(conn: &mut Conn, row: TimestampRow) -> Result<Option<Token>, StoreError> {
    let (Some(at), Some(answer), Some(chain)) = (row.stamped_at.map(Instant), row.answer, row.chain) else { return Ok(None) };
    let lists = revocation::about(conn, &chain, at)?;
    Ok(Some(Token { authority: row.authority, at, query: row.query, answer, chain, lists }))
}

/// Tokens over the signature of a bundle that goes out at once, with what the event of each says; and why others are missing, in words.
pub(in crate::app) async fn now(app: &App, size: u64, signature: &[u8]) -> ((Vec<Token>, Vec<Value>), Vec<String>) {
    let (mut tokens, mut missing) = (Vec::new(), Vec::new());
    let all = app.config.timestamp.authorities.iter().map(|a| async move { (a, ask(app, a, signature, HURRIED).await) });
    for (authority, asked) in futures_util::future::join_all(all).await {
        match asked.outcome {
            Ok((answer, stamp)) => {
                let said = told(&authority.name, size, signature, &answer, &stamp, &asked.known);
                let chain = chain::pem_of(&stamp.path);
                let lists = asked.known.lists;
                tokens.push((Token { authority: authority.name.clone(), at: stamp.at, query: asked.query, answer, chain, lists }, said));
            }
            Err(failure) => missing.push(format!("{}: {}", authority.name, failure.words)),
        }
    }
    (tokens.into_iter().unzip(), missing)
}

/// Enqueues what an authority is to be asked about a bundle, in the write that adds the bundle.
pub(super) fn enqueue(tx: &mut Tx<'_>, config: &Config, bundle: &str, signature: &[u8]) -> Result<(), StoreError> {
    for authority in &config.timestamp.authorities {
        let payload = json!({ "authority": authority.name, "bundle": bundle, "signature": hex::encode(signature) });
        let now = tx.now();
        tx.enqueue("timestamp_bundle", &format!("{bundle}/{}", authority.name), &payload, now)?;
    }
    Ok(())
}
