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
//!
//! # One recall, walked through it
//! 1. A notice goes out. [`web::console::broadcasts`] hands the form to [`app::broadcasts::send::send`]: one [`store::Store::write`] seals
//!    the text under a key of its own, binds the recipients by a salted Merkle root ([`ledger::set`]), appends `broadcast.submitted` and
//!    enqueues the job `send_broadcast`. [`app::broadcasts::deliver::step`] records `broadcast.call_started`, calls the
//!    [`connect::Connector`], records the raw answer.
//! 2. Its recall is asked for. [`app::recalls::check::check`] tells path, time left and who can judge ([`domain::recall::request`]);
//!    [`app::recalls::submit::submit`] opens the case, with a job that will expire it.
//! 3. Three people decide. [`app::recalls::decide::decide`] asks [`domain::recall::approval::decide`], spends the one-time code, binds what
//!    was decided into a [`ledger::statement::Statement`] and appends `recall.decided`, all in one write.
//! 4. The third approval enqueues `execute_recall`. [`app::recalls::execute::step`] asks [`domain::recall::execution`] what comes next
//!    for each message, before each call and after each answer, until every recipient has an outcome.
//! 5. [`app::recalls::close::step`] appends `case.closed` over the case's events; [`app::evidence::seal::step`] collects them, and
//!    [`evidence`] makes the bundle that [`evidence::verify`] and commodity tools check without us; [`app::timestamps`] has others say when.
//! 6. An auditor looks at a period: [`app::audits`] makes the pack ([`evidence::audit`]) that proves that no case of it is missing.
//!
//! Whatever happens on the way is an event first: if it cannot be written, the action does not happen. [`store::verify`] recomputes them
//! all; [`ledger`] proves them to strangers.

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
