//! Numbers as people read them: thousands separators, shares, sizes. Fluent itself does not group digits.

/// Anything that counts things. By value or by reference, because templates hand over references.
pub trait Count {
    fn count(&self) -> i64;
}

macro_rules! counts {
    ($($t:ty),*) => {$(
        impl Count for $t {
            fn count(&self) -> i64 {
                i64::try_from(*self).unwrap_or(i64::MAX)
            }
        }
    )*};
}

counts!(i32, i64, u8, u16, u32, u64, usize);

impl<T: Count + ?Sized> Count for &T {
    fn count(&self) -> i64 {
        (**self).count()
    }
}

/// `12480` as `12,480`; both languages group by three.
pub fn grouped(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if n < 0 {
        out.push('-');
    }
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A share with one decimal, `24.9%`; `None` when there is no whole. Cut, not rounded: 99.96 % is not everybody.
pub fn percent(part: u64, whole: u64) -> Option<String> {
    if whole == 0 {
        return None;
    }
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    Some(format!("{}.{}%", tenths / 10, tenths % 10))
}

/// A size: `214 KB`, `1.9 MB` (powers of 1024, rounded; below 10 with one decimal).
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut size = 1u128;
    // The next unit is taken as soon as this one would read 1024.
    while unit + 1 < UNITS.len() && u128::from(n) * 2 >= size * 2047 {
        size *= 1024;
        unit += 1;
    }
    let rounded = |scale: u128| (u128::from(n) * scale * 2 + size) / (size * 2);
    let tenths = rounded(10);
    if unit > 0 && tenths < 100 { format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]) } else { format!("{} {}", rounded(1), UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well_at_their_edges() {
        for (n, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (12_480, "12,480"), (-1_234_567, "-1,234,567"), (i64::MIN, "-9,223,372,036,854,775,808")]
        {
            assert_eq!(grouped(n), text);
        }
        assert_eq!(percent(3112, 12_480).as_deref(), Some("24.9%"));
        assert_eq!(percent(99_999, 100_000).as_deref(), Some("99.9%"), "never shown better than it is");
        assert_eq!(percent(1, 0), None);
        for (n, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KB"),
            (10_239, "10 KB"),
            (219_136, "214 KB"),
            (1_048_063, "1023 KB"),
            (1_048_064, "1.0 MB"),
            (1_992_294, "1.9 MB"),
            (u64::MAX, "16777216 TB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }
}
