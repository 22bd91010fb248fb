//! Rows elsewhere that events of the log bind: sealed contents with their key, recipients, decisions, sealed bundles and packs.
//!
//! Their events carry a commitment or a hash of them; what does not open, or is not what its event says, was changed past the product.
//! Not here: columns that change in the course of work (states, times of reading); they carry no commitment.

use std::collections::BTreeMap;

use diesel::{deserialize::Queryable, prelude::*};
use serde_json::Value;

use super::{Audit, Kind, readable};
use crate::{
    crypto::{seal::Key, sha256},
    ledger::{commitment, plain::Plain, set::Set},
    store::{
        Conn, StoreError, broadcasts, recipients,
        schema::{audit_packs, broadcasts as sent, bundles, decisions, log_pending, recipients as people, settings},
    },
};

/// Begins the names of the settings' rows that hold what a process last started with.
const START: &str = "start/";
/// Rows in one read.
const BATCH: i64 = 200;

/// What one event says of a row.
struct Said {
    index: u64,
    /// Hash or commitment, hex; absent where the part that holds it is gone.
    digest: Option<String>,
    /// Its recipients.
    recipients: Option<Set>,
}

/// What one event says, and of which row; whether it says that the row's file was erased.
pub(super) struct Note {
    row: (&'static str, String),
    said: Said,
    erased: bool,
}

/// What an event says of a row elsewhere, if it does; `detail` is that part, opened.
pub(super) fn note(index: u64, leaf: &Plain<'_>, detail: Option<&[u8]>) -> Option<Note> {
    let (table, id) = match leaf.action {
        "broadcast.submitted" | "broadcast.imported" | "broadcast.reported" => ("broadcasts", leaf.subject_id),
        "recall.decided" => ("decisions", leaf.id),
        "evidence.sealed" => ("bundles", leaf.subject_id),
        "audit_pack.sealed" => ("audit_packs", leaf.subject_id),
        "evidence.erased" if leaf.subject_kind == "audit_pack" => ("audit_packs", leaf.subject_id),
        "evidence.erased" => ("bundles", leaf.subject_id),
        "setting.changed" => ("settings", leaf.subject_id),
        _ => return None,
    };
    if leaf.outcome != "success" {
        return None;
    }
    let detail: Value = detail.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    // What a process starts with: which row that is, the event says only as long as its part is there.
    let id = if table == "settings" { detail["row"].as_str().filter(|row| row.starts_with(START))? } else { id };
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let digest = match table {
        "broadcasts" => text(&detail["after"]["message"]),
        "decisions" => text(&detail["statement_sha256"]),
        _ => text(&detail["sha256"]),
    };
    let recipients = serde_json::from_value(detail["after"]["recipients"].clone()).ok();
    Some(Note { row: (table, id.to_owned()), said: Said { index, digest, recipients }, erased: leaf.action == "evidence.erased" })
}

/// (table, id) -> what the log says of that row.
#[derive(Default)]
pub(super) struct Bound {
    rows: BTreeMap<(&'static str, String), Said>,
    /// Of sealed files that were erased.
    erased: BTreeMap<(&'static str, String), Said>,
}

impl Bound {
    /// Remembers what an event says of a row.
    pub(super) fn note(&mut self, note: Note) {
        let of = if note.erased { &mut self.erased } else { &mut self.rows };
        of.insert(note.row, note.said);
    }

    /// Takes out what the log says of a row: its index, and what differs from `digest`.
    fn take(&mut self, audit: &mut Audit<'_>, table: &'static str, id: &str, digest: &[u8], certain: bool) -> Option<Said> {
        let said = self.rows.remove(&(table, id.to_owned()));
        match &said {
            Some(Said { index, digest: Some(expected), .. }) if *expected != hex::encode(digest) => {
                audit.problem(Kind::Part, table, Some(*index), format!("{id} is not what its event commits to"));
            }
            None if certain => audit.problem(Kind::Part, table, None, format!("no event of the log tells of {id}")),
            _ => {}
        }
        said
    }

    /// Holds a sealed file's row against what the log says of it: its hash, and whether it was erased.
    fn sealed(&mut self, audit: &mut Audit<'_>, table: &'static str, (id, digest, erased_at): (&str, &[u8], Option<i64>), certain: bool) {
        // An export that was kept has a row and another event; only what was sealed is bound here.
        self.take(audit, table, id, digest, false);
        let said = self.erased.remove(&(table, id.to_owned()));
        let index = said.as_ref().map(|s| s.index);
        match (said, erased_at) {
            (None, Some(_)) if certain => audit.problem(Kind::Part, table, None, format!("no event of the log tells that {id} was erased")),
            (Some(_), None) => audit.problem(Kind::Part, table, index, format!("{id} was erased, and its row says that it is there")),
            (Some(Said { digest: Some(expected), .. }), _) if expected != hex::encode(digest) => {
                audit.problem(Kind::Part, table, index, format!("{id} is not what its erasing event names"));
            }
            _ => {}
        }
    }
}

/// Holds the rows against what the log says of them.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, mut bound: Bound) -> Result<(), StoreError> {
    // On PostgreSQL an event may still wait for its index; then a row without one is no wonder.
    let certain = log_pending::table.count().get_result::<i64>(conn)? == 0;
    messages(conn, audit, &mut bound, certain)?;
    let rows: Vec<(String, String, Vec<u8>, Vec<u8>)> = readable(
        audit,
        Kind::Part,
        "decisions",
        decisions::table.select((decisions::id, decisions::event_id, decisions::statement, decisions::comment_sealed)).load(conn),
    )?;
    for (id, event, statement, comment) in rows {
        let said = bound.take(audit, "decisions", &event, &sha256(&statement), certain);
        if audit.keys.envelope.open(&format!("decisions/{id}/comment"), &comment).is_err() {
            audit.problem(Kind::Part, "decisions", said.map(|s| s.index), format!("the comment of {id} does not open"));
        }
    }
    type Sealed = (String, Vec<u8>, Option<i64>);
    let columns = (bundles::id, bundles::sha256, bundles::erased_at);
    let rows: Vec<Sealed> = readable(audit, Kind::Part, "bundles", bundles::table.select(columns).load(conn))?;
    for (id, digest, erased_at) in rows {
        bound.sealed(audit, "bundles", (&id, &digest, erased_at), certain);
    }
    let columns = (audit_packs::id, audit_packs::sha256.assume_not_null(), audit_packs::erased_at);
    let ready = audit_packs::table.filter(audit_packs::sha256.is_not_null()).select(columns);
    let rows: Vec<Sealed> = readable(audit, Kind::Part, "audit_packs", ready.load(conn))?;
    for (id, digest, erased_at) in rows {
        bound.sealed(audit, "audit_packs", (&id, &digest, erased_at), certain);
    }
    starts(conn, audit, &mut bound, certain)?;
    let Bound { rows, erased } = bound;
    for ((table, id), said) in rows.into_iter().chain(erased) {
        audit.problem(Kind::MissingPart, table, Some(said.index), format!("{id}, which this event tells of, is missing"));
    }
    Ok(())
}

/// What processes last started with: sealed for its row, and as the newest event of that row says.
fn starts(conn: &mut Conn, audit: &mut Audit<'_>, bound: &mut Bound, certain: bool) -> Result<(), StoreError> {
    let rows: Vec<(String, String)> = readable(
        audit,
        Kind::Key,
        "settings",
        settings::table.filter(settings::name.like("start/%")).select((settings::name, settings::value)).load(conn),
    )?;
    for (name, value) in rows {
        if hex::decode(&value).ok().and_then(|sealed| audit.keys.envelope.open(&name, &sealed).ok()).is_none() {
            audit.problem(Kind::Key, "settings", None, format!("{name} does not open"));
        } else if certain {
            bound.take(audit, "settings", &name, &sha256(value.as_bytes()), false);
        }
    }
    if !certain {
        // The newest event of a row may still be on its way.
        bound.rows.retain(|(table, _), _| *table != "settings");
    }
    Ok(())
}

/// The sealed columns of a broadcast.
#[derive(Queryable)]
struct Message {
    id: String,
    platform: String,
    title: Vec<u8>,
    content: Vec<u8>,
    key: Vec<u8>,
    salt: Vec<u8>,
    commitment: Vec<u8>,
    audience: Vec<u8>,
    count: i64,
    root: Vec<u8>,
}

fn messages(conn: &mut Conn, audit: &mut Audit<'_>, bound: &mut Bound, certain: bool) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let columns = (
            sent::id,
            sent::platform,
            sent::title_sealed,
            sent::content_sealed,
            sent::key_sealed,
            sent::content_salt,
            sent::commitment,
            sent::audience_sealed,
            sent::recipients_count,
            sent::recipients_root,
        );
        let page = sent::table.filter(sent::id.gt(after.clone())).order(sent::id).select(columns).limit(BATCH).load(conn);
        let page: Vec<Message> = readable(audit, Kind::Part, "broadcasts", page)?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for row in page {
            let said = bound.take(audit, "broadcasts", &row.id, &row.commitment, certain);
            let index = said.as_ref().map(|s| s.index);
            sealed(audit, index, &row);
            audience(conn, audit, said.as_ref(), &row)?;
        }
    }
}

fn sealed(audit: &mut Audit<'_>, index: Option<u64>, row: &Message) {
    let context = |column| broadcasts::context(&row.id, column);
    let Some(key) = audit.keys.envelope.open(&context("key"), &row.key).ok().and_then(|bytes| Key::from_bytes(&bytes)) else {
        return audit.problem(Kind::Key, "broadcasts", index, format!("the key of {} does not open", row.id));
    };
    let content = key.open(&context("content"), &row.content).ok();
    let salt: Option<[u8; 32]> = row.salt.as_slice().try_into().ok();
    let opens = content.zip(salt).is_some_and(|(bytes, salt)| commitment::commit(&salt, &bytes).as_slice() == row.commitment);
    for (column, holds) in [
        ("contents", opens),
        ("title", key.open(&context("title"), &row.title).is_ok()),
        ("audience", key.open(&context("audience"), &row.audience).is_ok()),
    ] {
        if !holds {
            audit.problem(Kind::Part, "broadcasts", index, format!("the {column} of {} are not what was sealed", row.id));
        }
    }
}

/// The recipients must make the set that their event names, and so must what the row says of them.
fn audience(conn: &mut Conn, audit: &mut Audit<'_>, said: Option<&Said>, row: &Message) -> Result<(), StoreError> {
    let index = said.map(|s| s.index);
    let count = u64::try_from(row.count).ok();
    let stated = count.zip(row.root.as_slice().try_into().ok()).map(|(count, root)| Set { count, root });
    let named = said.and_then(|s| s.recipients).or(stated);
    if stated.is_none() || stated != named {
        audit.problem(Kind::Part, "broadcasts", index, format!("the recipients of {} are not the set that its event names", row.id));
    }
    let rows = people::table.filter(people::broadcast_id.eq(&row.id)).order(people::platform_id).load(conn);
    let rows: Vec<recipients::RecipientRow> = readable(audit, Kind::Part, "recipients", rows)?;
    if recipients::set_of(&row.platform, &rows).ok() != named {
        audit.problem(Kind::Part, "recipients", index, format!("the rows of {} do not make its set", row.id));
    }
    Ok(())
}
