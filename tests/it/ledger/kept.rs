//! What is kept beside the log and bound by it: sets of recipients, purge lists, decision statements.

use countermand::{
    clock::Instant,
    ledger::{
        closing::Closing,
        purge::{PurgeError, PurgeList},
        set::{self, Set},
        statement::{Policy, Statement, StatementError},
        tree::{EMPTY_ROOT, Memory, inclusion, verify_inclusion},
    },
};

const EVENT: &str = "01935f00-0000-7000-8000-000000000000";
const OTHER: &str = "01935f00-0000-7000-8000-000000000001";

#[test]
fn one_recipient_is_shown_to_belong_without_the_others() {
    let rows: Vec<_> = (0..1000u32).map(|n| ([n as u8; 16], format!("{{\"id\":\"u{n:04}\"}}"))).collect();
    let set = Set::of(rows.clone());
    assert_eq!(set.count, 1000);
    let log: Memory = rows.iter().map(|(salt, value)| set::leaf(salt, value.as_bytes())).collect();
    let proof = inclusion(&log, 417, 1000).unwrap();
    let shown = |salt: &[u8; 16], value: &str| verify_inclusion(&set::leaf(salt, value.as_bytes()), 417, set.count, &proof, &set.root);
    assert!(shown(&[417u32 as u8; 16], r#"{"id":"u0417"}"#));
    assert!(!shown(&[417u32 as u8; 16], r#"{"id":"u0418"}"#));
    assert!(!shown(&[0; 16], r#"{"id":"u0417"}"#));
}

#[test]
fn a_set_changes_with_its_order_its_salts_and_its_rows() {
    let of = |rows: &[([u8; 16], &str)]| Set::of(rows.iter().copied()).root;
    let (a, b) = (([1; 16], "a"), ([2; 16], "b"));
    let base = of(&[a, b]);
    for other in [vec![b, a], vec![a], vec![a, b, b], vec![([3; 16], "a"), b], vec![a, ([2; 16], "c")]] {
        assert_ne!(of(&other), base);
    }
    assert_eq!(Set::of(Vec::<([u8; 16], Vec<u8>)>::new()), Set { count: 0, root: EMPTY_ROOT });
}

#[test]
fn a_set_in_json_is_read_strictly() {
    let hex = "0a".repeat(32);
    assert_eq!(serde_json::from_str::<Set>(&format!(r#"{{"count":2,"root":"{hex}"}}"#)).unwrap(), Set { count: 2, root: [10; 32] });
    for bad in [
        format!(r#"{{"count":2,"root":"{}"}}"#, hex.to_uppercase()),
        format!(r#"{{"count":2,"root":"{}"}}"#, &hex[2..]),
        format!(r#"{{"count":-2,"root":"{hex}"}}"#),
        format!(r#"{{"root":"{hex}"}}"#),
        format!(r#"{{"count":2,"root":"{hex}","size":2}}"#),
    ] {
        assert!(serde_json::from_str::<Set>(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_purge_names_each_part_once_in_one_order() {
    let list = PurgeList::new([(OTHER, "text"), (EVENT, "client"), (EVENT, "actor")]).unwrap();
    assert_eq!(list, PurgeList::new([(EVENT, "actor"), (OTHER, "text"), (EVENT, "client")]).unwrap());
    assert_eq!(list.text(), format!("{EVENT}/actor\n{EVENT}/client\n{OTHER}/text\n"));
    assert!(list.contains(EVENT, "client") && !list.contains(EVENT, "text") && !list.contains(OTHER, "client") && !list.contains("", ""));
    let leaf = list.to_leaf(Instant(5));
    assert_eq!((leaf.count, leaf.before, leaf.ids), (3, Instant(5), list.hash()));
    assert_eq!(PurgeList::new([(EVENT, "text"), (EVENT, "text")]), Err(PurgeError::Twice));
    for (event, part) in [(EVENT, ""), (EVENT, "a/b"), (EVENT, "a\nb"), ("", "text"), ("not-an-id", "text")] {
        assert_eq!(PurgeList::new([(event, part)]), Err(PurgeError::Name), "{event}/{part}");
    }
    assert_eq!(PurgeList::parse("").unwrap(), PurgeList::default());
}

#[test]
fn a_kept_purge_list_that_was_touched_is_refused() {
    for (bad, error) in [
        (format!("{OTHER}/text\n{EVENT}/actor\n"), PurgeError::Order),
        (format!("{EVENT}/actor"), PurgeError::Order),
        (format!("{EVENT}/actor\r\n"), PurgeError::Order),
        (format!("{EVENT}/actor\n\n"), PurgeError::Name),
        (format!("{EVENT}\n"), PurgeError::Name),
        (format!("{EVENT}/actor\n{EVENT}/actor\n"), PurgeError::Twice),
    ] {
        assert_eq!(PurgeList::parse(&bad), Err(error), "{bad:?}");
    }
}

fn statement() -> Statement {
    Statement {
        case: "case".to_owned(),
        level: 1,
        decision: "approve".to_owned(),
        comment: [1; 32],
        message: [2; 32],
        recipients: Set { count: 3, root: [3; 32] },
        policy: Policy { id: "policy".to_owned(), version: 4 },
        deadline: Instant(5),
        shown: [6; 32],
        decider: "decider".to_owned(),
        nonce: [7; 32],
    }
}

#[test]
fn every_field_of_a_statement_is_part_of_what_is_signed() {
    let base = statement().challenge().unwrap();
    let changed = [
        Statement { case: "other".into(), ..statement() },
        Statement { level: 2, ..statement() },
        Statement { decision: "reject".into(), ..statement() },
        Statement { decision: "return".into(), ..statement() },
        Statement { comment: [0; 32], ..statement() },
        Statement { message: [0; 32], ..statement() },
        Statement { recipients: Set { count: 4, root: [3; 32] }, ..statement() },
        Statement { recipients: Set { count: 3, root: [0; 32] }, ..statement() },
        Statement { policy: Policy { id: "other".into(), version: 4 }, ..statement() },
        Statement { policy: Policy { id: "policy".into(), version: 5 }, ..statement() },
        Statement { deadline: Instant(6), ..statement() },
        Statement { shown: [0; 32], ..statement() },
        Statement { decider: "other".into(), ..statement() },
        Statement { nonce: [0; 32], ..statement() },
    ];
    let mut seen: Vec<_> = changed.iter().map(|statement| statement.challenge().unwrap()).chain([base]).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), changed.len() + 1);
}

#[test]
fn a_statement_outside_the_format_is_never_shown_for_signing() {
    for (field, statement) in [
        ("case", Statement { case: String::new(), ..statement() }),
        ("level", Statement { level: 0, ..statement() }),
        ("level", Statement { level: 4, ..statement() }),
        ("decision", Statement { decision: "maybe".into(), ..statement() }),
        ("recipients", Statement { recipients: Set { count: 1 << 53, root: [3; 32] }, ..statement() }),
        ("policy", Statement { policy: Policy { id: String::new(), version: 4 }, ..statement() }),
        ("policy", Statement { policy: Policy { id: "policy".into(), version: 1 << 53 }, ..statement() }),
        ("deadline", Statement { deadline: Instant(i64::MAX), ..statement() }),
        ("decider", Statement { decider: String::new(), ..statement() }),
    ] {
        assert_eq!(statement.to_bytes(), Err(StatementError(field)));
        assert_eq!(statement.challenge(), Err(StatementError(field)));
    }
}

#[test]
fn a_closed_case_counts_its_events_and_hashes_them_in_order() {
    let (a, b, c) = ([1; 32], [2; 32], [3; 32]);
    let closing = Closing::of([(4, a), (9, b), (10, c)]).unwrap();
    assert_eq!(closing, Closing { count: 3, first: 4, last: 10, leaf_hashes: countermand::crypto::sha256(&[a, b, c].concat()) });
    assert_eq!(closing.to_json(), serde_json::json!({"count": 3, "first": 4, "last": 10, "leaf_hashes": hex::encode(closing.leaf_hashes)}));
    assert_ne!(Closing::of([(4, b), (9, a), (10, c)]), Some(closing));
    assert_eq!(Closing::of([(7, a)]).map(|one| (one.count, one.first, one.last)), Some((1, 7, 7)));
    for bad in [vec![], vec![(9, a), (4, b)], vec![(4, a), (4, b)]] {
        assert_eq!(Closing::of(bad), None);
    }
}
