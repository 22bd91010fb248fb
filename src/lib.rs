//! Countermand: taking back a mass message with due process.
//!
//! # The house
//! Floors from bottom to top; a floor imports only from floors below it (`tests/it/floors.rs` fails on any other arrow).
//!
//! | floor | what lives there |
//! |---|---|
//! | [`clock`], [`id`], [`crash`], [`crypto`], [`i18n`], [`config`] | the ground: time, ids, keys and envelopes, words, settings |
//! | [`domain`] | pure rules: roles, the recall's state machine, windows, outcomes, the catalogue of events |
//! | [`ledger`] | the log: leaves, commitments, tree, tiles, checkpoints, proofs; no database, no clock |
//! | [`store`] | all of diesel, behind `Store::read` and `Store::write` |
//! | [`connect`] | the platforms, behind the trait `Connector`; the emulator |
//! | [`evidence`] | bundles: build and verify, without a database |
//! | [`app`] | use cases: authorise, load, decide, one write (change + audit event + job) |
//! | [`jobs`] | the runner and its shallow jobs |
//! | [`web`] | pages, API and their middleware |
//! | [`cli`] | the command line |

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connect;
pub mod crash;
pub mod crypto;
pub mod domain;
pub mod evidence;
pub mod i18n;
pub mod id;
pub mod jobs;
pub mod ledger;
pub mod store;
pub mod web;
