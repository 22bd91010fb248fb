//! A leaf is read only from the bytes it is written as, and holds only what the format lets it hold.

use std::collections::BTreeMap;

use countermand::{
    clock::Instant,
    ledger::leaf::{Leaf, LeafError, MAX_LEN, Party, Purge},
};
use proptest::prelude::*;

fn party(kind: &str, id: &str) -> Party {
    Party { kind: kind.to_owned(), id: id.to_owned() }
}

fn plain() -> Leaf {
    Leaf {
        id: "01935f00-0000-7000-8000-00000000002a".to_owned(),
        at: Instant::parse("2026-11-22T09:42:08.123456Z").unwrap(),
        action: "recall.decided".to_owned(),
        outcome: "success".to_owned(),
        actor: party("user", "u-1"),
        subject: party("recall", "r-1"),
        session: None,
        case: None,
        node: None,
        parts: BTreeMap::new(),
        purge: None,
    }
}

fn purged() -> Leaf {
    Leaf {
        action: "parts.purged".to_owned(),
        actor: party("system", "system"),
        purge: Some(Purge { count: 3, before: Instant(0), ids: [0xab; 32] }),
        ..plain()
    }
}

fn text(leaf: &Leaf) -> String {
    String::from_utf8(leaf.to_bytes().unwrap()).unwrap()
}

#[test]
fn what_is_absent_leaves_no_trace_and_what_is_there_is_sorted() {
    assert_eq!(
        text(&plain()),
        r#"{"action":"recall.decided","actor":{"id":"u-1","kind":"user"},"at":"2026-11-22T09:42:08.123456Z","id":"01935f00-0000-7000-8000-00000000002a","outcome":"success","parts":{},"subject":{"id":"r-1","kind":"recall"},"v":1}"#
    );
    let full = Leaf {
        session: Some("s".into()),
        case: Some("c".into()),
        node: Some("n".into()),
        parts: [("text".to_owned(), [0; 32]), ("actor".to_owned(), [255; 32])].into(),
        ..plain()
    };
    let bytes = text(&full);
    assert!(bytes.contains(r#""case":"c","id":"#) && bytes.contains(r#""node":"n","outcome":"#) && bytes.contains(r#""session":"s","subject":"#));
    assert!(
        bytes.contains(r#""parts":{"actor":"//////////////////////////////////////////8=","text":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#)
    );
    assert_eq!(Leaf::parse(bytes.as_bytes()).unwrap(), full);
}

#[test]
fn a_purge_stands_in_the_leaf_itself_and_only_in_its_own() {
    let bytes = text(&purged());
    assert!(bytes.contains(&format!(r#""purge":{{"before":"1970-01-01T00:00:00.000000Z","count":3,"ids":"{}"}}"#, "ab".repeat(32))));
    assert_eq!(Leaf::parse(bytes.as_bytes()).unwrap(), purged());
    assert_eq!(Leaf { purge: None, ..purged() }.to_bytes(), Err(LeafError::Field("purge")));
    assert_eq!(Leaf { purge: purged().purge, ..plain() }.to_bytes(), Err(LeafError::Field("purge")));
}

#[test]
fn other_spellings_of_the_same_leaf_are_refused() {
    let bytes = text(&Leaf { parts: [("text".to_owned(), [0; 32])].into(), ..plain() });
    let swap = |from: &str, to: &str| {
        assert!(bytes.contains(from), "{from}");
        bytes.replacen(from, to, 1)
    };
    let spellings = [
        format!("{bytes}\n"),
        format!(" {bytes}"),
        swap(r#""v":1"#, r#""v": 1"#),
        swap(r#""id":"u-1","kind":"user""#, r#""kind":"user","id":"u-1""#),
        swap("u-1", r"\u0075-1"),
        swap(r#","parts""#, r#","node":null,"parts""#),
        swap("08.123456Z", "08.1234560Z"),
        swap("08.123456Z", "08.123456+00:00"),
        swap("09:42:08.123456Z", "10:42:08.123456+01:00"),
    ];
    for spelling in spellings {
        assert_eq!(Leaf::parse(spelling.as_bytes()), Err(LeafError::NotCanonical), "{spelling}");
    }
    let twice = swap(r#""text":"#, r#""text":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","text":"#);
    assert_eq!(Leaf::parse(twice.as_bytes()), Err(LeafError::NotCanonical));
}

#[test]
fn bytes_that_are_no_leaf_are_named_as_what_they_are() {
    let bytes = text(&plain());
    for (from, to, error) in [
        (r#""v":1"#, r#""v":2"#, LeafError::Version(2)),
        (r#""v":1"#, r#""v":1.0"#, LeafError::Shape),
        (r#""v":1"#, r#""w":1"#, LeafError::Shape),
        (r#""v":1"#, r#""v":1,"z":0"#, LeafError::Shape),
        (r#""kind":"user""#, r#""kind":"user","name":"林雨桐""#, LeafError::Shape),
        (r#","parts":{}"#, "", LeafError::Shape),
        (r#""outcome":"success","#, r#""outcome":"success","outcome":"success","#, LeafError::Shape),
        ("}}", "}", LeafError::Shape),
        (r#""parts":{}"#, r#""parts":{"text":"AAAA"}"#, LeafError::Field("parts")),
        (r#""parts":{}"#, r#""parts":{"text":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="}"#, LeafError::Field("parts")),
        (r#""parts":{}"#, r#""parts":{"a/b":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#, LeafError::Field("parts")),
        ("2026-11-22T", "2026-11-32T", LeafError::Field("at")),
        ("2026-11-22T", "yesterday", LeafError::Field("at")),
    ] {
        let changed = if from == "}}" { bytes[..bytes.len() - 1].to_owned() } else { bytes.replacen(from, to, 1) };
        assert_ne!(changed, bytes, "{from}");
        assert_eq!(Leaf::parse(changed.as_bytes()), Err(error), "{changed}");
    }
    let purge = text(&purged());
    for (from, to) in [("abab", "ABAB"), ("abab", "ab"), ("1970-01-01T00", "1970-01-01 at 00")] {
        assert_eq!(Leaf::parse(purge.replacen(from, to, 1).as_bytes()), Err(LeafError::Field("purge")), "{to}");
    }
    for nothing in [&b""[..], b"[]", b"1", b"null", b"\xff", b"{}", b"{\"v\":-1}"] {
        assert_eq!(Leaf::parse(nothing), Err(LeafError::Shape), "{nothing:?}");
    }
}

#[test]
fn fields_outside_the_format_are_refused_before_anything_is_written() {
    let at = |at| Leaf { at: Instant(at), ..plain() };
    let parts = |name: &str| Leaf { parts: [(name.to_owned(), [0; 32])].into(), ..plain() };
    let purge = |count, before| Leaf { purge: Some(Purge { count, before: Instant(before), ids: [0; 32] }), ..purged() };
    for (field, leaf) in [
        ("id", Leaf { id: String::new(), ..plain() }),
        ("id", Leaf { id: "01935F00-0000-7000-8000-00000000002A".into(), ..plain() }),
        ("id", Leaf { id: "01935f00-0000-4000-8000-00000000002a".into(), ..plain() }),
        ("id", Leaf { id: "01935f00-0000-7000-c000-00000000002a".into(), ..plain() }),
        ("id", Leaf { id: "01935f000000-7000-8000-00000000002a0".into(), ..plain() }),
        ("at", at(i64::MAX)),
        ("at", at(i64::MIN)),
        ("at", at(-62_167_219_200_000_001)),
        ("action", Leaf { action: "decided".into(), ..plain() }),
        ("action", Leaf { action: "recall.".into(), ..plain() }),
        ("action", Leaf { action: "recall.decided.twice".into(), ..plain() }),
        ("action", Leaf { action: "Recall.decided".into(), ..plain() }),
        ("outcome", Leaf { outcome: "ok".into(), ..plain() }),
        ("actor", Leaf { actor: party("person", "u-1"), ..plain() }),
        ("actor", Leaf { actor: party("user", ""), ..plain() }),
        ("subject", Leaf { subject: party("", "r-1"), ..plain() }),
        ("subject", Leaf { subject: party("recall", ""), ..plain() }),
        ("session", Leaf { session: Some(String::new()), ..plain() }),
        ("case", Leaf { case: Some(String::new()), ..plain() }),
        ("node", Leaf { node: Some(String::new()), ..plain() }),
        ("parts", parts("")),
        ("parts", parts("a/b")),
        ("parts", parts("a\n")),
        ("parts", parts(&"a".repeat(65))),
        ("purge", purge(1 << 53, 0)),
        ("purge", purge(1, i64::MAX)),
    ] {
        assert_eq!(leaf.to_bytes(), Err(LeafError::Field(field)), "{leaf:?}");
        assert!(leaf.hash().is_err());
    }
    assert!(at(-62_167_219_200_000_000).to_bytes().is_ok(), "the year 0000 begins");
    assert!(at(253_402_207_200_999_999).to_bytes().is_ok(), "the last instant of the calendar");
}

#[test]
fn a_leaf_fills_a_bundle_entry_but_never_overflows_it() {
    let of = |len: usize| Leaf { subject: party("recall", &"r".repeat(len)), ..plain() };
    let frame = of(1).to_bytes().unwrap().len() - 1;
    let largest = of(MAX_LEN - frame).to_bytes().unwrap();
    assert_eq!(largest.len(), 65_535);
    assert!(Leaf::parse(&largest).is_ok());
    assert_eq!(of(MAX_LEN - frame + 1).to_bytes(), Err(LeafError::TooLong(65_536)));
    assert_eq!(Leaf::parse(&[b' '; 65_536]), Err(LeafError::TooLong(65_536)));
}

pub(super) fn any_leaf() -> impl Strategy<Value = Leaf> {
    let id = "[a-zA-Z0-9\u{4e00}-\u{4eff}\"\\\\/\u{0}-\u{1f}]{1,20}";
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
    let optional = || prop::option::of(id);
    let parts = prop::collection::btree_map("[a-z0-9_]{1,12}", any::<[u8; 32]>(), 0..6);
    let purge = prop::option::of((0u64..1 << 53, -60_000_000_000_000_000i64..250_000_000_000_000_000, any::<[u8; 32]>()));
    let ids = (uuid, id, id, optional(), optional(), optional());
    (ids, -60_000_000_000_000_000i64..250_000_000_000_000_000, "[a-z_]{1,9}\\.[a-z_]{1,9}", 0usize..3, parts, purge).prop_map(
        |((id, actor, subject, session, case, node), at, action, word, parts, purge)| Leaf {
            id,
            at: Instant(at),
            action: if purge.is_some() { "parts.purged".to_owned() } else { action },
            outcome: ["success", "refused", "failed"][word].to_owned(),
            actor: party(["user", "token", "job"][word], &actor),
            subject: party("recall", &subject),
            session,
            case,
            node,
            parts,
            purge: purge.map(|(count, before, ids)| Purge { count, before: Instant(before), ids }),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_leaf_comes_back_whole(leaf in any_leaf()) {
        let bytes = leaf.to_bytes().unwrap();
        prop_assert_eq!(Leaf::parse(&bytes).unwrap(), leaf);
    }

    #[test]
    fn a_leaf_is_what_a_canonicaliser_makes_of_it(leaf in any_leaf()) {
        let bytes = leaf.to_bytes().unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        prop_assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), bytes);
    }

    #[test]
    fn no_change_of_a_byte_gives_the_same_leaf(leaf in any_leaf(), place in any::<prop::sample::Index>(), other in any::<u8>()) {
        let bytes = leaf.to_bytes().unwrap();
        let mut changed = bytes.clone();
        changed[place.index(bytes.len())] = other;
        if let Ok(read) = Leaf::parse(&changed) {
            prop_assert_eq!(read == leaf, changed == bytes);
            prop_assert_eq!(read.to_bytes().unwrap(), changed);
        }
    }
}
