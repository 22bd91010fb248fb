//! Broadcasts in the course of retention (个人信息保护法 19, 47): what they said, who got them and the words of their cases go after
//! `retention.broadcasts` days and three calendar years from when the last of it ended, one broadcast a write, with an event that names its
//! commitment and the set of its recipients. Not here: the rows (`store::erased`).

use serde_json::json;

use super::super::{App, AppError, AppResult, Caller};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Subject},
        kept::EventClass,
        retention::bundle_cut_off,
    },
    ledger::set::Set,
    store::{
        StoreError,
        erased::{self, Old, Standing},
        holds, purge,
    },
};

/// What is due of broadcasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Their period.
    pub days: u32,
    /// What ended before this instant is due.
    pub before: Instant,
    /// Would go, or went.
    pub broadcasts: u64,
    /// Would go but for a hold.
    pub held: u64,
    /// When the oldest of both ended.
    pub oldest: Option<Instant>,
}

/// Broadcasts that one look asks of.
const BATCH: i64 = 200;

/// The period: never shorter than that of the bundles, whose cases these are, nor than those of the events that hold the same words.
pub(super) fn days(app: &App) -> u32 {
    let of = super::periods(app);
    let told = [EventClass::Broadcast, EventClass::Recall, EventClass::Decision].map(|class| of.of(class));
    told.into_iter().fold(app.config.retention.broadcasts.max(app.config.retention.bundles), u32::max)
}

fn nothing(app: &App) -> Sent {
    let days = days(app);
    Sent { days, before: bundle_cut_off(app.now(), days, &super::zone(app)), broadcasts: 0, held: 0, oldest: None }
}

impl Sent {
    fn count(&mut self, standing: &Standing) {
        let ended = match standing {
            Standing::Young => return,
            Standing::Held(ended) => {
                self.held += 1;
                *ended
            }
            Standing::Due(old) => {
                self.broadcasts += 1;
                old.ended_at
            }
        };
        self.oldest = self.oldest.into_iter().chain([ended]).min();
    }
}

/// What would be erased now.
pub(super) async fn look(app: &App) -> AppResult<Sent> {
    let mut sent = nothing(app);
    let looked = app.store.read(move |conn| {
        let (holds, mut after) = (holds::keeping(conn)?, String::new());
        loop {
            let page = erased::candidates(conn, sent.before, &after, BATCH)?;
            for id in &page {
                sent.count(&erased::standing(conn, &holds, id, sent.before)?);
            }
            match page.into_iter().last() {
                Some(last) => after = last,
                None => return Ok(sent),
            }
        }
    });
    Ok(looked.await?)
}

/// Erases what is due, one write a broadcast: nobody waits longer than its recipients take.
pub(super) async fn erase(app: &App, actor: &Caller) -> AppResult<Sent> {
    let (mut sent, mut after) = (nothing(app), String::new());
    loop {
        let (before, beyond) = (sent.before, after.clone());
        let page = app.store.read(move |conn| erased::candidates(conn, before, &beyond, BATCH)).await?;
        for id in &page {
            match erase_one(app, actor, id, before).await {
                Ok(standing) => sent.count(&standing),
                // One that is damaged, or in use all the time, keeps none of the others.
                Err(AppError::Store(error @ (StoreError::Corrupt(_) | StoreError::Serialization | StoreError::Busy))) => {
                    tracing::error!(broadcast = id, %error, "a broadcast whose time is over could not be erased");
                }
                Err(error) => return Err(error),
            }
            crate::crash::point("retention.broadcast_erased");
        }
        match page.into_iter().last() {
            Some(last) => after = last,
            None => return Ok(sent),
        }
    }
}

async fn erase_one(app: &App, actor: &Caller, id: &str, before: Instant) -> AppResult<Standing> {
    let event = actor.event(Action::BroadcastErased, Subject::new("broadcast", id));
    let id = id.to_owned();
    // Most that are kept are found out without holding up those who write.
    let asked = id.clone();
    let standing = app.store.read(move |conn| {
        let holds = holds::keeping(conn)?;
        erased::standing(conn, &holds, &asked, before)
    });
    match standing.await? {
        Standing::Due(_) => {}
        kept => return Ok(kept),
    }
    let written = app.store.write(move |tx| {
        // As for parts: a hold that was placed a moment ago counts.
        purge::turn(tx.conn)?;
        let holds = holds::keeping(tx.conn)?;
        let standing = erased::standing(tx.conn, &holds, &id, before)?;
        if let Standing::Due(old) = &standing {
            let now = tx.now();
            erased::erase(tx.conn, old, now)?;
            crate::crash::point("retention.broadcast_emptied");
            tx.append(event.clone().detail(told(old)?))?;
        }
        Ok(standing)
    });
    Ok(written.await?.value)
}

/// What the event names: enough to hold the emptied rows against it.
fn told(old: &Old) -> Result<serde_json::Value, StoreError> {
    let root = old.row.recipients_root.as_slice().try_into();
    let root = root.map_err(|_| StoreError::Corrupt("a set's root is not 32 bytes".to_owned()))?;
    let recipients = Set { count: u64::try_from(old.row.recipients_count).unwrap_or_default(), root };
    Ok(json!({
        "message": hex::encode(&old.row.commitment), "recipients": recipients, "cases": old.cases, "ended_at": old.ended_at.to_rfc3339(),
    }))
}
