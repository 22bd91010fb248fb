//! The MAC of the log's head, by which whoever moves it says that this program did. The tree alone has no secret: who may write to the
//! database, and has not the key files, could add events after the last checkpoint, make the tree anew, and have it signed.
//!
//! A head whose MAC is wrong is moved on all the same, so that what happens is recorded, and keeps the wrong MAC: no later write mends it,
//! and it is never signed. What no MAC can tell is a head that was right once: an older state of the whole database is found out by the
//! checkpoint that lies outside it (`signer`).

use std::path::Path;

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    log::{self, Head},
    schema::{log_head, settings},
    verify::recent,
};
use crate::{
    clock::Instant,
    crypto::{self, keyring::Keyring, private, seal::Key},
};

/// What is written into the file that [`begin`] leaves under the data folder.
const SEEN: &str = "The head of this installation's log carries a MAC; one without is refused.\n";

/// Makes and checks the MAC for one log of an installation.
#[derive(Clone)]
pub(super) struct HeadMac {
    key: Key,
    origin: String,
}

impl HeadMac {
    pub(super) fn new(keys: &Keyring, origin: &str) -> Self {
        Self { key: keys.head_key(), origin: origin.to_owned() }
    }

    /// For the log that the database names.
    pub(super) fn of(conn: &mut Conn, keys: &Keyring) -> Result<Self, StoreError> {
        let origin: String = settings::table.find("origin").select(settings::value).first(conn)?;
        Ok(Self::new(keys, &origin))
    }

    /// HMAC-SHA256 over the log's origin and every column, one a line, bytes as hex.
    pub(super) fn make(&self, head: &Head) -> Vec<u8> {
        let Head { id, size, root, frontier, last_at, checkpoint_seq, mac: _ } = head;
        let (root, frontier) = (hex::encode(root), hex::encode(frontier));
        let text = format!("{}\n{id}\n{size}\n{root}\n{frontier}\n{last_at}\n{checkpoint_seq}\n", self.origin);
        crypto::hmac_sha256(self.key.as_bytes(), text.as_bytes()).to_vec()
    }

    pub(super) fn holds(&self, head: &Head) -> bool {
        head.mac.as_ref().is_some_and(|mac| crypto::same(mac, &self.make(head)))
    }

    /// The MAC of `next`, which follows `head`; that of `head` as it is where it is wrong already.
    pub(super) fn follow(&self, head: &Head, next: &Head) -> Option<Vec<u8>> {
        if self.holds(head) { Some(self.make(next)) } else { head.mac.clone() }
    }

    /// # Errors
    /// [`StoreError::Fork`] if it was not this program that moved the head.
    pub(super) fn check(&self, head: &Head) -> Result<(), StoreError> {
        if self.holds(head) { Ok(()) } else { Err(StoreError::Fork(FORGED.to_owned())) }
    }
}

/// What is said of a head whose MAC is wrong.
pub(super) const FORGED: &str =
    "the head of the log does not carry this installation's MAC: events were added, changed or taken away past the program";

fn path(data: &Path) -> std::path::PathBuf {
    data.join("log/mac")
}

/// Whether a head without a MAC is from a database that was never opened by a program that makes one.
pub(super) fn is_older(head: &Head, data: &Path) -> bool {
    head.mac.is_none() && !path(data).exists()
}

/// At the start: the head must carry its MAC. One from before there were MACs gets it here, once for each data folder: if it extends what
/// was signed and the events since are whole. That it had its turn is remembered outside the database.
///
/// # Errors
/// [`StoreError::Fork`] if it was not this program that moved the head; if the file cannot be written.
pub(super) fn begin(conn: &mut Conn, keys: &Keyring, origin: &str, data: &Path, now: Instant) -> Result<(), StoreError> {
    let (mac, head) = (HeadMac::new(keys, origin), log::head(conn)?);
    if is_older(&head, data) {
        if let Some(problem) = recent::whole(conn, keys, origin, now)? {
            return Err(StoreError::Fork(format!(
                "the head of the log has no MAC yet, and the events since the last checkpoint do not hold: {problem}"
            )));
        }
        // Another process may be faster; its MAC is checked like any other.
        diesel::update(log_head::table.find(1).filter(log_head::mac.is_null()).filter(log_head::size.eq(head.size)))
            .set(log_head::mac.eq(mac.make(&head)))
            .execute(conn)?;
    }
    mac.check(&log::head(conn)?)?;
    if path(data).exists() {
        return Ok(());
    }
    private::replace(&path(data), SEEN.as_bytes()).map_err(|e| StoreError::Unavailable(format!("{}: {e}", path(data).display())))
}
