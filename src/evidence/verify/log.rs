//! The log's side: the exact leaves, what their commitments open to, their way up to the checkpoint, and who signed that.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::Signature;
use serde::Deserialize;
use serde_json::Value;

use super::{Answer, Checks, Pin, Problem, bag::ROOT, file, keys};
use crate::{
    crypto::sha256,
    evidence::{
        bundle::SIGNATURE,
        report::{LogFacts, Report},
        tables::Event,
        zip::Files,
    },
    ledger::{
        checkpoint::{self, Checkpoint},
        commitment::{commit, parse_canonical},
        leaf::Leaf,
        mldsa::MldsaVkey,
        note::{Note, Vkey},
        succession::{Head, Link},
        tree::{Hash, leaf_hash, verify_inclusion},
    },
};

/// The signed checkpoint.
const NOTE: &str = "data/proofs/checkpoint.note";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofLine {
    pub index: u64,
    pub leaf_hash: String,
    pub proof: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartLine {
    pub index: u64,
    pub event: String,
    pub name: String,
    pub salt: Option<String>,
    pub value: Option<String>,
    pub encoding: Option<String>,
    pub withheld: Option<String>,
}

/// Salt and value of an opened commitment; `None` if they are not written as formats.md says.
pub(super) fn opened(salt: &str, value: &str, encoding: Option<&str>) -> Option<([u8; 32], Vec<u8>)> {
    let salt = unhex(salt)?;
    let value = match encoding {
        None => value.as_bytes().to_vec(),
        Some("base64") => STANDARD.decode(value).ok()?,
        Some(_) => return None,
    };
    Some((salt, value))
}

/// 32 bytes from lower-case hex, strictly.
pub(super) fn unhex(text: &str) -> Option<Hash> {
    let mut bytes = [0u8; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

/// The lines of a JSONL file, each ended by LF.
pub(super) fn lines<'f>(files: &'f Files, path: &str, checks: &mut Checks) -> Option<Vec<&'f [u8]>> {
    let bytes = file(files, path, checks)?;
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let Some(body) = bytes.strip_suffix(b"\n") else {
        checks.fail("line_ends", path, "a line feed at the end", "none");
        return None;
    };
    Some(body.split(|b| *b == b'\n').collect())
}

/// Where events lie with what belongs to them.
pub(super) struct Paths {
    pub events: &'static str,
    pub proofs: &'static str,
    pub parts: &'static str,
}

/// Checks the log's files; answers the checkpoint, and the events in order if they could be read.
pub(super) fn check(files: &Files, report: &Report, pins: &[Pin], checks: &mut Checks) -> (Option<Checkpoint>, Option<Vec<Event>>) {
    const PATHS: Paths = Paths { events: "data/events.jsonl", proofs: "data/proofs/inclusion.jsonl", parts: "data/parts.jsonl" };
    let checkpoint = head(files, &report.log, "data/evidence.json", pins, checks);
    let events = events(files, &PATHS, report.log.as_of, checkpoint.as_ref(), checks);
    (checkpoint, events)
}

/// The leaves with their proofs, and what their commitments open to.
pub(super) fn events(files: &Files, paths: &Paths, as_of: u64, checkpoint: Option<&Checkpoint>, checks: &mut Checks) -> Option<Vec<Event>> {
    let leaves = lines(files, paths.events, checks)?;
    let proofs = lines(files, paths.proofs, checks)?;
    checks.same("proof_count", paths.proofs, leaves.len(), proofs.len());

    let (mut events, mut bad_leaves, mut bad_hashes, mut bad_proofs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut previous = None;
    for (n, (bytes, proof)) in (1..).zip(leaves.iter().zip(&proofs)) {
        let leaf = match Leaf::parse(bytes) {
            Ok(leaf) => leaf,
            Err(e) => {
                bad_leaves.push(Problem::new(format!("line {n}: a leaf"), e));
                continue;
            }
        };
        let Ok(proof) = serde_json::from_slice::<ProofLine>(proof) else {
            bad_proofs.push(Problem::new(format!("line {n}: a proof"), "another form"));
            continue;
        };
        let hash = leaf_hash(bytes);
        if proof.leaf_hash != hex::encode(hash) {
            bad_hashes.push(Problem::new(format!("line {n}: {}", proof.leaf_hash), hex::encode(hash)));
        }
        if previous.is_some_and(|p| p >= proof.index) || proof.index >= as_of {
            bad_proofs.push(Problem::new(format!("line {n}: indices in order below {as_of}"), proof.index));
        }
        previous = Some(proof.index);
        let siblings: Option<Vec<Hash>> = proof.proof.iter().map(|h| unhex(h)).collect();
        let holds = match (checkpoint, siblings) {
            (Some(c), Some(siblings)) => verify_inclusion(&hash, proof.index, c.size, &siblings, &c.root),
            _ => false,
        };
        if !holds {
            bad_proofs.push(Problem::new(format!("line {n}: in the log at {}", proof.index), "the proof does not lead to the checkpoint"));
        }
        events.push(Event { index: proof.index, leaf, line: hex::encode(sha256(bytes)), parts: BTreeMap::new() });
    }
    let readable = bad_leaves.is_empty() && events.len() == leaves.len();
    checks.all("leaves", paths.events, leaves.len(), bad_leaves);
    checks.all("leaf_hashes", paths.proofs, leaves.len(), bad_hashes);
    checks.all("inclusion", paths.proofs, leaves.len(), bad_proofs);
    if !readable {
        return None;
    }
    parts(files, paths.parts, &mut events, checks);
    Some(events)
}

/// Opens every commitment that is shown; each one in a leaf must be shown or named as withheld.
fn parts(files: &Files, path: &str, events: &mut [Event], checks: &mut Checks) {
    let Some(lines) = lines(files, path, checks) else { return };
    let places: BTreeMap<u64, usize> = events.iter().enumerate().map(|(place, e)| (e.index, place)).collect();
    let mut seen = std::collections::BTreeSet::new();
    let (mut problems, mut withheld) = (Vec::new(), 0);
    for (n, bytes) in (1..).zip(&lines) {
        let Ok(line) = serde_json::from_slice::<PartLine>(bytes) else {
            problems.push(Problem::new(format!("line {n}: a part"), "another form"));
            continue;
        };
        let Some(event) = places.get(&line.index).map(|place| &mut events[*place]).filter(|e| e.leaf.id == line.event) else {
            problems.push(Problem::new(format!("line {n}: a part of an event here"), line.event));
            continue;
        };
        let Some(commitment) = event.leaf.parts.get(&line.name) else {
            problems.push(Problem::new(format!("line {n}: a part that its leaf has"), line.name));
            continue;
        };
        if !seen.insert((line.index, line.name.clone())) {
            problems.push(Problem::new(format!("line {n}: each part once"), line.name));
            continue;
        }
        match (&line.salt, &line.value, &line.withheld) {
            (None, None, Some(_)) => withheld += 1,
            (Some(salt), Some(value), None) => match opened(salt, value, line.encoding.as_deref()) {
                Some((salt, value)) if commit(&salt, &value) == *commitment => match parse_canonical(&value) {
                    Some(value) => drop(event.parts.insert(line.name, value)),
                    None => problems.push(Problem::new(format!("line {n}: canonical bytes"), "another form")),
                },
                Some((salt, value)) => problems.push(Problem::new(
                    format!("event {} {}: {}", line.index, line.name, STANDARD.encode(commitment)),
                    STANDARD.encode(commit(&salt, &value)),
                )),
                None => problems.push(Problem::new(format!("line {n}: salt and value"), "another form")),
            },
            _ => problems.push(Problem::new(format!("line {n}: shown or withheld"), "both or neither")),
        }
    }
    for event in events.iter() {
        for name in event.leaf.parts.keys().filter(|name| !seen.contains(&(event.index, (*name).clone()))) {
            problems.push(Problem::new(format!("event {} {name}: shown or withheld", event.index), "missing"));
        }
    }
    checks.all("commitments", path, lines.len() - withheld, problems);
}

/// The checkpoint: its text, its two forms of signature, its key, and whether that key is one we trust.
/// `source` is the file that says `log`.
pub(super) fn head(files: &Files, log: &LogFacts, source: &str, pins: &[Pin], checks: &mut Checks) -> Option<Checkpoint> {
    const TEXT: &str = "data/proofs/checkpoint.txt";
    const SIGNATURE: &str = "data/proofs/checkpoint.txt.ed25519.sig";
    const PEM: &str = "trust/log-ed25519.pub.pem";
    let vkey = match Vkey::parse(&log.vkey) {
        Ok(vkey) => vkey,
        Err(e) => {
            checks.fail("log_key", source, "a verifier key", e);
            return None;
        }
    };
    if let Some(pem) = file(files, PEM, checks) {
        checks.same("log_key_file", PEM, vkey.to_pem(), String::from_utf8_lossy(pem));
    }
    let opened = files.get(NOTE).and_then(|note| checkpoint::open(&String::from_utf8_lossy(note), &vkey).ok());
    let links = keys::links(files, opened.as_ref(), checks);
    let text = files.get(NOTE).map(|note| String::from_utf8_lossy(note)).unwrap_or_default();
    let parsed = Note::parse(&text).ok();
    let head = opened.as_ref().zip(parsed.as_ref()).map(|(checkpoint, note)| Head { note, size: checkpoint.size });
    keys::trust(&vkey, (&links, head), pins, checks);
    root(files, &vkey, checks);
    let note = String::from_utf8_lossy(file(files, NOTE, checks)?);
    let (checkpoint, signature) = match checkpoint::open(&note, &vkey).and_then(|c| Ok((c, checkpoint::raw_signature(&note, &vkey)?))) {
        Ok(opened) => opened,
        Err(e) => {
            checks.fail("checkpoint_signature", NOTE, "signed by the log's key", e);
            return None;
        }
    };
    checks.add("checkpoint_signature", Answer::Pass, NOTE, &vkey, &vkey);
    second(&note, log, source, pins, (&links, head), checks);
    if let Some(text) = file(files, TEXT, checks) {
        checks.same("checkpoint_text", TEXT, checkpoint.text(), String::from_utf8_lossy(text));
    }
    if let Some(raw) = file(files, SIGNATURE, checks) {
        checks.same("raw_signature", SIGNATURE, hex::encode(signature), hex::encode(raw));
    }
    let facts = format!("{} {} {}", checkpoint.origin, checkpoint.size, hex::encode(checkpoint.root));
    checks.same("checkpoint_facts", source, facts, format!("{} {} {}", log.origin, log.size, log.root));
    if log.as_of > checkpoint.size {
        checks.fail("checkpoint_facts", source, format!("at most {}", checkpoint.size), log.as_of);
    }
    Some(checkpoint)
}

/// The second signature of the checkpoint, by ML-DSA-44. One that a key is known for must hold; the key is the bundle's own, and whoever wants
/// to rely on it pins it.
fn second(note: &str, log: &LogFacts, source: &str, pins: &[Pin], succession: (&[Link], Option<Head<'_>>), checks: &mut Checks) {
    const NAME: &str = "checkpoint_mldsa_signature";
    let own = match log.mldsa.as_deref().map(MldsaVkey::parse).transpose() {
        Ok(own) => own.filter(|own| own.name() == log.origin),
        Err(e) => return checks.fail("log_mldsa_key", source, "a verifier key", e),
    };
    for trusted in pins.iter().filter_map(|pin| if let Pin::Mldsa(trusted) = pin { Some(trusted) } else { None }) {
        keys::trust_mldsa(own.as_ref(), succession, trusted, source, checks);
    }
    let Some(key) = own else { return };
    match Note::parse(note).and_then(|note| key.verify(&note)) {
        Ok(_) => checks.add(NAME, Answer::Pass, NOTE, &key, &key),
        Err(e) => checks.fail(NAME, NOTE, key, e),
    }
}

/// The signature over the root manifest: with it no file of the bag can be changed and made to fit, whether an event commits to it or not.
fn root(files: &Files, vkey: &Vkey, checks: &mut Checks) {
    let (Some(manifest), Some(bytes)) = (file(files, ROOT, checks), file(files, SIGNATURE, checks)) else { return };
    let signature = bytes.try_into().ok().map(|bytes: [u8; 64]| Signature::from_bytes(&bytes));
    if signature.is_some_and(|s| vkey.key().verify_strict(manifest, &s).is_ok()) {
        checks.add("bundle_signature", Answer::Pass, ROOT, vkey, vkey);
    } else {
        // Either may be the one that was changed.
        for path in [ROOT, SIGNATURE] {
            checks.fail("bundle_signature", path, format!("signed by {vkey}"), "another file, or another signature");
        }
    }
}

/// Whether a text stands anywhere inside a JSON value.
pub(super) fn mentions(value: &Value, text: &str) -> bool {
    match value {
        Value::String(s) => s == text,
        Value::Array(items) => items.iter().any(|v| mentions(v, text)),
        Value::Object(members) => members.values().any(|v| mentions(v, text)),
        _ => false,
    }
}
