//! The key rows: who signs this log, held against the key files, and who signed the logs that it was renewed from, held against its events.

use diesel::prelude::*;

use super::{Against, Audit, Kind, marks::Signers, readable, salvage};
use crate::{
    ledger::checkpoint::Vkey,
    store::{
        Conn, StoreError,
        schema::{log_keys, settings},
        signer::ENVELOPE,
    },
};

/// Checks the key row and the settings that name the installation against the key files; answers the key that this log must have,
/// and those that it had.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, against: &Against) -> Result<Signers, StoreError> {
    let (rows, bad): (Vec<(i64, String)>, Vec<i64>) = salvage(
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
    let named = rows.iter().find_map(|(_, vkey)| Vkey::parse(vkey).ok().filter(|v| *v.key() == key));
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
    if !rows.iter().any(|(id, _)| *id == 1) {
        audit.problem(Kind::Key, "log_keys", Some(1), "the key row is missing");
    }
    let mut former = Vec::new();
    for (at, (id, vkey)) in rows.iter().enumerate() {
        let index = u64::try_from(*id).ok();
        if usize::try_from(*id) != Ok(at + 1) {
            audit.problem(Kind::Key, "log_keys", index, format!("key row {} is missing", at + 1));
        }
        match Vkey::parse(vkey) {
            Ok(vkey) if at + 1 < rows.len() => former.push(vkey),
            Ok(vkey) if vkey == ours => {}
            _ => audit.problem(Kind::Key, "log_keys", index, format!("{vkey} is not this installation's key {ours}")),
        }
    }
    if let Some(pinned) = &against.vkey
        && *pinned != ours
    {
        audit.problem(Kind::Key, "log_keys", None, format!("the log is signed by {ours}, not by the pinned {pinned}"));
    }
    Ok(Signers { ours, former })
}

/// Each former key is that of a log that an event says was renewed, and the other way round.
pub(super) fn settle(audit: &mut Audit<'_>, signers: &Signers, renewals: &[(u64, String)]) {
    for (at, vkey) in signers.former.iter().enumerate() {
        if renewals.get(at).is_none_or(|(_, log)| vkey.name().rsplit('/').next() != Some(log)) {
            audit.problem(
                Kind::Key,
                "log_keys",
                u64::try_from(at + 1).ok(),
                format!("{vkey} is not the key of a log that this one was renewed from"),
            );
        }
    }
    for (index, log) in renewals.iter().skip(signers.former.len()) {
        audit.problem(Kind::Key, "log_keys", None, format!("the key of the log {log}, which event {index} renewed, is missing"));
    }
}
