//! The log: what an event becomes once it can no longer be taken back.
//!
//! Pure: no database, no clock, no network, no files. Everything here is a function of its arguments, so that an auditor's machine
//! computes the same bytes as ours. Formats: RFC 8785 (canonical JSON), RFC 6962 (tree), C2SP tlog-tiles, signed-note,
//! tlog-checkpoint, tlog-cosignature, tlog-witness, tlog-policy and tlog-proof.
//!
//! | module | what it answers |
//! |---|---|
//! | [`leaf`] | which bytes stand for an event |
//! | [`plain`] | the same, read without copying |
//! | [`commitment`] | how a leaf binds what it must not show |
//! | [`tree`] | roots, proofs, and whether a proof holds |
//! | [`tile`] | how the tree lies on disk and on the wire |
//! | [`checkpoint`] | what the log signs |
//! | [`note`] | how it is signed |
//! | [`mldsa`] | how it is signed a second time, against quantum computers |
//! | [`succession`] | which key follows which |
//! | [`cosignature`] | how a witness says that it has seen it |
//! | [`witness`] | when a witness may say so |
//! | [`policy`] | which witnesses have to |
//! | [`proof`] | one event's proof as a file |
//! | [`range`] | that events lie side by side in the log, none left out |
//! | [`set`] | a hundred thousand recipients in 32 bytes |
//! | [`purge`] | which parts were erased, by name |
//! | [`closing`] | that no event of a case is missing |
//! | [`statement`] | what a decider signs |
//! | [`publish`] | the whole log as files for a static server |

mod bundle;
pub mod checkpoint;
pub mod closing;
pub mod commitment;
pub mod cosignature;
mod encode;
mod frontier;
mod grow;
pub mod leaf;
mod memory;
pub mod mldsa;
pub mod note;
pub mod plain;
pub mod policy;
pub mod proof;
pub mod publish;
pub mod purge;
pub mod range;
pub mod set;
pub mod statement;
pub mod succession;
pub mod tile;
pub mod tree;
mod verify;
pub mod witness;
