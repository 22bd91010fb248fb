//! Bundles: what leaves the house as evidence, made from what `app` collected, and checked without a database.
//!
//! | module | what it does |
//! |---|---|
//! | [`collected`] | the plain data that a bundle is made from |
//! | [`bundle`] | a deterministic BagIt bag in a ZIP |
//! | [`tables`], [`columns`], [`csv`] | the CSV files, their dictionary, their escaping |
//! | [`report`] | `evidence.json` |
//! | [`printed`], [`paper`] | the report for people, what it is written on |
//! | [`integrity`] | its chapter on keys and certificates |
//! | [`remedied`] | its table of the remediation plan |
//! | [`certificate`] | the signature by a certificate, and what is said where there is none |
//! | [`gm`] | what the profile "gm" adds: SM3 and SM2 |
//! | [`revocation`] | lists of revoked certificates, for either |
//! | [`timestamps`] | tokens of timestamp authorities, inside and beside it |
//! | [`signed`] | decisions that passkeys signed |
//! | [`succession`] | how the log's keys followed each other |
//! | [`zip`] | the container, written and read |
//! | [`verify`] | whether a bundle holds, offline |
//! | [`audit`] | the auditor's pack: a period instead of a case |
//!
//! Not here: who may export and why (`app::evidence`); the log's formats ([`crate::ledger`]).

pub mod audit;
pub mod bundle;
pub mod certificate;
pub mod collected;
pub mod columns;
pub mod csv;
pub mod gm;
mod integrity;
pub(crate) mod paper;
mod printed;
mod remedied;
pub mod report;
pub mod revocation;
pub mod signed;
pub mod succession;
pub mod tables;
pub mod timestamps;
pub mod verify;
pub mod zip;
