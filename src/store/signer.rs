//! The log's beginning and its signatures: never over a head that does not extend the last one signed.
//!
//! The last checkpoint signed is kept in the database and, as `<data>/log/checkpoint`, outside it: a database that was restored or failed
//! over to an older state is found out by the copy, and signs nothing. The copy is there before the first event; so a
//! copy that is missing was taken away, and nothing is signed either until [`accept`] has put one in its place.
//!
//! A restored database that is known to lie behind, or of which nobody can say whether it does, says so itself ([`BEHIND`]): it is read
//! and not written.

use std::{fs, path::Path};

use diesel::prelude::*;

use super::{
    Conn, Database, Options, Store, StoreError, Tx, conn,
    head_mac::{self, HeadMac},
    keys,
    log::{self, TileReader},
    migrate, reader,
    schema::{log_checkpoints, log_head, log_keys, settings},
};
use crate::{
    clock::Instant,
    crypto::{
        keyring::{Keyring, LogKeys},
        private,
    },
    domain::event::{Action, Event, Subject},
    id,
    ledger::{
        checkpoint::{Checkpoint, Note},
        tree::{self, EMPTY_ROOT, Frontier, Hash},
    },
};

/// The setting that remembers the envelope key.
pub(super) const ENVELOPE: &str = "envelope";

/// The setting of a restored database that must not go on: the newest checkpoint known outside it, a note.
const BEHIND: &str = "behind";

/// The checkpoint behind which this database is known to lie.
pub(super) fn behind(conn: &mut Conn) -> Result<Option<String>, StoreError> {
    Ok(settings::table.find(BEHIND).select(settings::value).first(conn).optional()?)
}

/// Whether this database has no installation yet.
pub(super) fn is_fresh(conn: &mut Conn) -> Result<bool, StoreError> {
    Ok(log_head::table.count().get_result::<i64>(conn)? == 0)
}

/// Whether a database has an installation already.
///
/// # Errors
/// A database that cannot be reached, or was never migrated.
pub fn is_begun(database: &Database) -> Result<bool, StoreError> {
    Ok(!is_fresh(&mut conn::open(database, conn::Purpose::Write)?)?)
}

/// The name that settings give the installation; made on first use together with head and key row. Answers the log's origin.
///
/// # Errors
/// [`StoreError::Fork`] if the key on disk is not the one that the database names, the copy outside is ahead of the database, or the head
/// was moved past this program.
pub(super) fn start(conn: &mut Conn, keys: &Keyring, options: &Options) -> Result<String, StoreError> {
    if is_fresh(conn)? {
        if copy_path(&options.data).exists() {
            return Err(StoreError::Fork(format!(
                "{} keeps the checkpoint of a log, but the database is empty; put the database back, or begin anew in another folder",
                copy_path(&options.data).display()
            )));
        }
        create(conn, keys, options)?;
    }
    let origin = names(conn, keys)?;
    // Before the first event: from then on there is a copy, or somebody has taken it away.
    if log::head(conn)?.size == 0 && !copy_path(&options.data).exists() {
        let nothing = Checkpoint { origin: origin.clone(), size: 0, root: EMPTY_ROOT };
        let note = keys::sign(conn, &nothing, keys, options.clock.now())?;
        keep_copy(&options.data, &note)?;
    }
    check_copy(conn, &options.data, &origin)?;
    head_mac::begin(conn, keys, &origin, &options.data, options.clock.now())?;
    Ok(origin)
}

/// The log's origin, if the key files are those of this database.
///
/// # Errors
/// [`StoreError::Fork`] names the file that is another's.
pub(super) fn names(conn: &mut Conn, keys: &Keyring) -> Result<String, StoreError> {
    let origin: String = settings::table.find("origin").select(settings::value).first(conn)?;
    keys::check(conn, &origin, keys)?;
    sealed_by(conn, keys)
}

/// The log's origin, if the envelope key is that of this database, whoever signs its log.
///
/// # Errors
/// [`StoreError::Fork`].
pub(super) fn sealed_by(conn: &mut Conn, keys: &Keyring) -> Result<String, StoreError> {
    let origin: String = settings::table.find("origin").select(settings::value).first(conn)?;
    let proof: Option<String> = settings::table.find(ENVELOPE).select(settings::value).first(conn).optional()?;
    if proof != Some(keys.envelope_proof()) {
        return Err(StoreError::Fork(
            "the envelope key is not the one that this database was made with; put the installation's own key file back".to_owned(),
        ));
    }
    Ok(origin)
}

fn create(conn: &mut Conn, keys: &Keyring, options: &Options) -> Result<(), StoreError> {
    use diesel::Connection;
    let installation = id::fresh();
    let origin = format!("{}/countermand/{installation}", options.host);
    let (vkey, mldsa) = keys::named(&origin, &LogKeys { log: keys.log.clone(), mldsa: keys.mldsa.clone() })?;
    let (vkey, mldsa, proof) = (vkey.to_string(), mldsa.map(|key| key.to_string()), keys.envelope_proof());
    let empty =
        log::Head { id: 1, size: 0, root: EMPTY_ROOT.to_vec(), frontier: Frontier::new().to_bytes(), last_at: 0, checkpoint_seq: 0, mac: None };
    let head = log::Head { mac: Some(HeadMac::new(keys, &origin).make(&empty)), ..empty };
    let made = conn.transaction::<_, diesel::result::Error, _>(|conn| {
        diesel::insert_into(log_head::table).values(&head).execute(conn)?;
        diesel::insert_into(log_keys::table).values((log_keys::id.eq(1), log_keys::vkey.eq(&vkey), log_keys::mldsa.eq(&mldsa))).execute(conn)?;
        diesel::insert_into(settings::table).values((settings::name.eq("origin"), settings::value.eq(&origin))).execute(conn)?;
        diesel::insert_into(settings::table).values((settings::name.eq(ENVELOPE), settings::value.eq(&proof))).execute(conn)?;
        diesel::insert_into(settings::table).values((settings::name.eq("installation"), settings::value.eq(&installation))).execute(conn)?;
        Ok(())
    });
    match made.map_err(StoreError::from) {
        // Another process was first; its installation stands.
        Err(StoreError::Unique(_)) => Ok(()),
        other => other,
    }
}

/// The event that every log begins with: which key signs it. Appended by [`Store::announce`] if the log is empty.
fn started(origin: &str, vkey: &str) -> Event {
    Event::system(Action::LogStarted, Subject::new("log", origin.rsplit('/').next().unwrap_or(origin)))
        .detail(serde_json::json!({ "origin": origin, "vkey": vkey }))
}

fn copy_path(data: &Path) -> std::path::PathBuf {
    data.join("log/checkpoint")
}

/// The copy of the last checkpoint outside the database, if it is there.
pub fn copy(data: &Path) -> Result<Option<String>, StoreError> {
    match fs::read_to_string(copy_path(data)) {
        Ok(note) => Ok(Some(note)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::Unavailable(format!("{}: {e}", copy_path(data).display()))),
    }
}

/// The copy outside must be there, and be a beginning of the log in the database.
pub(super) fn check_copy(conn: &mut Conn, data: &Path, origin: &str) -> Result<(), StoreError> {
    let note = copy(data)?.ok_or_else(|| {
        StoreError::Fork(format!(
            "{} is missing, the copy of the last checkpoint signed; put it back, or the newest checkpoint that a mirror, an auditor or \
             another node has, with `ledger accept --against FILE`",
            copy_path(data).display()
        ))
    })?;
    let kept =
        keys::open(conn, origin, &note).map_err(|e| StoreError::Fork(format!("the copy of the last checkpoint is not signed by this log: {e}")))?;
    extends(conn, &kept)
}

/// Whether the log in the database begins with the log that `kept` names.
///
/// # Errors
/// [`StoreError::Fork`] says how it does not.
pub fn extends(conn: &mut Conn, kept: &Checkpoint) -> Result<(), StoreError> {
    let head = log::head(conn)?;
    if kept.size == 0 {
        return Ok(());
    }
    if head.size() < kept.size {
        return Err(StoreError::Fork(format!(
            "a checkpoint over {} events was signed, but the database holds only {}; it was restored or rolled back",
            kept.size,
            head.size()
        )));
    }
    // A proof, not the root at the old size: that one is read from other tiles, and would not notice a change in those above it.
    let reader = TileReader::new(conn);
    let proven = tree::root(&reader, head.size()).and_then(|root| Ok((root, tree::consistency(&reader, kept.size, head.size())?)));
    let (root, proof) = proven.map_err(|e| StoreError::Fork(format!("the tree cannot be read: {e}")))?;
    if tree::verify_consistency(kept.size, &kept.root, head.size(), &root, &proof) {
        Ok(())
    } else {
        Err(StoreError::Fork(format!("the first {} events are not those that were signed", kept.size)))
    }
}

impl Store {
    /// Appends the log's first events if there are none.
    pub fn announce(&self) -> Result<(), StoreError> {
        if self.read_now(log::head)?.size > 0 {
            return self.announce_first();
        }
        let (origin, vkey) = (self.origin().to_owned(), self.vkey()?.to_string());
        self.write_now(move |tx| {
            if log::head(tx.conn)?.size == 0 {
                tx.append(started(&origin, &vkey))?;
            }
            Ok(())
        })?;
        self.announce_first()
    }

    /// Holds the log against a checkpoint of it that somebody else has kept. One that it extends takes the place of the copy outside, if it is
    /// over more events; so does one that it contradicts, whatever its size, and from then on nothing is signed. With `vouched` somebody who
    /// checks signatures has seen it: where no key that the database names has signed it, but it is over more events than the database holds,
    /// the key was announced in what is gone.
    ///
    /// # Errors
    /// [`StoreError::Fork`] if the log does not extend it; [`StoreError::NotFound`] if it is none of this log's; if the copy cannot be written.
    pub fn learn(&self, note: &str, vouched: bool) -> Result<(), StoreError> {
        let origin = self.origin();
        let (opened, head) = self.read_now(|conn| Ok((keys::open(conn, origin, note), log::head(conn)?.size())))?;
        let kept = match opened {
            Err(StoreError::Fork(_)) => {
                let said = Note::parse(note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
                said.filter(|said| vouched && said.origin == origin && said.size > head).ok_or(StoreError::NotFound)?
            }
            opened => opened?,
        };
        // What others have signed beneath it is theirs to vouch for.
        let own: String = note.lines().filter(|line| line.starts_with(&format!("\u{2014} {origin} "))).map(|line| format!("{line}\n")).collect();
        let note = format!("{}\n{own}", kept.text());
        match self.read_now(|conn| extends(conn, &kept)) {
            Ok(()) => keep_copy(self.data(), &note),
            Err(fork @ StoreError::Fork(_)) => {
                let path = copy_path(self.data());
                private::replace(&path, note.as_bytes()).map_err(|e| StoreError::Unavailable(format!("{}: {e}", path.display())))?;
                Err(fork)
            }
            Err(e) => Err(e),
        }
    }

    /// Whether the log extends the copy outside.
    ///
    /// # Errors
    /// [`StoreError::Fork`] if it does not.
    pub fn check_outside(&self) -> Result<(), StoreError> {
        self.read_now(|conn| check_copy(conn, self.data(), self.origin()))
    }

    /// Signs the present head, unless it is signed already; answers the note. Waits for nothing: pending events are not in the head.
    ///
    /// # Errors
    /// [`StoreError::Fork`] if the head does not extend the last one signed, in the database or in the copy outside, or was moved past this
    /// program.
    pub async fn checkpoint(&self) -> Result<String, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.checkpoint_now()).await.map_err(|_| StoreError::Panicked)?
    }

    /// [`Store::checkpoint`] for threads that may block.
    pub fn checkpoint_now(&self) -> Result<String, StoreError> {
        let (origin, data) = (self.origin().to_owned(), self.data().to_owned());
        // Another process, or another node, may have ended the time of the keys that were here.
        self.read_now(|conn| keys::settle(conn, &data))?;
        // Auditors who read on a full disk want what they read proven: a signature may use the reserve.
        let note = self.attempt_now(true, move |tx| sign(tx, &origin, &data))?.value;
        keep_copy(self.data(), &note)?;
        Ok(note)
    }

    /// A checkpoint over the present head; the last one signed where nothing may be signed any more.
    pub fn newest_note(&self) -> Result<String, StoreError> {
        match self.behind() {
            None => self.checkpoint_now(),
            Some(_) => self.read_now(reader::last_checkpoint)?.ok_or(StoreError::NotFound),
        }
    }
}

/// Puts a checkpoint that was kept elsewhere into the place of the copy that was lost. It must be the newest that anybody has: the log in
/// the database is held against it and not against what has been lost with the copy.
///
/// # Errors
/// [`StoreError::Fork`]: the copy is there; the checkpoint is another log's, or older than the last one in the database, so that it tells
/// nothing new; the database lies behind it or is different.
pub fn accept(database: &Database, data: &Path, note: &str) -> Result<Checkpoint, StoreError> {
    let keys = Keyring::open(data, false).map_err(|e| StoreError::Unavailable(e.to_string()))?;
    let mut conn = conn::open(database, conn::Purpose::Write)?;
    migrate::known(&mut conn)?;
    let origin = names(&mut conn, &keys)?;
    if copy(data)?.is_some() {
        return Err(StoreError::Fork(format!("{} is there; nothing has to be accepted in its place", copy_path(data).display())));
    }
    let newest = reader::last_checkpoint(&mut conn)?;
    let mut open = |note: &str| keys::open(&mut conn, &origin, note).map_err(|e| StoreError::Fork(format!("not a checkpoint of this log: {e}")));
    let given = open(note)?;
    let last = newest.map(|note| open(&note)).transpose()?;
    if let Some(last) = last.filter(|last| last.size > given.size) {
        return Err(StoreError::Fork(format!(
            "it is over {} events and older than the last one in the database, over {}; only one at least as new can show that the database \
             was not put back",
            given.size, last.size
        )));
    }
    extends(&mut conn, &given)?;
    keep_copy(data, note)?;
    Ok(given)
}

/// Marks a restored database as one that must not go on; `newest` is the newest checkpoint known outside it.
pub fn hold(conn: &mut Conn, newest: &str) -> Result<(), StoreError> {
    diesel::insert_into(settings::table).values((settings::name.eq(BEHIND), settings::value.eq(newest))).execute(conn)?;
    Ok(())
}

/// Takes the mark away.
pub(super) fn release(conn: &mut Conn) -> Result<(), StoreError> {
    diesel::delete(settings::table.find(BEHIND)).execute(conn)?;
    Ok(())
}

fn sign(tx: &mut Tx<'_>, origin: &str, data: &Path) -> Result<String, StoreError> {
    let now = tx.now();
    let conn = &mut *tx.conn;
    if let Conn::Postgres(conn) = conn {
        // The sequencer moves the head at every batch and would always be faster. As the first statement the lock comes before the
        // transaction's snapshot (PostgreSQL, LOCK), so that the head is read as the sequencer left it.
        diesel::sql_query("LOCK TABLE log_head IN SHARE ROW EXCLUSIVE MODE").execute(conn)?;
    }
    let head = log::head(conn)?;
    let last: Option<(i64, String)> =
        log_checkpoints::table.order(log_checkpoints::seq.desc()).select((log_checkpoints::seq, log_checkpoints::note)).first(conn).optional()?;
    if last.as_ref().map_or(0, |l| l.0) != head.checkpoint_seq {
        return Err(StoreError::Fork("checkpoints are missing from the database".to_owned()));
    }
    if let Some((_, note)) = &last {
        let signed = keys::open(conn, origin, note).map_err(|e| StoreError::Fork(format!("the last checkpoint does not verify: {e}")))?;
        extends(conn, &signed)?;
        tx.scope.head.check(&head)?;
        if signed.size == head.size() {
            return Ok(note.clone());
        }
    }
    check_copy(conn, data, origin)?;
    tx.scope.head.check(&head)?;
    // Read each time: they change while a process runs.
    let keys = Keyring::open(data, false).map_err(|e| StoreError::Unavailable(e.to_string()))?;
    put(conn, origin, &keys, now)
}

/// Signs the head, whose MAC the caller has checked, and keeps the note as the next checkpoint.
pub(super) fn put(conn: &mut Conn, origin: &str, keys: &Keyring, now: Instant) -> Result<String, StoreError> {
    let head = log::head(conn)?;
    // The head row itself may have been changed: what is signed is what the tiles say.
    let root: Hash = tree::root(&TileReader::new(conn), head.size()).map_err(|e| StoreError::Fork(format!("the tree cannot be read: {e}")))?;
    if root.as_slice() != head.root {
        return Err(StoreError::Fork("the stored root is not the root of the stored tiles".to_owned()));
    }
    let note = keys::sign(conn, &Checkpoint { origin: origin.to_owned(), size: head.size(), root }, keys, now)?;
    let seq = head.checkpoint_seq.saturating_add(1);
    diesel::insert_into(log_checkpoints::table)
        .values((log_checkpoints::seq.eq(seq), log_checkpoints::size.eq(head.size), log_checkpoints::note.eq(&note)))
        .execute(conn)?;
    let mac = HeadMac::new(keys, origin).make(&log::Head { checkpoint_seq: seq, ..head.clone() });
    let same =
        log_head::table.filter(log_head::id.eq(1)).filter(log_head::size.eq(head.size)).filter(log_head::checkpoint_seq.eq(head.checkpoint_seq));
    let moved = diesel::update(same).set((log_head::checkpoint_seq.eq(seq), log_head::mac.eq(mac))).execute(conn)?;
    if moved == 1 { Ok(note) } else { Err(StoreError::Serialization) }
}

/// Replaces the copy outside, whole or not at all; one that another process made of a longer log stays.
pub fn keep_copy(data: &Path, note: &str) -> Result<(), StoreError> {
    replace_copy(data, note).map_err(|e| StoreError::Unavailable(format!("{}: {e}", copy_path(data).display())))
}

fn replace_copy(data: &Path, note: &str) -> std::io::Result<()> {
    let path = copy_path(data);
    let size = |note: &str| note.split_once("\n\n").and_then(|(text, _)| Checkpoint::parse(&format!("{text}\n")).ok()).map(|c| c.size);
    if fs::read_to_string(&path).is_ok_and(|kept| size(&kept) > size(note)) {
        return Ok(());
    }
    private::replace(&path, note.as_bytes())
}
