//! Rows elsewhere that events of the log bind: sealed contents with their key, recipients, decisions, sealed bundles and packs.
//!
//! Their events carry a commitment or a hash of them; what does not open, or is not what its event says, was changed past the product.
//! Not here: columns that change in the course of work (states, times of reading); they carry no commitment.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{deserialize::Queryable, prelude::*};
use serde_json::Value;

use super::{Audit, Kind, readable};
use crate::{
    crypto::{seal::Key, sha256},
    ledger::{commitment, plain::Plain, set::Set},
    store::{
        Conn, StoreError, broadcasts,
        orders::{OrderRow, RatificationRow, context},
        recipients,
        schema::{
            attachments, audit_packs, broadcasts as sent, bundles, calls, decisions, log_pending, messages as pieces, ratifications, recall_orders,
            recalls, recipients as people, settings,
        },
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
    /// What level 2 was asked and answered; null where nothing was.
    answers: Value,
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
        "recall.submitted" => ("recalls", leaf.subject_id),
        "recall.ordered" => ("recall_orders", leaf.id),
        "ratification.decided" => ("ratifications", leaf.id),
        "evidence.sealed" => ("bundles", leaf.subject_id),
        "audit_pack.sealed" => ("audit_packs", leaf.subject_id),
        "evidence.erased" if leaf.subject_kind == "audit_pack" => ("audit_packs", leaf.subject_id),
        "evidence.erased" => ("bundles", leaf.subject_id),
        "broadcast.erased" => ("broadcasts", leaf.subject_id),
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
        "broadcasts" if leaf.action == "broadcast.erased" => text(&detail["message"]),
        "broadcasts" => text(&detail["after"]["message"]),
        "decisions" => text(&detail["statement_sha256"]),
        "recalls" => detail["number"].as_str().zip(detail["broadcast"].as_str()).map(|(number, of)| hex::encode(identity(number, of))),
        _ => text(&detail["sha256"]),
    };
    let recipients = serde_json::from_value(detail["after"]["recipients"].clone()).ok();
    let erased = matches!(leaf.action, "evidence.erased" | "broadcast.erased");
    Some(Note { row: (table, id.to_owned()), said: Said { index, digest, recipients, answers: detail["answers"].clone() }, erased })
}

/// What a case is found by and what it is about, for a comparison: neither ever changes.
fn identity(number: &str, broadcast: &str) -> [u8; 32] {
    sha256(format!("{number}\n{broadcast}").as_bytes())
}

/// (table, id) -> what the log says of that row.
#[derive(Default)]
pub(super) struct Bound {
    rows: BTreeMap<(&'static str, String), Said>,
    /// Of sealed files and of broadcasts that were erased.
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
        self.erased(audit, table, (id, digest, erased_at), certain);
    }

    /// Holds whether a row says that it was erased against what the log says; `true` if the log says so.
    fn erased(&mut self, audit: &mut Audit<'_>, table: &'static str, (id, digest, erased_at): (&str, &[u8], Option<i64>), certain: bool) -> bool {
        let said = self.erased.remove(&(table, id.to_owned()));
        let (index, told) = (said.as_ref().map(|s| s.index), said.is_some());
        match (said, erased_at) {
            (None, Some(_)) if certain => audit.problem(Kind::Part, table, None, format!("no event of the log tells that {id} was erased")),
            (Some(_), None) => audit.problem(Kind::Part, table, index, format!("{id} was erased, and its row says that it is there")),
            (Some(Said { digest: Some(expected), .. }), _) if expected != hex::encode(digest) => {
                audit.problem(Kind::Part, table, index, format!("{id} is not what its erasing event names"));
            }
            _ => {}
        }
        told
    }
}

/// Orders to recall first and the words of their ratification: as their events have them, and their texts there or erased with the case.
fn ordered(conn: &mut Conn, audit: &mut Audit<'_>, bound: &mut Bound, gone: &BTreeSet<String>, certain: bool) -> Result<(), StoreError> {
    let orders: Vec<OrderRow> = readable(audit, Kind::Part, "recall_orders", recall_orders::table.load(conn))?;
    let words: Vec<RatificationRow> = readable(audit, Kind::Part, "ratifications", ratifications::table.load(conn))?;
    let orders = orders.iter().map(|o| ("recall_orders", "reason", &o.id, &o.recall_id, &o.event_id, o.digest(), &o.reason_sealed));
    let words = words.iter().map(|w| ("ratifications", "comment", &w.id, &w.recall_id, &w.event_id, w.digest(), &w.comment_sealed));
    for (table, column, id, case, event, digest, sealed) in orders.chain(words) {
        let index = bound.take(audit, table, event, &digest, certain).map(|s| s.index);
        match (gone.contains(case), sealed.is_empty()) {
            (true, false) => audit.problem(Kind::Part, table, index, format!("the {column} of {id} was erased, and it is there")),
            (false, _) if audit.keys.envelope.open(&context(table, id, column), sealed).is_err() => {
                audit.problem(Kind::Part, table, index, format!("the {column} of {id} does not open"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Holds the rows against what the log says of them.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, mut bound: Bound) -> Result<(), StoreError> {
    // On PostgreSQL an event may still wait for its index; then a row without one is no wonder.
    let certain = log_pending::table.count().get_result::<i64>(conn)? == 0;
    messages(conn, audit, &mut bound, certain)?;
    let gone = cases(conn, audit, &mut bound, certain)?;
    type Decision = (String, String, String, Vec<u8>, Vec<u8>, i64, String, String, Option<String>);
    let sealed = (decisions::id, decisions::recall_id, decisions::event_id, decisions::statement, decisions::comment_sealed);
    let shown = (decisions::level, decisions::decision, decisions::decider_id, decisions::answers);
    let columns = (sealed.0, sealed.1, sealed.2, sealed.3, sealed.4, shown.0, shown.1, shown.2, shown.3);
    let rows: Vec<Decision> = readable(audit, Kind::Part, "decisions", decisions::table.select(columns).load(conn))?;
    for (id, case, event, statement, comment, level, decision, decider, answers) in rows {
        let said = bound.take(audit, "decisions", &event, &sha256(&statement), certain);
        // What level 2 answered stands in the event, as long as its part is there.
        let answered: Value = answers.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
        if let Some(Said { index, answers, .. }) = said.as_ref().filter(|said| said.digest.is_some() && said.answers != answered) {
            audit.problem(Kind::Part, "decisions", Some(*index), format!("the answers of {id} are {answered}, and its event says {answers}"));
        }
        // What pages show of a decision is what was signed.
        let signed: Value = serde_json::from_slice(&statement).unwrap_or_default();
        let row = serde_json::json!({ "case": case, "level": level, "decision": decision, "decider": decider });
        for (column, value) in row.as_object().into_iter().flatten().filter(|(column, value)| signed[column.as_str()] != **value) {
            let index = said.as_ref().map(|s| s.index);
            audit.problem(Kind::Part, "decisions", index, format!("{column} of {id} is {value}, and its statement says {}", signed[column.as_str()]));
        }
        if gone.contains(&case) {
            if !comment.is_empty() {
                audit.problem(Kind::Part, "decisions", said.map(|s| s.index), format!("the comment of {id} was erased, and it is there"));
            }
        } else if audit.keys.envelope.open(&format!("decisions/{id}/comment"), &comment).is_err() {
            audit.problem(Kind::Part, "decisions", said.map(|s| s.index), format!("the comment of {id} does not open"));
        }
    }
    ordered(conn, audit, &mut bound, &gone, certain)?;
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
    erased_at: Option<i64>,
}

/// The cases whose words were erased: those of erased broadcasts, whose rows [`messages`] holds against the log. What each says of itself
/// must be the same, and its request gone, or there and sealed for it.
fn cases(conn: &mut Conn, audit: &mut Audit<'_>, bound: &mut Bound, certain: bool) -> Result<BTreeSet<String>, StoreError> {
    type Row = (String, Option<i64>, Vec<u8>, Option<i64>, String, String);
    let (mut gone, mut after) = (BTreeSet::new(), String::new());
    loop {
        let both = recalls::table.inner_join(sent::table.on(sent::id.eq(recalls::broadcast_id))).filter(recalls::id.gt(after));
        let columns = (recalls::id, recalls::erased_at, recalls::request_sealed, sent::erased_at, recalls::number, recalls::broadcast_id);
        let page = both.order(recalls::id).select(columns).limit(BATCH).load(conn);
        let page: Vec<Row> = readable(audit, Kind::Part, "recalls", page)?;
        let Some((last, ..)) = page.last() else { return Ok(gone) };
        after = last.clone();
        for (id, erased_at, request, with, number, broadcast) in page {
            bound.take(audit, "recalls", &id, &identity(&number, &broadcast), certain);
            if erased_at != with {
                audit.problem(Kind::Part, "recalls", None, format!("{id} and its message were not erased together"));
            }
            if with.is_some() && !request.is_empty() {
                audit.problem(Kind::Part, "recalls", None, format!("the request of {id} was erased, and it is there"));
            }
            if with.is_none() && audit.keys.envelope.open(&format!("recalls/{id}/request"), &request).is_err() {
                audit.problem(Kind::Part, "recalls", None, format!("the request of {id} does not open"));
            }
            if with.is_some() {
                gone.insert(id);
            }
        }
    }
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
            sent::erased_at,
        );
        let page = sent::table.filter(sent::id.gt(after.clone())).order(sent::id).select(columns).limit(BATCH).load(conn);
        let page: Vec<Message> = readable(audit, Kind::Part, "broadcasts", page)?;
        let Some(last) = page.last() else { return Ok(()) };
        after.clone_from(&last.id);
        for row in page {
            let said = bound.take(audit, "broadcasts", &row.id, &row.commitment, certain);
            let index = said.as_ref().map(|s| s.index);
            let told = bound.erased(audit, "broadcasts", (&row.id, &row.commitment, row.erased_at), certain);
            if told || row.erased_at.is_some() {
                emptied(conn, audit, index, &row)?;
            } else {
                sealed(audit, index, &row);
                whole(conn, audit, index, &row)?;
            }
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

/// Of what was erased nothing may be there: neither its sealed columns nor what hangs on them.
fn emptied(conn: &mut Conn, audit: &mut Audit<'_>, index: Option<u64>, row: &Message) -> Result<(), StoreError> {
    if [&row.title, &row.content, &row.key, &row.salt, &row.audience].iter().any(|column| !column.is_empty()) {
        audit.problem(Kind::Part, "broadcasts", index, format!("{} was erased, and its contents are there", row.id));
    }
    let of_case = recalls::table.filter(recalls::broadcast_id.eq(&row.id)).select(recalls::id);
    let theirs = calls::broadcast_id.eq(&row.id).or(calls::recall_id.eq_any(of_case.nullable()));
    let answers = calls::table.filter(theirs.assume_not_null()).filter(calls::raw_sealed.is_not_null()).count().load::<i64>(conn);
    let answers: i64 = readable(audit, Kind::Part, "calls", answers)?.into_iter().sum();
    for (table, full) in hanging(conn, audit, row, false)?.into_iter().chain([("calls", answers)]) {
        if full > 0 {
            audit.problem(Kind::Part, table, index, format!("{} was erased, and {full} rows of it are not empty", row.id));
        }
    }
    Ok(())
}

/// Of what was not erased nothing that hangs on it may be empty.
fn whole(conn: &mut Conn, audit: &mut Audit<'_>, index: Option<u64>, row: &Message) -> Result<(), StoreError> {
    for (table, empty) in hanging(conn, audit, row, true)? {
        if empty > 0 {
            audit.problem(Kind::Part, table, index, format!("{} was not erased, and {empty} rows of it are empty", row.id));
        }
    }
    Ok(())
}

/// How many rows that hang on a broadcast and its cases are `empty`, or are not, by table.
fn hanging(conn: &mut Conn, audit: &mut Audit<'_>, row: &Message, empty: bool) -> Result<[(&'static str, i64); 2], StoreError> {
    let nothing = Vec::<u8>::new();
    let pieces = pieces::table.filter(pieces::broadcast_id.eq(&row.id)).filter(pieces::audience_sealed.eq(&nothing).eq(empty));
    let pieces = readable(audit, Kind::Part, "messages", pieces.count().load::<i64>(conn))?;
    let of_case = recalls::table.filter(recalls::broadcast_id.eq(&row.id)).select(recalls::id);
    let theirs = attachments::broadcast_id.eq(&row.id).or(attachments::recall_id.eq_any(of_case.nullable()));
    let files = attachments::table.filter(theirs.assume_not_null()).filter(attachments::sealed.eq(&nothing).eq(empty));
    let files = readable(audit, Kind::Part, "attachments", files.count().load::<i64>(conn))?;
    Ok([("messages", pieces.into_iter().sum()), ("attachments", files.into_iter().sum())])
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
    if row.erased_at.is_some() {
        if !rows.is_empty() {
            audit.problem(Kind::Part, "recipients", index, format!("{} was erased, and its recipients are there", row.id));
        }
    } else if recipients::set_of(&row.platform, &rows).ok() != named {
        audit.problem(Kind::Part, "recipients", index, format!("the rows of {} do not make its set", row.id));
    }
    Ok(())
}
