//! Sealing under a passphrase that people keep: argon2id makes the key (RFC 9106, 64 MiB, three passes), XChaCha20-Poly1305 seals
//! (`seal`). For the keys of an installation on their way into a backup; what stays in an installation is sealed by its own key.

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::seal::{Key, Unsealable};

/// Characters that a passphrase has at least: whoever holds the file may guess as long as they like.
pub const SHORTEST: usize = 12;
/// Bytes of the salt in front of the box.
const SALT: usize = 16;

/// The key of a passphrase under a salt. Takes 64 MiB and some hundred milliseconds.
fn key(passphrase: &str, salt: &[u8]) -> Key {
    let params = Params::new(64 * 1024, 3, 1, Some(32)).expect("the parameters are within argon2's bounds");
    let mut bytes = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut *bytes)
        .expect("argon2id takes any passphrase with a salt of 16 bytes");
    Key::from_bytes(&*bytes).expect("32 bytes were made")
}

/// `plain` under `passphrase`: 16 bytes of salt, then the box (`Key::seal`), bound to `context`.
pub fn seal(passphrase: &str, context: &str, plain: &[u8]) -> Vec<u8> {
    let salt: [u8; SALT] = super::random();
    [salt.as_slice(), &key(passphrase, &salt).seal(context, plain)].concat()
}

/// What [`seal`] sealed.
///
/// # Errors
/// Another passphrase or context, or the box was changed: which of these nobody can tell.
pub fn open(passphrase: &str, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    let (salt, sealed) = sealed.split_at_checked(SALT).ok_or(Unsealable)?;
    key(passphrase, salt).open(context, sealed)
}

#[cfg(test)]
mod tests {
    use super::{open, seal};

    #[test]
    fn a_box_opens_with_its_passphrase_and_no_other() {
        let sealed = seal("correct horse battery", "backup", b"key");
        assert_eq!(open("correct horse battery", "backup", &sealed).unwrap().as_slice(), b"key");
        assert!(open("correct horse staple", "backup", &sealed).is_err());
        assert!(open("correct horse battery", "other", &sealed).is_err());
        assert!(open("correct horse battery", "backup", &sealed[..10]).is_err());
    }
}
