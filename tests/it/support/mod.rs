//! What several stories use.

pub mod app;
pub mod browser;
pub mod case_sample;
pub mod catalogued;
pub mod cluster;
pub mod db;
pub mod html;
pub mod judged;
pub mod log;
pub mod mail;
pub mod passkey;
pub mod process;
pub mod sample;
pub mod serving;
pub mod session;
pub mod small_disk;
