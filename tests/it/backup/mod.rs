//! An installation is lost and put back: what was in it is there again, on either database, and no log is signed twice over different
//! events.

mod broken;
mod lost;
mod moved;
pub mod stage;
