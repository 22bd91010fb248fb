//! Revocation: lists as OpenSSL and the emulated authorities make them, tokens and signatures refused, lists in bundles and what they say of
//! them, by OpenSSL's commands as well.

mod bundles;
mod lists;
mod refused;

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);
