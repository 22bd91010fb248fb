//! Pages for people: one file a noun, the page's struct beside its handlers. A handler takes, calls `app`, shows or redirects.

pub mod account;
pub mod alert_rules;
pub mod alerts;
pub mod api;
pub mod audit;
pub mod audits;
pub mod broadcasts;
pub mod connections;
pub mod demo;
pub mod evidence;
pub mod holds;
pub mod home;
pub mod personal;
pub mod recalls;
pub mod reports;
pub mod retention;
mod said;
pub mod sessions;
pub mod setup;
pub mod streams;
pub mod users;
