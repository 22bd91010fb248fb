//! Doing a request once, however often it arrives: an `Idempotency-Key` of the API, the nonce of a form.
//!
//! [`begin`] claims the key and hands out the id that whatever the request makes will have; a request that comes while the first one runs
//! waits for it; one that comes after gets the first answer. A process that died in between leaves the claim, and the retry makes the same
//! object with the same id, so that at most one exists; a node that starts again says so with [`release`], and the retry need not wait.
//! Not here: what counts as an answer worth keeping (`web::api`).

use std::{sync::atomic::Ordering, time::Duration};

use super::{App, AppError, AppResult, Done};
use crate::{
    crypto,
    domain::event::Action,
    store::{
        StoreError, Tx,
        once::{self, OnceRow},
        reader,
    },
};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How often is looked for answers that are older.
const TIDY: Duration = Duration::from_secs(600);
/// A request that has run for longer than this is taken to have died with its process.
const DEAD_AFTER: Duration = Duration::from_secs(90);
/// How long the second request waits for the first.
const WAIT: Duration = Duration::from_secs(10);

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Do it; `id` for what it makes (a UUIDv7).
    Go { id: String },
    /// It was done: its status and answer.
    Done { status: u16, answer: String },
    /// The same key came with another body.
    Other,
    /// The first one still runs.
    Running,
}

/// What makes a request that one write carries out the same as another: whose it is, its key, the hash of what it asks for.
#[derive(Clone, Debug)]
pub struct Key {
    pub owner: String,
    pub key: String,
    pub hash: [u8; 32],
}

/// The key of a request that [`begin`] let go with `id`: what such a request does in one write is kept under it, so that the retry after a
/// crash finds it done and not refused.
pub fn of_request(id: String) -> Key {
    Key { owner: "request".to_owned(), hash: crypto::sha256(id.as_bytes()), key: id }
}

/// What an earlier run of this request made, within the write that would make it: whatever is made of a request in one write needs no
/// claim beforehand. The inner error is a key that came with another request.
pub(super) fn earlier(tx: &mut Tx<'_>, key: &Key) -> Result<AppResult<Option<String>>, StoreError> {
    Ok(match once::find(tx.conn, &key.owner, &key.key)? {
        Some(row) if row.body_hash != key.hash => Err(AppError::Conflict),
        found => Ok(found.map(|row| row.answer)),
    })
}

/// Keeps `made` for [`earlier`], as part of the write that made it.
pub(super) fn keep(tx: &mut Tx<'_>, key: &Key, made: &str) -> Result<(), StoreError> {
    let now = tx.now();
    let row = OnceRow {
        token_id: key.owner.clone(),
        request_key: key.key.clone(),
        body_hash: key.hash.to_vec(),
        status: 200,
        answer: made.to_owned(),
        created_at: now.0,
    };
    once::insert(tx.conn, row)
}

/// The owner of a form's nonce.
pub fn form_owner(session: &str) -> String {
    format!("session:{session}")
}

/// Hash of what makes two requests the same.
pub fn body_hash(method: &str, path: &str, body: &[u8]) -> [u8; 32] {
    crypto::sha256(&[method.as_bytes(), b" ", path.as_bytes(), b"\n", body].concat())
}

/// Claims `key` of `owner`, or says what became of it.
pub async fn begin(app: &App, owner: &str, key: &str, hash: [u8; 32]) -> AppResult<Begun> {
    let mut waited = Duration::ZERO;
    loop {
        let begun = claim(app, owner, key, hash).await?;
        if begun != Begun::Running || waited >= WAIT {
            return Ok(begun);
        }
        let step = Duration::from_millis(50);
        tokio::time::sleep(step).await;
        waited += step;
    }
}

/// Forgets what was kept long enough, now and then. It is a write of its own: within those that keep something it would make them all
/// collide on PostgreSQL.
pub(super) async fn tidy(app: &App) {
    let (now, last) = (app.now(), app.tidied.load(Ordering::Relaxed));
    if now.0 - last < i64::try_from(TIDY.as_micros()).unwrap_or(i64::MAX)
        || app.tidied.compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed).is_err()
    {
        return;
    }
    if let Err(error) = app.store.write(move |tx| once::purge(tx.conn, now.minus(KEPT).0)).await {
        tracing::warn!(%error, "answers of earlier requests are not forgotten yet");
    }
}

async fn claim(app: &App, owner: &str, key: &str, hash: [u8; 32]) -> AppResult<Begun> {
    tidy(app).await;
    let (owner, key, id, process) = (owner.to_owned(), key.to_owned(), crate::id::fresh(), app.process().to_owned());
    let written = app
        .store
        .write(move |tx| {
            let now = tx.now();
            let Some(row) = once::find(tx.conn, &owner, &key)? else {
                let row = OnceRow {
                    token_id: owner.clone(),
                    request_key: key.clone(),
                    body_hash: hash.to_vec(),
                    status: 0,
                    answer: format!("{id} {process}"),
                    created_at: now.0,
                };
                once::insert(tx.conn, row)?;
                return Ok(Begun::Go { id: id.clone() });
            };
            if row.body_hash != hash {
                return Ok(Begun::Other);
            }
            if let Ok(status @ 1..) = u16::try_from(row.status) {
                return Ok(Begun::Done { status, answer: row.answer });
            }
            let dead = row.created_at < now.minus(DEAD_AFTER).0;
            let id = row.answer.split(' ').next().unwrap_or_default().to_owned();
            Ok(if dead && once::retake(tx.conn, &row, now.0)? { Begun::Go { id } } else { Begun::Running })
        })
        .await?;
    Ok(written.value)
}

/// What processes of this node had begun that live no more may be taken over at once. To be called before the first request is heard.
pub async fn release(app: &App) -> AppResult<()> {
    let (node, living) = (app.node.clone(), app.living());
    app.store.write(move |tx| once::release(tx.conn, &node, &living, tx.now().minus(DEAD_AFTER).0 - 1)).await?;
    Ok(())
}

/// Gives a change that a repeated request finds already made the receipt of its event, once that is in the log.
pub async fn receipted<T>(app: &App, mut done: Done<T>, action: Action, subject: &str) -> AppResult<Done<T>> {
    if done.receipt.is_none() {
        let subject = subject.to_owned();
        done.receipt = app.store.read(move |conn| reader::receipt_of(conn, action.as_str(), &subject)).await?;
    }
    Ok(done)
}

/// Keeps the answer of a request that [`begin`] let go.
pub async fn finish(app: &App, owner: &str, key: &str, status: u16, answer: &str) -> AppResult<()> {
    let (owner, key, answer) = (owner.to_owned(), key.to_owned(), answer.to_owned());
    end(app, move |tx| once::finish(tx.conn, &owner, &key, i64::from(status), &answer)).await
}

/// Lets the same request come again at once, and with the same id: it broke, and nobody knows whether it was done (of a commit during which
/// the connection to the database broke nothing is known).
pub async fn leave(app: &App, owner: &str, key: &str) -> AppResult<()> {
    let (owner, key) = (owner.to_owned(), key.to_owned());
    end(app, move |tx| once::leave(tx.conn, &owner, &key, tx.now().minus(DEAD_AFTER).0 - 1)).await
}

/// Gives the key back: nothing was done and the same request may come again.
pub async fn forget(app: &App, owner: &str, key: &str) -> AppResult<()> {
    let (owner, key) = (owner.to_owned(), key.to_owned());
    end(app, move |tx| once::forget(tx.conn, &owner, &key)).await
}

/// Ends a claim. It is tried for a while, and may use the reserve of a full disk: a claim that stayed would keep everybody waiting who sends
/// the same request again, just when they were told to.
async fn end<F>(app: &App, f: F) -> AppResult<()>
where
    F: Fn(&mut Tx<'_>) -> Result<(), StoreError> + Clone + Send + Sync + 'static,
{
    let mut waited = Duration::ZERO;
    loop {
        match app.store.write_reserved(f.clone()).await {
            Err(StoreError::Busy | StoreError::Unavailable(_)) if waited < WAIT => {}
            other => return Ok(other.map(drop)?),
        }
        let step = Duration::from_millis(50);
        tokio::time::sleep(step).await;
        waited += step;
    }
}
