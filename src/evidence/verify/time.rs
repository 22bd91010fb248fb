//! Timestamps: each token against what it is over, each stamped checkpoint against the bundle's, and whether their roots are trusted.
//! A bundle without any is none the worse, and the list says so.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{Answer, Checks, Pin, file, log::unhex};
use crate::{
    crypto::{
        sha256,
        timestamp::{self, Query, Refusal, Roots},
    },
    evidence::{
        report::Report,
        timestamps::{CONSISTENCY, ROOTS, over_signature, stamped_by},
        zip::Files,
    },
    ledger::{checkpoint::Checkpoint, tree::verify_consistency},
};

/// What a file of roots may hold, in bytes and certificates; and how many tokens are looked at over one file. Anybody may add to what no
/// manifest lists, and each certificate and token costs time.
const ROOTS_BYTES: usize = 256 << 10;
const ROOTS_COUNT: usize = 64;
const TOKENS: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsistencyLine {
    old: u64,
    new: u64,
    proof: Vec<String>,
}

pub(super) fn check(files: &Files, report: &Report, checkpoint: Option<&Checkpoint>, pins: &[Pin], checks: &mut Checks) {
    let anchored = |path: &str| path.starts_with("data/proofs/anchors/");
    let tokens: Vec<&String> = files.keys().filter(|p| p.ends_with(".tsr") && (anchored(p) || over_signature(p))).collect();
    let said = if tokens.is_empty() { "none".to_owned() } else { tokens.len().to_string() };
    checks.add("timestamps", Answer::Pass, "", &said, &said);
    anchors(files, report, checkpoint, checks);
    pairs(files, &tokens, checks);
    if tokens.is_empty() {
        if pins.iter().any(|p| matches!(p, Pin::Certificate(_))) {
            checks.add("certificate", Answer::Unknown, "", "a timestamp", "none");
        }
        return;
    }
    let Some(pem) = file(files, ROOTS, checks) else { return };
    let text = String::from_utf8_lossy(pem);
    let count = text.matches("-----BEGIN CERTIFICATE-----").count();
    if pem.len() > ROOTS_BYTES || count > ROOTS_COUNT {
        let most = format!("{ROOTS_COUNT} certificates, {ROOTS_BYTES} bytes");
        return checks.fail("timestamp_root", ROOTS, most, format!("{count} certificates, {} bytes", pem.len()));
    }
    let roots = match Roots::from_pem(&text) {
        Ok(roots) => roots,
        Err(e) => return checks.fail("timestamp_root", ROOTS, "certificates", e),
    };
    let mut trusted = Roots::default();
    for pin in pins {
        if let Pin::Certificate(roots) | Pin::Authorities(roots) = pin {
            trusted.extend(roots);
        }
    }
    let named: Vec<_> = roots.fingerprints().into_iter().map(|(name, hash)| format!("{name} {hash}")).collect();
    let named = named.join(", ");
    let mut over: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in tokens {
        over.entry(stamped_by(path)).or_default().push(path);
    }
    for (stamped, tokens) in over {
        if tokens.len() > TOKENS {
            checks.fail("timestamp", stamped, TOKENS, tokens.len());
            continue;
        }
        for path in tokens {
            token(files, path, (&roots, &named), &trusted, checks);
        }
    }
}

/// Each question beside its answer, and nothing without the other.
fn pairs(files: &Files, tokens: &[&String], checks: &mut Checks) {
    let answered: BTreeSet<String> = tokens.iter().map(|t| format!("{}.tsq", t.trim_end_matches(".tsr"))).collect();
    for path in files.keys().filter(|p| p.ends_with(".tsq") && !answered.contains(*p)) {
        checks.fail("timestamp", path, "an answer beside it", "missing");
    }
}

/// One token: over the file beside it, by an authority under a root that the bundle names (`named`: as it is told); and whether that root is one we trust.
fn token(files: &Files, path: &str, (roots, named): (&Roots, &str), trusted: &Roots, checks: &mut Checks) {
    const NAME: &str = "timestamp";
    let question = format!("{}.tsq", path.trim_end_matches(".tsr"));
    let (Some(stamped), Some(question_bytes)) = (file(files, stamped_by(path), checks), file(files, &question, checks)) else { return };
    let query = match Query::parse(question_bytes) {
        Ok(query) if query.imprint == sha256(stamped) => query,
        Ok(query) => return checks.fail(NAME, &question, hex::encode(sha256(stamped)), hex::encode(query.imprint)),
        Err(e) => return checks.fail(NAME, &question, "a question", e),
    };
    let answer = files.get(path).map(Vec::as_slice).unwrap_or_default();
    match timestamp::verify(&query, answer, roots) {
        Ok(stamp) => checks.add(NAME, Answer::Pass, path, stamp.at.to_rfc3339(), stamp.at.to_rfc3339()),
        // The bundle was made when other roots were configured; whoever trusts the present one can tell.
        Err(Refusal::Untrusted) if timestamp::verify(&query, answer, trusted).is_ok() => {}
        Err(e) => return checks.fail(NAME, path, "a token that holds", e),
    }
    match timestamp::verify(&query, answer, trusted) {
        Ok(stamp) => checks.add("timestamp_root", Answer::Pass, path, &stamp.signer, &stamp.signer),
        Err(_) => checks.add("timestamp_root", Answer::Unknown, path, "a root that you trust", named),
    }
}

/// The stamped checkpoints are of this log: one leads to the other by a consistency proof (RFC 9162 §2.1.4).
fn anchors(files: &Files, report: &Report, checkpoint: Option<&Checkpoint>, checks: &mut Checks) {
    const NAME: &str = "anchor";
    let proofs = format!("data/{CONSISTENCY}");
    let listed: BTreeSet<String> = report.anchors.iter().map(|a| format!("data/{}", a.file)).collect();
    for path in files.keys().filter(|p| p.starts_with("data/proofs/anchors/")) {
        let stamped = if path.ends_with(".txt") { path } else { stamped_by(path.trim_end_matches(".tsq")) };
        if !listed.contains(stamped) {
            checks.fail(NAME, path, "not listed", "added");
        }
    }
    if report.anchors.is_empty() {
        return;
    }
    let Some(lines) = super::log::lines(files, &proofs, checks) else { return };
    checks.same(NAME, &proofs, report.anchors.len(), lines.len());
    for (facts, line) in report.anchors.iter().zip(lines) {
        let path = format!("data/{}", facts.file);
        let Some(bytes) = file(files, &path, checks) else { continue };
        for token in &facts.tokens {
            file(files, &format!("data/{}", token.file), checks);
        }
        let (Some(ours), Ok(stamped)) = (checkpoint, Checkpoint::parse(&String::from_utf8_lossy(bytes))) else {
            checks.fail(NAME, &path, "a checkpoint", "another form");
            continue;
        };
        if stamped.origin != ours.origin || stamped.size != facts.size {
            checks.fail(NAME, &path, format!("{} {}", ours.origin, facts.size), format!("{} {}", stamped.origin, stamped.size));
            continue;
        }
        let (old, new) = if stamped.size <= ours.size { (&stamped, ours) } else { (ours, &stamped) };
        let proof = serde_json::from_slice::<ConsistencyLine>(line).ok().filter(|l| (l.old, l.new) == (old.size, new.size));
        let proof = proof.and_then(|l| l.proof.iter().map(|h| unhex(h)).collect::<Option<Vec<_>>>());
        match proof {
            Some(proof) if verify_consistency(old.size, &old.root, new.size, &new.root, &proof) => {
                checks.add(NAME, Answer::Pass, &path, stamped.size, stamped.size);
            }
            _ => checks.fail(NAME, &path, "a checkpoint of this log", "the proof does not lead to the checkpoint"),
        }
    }
}
