//! The log's second signature: ML-DSA-44 (FIPS 204), for the day when Ed25519 no longer holds (C2SP tlog-cosignature, type 0x06).
//!
//! It stands under the log's own name beside the Ed25519 line and is over the same head; readers that do not know it pass over it. Not here:
//! when the log signs (`store::signer`).

use std::fmt;

use super::{
    checkpoint::Checkpoint,
    encode::base64,
    note::{Note, NoteError, VkeyError, is_name, parse_typed, typed_id, typed_text},
};
use crate::crypto::mldsa::{MldsaKey, MldsaPublic};

const MLDSA: u8 = 6;
/// Seconds since 1970 that the format allows at most.
const LATEST: u64 = i64::MAX as u64;

/// The public key with the log's name: `name+hash+base64`.
#[derive(Clone, PartialEq, Eq)]
pub struct MldsaVkey {
    name: String,
    key: MldsaPublic,
}

impl MldsaVkey {
    /// The key that checks what [`sign`] makes with `key` under `name`.
    ///
    /// # Errors
    /// [`VkeyError::Name`].
    pub fn of(name: &str, key: &MldsaKey) -> Result<Self, VkeyError> {
        Self::parse(&typed_text(name, MLDSA, &key.public()))
    }

    /// # Errors
    /// What is wrong with it; [`VkeyError::Type`] for a key of another kind.
    pub fn parse(text: &str) -> Result<Self, VkeyError> {
        parse_typed(text, MLDSA).map(|(name, key)| Self { name, key: MldsaPublic::new(key) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes that signature lines name the key by.
    pub fn id(&self) -> [u8; 4] {
        typed_id(&self.name, MLDSA, self.key.bytes())
    }

    /// When the log signed the checkpoint of `note`, in seconds since 1970; the latest, if it signed it more than once. Every line under its
    /// name and id must hold.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`], [`NoteError::BadSignature`]; [`NoteError::Form`] if the text is no checkpoint.
    pub fn verify(&self, note: &Note<'_>) -> Result<u64, NoteError> {
        let mut lines = note.signatures().iter().filter(|line| line.name == self.name && line.key_id == self.id()).peekable();
        if lines.peek().is_none() {
            return Err(NoteError::NotSigned(self.name.clone()));
        }
        let checkpoint = Checkpoint::parse(note.text())?;
        let mut signed = 0;
        for line in lines {
            let bad = || NoteError::BadSignature(self.name.clone());
            let (at, signature) = line.bytes.split_first_chunk::<8>().ok_or_else(bad)?;
            let at = u64::from_be_bytes(*at);
            let message = message(&checkpoint, &self.name, at).ok_or_else(bad)?;
            if at > LATEST || !self.key.holds(&message, signature) {
                return Err(bad());
            }
            signed = signed.max(at);
        }
        Ok(signed)
    }
}

impl fmt::Display for MldsaVkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&typed_text(&self.name, MLDSA, self.key.bytes()))
    }
}

impl fmt::Debug for MldsaVkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is signed: who signs, when, which log, and its first `size` leaves. `None` where a name is longer than the format can say.
fn message(checkpoint: &Checkpoint, name: &str, at: u64) -> Option<Vec<u8>> {
    let short = |text: &str| Some([&[u8::try_from(text.len()).ok()?], text.as_bytes()].concat());
    let (start, end) = (0u64.to_be_bytes(), checkpoint.size.to_be_bytes());
    Some([&b"subtree/v1\n\0"[..], &short(name)?, &at.to_be_bytes(), &short(&checkpoint.origin)?, &start, &end, &checkpoint.root].concat())
}

/// The line that the log adds to the note of `checkpoint`, with its final newline; `at` in seconds since 1970. The same input gives the same
/// bytes.
///
/// # Errors
/// [`NoteError::Form`] for an origin that cannot be a key's name or is longer than 255 bytes.
pub fn sign(checkpoint: &Checkpoint, key: &MldsaKey, at: u64) -> Result<String, NoteError> {
    let name = &checkpoint.origin;
    let message = message(checkpoint, name, at).filter(|_| is_name(name) && at <= LATEST);
    let message = message.ok_or(NoteError::Form("the log's name cannot be that of an ML-DSA key"))?;
    let line = [&typed_id(name, MLDSA, &key.public())[..], &at.to_be_bytes(), &key.sign(&message)].concat();
    Ok(format!("\u{2014} {name} {}\n", base64(&line)))
}
