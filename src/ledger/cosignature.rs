//! Cosignatures (C2SP tlog-cosignature v1, type 0x04): a witness's word that it has seen this checkpoint at that time, and none before that
//! it contradicts. Not here: when a witness may say so ([`super::witness`]).

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::{
    encode::base64,
    note::{Note, NoteError, VkeyError, is_name, key_id, key_text, parse_key},
};

const COSIGNATURE: u8 = 4;
/// Seconds since 1970 that the format allows at most.
const LATEST: u64 = i64::MAX as u64;

/// A witness's public key with its name: `name+hash+base64`, as policies and witnesses' own pages write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigner {
    name: String,
    key: VerifyingKey,
}

impl Cosigner {
    /// # Errors
    /// What is wrong with it; [`VkeyError::Type`] for a log's own key.
    pub fn parse(text: &str) -> Result<Self, VkeyError> {
        parse_key(text, COSIGNATURE).map(|(name, key)| Self { name, key })
    }

    /// The key that checks what [`cosign`] makes with `key` under `name`.
    ///
    /// # Errors
    /// [`VkeyError::Name`].
    pub fn of(name: &str, key: &SigningKey) -> Result<Self, VkeyError> {
        Self::parse(&key_text(name, COSIGNATURE, &key.verifying_key()))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> [u8; 4] {
        key_id(&self.name, COSIGNATURE, &self.key)
    }

    /// When this witness saw the checkpoint of `note`, in seconds since 1970; the latest, if it signed it more than once. Every line under
    /// its name and id must hold.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`], [`NoteError::BadSignature`].
    pub fn verify(&self, note: &Note<'_>) -> Result<u64, NoteError> {
        let mut seen = None;
        for line in note.signatures().iter().filter(|line| line.name == self.name && line.key_id == self.id()) {
            let bad = || NoteError::BadSignature(self.name.clone());
            let (at, signature) = line.bytes.split_first_chunk::<8>().ok_or_else(bad)?;
            let (at, signature) = (u64::from_be_bytes(*at), <[u8; 64]>::try_from(signature).map_err(|_| bad())?);
            if at > LATEST {
                return Err(bad());
            }
            self.key.verify_strict(message(note.text(), at).as_bytes(), &Signature::from_bytes(&signature)).map_err(|_| bad())?;
            seen = seen.max(Some(at));
        }
        seen.ok_or_else(|| NoteError::NotSigned(self.name.clone()))
    }

    /// As [`Cosigner::verify`], for `lines` that were kept apart from the note whose text is `text`: all of them must be this witness's, by
    /// this key, and hold.
    ///
    /// # Errors
    /// As [`Cosigner::verify`]; [`NoteError::Form`] for any other line.
    pub fn holds(&self, text: &str, lines: &str) -> Result<u64, NoteError> {
        let whole = format!("{text}\n{lines}");
        let note = Note::parse(&whole)?;
        // A blank line among them would move the end of the text.
        if note.text() != text || note.signatures().iter().any(|line| line.name != self.name || line.key_id != self.id()) {
            return Err(NoteError::Form("a line is not by this witness's key"));
        }
        self.verify(&note)
    }
}

impl fmt::Display for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&key_text(&self.name, COSIGNATURE, &self.key))
    }
}

/// What is signed: the time comes first, so that no cosignature reads as a log's own signature.
fn message(text: &str, at: u64) -> String {
    format!("cosignature/v1\ntime {at}\n{text}")
}

/// The line that `name` adds to a note whose text is `text`, with its final newline; `at` in seconds since 1970.
///
/// # Errors
/// [`NoteError::Form`] for a name that cannot be one.
pub fn cosign(text: &str, name: &str, key: &SigningKey, at: u64) -> Result<String, NoteError> {
    if !is_name(name) {
        return Err(NoteError::Form("the key's name is empty, or holds a space, a plus sign or a control character"));
    }
    let signature = key.sign(message(text, at).as_bytes()).to_bytes();
    let line = [&key_id(name, COSIGNATURE, &key.verifying_key())[..], &at.to_be_bytes(), &signature].concat();
    Ok(format!("\u{2014} {name} {}\n", base64(&line)))
}
