//! Files that are made while they are sent, piece by piece: however long they are, one piece at a time is in memory.

use super::AppResult;

/// A file in the making.
pub trait Pieces {
    /// The next piece; `None` at the end. An error ends the file before its end.
    fn next(&mut self) -> impl Future<Output = AppResult<Option<String>>>;
}
