//! Tokens grow old: when a certificate of its chain has run out, a token proves something only if another one was taken over it before, by
//! an authority whose certificates have not run out, or that was renewed in its turn (RFC 4998 §5.3).

use std::collections::BTreeSet;

use super::{Answer, Checks, Problem};
use crate::{
    clock::Instant,
    crypto::sha256,
    evidence::{
        timestamps::{RENEWED_ANCHORS, RENEWED_SIGNATURE, is_renewal, over_signature, stamped_by},
        zip::Files,
    },
};

/// Renewals that are looked at in one bundle, and bytes of the list of one: each covers hundreds of tokens and lasts for years.
const LISTS: usize = 64;
const LIST_BYTES: usize = 256 << 10;

/// A token that holds.
pub(super) struct Aged<'f> {
    pub path: &'f str,
    /// Its own time.
    pub at: Instant,
    /// When the first certificate of its chain runs out.
    pub until: Instant,
    /// Its root is one that we trust.
    pub trusted: bool,
    /// Certificates in DER from the signer's to the root.
    pub chain: Vec<Vec<u8>>,
}

/// Where renewals of tokens over stamped checkpoints lie.
fn anchored() -> String {
    format!("data/{RENEWED_ANCHORS}")
}

/// Whether `path` belongs to a renewal.
pub(super) fn of_renewal(path: &str) -> bool {
    is_renewal(path, RENEWED_SIGNATURE) || is_renewal(path, &anchored())
}

/// What one token covers.
enum Cover {
    /// Every file that the manifests list.
    Payload,
    /// What has one of these hashes.
    Hashes(BTreeSet<String>),
    Nothing,
}

/// Holds each token of `tokens` that has run out by `now` against those that renewed it.
pub(super) fn check(files: &Files, tokens: &[Aged<'_>], now: Option<Instant>, checks: &mut Checks) {
    let Some(lists) = lists(files, checks) else { return };
    let covers: Vec<Cover> = tokens.iter().map(|t| cover(t, &lists)).collect();
    let hash = |path: &str| files.get(path).map(|bytes| hex::encode(sha256(bytes))).unwrap_or_default();
    let named: Vec<[String; 2]> = tokens.iter().map(|t| [hash(t.path), hash(stamped_by(t.path))]).collect();
    let covered = |by: usize, of: usize| match &covers[by] {
        Cover::Payload => tokens[of].path.starts_with("data/"),
        Cover::Hashes(hashes) => named[of].iter().all(|hash| hashes.contains(hash)),
        Cover::Nothing => false,
    };
    strays(tokens, &covers, covered, checks);
    let Some(now) = now else { return };
    // Each round carries it one renewal further back.
    let mut sound: Vec<Option<Instant>> = tokens.iter().map(|t| (now <= t.until).then_some(t.until)).collect();
    let mut by = vec![None; tokens.len()];
    loop {
        let before = sound.clone();
        for of in 0..tokens.len() {
            if sound[of].is_none() {
                let in_time = |c: &usize| (tokens[of].at..=tokens[of].until).contains(&tokens[*c].at);
                // A stranger's word adds nothing to what we know.
                let known = |c: &usize| tokens[*c].trusted || !tokens[of].trusted;
                by[of] = (0..tokens.len()).filter(|c| *c != of && before[*c].is_some()).filter(known).filter(in_time).find(|c| covered(*c, of));
                sound[of] = by[of].and_then(|c: usize| before[c]);
            }
        }
        if sound == before {
            break;
        }
    }
    for (of, token) in tokens.iter().enumerate().filter(|(_, t)| now > t.until) {
        let expected = format!("not later than {}", token.until.to_rfc3339());
        match by[of] {
            Some(by) => {
                checks.add("timestamp_renewed", Answer::Pass, token.path, expected, format!("{} {}", tokens[by].at.to_rfc3339(), tokens[by].path))
            }
            None => checks.add("timestamp_renewed", Answer::Unknown, token.path, expected, "not renewed"),
        }
    }
}

/// The lists by their paths, with the hashes in each; `None` if there are more than are looked at.
fn lists<'f>(files: &'f Files, checks: &mut Checks) -> Option<Vec<(&'f str, BTreeSet<String>)>> {
    const NAME: &str = "timestamp_renewal";
    let found: Vec<(&String, &Vec<u8>)> = files.iter().filter(|(path, _)| of_renewal(path) && path.ends_with(".sha256")).collect();
    if found.len() > LISTS {
        checks.fail(NAME, "", LISTS, found.len());
        return None;
    }
    let mut lists = Vec::with_capacity(found.len());
    for (path, bytes) in found {
        if !files.contains_key(&format!("{path}.tsr")) {
            checks.fail(NAME, path, "an answer beside it", "missing");
        }
        let text = String::from_utf8_lossy(bytes);
        let hash = |line: &str| {
            let (hash, _) = line.split_once("  ")?;
            (hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))).then(|| hash.to_owned())
        };
        match text.lines().map(hash).collect::<Option<BTreeSet<_>>>().filter(|_| bytes.len() <= LIST_BYTES) {
            Some(hashes) => lists.push((path.as_str(), hashes)),
            None => checks.fail(NAME, path, "a list of hashes", "another form"),
        }
    }
    Some(lists)
}

fn cover(token: &Aged<'_>, lists: &[(&str, BTreeSet<String>)]) -> Cover {
    if over_signature(token.path) {
        return Cover::Payload;
    }
    let list = lists.iter().find(|(path, _)| *path == stamped_by(token.path));
    list.map_or(Cover::Nothing, |(_, hashes)| Cover::Hashes(hashes.clone()))
}

/// Each renewal renews something here.
fn strays(tokens: &[Aged<'_>], covers: &[Cover], covered: impl Fn(usize, usize) -> bool, checks: &mut Checks) {
    let renewals: Vec<usize> = (0..tokens.len()).filter(|c| matches!(covers[*c], Cover::Hashes(_))).collect();
    if renewals.is_empty() {
        return;
    }
    let idle = renewals.iter().filter(|by| !(0..tokens.len()).any(|of| covered(**by, of)));
    let problems = idle.map(|by| Problem::of(tokens[*by].path, "over a token of this bundle", "over others")).collect();
    checks.all("timestamp_renewal", "", renewals.len(), problems);
}
