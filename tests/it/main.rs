//! The stories: one binary, one module a story.

#![allow(clippy::unwrap_used)]

mod browser;
mod bundle;
mod connect_emulator;
mod connect_matrix;
mod connect_wecom;
mod fake_http;
mod contrast;
mod broadcasts;
mod floors;
mod ledger;
mod shell;
mod store;
mod support;
mod vectors;
mod words;
