//! The log seen from outside: it agrees with other people's programs, and refuses what was tampered with.

mod checkpoint;
mod kept;
mod leaf;
mod plain;
mod proof;
mod publish;
mod tiles;
mod tree;

use countermand::ledger::tree::{Hash, Memory, leaf_hash};

/// Entry `index` of every log in these tests.
pub fn entry(index: u64) -> Vec<u8> {
    // Lengths differ, and some entries are empty or look like nodes.
    match index % 7 {
        0 => Vec::new(),
        1 => [&[1][..], &leaf_hash(&index.to_be_bytes()), &leaf_hash(b"")].concat(),
        _ => format!("{{\"n\":{index},\"fill\":\"{}\"}}", "工".repeat(index as usize % 50)).into_bytes(),
    }
}

pub fn hashes(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&entry(index))).collect()
}

pub fn log(size: u64) -> Memory {
    hashes(size).into_iter().collect()
}
