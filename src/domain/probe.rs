//! The steps of a connection's test, in their order, and what came of each. Not here: taking them (`app::probe`).

use crate::words;

words! {
    /// One step; words `probe-<as_str>`, and `probe-next-<as_str>` for what to do when it failed.
    pub enum Step {
        /// The base address may be called.
        Address = "address",
        /// The name resolves.
        Name = "name",
        /// The host takes a connection.
        Reach = "reach",
        /// The certificate is good and the platform answers.
        Tls = "tls",
        Credentials = "credentials",
        /// What the credentials may do.
        Scope = "scope",
        /// Our clock against the platform's.
        Clock = "clock",
        /// Something is read that changes nothing.
        Read = "read",
    }
}

words! {
    /// What came of a step; words `probe-is-<as_str>`.
    pub enum Verdict {
        Passed = "passed",
        Failed = "failed",
        /// Not asked, for a reason: see [`Skipped`].
        NotAsked = "not_asked",
    }
}

words! {
    /// Why a step was not asked; words `probe-skipped-<as_str>`.
    pub enum Skipped {
        /// An earlier step failed.
        Before = "before",
        /// The address is no name.
        Literal = "literal",
        /// Plain HTTP within the house.
        Plain = "plain",
        /// The platform has no call for it.
        Unknown = "unknown",
        /// It depends on the room, and none is meant.
        Room = "room",
        /// The platform does not say its time.
        Silent = "silent",
        /// The platform asks for fewer calls.
        Busy = "busy",
    }
}

/// A step that was taken, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub step: Step,
    pub verdict: Verdict,
    pub skipped: Option<Skipped>,
    /// The platform's own code of a failure.
    pub code: Option<String>,
    /// A clock's offset in microseconds (positive: ours is ahead), or how many things were read.
    pub value: Option<i64>,
}

impl Taken {
    pub const fn passed(step: Step) -> Self {
        Self { step, verdict: Verdict::Passed, skipped: None, code: None, value: None }
    }

    pub const fn failed(step: Step, code: Option<String>) -> Self {
        Self { step, verdict: Verdict::Failed, skipped: None, code, value: None }
    }

    pub const fn not_asked(step: Step, why: Skipped) -> Self {
        Self { step, verdict: Verdict::NotAsked, skipped: Some(why), code: None, value: None }
    }

    #[must_use]
    pub const fn with(mut self, value: i64) -> Self {
        self.value = Some(value);
        self
    }
}
