//! The subset of CBOR (RFC 8949) that an authenticator writes, read strictly: shortest lengths, no indefinite lengths, no tags or floats,
//! no key twice. Anything else is refused, so that no two readers can see different things in the same bytes.

/// How deep maps and lists may lie in each other.
const DEPTH: u8 = 4;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cbor<'b> {
    Int(i64),
    Bytes(&'b [u8]),
    Text(&'b str),
    List(Vec<Cbor<'b>>),
    Map(Vec<(Cbor<'b>, Cbor<'b>)>),
    /// `false`, `true`, `null`.
    Word(u8),
}

impl<'b> Cbor<'b> {
    /// The value at the beginning of `bytes`, and what follows it.
    pub(super) fn read(bytes: &'b [u8]) -> Option<(Self, &'b [u8])> {
        value(bytes, DEPTH)
    }

    /// The value of a key of a map.
    pub(super) fn get(&self, key: &Cbor<'_>) -> Option<&Cbor<'b>> {
        match self {
            Self::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The entries of a map, by number.
    pub(super) fn numbered(&self, key: i64) -> Option<&Cbor<'b>> {
        self.get(&Cbor::Int(key))
    }

    pub(super) fn bytes(&self) -> Option<&'b [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// How many entries a map has.
    pub(super) fn entries(&self) -> Option<usize> {
        match self {
            Self::Map(entries) => Some(entries.len()),
            _ => None,
        }
    }
}

/// The number in a head: only in its shortest form.
fn head(bytes: &[u8]) -> Option<(u8, u64, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (major, short) = (first >> 5, first & 31);
    let (number, least, rest) = match short {
        0..=23 => (u64::from(short), 0, rest),
        24 => (u64::from(*rest.first()?), 24, &rest[1..]),
        25 => (u64::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?)), 1 << 8, &rest[2..]),
        26 => (u64::from(u32::from_be_bytes(rest.get(..4)?.try_into().ok()?)), 1 << 16, &rest[4..]),
        _ => return None,
    };
    (number >= least).then_some((major, number, rest))
}

fn value(bytes: &[u8], depth: u8) -> Option<(Cbor<'_>, &[u8])> {
    let (major, number, rest) = head(bytes)?;
    let signed = i64::try_from(number).ok()?;
    let length = usize::try_from(number).ok()?;
    Some(match major {
        0 => (Cbor::Int(signed), rest),
        1 => (Cbor::Int(-1 - signed), rest),
        2 => rest.split_at_checked(length).map(|(own, rest)| (Cbor::Bytes(own), rest))?,
        3 => {
            let (own, rest) = rest.split_at_checked(length)?;
            (Cbor::Text(std::str::from_utf8(own).ok()?), rest)
        }
        4 | 5 => return nested(major, length, rest, depth.checked_sub(1)?),
        7 if (20..=22).contains(&bytes[0].wrapping_sub(0xe0)) => (Cbor::Word(bytes[0]), rest),
        _ => return None,
    })
}

fn nested(major: u8, count: usize, mut rest: &[u8], depth: u8) -> Option<(Cbor<'_>, &[u8])> {
    // Each entry is a byte at least: a count cannot make us set room aside for what is not there.
    if count > rest.len() {
        return None;
    }
    let (mut list, mut map) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let (first, after) = value(rest, depth)?;
        rest = after;
        if major == 4 {
            list.push(first);
            continue;
        }
        let (second, after) = value(rest, depth)?;
        rest = after;
        if map.iter().any(|(known, _)| *known == first) {
            return None;
        }
        map.push((first, second));
    }
    Some((if major == 4 { Cbor::List(list) } else { Cbor::Map(map) }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_way_of_writing_is_read() {
        let whole = |hex: &str| Cbor::read(&hex::decode(hex).unwrap()).map(|(_, rest)| rest.len());
        for (good, left) in [("a10126", 0), ("a0", 0), ("40ff", 1), ("3903e7", 0), ("8201820203", 0), ("f5", 0)] {
            assert_eq!(whole(good), Some(left), "{good}");
        }
        // Long forms, indefinite lengths, tags, floats, a key twice, lengths beyond the end, bytes that are no text, too deep.
        for bad in
            ["1801", "190001", "bf01ff", "c001", "f90000", "a201020103", "58ff00", "9affffffff", "61ff", "8181818181", "", "f7", "1b0000000100000000"]
        {
            assert_eq!(whole(bad), None, "{bad}");
        }
    }
}
