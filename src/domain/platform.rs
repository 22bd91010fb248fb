//! Platforms as the rules see them: what a connector can do, harm classes, the end of the recall window.
//! Not here: budgets of the classes and limits of one's own (`policy`), how the field describes the platforms (`windows`).

use std::time::Duration;

use crate::{clock::Instant, words};

words! {
    pub enum Platform {
        Wecom = "wecom",
        Matrix = "matrix",
        /// A channel that no connector serves: only reports by hand and guided recall.
        Manual = "manual",
    }
}

impl Platform {
    /// For how long the platform itself drops a second copy of the same send, so that repeating a send whose effect is unknown is safe.
    /// WeCom: `enable_duplicate_check` with its default interval (platforms.md §1.2).
    pub const fn repeat_is_safe_for(self) -> Option<Duration> {
        match self {
            Self::Wecom => Some(Duration::from_secs(30 * 60)),
            Self::Matrix | Self::Manual => None,
        }
    }

    /// The longest text of a message in bytes, title and empty line included; beyond it the platform would cut in silence.
    pub const fn text_bytes(self) -> Option<usize> {
        match self {
            Self::Wecom => Some(2048),
            Self::Matrix | Self::Manual => None,
        }
    }
}

words! {
    /// Classes of cases, told by harm.
    pub enum HarmClass {
        Leak = "leak",
        WrongAudience = "wrong_audience",
        WrongFact = "wrong_fact",
        Other = "other",
    }
}

words! {
    /// Which way is open to take a message back.
    pub enum RecallPath {
        /// Through the platform's API, by us.
        Api = "api",
        /// A platform operator acts in the platform's own console.
        Guided = "guided",
        /// Nothing can be recalled any more: only remediation.
        None = "none",
    }
}

/// What a connector can do; told to people before they ask.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Capabilities {
    pub send: bool,
    /// Recall through the API.
    pub recall: bool,
    /// One recipient at a time, rather than everybody at once.
    pub recall_per_recipient: bool,
    /// After a recall the platform can be asked whether the message is gone.
    pub read_back: bool,
    /// Who has read is revealed.
    pub reading_state: bool,
    /// How long after sending the API takes a recall; `None`: without limit.
    pub window_seconds: Option<u64>,
    /// Message keys of what remains after a recall, e.g. `residue-wecom-plugin`.
    pub residue: Vec<String>,
}

/// Time kept back for the execution itself, before the platform's cut-off.
pub const EXECUTION_RESERVE: Duration = Duration::from_secs(120);

/// The end of the recall window for a message sent at `sent_at`, minus the execution reserve; `None` where the platform has no limit.
pub fn cut_off(sent_at: Instant, window_seconds: Option<u64>) -> Option<Instant> {
    window_seconds.map(|s| sent_at.plus(Duration::from_secs(s)).minus(EXECUTION_RESERVE))
}
