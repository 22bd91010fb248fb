//! Whether the key that signed is one that we trust, or one that a key which we trust leads to: announced in a checkpoint that it signed, of
//! the very log that the bundle is from (`ledger::succession`).

use super::{Answer, Checks, Pin, log::lines};
use crate::{
    evidence::{
        succession::{LATER, SEALED},
        zip::Files,
    },
    ledger::{
        checkpoint::Checkpoint,
        mldsa::MldsaVkey,
        note::Vkey,
        succession::{self, Head, Link},
    },
};

/// Changes of keys that are looked at: one a year is many.
const MOST: usize = 64;
const NAME: &str = "log_key";
const SUCCESSION: &str = "key_succession";

/// The changes of keys that the bundle tells of and that are of its log; what is not is a failed check.
pub(super) fn links(files: &Files, head: Option<&Checkpoint>, checks: &mut Checks) -> Vec<Link> {
    let sealed = format!("data/{SEALED}");
    let mut found = Vec::new();
    for path in [sealed.as_str(), LATER].into_iter().filter(|path| files.contains_key(*path)) {
        let Some(lines) = lines(files, path, checks) else { continue };
        if lines.len() > MOST {
            checks.fail(SUCCESSION, path, MOST, lines.len());
            continue;
        }
        let before = found.len();
        for (n, line) in (1..).zip(&lines) {
            let link = serde_json::from_slice::<Link>(line).map_err(|_| "another form");
            match link.and_then(|link| head.map_or(Err("a checkpoint of another log"), |head| link.check(head)).map(|()| link)) {
                Ok(link) => found.push(link),
                Err(why) => checks.fail(SUCCESSION, path, format!("line {n}: a change of the log's keys"), why),
            }
        }
        if found.len() - before == lines.len() {
            checks.add(SUCCESSION, Answer::Pass, path, lines.len(), lines.len());
        }
    }
    found
}

/// The log's key against those that are pinned.
pub(super) fn trust(vkey: &Vkey, (links, head): (&[Link], Option<Head<'_>>), pins: &[Pin], checks: &mut Checks) {
    let key = vkey.key().as_bytes();
    let leads = |trusted: &[u8; 32]| head.is_some_and(|head| succession::leads(links, vkey.name(), trusted, vkey, head));
    let mut pinned = false;
    for pin in pins {
        match pin {
            Pin::Log(trusted) => {
                pinned = true;
                let follows = trusted != vkey && trusted.name() == vkey.name() && leads(trusted.key().as_bytes());
                told(checks, follows, trusted, vkey, trusted.name() == vkey.name());
            }
            Pin::Key(trusted) => {
                pinned = true;
                told(checks, trusted != key && leads(trusted), hex::encode(trusted), hex::encode(key), true);
            }
            Pin::OneOf(trusted) => {
                pinned = true;
                let known = trusted.iter().find(|k| *k == key);
                let from = known.or_else(|| trusted.iter().find(|k| leads(k)));
                let expected = from.or(trusted.first()).map(hex::encode).unwrap_or_default();
                told(checks, known.is_none() && from.is_some(), expected, hex::encode(key), true);
            }
            // Checked where the second signature is, where the tokens are, and where the signature by certificate is.
            Pin::Mldsa(_) | Pin::Certificate(_) | Pin::Authorities(_) | Pin::Signers(_) | Pin::Lists(_) | Pin::At(_) => {}
        }
    }
    if !pinned {
        checks.add(NAME, Answer::Unknown, "", "a key that you trust", vkey);
    }
}

/// The log's second key against the one that is pinned.
pub(super) fn trust_mldsa(
    own: Option<&MldsaVkey>,
    (links, head): (&[Link], Option<Head<'_>>),
    trusted: &MldsaVkey,
    source: &str,
    checks: &mut Checks,
) {
    let leads = |own: &MldsaVkey| head.is_some_and(|head| succession::leads_mldsa(links, trusted, own, head));
    match own.filter(|own| **own != *trusted && leads(own)) {
        Some(own) => checks.add("log_mldsa_key", Answer::Pass, source, trusted, own),
        None => drop(checks.same("log_mldsa_key", source, trusted, own.map(ToString::to_string).unwrap_or_default())),
    }
}

/// `follows`: whether the pinned key leads to this one. Where it does not, a key that came before or after cannot be told from a stranger's.
fn told(checks: &mut Checks, follows: bool, expected: impl ToString, actual: impl ToString, of_log: bool) {
    if follows {
        return checks.add(NAME, Answer::Pass, "", expected, actual);
    }
    if !checks.same(NAME, "", expected, actual) && of_log {
        checks.add(SUCCESSION, Answer::Unknown, "", "a change from one key to the other", "not in this bundle");
    }
}
