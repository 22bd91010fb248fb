//! The guarded HTTP client: one base address, no redirects, bounded time and size, every call recorded without its secrets.

use std::sync::Arc;

use crate::clock::Clock;

/// Why an address cannot be a platform's base address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBaseUrl {
    #[error("not an address: {0}")]
    Malformed(String),
}

/// A client that talks to one base address only.
pub struct Client {
    _base: url::Url,
    _clock: Arc<dyn Clock>,
}

impl Client {
    /// Checks `base_url`; `allow_private` permits loopback and private ranges.
    pub fn new(base_url: &str, allow_private: bool, clock: Arc<dyn Clock>) -> Result<Self, BadBaseUrl> {
        let _ = allow_private;
        let base = url::Url::parse(base_url).map_err(|e| BadBaseUrl::Malformed(e.to_string()))?;
        Ok(Self { _base: base, _clock: clock })
    }
}
