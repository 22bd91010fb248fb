//! Broadcasts: sent through the emulator with every fault, imported, reported by hand, seen in pages and through the API.

mod api;
mod hostile;
mod import;
mod pages;
mod report;
mod send;
mod sheets;
pub mod stage;
