//! One event as anybody could check it: leaf, parts with their commitments, what changed, the way up to a signed checkpoint.

use serde_json::{Value, json};

use super::{App, AppError, AppResult, Caller, CaseEvent, Standing, part_json};
use crate::{
    app::{
        evidence::{KEYLESS, gone, parts_of},
        retention,
    },
    clock::Instant,
    domain::{
        event::{Action, CONTENT_PARTS, Subject},
        kept::EventClass,
        retention::Facts,
        role::Permission,
        stream::{CONTENT, MISSING, PURGED},
    },
    evidence::collected::Content,
    ledger::{
        checkpoint::{self, Checkpoint},
        commitment::commit,
        tree::{Hash, Prover, leaf_hash, node_hash},
    },
    store::{
        StoreError, bundles, holds,
        reader::{self, StoredEvent, TileReader},
    },
};

/// A part of the event.
#[derive(Clone, Debug, PartialEq)]
pub struct PartShown {
    pub name: String,
    /// The part's value; `None` where it has been purged or is not for this person.
    pub value: Option<Value>,
    /// It is there, and cannot be opened: a restore did not find its key.
    pub unopened: bool,
    /// It is not there, and no purge says that it was erased.
    pub missing: bool,
    /// It repeats contents that this person may not read.
    pub masked: bool,
    pub commitment: Hash,
    /// Whether salt and value open the commitment; `None` without them.
    pub holds: Option<bool>,
}

impl PartShown {
    /// Why its value is not told, as lists of events say it; nothing where it is.
    fn withheld(&self) -> Option<&'static str> {
        match () {
            () if self.masked => Some(CONTENT),
            () if self.holds.is_some() => None,
            () if self.unopened => Some(KEYLESS),
            () if self.missing => Some(MISSING),
            () => Some(PURGED),
        }
    }
}

/// One field that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub field: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// One step of the proof: the running hash joined with a sibling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Whether the sibling stands on the left.
    pub left: bool,
    pub sibling: Hash,
    /// The leaves under the sibling, last one included.
    pub first: u64,
    pub last: u64,
    pub hash: Hash,
}

/// Everything on the page of an event.
#[derive(Clone, Debug)]
pub struct Shown {
    pub event: StoredEvent,
    pub leaf_hash: Hash,
    pub case_number: Option<String>,
    /// Name at that time; empty for jobs and where it has been purged.
    pub name: String,
    pub parts: Vec<PartShown>,
    pub changes: Vec<Changed>,
    pub proof: Vec<Joined>,
    pub checkpoint: Checkpoint,
    /// The signed note of the checkpoint.
    pub note: String,
    /// Whether the proof leads to the signed root.
    pub included: bool,
    /// Its class of retention, and until when its parts are kept at least.
    pub class: EventClass,
    pub kept_until: Instant,
    /// Whether a legal hold keeps them longer.
    pub held: bool,
    pub standing: Standing,
}

impl Shown {
    /// Whether everything that is there fits: the leaf is under the signed root, its parts open its commitments, and none is gone unsaid.
    pub fn holds(&self) -> bool {
        self.included && self.parts.iter().all(|part| part.holds != Some(false) && !part.missing)
    }

    /// As programs get it: as in a list, and how it is proven and kept.
    pub fn to_json(&self) -> Value {
        let parts = self.parts.iter().map(|part| (part.name.clone(), part.value.clone().unwrap_or_default())).collect();
        let withheld = self.parts.iter().filter_map(|part| Some((part.name.clone(), part.withheld()?))).collect();
        let mut told = CaseEvent { event: self.event.clone(), leaf_hash: self.leaf_hash, parts, withheld }.to_json();
        told["case_number"] = json!(self.case_number);
        told["holds"] = json!(self.holds());
        told["class"] = json!(self.class);
        told["kept_until"] = json!(self.kept_until.to_rfc3339());
        told["held"] = json!(self.held);
        told["proof"] = json!({
            "size": self.checkpoint.size, "root": hex::encode(self.checkpoint.root), "included": self.included,
            "hashes": self.proof.iter().map(|joined| hex::encode(joined.sibling)).collect::<Vec<_>>(), "checkpoint": self.note,
        });
        told
    }
}

/// Loads the event at `index`, and proves it under the newest checkpoint, which is signed now if none covers it. Leaves `audit.read`.
pub async fn show(app: &App, caller: &Caller, index: u64) -> AppResult<Shown> {
    let about = Subject::new("event", index.to_string());
    app.require(caller, Permission::AuditRead, Action::AuditRead, about.clone()).await?;
    let store = app.store.clone();
    let found = app
        .store
        .read(move |conn| {
            let event = match reader::event(conn, index) {
                Err(StoreError::NotFound) => return Ok(None),
                other => other?,
            };
            let parts = reader::parts_of(conn, store.keys(), &event.leaf.id)?;
            let gone = gone(conn, &event, &parts, None)?;
            let number = match &event.leaf.case {
                Some(case) => bundles::case_numbers(conn, vec![case.clone()])?.remove(case),
                None => None,
            };
            let leaf = &event.leaf;
            let facts = Facts {
                at: leaf.at,
                action: &leaf.action,
                actor: &leaf.actor.id,
                subject: (&leaf.subject.kind, &leaf.subject.id),
                case: leaf.case.as_deref(),
            };
            let place = i64::try_from(event.index).unwrap_or(i64::MAX);
            let held = !holds::keeping(conn)?.covered(conn, &[(place, facts)])?.is_empty();
            Ok(Some((event, (parts, gone), number, reader::last_checkpoint(conn)?, held)))
        })
        .await?;
    let Some((event, (parts, gone), case_number, note, held)) = found else {
        return Err(app.refuse(caller, Action::AuditRead, about, None, AppError::NotFound).await);
    };
    let mut read = caller.event(Action::AuditRead, Subject::new("event", event.leaf.id.clone())).detail(json!({ "index": index }));
    if let Some(case) = &event.leaf.case {
        read = read.case(case);
    }
    app.record_of(caller, read).await?;
    let vkey = app.store.vkey()?;
    let open = |note: &str| checkpoint::open(note, &vkey).map_err(|e| StoreError::Corrupt(format!("a checkpoint of ours: {e}")));
    let kept = note.map(|note| Ok::<_, StoreError>((open(&note)?, note))).transpose()?;
    let (checkpoint, note) = match kept.filter(|(checkpoint, _)| checkpoint.size > index) {
        Some(kept) => kept,
        None => {
            let note = app.store.checkpoint().await?;
            (open(&note)?, note)
        }
    };
    let size = checkpoint.size;
    let siblings = app
        .store
        .read(move |conn| Prover::new(&TileReader::new(conn), size).inclusion(index).map_err(|e| StoreError::Corrupt(format!("the tree: {e}"))))
        .await?;
    let leaf_hash = leaf_hash(&event.bytes);
    let proof = joins(index, size, leaf_hash, &siblings);
    let included = proof.last().map_or(leaf_hash, |j| j.hash) == checkpoint.root;
    let (detail, name) = (part_json(&parts, "detail"), part_json(&parts, "actor")["name"].as_str().unwrap_or_default().to_owned());
    let reads_content = caller.may(Permission::ContentRead);
    let parts = parts_of(&event, parts, &gone)?
        .into_iter()
        .map(|part| {
            let masked = !reads_content && CONTENT_PARTS.contains(&part.name.as_str());
            let commitment = event.leaf.parts.get(&part.name).copied().unwrap_or_default();
            let (value, holds) = match part.content {
                Content::Open { salt, value } => (serde_json::from_slice(&value).ok(), Some(commit(&salt, &value) == commitment)),
                Content::Withheld(_) => (None, None),
            };
            let why = gone.get(&part.name).copied();
            let (unopened, missing) = (why == Some(KEYLESS), why == Some(MISSING));
            PartShown { name: part.name, unopened, missing, value: value.filter(|_| !masked), masked: masked && holds.is_some(), commitment, holds }
        })
        .collect();
    let class = EventClass::of_stored(&event.leaf.action);
    let kept_until = retention::kept_until(app, class, event.leaf.at);
    let standing = super::stands(app).await?;
    Ok(Shown {
        leaf_hash,
        case_number,
        name,
        parts,
        changes: changes(&detail),
        proof,
        checkpoint,
        note,
        included,
        class,
        kept_until,
        held,
        standing,
        event,
    })
}

/// The siblings of leaf `index` in a log of `size`, each with the leaves under it and the hash after joining.
fn joins(index: u64, size: u64, leaf: Hash, siblings: &[Hash]) -> Vec<Joined> {
    let (mut start, mut end) = (0, size);
    let mut spans = Vec::new();
    while end - start > 1 {
        // The largest power of two below the number of leaves (RFC 6962 §2.1).
        let middle = start + (1 << (63 - (end - start - 1).leading_zeros()));
        if index < middle {
            spans.push((false, middle, end - 1));
            end = middle;
        } else {
            spans.push((true, start, middle - 1));
            start = middle;
        }
    }
    let mut hash = leaf;
    spans
        .into_iter()
        .rev()
        .zip(siblings)
        .map(|((left, first, last), sibling)| {
            hash = if left { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) };
            Joined { left, sibling: *sibling, first, last, hash }
        })
        .collect()
}

/// The fields in which `before` and `after` differ.
fn changes(detail: &Value) -> Vec<Changed> {
    let empty = serde_json::Map::new();
    let (before, after) = (detail["before"].as_object().unwrap_or(&empty), detail["after"].as_object().unwrap_or(&empty));
    let fields: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let said = |value: Option<&Value>| match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    fields
        .into_iter()
        .map(|field| Changed { field: field.clone(), before: said(before.get(field)), after: said(after.get(field)) })
        .filter(|c| c.before != c.after)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tree::{Memory, inclusion, root};

    #[test]
    fn the_drawn_path_leads_to_the_root_and_its_spans_cover_the_log() {
        for size in [1u64, 2, 3, 7, 8, 70] {
            let log: Memory = (0..size).map(|i| leaf_hash(&i.to_be_bytes())).collect();
            for index in 0..size {
                let joined = joins(index, size, leaf_hash(&index.to_be_bytes()), &inclusion(&log, index, size).unwrap());
                assert_eq!(joined.last().map_or(leaf_hash(&index.to_be_bytes()), |j| j.hash), root(&log, size).unwrap());
                assert_eq!(1 + joined.iter().map(|j| j.last - j.first + 1).sum::<u64>(), size);
                assert!(joined.iter().all(|j| if j.left { j.last < index } else { j.first > index }));
            }
        }
    }

    #[test]
    fn only_what_differs_is_a_change() {
        let detail = json!({ "before": { "state": "reviewing", "round": 1, "x": null }, "after": { "state": "approved", "round": 1, "y": [2] } });
        let changed: Vec<_> = changes(&detail).into_iter().map(|c| (c.field, c.before, c.after)).collect();
        assert_eq!(changed, [("state".into(), Some("reviewing".into()), Some("approved".into())), ("y".into(), None, Some("[2]".into()))]);
    }
}
