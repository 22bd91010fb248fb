//! The runner of jobs, and the jobs: each one call into `app`. What a job does, and why running it twice is harmless, stands there.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{self, Duration},
};

use serde_json::Value;

use crate::{
    app::{
        App, AppError, alerts, audit, audits,
        broadcasts::{self, imports},
        delegations, evidence, invitations, keys, notices, recalls, retention, timestamps, verification,
    },
    clock::Instant,
    store::jobs,
};

/// How a run of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobDone {
    Done,
    /// Not yet; look again at this instant.
    Again(Instant),
}

/// Runs one job. An error puts it back with a growing pause; it is never given up.
pub async fn run(app: &App, kind: &str, payload: &Value) -> Result<JobDone, AppError> {
    let id = |name: &str| payload[name].as_str().ok_or(AppError::NotFound);
    let again = match kind {
        "send_broadcast" => broadcasts::deliver::step(app, id("broadcast")?).await?,
        imports::CHECK => imports::check(app, id("import")?).await?,
        imports::APPLY => imports::apply(app, id("import")?).await?,
        "execute_recall" => recalls::execute::step(app, id("recall")?).await?,
        "expire_recall" => recalls::expire::step(app, id("recall")?).await?,
        recalls::escalate::JOB => recalls::escalate::step(app, payload).await?,
        recalls::correct::JOB => recalls::correct::step(app, id("recall")?).await?,
        "close_case" => recalls::close::step(app, id("recall")?).await?,
        recalls::ratify::LAPSE => recalls::ratify::lapse(app, id("recall")?).await?,
        notices::TELL => notices::tell(app, payload).await?,
        notices::SEND => notices::send(app, id("notice")?).await?,
        invitations::SEND => {
            let version = payload["version"].as_i64().ok_or(AppError::NotFound)?;
            invitations::mail(app, id("invitation")?, version).await?
        }
        delegations::mail::SEND => delegations::mail::send(app, id("delegation")?, payload["ended"].as_bool().unwrap_or(false)).await?,
        alerts::mail::TELL => alerts::mail::tell(app, id("alert")?).await?,
        alerts::mail::SEND => alerts::mail::send(app, id("alert")?, id("user")?).await?,
        verification::LIGHT => verification::newest(app).await?,
        verification::FULL => verification::full(app).await?,
        keys::JOB => keys::step(app).await?,
        retention::JOB => retention::step(app).await?,
        audits::packs::JOB => audits::packs::step(app, id("pack")?).await?,
        evidence::expiry::JOB => evidence::expiry::step(app).await?,
        "seal_evidence" => evidence::seal::step(app, id("recall")?).await?,
        "timestamp_checkpoint" => timestamps::checkpoint::step(app, id("authority")?).await?,
        timestamps::renewal::JOB => timestamps::renewal::step(app).await?,
        "timestamp_bundle" => timestamps::bundle::step(app, id("authority")?, id("bundle")?, id("signature")?).await?,
        _ => {
            tracing::error!(kind, "no such job");
            return Err(AppError::NotFound);
        }
    };
    Ok(again.map_or(JobDone::Done, JobDone::Again))
}

/// Pause before the next try after `attempts` failures: 1 s, doubling, at most 60 s.
fn pause(attempts: i64) -> Duration {
    let exponent = u32::try_from(attempts.clamp(1, 7)).unwrap_or(7) - 1;
    Duration::from_secs((1u64 << exponent).min(60))
}

/// Runs what is due until nothing is; how many runs there were. Tests call this instead of waiting.
pub async fn run_due(app: &App) -> Result<usize, AppError> {
    let owner = app.process();
    let (mut runs, mut resting) = (0, Vec::new());
    while let Some(job) = jobs::take(&app.store, owner, Vec::new(), resting.clone()).await? {
        runs += 1;
        let id = job.id.clone();
        if one(app, job).await?.is_some() {
            resting.push(id);
        }
    }
    Ok(runs)
}

/// Works on a job; how long it is to rest beyond what the queue knows (`jobs::postpone`).
async fn one(app: &App, job: jobs::JobRow) -> Result<Option<Duration>, AppError> {
    let payload = serde_json::from_str(&job.payload).unwrap_or(Value::Null);
    let work = run(app, &job.kind, &payload);
    tokio::pin!(work);
    // A broadcast of many messages takes longer than one lease.
    let ended = loop {
        tokio::select! {
            ended = &mut work => break ended,
            () = tokio::time::sleep(jobs::RENEW) => {
                // The work goes on all the same: a call that is under way is not dropped.
                if let Err(e) = jobs::renew(&app.store, &job.id, app.process()).await {
                    tracing::warn!(kind = job.kind, error = %e, "a lease was not renewed");
                }
            }
        }
    };
    Ok(match ended {
        Ok(JobDone::Done) => {
            jobs::finish(&app.store, &job.id).await?;
            None
        }
        Ok(JobDone::Again(at)) => jobs::postpone(&app.store, &job.id, at, None).await?,
        Err(e) => {
            tracing::warn!(kind = job.kind, error = %e, "a job failed and will be tried again");
            jobs::postpone(&app.store, &job.id, app.now().plus(pause(job.attempts)), Some(e.to_string())).await?
        }
    })
}

/// A job that this process works on. Whatever ends the work, a panic included, it is no longer at work then; after a panic it comes again
/// when its lease has run out.
struct AtWork {
    id: String,
    working: Arc<Mutex<BTreeSet<String>>>,
    /// How many of its sort are under way, where only so many may be.
    few: Option<Arc<AtomicUsize>>,
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.working.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        if let Some(few) = &self.few {
            few.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Jobs that rest, until when by the steady clock: no setting of the wall clock makes them run over and over.
#[derive(Default)]
struct Resting(Mutex<HashMap<String, (time::Instant, Instant)>>);

impl Resting {
    fn add(&self, id: String, wait: Duration, now: Instant) {
        let until = (time::Instant::now() + wait, now.plus(wait));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, until);
    }

    /// Those that still rest when the wall clock says `now`: one that is set right again ends a rest before its time.
    fn ids(&self, now: Instant) -> Vec<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (steady, wall)| *steady > time::Instant::now() && *wall > now);
        all.keys().cloned().collect()
    }
}

/// Serves the queue until `stop` resolves: several jobs at once, woken by `app.wake`, looking at least every second.
pub async fn serve(app: App, stop: impl Future<Output = ()>) {
    /// Jobs at once: they mostly wait for platforms.
    const AT_ONCE: usize = 8;
    /// Kinds of which only so many at once: neither a mail server that does not answer nor a table of many lines must keep recalls waiting.
    const FEW: [(&[&str], usize); 2] =
        [(&[notices::SEND, alerts::mail::SEND, invitations::SEND, delegations::mail::SEND], 2), (&[imports::CHECK, imports::APPLY], 1)];
    let owner = app.process().to_owned();
    if let Err(e) = retention::schedule(&app).await {
        tracing::warn!(error = %e, "retention is not scheduled; the next start tries again");
    }
    if let Err(e) = verification::schedule(&app).await {
        tracing::warn!(error = %e, "the log's verification is not scheduled; the next start tries again");
    }
    tokio::pin!(stop);
    let reading = tokio::spawn(audit::keep_reading(app.clone()));
    let mut running = tokio::task::JoinSet::new();
    let working = Arc::new(Mutex::new(BTreeSet::new()));
    let under_way: [Arc<AtomicUsize>; FEW.len()] = Default::default();
    let resting = Arc::new(Resting::default());
    // Whether jobs may be held that nobody works on: at the start, and after the database has not answered.
    let lost = Arc::new(AtomicBool::new(true));
    loop {
        if lost.swap(false, Ordering::AcqRel) {
            let at_work = working.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
            if let Err(e) = jobs::release(&app.store, &app.node, app.living(), &owner, at_work).await {
                tracing::warn!(error = %e, "jobs that nobody works on wait for the database");
                lost.store(true, Ordering::Release);
            }
        }
        while running.len() < AT_ONCE {
            let spent = FEW.iter().zip(&under_way).filter(|((_, most), n)| n.load(Ordering::Acquire) >= *most);
            let except: Vec<&'static str> = spent.flat_map(|((kinds, _), _)| kinds.iter().copied()).collect();
            // What this process is still about has not come to rest yet.
            let mut not = resting.ids(app.now());
            not.extend(working.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
            match jobs::take(&app.store, &owner, except, not).await {
                Ok(Some(job)) => {
                    let (app, lost, working, resting) = (app.clone(), lost.clone(), working.clone(), resting.clone());
                    let few = FEW.iter().zip(&under_way).find(|((kinds, _), _)| kinds.contains(&job.kind.as_str())).map(|(_, n)| n.clone());
                    if let Some(few) = &few {
                        few.fetch_add(1, Ordering::AcqRel);
                    }
                    working.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id.clone());
                    let at_work = AtWork { id: job.id.clone(), working, few };
                    running.spawn(async move {
                        match one(&app, job).await {
                            Ok(None) => {}
                            Ok(Some(wait)) => resting.add(at_work.id.clone(), wait, app.now()),
                            Err(e) => {
                                tracing::warn!(error = %e, "a job's end could not be recorded; it will run again");
                                lost.store(true, Ordering::Release);
                            }
                        }
                    });
                }
                Ok(None) => break,
                Err(e) => {
                    tracing::warn!(error = %e, "the queue of jobs cannot be read");
                    lost.store(true, Ordering::Release);
                    break;
                }
            }
        }
        tokio::select! {
            () = &mut stop => break,
            () = app.wake.notified() => {}
            Some(_) = running.join_next(), if !running.is_empty() => {}
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
    reading.abort();
    while running.join_next().await.is_some() {}
}
