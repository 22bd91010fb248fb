//! The auditor's pack: a signed bag with everything that an audit of a period stands on, checked without a database.
//!
//! | module | what it does |
//! |---|---|
//! | [`facts`] | `audit.json`: what was asked for, where it lies in the log, what is not in it |
//! | [`findings`] | cases, exceptions, counts and sample, read off the leaves one after the other |
//! | [`columns`], [`tables`] | the CSV files |
//! | [`report`] | the report for people |
//! | [`bag`] | the ZIP, written as it comes |
//!
//! Not here: who may make one and what it is collected from (`app::audits`); whether one holds ([`super::verify`]); bundles of one case
//! ([`super::bundle`]).

pub mod bag;
pub mod columns;
pub mod facts;
pub mod findings;
pub mod report;
pub mod tables;

/// How to check a pack, in both languages, and a program that does.
pub const GUIDE: [(&str, &str); 3] = [
    ("VERIFY.zh-CN.md", include_str!("guide/VERIFY.zh-CN.md")),
    ("VERIFY.en.md", include_str!("guide/VERIFY.en.md")),
    ("verify.py", concat!(include_str!("../guide/common.py"), include_str!("guide/pack.py"))),
];
