//! What became of a recall, per recipient and per case. Never shown better than it is.

use crate::words;

words! {
    /// One recipient's outcome, ordered from best to worst.
    pub enum RecipientOutcome {
        /// Read back from the platform: the message is gone for this recipient.
        Confirmed = "confirmed",
        /// The platform said that it took the recall; nothing can be read back.
        Accepted = "accepted",
        /// A call was made and its effect could not be learnt.
        Unknown = "unknown",
        /// Known to be visible still (已降级，仍可见).
        StillVisible = "still_visible",
        /// The platform refused, or no call was possible.
        Failed = "failed",
    }
}

/// How many recipients ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    pub total: u64,
    pub confirmed: u64,
    pub accepted: u64,
    pub unknown: u64,
    pub still_visible: u64,
    pub failed: u64,
}

impl Tally {
    pub fn add(&mut self, outcome: RecipientOutcome, n: u64) {
        self.total += n;
        match outcome {
            RecipientOutcome::Confirmed => self.confirmed += n,
            RecipientOutcome::Accepted => self.accepted += n,
            RecipientOutcome::Unknown => self.unknown += n,
            RecipientOutcome::StillVisible => self.still_visible += n,
            RecipientOutcome::Failed => self.failed += n,
        }
    }
}
