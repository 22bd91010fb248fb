//! What several stories use.

pub mod html;
pub mod sample;
//! What the stories share.

pub mod db;
