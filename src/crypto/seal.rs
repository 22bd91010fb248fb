//! Sealing at rest: XChaCha20-Poly1305 with a random 24-byte nonce in front (draft-irtf-cfrg-xchacha-03), bound to a context.

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use zeroize::Zeroizing;

/// A 256-bit symmetric key, wiped when dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

/// The box was not made with this key and context, or was changed since.
#[derive(Debug, thiserror::Error)]
#[error("sealed data does not open with this installation's key")]
pub struct Unsealable;

impl Key {
    pub fn fresh() -> Self {
        Self(Zeroizing::new(super::random()))
    }

    /// From 32 bytes; any other length is refused.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A key for one purpose, derived from this one: HMAC-SHA-256 of the purpose.
    pub fn derive(&self, purpose: &str) -> Self {
        Self(Zeroizing::new(super::hmac_sha256(&*self.0, purpose.as_bytes())))
    }

    /// Seals `plain`; `context` (say `users/<id>/totp`) must be given again to open, so that a box cannot be moved to another row.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; 24] = super::random();
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let body = cipher
            .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: context.as_bytes() })
            .expect("a message under 256 GiB can be encrypted");
        [nonce.as_slice(), &body].concat()
    }

    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let (nonce, body) = sealed.split_at_checked(24).ok_or(Unsealable)?;
        XChaCha20Poly1305::new((&*self.0).into())
            .decrypt(XNonce::from_slice(nonce), Payload { msg: body, aad: context.as_bytes() })
            .map(Zeroizing::new)
            .map_err(|_| Unsealable)
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn a_box_opens_only_with_its_key_and_context() {
        let key = Key::fresh();
        let mut sealed = key.seal("users/1/totp", b"secret");
        assert_eq!(key.open("users/1/totp", &sealed).unwrap().as_slice(), b"secret");
        assert!(key.open("users/2/totp", &sealed).is_err());
        assert!(Key::fresh().open("users/1/totp", &sealed).is_err());
        sealed[30] ^= 1;
        assert!(key.open("users/1/totp", &sealed).is_err());
        assert!(key.open("users/1/totp", &[]).is_err());
    }
}
