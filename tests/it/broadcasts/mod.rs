//! Broadcasts: sent through the emulator with every fault, imported, reported by hand, seen in pages and through the API.

mod import;
mod report;
mod send;
mod stage;
