//! Rows elsewhere that events of the log bind: sealed contents with their key, recipients, decisions, sealed bundles and packs.
//!
//! Their events carry a commitment or a hash of them; what does not open, or is not what its event says, was changed past the product.
//! Not here: columns that change in the course of work (states, times of reading); they carry no commitment.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{deserialize::Queryable, prelude::*};
use serde_json::Value;

use super::{Audit, Kind, readable, waiting::Waiting};
use crate::{
    crypto::{seal::Key, sha256},
    ledger::{commitment, plain::Plain, set::Set},
    store::{
        Conn, StoreError, broadcasts,
        orders::{OrderRow, RatificationRow, context},
        recalls::DecisionRow,
        recipients,
        schema::{
            attachments, audit_packs, broadcasts as sent, bundles, calls, decisions, log_search, messages as pieces, ratifications, recall_orders,
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
    /// Of a decision: when, and its round, its method and in whose name, where an event says it.
    at: i64,
    round: Value,
    method: Value,
    principal: Value,
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
    let [answers, round, method, principal] = ["answers", "round", "method", "principal"].map(|field| detail[field].clone());
    let said = Said { index, digest, recipients, answers, at: leaf.at.0, round, method, principal };
    Some(Note { row: (table, id.to_owned()), said, erased })
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
    fn take(&mut self, audit: &mut Audit<'_>, table: &'static str, id: &str, digest: &[u8], waiting: Option<&Waiting>) -> Option<Said> {
        let said = self.rows.remove(&(table, id.to_owned()));
        match &said {
            Some(Said { index, digest: Some(expected), .. }) if *expected != hex::encode(digest) => {
                audit.problem(Kind::Part, table, Some(*index), format!("{id} is not what its event commits to"));
            }
            None if waiting.is_some_and(|waiting| !waiting.tells_of(id)) => {
                audit.problem(Kind::Part, table, None, format!("no event of the log tells of {id}"))
            }
            _ => {}
        }
        said
    }

    /// Holds a sealed file's row against what the log says of it: its hash, and whether it was erased.
    fn sealed(&mut self, audit: &mut Audit<'_>, table: &'static str, (id, digest, erased_at): (&str, &[u8], Option<i64>), waiting: &Waiting) {
        // An export that was kept has a row and another event; only what was sealed is bound here.
        self.take(audit, table, id, digest, None);
        self.erased(audit, table, (id, digest, erased_at), waiting);
    }

    /// Holds whether a row says that it was erased against what the log says; `true` if the log says so.
    fn erased(&mut self, audit: &mut Audit<'_>, table: &'static str, (id, digest, erased_at): (&str, &[u8], Option<i64>), waiting: &Waiting) -> bool {
        let said = self.erased.remove(&(table, id.to_owned()));
        let (index, told) = (said.as_ref().map(|s| s.index), said.is_some());
        match (said, erased_at) {
            (None, Some(_)) if !waiting.tells_of(id) => {
                audit.problem(Kind::Part, table, None, format!("no event of the log tells that {id} was erased"))
            }
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
fn ordered(conn: &mut Conn, audit: &mut Audit<'_>, bound: &mut Bound, gone: &BTreeSet<String>, waiting: &Waiting) -> Result<(), StoreError> {
    let orders: Vec<OrderRow> = readable(audit, Kind::Part, "recall_orders", recall_orders::table.load(conn))?;
    let words: Vec<RatificationRow> = readable(audit, Kind::Part, "ratifications", ratifications::table.load(conn))?;
    let orders = orders.iter().map(|o| ("recall_orders", "reason", &o.id, &o.recall_id, &o.event_id, o.digest(), &o.reason_sealed));
    let words = words.iter().map(|w| ("ratifications", "comment", &w.id, &w.recall_id, &w.event_id, w.digest(), &w.comment_sealed));
    for (table, column, id, case, event, digest, sealed) in orders.chain(words) {
        let index = bound.take(audit, table, event, &digest, Some(waiting)).map(|s| s.index);
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
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, mut bound: Bound, waiting: &Waiting) -> Result<(), StoreError> {
    messages(conn, audit, &mut bound, waiting)?;
    let gone = cases(conn, audit, &mut bound, waiting)?;
    decided(conn, audit, &mut bound, &gone, waiting)?;
    ordered(conn, audit, &mut bound, &gone, waiting)?;
    type Sealed = (String, Vec<u8>, Option<i64>);
    let columns = (bundles::id, bundles::sha256, bundles::erased_at);
    let rows: Vec<Sealed> = readable(audit, Kind::Part, "bundles", bundles::table.select(columns).load(conn))?;
    for (id, digest, erased_at) in rows {
        bound.sealed(audit, "bundles", (&id, &digest, erased_at), waiting);
    }
    let columns = (audit_packs::id, audit_packs::sha256.assume_not_null(), audit_packs::erased_at);
    let ready = audit_packs::table.filter(audit_packs::sha256.is_not_null()).select(columns);
    let rows: Vec<Sealed> = readable(audit, Kind::Part, "audit_packs", ready.load(conn))?;
    for (id, digest, erased_at) in rows {
        bound.sealed(audit, "audit_packs", (&id, &digest, erased_at), waiting);
    }
    starts(conn, audit, &mut bound, waiting)?;
    let Bound { rows, erased } = bound;
    for ((table, id), said) in rows.into_iter().chain(erased) {
        audit.problem(Kind::MissingPart, table, Some(said.index), format!("{id}, which this event tells of, is missing"));
    }
    Ok(())
}

/// Decisions: as they were signed, as their events tell of them, and their comments there or erased with the case.
fn decided(conn: &mut Conn, audit: &mut Audit<'_>, bound: &mut Bound, gone: &BTreeSet<String>, waiting: &Waiting) -> Result<(), StoreError> {
    let rows: Vec<DecisionRow> = readable(audit, Kind::Part, "decisions", decisions::table.load(conn))?;
    for page in rows.chunks(usize::try_from(BATCH).unwrap_or(1)) {
        let taken: Vec<_> =
            page.iter().map(|row| (row, bound.take(audit, "decisions", &row.event_id, &sha256(&row.statement), Some(waiting)))).collect();
        let places: Vec<i64> = taken.iter().filter_map(|(_, said)| i64::try_from(said.as_ref()?.index).ok()).collect();
        let from = (log_search::event_id, log_search::client_ip, log_search::device_id);
        let from = log_search::table.filter(log_search::idx.eq_any(places)).select(from).load(conn);
        type From = (String, Option<String>, Option<String>);
        let from: Vec<From> = readable(audit, Kind::Projection, "log_search", from)?;
        for (row, said) in taken {
            let (id, index) = (&row.id, said.as_ref().map(|said| said.index));
            let mut problem = |what: String| audit.problem(Kind::Part, "decisions", index, what);
            // What pages show of a decision is what was signed.
            let signed: Value = serde_json::from_slice(&row.statement).unwrap_or_default();
            let shown = [
                ("case", Value::from(row.recall_id.as_str())),
                ("level", Value::from(row.level)),
                ("decision", Value::from(row.decision.as_str())),
                ("decider", Value::from(row.decider_id.as_str())),
                ("shown", Value::from(hex::encode(&row.shown))),
            ];
            for (column, value) in shown.into_iter().filter(|(column, value)| signed[*column] != *value) {
                problem(format!("{column} of {id} is {value}, and its statement says {}", signed[column]));
            }
            // What of it is not signed stands in the event, as long as its part is there.
            if let Some(said) = &said {
                let answered = row.answers.as_deref().map_or(Value::Null, |text| serde_json::from_str(text).unwrap_or_else(|_| text.into()));
                let told = said.digest.is_some();
                let is = [
                    ("at", Value::from(row.at), Value::from(said.at), true),
                    ("the answers", answered, said.answers.clone(), told),
                    ("the round", Value::from(row.round), said.round.clone(), told && !said.round.is_null()),
                    ("the method", Value::from(row.method.as_str()), said.method.clone(), told && !said.method.is_null()),
                    ("the principal", Value::from(row.principal_id.clone()), said.principal.clone(), told),
                ];
                for (column, value, says, _) in is.into_iter().filter(|(_, value, says, asked)| *asked && value != says) {
                    problem(format!("{column} of {id} is {value}, and its event says {says}"));
                }
            }
            if let Some((_, client_ip, device_id)) = from.iter().find(|(event, ..)| *event == row.event_id) {
                for (column, value, says) in [("client_ip", &row.client_ip, client_ip), ("device_id", &row.device_id, device_id)] {
                    // Erasure takes it from the row, and the search may still have it.
                    if says.is_some() && value != says && !gone.contains(&row.recall_id) {
                        problem(format!("{column} of {id} is not what its event says"));
                    }
                }
            }
            if gone.contains(&row.recall_id) {
                if !row.comment_sealed.is_empty() {
                    problem(format!("the comment of {id} was erased, and it is there"));
                }
            } else if audit.keys.envelope.open(&format!("decisions/{id}/comment"), &row.comment_sealed).is_err() {
                audit.problem(Kind::Part, "decisions", index, format!("the comment of {id} does not open"));
            }
        }
    }
    Ok(())
}

/// What processes last started with: sealed for its row, and as the newest event of that row says.
fn starts(conn: &mut Conn, audit: &mut Audit<'_>, bound: &mut Bound, waiting: &Waiting) -> Result<(), StoreError> {
    let rows: Vec<(String, String)> = readable(
        audit,
        Kind::Key,
        "settings",
        settings::table.filter(settings::name.like("start/%")).select((settings::name, settings::value)).load(conn),
    )?;
    // Which row such an event is about stands in its part.
    let certain = !waiting.says("setting.changed");
    for (name, value) in rows {
        if hex::decode(&value).ok().and_then(|sealed| audit.keys.envelope.open(&name, &sealed).ok()).is_none() {
            audit.problem(Kind::Key, "settings", None, format!("{name} does not open"));
        } else if certain {
            bound.take(audit, "settings", &name, &sha256(value.as_bytes()), None);
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
fn cases(conn: &mut Conn, audit: &mut Audit<'_>, bound: &mut Bound, waiting: &Waiting) -> Result<BTreeSet<String>, StoreError> {
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
            bound.take(audit, "recalls", &id, &identity(&number, &broadcast), Some(waiting));
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

fn messages(conn: &mut Conn, audit: &mut Audit<'_>, bound: &mut Bound, waiting: &Waiting) -> Result<(), StoreError> {
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
            let said = bound.take(audit, "broadcasts", &row.id, &row.commitment, Some(waiting));
            let index = said.as_ref().map(|s| s.index);
            let told = bound.erased(audit, "broadcasts", (&row.id, &row.commitment, row.erased_at), waiting);
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
