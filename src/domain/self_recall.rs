//! 自行撤回备案: a sender took a message back in the client, by themselves, and files it; a second person looks at what is still visible.
//! Pure rules. Not here: the recall that is asked for and approved (`recall`).

use std::time::Duration;

use crate::{clock::Instant, words};

words! {
    /// Where a filing stands; words `self-recall-state-<as_str>`.
    pub enum FilingState {
        /// Nobody but the filer has looked.
        Filed = "filed",
        /// The second person found it gone wherever they looked.
        Gone = "gone",
        /// The second person still saw it.
        Visible = "visible",
    }
}

words! {
    /// How much of the message the sender took back, by their word; words `self-recall-extent-<as_str>`.
    pub enum Extent {
        Whole = "whole",
        /// From some of the recipients, or some of its pieces.
        Part = "part",
    }
}

words! {
    /// Why a filing or its check is refused; words `refusal-<as_str>`.
    pub enum Refusal {
        /// One of this message waits for its check already.
        Waiting = "self-recall-waiting",
        /// A check found the message gone.
        Gone = "self-recall-gone",
        /// A case of this message is under way, or took it back.
        Case = "self-recall-case",
        /// It reached nobody.
        Unsent = "self-recall-unsent",
        Sending = "self-recall-sending",
        /// Who filed it, or sent the message, does not check it.
        Own = "self-recall-own",
        Checked = "self-recall-checked",
    }
}

/// How far the clock of a phone may run ahead of ours.
pub const AHEAD: Duration = Duration::from_secs(120);

/// 2000-01-01: nothing that is filed here was taken back before, and a slip of the pen is not kept.
const EARLIEST: i64 = 946_684_800;

/// What a filing can say of when the message was taken back: a word for what is wrong with it, or nothing.
pub fn misdated(sent: Option<Instant>, withdrawn: Instant, now: Instant) -> Option<&'static str> {
    match sent {
        _ if withdrawn < Instant::from_unix_seconds(EARLIEST) => Some("too-early"),
        _ if withdrawn > now.plus(AHEAD) => Some("in-future"),
        // Both are typed to the minute by people.
        Some(sent) if withdrawn.plus(Duration::from_secs(60)) <= sent => Some("before-sending"),
        _ => None,
    }
}

/// Whether a message may be filed. `state` is the broadcast's own; `cases` are the words of the states of its recall cases, `filings` those of what was filed of it before.
///
/// # Errors
/// The rule that says no.
pub fn may_file<'a>(state: &str, cases: impl IntoIterator<Item = &'a str>, filings: impl IntoIterator<Item = FilingState>) -> Result<(), Refusal> {
    match state {
        "failed" => return Err(Refusal::Unsent),
        "sending" => return Err(Refusal::Sending),
        _ => {}
    }
    for case in cases {
        if matches!(case, "reviewing" | "returned" | "approved" | "executing" | "recalled" | "recall_accepted") {
            return Err(Refusal::Case);
        }
    }
    for filing in filings {
        match filing {
            FilingState::Filed => return Err(Refusal::Waiting),
            FilingState::Gone => return Err(Refusal::Gone),
            FilingState::Visible => {}
        }
    }
    Ok(())
}

/// Whether `checker` may say what is still visible.
///
/// # Errors
/// The rule that says no.
pub fn may_check(state: FilingState, filer: &str, sender: Option<&str>, checker: &str) -> Result<(), Refusal> {
    match state {
        FilingState::Filed if checker == filer || sender == Some(checker) => Err(Refusal::Own),
        FilingState::Filed => Ok(()),
        FilingState::Gone | FilingState::Visible => Err(Refusal::Checked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filing_waits_for_one_other_person() {
        let filed = FilingState::Filed;
        assert_eq!(may_check(filed, "a", Some("b"), "c"), Ok(()));
        assert_eq!(may_check(filed, "a", Some("b"), "a"), Err(Refusal::Own));
        assert_eq!(may_check(filed, "a", Some("b"), "b"), Err(Refusal::Own), "nor does who sent it");
        assert_eq!(may_check(FilingState::Visible, "a", None, "c"), Err(Refusal::Checked));
    }

    #[test]
    fn what_is_still_visible_may_be_filed_again_and_nothing_else() {
        use FilingState::{Filed, Gone, Visible};
        assert_eq!(may_file("sent", [], []), Ok(()));
        assert_eq!(may_file("partly_sent", ["rejected", "withdrawn", "expired", "failed", "partly_recalled"], [Visible, Visible]), Ok(()));
        assert_eq!(may_file("sent", [], [Visible, Filed]), Err(Refusal::Waiting));
        assert_eq!(may_file("sent", [], [Gone]), Err(Refusal::Gone));
        assert_eq!((may_file("failed", [], []), may_file("sending", [], [])), (Err(Refusal::Unsent), Err(Refusal::Sending)));
        for case in ["reviewing", "returned", "approved", "executing", "recalled", "recall_accepted"] {
            assert_eq!(may_file("sent", [case], []), Err(Refusal::Case), "{case}");
        }
    }

    #[test]
    fn nobody_takes_back_before_sending_or_tomorrow() {
        let (sent, minute) = (Instant::from_unix_seconds(1_700_000_000), Duration::from_secs(60));
        let now = sent.plus(10 * minute);
        assert_eq!(misdated(Some(sent), sent.plus(minute), now), None);
        assert_eq!(misdated(Some(sent), Instant(sent.0 - 59_000_000), now), None, "the same minute");
        assert_eq!(misdated(Some(sent), Instant(sent.0 - 60_000_000), now), Some("before-sending"));
        assert_eq!(misdated(None, now.plus(3 * minute), now), Some("in-future"));
        assert_eq!(misdated(None, now.plus(minute), now), None, "a phone's clock");
        assert_eq!(misdated(None, Instant(i64::MIN), now), Some("too-early"));
    }
}
