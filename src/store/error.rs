//! Why a read or a write did not happen.

use diesel::result::{DatabaseErrorKind, Error};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("not found")]
    NotFound,
    /// A unique rule was broken; carries the constraint's name or SQLite's column list.
    #[error("already exists: {0}")]
    Unique(String),
    /// Another change came first; the transaction may be run again.
    #[error("another change came first")]
    Serialization,
    /// More work waits than is allowed; try again after a moment. Nothing was done.
    #[error("too much work is waiting")]
    Busy,
    /// The disk is full. Nothing was done.
    #[error("the disk is full")]
    Full,
    /// The database cannot be reached or is locked by somebody else. Nothing was done, or (lost connection during COMMIT) it is unknown.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The code of a write panicked; it was undone.
    #[error("a write failed inside and was undone")]
    Panicked,
    #[error("the event cannot be written: {0}")]
    Event(String),
    #[error(transparent)]
    Unsealable(#[from] crate::crypto::seal::Unsealable),
    /// Signing or opening would fork the log; says why.
    #[error("the log would fork: {0}")]
    Fork(String),
    /// The database was restored to before what its log has signed and can only be read. Nothing was done.
    #[error("the database was restored and lies behind what its log has signed; it can only be read until `ledger renew`")]
    Behind,
    #[error("the database cannot be brought to this version: {0}")]
    Migration(String),
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    #[error(transparent)]
    Db(Error),
}

impl StoreError {
    /// The store cannot take a write now, and may later: nothing is wrong with what was asked.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Busy | Self::Full | Self::Unavailable(_) | Self::Serialization | Self::Behind)
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match &error {
            Error::NotFound => Self::NotFound,
            Error::DatabaseError(kind, info) => {
                let message = info.message();
                match kind {
                    DatabaseErrorKind::UniqueViolation => Self::Unique(info.constraint_name().unwrap_or(message).to_owned()),
                    DatabaseErrorKind::SerializationFailure => Self::Serialization,
                    DatabaseErrorKind::ClosedConnection => Self::Unavailable(message.to_owned()),
                    _ if message.contains("deadlock detected") || message.contains("could not serialize") => Self::Serialization,
                    // PostgreSQL keeps no NUL in a text: nothing is called so.
                    _ if message.contains("invalid byte sequence for encoding") => Self::NotFound,
                    // The last is PostgreSQL's for a page of which only the first half found room.
                    _ if message.contains("disk is full") || message.contains("No space left") || message.contains("wrote only") => Self::Full,
                    _ if message.contains("database is locked")
                        || message.contains("due to lock timeout")
                        || message.contains("disk I/O error")
                        || message.contains("readonly database") =>
                    {
                        Self::Unavailable(message.to_owned())
                    }
                    _ if message.contains("server closed the connection")
                        || message.contains("terminating connection")
                        || message.contains("the database system is")
                        || message.contains("read-only transaction")
                        || message.contains("no connection to the server") =>
                    {
                        Self::Unavailable(message.to_owned())
                    }
                    _ => Self::Db(error),
                }
            }
            Error::BrokenTransactionManager => Self::Unavailable("the connection was lost".to_owned()),
            _ => Self::Db(error),
        }
    }
}
