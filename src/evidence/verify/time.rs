//! Timestamps: each token against what it is over, each stamped checkpoint against the bundle's, and whether their roots are trusted.
//! A bundle without any is none the worse, and the list says so.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    Answer, Checks, Pin,
    aging::{self, Aged},
    file, judged_at,
    log::unhex,
    revocation,
    signature::asked,
};
use crate::{
    clock::Instant,
    crypto::{
        sha256,
        signature::Suite,
        timestamp::{self, Query, Roots},
    },
    evidence::{
        certificate::P7S,
        report::AnchorFacts,
        timestamps::{CONSISTENCY, RENEWED_SIGNATURE, ROOTS, over_signature, stamped_by},
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

/// `stamped`: the checkpoints that the report says were stamped; `said`: it speaks of revocation. The earliest time at which a token that is trusted saw the signature by
/// certificate, if one did.
pub(super) fn check(
    files: &Files,
    (stamped, said): (&[AnchorFacts], bool),
    checkpoint: Option<&Checkpoint>,
    pins: &[Pin],
    checks: &mut Checks,
) -> Option<Instant> {
    let anchored = |path: &str| path.starts_with("data/proofs/anchors/");
    let ours = |p: &str| anchored(p) || over_signature(p) || aging::of_renewal(p);
    let tokens: Vec<&String> = files.keys().filter(|p| p.ends_with(".tsr") && ours(p)).collect();
    let count = if tokens.is_empty() { "none".to_owned() } else { tokens.len().to_string() };
    checks.add("timestamps", Answer::Pass, "", &count, &count);
    anchors(files, stamped, checkpoint, checks);
    pairs(files, &tokens, checks);
    if tokens.is_empty() {
        revocation::tokens(files, &[], said, pins, checks);
        if !files.contains_key(P7S) && asked(Suite::Standard, pins) {
            checks.add("certificate", Answer::Unknown, "", "a timestamp, or a signature by certificate", "none");
        }
        return None;
    }
    let roots = roots_in(files, ROOTS, checks)?;
    let mut trusted = Roots::default();
    for pin in pins {
        if let Pin::Certificate(roots) | Pin::Authorities(roots) = pin {
            trusted.extend(roots);
        }
    }
    let mut over: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in tokens {
        over.entry(stamped_by(path)).or_default().push(path);
    }
    let mut good = Vec::new();
    for (stamped, tokens) in over {
        if tokens.len() > TOKENS {
            checks.fail("timestamp", stamped, TOKENS, tokens.len());
            continue;
        }
        // A renewal came after the bundle's roots were written down, and brings its own.
        let own = stamped.strip_suffix(".sha256").filter(|_| stamped.starts_with(RENEWED_SIGNATURE));
        let mut roots = roots.clone();
        if let Some(own) = own {
            let Some(more) = roots_in(files, &format!("{own}.pem"), checks) else { continue };
            roots.extend(&more);
        }
        for path in tokens {
            good.extend(token(files, path, &roots, &trusted, checks));
        }
    }
    aging::check(files, &good, judged_at(pins), checks);
    let bad = revocation::tokens(files, &good, said, pins, checks);
    let counts = |token: &&Aged<'_>| token.trusted && stamped_by(token.path) == P7S && !bad.contains(&token.path);
    good.iter().filter(counts).map(|token| token.at).min()
}

/// The certificates in a file of the bundle.
fn roots_in(files: &Files, path: &str, checks: &mut Checks) -> Option<Roots> {
    let pem = file(files, path, checks)?;
    let text = String::from_utf8_lossy(pem);
    let count = text.matches("-----BEGIN CERTIFICATE-----").count();
    if pem.len() > ROOTS_BYTES || count > ROOTS_COUNT {
        let most = format!("{ROOTS_COUNT} certificates, {ROOTS_BYTES} bytes");
        checks.fail("timestamp_root", path, most, format!("{count} certificates, {} bytes", pem.len()));
        return None;
    }
    match Roots::from_pem(&text) {
        Ok(roots) => Some(roots),
        Err(e) => {
            checks.fail("timestamp_root", path, "certificates", e);
            None
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

/// One token: over the file beside it, by an authority under a root that the bundle names; and whether that root is one we trust. What it
/// says, if it holds: by the trusted roots where they lead to it, for anybody may add certificates to a bundle, and the last day of a token
/// is that of its certificates.
fn token<'f>(files: &Files, path: &'f str, roots: &Roots, trusted: &Roots, checks: &mut Checks) -> Option<Aged<'f>> {
    const NAME: &str = "timestamp";
    let question = format!("{}.tsq", path.trim_end_matches(".tsr"));
    let (Some(stamped), Some(question_bytes)) = (file(files, stamped_by(path), checks), file(files, &question, checks)) else { return None };
    let query = match Query::parse(question_bytes) {
        Ok(query) if query.imprint == sha256(stamped) => query,
        Ok(query) => {
            checks.fail(NAME, &question, hex::encode(sha256(stamped)), hex::encode(query.imprint));
            return None;
        }
        Err(e) => {
            checks.fail(NAME, &question, "a question", e);
            return None;
        }
    };
    let answer = files.get(path).map(Vec::as_slice).unwrap_or_default();
    let known = timestamp::verify(&query, answer, trusted);
    let trusted = known.is_ok();
    let stamp = match known.or_else(|_| timestamp::verify(&query, answer, roots)) {
        Ok(stamp) => stamp,
        Err(e) => {
            checks.fail(NAME, path, "a token that holds", e);
            return None;
        }
    };
    checks.add(NAME, Answer::Pass, path, stamp.at.to_rfc3339(), stamp.at.to_rfc3339());
    if trusted {
        checks.add("timestamp_root", Answer::Pass, path, &stamp.signer, &stamp.signer);
    } else {
        let named: Vec<_> = roots.fingerprints().into_iter().map(|(name, hash)| format!("{name} {hash}")).collect();
        checks.add("timestamp_root", Answer::Unknown, path, "a root that you trust", named.join(", "));
    }
    Some(Aged { path, at: stamp.at, until: stamp.until, trusted, chain: stamp.path })
}

/// The stamped checkpoints are of this log: one leads to the other by a consistency proof (RFC 9162 §2.1.4).
fn anchors(files: &Files, stamped: &[AnchorFacts], checkpoint: Option<&Checkpoint>, checks: &mut Checks) {
    const NAME: &str = "anchor";
    let proofs = format!("data/{CONSISTENCY}");
    let listed: BTreeSet<String> = stamped.iter().map(|a| format!("data/{}", a.file)).collect();
    for path in files.keys().filter(|p| p.starts_with("data/proofs/anchors/")) {
        let stamped = if path.ends_with(".txt") { path } else { stamped_by(path.trim_end_matches(".tsq")) };
        if !listed.contains(stamped) {
            checks.fail(NAME, path, "not listed", "added");
        }
    }
    if stamped.is_empty() {
        return;
    }
    let Some(lines) = super::log::lines(files, &proofs, checks) else { return };
    checks.same(NAME, &proofs, stamped.len(), lines.len());
    for (facts, line) in stamped.iter().zip(lines) {
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
