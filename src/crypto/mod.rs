//! Keys and envelopes: randomness, sealing at rest, passwords, passphrases, one-time codes, bearer tokens, the key files of an installation,
//! timestamps by a third party, signatures under a certificate, signatures that outlast quantum computers, SM2 and SM3, passkeys.
//! Not here: the log's signatures (`ledger::checkpoint`), which are over public data.

pub mod blind;
pub mod keyring;
pub mod mldsa;
pub mod passphrase;
pub mod password;
pub mod private;
pub mod revocation;
pub mod seal;
pub mod signature;
pub mod sm2;
pub mod timestamp;
pub mod token;
pub mod totp;
pub mod webauthn;

use sha2::{Digest, Sha256};

/// `N` bytes from the operating system. A system without randomness cannot run this product, hence no error.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// HMAC-SHA-256 (RFC 2104).
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    use hmac::{Hmac, Mac};
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

/// Equality that takes the same time wherever the difference lies.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    a.ct_eq(b).into()
}
