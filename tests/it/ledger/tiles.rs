//! Tiles: their names, their growth in a store that only ever appends to a row, and the bundles beside them.

use std::collections::BTreeMap;

use countermand::ledger::{
    tile::{
        BundleError, GrowError, Resource, TileRef, Tiles, changed, decode_bundle, decode_tile, encode_bundle, encode_tile, entries_path, parse_path,
    },
    tree::{Hash, HashReader, Memory, leaf_hash},
};
use proptest::prelude::*;

use super::{hashes, log};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_that_appends_to_its_rows_ends_with_the_tiles_of_the_whole_log(batches in prop::collection::vec(0usize..700, 1..8)) {
        let leaves = hashes(batches.iter().sum::<usize>() as u64);
        let mut rows: BTreeMap<(u8, u64), Vec<Hash>> = BTreeMap::new();
        let mut size = 0;
        for batch in batches {
            // Nothing is remembered between batches: another process may have written meanwhile.
            let partial = Tiles::edge(size).map(|tile| (tile.level, rows[&(tile.level, tile.index)].clone())).collect();
            let mut tiles = Tiles::open(size, partial).unwrap();
            let written = tiles.grow(&leaves[size as usize..size as usize + batch]);
            let next = size + batch as u64;
            prop_assert_eq!(tiles.size(), next);
            prop_assert_eq!(written.iter().map(|(tile, _)| *tile).collect::<Vec<_>>(), changed(size, next).collect::<Vec<_>>());
            for (tile, hashes) in written {
                prop_assert_eq!(usize::from(tile.width), hashes.len());
                let row = rows.entry((tile.level, tile.index)).or_default();
                prop_assert!(hashes.len() > row.len() && hashes.starts_with(row));
                *row = hashes;
            }
            size = next;
        }
        let whole: Memory = leaves.into_iter().collect();
        let expected: BTreeMap<_, _> = changed(0, size).map(|tile| ((tile.level, tile.index), whole.tile(tile.level, tile.index, tile.width).unwrap())).collect();
        prop_assert_eq!(rows, expected);
    }

    #[test]
    fn every_tile_has_one_name(level in 0u8..64, index in any::<u64>(), width in 1u16..=256) {
        let tile = TileRef { level, index, width };
        prop_assert_eq!(parse_path(&tile.path()), Some(Resource::Hashes(tile)));
        prop_assert_eq!(parse_path(&entries_path(index, width)), Some(Resource::Entries { index, width }));
    }

    #[test]
    fn no_other_name_is_taken_for_a_tile(path in "tile/(0|00|7|63|64|entries|-1|)/x?[0-9]{0,4}(/x?[0-9]{2,4})?(\\.p/[0-9]{0,4})?") {
        match parse_path(&path) {
            Some(Resource::Hashes(tile)) => prop_assert_eq!(tile.path(), path),
            Some(Resource::Entries { index, width }) => prop_assert_eq!(entries_path(index, width), path),
            None => {}
        }
    }
}

#[test]
fn names_are_those_of_the_specification() {
    for (path, expected) in [
        ("tile/0/x001/x234/067", Resource::Hashes(TileRef { level: 0, index: 1_234_067, width: 256 })),
        ("tile/0/000.p/1", Resource::Hashes(TileRef { level: 0, index: 0, width: 1 })),
        ("tile/63/999.p/255", Resource::Hashes(TileRef { level: 63, index: 999, width: 255 })),
        ("tile/entries/x001/000", Resource::Entries { index: 1000, width: 256 }),
    ] {
        assert_eq!(parse_path(path), Some(expected), "{path}");
    }
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/+1/000",
        "tile/0/x000/001",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/x001.p/1",
        "tile/0/000/",
        "/tile/0/000",
        "tile//000",
        "tile/data/000",
        "tile/0/../000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/٠٠٠",
        "tile/entries/000.p/256",
        "tile/Entries/000",
        "tile/0/000\n",
    ] {
        assert_eq!(parse_path(path), None, "{path:?}");
    }
    assert!(parse_path("tile/0/x018/x446/x744/x073/x709/x551/615").is_some(), "the last number that fits");
}

#[test]
fn the_tiles_of_known_sizes_are_the_specifications() {
    let paths = |size| changed(0, size).map(|tile| tile.path()).collect::<Vec<_>>();
    assert_eq!(paths(0), [""; 0]);
    assert_eq!(paths(1), ["tile/0/000.p/1"]);
    assert_eq!(paths(256), ["tile/0/000", "tile/1/000.p/1"]);
    let large = paths(70_000);
    assert_eq!(large.len(), 277);
    assert_eq!(large[272..], ["tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
    assert_eq!(changed(255, 257).map(|tile| tile.path()).collect::<Vec<_>>(), ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]);
    assert_eq!(changed(300, 300).count(), 0);
    assert_eq!(changed(300, 200).count(), 0);
    assert_eq!(Tiles::edge(65_536).map(|tile| tile.path()).collect::<Vec<_>>(), ["tile/2/000.p/1"]);
    let last: Vec<_> = changed((1 << 48) - 1, 1 << 48).map(|tile| tile.path()).collect();
    assert_eq!(last[0], "tile/0/x001/x099/x511/x627/775");
    assert_eq!(last[4..], ["tile/4/255", "tile/5/000", "tile/6/000.p/1"]);
    assert_eq!(Tiles::edge(u64::MAX).map(|tile| (tile.level, tile.width)).collect::<Vec<_>>(), (0..8).map(|level| (level, 255)).collect::<Vec<_>>());
    assert_eq!(TileRef::within(300, 0, 2).width, 0);
    assert_eq!(TileRef::within(u64::MAX, 7, 0).width, 255);
    assert_eq!(TileRef::within(u64::MAX, 255, u64::MAX).width, 0);
}

#[test]
fn a_stored_edge_of_another_size_is_not_grown() {
    let log = log(300);
    let edge = || Tiles::edge(300).map(|tile| (tile.level, log.tile(tile.level, tile.index, tile.width).unwrap())).collect::<BTreeMap<_, _>>();
    assert!(Tiles::open(300, edge()).is_ok());
    assert_eq!(Tiles::open(299, edge()), Err(GrowError { size: 299, level: 0, expected: 43, found: 44 }));
    assert_eq!(Tiles::open(44, edge()), Err(GrowError { size: 44, level: 1, expected: 0, found: 1 }));
    let mut short = edge();
    short.remove(&1);
    assert_eq!(Tiles::open(300, short), Err(GrowError { size: 300, level: 1, expected: 1, found: 0 }));
    let mut stray = edge();
    stray.insert(200, vec![leaf_hash(b"")]);
    assert_eq!(Tiles::open(300, stray), Err(GrowError { size: 300, level: 200, expected: 0, found: 1 }));
}

#[test]
fn tile_files_hold_whole_hashes() {
    let hashes = hashes(256);
    for width in [1, 17, 256] {
        assert_eq!(decode_tile(&encode_tile(&hashes[..width])).unwrap(), hashes[..width]);
    }
    for len in [0, 31, 33, 257 * 32] {
        assert_eq!(decode_tile(&vec![0; len]), None, "{len}");
    }
}

#[test]
fn bundles_come_apart_into_the_same_entries() {
    let entries = [vec![], vec![7], vec![1; 0xffff], "回".into()];
    let bytes = encode_bundle(&entries).unwrap();
    assert_eq!(bytes[..5], [0, 0, 0, 1, 7]);
    assert_eq!(decode_bundle(&bytes).unwrap(), entries);
    let starts = [0, 2, 5, 5 + 2 + 0xffff];
    for cut in [1, 3, 4, 6, 100, bytes.len() - 1] {
        let within = starts.iter().rposition(|start| *start < cut).unwrap();
        assert_eq!(decode_bundle(&bytes[..cut]), Err(BundleError::Truncated(within)), "{cut}");
    }
    assert_eq!(encode_bundle(&[vec![], vec![0; 0x1_0000]]), Err(BundleError::TooLong { position: 1, len: 0x1_0000 }));
    assert_eq!(encode_bundle::<Vec<u8>>(&[]), Err(BundleError::Count(0)));
    assert_eq!(encode_bundle(&[[0]; 257]), Err(BundleError::Count(257)));
    assert_eq!(decode_bundle(&[]), Err(BundleError::Count(0)));
    assert_eq!(decode_bundle(&[0; 2 * 257]), Err(BundleError::Count(257)));
}
