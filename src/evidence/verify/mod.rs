//! Whether a bundle holds: offline, from its bytes and a pinned key alone. Everything inside is taken for a stranger's.
//!
//! | module | what it checks |
//! |---|---|
//! | [`bag`] | manifests, missing and added files, the bag's own facts |
//! | [`log`] | leaves, commitments, leaf hashes, proofs, checkpoint and key |
//! | [`keys`] | whether a key that is trusted leads to the one that signed |
//! | [`case`] | closing, decisions, message, recipients |
//! | [`signature`] | the signature by a certificate |
//! | [`gm`] | what the profile "gm" adds: the list by SM3, the signature by SM2 |
//! | [`revocation`] | whether certificates had been revoked when they were used |
//! | [`time`] | tokens of timestamp authorities, and the checkpoints that they are over |
//! | [`aging`] | whether tokens whose certificates have run out were renewed before |
//! | [`views`] | the CSV files against the records that they show |
//! | [`audit`] | an auditor's pack: the run of leaves, and the findings made of it again |

mod aging;
mod audit;
mod bag;
mod case;
mod corrected;
mod first;
mod gm;
mod keys;
mod log;
mod revocation;
mod signature;
mod time;
mod views;

use serde::Serialize;

use self::signature::Said;
use super::{
    report::{FORMAT, Report},
    zip::{self, Files, Limits},
};
use crate::{
    clock::Instant,
    crypto::{revocation::List, timestamp::Roots},
    ledger::{mldsa::MldsaVkey, note::Vkey},
};

/// One answer of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Pass,
    /// It cannot be told from what is there.
    Unknown,
    Fail,
}

impl Answer {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }

    /// 0 holds, 1 does not, 2 could not tell.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Unknown => 2,
        }
    }
}

/// One thing that was checked (formats.md, `evidence verify --json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Stable; the words for it are `verify-<name>` with hyphens.
    pub name: &'static str,
    pub result: Answer,
    /// Path below the bundle's folder; empty where no one file is meant.
    pub file: String,
    pub expected: String,
    pub actual: String,
}

/// The whole answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    pub result: Answer,
    pub checks: Vec<Check>,
}

/// What the person who verifies brings along: keys that are trusted, and the day.
#[derive(Clone, Debug)]
pub enum Pin {
    /// The log's verifier key: name and key must match.
    Log(Vkey),
    /// The log's second verifier key: a bundle whose checkpoint it did not sign does not satisfy it.
    Mldsa(MldsaVkey),
    /// The log's public key by itself, from a PEM file or an installation's own key file.
    Key([u8; 32]),
    /// One of the public keys that an installation's logs have had, one after the other.
    OneOf(Vec<[u8; 32]>),
    /// Roots of timestamp authorities and of signers, asked for by the person who verifies: a bundle with neither a token nor a signature by
    /// certificate cannot satisfy them.
    Certificate(Roots),
    /// The same, as an installation's settings name them: a bundle without a token is as good as it ever was.
    Authorities(Roots),
    /// Roots of the certificates that an installation signs with, or did.
    Signers(Roots),
    /// Lists of revoked certificates, of whatever authorities: those of the bundle's are looked at with its own.
    Lists(Vec<List>),
    /// The time at which it is judged: a token whose certificates have run out by then must have been renewed before. Without it nothing has.
    At(Instant),
}

/// The time at which it is judged, where it is given.
fn judged_at(pins: &[Pin]) -> Option<Instant> {
    pins.iter().find_map(|pin| if let Pin::At(at) = pin { Some(*at) } else { None })
}

/// Collects checks.
#[derive(Default)]
pub(super) struct Checks(Vec<Check>);

impl Checks {
    pub(super) fn add(&mut self, name: &'static str, result: Answer, file: &str, expected: impl ToString, actual: impl ToString) {
        self.0.push(Check { name, result, file: file.to_owned(), expected: short(expected), actual: short(actual) });
    }

    pub(super) fn fail(&mut self, name: &'static str, file: &str, expected: impl ToString, actual: impl ToString) {
        self.add(name, Answer::Fail, file, expected, actual);
    }

    /// Passes if `expected` and `actual` say the same.
    pub(super) fn same(&mut self, name: &'static str, file: &str, expected: impl ToString, actual: impl ToString) -> bool {
        let (expected, actual) = (expected.to_string(), actual.to_string());
        let equal = expected == actual;
        self.add(name, if equal { Answer::Pass } else { Answer::Fail }, file, expected, actual);
        equal
    }

    /// One check over many things: passes if `problems` is empty, else one failed check each, the first hundred.
    pub(super) fn all(&mut self, name: &'static str, file: &str, count: usize, problems: Vec<Problem>) {
        if problems.is_empty() {
            self.add(name, Answer::Pass, file, count, count);
        }
        for p in problems.into_iter().take(100) {
            self.fail(name, p.file.as_deref().unwrap_or(file), p.expected, p.actual);
        }
    }
}

/// One thing among many that is not as it should be.
pub(super) struct Problem {
    pub file: Option<String>,
    pub expected: String,
    pub actual: String,
}

impl Problem {
    pub(super) fn new(expected: impl ToString, actual: impl ToString) -> Self {
        Self { file: None, expected: expected.to_string(), actual: actual.to_string() }
    }

    pub(super) fn of(file: &str, expected: impl ToString, actual: impl ToString) -> Self {
        Self { file: Some(file.to_owned()), ..Self::new(expected, actual) }
    }
}

/// What a stranger's file says, cut to what a table cell can hold.
fn short(text: impl ToString) -> String {
    let text = text.to_string();
    if text.chars().count() <= 300 { text } else { text.chars().take(300).chain(['…']).collect() }
}

/// A file that a check needs; its absence is a failed check of its own.
pub(super) fn file<'f>(files: &'f Files, path: &str, checks: &mut Checks) -> Option<&'f [u8]> {
    let found = files.get(path).map(Vec::as_slice);
    if found.is_none() {
        checks.fail("file_present", path, "present", "missing");
    }
    found
}

/// Verifies the bytes of a bundle. With nothing pinned and nothing wrong the answer is `unknown`, and the key is named.
pub fn verify(bytes: &[u8], pins: &[Pin], limits: &Limits) -> Outcome {
    let mut checks = Checks::default();
    match zip::read(bytes, limits) {
        Ok((folder, files)) => {
            checks.add("container", Answer::Pass, "", "zip", "zip");
            contents(&folder, &files, pins, &mut checks);
        }
        Err(e) => checks.fail("container", "", "zip", e),
    }
    let result = checks.0.iter().map(|c| c.result).max().unwrap_or(Answer::Unknown);
    Outcome { result, checks: checks.0 }
}

fn contents(folder: &str, files: &Files, pins: &[Pin], checks: &mut Checks) {
    bag::check(files, checks);
    // What is read into a tree takes many times its size: a stranger's files of this kind are bounded more tightly.
    const JSON: usize = 16 << 20;
    let large = |path: &str| path.ends_with(".json") && !path.starts_with("data/platform/");
    if let Some((path, bytes)) = files.iter().find(|(p, b)| large(p) && b.len() > JSON) {
        return checks.fail("container", path, format!("at most {JSON} bytes"), bytes.len());
    }
    if files.contains_key(audit::FACTS) {
        return audit::check(folder, files, pins, checks);
    }
    let Some(bytes) = file(files, "data/evidence.json", checks) else { return };
    let format = serde_json::from_slice::<serde_json::Value>(bytes).ok().and_then(|v| v.get("format")?.as_u64());
    if format.is_some_and(|f| f > FORMAT) {
        checks.add("format", Answer::Unknown, "data/evidence.json", FORMAT, format.unwrap_or_default());
        return;
    }
    let report: Report = match serde_json::from_slice(bytes) {
        Ok(report) => report,
        Err(e) => return checks.fail("report", "data/evidence.json", "evidence.json", e),
    };
    // What is written again and differs says something that nobody checks.
    let again = report.to_bytes() == bytes;
    checks.add(
        "report",
        if again { Answer::Pass } else { Answer::Fail },
        "data/evidence.json",
        "canonical",
        if again { "canonical" } else { "other" },
    );
    checks.same("format", "data/evidence.json", FORMAT, report.format);
    checks.same("number", "data/evidence.json", folder, &report.number);
    bag::facts(files, &report, checks);
    let (checkpoint, events) = log::check(files, &report, pins, checks);
    let vouched = vouched(checks);
    let revocable = report.revocation.is_some();
    let proven = time::check(files, (&report.anchors, revocable), checkpoint.as_ref(), pins, checks);
    let unsigned = Said::None(report.unsigned.as_deref().unwrap_or_default());
    let said = report.signer.as_ref().map_or(unsigned, |facts| Said::By(facts, revocable));
    signature::check(files, said, proven, vouched, pins, checks);
    gm::check(files, report.gm.as_ref().map(|gm| (gm, report.issue.made_at)), vouched, pins, checks);
    let Some(events) = events else { return };
    case::check(files, &report, &events, checks);
    views::check(files, &report, &events, checks);
}

/// Whether a key that is trusted signed the list of the bundle's files.
fn vouched(checks: &Checks) -> bool {
    let all = |name: &str| {
        let mut found = checks.0.iter().filter(|c| c.name == name).peekable();
        found.peek().is_some() && found.all(|c| c.result == Answer::Pass)
    };
    all("log_key") && all("bundle_signature")
}
