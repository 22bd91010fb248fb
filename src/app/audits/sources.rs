//! What a pack takes from the tables beside the leaves: proofs, numbers of the days, what stands in for erased contents, questions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    clock::Instant,
    domain::{
        audit::{GAP, MARGIN},
        event::Action,
    },
    evidence::audit::{facts::Day, findings::Found, tables::Question},
    ledger::{
        leaf::Leaf,
        tree::{Prover, leaf_hash},
    },
    store::{
        Conn, Store, StoreError, audits, bundles,
        reader::{self, StoredEvent, TileReader},
        recalls, users,
    },
};

/// The numbers that each day gave out: what the day's counter says where the day had ended before the log's last event, else the
/// highest that was found. Days before the log's first event gave out none.
pub(super) fn numbers(conn: &mut Conn, zone: &str, period: (Instant, Instant), last_at: Instant, found: &Found) -> Result<Vec<Day>, StoreError> {
    let mut of: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for case in &found.cases {
        let mut pieces = case.number.split('-').skip(1);
        if let (Some(day), Some(Ok(n))) = (pieces.next(), pieces.next().map(str::parse)) {
            of.entry(day.to_owned()).or_default().push(n);
        }
    }
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let first_at = reader::event(conn, 0)?.leaf.at;
    let mut day = period.0.max(first_at).timestamp().to_zoned(zone.clone()).date();
    let mut numbers = Vec::new();
    loop {
        let begin = |day: jiff::civil::Date| day.to_zoned(zone.clone()).map_or(i64::MAX, |z| z.timestamp().as_microsecond());
        let next = day.saturating_add(jiff::Span::new().days(1));
        if begin(day) >= period.1.0.min(last_at.0.saturating_add(1)) || next <= day {
            return Ok(numbers);
        }
        let name = day.strftime("%Y%m%d").to_string();
        let found = of.remove(&name).unwrap_or_default();
        let highest = found.iter().copied().max().unwrap_or(0);
        let over = Instant(begin(next)).plus(MARGIN) <= last_at;
        let counted = bundles::counter(conn, &format!("case_number/{name}"))?.and_then(|n| u64::try_from(n).ok());
        let given = counted.filter(|_| over).unwrap_or(highest).max(highest);
        if given > (found.len() as u64).saturating_add(GAP) {
            return Err(StoreError::Corrupt(format!("{given} case numbers on {name}, of which {} are in the log", found.len())));
        }
        if given > 0 {
            let missing = (1..=given).filter(|n| !found.contains(n)).map(|n| format!("FR-{name}-{n:04}")).collect();
            numbers.push(Day { day: name, given, missing });
        }
        day = next;
    }
}

/// A line for each event that shows it in the log of `size`.
pub(super) fn inclusion(conn: &mut Conn, size: u64, events: &[StoredEvent]) -> Result<String, StoreError> {
    let reader = TileReader::new(conn);
    let prover = Prover::new(&reader, size);
    let mut lines = String::new();
    for event in events {
        let proof = prover.inclusion(event.index).map_err(|e| StoreError::Corrupt(format!("the tree: {e}")))?;
        let siblings: Vec<_> = proof.iter().map(hex::encode).collect();
        lines.push_str(&json!({ "index": event.index, "leaf_hash": hex::encode(leaf_hash(&event.bytes)), "proof": siblings }).to_string());
        lines.push('\n');
    }
    Ok(lines)
}

/// What the tables still say of an event of a case whose detail was erased, in the shape of the detail.
pub(super) fn of_tables(conn: &mut Conn, leaf: &Leaf) -> Result<Option<Value>, StoreError> {
    let Some(row) = leaf.case.as_deref().map(|id| recalls::find(conn, id)).transpose()?.flatten() else { return Ok(None) };
    let time = |at: i64| Instant(at).to_rfc3339();
    let due = [row.due_1, row.due_2, row.due_3].map(time);
    let tally: Option<Value> = row.tally.as_deref().and_then(|t| serde_json::from_str(t).ok());
    Ok(match Action::parse(&leaf.action) {
        Some(Action::RecallSubmitted) => Some(json!({
            "number": row.number, "class": row.harm_class, "mode": row.mode, "cut_off": row.cut_off.map(time),
            "due": due, "after": { "state": "reviewing" },
        })),
        Some(Action::RecallDecided) => {
            let made = recalls::decisions_of(conn, &row.id)?.into_iter().find(|d| d.event_id == leaf.id);
            made.map(|d| json!({ "level": d.level, "decision": d.decision, "decider": d.decider_id }))
        }
        Some(Action::RecallFinished) => Some(json!({ "after": { "state": row.state }, "tally": tally })),
        Some(Action::CaseClosed) => Some(json!({ "number": row.number, "state": row.state })),
        _ => None,
    })
}

/// The questions of an audit as far as the log of `size` has them.
pub(super) fn questions(store: &Store, conn: &mut Conn, audit: &str, size: u64) -> Result<Vec<Question>, StoreError> {
    let name = |conn: &mut Conn, id: &str| -> Result<String, StoreError> {
        Ok(users::user_find(conn, id)?.map_or_else(|| id.to_owned(), |user| user.display_name))
    };
    let envelope = &store.keys().envelope;
    let open = |context: String, sealed: &[u8]| -> Result<String, StoreError> {
        Ok(String::from_utf8_lossy(&envelope.open(&context, sealed)?).into_owned())
    };
    let mut questions = Vec::new();
    for row in audits::questions_of(conn, audit)? {
        let logged = |conn: &mut Conn, event: &str| -> Result<bool, StoreError> { Ok(reader::receipt(conn, event)?.index.is_some_and(|i| i < size)) };
        if !logged(conn, &row.asked_event)? {
            continue;
        }
        let mut answer = None;
        if let (Some(at), Some(event), Some(sealed)) = (row.answered_at, &row.answered_event, &row.answer_sealed)
            && logged(conn, event)?
        {
            answer = Some((Instant(at), open(audits::answer_context(&row.id), sealed)?, event.clone()));
        }
        questions.push(Question {
            number: u64::try_from(row.number).unwrap_or(0),
            asked_at: Instant(row.asked_at),
            asked_by: name(conn, &row.asked_by)?,
            asked_of: name(conn, &row.asked_of)?,
            question: open(audits::question_context(&row.id), &row.question_sealed)?,
            cases: row.cases.split_whitespace().map(ToOwned::to_owned).collect(),
            events: row.events.split_whitespace().filter_map(|n| n.parse().ok()).collect(),
            asked_event: row.asked_event,
            answer,
        });
    }
    Ok(questions)
}
