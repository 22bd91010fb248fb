//! Marks that stand for words in an index: who does not hold the key cannot read a word from them, and who does can only try one.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use super::seal::Key;

/// Bits of a mark: among millions of different words, two that share one are an oddity and no rule.
const BITS: u32 = 40;
/// Five bits a digit, none of them an upper-case letter: query languages keep those for their operators.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Makes marks; SipHash-2-4 (Aumasson and Bernstein 2012), a pseudorandom function that is fast on short texts.
#[derive(Clone)]
pub struct Blind(SipHasher24);

/// The mark of a word: eight letters or digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mark([u8; 8]);

impl Blind {
    pub fn new(key: &Key) -> Self {
        let mut first = [0; 16];
        first.copy_from_slice(&key.as_bytes()[..16]);
        Self(SipHasher24::new_with_key(&first))
    }

    /// The mark of `word` as one of `kind`: the same text as another kind has another.
    pub fn mark(&self, kind: u8, word: &str) -> Mark {
        let mut hasher = self.0;
        hasher.write_u8(kind);
        hasher.write(word.as_bytes());
        let bits = hasher.finish() >> (u64::BITS - BITS);
        let mut digits = [0; 8];
        for (nth, digit) in digits.iter_mut().enumerate() {
            *digit = DIGITS[(bits >> (5 * nth) & 31) as usize];
        }
        Mark(digits)
    }
}

impl Mark {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl From<Mark> for String {
    fn from(mark: Mark) -> Self {
        mark.as_str().to_owned()
    }
}

/// A text that is no mark.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no mark of a word")]
pub struct NoMark(String);

impl TryFrom<String> for Mark {
    type Error = NoMark;

    fn try_from(text: String) -> Result<Self, NoMark> {
        let digits = <[u8; 8]>::try_from(text.as_bytes()).ok().filter(|digits| digits.iter().all(|digit| DIGITS.contains(digit)));
        digits.map(Self).ok_or(NoMark(text))
    }
}

#[cfg(test)]
mod tests {
    use super::{Blind, Key};

    #[test]
    fn a_mark_is_of_its_key_its_kind_and_its_word() {
        let key = Key::from_bytes(&[7; 32]).unwrap();
        let blind = Blind::new(&key);
        let mark = blind.mark(b't', "撤回");
        assert_eq!(mark, Blind::new(&key).mark(b't', "撤回"));
        assert!(mark.as_str().len() == 8 && mark.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        let others = [blind.mark(b'n', "撤回"), blind.mark(b't', "撤销"), Blind::new(&Key::fresh()).mark(b't', "撤回")];
        assert!(!others.contains(&mark));
    }
}
