//! The quick reading of a leaf accepts nothing that the thorough one refuses, and says the same.

use countermand::ledger::{
    leaf::{Leaf, Party},
    plain::Plain,
};
use proptest::prelude::*;

use super::leaf::any_leaf;

/// Strings that have to be escaped, and purges, are left to the thorough reading.
fn is_plain(leaf: &Leaf) -> bool {
    let texts = [Some(&leaf.actor.id), Some(&leaf.subject.id), leaf.session.as_ref(), leaf.case.as_ref(), leaf.node.as_ref()];
    leaf.purge.is_none() && texts.into_iter().flatten().all(|text| !text.contains(['"', '\\']) && !text.contains(|c: char| c < ' '))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn plain_leaves_are_read_and_others_left_alone(leaf in any_leaf()) {
        let bytes = leaf.to_bytes().unwrap();
        prop_assert_eq!(Plain::read(&bytes), is_plain(&leaf).then(|| Plain::of(&leaf)));
    }

    #[test]
    fn whatever_is_read_quickly_is_read_thoroughly_and_the_same(leaf in any_leaf(), place in any::<prop::sample::Index>(), other in any::<u8>()) {
        let mut bytes = leaf.to_bytes().unwrap();
        let place = place.index(bytes.len());
        bytes[place] = other;
        if let Some(plain) = Plain::read(&bytes) {
            let thorough = Leaf::parse(&bytes);
            prop_assert!(thorough.is_ok(), "{:?}", String::from_utf8_lossy(&bytes));
            prop_assert_eq!(Some(plain), thorough.as_ref().ok().map(Plain::of));
        }
    }

    #[test]
    fn no_date_is_read_that_is_none(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9]\\.[0-9]{6}Z", leaf in any_leaf()) {
        let party = Party { kind: "user".to_owned(), id: "u-1".to_owned() };
        let action = "recall.decided".to_owned();
        let leaf = Leaf { action, actor: party.clone(), subject: party, session: None, case: None, node: None, purge: None, ..leaf };
        let bytes = String::from_utf8(leaf.to_bytes().unwrap()).unwrap().replacen(leaf.at.to_rfc3339().as_str(), &text, 1);
        let thorough = Leaf::parse(bytes.as_bytes()).ok();
        prop_assert_eq!(Plain::read(bytes.as_bytes()), thorough.as_ref().map(Plain::of));
    }
}
