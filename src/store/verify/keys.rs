//! The key rows: who signs this log, held against the key files, and who signed before, held against the events that say so.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::Serialize;

use super::{Against, Audit, Kind, Walked, marks::Mark, readable, salvage};
use crate::{
    clock::Instant,
    ledger::{
        checkpoint::{self, Checkpoint, Note, NoteError, Vkey},
        mldsa::MldsaVkey,
        succession,
    },
    store::{
        Conn, StoreError,
        keys::KeyRow,
        schema::{log_keys, log_pending, settings},
        signer::ENVELOPE,
    },
};

/// Keys that sign together, as a row names them.
pub(super) struct Signer {
    pub vkey: Vkey,
    pub mldsa: Option<MldsaVkey>,
    row: KeyRow,
}

/// Who signs and signed: the logs in their order, the present one last, each with its keys in their order.
pub(super) struct Signers {
    logs: Vec<Vec<Signer>>,
    /// The name and key that this log has by its key files.
    pub ours: Vkey,
    /// Events that rows name and that the sequencer has not come to.
    pending: Vec<String>,
}

/// A note that was opened: by which log's keys.
#[derive(Clone)]
pub(super) struct Opened {
    pub checkpoint: Checkpoint,
    pub log: usize,
    /// Places of the keys of that log that signed it, by Ed25519 and by ML-DSA-44.
    pub by: Vec<usize>,
    pub second: Vec<usize>,
}

/// What a report says of a key of this log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportedKey {
    pub vkey: String,
    pub mldsa: Option<String>,
    /// The event that announced it; a log's first key may sign before.
    pub announced: Option<u64>,
    /// The event that ended its time; it signs nothing beyond.
    pub retired: Option<u64>,
}

impl Signers {
    /// Opens a note by the keys of the present log or of one before. Every line by a key that a row names must hold.
    pub(super) fn open(&self, note: &str) -> Result<Opened, NoteError> {
        let mut error = NoteError::NotSigned(self.ours.name().to_owned());
        for (log, keys) in self.logs.iter().enumerate().rev() {
            match open(note, keys) {
                Ok(Some((checkpoint, by, second))) => return Ok(Opened { checkpoint, log, by, second }),
                Ok(None) => {}
                Err(e) => error = e,
            }
        }
        Err(error)
    }

    pub(super) fn present(&self) -> usize {
        self.logs.len().saturating_sub(1)
    }

    pub(super) fn key(&self, log: usize, place: usize) -> Option<&Signer> {
        self.logs.get(log)?.get(place)
    }
}

fn open(note: &str, keys: &[Signer]) -> Result<Option<(Checkpoint, Vec<usize>, Vec<usize>)>, NoteError> {
    let parsed = Note::parse(note)?;
    let (mut opened, mut by, mut second) = (None, Vec::new(), Vec::new());
    for (place, key) in keys.iter().enumerate() {
        match checkpoint::open(note, &key.vkey) {
            Ok(checkpoint) => {
                opened = Some(checkpoint);
                by.push(place);
            }
            Err(NoteError::NotSigned(_)) => {}
            Err(e) => return Err(e),
        }
        match key.mldsa.as_ref().map(|key| key.verify(&parsed)) {
            Some(Ok(_)) => second.push(place),
            None | Some(Err(NoteError::NotSigned(_))) => {}
            Some(Err(e)) => return Err(e),
        }
    }
    Ok(opened.map(|checkpoint| (checkpoint, by, second)))
}

/// Checks the key rows and the settings that name the installation against the key files; answers the keys that this log must have,
/// and those that it had.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, against: &Against) -> Result<Signers, StoreError> {
    let (rows, bad): (Vec<KeyRow>, Vec<i64>) = salvage(
        conn,
        |c| Ok(log_keys::table.order(log_keys::id).load(c)?),
        |c| Ok(log_keys::table.select(log_keys::id).load(c)?),
        |c, id| Ok(log_keys::table.find(id).first(c)?),
    )?;
    let mut setting = |name: &'static str| {
        let found = settings::table.find(name).select(settings::value).load(conn);
        readable(audit, Kind::Key, "settings", found).map(|values: Vec<String>| values.into_iter().next())
    };
    let (origin, installation, proof) = (setting("origin")?, setting("installation")?, setting(ENVELOPE)?);
    let key = audit.keys.log.verifying_key();
    let named = rows.iter().find_map(|row| Vkey::parse(&row.vkey).ok().filter(|v| *v.key() == key));
    let ours = match (named, &origin) {
        (Some(vkey), _) => vkey,
        (None, Some(origin)) => Vkey::new(origin, &key).map_err(|e| StoreError::Corrupt(e.to_string()))?,
        (None, None) => return Err(StoreError::Corrupt("neither settings nor log_keys name the log".to_owned())),
    };
    if origin.as_deref() != Some(ours.name()) {
        audit.problem(Kind::Key, "settings", None, "the log's origin is not the one in its key");
    }
    if installation.as_deref() != ours.name().rsplit('/').next() {
        audit.problem(Kind::Key, "settings", None, "the installation's id is not the one in the log's origin");
    }
    if proof != Some(audit.keys.envelope_proof()) {
        audit.problem(Kind::Key, "settings", None, "the envelope key on disk is not the one that this database was made with");
    }
    for id in bad {
        audit.problem(Kind::Key, "log_keys", u64::try_from(id).ok(), "the row cannot be read");
    }
    if !rows.iter().any(|row| row.id == 1) {
        audit.problem(Kind::Key, "log_keys", Some(1), "the key row is missing");
    }
    let mut logs: Vec<Vec<Signer>> = Vec::new();
    for (at, row) in rows.into_iter().enumerate() {
        let index = u64::try_from(row.id).ok();
        if usize::try_from(row.id) != Ok(at + 1) {
            audit.problem(Kind::Key, "log_keys", index, format!("key row {} is missing", at + 1));
        }
        let mldsa = row.mldsa.as_deref().map(MldsaVkey::parse).transpose();
        match (Vkey::parse(&row.vkey), mldsa) {
            (Ok(vkey), Ok(mldsa)) if mldsa.as_ref().is_none_or(|key| key.name() == vkey.name()) => {
                let signer = Signer { vkey, mldsa, row };
                match logs.last_mut().filter(|log| log[0].vkey.name() == signer.vkey.name()) {
                    Some(log) => log.push(signer),
                    None => logs.push(vec![signer]),
                }
            }
            (Err(e), _) | (_, Err(e)) => audit.problem(Kind::Key, "log_keys", index, format!("{}: {e}", row.vkey)),
            _ => audit.problem(Kind::Key, "log_keys", index, format!("{}: its second key has another name", row.vkey)),
        }
    }
    let pending = log_pending::table.select(log_pending::event_id).load(conn)?;
    let signers = Signers { logs, ours, pending };
    if !against.key_lost {
        files(audit, &signers);
    }
    pinned(audit, &signers, against);
    Ok(signers)
}

/// The key files are those of a row whose time is not over.
fn files(audit: &mut Audit<'_>, signers: &Signers) {
    let present = signers.logs.last().map_or(&[][..], Vec::as_slice);
    let ours = signers.ours.to_string();
    let Some(signer) = present.iter().find(|signer| signer.vkey == signers.ours) else {
        let last = present.last().map_or_else(|| "none".to_owned(), |signer| signer.vkey.to_string());
        return audit.problem(
            Kind::Key,
            "log_keys",
            present.last().and_then(|s| u64::try_from(s.row.id).ok()),
            format!("{last} is not this installation's key {ours}"),
        );
    };
    let index = u64::try_from(signer.row.id).ok();
    if signer.row.retired.is_some() {
        audit.problem(Kind::Key, "log_keys", index, format!("the key file holds {ours}, whose time is over"));
    }
    let mldsa = audit.keys.mldsa.as_ref().and_then(|key| MldsaVkey::of(signers.ours.name(), key).ok());
    match (&signer.mldsa, mldsa) {
        (Some(_), None) => audit.problem(Kind::Key, "log_keys", index, "the file of its ML-DSA key is missing"),
        (Some(named), Some(ours)) if *named != ours => audit.problem(Kind::Key, "log_keys", index, "its ML-DSA key is not the one in the key file"),
        _ => {}
    }
}

/// Keys known from elsewhere are keys of this log; whether a later one is rightly its successor is seen from the events.
fn pinned(audit: &mut Audit<'_>, signers: &Signers, against: &Against) {
    let present = signers.logs.last().map_or(&[][..], Vec::as_slice);
    let ours = &signers.ours;
    for pinned in against.vkeys.iter().filter(|pinned| !present.iter().any(|signer| signer.vkey == **pinned)) {
        audit.problem(Kind::Key, "log_keys", None, format!("the log is signed by {ours}, not by the pinned {pinned}"));
    }
    for pinned in against.mldsa.iter().filter(|pinned| !present.iter().any(|signer| signer.mldsa.as_ref() == Some(*pinned))) {
        audit.problem(Kind::Key, "log_keys", None, format!("no key of this log is the pinned {pinned}"));
    }
}

/// Each former log is one that an event says was renewed, and the other way round; each key is one that an event announced.
pub(super) fn settle(audit: &mut Audit<'_>, signers: &Signers, marks: &[Mark], walked: &Walked) {
    let former = signers.present();
    for (at, log) in signers.logs.iter().take(former).enumerate() {
        let name = &log[0].vkey;
        if walked.renewals.get(at).is_none_or(|(_, log)| name.name().rsplit('/').next() != Some(log)) {
            let index = u64::try_from(log[0].row.id).ok();
            audit.problem(Kind::Key, "log_keys", index, format!("{name} is not the key of a log that this one was renewed from"));
        }
    }
    for (index, log) in walked.renewals.iter().skip(former) {
        audit.problem(Kind::Key, "log_keys", None, format!("the key of the log {log}, which event {index} renewed, is missing"));
    }
    let mut unnamed: BTreeMap<u64, &Told> = walked.keys.iter().map(|told| (told.index, told)).collect();
    for (at, keys) in signers.logs.iter().enumerate() {
        for (place, signer) in keys.iter().enumerate() {
            let announced = event(audit, signers, walked, signer, signer.row.announced.as_deref(), succession::ANNOUNCED);
            let retired = event(audit, signers, walked, signer, signer.row.retired.as_deref(), succession::RETIRED);
            let stolen = event(audit, signers, walked, signer, signer.row.stolen.as_deref(), succession::STOLEN);
            unnamed.retain(|index, _| ![announced, retired, stolen].contains(&Some(*index)));
            if at == former {
                let (vkey, mldsa) = (signer.vkey.to_string(), signer.mldsa.as_ref().map(ToString::to_string));
                audit.report.keys.push(ReportedKey { vkey, mldsa, announced, retired });
            }
            let index = u64::try_from(signer.row.id).ok();
            if place > 0 && signer.row.announced.is_none() {
                audit.problem(Kind::Key, "log_keys", index, format!("{} follows another key and no event announced it", signer.vkey));
            }
            let signed =
                |place: usize, beyond: u64| marks.iter().any(|m| m.opened.log == at && m.opened.by.contains(&place) && m.checkpoint().size > beyond);
            let beyond = announced.filter(|beyond| place > 0 && marks.iter().any(|m| m.opened.log == at && m.checkpoint().size > *beyond));
            if beyond.is_some_and(|beyond| !signed(place - 1, beyond)) {
                audit.problem(Kind::Key, "log_keys", index, format!("that {} follows was never signed by the key before it", signer.vkey));
            }
            times(audit, marks, (at, place), (announced, retired));
            let follows = keys.get(place + 1).map(|next| walked.keys.iter().find(|told| Some(&told.id) == next.row.announced.as_ref()));
            let until = follows.map(|told| told.and_then(|told| told.until.clone()));
            let fits = match (until, signer.row.ends_at) {
                (None, ends_at) => ends_at.is_none(),
                (Some(_), None) => false,
                (Some(until), Some(ends_at)) => until.is_none_or(|until| until == Instant(ends_at).to_rfc3339()),
            };
            if !fits {
                audit.problem(Kind::Key, "log_keys", index, "when its time ends is not what the event says that announced its successor");
            }
        }
    }
    for told in unnamed.values() {
        audit.problem(Kind::Key, "log_keys", None, format!("event {} ({}) is about a key that no row names", told.index, told.action));
    }
}

/// A key signs from its announcement on, and not after it was retired; with its second key, once that is announced.
fn times(audit: &mut Audit<'_>, marks: &[Mark], (log, place): (usize, usize), (announced, retired): (Option<u64>, Option<u64>)) {
    for mark in marks.iter().filter(|m| m.opened.log == log && m.opened.by.contains(&place)) {
        let size = mark.checkpoint().size;
        if retired.is_some_and(|end| size > end) {
            audit.problem(mark.kind, mark.table, Some(size), "it is signed by a key whose time was over");
        }
        if place > 0 && announced.is_some_and(|begin| size <= begin) {
            audit.problem(mark.kind, mark.table, Some(size), "it is signed by a key that was not announced yet");
        }
        // What others keep may have lost lines on its way.
        if mark.ours && announced.is_some_and(|begin| size > begin) && !mark.opened.second.contains(&place) {
            audit.problem(mark.kind, mark.table, Some(size), "its ML-DSA-44 signature is missing");
        }
    }
}

/// An event about keys, as the walk met it.
pub(super) struct Told {
    pub index: u64,
    pub id: String,
    pub action: String,
    pub subject: String,
    /// Until when, as its detail says, the keys before those that it announces sign beside them; none where that is purged.
    pub until: Option<String>,
}

/// The index of the event that a row names, which must be about its keys; none while the sequencer has not come to it.
fn event(audit: &mut Audit<'_>, signers: &Signers, walked: &Walked, signer: &Signer, named: Option<&str>, action: &str) -> Option<u64> {
    let named = named?;
    let due = succession::id(&signer.row.vkey, signer.row.mldsa.as_deref());
    let found = walked.keys.iter().find(|told| told.id == named && told.action == action && told.subject == due);
    if found.is_none() && !signers.pending.iter().any(|id| id == named) {
        audit.problem(
            Kind::Key,
            "log_keys",
            u64::try_from(signer.row.id).ok(),
            format!("{}: the event {named} in the log does not say {action} of it", signer.vkey),
        );
    }
    found.map(|told| told.index)
}
