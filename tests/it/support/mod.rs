//! What several stories use.

pub mod browser;
pub mod app;
pub mod case_sample;
pub mod db;
pub mod html;
pub mod sample;
