//! How the writes of this process ended, for its metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Store, StoreError};

/// How a write can end, as the metrics name it.
const ENDS: [&str; 5] = ["done", "busy", "full", "unavailable", "failed"];

#[derive(Default)]
pub(super) struct Ends([AtomicU64; ENDS.len()]);

impl Ends {
    pub(super) fn count<T>(&self, result: &Result<T, StoreError>) {
        let end = match result {
            Ok(_) => 0,
            Err(StoreError::Busy) => 1,
            Err(StoreError::Full) => 2,
            Err(StoreError::Unavailable(_)) => 3,
            Err(_) => 4,
        };
        self.0[end].fetch_add(1, Ordering::Relaxed);
    }
}

impl Store {
    /// Writes since the start, by how they ended.
    pub fn write_ends(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        ENDS.into_iter().zip(self.0.ends.0.iter().map(|n| n.load(Ordering::Relaxed)))
    }
}
