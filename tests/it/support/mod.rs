//! What several stories use.

pub mod html;
pub mod sample;

pub mod db;
