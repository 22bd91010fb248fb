//! The test vectors of the formats, made by other software: every entry is reproduced.

use countermand::ledger::{
    commitment::{canonical, commit, parse_canonical},
    leaf::Leaf,
    tree::{Frontier, Hash, Memory, consistency, inclusion, leaf_hash, root, verify_consistency, verify_inclusion},
};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors.json")).unwrap()
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    let list = value[key].as_array().unwrap();
    assert!(!list.is_empty(), "{key}");
    list
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap()
}

fn hash(text: &str) -> Hash {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn hashes(value: &Value, key: &str) -> Vec<Hash> {
    value[key].as_array().unwrap().iter().map(|h| hash(h.as_str().unwrap())).collect()
}

fn log() -> Memory {
    hashes(&vectors(), "all_leaf_hashes").into_iter().collect()
}

fn root_of(size: u64) -> Hash {
    hash(text(&vectors()["roots"], &size.to_string()))
}

#[test]
fn leaves_are_read_and_written_byte_for_byte() {
    let vectors = vectors();
    for (index, event) in list(&vectors, "events").iter().enumerate() {
        let bytes = text(event, "leaf").as_bytes();
        let leaf = Leaf::parse(bytes).unwrap();
        assert_eq!(leaf.to_bytes().unwrap(), bytes);
        assert_eq!(leaf_hash(bytes), hash(text(event, "leaf_hash")));
        assert_eq!(leaf_hash(bytes), hashes(&vectors, "all_leaf_hashes")[index]);
        assert_eq!(countermand::crypto::sha256(bytes), hash(text(event, "leaf_sha256")));
    }
}

#[test]
fn parts_open_the_commitments_in_their_leaves() {
    for event in list(&vectors(), "events") {
        let leaf = Leaf::parse(text(event, "leaf").as_bytes()).unwrap();
        let parts = event["parts"].as_object().unwrap();
        assert_eq!(leaf.parts.keys().collect::<Vec<_>>(), parts.keys().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>());
        for (name, part) in parts {
            let value = text(part, "value").as_bytes();
            assert_eq!(commit(&hash(text(part, "salt")), value), leaf.parts[name]);
            assert_eq!(canonical(&parse_canonical(value).unwrap()).unwrap(), value);
        }
    }
}

#[test]
fn roots_match_whole_and_one_by_one() {
    let (log, vectors) = (log(), vectors());
    assert_eq!(log.size(), 70);
    let mut frontier = Frontier::new();
    let mut seen = 0;
    for size in 0..=log.size() {
        if let Some(expected) = vectors["roots"].get(size.to_string()) {
            let expected = hash(expected.as_str().unwrap());
            assert_eq!(root(&log, size).unwrap(), expected, "{size}");
            assert_eq!(frontier.root(), expected, "{size}");
            seen += 1;
        }
        if size < log.size() {
            frontier.append(hashes(&vectors, "all_leaf_hashes")[size as usize]);
        }
    }
    assert_eq!(seen, vectors["roots"].as_object().unwrap().len());
}

#[test]
fn inclusion_proofs_match_and_hold() {
    let (log, vectors) = (log(), vectors());
    for case in list(&vectors, "inclusion") {
        let (index, size) = (number(case, "index"), number(case, "size"));
        let proof = inclusion(&log, index, size).unwrap();
        assert_eq!(proof, hashes(case, "proof"), "{index} in {size}");
        assert!(verify_inclusion(&hashes(&vectors, "all_leaf_hashes")[index as usize], index, size, &proof, &root(&log, size).unwrap()));
    }
}

#[test]
fn consistency_proofs_match_and_hold() {
    let log = log();
    for case in list(&vectors(), "consistency") {
        let (from, to) = (number(case, "from"), number(case, "to"));
        let proof = consistency(&log, from, to).unwrap();
        assert_eq!(proof, hashes(case, "proof"), "{from} to {to}");
        assert!(verify_consistency(from, &root(&log, from).unwrap(), to, &root(&log, to).unwrap(), &proof));
    }
    assert_eq!(root(&log, 70).unwrap(), root_of(70));
}
