//! One-time codes (RFC 6238): SHA-1, six digits, 30 seconds, as every authenticator speaks them.

use totp_rs::{Algorithm, Secret, TOTP};

use crate::clock::Instant;

/// Seconds of one step.
pub const STEP: i64 = 30;

fn totp(secret: &[u8], account: &str) -> TOTP {
    TOTP::new_unchecked(Algorithm::SHA1, 6, 0, 30, secret.to_vec(), Some("Countermand".to_owned()), account.to_owned())
}

/// A fresh 160-bit secret.
pub fn fresh_secret() -> Vec<u8> {
    super::random::<20>().to_vec()
}

/// The secret as authenticators want it typed: base32 without padding.
pub fn base32(secret: &[u8]) -> String {
    Secret::Raw(secret.to_vec()).to_encoded().to_string()
}

/// Reads base32, with or without spaces, in either case; at least 128 bits (RFC 4226, section 4).
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_whitespace().collect::<String>().to_uppercase();
    Secret::Encoded(text).to_bytes().ok().filter(|s| s.len() >= 16)
}

/// `otpauth://` address for the QR code.
pub fn address(secret: &[u8], account: &str) -> String {
    totp(secret, account).get_url()
}

/// The code at `now`.
pub fn code(secret: &[u8], now: Instant) -> String {
    totp(secret, "").generate(u64::try_from(now.unix_seconds()).unwrap_or(0))
}

/// The step that `code` belongs to, among the one before, the present and the one after, and only if later than `last_step`:
/// each step counts once and ascending, so that a code seen over a shoulder is spent.
pub fn accept(secret: &[u8], code: &str, now: Instant, last_step: i64) -> Option<i64> {
    let present = now.unix_seconds().div_euclid(STEP);
    (present - 1..=present + 1)
        .filter(|step| *step > last_step)
        .find(|step| super::same(self::code(secret, Instant::from_unix_seconds(step * STEP)).as_bytes(), code.trim().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6238_vector_and_spending() {
        let secret = b"12345678901234567890";
        assert_eq!(code(secret, Instant::from_unix_seconds(59)), "287082");
        let now = Instant::from_unix_seconds(59);
        assert_eq!(accept(secret, "287082", now, 0), Some(1));
        assert_eq!(accept(secret, "287082", now, 1), None, "spent");
        assert_eq!(accept(secret, "287082", Instant::from_unix_seconds(150), 0), None, "too old");
        assert_eq!(accept(secret, "", now, 0), None);
    }
}
