//! Reading a leaf without copying it: for verification, which reads every leaf there is.
//!
//! [`Plain::read`] accepts only what [`Leaf::parse`] accepts, and of that the plain form: no escapes in strings, no purge. Whatever it
//! does not accept is for [`Leaf::parse`] to judge. `tests/it/ledger/plain.rs` holds the two against each other.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::leaf::{ACTOR_KINDS, Leaf, MAX_LEN, OUTCOMES, is_action, is_uuid_v7, is_word, prints_six_digits};
use crate::clock::Instant;

/// A leaf whose texts still lie in its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain<'a> {
    pub id: &'a str,
    pub at: Instant,
    pub action: &'a str,
    pub outcome: &'a str,
    pub actor_kind: &'a str,
    pub actor_id: &'a str,
    pub subject_kind: &'a str,
    pub subject_id: &'a str,
    pub session: Option<&'a str>,
    pub case: Option<&'a str>,
    /// Part name and commitment, by name.
    pub parts: Vec<(&'a str, [u8; 32])>,
}

impl<'a> Plain<'a> {
    /// The leaf behind `bytes`, if they are the canonical bytes of one and it is plain.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_LEN {
            return None;
        }
        let mut rest = Rest(std::str::from_utf8(bytes).ok()?);
        rest.skip("{\"action\":")?;
        let action = rest.string()?;
        rest.skip(",\"actor\":{\"id\":")?;
        let actor_id = rest.string()?;
        rest.skip(",\"kind\":")?;
        let actor_kind = rest.string()?;
        rest.skip("},\"at\":")?;
        let at = instant(rest.string()?)?;
        let case = rest.optional(",\"case\":")?;
        rest.skip(",\"id\":")?;
        let id = rest.string()?;
        let node = rest.optional(",\"node\":")?;
        rest.skip(",\"outcome\":")?;
        let outcome = rest.string()?;
        let parts = rest.parts()?;
        let session = rest.optional(",\"session\":")?;
        rest.skip(",\"subject\":{\"id\":")?;
        let subject_id = rest.string()?;
        rest.skip(",\"kind\":")?;
        let subject_kind = rest.string()?;
        rest.skip("},\"v\":1}")?;
        let given = |text: Option<&str>| text.is_none_or(|text| !text.is_empty());
        let holds = rest.0.is_empty()
            && is_uuid_v7(id)
            && prints_six_digits(at)
            && is_action(action)
            // Such a leaf says what was purged, and is not plain.
            && action != "parts.purged"
            && OUTCOMES.contains(&outcome)
            && ACTOR_KINDS.contains(&actor_kind)
            && !actor_id.is_empty()
            && is_word(subject_kind)
            && !subject_id.is_empty()
            && given(session)
            && given(case)
            && given(node);
        holds.then_some(Self { id, at, action, outcome, actor_kind, actor_id, subject_kind, subject_id, session, case, parts })
    }

    /// A view of a leaf that was read in another way.
    pub fn of(leaf: &'a Leaf) -> Self {
        Self {
            id: &leaf.id,
            at: leaf.at,
            action: &leaf.action,
            outcome: &leaf.outcome,
            actor_kind: &leaf.actor.kind,
            actor_id: &leaf.actor.id,
            subject_kind: &leaf.subject.kind,
            subject_id: &leaf.subject.id,
            session: leaf.session.as_deref(),
            case: leaf.case.as_deref(),
            parts: leaf.parts.iter().map(|(name, commitment)| (name.as_str(), *commitment)).collect(),
        }
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// A string that stands for itself: RFC 8785 escapes quotes, backslashes and control characters, and nothing else.
    fn string(&mut self) -> Option<&'a str> {
        self.skip("\"")?;
        let end = self.0.bytes().position(|b| b == b'"' || b == b'\\' || b < 0x20)?;
        let (text, after) = (self.0.get(..end)?, self.0.get(end..)?);
        self.0 = after.strip_prefix('"')?;
        Some(text)
    }

    /// A member that may be absent; `None` if it is there and cannot be read.
    fn optional(&mut self, name: &str) -> Option<Option<&'a str>> {
        match self.0.strip_prefix(name) {
            Some(after) => {
                self.0 = after;
                self.string().map(Some)
            }
            None => Some(None),
        }
    }

    fn parts(&mut self) -> Option<Vec<(&'a str, [u8; 32])>> {
        self.skip(",\"parts\":{")?;
        let mut parts: Vec<(&'a str, [u8; 32])> = Vec::new();
        while !self.0.starts_with('}') {
            if !parts.is_empty() {
                self.skip(",")?;
            }
            let name = self.string()?;
            self.skip(":")?;
            let commitment = commitment(self.string()?)?;
            if !is_word(name) || parts.last().is_some_and(|(before, _)| *before >= name) {
                return None;
            }
            parts.push((name, commitment));
        }
        self.skip("}")?;
        Some(parts)
    }
}

/// 32 bytes in base64; the engine refuses missing padding and bits set past the end.
fn commitment(text: &str) -> Option<[u8; 32]> {
    // It wants room for three bytes more than come.
    let mut bytes = [0u8; 36];
    let n = if text.len() == 44 { STANDARD.decode_slice(text, &mut bytes).ok()? } else { 0 };
    if n == 32 { bytes.first_chunk().copied() } else { None }
}

/// `2026-11-22T09:42:08.123456Z`, and no other spelling.
fn instant(text: &str) -> Option<Instant> {
    let digits: &[u8; 27] = text.as_bytes().try_into().ok()?;
    let number =
        |from: usize, to: usize| digits[from..to].iter().try_fold(0i64, |number, b| b.is_ascii_digit().then(|| number * 10 + i64::from(b - b'0')));
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')];
    if marks.iter().any(|(at, mark)| digits[*at] != *mark) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, micros) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 26)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970 with the year beginning in March, so that the leap day is its last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(Instant((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + micros))
}
