//! The stories: one binary, one module a story.

#![allow(clippy::unwrap_used)]

mod alerts;
mod archive;
mod attacks;
mod audits;
mod backup;
mod broadcasts;
mod browser;
mod bundle;
mod certificate;
mod command_line;
mod connect_emulator;
mod connect_matrix;
mod connect_wecom;
mod contrast;
mod erasure;
mod events;
mod fake_http;
mod faults;
mod floors;
mod keys;
mod ledger;
mod lists;
mod notices;
mod people_accounts;
mod people_signin;
mod periods;
mod personal;
mod recalls;
mod retention;
mod searched;
mod shell;
mod store;
mod streams;
mod support;
mod tamper;
mod timestamps;
mod trail;
mod vectors;
mod verifier;
mod viewer;
mod walk;
mod witness;
mod words;
