//! The test vectors of the formats, made by other software: every entry is reproduced.

use base64::Engine;
use countermand::{
    clock::Instant,
    ledger::{
        commitment::{canonical, commit, parse_canonical},
        leaf::Leaf,
        purge::PurgeList,
        set::{self, Set},
        statement::{Policy, Statement},
        tree::{Frontier, Hash, Memory, consistency, inclusion, leaf_hash, root, verify_consistency, verify_inclusion},
    },
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

#[test]
fn the_set_of_recipients_has_its_count_and_root() {
    let vectors = vectors();
    let rows = list(&vectors["set"], "rows").iter().map(|row| {
        let salt: [u8; 16] = hex::decode(text(row, "salt")).unwrap().try_into().unwrap();
        (salt, text(row, "value"))
    });
    let set = Set::of(rows.clone());
    let expected = serde_json::json!({"count": vectors["set"]["count"], "root": vectors["set"]["root"]});
    assert_eq!(serde_json::to_value(set).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Set>(expected).unwrap(), set);
    assert_eq!(set::root(rows), set.root);
}

#[test]
fn the_decision_statement_has_its_bytes_and_challenge() {
    let vectors = &vectors()["decision_statement"];
    let given: Value = serde_json::from_str(text(vectors, "statement")).unwrap();
    let commitment = |key| base64::engine::general_purpose::STANDARD.decode(text(&given, key)).unwrap().try_into().unwrap();
    let statement = Statement {
        case: text(&given, "case").to_owned(),
        level: number(&given, "level") as u8,
        decision: text(&given, "decision").to_owned(),
        comment: commitment("comment"),
        message: commitment("message"),
        recipients: serde_json::from_value(given["recipients"].clone()).unwrap(),
        policy: Policy { id: text(&given["policy"], "id").to_owned(), version: number(&given["policy"], "version") },
        deadline: Instant::parse(text(&given, "deadline")).unwrap(),
        shown: hash(text(&given, "shown")),
        decider: text(&given, "decider").to_owned(),
        nonce: hash(text(&given, "nonce")),
    };
    assert_eq!(String::from_utf8(statement.to_bytes().unwrap()).unwrap(), text(vectors, "statement"));
    assert_eq!(statement.challenge().unwrap(), hash(text(vectors, "challenge")));
}

#[test]
fn the_purge_list_has_its_text_and_hash() {
    let vectors = &vectors()["purge"];
    let lines: Vec<_> = list(vectors, "list").iter().map(|line| line.as_str().unwrap()).collect();
    let parts = lines.iter().rev().map(|line| line.trim_end().split_once('/').unwrap());
    let purge = PurgeList::new(parts).unwrap();
    assert_eq!(purge.text(), lines.concat());
    assert_eq!(purge.hash(), hash(text(vectors, "ids")));
    assert_eq!(PurgeList::parse(&lines.concat()).unwrap(), purge);
}
