//! Strict text forms: exactly one spelling for each value, so that no two files that differ mean the same.

use base64::{Engine, engine::general_purpose::STANDARD};

/// Standard base64 with padding (RFC 4648 §4).
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes behind `text`; `None` for white space, missing padding, or bits set past the end.
pub(super) fn unbase64(text: &str) -> Option<Vec<u8>> {
    // The engine refuses all of these; the comparison states it and outlives a change of its defaults.
    STANDARD.decode(text).ok().filter(|bytes| base64(bytes) == text)
}

/// Like [`unbase64`], for exactly `N` bytes.
pub(super) fn unbase64_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    unbase64(text)?.try_into().ok()
}

/// `N` bytes from exactly `2 * N` lower-case hexadecimal digits.
pub(super) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0u8; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

/// A decimal number without sign, white space or leading zeros.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::{base64, decimal, unbase64, unbase64_array, unhex};

    #[test]
    fn each_value_has_one_spelling() {
        assert_eq!(unbase64("AAE="), Some(vec![0, 1]));
        for bad in ["AAF=", "AAE", "AAE==", "AAE=\n", " AAE=", "AA E=", "A-E="] {
            assert_eq!(unbase64(bad), None, "{bad:?}");
        }
        assert_eq!(unbase64_array::<2>("AAE="), Some([0, 1]));
        assert_eq!(unbase64_array::<3>("AAE="), None);
        assert_eq!(base64(&[0, 1]), "AAE=");
        assert_eq!(unhex::<2>("00af"), Some([0, 0xaf]));
        for bad in ["00AF", "00a", "00af0", "00ag", " 0af"] {
            assert_eq!(unhex::<2>(bad), None, "{bad:?}");
        }
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for bad in ["", "00", "01", "+1", "-0", " 1", "1 ", "18446744073709551616", "1e3", "\u{ff11}"] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }
}
