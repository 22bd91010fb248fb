//! Events that have no index yet, where no sequencer may or will give it: a backup from PostgreSQL that was put into SQLite, a log that is
//! being renewed.

use std::sync::Weak;

use super::{Conn, Database, StoreError, head_mac::HeadMac, part_keys::Opener, sequencer::Sequencer};
use crate::crypto::keyring::Keyring;

/// Gives every pending event of this installation its index, in a transaction of the caller's.
pub fn settle(conn: &mut Conn, keys: &Keyring) -> Result<(), StoreError> {
    let mut sequencer = Sequencer {
        database: Database::Sqlite("".into()),
        bell: Weak::new(),
        pending_key: keys.pending_key(),
        opener: Opener::new(keys),
        head: HeadMac::of(conn, keys)?,
        rejected: 0,
    };
    while sequencer.take(conn)?.is_some() {}
    Ok(())
}
