//! The delivery: one worker a stream, in one process of all that share the database. Outside every request and every write that people wait
//! for: a worker reads, hands over, and only then moves the cursor, in a write of its own that leaves no event.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant as Moment},
};

use serde_json::json;
use tokio::{sync::watch, task::JoinHandle};

use super::{
    super::{App, AppResult, Caller, retention},
    Secrets, lines, sink,
};
use crate::{
    clock::Instant,
    connect::stream::{Sink, SinkError},
    domain::{
        event::{Action, Outcome, Subject},
        stream::{Settings, StreamKind, pause, stuck},
    },
    store::{
        StoreError,
        streams::{self, StreamRow},
    },
};

/// Events that are looked at together.
const BATCH: i64 = 250;
/// Events that are sent together at most; fewer after a failure.
const WHOLE: usize = 250;
/// How often a worker that has nothing to do looks again.
const LOOK: Duration = Duration::from_millis(500);
/// Events that were not for the stream are skipped in the database after so many, or after so long.
const SKIP: u64 = 500;
const SKIP_AFTER: Duration = Duration::from_secs(5);
/// How long a delivery may go on after a stop.
const LAST: Duration = Duration::from_secs(3);

/// What a step of a worker came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Something moved; go on at once.
    Moved,
    /// Nothing waits.
    Idle,
    /// It failed; try again after this.
    Failed(Duration),
    /// The stream does not run, or is not ours.
    End,
}

/// A worker of one stream.
struct Worker {
    app: App,
    id: String,
    /// The version that was last seen.
    version: i64,
    /// The way to the receiver; made anew when the stream changes, after the one before.
    sink: Option<Sink>,
    before: Option<Sink>,
    /// Events up to here were looked at and are not for this stream, though the database does not say so yet.
    skipped: u64,
    /// How many events are sent together at most.
    most: usize,
    saved: Moment,
    /// When the lease was taken or renewed.
    leased: Option<Moment>,
    /// Whether the process ends.
    stopped: watch::Receiver<bool>,
}

/// Serves the streams until `stop` resolves.
pub async fn serve(app: App, stop: impl Future<Output = ()>) {
    let mut working: BTreeMap<String, JoinHandle<()>> = BTreeMap::new();
    let (stopping, stopped) = watch::channel(false);
    if let Err(e) = streams::release_dead(&app.store, &app.node, app.living()).await {
        tracing::warn!(error = %e, "streams of the last run wait for their lease to end");
    }
    tokio::pin!(stop);
    loop {
        working.retain(|_, worker| !worker.is_finished());
        match app.store.read(streams::list).await {
            Ok(rows) => {
                for row in rows.into_iter().filter(|row| ours(&app, row)) {
                    if working.contains_key(&row.id) {
                        continue;
                    }
                    working.insert(row.id.clone(), tokio::spawn(work(app.clone(), row.id, stopped.clone())));
                }
            }
            Err(e) => tracing::warn!(error = %e, "the streams cannot be read"),
        }
        tokio::select! {
            () = &mut stop => break,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    // What is being written comes to its end, so that nobody who takes the stream over meets it half done.
    stopping.send_replace(true);
    let end = tokio::time::Instant::now() + LAST;
    for (id, mut worker) in working {
        if tokio::time::timeout_at(end, &mut worker).await.is_ok() {
            continue;
        }
        // A receiver that is too slow: what is under way may have arrived, and is sent again.
        worker.abort();
        if let Err(e) = streams::release(&app.store, &id, app.process()).await {
            tracing::warn!(error = %e, "the lease of a stream will end by itself");
        }
    }
}

/// Whether a stream runs and nobody else works on it.
fn ours(app: &App, row: &StreamRow) -> bool {
    let free = row.lease_until.is_none_or(|until| until < app.now().0) || row.lease_owner.as_deref() == Some(app.process());
    row.running() && free
}

/// Delivers what waits for one stream until nothing does or it fails; whether all of it got through. Tests call this instead of waiting.
///
/// # Errors
/// Those of the store.
pub async fn deliver_now(app: &App, id: &str) -> AppResult<bool> {
    if !streams::lease(&app.store, id, app.process()).await? {
        return Ok(false);
    }
    let mut worker = Worker::new(app, id);
    // Skipped events are saved at once here.
    worker.saved = Moment::now().checked_sub(SKIP_AFTER).unwrap_or_else(Moment::now);
    let done = loop {
        match worker.step().await? {
            Step::Moved => {}
            Step::Idle => break true,
            Step::Failed(_) | Step::End => break false,
        }
    };
    streams::release(&app.store, id, app.process()).await?;
    Ok(done)
}

async fn work(app: App, id: String, stopped: watch::Receiver<bool>) {
    let mut worker = Worker { stopped, ..Worker::new(&app, &id) };
    while !worker.ends() {
        if !worker.hold().await {
            return;
        }
        let step = match worker.step().await {
            Ok(step) => step,
            Err(e) => {
                tracing::warn!(stream = id, error = %e, "a stream waits for the database");
                Step::Failed(Duration::from_secs(5))
            }
        };
        match step {
            Step::Moved => {}
            Step::Idle => worker.rest(LOOK).await,
            Step::Failed(wait) => worker.wait(wait).await,
            Step::End => break,
        }
    }
    if let Err(e) = streams::release(&app.store, &id, app.process()).await {
        tracing::warn!(error = %e, "the lease of a stream will end by itself");
    }
}

impl Worker {
    fn new(app: &App, id: &str) -> Self {
        Self {
            app: app.clone(),
            id: id.to_owned(),
            version: 0,
            sink: None,
            before: None,
            skipped: 0,
            most: WHOLE,
            saved: Moment::now(),
            leased: None,
            stopped: watch::channel(false).1,
        }
    }

    fn ends(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    /// Waits, but not into the end of the process.
    async fn rest(&mut self, wait: Duration) {
        let _ = tokio::time::timeout(wait, self.stopped.wait_for(|stopped| *stopped)).await;
    }

    /// Whether the stream is still ours to work on; renews the lease in time.
    async fn hold(&mut self) -> bool {
        if self.leased.is_some_and(|at| at.elapsed() < streams::RENEW) {
            return true;
        }
        let held = streams::lease(&self.app.store, &self.id, self.app.process()).await;
        self.leased = Some(Moment::now());
        held.inspect_err(|e| tracing::warn!(error = %e, "a stream waits for the database")).unwrap_or(false)
    }

    /// Waits after a failure, but no longer than until somebody changes the stream.
    async fn wait(&mut self, wait: Duration) {
        let end = Moment::now() + wait;
        while Moment::now() < end && !self.ends() && self.hold().await {
            self.rest(Duration::from_secs(1).min(end.saturating_duration_since(Moment::now()))).await;
            let id = self.id.clone();
            let row = self.app.store.read(move |conn| streams::find(conn, &id)).await.ok().flatten();
            if row.is_none_or(|row| !row.running() || row.version != self.version) {
                return;
            }
        }
    }

    /// One batch.
    async fn step(&mut self) -> AppResult<Step> {
        let (id, keys, origin, skipped) = (self.id.clone(), self.app.store.clone(), self.app.store.origin().to_owned(), self.skipped);
        let (cuts, most) = (retention::cuts(&self.app), self.most);
        let found = self
            .app
            .store
            .read(move |conn| {
                let Some(row) = streams::find(conn, &id)? else { return Ok(None) };
                let from = row.next().max(skipped);
                let settings = row.settings().map_err(|e| SinkError::Settings(e.to_string()));
                let look = lines::Look { keys: keys.keys(), origin: &origin, cuts: &cuts };
                let looked = match settings {
                    Err(error) => Err(error),
                    Ok(settings) => match lines::batch(conn, &look, &settings, from, BATCH, most) {
                        Ok(batch) => Ok((settings, batch)),
                        // The database is away, which is no fault of this stream.
                        Err(error) if error.passes() => return Err(error),
                        Err(error) => Err(SinkError::Log(error.to_string())),
                    },
                };
                Ok(Some((row, from, looked)))
            })
            .await?;
        let Some((row, from, looked)) = found.filter(|(row, ..)| row.running()) else { return Ok(Step::End) };
        if row.lease_owner.as_deref() != Some(self.app.process()) {
            return Ok(Step::End);
        }
        if self.version != row.version {
            // Somebody changed it, or sent it back: what was skipped may be wanted now.
            self.before = self.sink.take().or(self.before.take());
            (self.version, self.skipped) = (row.version, 0);
            return Ok(Step::Moved);
        }
        let (settings, batch) = match looked {
            Ok(looked) => looked,
            Err(error) => return self.failed(row, &error).await,
        };
        if batch.lines.is_empty() {
            return self.skip(&row, from, batch.to).await;
        }
        let now = self.app.now();
        if row.kind == StreamKind::File.as_str() && self.app.store.room().low() {
            // What room there is belongs to the log.
            return self.failed(row, &SinkError::Disk("there is little room left".to_owned())).await;
        }
        let sent = match self.sink(&row, &settings) {
            Ok(sink) => sink.deliver(&batch.lines, now).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => {
                self.most = (self.most * 2).min(WHOLE);
                self.moved(row, batch.to).await
            }
            Err(error) => {
                // One event that is refused by itself, after more were, is named.
                let error = match (error, batch.first) {
                    (SinkError::Refused(why), Some(index)) if self.most == 1 => SinkError::Refused(format!("{why} (event {index})")),
                    (error, _) => error,
                };
                // It may have been too much at once.
                self.most = (batch.lines.len() / 2).max(1);
                self.failed(row, &error).await
            }
        }
    }

    fn sink(&mut self, row: &StreamRow, settings: &Settings) -> Result<&mut Sink, SinkError> {
        if self.sink.is_none() {
            let secrets = Secrets::open(&self.app, row).map_err(|e| SinkError::Tls(e.to_string()))?;
            let kind = row.kind().map_err(|e| SinkError::Address(e.to_string()))?;
            let mut made = sink(&self.app, kind, settings, &secrets)?;
            if let Some(before) = self.before.take() {
                made.succeed(before);
            }
            self.sink = Some(made);
        }
        self.sink.as_mut().ok_or_else(|| SinkError::Address("none".to_owned()))
    }

    /// Nothing up to `to` is for this stream.
    async fn skip(&mut self, row: &StreamRow, from: u64, to: u64) -> AppResult<Step> {
        self.skipped = to;
        let waited = to > row.next() && (to - row.next() >= SKIP || self.saved.elapsed() >= SKIP_AFTER);
        if waited {
            let (row, owner) = (row.clone(), self.app.process().to_owned());
            self.app.store.write(move |tx| streams::advance(tx.conn, &row, &owner, to, None)).await?;
            self.saved = Moment::now();
        }
        Ok(if to > from { Step::Moved } else { Step::Idle })
    }

    /// The receiver has everything below `to`.
    async fn moved(&mut self, row: StreamRow, to: u64) -> AppResult<Step> {
        let owner = self.app.process().to_owned();
        crate::crash::point("stream.delivered");
        self.app
            .store
            .write(move |tx| {
                let now = tx.now();
                let moved = streams::advance(tx.conn, &row, &owner, to, Some(now))?;
                if moved && let Some(since) = row.stuck_at {
                    let job = Caller::job("stream");
                    let detail = json!({ "stuck_since": Instant(since).to_rfc3339(), "failures": row.failures });
                    tx.append(job.event(Action::StreamRecovered, Subject::new("stream", row.id.clone())).detail(detail))?;
                }
                Ok(moved)
            })
            .await?;
        // Where it was sent back, changed or taken over meanwhile, nothing moved: the next step looks at it anew.
        (self.skipped, self.saved) = (0, Moment::now());
        Ok(Step::Moved)
    }

    /// Notes a failure; after some it is stuck, which is an event, and a receiver that wants no more pauses its stream.
    async fn failed(&mut self, row: StreamRow, error: &SinkError) -> AppResult<Step> {
        let (owner, problem, gone) = (self.app.process().to_owned(), error.to_string(), *error == SinkError::Gone);
        let wait = pause(row.failures + 1);
        tracing::debug!(stream = row.id, error = problem, "a stream failed");
        self.app
            .store
            .write(move |tx| {
                let now = tx.now();
                let failing = row.failing_since.map_or(Duration::ZERO, |since| now.since(Instant(since)));
                let is_stuck = gone || stuck(row.failures + 1, failing);
                if streams::failed(tx.conn, &row, &owner, now, &problem, is_stuck, gone)? && is_stuck && row.stuck_at.is_none() {
                    let job = Caller::job("stream");
                    let detail = json!({ "problem": problem, "failures": row.failures + 1, "next": row.next_index, "paused": gone });
                    tx.append(job.event(Action::StreamStuck, Subject::new("stream", row.id.clone())).outcome(Outcome::Failed).detail(detail))?;
                }
                Ok::<_, StoreError>(())
            })
            .await?;
        Ok(Step::Failed(wait))
    }
}
