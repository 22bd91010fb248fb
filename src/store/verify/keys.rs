//! The key rows: who signs this log, held against the key files.

use diesel::prelude::*;

use super::{Against, Audit, Kind, readable, salvage};
use crate::{
    ledger::checkpoint::Vkey,
    store::{
        Conn, StoreError,
        schema::{log_keys, settings},
        signer::ENVELOPE,
    },
};

/// Checks the key row and the settings that name the installation against the key files; answers the key that this log must have.
pub(super) fn check(conn: &mut Conn, audit: &mut Audit<'_>, against: &Against) -> Result<Vkey, StoreError> {
    let (rows, bad): (Vec<(i64, String)>, Vec<i64>) = salvage(
        conn,
        |c| Ok(log_keys::table.load(c)?),
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
    for (id, vkey) in &rows {
        if *id != 1 || *vkey != ours.to_string() {
            audit.problem(Kind::Key, "log_keys", u64::try_from(*id).ok(), format!("{vkey} is not this installation's key {ours}"));
        }
    }
    if let Some(pinned) = &against.vkey
        && *pinned != ours
    {
        audit.problem(Kind::Key, "log_keys", None, format!("the log is signed by {ours}, not by the pinned {pinned}"));
    }
    Ok(ours)
}
