//! What several stories use.

pub mod case_sample;
pub mod db;
pub mod browser;
pub mod html;
pub mod sample;
