//! The tokens of timestamp authorities: each is over what its row says, holds by the certificates of its day, and is covered by the renewal
//! that its row names; a stamped checkpoint is one that this installation signed. Which roots are trusted is not asked here: a root that the
//! settings do not name any more was trusted when the token was taken, and a bundle's reader decides for himself.

use diesel::prelude::*;

use super::{Audit, Kind, readable};
use crate::{
    clock::Instant,
    crypto::{
        sha256,
        timestamp::{self, Query, Roots, Stamp},
    },
    ledger::checkpoint::Checkpoint,
    store::{
        Conn, StoreError,
        schema::{log_checkpoints, timestamps},
        timestamps::{CHECKPOINT, OBTAINED, RENEWAL, TimestampRow},
    },
};

/// Rows in one read.
const BATCH: i64 = 100;

/// Holds the rows with a token against what they say.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let page = timestamps::table.filter(timestamps::state.eq(OBTAINED)).filter(timestamps::id.gt(after.clone()));
        let page = page.order(timestamps::id.asc()).limit(BATCH).load(conn);
        let page: Vec<TimestampRow> = readable(audit, Kind::Timestamp, "timestamps", page)?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for row in page {
            audit.report.checked.timestamps += 1;
            let found = match token(&row) {
                Ok(stamp) => [written(&row, &stamp), checkpoint(conn, &row)?, renewal(conn, &row, &stamp)?],
                Err(why) => [Some(why), None, None],
            };
            for problem in found.into_iter().flatten() {
                audit.problem(Kind::Timestamp, "timestamps", u64::try_from(row.log_size).ok(), format!("{}: {problem}", row.id));
            }
        }
    }
}

/// What the token says, by the certificates that the row has.
fn token(row: &TimestampRow) -> Result<Stamp, String> {
    let query = Query::parse(&row.query).map_err(|e| e.to_string())?;
    if query.imprint != sha256(&row.stamped) {
        return Err("the question is about something else".to_owned());
    }
    let chain = row.chain.as_deref().ok_or("its certificates are missing")?;
    let roots = Roots::from_pem(chain).map_err(|e| format!("its certificates: {e}"))?;
    timestamp::verify(&query, row.answer.as_deref().unwrap_or_default(), &roots).map_err(|e| e.to_string())
}

/// What the row says of the token.
fn written(row: &TimestampRow, stamp: &Stamp) -> Option<String> {
    let same = row.stamped_at == Some(stamp.at.0) && row.valid_until.is_none_or(|until| until == stamp.until.0);
    (!same).then(|| "its times are not the token's".to_owned())
}

/// A checkpoint that was stamped lies among those that were signed.
fn checkpoint(conn: &mut Conn, row: &TimestampRow) -> Result<Option<String>, StoreError> {
    if row.subject != CHECKPOINT {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&row.stamped);
    let size = Checkpoint::parse(&text).ok().and_then(|head| i64::try_from(head.size).ok());
    let notes: Vec<String> = log_checkpoints::table.filter(log_checkpoints::size.eq(row.log_size)).select(log_checkpoints::note).load(conn)?;
    let signed = size == Some(row.log_size) && notes.iter().any(|note| note.starts_with(&*text));
    Ok((!signed).then(|| "the stamped checkpoint is none that was signed".to_owned()))
}

/// The renewal that the row names was taken in time, over this token and what it is over.
fn renewal(conn: &mut Conn, row: &TimestampRow, stamp: &Stamp) -> Result<Option<String>, StoreError> {
    let Some(by) = &row.renewed_by else { return Ok(None) };
    let found = timestamps::table.find(by).filter(timestamps::subject.eq(RENEWAL)).filter(timestamps::state.eq(OBTAINED));
    let found: Option<(Vec<u8>, Option<i64>)> = found.select((timestamps::stamped, timestamps::stamped_at)).first(conn).optional()?;
    let Some((list, at)) = found else { return Ok(Some(format!("its renewal {by} is missing"))) };
    let list = String::from_utf8_lossy(&list).into_owned();
    let named = |bytes: &[u8]| list.lines().any(|line| line.starts_with(&hex::encode(sha256(bytes))));
    let in_time = at.map(Instant).is_some_and(|at| (stamp.at..=stamp.until).contains(&at));
    let covered = in_time && named(&row.stamped) && named(row.answer.as_deref().unwrap_or_default());
    Ok((!covered).then(|| format!("its renewal {by} does not cover it, or came too late")))
}
