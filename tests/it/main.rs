//! The stories: one binary, one module a story.

#![allow(clippy::unwrap_used)]

mod bundle;
mod ledger;
mod shell;
mod store;
mod support;
mod vectors;
