//! Roots and proofs, against the definition in RFC 6962 and against an implementation by other people.

use countermand::ledger::tree::{
    EMPTY_ROOT, Frontier, FrontierError, Hash, HashReader, Memory, Prover, TreeError, consistency, inclusion, leaf_hash, node_hash, root, tile_root,
    verify_consistency, verify_inclusion,
};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use proptest::prelude::*;
use sha2_next::Sha256;

use super::{entry, hashes, log};

#[test]
fn appending_whole_tiles_gives_the_tree_of_their_leaves() {
    let mut quick = Frontier::new();
    for tiles in 1..=9 {
        let leaves = hashes(tiles * 256 + 3);
        quick.append_tile(tile_root(&leaves[leaves.len() - 259..leaves.len() - 3]));
        let mut slow = Frontier::new();
        slow.extend(leaves[..leaves.len() - 3].iter().copied());
        assert_eq!(quick, slow, "{tiles} tiles");
        // And leaves go on after tiles.
        let mut longer = quick.clone();
        longer.extend(leaves[leaves.len() - 3..].iter().copied());
        assert_eq!(longer.root(), by_definition(&leaves));
    }
}

/// MTH of RFC 6962 §2.1, word for word.
fn by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let k = leaves.len().next_power_of_two() / 2;
            node_hash(&by_definition(&leaves[..k]), &by_definition(&leaves[k..]))
        }
    }
}

fn others(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..size).for_each(|index| tree.push(entry(index)));
    tree
}

fn others_root(hash: Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new(hash.into(), size)
}

#[test]
fn every_proof_in_every_small_log_holds_and_is_the_only_one_of_its_kind() {
    let log = log(33);
    let leaves = hashes(33);
    for size in 0..=33 {
        let head = root(&log, size).unwrap();
        assert_eq!(head, by_definition(&leaves[..size as usize]));
        for index in 0..size {
            let proof = inclusion(&log, index, size).unwrap();
            for other in 0..size + 2 {
                assert_eq!(verify_inclusion(&leaves[index as usize], other, size, &proof, &head), other == index, "{index} as {other} in {size}");
            }
        }
        for from in 0..=size {
            let proof = consistency(&log, from, size).unwrap();
            for other in 1..=size {
                let claimed = root(&log, other).unwrap();
                assert_eq!(
                    verify_consistency(other, &claimed, size, &head, &proof),
                    other == from || from == 0 && other == size,
                    "{from} as {other} in {size}"
                );
            }
        }
    }
}

/// A way to damage a proof at a place.
type Change<'c> = &'c dyn Fn(&mut Vec<Hash>, usize);

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn roots_and_proofs_are_those_of_other_software(size in 1u64..2000, pick in any::<prop::sample::Index>(), earlier in any::<prop::sample::Index>()) {
        let (ours, theirs) = (log(size), others(size));
        let head = root(&ours, size).unwrap();
        prop_assert_eq!(head.to_vec(), theirs.root().as_bytes().to_vec());

        let index = pick.index(size as usize);
        let proof = inclusion(&ours, index as u64, size).unwrap();
        prop_assert_eq!(proof.concat(), theirs.prove_inclusion(index).as_bytes().to_vec());
        let given = InclusionProof::<Sha256>::try_from_bytes(proof.concat()).unwrap();
        prop_assert!(others_root(head, size).verify_inclusion(&entry(index as u64), index as u64, &given).is_ok());
        prop_assert!(verify_inclusion(&leaf_hash(&entry(index as u64)), index as u64, size, &proof, &head));

        let from = 1 + earlier.index(size as usize) as u64;
        let old = root(&ours, from).unwrap();
        let proof = consistency(&ours, from, size).unwrap();
        prop_assert_eq!(proof.concat(), theirs.prove_consistency((size - from) as usize).as_bytes().to_vec());
        let given = ConsistencyProof::<Sha256>::try_from_bytes(proof.concat()).unwrap();
        prop_assert!(others_root(head, size).verify_consistency(&others_root(old, from), &given).is_ok());
        prop_assert!(verify_consistency(from, &old, size, &head, &proof));
    }

    #[test]
    fn one_changed_bit_anywhere_breaks_an_inclusion_proof(size in 2u64..600, pick in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), bit in 0usize..256) {
        let log = log(size);
        let head = root(&log, size).unwrap();
        let index = pick.index(size as usize) as u64;
        let leaf = leaf_hash(&entry(index));
        let proof = inclusion(&log, index, size).unwrap();
        // Leaf and root count as two more hashes of the proof.
        let mut all = [&[leaf, head][..], &proof].concat();
        let place = place.index(all.len());
        all[place][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_inclusion(&all[0], index, size, &all[2..], &all[1]));
    }

    #[test]
    fn one_changed_bit_anywhere_breaks_a_consistency_proof(size in 2u64..600, earlier in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), bit in 0usize..256) {
        let log = log(size);
        let from = 1 + earlier.index(size as usize - 1) as u64;
        let mut all = vec![root(&log, from).unwrap(), root(&log, size).unwrap()];
        all.extend(consistency(&log, from, size).unwrap());
        prop_assert!(verify_consistency(from, &all[0], size, &all[1], &all[2..]));
        let place = place.index(all.len());
        all[place][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_consistency(from, &all[0], size, &all[1], &all[2..]));
    }

    #[test]
    fn a_proof_with_a_hash_more_less_or_elsewhere_is_refused(size in 3u64..600, pick in any::<prop::sample::Index>(), place in any::<prop::sample::Index>()) {
        let log = log(size);
        let head = root(&log, size).unwrap();
        let number = pick.index(size as usize - 1) as u64;
        let (leaf, old) = (leaf_hash(&entry(number)), root(&log, number + 1).unwrap());
        let (included, extends) = (inclusion(&log, number, size).unwrap(), consistency(&log, number + 1, size).unwrap());
        let holds = |inclusion: &[Hash], consistency: &[Hash]| (verify_inclusion(&leaf, number, size, inclusion, &head), verify_consistency(number + 1, &old, size, &head, consistency));
        prop_assert_eq!(holds(&included, &extends), (true, true));

        let with = |proof: &[Hash], change: Change| {
            let mut proof = proof.to_vec();
            let place = place.index(proof.len());
            change(&mut proof, place);
            proof
        };
        let changes: [Change; 5] = [
            &|proof, place| { proof.remove(place); },
            &|proof, place| { let twice = proof[place]; proof.insert(place, twice); },
            &|proof, _| proof.push(EMPTY_ROOT),
            &|proof, _| proof.insert(0, EMPTY_ROOT),
            &|proof, _| proof.clear(),
        ];
        for (nth, change) in changes.iter().enumerate() {
            prop_assert_eq!(holds(&with(&included, change), &with(&extends, change)), (false, false), "change {}", nth);
        }
        if included.len() > 1 {
            let turned: Vec<_> = included.iter().rev().copied().collect();
            prop_assert!(!verify_inclusion(&leaf, number, size, &turned, &head));
        }
    }

    #[test]
    fn the_frontier_knows_the_root_at_every_size_and_survives_storage(size in 0u64..1500) {
        let log = log(size);
        let mut frontier = Frontier::new();
        frontier.extend(hashes(size));
        prop_assert_eq!(frontier.size(), size);
        prop_assert_eq!(frontier.root(), root(&log, size).unwrap());
        prop_assert_eq!(&Frontier::read(&log, size).unwrap(), &frontier);
        let bytes = frontier.to_bytes();
        prop_assert!(bytes.len() <= 8 + 64 * 32);
        prop_assert_eq!(&Frontier::from_bytes(&bytes).unwrap(), &frontier);
        for cut in [0, 7, bytes.len() - 1] {
            prop_assert!(Frontier::from_bytes(&bytes[..cut]).is_err());
        }
        for more in [1, 31, 32] {
            prop_assert!(Frontier::from_bytes(&[&bytes[..], &[0; 32][..more]].concat()).is_err());
        }
        let mut next = Frontier::from_bytes(&bytes).unwrap();
        next.append(EMPTY_ROOT);
        frontier.append(EMPTY_ROOT);
        prop_assert_eq!(next, frontier);
    }
}

#[test]
fn sizes_that_were_never_reached_are_refused_without_arithmetic_accidents() {
    let leaf = leaf_hash(b"");
    for (index, size) in [(0, 0), (1, 1), (u64::MAX, u64::MAX), (u64::MAX - 1, u64::MAX), (0, u64::MAX), (1 << 63, u64::MAX), (u64::MAX, 0)] {
        for depth in [0, 1, 63, 64, 65, 200] {
            assert!(!verify_inclusion(&leaf, index, size, &vec![leaf; depth], &leaf), "{index} {size} {depth}");
        }
    }
    for (from, to) in [(1, 0), (2, 1), (u64::MAX, u64::MAX - 1), (1, u64::MAX), (u64::MAX - 1, u64::MAX), (1 << 63, u64::MAX), (0, 1)] {
        for depth in [1, 63, 64, 65, 200] {
            assert!(!verify_consistency(from, &EMPTY_ROOT, to, &leaf, &vec![leaf; depth]), "{from} {to} {depth}");
        }
    }
}

#[test]
fn a_proof_from_a_larger_log_does_not_pass_for_a_smaller_one() {
    let (log, leaves) = (log(8), hashes(8));
    let root = |size| root(&log, size).unwrap();
    assert!(verify_inclusion(&leaves[1], 1, 2, &leaves[..1], &root(2)));
    assert!(!verify_inclusion(&leaves[1], 0, 1, &leaves[..1], &root(2)));
    let proof = consistency(&log, 7, 8).unwrap();
    assert!(verify_consistency(7, &root(7), 8, &root(8), &proof));
    assert!(!verify_consistency(3, &root(7), 4, &root(8), &proof));
}

#[test]
fn a_proof_from_a_smaller_log_does_not_pass_for_a_larger_one() {
    let (log, leaves) = (log(8), hashes(8));
    let root = |size| root(&log, size).unwrap();
    assert!(!verify_inclusion(&leaves[1], 1, 3, &leaves[..1], &root(2)));
    let proof = consistency(&log, 3, 4).unwrap();
    assert!(verify_consistency(3, &root(3), 4, &root(4), &proof));
    assert!(!verify_consistency(3, &root(3), 5, &root(4), &proof));
    // Nothing shrinks, whatever roots are claimed for it.
    assert!(!verify_consistency(2, &root(2), 1, &root(2), &[]));
    assert!(!verify_consistency(4, &root(3), 3, &root(3), &[]));
}

#[test]
fn the_empty_log_has_one_root_and_everything_begins_with_it() {
    let (one, wrong) = (root(&log(1), 1).unwrap(), leaf_hash(b"x"));
    assert_eq!(EMPTY_ROOT, countermand::crypto::sha256(b""));
    assert_eq!(root(&Memory::new(), 0), Ok(EMPTY_ROOT));
    assert!(verify_consistency(0, &EMPTY_ROOT, 0, &EMPTY_ROOT, &[]));
    assert!(verify_consistency(0, &EMPTY_ROOT, 1, &one, &[]));
    assert!(verify_consistency(1, &one, 1, &one, &[]));
    assert!(!verify_consistency(0, &wrong, 0, &wrong, &[]));
    assert!(!verify_consistency(0, &wrong, 1, &one, &[]));
    assert!(!verify_consistency(1, &one, 1, &wrong, &[]));
    assert!(!verify_consistency(1, &one, 1, &one, &[one]));
    assert!(!verify_consistency(1, &one, 0, &EMPTY_ROOT, &[]));
}

#[test]
fn an_entry_cannot_pass_for_a_node() {
    // Without the prefixes 0x00 and 0x01 the entry made of two leaf hashes would have the root of those leaves.
    let (left, right) = (leaf_hash(b"a"), leaf_hash(b"b"));
    assert_ne!(leaf_hash(&[left, right].concat()), node_hash(&left, &right));
    assert_ne!(node_hash(&left, &right), node_hash(&right, &left));
}

#[test]
fn a_large_log_is_proven_from_a_few_tiles() {
    /// Counts the tiles read.
    struct Counted(Memory, std::cell::Cell<usize>);
    impl HashReader for Counted {
        type Error = std::convert::Infallible;
        fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, Self::Error> {
            self.1.set(self.1.get() + 1);
            self.0.tile(level, index, width)
        }
    }
    let size = 70_000;
    let log = Counted(log(size), 0.into());
    let head = root(&log, size).unwrap();
    assert_eq!(log.1.take(), 3, "the right edge at each level");
    for index in [0, 255, 256, 65_535, 65_536, 69_631, 69_632, 69_999] {
        let proof = inclusion(&log, index, size).unwrap();
        assert!(verify_inclusion(&leaf_hash(&entry(index)), index, size, &proof, &head));
        assert!(log.1.take() <= 6);
        let from = index + 1;
        let proof = consistency(&log, from, size).unwrap();
        assert!(verify_consistency(from, &root(&log.0, from).unwrap(), size, &head, &proof));
        assert!(log.1.take() <= 6);
    }
    let prover = Prover::new(&log, size);
    for index in 0..256 {
        assert_eq!(prover.inclusion(index).unwrap(), inclusion(&log.0, index, size).unwrap());
    }
    assert!(log.1.take() <= 6, "a neighbourhood is read once");
}

#[test]
fn a_log_that_cannot_be_read_gives_no_proof() {
    struct Broken;
    impl HashReader for Broken {
        type Error = &'static str;
        fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, &'static str> {
            match (level, index) {
                (0, 0) => Err("disk"),
                _ => Ok(vec![EMPTY_ROOT; usize::from(width) + 1]),
            }
        }
    }
    assert_eq!(root(&Broken, 3), Err(TreeError::Read("disk")));
    assert!(matches!(root(&Broken, 300), Err(TreeError::Width { found: 2, .. })));
    assert!(matches!(root(&log(10), 11), Err(TreeError::Width { found: 10, .. })));
    assert_eq!(inclusion(&log(10), 10, 10), Err(TreeError::OutOfRange { asked: 10, size: 10 }));
    assert_eq!(inclusion(&log(10), 0, 0), Err(TreeError::OutOfRange { asked: 0, size: 0 }));
    assert_eq!(consistency(&log(10), 11, 10), Err(TreeError::OutOfRange { asked: 11, size: 10 }));
    assert_eq!(Frontier::from_bytes(&[0; 3]), Err(FrontierError { found: 3, expected: 8 }));
    assert_eq!(Frontier::from_bytes(&3u64.to_be_bytes()), Err(FrontierError { found: 8, expected: 72 }));
}

#[test]
fn a_changed_inner_tile_cannot_slip_under_a_new_head() {
    /// Someone changed one stored hash, above the tiles that the old root is made from.
    struct Changed(Memory);
    impl HashReader for Changed {
        type Error = std::convert::Infallible;
        fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<Hash>, Self::Error> {
            let mut hashes = self.0.tile(level, index, width)?;
            if level == 2 {
                hashes[0][0] ^= 1;
            }
            Ok(hashes)
        }
    }
    let (honest, changed) = (log(66_000), Changed(log(66_000)));
    let old = root(&honest, 65_000).unwrap();
    assert_eq!(root(&changed, 65_000).unwrap(), old, "the old root alone says nothing");
    let (proof, now) = (consistency(&changed, 65_000, 66_000).unwrap(), root(&changed, 66_000).unwrap());
    assert!(!verify_consistency(65_000, &old, 66_000, &now, &proof));
    assert!(verify_consistency(65_000, &old, 66_000, &root(&honest, 66_000).unwrap(), &proof));
}
