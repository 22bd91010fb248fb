//! Everything about one case from the database, in one snapshot, as the plain data that a bundle is made from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{App, AppError, AppResult};
use crate::{
    app::{calls, content, recalls::weighing, timestamps, witness},
    clock::Instant,
    config::Profile,
    domain::{
        event::CONTENT_PARTS,
        kept::EventClass,
        recall::weighing::Answers,
        retention::Cuts,
        stream::{MISSING, PURGED},
    },
    evidence::collected::{Anchor, Attachment, Call, Case, Collected, Content, Decision, Entry, Issue, Log, Message, Part, Recipient},
    ledger::{
        checkpoint::{self, Note},
        set::Set,
        tree::{self, Prover},
    },
    store::{
        Conn, Database, Store, StoreError, attachments, broadcasts,
        broadcasts::BroadcastRow,
        bundles, calls as call_rows,
        calls::CallRow,
        messages,
        page::Turn,
        purge,
        reader::{self, OpenPart, StoredEvent, TileReader},
        recalls::{self, DecisionRow, RecallRow},
        recipients, successions,
        timestamps::{self as timestamp_rows, TimestampRow},
        witnesses,
    },
};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub number: String,
    /// Id of the case.
    pub recall: String,
    pub issue: Issue,
    /// Log size to take the contents at; the present one if absent.
    pub at: Option<u64>,
    /// Whether the message and its files go in; else they are named as withheld.
    pub with_content: bool,
}

/// Why contents are withheld from people who may export but not read them.
const NO_CONTENT: &str = "content_permission";
/// Why a part is withheld that is there: a restore did not find its key.
pub(in crate::app) const KEYLESS: &str = "key_lost";

/// Signs a checkpoint where none covers the wanted size, then reads.
pub async fn collect(app: &App, wanted: Wanted) -> AppResult<Collected> {
    let note = note_for(app, wanted.at).await?;
    if let Some(size) = wanted.at {
        let case = wanted.recall.clone();
        let first = app.store.read(move |conn| Ok(reader::events_of_case(conn, &case, None)?.first().map(|e| e.index))).await?;
        if let Some(first) = first.filter(|first| size <= *first) {
            return Err(AppError::Invalid(vec![crate::app::FieldError::new("at", "log-size-early").arg("first", first)]));
        }
    }
    let (vkey, mldsa, _) = app.store.signing()?;
    let size = checkpoint::open(&note, &vkey).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")))?.size;
    // Whoever is asked to cosign has a few seconds: a bundle goes out with what is there by then.
    witness::round(app).await?;
    let known = app.witnesses.policy.keys();
    let note = app.store.read(move |conn| witnesses::cosigned(conn, size, note, &known)).await?;
    // A checkpoint may be older than the second key.
    let mldsa = mldsa.filter(|key| Note::parse(&note).is_ok_and(|note| key.verify(&note).is_ok()));
    let log = Log { note, vkey, mldsa, as_of: wanted.at.unwrap_or(size) };
    let (store, environment) = (app.store.clone(), environment(app));
    let (zone, organisation) = (app.config.time_zone.clone(), app.config.tenant.clone());
    let authorities = timestamps::roots(&app.config).to_pem();
    let found = app
        .store
        .read(move |conn| Reading { store: &store, wanted: &wanted, log, size, authorities }.all(conn, environment, zone, organisation))
        .await?;
    found.ok_or(AppError::NotFound)
}

async fn note_for(app: &App, at: Option<u64>) -> AppResult<String> {
    let Some(size) = at else { return Ok(app.store.checkpoint().await?) };
    let head = app.store.read(reader::head).await?.size();
    if size == 0 || size > head {
        return Err(AppError::Invalid(vec![crate::app::FieldError::new("at", "log-size").arg("max", head)]));
    }
    match app.store.read(move |conn| bundles::checkpoint_over(conn, size)).await? {
        // One that a log signed from which this one was renewed proves nothing under our key.
        Some(note) if checkpoint::open(&note, &app.store.vkey()?).is_ok() => Ok(note),
        _ => Ok(app.store.checkpoint().await?),
    }
}

fn environment(app: &App) -> Value {
    let mut told = json!({
        "product": "Countermand", "version": env!("CARGO_PKG_VERSION"),
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "database": match app.store.database() { Database::Sqlite(_) => "SQLite", Database::Postgres(_) => "PostgreSQL" },
        "log_origin": app.store.origin(), "node": app.node, "public_url": app.config.public_url,
        "clock": { "source": "server", "at": app.now().to_rfc3339(), "zone": app.config.time_zone },
        "settings": {
            "retention_days": app.config.retention.days, "log_public": app.config.log_public,
            "timestamp_authorities": app.config.timestamp.authorities.iter().map(|a| &a.name).collect::<Vec<_>>(),
            "trusted_proxies": app.config.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        },
    });
    if app.config.evidence.profile == Profile::Gm {
        told["settings"]["evidence_profile"] = json!(app.config.evidence.profile);
    }
    told
}

struct Reading<'a> {
    store: &'a Store,
    wanted: &'a Wanted,
    log: Log,
    /// Of the checkpoint.
    size: u64,
    /// Roots of the timestamp authorities, PEM.
    authorities: String,
}

impl Reading<'_> {
    fn all(self, conn: &mut Conn, environment: Value, zone: String, organisation: String) -> Result<Option<Collected>, StoreError> {
        let Some(row) = recalls::find(conn, &self.wanted.recall)? else { return Ok(None) };
        let broadcast = broadcasts::find(conn, &row.broadcast_id)?.ok_or(StoreError::NotFound)?;
        let mut call_list = call_rows::of_broadcast(conn, &broadcast.id)?;
        let known: BTreeSet<String> = call_list.iter().map(|c| c.id.clone()).collect();
        call_list.extend(call_rows::of_recall(conn, &row.id)?.into_iter().filter(|c| !known.contains(&c.id)));
        call_list.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));

        let stored = self.events(conn, &row, &broadcast, &call_list)?;
        let ids: BTreeSet<&str> = stored.iter().map(|e| e.leaf.id.as_str()).collect();
        let opened = reader::parts_of_many(conn, self.store.keys(), &stored.iter().map(|e| e.leaf.id.clone()).collect::<Vec<_>>())?;
        let until = stored.iter().map(|e| e.leaf.at).max().unwrap_or_default();
        let calls = call_list.iter().filter(|c| ids.contains(c.started_event.as_str())).map(|c| self.call(c, &ids)).collect::<Result<_, _>>()?;
        let decisions = recalls::decisions_of(conn, &row.id)?;
        let decisions =
            decisions.iter().filter(|d| ids.contains(d.event_id.as_str())).map(|d| self.decision(d, &opened)).collect::<Result<_, _>>()?;
        let platform_ids = messages::of_broadcast(conn, &broadcast.id)?.into_iter().filter_map(|m| m.platform_id).collect();
        let message = Message { id: broadcast.id.clone(), content: self.content(&broadcast)?, platform_ids };
        let stamped = timestamp_rows::around(conn, self.store.origin(), self.size)?;
        let anchors = self.anchors(conn, &stamped)?;
        Ok(Some(Collected {
            number: self.wanted.number.clone(),
            issue: self.wanted.issue.clone(),
            case: case(&row, &broadcast, &stored, &opened)?,
            events: self.entries(conn, stored, opened)?,
            decisions,
            recipients: recipients::all(conn, &broadcast.id)?.into_iter().map(|r| recipient(r, until)).collect::<Result<_, _>>()?,
            calls,
            messages: vec![message],
            attachments: self.attachments(conn, &row, &broadcast, until)?,
            anchors,
            renewals: timestamps::renewal::of(conn, &stamped)?,
            successions: successions::of(conn, self.store.origin(), self.size)?,
            authorities: self.authorities,
            revocation: None,
            log: self.log,
            environment,
            zone,
            organisation,
        }))
    }

    /// The case's own events, those of its broadcast's making, and those of the calls.
    fn events(&self, conn: &mut Conn, row: &RecallRow, broadcast: &BroadcastRow, calls: &[CallRow]) -> Result<Vec<StoredEvent>, StoreError> {
        let mut found: BTreeMap<u64, StoredEvent> =
            reader::events_of_case(conn, &row.id, Some(self.log.as_of))?.into_iter().map(|e| (e.index, e)).collect();
        let ids: Vec<String> = calls.iter().flat_map(|c| [Some(c.started_event.clone()), c.answered_event.clone()]).flatten().collect();
        found.extend(bundles::events_by_ids(conn, &ids, self.log.as_of)?.into_iter().map(|e| (e.index, e)));
        for action in ["broadcast.submitted", "broadcast.imported", "broadcast.reported", "broadcast.sent", "reading.captured"] {
            let filter = reader::Filter { action: Some(action.to_owned()), subject_id: Some(broadcast.id.clone()), ..Default::default() };
            for hit in reader::search(conn, &filter, &Turn::Down(self.log.as_of), 1000)? {
                let event = reader::event(conn, u64::try_from(hit.idx).unwrap_or(0))?;
                found.insert(event.index, event);
            }
        }
        Ok(found.into_values().collect())
    }

    fn entries(&self, conn: &mut Conn, stored: Vec<StoredEvent>, mut opened: BTreeMap<String, Vec<OpenPart>>) -> Result<Vec<Entry>, StoreError> {
        let mut why = BTreeMap::new();
        for event in &stored {
            why.insert(event.index, gone(conn, event, opened.get(&event.leaf.id).map_or(&[], Vec::as_slice), None)?);
        }
        let reader = TileReader::new(conn);
        let prover = Prover::new(&reader, self.size);
        let mut entries = Vec::with_capacity(stored.len());
        for event in stored {
            let proof = prover.inclusion(event.index).map_err(|e| StoreError::Corrupt(format!("the tree: {e}")))?;
            let mut parts = parts_of(&event, opened.remove(&event.leaf.id).unwrap_or_default(), &why.remove(&event.index).unwrap_or_default())?;
            if !self.wanted.with_content {
                for part in parts.iter_mut().filter(|p| CONTENT_PARTS.contains(&p.name.as_str()) && matches!(p.content, Content::Open { .. })) {
                    part.content = Content::Withheld(NO_CONTENT.to_owned());
                }
            }
            entries.push(Entry { index: event.index, leaf: event.bytes, parts, proof });
        }
        Ok(entries)
    }

    /// The stamped checkpoints next to the bundle's own, each with its way to it.
    fn anchors(&self, conn: &mut Conn, stamped: &[TimestampRow]) -> Result<Vec<Anchor>, StoreError> {
        let mut found: Vec<Anchor> = Vec::new();
        for row in stamped {
            let (size, text) = (u64::try_from(row.log_size).unwrap_or(0), row.stamped.clone());
            let Some(token) = timestamps::token_of(conn, row.clone())? else { continue };
            match found.last_mut().filter(|anchor| anchor.text == text) {
                // Several authorities stamp the same text.
                Some(anchor) => anchor.tokens.push(token),
                None => {
                    let (old, new) = (size.min(self.size), size.max(self.size));
                    let proof = tree::consistency(&TileReader::new(conn), old, new).map_err(|e| StoreError::Corrupt(format!("the tree: {e}")))?;
                    found.push(Anchor { size, text, tokens: vec![token], consistency: proof });
                }
            }
        }
        Ok(found)
    }

    fn call(&self, row: &CallRow, ids: &BTreeSet<&str>) -> Result<Call, StoreError> {
        // What was answered after the wanted size is left out, as if it had not come yet.
        let answered = row.answered_event.as_deref().is_some_and(|id| ids.contains(id));
        let known = |value: &Option<String>| value.clone().filter(|_| answered);
        Ok(Call {
            id: row.id.clone(),
            kind: row.kind.clone(),
            message: row.message_id.clone(),
            attempt: row.attempt,
            state: if answered { row.state.clone() } else { "started".to_owned() },
            started_at: Instant(row.started_at),
            answered_at: row.answered_at.filter(|_| answered).map(Instant),
            result: known(&row.result),
            code: known(&row.code),
            raw: if answered { calls::open_raw_bytes(&self.store.keys().envelope, row)? } else { None },
            started_event: row.started_event.clone(),
            answered_event: known(&row.answered_event),
        })
    }

    fn decision(&self, row: &DecisionRow, opened: &BTreeMap<String, Vec<OpenPart>>) -> Result<Decision, StoreError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("decisions.{what}"));
        let bytes = self.store.keys().envelope.open(&format!("decisions/{}/comment", row.id), &row.comment_sealed)?;
        let comment: Value = serde_json::from_slice(&bytes).map_err(|_| corrupt("comment_sealed"))?;
        let text = |key: &str| comment[key].as_str().map(ToOwned::to_owned);
        let shown = opened.get(&row.event_id).into_iter().flatten().find(|p| p.name == "shown" && self.wanted.with_content);
        let shown = shown.and_then(|p| serde_json::from_slice::<Value>(&p.value).ok()).and_then(|v| v["summary"].as_str().map(ToOwned::to_owned));
        let detail = opened.get(&row.event_id).into_iter().flatten().find(|p| p.name == "detail");
        let passkey = detail.and_then(|p| serde_json::from_slice::<Value>(&p.value).ok()).and_then(|v| v.get("passkey").cloned());
        Ok(Decision {
            passkey: passkey.map(serde_json::from_value).transpose().map_err(|_| corrupt("passkey"))?,
            round: u64::try_from(row.round).unwrap_or(0),
            level: u64::try_from(row.level).unwrap_or(0),
            decider: row.decider_id.clone(),
            principal: row.principal_id.clone(),
            decision: row.decision.clone(),
            answers: Some(weighing::of_row(row)?).filter(Answers::is_asked),
            comment: text("text"),
            comment_salt: text("salt"),
            method: row.method.clone(),
            at: Instant(row.at),
            event: row.event_id.clone(),
            statement: String::from_utf8(row.statement.clone()).map_err(|_| corrupt("statement"))?,
            shown,
        })
    }

    fn content(&self, broadcast: &BroadcastRow) -> Result<Content, StoreError> {
        if !self.wanted.with_content {
            return Ok(Content::Withheld(NO_CONTENT.to_owned()));
        }
        let value = content::open_bytes(&self.store.keys().envelope, broadcast)?.to_vec();
        Ok(Content::Open { salt: fixed(&broadcast.content_salt, "broadcasts.content_salt")?, value })
    }

    fn attachments(&self, conn: &mut Conn, row: &RecallRow, broadcast: &BroadcastRow, until: Instant) -> Result<Vec<Attachment>, StoreError> {
        let mut heads = attachments::of_broadcast(conn, &broadcast.id)?;
        heads.extend(attachments::of_recall(conn, &row.id)?);
        heads.retain(|a| a.uploaded_at <= until.0);
        heads.sort_by(|a, b| a.id.cmp(&b.id));
        heads.dedup_by(|a, b| a.id == b.id);
        let envelope = &self.store.keys().envelope;
        heads
            .into_iter()
            .map(|head| {
                let bytes = match self.wanted.with_content {
                    true => {
                        let file = attachments::find(conn, &head.id)?.ok_or(StoreError::NotFound)?;
                        let key = if file.broadcast_id.is_some() { content::key_of(envelope, broadcast)? } else { envelope.clone() };
                        Ok(content::open_file(&key, &head.id, &file.sealed)?.to_vec())
                    }
                    false => Err(NO_CONTENT.to_owned()),
                };
                Ok(Attachment {
                    id: head.id,
                    kind: head.kind,
                    name: head.name,
                    media_type: head.media_type,
                    size: u64::try_from(head.size).unwrap_or(0),
                    sha256: fixed(&head.sha256, "attachments.sha256")?,
                    uploaded_by: head.uploaded_by,
                    uploaded_at: Instant(head.uploaded_at),
                    confirmed_by: head.confirmed_by,
                    bytes,
                })
            })
            .collect()
    }
}

fn fixed<const N: usize>(bytes: &[u8], column: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Corrupt(format!("{column} is not {N} bytes")))
}

/// Why parts that the leaf names are not among `opened`: `key_lost`, `purged`, or `missing`, which no purge explains. With `cuts` what has
/// lived its time counts as purged without a look at the lists of the purges, which a walk over a whole log cannot afford.
pub(in crate::app) fn gone(
    conn: &mut Conn,
    event: &StoredEvent,
    opened: &[OpenPart],
    cuts: Option<&Cuts>,
) -> Result<BTreeMap<String, &'static str>, StoreError> {
    let leaf = &event.leaf;
    let absent: Vec<&String> = leaf.parts.keys().filter(|name| !opened.iter().any(|part| part.name == **name)).collect();
    if absent.is_empty() {
        return Ok(BTreeMap::new());
    }
    if cuts.is_some_and(|cuts| leaf.at < cuts.of(EventClass::of_stored(&leaf.action))) {
        return Ok(absent.into_iter().map(|name| (name.clone(), PURGED)).collect());
    }
    let keyless = reader::unopened_of(conn, &leaf.id)?;
    let mut why = BTreeMap::new();
    for name in absent {
        let reason = match () {
            () if keyless.contains(name) => KEYLESS,
            () if purge::names(conn, &leaf.id, name)? => PURGED,
            () => MISSING,
        };
        why.insert(name.clone(), reason);
    }
    Ok(why)
}

/// Every part that the leaf names: opened if it is still there, else withheld with the reason that [`gone`] gives.
pub(in crate::app) fn parts_of(event: &StoredEvent, opened: Vec<OpenPart>, gone: &BTreeMap<String, &'static str>) -> Result<Vec<Part>, StoreError> {
    let mut opened: BTreeMap<String, OpenPart> = opened.into_iter().map(|p| (p.name.clone(), p)).collect();
    event
        .leaf
        .parts
        .keys()
        .map(|name| {
            let content = match opened.remove(name) {
                Some(part) => Content::Open { salt: fixed(&part.salt, "log_parts.salt")?, value: part.value },
                None => Content::Withheld(gone.get(name).copied().unwrap_or(MISSING).to_owned()),
            };
            Ok(Part { name: name.clone(), content })
        })
        .collect()
}

fn recipient(row: recipients::RecipientRow, until: Instant) -> Result<Recipient, StoreError> {
    let settled = row.outcome_at.is_some_and(|at| at <= until.0);
    Ok(Recipient {
        salt: fixed(&row.salt, "recipients.salt")?,
        platform_id: row.platform_id,
        message: row.message_id,
        delivery: row.delivery,
        read_state: row.read_state,
        read_at: row.read_at.map(Instant),
        read_source: row.read_source,
        outcome: row.outcome.filter(|_| settled),
        outcome_at: row.outcome_at.filter(|_| settled).map(Instant),
    })
}

/// The case as it stood at the last of `events`.
fn case(row: &RecallRow, broadcast: &BroadcastRow, events: &[StoredEvent], opened: &BTreeMap<String, Vec<OpenPart>>) -> Result<Case, StoreError> {
    let until = events.iter().map(|e| e.leaf.at.0).max().unwrap_or(0);
    let has = |action: &str| events.iter().any(|e| e.leaf.action == action && e.leaf.case.as_deref() == Some(row.id.as_str()));
    let time = |at: Option<i64>| at.filter(|at| *at <= until).map(|at| Instant(at).to_rfc3339());
    let finished = row.finished_at.is_some_and(|at| at <= until);
    let detail = |e: &StoredEvent| -> Option<Value> {
        let part = opened.get(&e.leaf.id)?.iter().find(|p| p.name == "detail")?;
        serde_json::from_slice(&part.value).ok()
    };
    let state = match finished {
        true => row.state.clone(),
        // An earlier size of the log: the last state that an event names.
        false => events
            .iter()
            .rev()
            .filter(|e| e.leaf.case.is_some())
            .find_map(|e| detail(e)?["after"]["state"].as_str().map(ToOwned::to_owned))
            .unwrap_or_else(|| row.state.clone()),
    };
    Ok(Case {
        id: row.id.clone(),
        number: row.number.clone(),
        state,
        mode: row.mode.clone(),
        harm_class: row.harm_class.clone(),
        requester: row.requester_id.clone(),
        broadcast: broadcast.id.clone(),
        broadcast_origin: broadcast.origin.clone(),
        platform: broadcast.platform.clone(),
        channel: broadcast.channel.clone(),
        sent_at: broadcast.sent_at.map(|at| Instant(at).to_rfc3339()),
        sent_at_source: broadcast.sent_at_source.clone(),
        submitted_at: Instant(row.submitted_at).to_rfc3339(),
        approved_at: time(row.approved_at),
        finished_at: time(row.finished_at),
        closed_at: row.closed_at.filter(|_| has("case.closed")).map(|at| Instant(at).to_rfc3339()),
        cut_off: row.cut_off.map(|at| Instant(at).to_rfc3339()),
        message_commitment: hex::encode(&row.commitment),
        recipients: Set { count: u64::try_from(row.recipients_count).unwrap_or(0), root: fixed(&row.recipients_root, "recalls.recipients_root")? },
        policy_id: row.policy_id.clone(),
        policy_version: u64::try_from(row.policy_version).unwrap_or(0),
        tally: row.tally.as_deref().filter(|_| finished && has("recall.finished")).and_then(|t| serde_json::from_str(t).ok()),
    })
}
