//! Our log as a client of witnesses: each new checkpoint is shown to them with the proof that it extends the one before, and their
//! cosignatures are kept and served beneath it. A witness that is away holds nothing up; it is named on the system page and in one event.
//!
//! A witness remembers what this installation may have forgotten: a checkpoint of ours that it has and the database does not takes the
//! place of the copy outside, and from then on nothing is signed (`store::signer`). What a witness has seen of ours is what its cosignature
//! proves, not what the database says of it (`store::witnesses`). Not here: the messages (`ledger::witness`).

use std::{sync::Arc, time::Duration};

use serde_json::json;

use super::{
    App, AppResult,
    clocks::{self, SECOND, Source},
};
use crate::{
    clock::Instant,
    config::Config,
    connect::witness::Client,
    crypto::sha256,
    domain::event::{Action, Event, Outcome, Subject},
    ledger::{
        checkpoint::{self, Checkpoint, Note},
        policy::{Policy, Witness},
        tree::{self, Prover, TreeError, leaf_hash},
        witness::Request,
    },
    store::{
        Conn, StoreError,
        reader::{self, TileReader},
        witnesses::{self, WitnessRow},
    },
};

/// Who is asked, and how.
#[derive(Clone, Debug, Default)]
pub struct Witnesses {
    pub policy: Policy,
    client: Option<Client>,
    /// Held by the round that somebody who waits has begun.
    nudged: Arc<tokio::sync::Mutex<()>>,
}

/// The witnesses that the settings name.
///
/// # Errors
/// In words: the policy's file cannot be read, or which of its lines is wrong.
pub fn of(config: &Config) -> Result<Witnesses, String> {
    let Some(path) = &config.witness.policy else { return Ok(Witnesses::default()) };
    let path = config.data.join(path);
    let text = std::fs::read_to_string(&path).map_err(|e| format!("witness.policy: {}: {e}", path.display()))?;
    let policy = Policy::parse(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    if let Some(plain) =
        policy.witnesses.iter().filter_map(|w| w.url.as_ref()).find(|url| !url.starts_with("http://") && !url.starts_with("https://"))
    {
        return Err(format!("{}: {plain} is no http or https address", path.display()));
    }
    Ok(Witnesses { policy, client: Some(Client::new()?), ..Witnesses::default() })
}

/// How an attempt ended.
enum Asked {
    /// The line, and when the witness says it saw the checkpoint.
    Cosigned { line: String, at: u64 },
    /// It has seen this many; the request thought otherwise.
    Stale(u64),
    /// It will not, or there was no answer: a word for people (`settings-witness-<word>`), and what exactly for the record.
    Problem(&'static str, String),
}

/// Shows the newest checkpoint to every witness that has not cosigned it. Whether enough of them have then: without a policy nobody has to.
///
/// # Errors
/// Those of the store; a witness's own failures are no errors.
pub async fn round(app: &App) -> AppResult<bool> {
    let Some(client) = app.witnesses.client.clone() else { return Ok(true) };
    let Some(note) = app.store.read(reader::last_checkpoint).await? else { return Ok(false) };
    let checkpoint = open(app, &note)?;
    let mut asking = tokio::task::JoinSet::new();
    for witness in app.witnesses.policy.witnesses.iter().filter(|w| w.url.is_some()).cloned() {
        let (app, client, note, checkpoint) = (app.clone(), client.clone(), note.clone(), checkpoint.clone());
        asking.spawn(async move { show(&app, &client, &witness, &note, &checkpoint).await.map(|agrees| agrees.then_some(witness.name)) });
    }
    let mut agreeing = Vec::new();
    while let Some(done) = asking.join_next().await {
        agreeing.extend(done.map_err(|_| StoreError::Panicked)??);
    }
    Ok(app.witnesses.policy.satisfied(&agreeing.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// Signs what there is and begins a round, for somebody who waits for it: at most `patience`, and not at all while another one that was begun
/// so is under way. Silent witnesses hold up one of those who wait, and it not for long.
///
/// # Errors
/// As [`round`] and [`crate::store::Store::checkpoint`], where they are known in time.
pub async fn nudge(app: &App, patience: Duration) -> AppResult<()> {
    let Ok(held) = app.witnesses.nudged.clone().try_lock_owned() else { return Ok(()) };
    let app = app.clone();
    let begun = tokio::spawn(async move {
        let _held = held;
        app.store.checkpoint().await?;
        round(&app).await
    });
    if let Ok(ended) = tokio::time::timeout(patience, begun).await {
        ended.map_err(|_| StoreError::Panicked)??;
    }
    Ok(())
}

fn open(app: &App, note: &str) -> Result<Checkpoint, StoreError> {
    checkpoint::open(note, &app.store.vkey()?).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")))
}

/// Shows `checkpoint` to one witness; whether it has cosigned it, now or before.
async fn show(app: &App, client: &Client, witness: &Witness, note: &str, checkpoint: &Checkpoint) -> AppResult<bool> {
    let (key, origin) = (witness.key.clone(), app.store.origin().to_owned());
    let read = app.store.read(move |conn| Ok((witnesses::find(conn, key.name())?, witnesses::newest(conn, &origin, &key, 0)?)));
    let (row, seen) = read.await?;
    // A witness with another key has seen nothing that we could prove.
    let row = row.filter(|row| row.key() == witness.key.to_string());
    let began = app.now();
    let known = seen.map_or(0, |seen| seen.size);
    if known == checkpoint.size && row.as_ref().is_some_and(|row| row.problem.is_none()) {
        return Ok(true);
    }
    let mut asked = ask(app, client, witness, known.min(checkpoint.size), note, checkpoint).await?;
    if let Asked::Stale(size) = asked {
        asked = match size {
            size if size > checkpoint.size => Asked::Problem("ahead", format!("it has seen {size} events")),
            size => ask(app, client, witness, size, note, checkpoint).await?,
        };
    }
    let settled = |size: u64, seen_at: Option<i64>, problem: Option<String>| WitnessRow {
        name: witness.key.name().to_owned(),
        vkey: witness.key.to_string(),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        seen_at,
        problem,
    };
    let was = row.as_ref().and_then(|row| row.problem.clone());
    match asked {
        Asked::Cosigned { line, at } => {
            let at = Instant::from_unix_seconds(i64::try_from(at).unwrap_or(i64::MAX));
            clocks::compare(app, Source::Witness(&key_hash(&witness.key.to_string())), at, SECOND, began).await?;
            note_down(app, settled(checkpoint.size, Some(at.0), None), was, Ok(line)).await?;
            Ok(true)
        }
        Asked::Stale(_) => Ok(false),
        Asked::Problem(word, what) => {
            note_down(app, settled(known, row.and_then(|r| r.seen_at), Some(word.to_owned())), was, Err(what)).await?;
            learn(app, client, witness).await?;
            Ok(false)
        }
    }
}

async fn ask(app: &App, client: &Client, witness: &Witness, old: u64, note: &str, checkpoint: &Checkpoint) -> AppResult<Asked> {
    let size = checkpoint.size;
    // From nothing there is nothing to prove, and what is the same needs no proof.
    let proof = match old {
        0 => Vec::new(),
        old if old == size => Vec::new(),
        old => {
            let failed = |e: TreeError<StoreError>| StoreError::Corrupt(format!("the tree: {e}"));
            app.store.read(move |conn| Prover::new(&TileReader::new(conn), size).consistency(old).map_err(failed)).await?
        }
    };
    let request = Request { old, proof, checkpoint: note.to_owned() };
    let answer = match client.add_checkpoint(witness.url.as_deref().unwrap_or_default(), request.to_text()).await {
        Ok(answer) => answer,
        Err(e) => return Ok(Asked::Problem("away", e)),
    };
    Ok(match answer.status {
        200 => cosigned(witness, note, &answer.body),
        409 => match answer.body.trim().parse() {
            Ok(size) if size != old => Asked::Stale(size),
            _ => Asked::Problem("refuses", "it answers 409 without another size".to_owned()),
        },
        status => {
            let said: String = answer.body.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
            Asked::Problem("refuses", format!("it answers {status}: {said}"))
        }
    })
}

/// The witness's own line among those that it answered, which must hold; lines of others, or by other keys of its, are not taken from it.
fn cosigned(witness: &Witness, note: &str, body: &str) -> Asked {
    let own = format!("\u{2014} {} ", witness.key.name());
    let lines: String = body.lines().filter(|line| line.starts_with(&own)).map(|line| format!("{line}\n")).collect();
    let whole = format!("{note}{lines}");
    match Note::parse(&whole).and_then(|note| Ok((witness.key.verify(&note)?, note.text()))) {
        Ok((at, text)) => {
            let line = lines.split_inclusive('\n').filter(|line| witness.key.holds(text, line).is_ok()).collect();
            Asked::Cosigned { line, at }
        }
        Err(e) => Asked::Problem("unsigned", format!("its cosignature: {e}")),
    }
}

/// A key's name in events.
pub(super) fn key_hash(vkey: &str) -> String {
    hex::encode(sha256(vkey.as_bytes())).chars().take(16).collect()
}

/// Keeps what came of it, the line or what was wrong; one event where a witness begins or ceases to fail, for a round comes every few
/// seconds.
async fn note_down(app: &App, row: WitnessRow, was: Option<String>, came: Result<String, String>) -> AppResult<()> {
    if came.is_err() && was == row.problem {
        return Ok(());
    }
    let event = match (&was, &came) {
        (None, Err(what)) => {
            Some((Action::WitnessLost, Outcome::Failed, json!({ "witness": row.vkey, "reason": row.problem, "problem": what, "size": row.size })))
        }
        (Some(_), Ok(_)) => Some((Action::WitnessReturned, Outcome::Success, json!({ "witness": row.vkey, "size": row.size }))),
        _ => None,
    };
    let subject = Subject::new("witness", key_hash(&row.vkey));
    let event = event.map(|(action, outcome, detail)| Event::system(action, subject).outcome(outcome).detail(detail));
    let written = app.store.write(move |tx| {
        if let Ok(line) = &came {
            witnesses::keep(tx.conn, row.size, &row.name, line)?;
        }
        witnesses::put(tx.conn, row.clone())?;
        if let Some(event) = &event {
            tx.append(event.clone())?;
        }
        Ok(())
    });
    written.await?;
    Ok(())
}

/// Holds the log against the newest checkpoint that a witness has of it: a database that was put back to an older state, or whose log is
/// another than the one that was signed, is found out by it. A witness that is away says nothing.
///
/// # Errors
/// [`StoreError::Fork`], and from then on nothing is signed.
async fn learn(app: &App, client: &Client, witness: &Witness) -> AppResult<()> {
    let hash = hex::encode(sha256(app.store.origin().as_bytes()));
    let Ok(answer) = client.newest(witness.url.as_deref().unwrap_or_default(), &hash).await else { return Ok(()) };
    if answer.status != 200 {
        return Ok(());
    }
    // A key that the database has forgotten with the rest is the witness's to vouch for.
    let vouched = Note::parse(&answer.body).is_ok_and(|note| witness.key.verify(&note).is_ok());
    let store = app.store.clone();
    let learned = tokio::task::spawn_blocking(move || store.learn(&answer.body, vouched)).await.map_err(|_| StoreError::Panicked)?;
    match learned {
        Err(StoreError::NotFound) => Ok(()),
        learned => Ok(learned?),
    }
}

/// Asks every witness for what it has seen, before anything is signed; call it when a process that signs starts.
///
/// # Errors
/// [`StoreError::Fork`] if one of them has more, or something else, than the database.
pub async fn at_start(app: &App) -> AppResult<()> {
    let Some(client) = app.witnesses.client.clone() else { return Ok(()) };
    for witness in app.witnesses.policy.witnesses.iter().filter(|w| w.url.is_some()) {
        learn(app, &client, witness).await?;
    }
    Ok(())
}

/// A witness for the system page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub name: String,
    /// Events under the newest checkpoint that it cosigned.
    pub size: u64,
    pub seen_at: Option<Instant>,
    pub problem: Option<String>,
}

/// How far each witness of the policy has come, and whether enough of them cover `size` events.
///
/// # Errors
/// Those of the store.
pub async fn standing(app: &App, size: u64) -> AppResult<(Vec<Standing>, bool)> {
    let (policy, origin) = (app.witnesses.policy.clone(), app.store.origin().to_owned());
    let read = app.store.read(move |conn| {
        let rows = witnesses::list(conn)?;
        let standing = policy.witnesses.iter().map(|w| {
            let row = rows.iter().find(|row| row.key() == w.key.to_string());
            Ok(Standing {
                name: w.key.name().to_owned(),
                size: witnesses::newest(conn, &origin, &w.key, 0)?.map_or(0, |seen| seen.size),
                seen_at: row.and_then(|row| row.seen_at).map(Instant),
                problem: row.and_then(|row| row.problem.clone()),
            })
        });
        standing.collect::<Result<Vec<_>, StoreError>>()
    });
    let (standing, policy) = (read.await?, &app.witnesses.policy);
    let covers = policy.witnesses.iter().zip(&standing).filter(|(_, standing)| standing.size >= size);
    let enough = policy.satisfied(&covers.map(|(w, _)| w.name.as_str()).collect::<Vec<_>>());
    Ok((standing, enough))
}

/// Whether enough witnesses of the policy have cosigned a checkpoint that covers this event. Nothing that the database says is believed for
/// it: their lines must hold now, by the keys that the settings name, and the event must be the leaf at its place in the tree that they are
/// over (RFC 9162 §2.1.3).
pub fn covered(conn: &mut Conn, app: &App, event: &str) -> Result<bool, StoreError> {
    let Some(index) = reader::index_of(conn, event)? else { return Ok(false) };
    let leaf = reader::event(conn, index)?;
    if leaf.leaf.id != event {
        return Ok(false);
    }
    let (policy, hash) = (&app.witnesses.policy, leaf_hash(&leaf.bytes));
    let mut agreeing = Vec::new();
    for witness in &policy.witnesses {
        let Some(seen) = witnesses::newest(conn, app.store.origin(), &witness.key, index.saturating_add(1))? else { continue };
        let proof = tree::inclusion(&TileReader::new(conn), index, seen.size);
        if proof.is_ok_and(|proof| tree::verify_inclusion(&hash, index, seen.size, &proof, &seen.root)) {
            agreeing.push(witness.name.as_str());
        }
    }
    Ok(policy.satisfied(&agreeing))
}

/// As [`of`], for an application whose settings were looked at when it was opened.
pub(super) fn known(config: &Config) -> Arc<Witnesses> {
    Arc::new(of(config).unwrap_or_else(|error| {
        tracing::error!(error, "no witness is asked");
        Witnesses::default()
    }))
}
