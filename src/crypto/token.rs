//! Bearer tokens: 256 random bits as 43 characters of base64url, stored only as their SHA-256.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// A fresh token for the person, and the hash for the database.
pub fn fresh() -> (String, Vec<u8>) {
    let text = URL_SAFE_NO_PAD.encode(super::random::<32>());
    let hash = hash(&text);
    (text, hash)
}

/// What the database keeps of `token`.
pub fn hash(token: &str) -> Vec<u8> {
    super::sha256(token.as_bytes()).to_vec()
}
