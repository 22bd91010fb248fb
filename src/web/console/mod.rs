//! The console's pages: one file a noun, a page's struct beside its handler.

pub mod account;
pub mod sessions;
pub mod setup;
pub mod users;
