//! The tokens of timestamp authorities: each is over what its row says, holds by the certificates of its day, and is covered by the renewal
//! that its row names; a stamped checkpoint is one that this installation signed. The rows are not believed: the log tells of each token by
//! its hash, so that one that was taken out, exchanged or put to something else is named; where the hash is erased, it still tells how many there are
//! of what. Which roots are trusted is not asked here: a root
//! that the settings do not name any more was trusted when the token was taken, and a bundle's reader decides for himself.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::{Audit, Kind, marks::Mark, readable, waiting::Waiting};
use crate::{
    clock::Instant,
    crypto::{
        sha256,
        timestamp::{self, Query, Roots, Stamp},
    },
    ledger::plain::Plain,
    store::{
        Conn, StoreError,
        schema::timestamps,
        timestamps::{BUNDLE, CHECKPOINT, OBTAINED, RENEWAL, TimestampRow},
    },
};

/// Rows in one read.
const BATCH: i64 = 100;

/// The jobs whose tokens have a row. Those over an export to a file or an auditor's pack lie in the file itself and nowhere else.
const KEEP: [&str; 2] = ["timestamp_checkpoint", "timestamp_bundle"];

/// What a token is of: kind and id, as the subject of its event has them.
type Of = (String, String);

/// What one event says of a token.
pub(super) struct Told {
    index: u64,
    of: Of,
    /// SHA-256 of the answer, hex; absent where the part that holds it is gone.
    digest: Option<String>,
}

/// What an event says of a token that has a row, if it does; `detail` is that part, opened.
pub(super) fn told(index: u64, leaf: &Plain<'_>, detail: Option<&[u8]>) -> Option<Told> {
    let kept = match leaf.action {
        "timestamp.obtained" => KEEP.contains(&leaf.actor_id),
        "timestamp.renewed" => true,
        _ => false,
    };
    let detail = detail.filter(|_| kept).and_then(|bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok());
    let digest = detail.and_then(|detail| detail["token_sha256"].as_str().map(ToOwned::to_owned));
    kept.then(|| Told { index, of: (leaf.subject_kind.to_owned(), leaf.subject_id.to_owned()), digest })
}

/// What the log says of tokens: those that it names by their hash, and of what it told before the part with the hash was erased.
struct Named<'w> {
    tokens: BTreeMap<String, (u64, Of)>,
    /// How many of what.
    erased: BTreeMap<Of, (u64, usize)>,
    waiting: &'w Waiting,
}

impl Named<'_> {
    /// Whether the log tells of the token in this row, and of the same thing.
    fn take(&mut self, row: &TimestampRow) -> Option<String> {
        let of = match row.subject.as_str() {
            BUNDLE => ("bundle".to_owned(), row.bundle_id.clone().unwrap_or_default()),
            RENEWAL => ("timestamp".to_owned(), row.id.clone()),
            _ => ("checkpoint".to_owned(), row.log_size.to_string()),
        };
        match self.tokens.remove(&hex::encode(sha256(row.answer.as_deref().unwrap_or_default()))) {
            Some((_, told)) if told == of => None,
            Some((index, (kind, id))) => Some(format!("the event {index} tells of this token for {kind} {id}")),
            None if self.is_erased(&of) || self.waiting.tells_of(&of.1) => None,
            None => Some("no event of the log tells of this token".to_owned()),
        }
    }

    /// Whether an event told of such a token whose hash is erased, and of no other row yet.
    fn is_erased(&mut self, of: &Of) -> bool {
        let left = self.erased.get_mut(of).map(|(_, left)| left).filter(|left| **left > 0);
        left.is_some_and(|left| {
            *left -= 1;
            true
        })
    }
}

/// Holds the rows with a token against what they say, what `told` says of them, and the checkpoints that were signed.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, marks: &[Mark], told: Vec<Told>, waiting: &Waiting) -> Result<(), StoreError> {
    let mut named = Named { tokens: BTreeMap::new(), erased: BTreeMap::new(), waiting };
    for Told { index, of, digest } in told {
        match digest {
            Some(digest) => drop(named.tokens.insert(digest, (index, of))),
            None => {
                let (first, left) = named.erased.entry(of).or_insert((index, 0));
                (*first, *left) = (index.min(*first), *left + 1);
            }
        }
    }
    let ours = marks.iter().filter(|mark| mark.ours).map(Mark::checkpoint);
    let signed: BTreeSet<(u64, [u8; 32])> = ours.map(|signed| (signed.size, sha256(signed.text().as_bytes()))).collect();
    rows(conn, audit, &signed, &mut named)?;
    let erased = named.erased.into_iter().filter(|(_, (_, left))| *left > 0).map(|(of, (index, _))| (index, of));
    for (index, (kind, id)) in named.tokens.into_values().chain(erased) {
        audit.problem(Kind::Timestamp, "timestamps", Some(index), format!("the token for {kind} {id}, of which this event tells, is missing"));
    }
    Ok(())
}

fn rows(conn: &mut Conn, audit: &mut Audit<'_>, signed: &BTreeSet<(u64, [u8; 32])>, named: &mut Named<'_>) -> Result<(), StoreError> {
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
                Ok(stamp) => [written(&row, &stamp), checkpoint(&row, signed), renewal(conn, &row, &stamp)?],
                Err(why) => [Some(why), None, None],
            };
            for problem in found.into_iter().flatten().chain(named.take(&row)) {
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
fn checkpoint(row: &TimestampRow, signed: &BTreeSet<(u64, [u8; 32])>) -> Option<String> {
    let of_ours = || u64::try_from(row.log_size).is_ok_and(|size| signed.contains(&(size, sha256(&row.stamped))));
    (row.subject == CHECKPOINT && !of_ours()).then(|| "the stamped checkpoint is none that was signed".to_owned())
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
