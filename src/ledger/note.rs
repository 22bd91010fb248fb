//! Signed notes (C2SP signed-note): a text, a blank line, and signature lines by any number of keys.
//!
//! Only Ed25519 (type 0x01) is made and checked here. Lines by other keys or of other types are kept and ignored, as the format wants;
//! witnesses' cosignatures are [`super::cosignature`]'s, the log's second signature [`super::mldsa`]'s. What the text says is for
//! [`super::checkpoint`].

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::encode::{base64, unbase64, unhex};

const ED25519: u8 = 1;
/// The format asks for at least 16; more than this is an attack on the reader.
const MAX_SIGNATURES: usize = 100;
const MAX_LEN: usize = 1 << 20;

/// Why a note is not accepted, or cannot be signed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoteError {
    #[error("not a signed note: {0}")]
    Form(&'static str),
    #[error("the note carries no signature by the key {0:?}")]
    NotSigned(String),
    #[error("the signature by the key {0:?} is not over this text")]
    BadSignature(String),
}

/// Why a text is no verifier key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VkeyError {
    #[error("a verifier key reads name+hash+base64")]
    Form,
    #[error("the key's name is empty, or holds a space, a plus sign or a control character")]
    Name,
    #[error("a key of signature type {0}; a log's are 1 and 6, a witness's 4")]
    Type(u8),
    #[error("not a public key that can be trusted")]
    Key,
    #[error("the hash in the verifier key is not that of its name and key")]
    Hash,
}

/// A key that checks notes: `name+hash+base64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vkey {
    name: String,
    key: VerifyingKey,
}

impl Vkey {
    /// `name` is not empty and holds no Unicode space, no `+` and no control character; keys of small order are refused.
    pub fn new(name: &str, key: &VerifyingKey) -> Result<Self, VkeyError> {
        sound(name, key).map(|()| Self { name: name.to_owned(), key: *key })
    }

    /// Reads `name+hash+base64`; each key has one spelling.
    pub fn parse(text: &str) -> Result<Self, VkeyError> {
        parse_key(text, ED25519).map(|(name, key)| Self { name, key })
    }

    /// The key's name; for a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The four bytes that signature lines name the key by.
    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, ED25519, &self.key)
    }

    /// The public key as PEM (SubjectPublicKeyInfo, RFC 8410), for `openssl pkeyutl -verify -pubin -rawin`.
    pub fn to_pem(&self) -> String {
        // SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }: the same twelve bytes before every Ed25519 key.
        let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        der.extend(self.key.as_bytes());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", base64(&der))
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&key_text(&self.name, ED25519, &self.key))
    }
}

/// A note taken apart; nothing in it is trusted before [`Note::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'t> {
    text: &'t str,
    signatures: Vec<NoteSignature<'t>>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature<'t> {
    pub name: &'t str,
    pub key_id: [u8; 4],
    pub bytes: Vec<u8>,
}

impl<'t> Note<'t> {
    /// Takes a note apart; every line must be well formed, whoever signed it.
    pub fn parse(note: &'t str) -> Result<Self, NoteError> {
        if note.len() > MAX_LEN {
            return Err(NoteError::Form("it is longer than a mebibyte"));
        }
        if note.bytes().any(|b| b < 0x20 && b != b'\n') {
            return Err(NoteError::Form("it holds a control character"));
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Form("no blank line before the signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Form("no signature lines, or the last is cut"))?;
        let signatures = lines.split('\n').map(signature_line).collect::<Option<Vec<_>>>().ok_or(NoteError::Form("a signature line is malformed"))?;
        if signatures.len() > MAX_SIGNATURES { Err(NoteError::Form("too many signatures")) } else { Ok(Self { text, signatures }) }
    }

    /// What is signed, with its final newline.
    pub fn text(&self) -> &'t str {
        self.text
    }

    pub fn signatures(&self) -> &[NoteSignature<'t>] {
        &self.signatures
    }

    /// The raw signature by `vkey`. Every line under its name and id must hold; one bad one refuses the note.
    pub fn verify(&self, vkey: &Vkey) -> Result<[u8; 64], NoteError> {
        let mut good = None;
        for line in self.signatures.iter().filter(|line| line.name == vkey.name && line.key_id == vkey.id()) {
            let bad = || NoteError::BadSignature(vkey.name.clone());
            let bytes: [u8; 64] = line.bytes[..].try_into().map_err(|_| bad())?;
            vkey.key.verify_strict(self.text.as_bytes(), &Signature::from_bytes(&bytes)).map_err(|_| bad())?;
            good = Some(bytes);
        }
        good.ok_or_else(|| NoteError::NotSigned(vkey.name.clone()))
    }
}

/// The note of `text` with one signature, by `key` under `name`.
pub fn sign(text: &str, name: &str, key: &SigningKey) -> Result<String, NoteError> {
    if !is_name(name) {
        return Err(NoteError::Form("the key's name is empty, or holds a space, a plus sign or a control character"));
    }
    if !text.ends_with('\n') {
        return Err(NoteError::Form("the text does not end with a newline"));
    }
    let line = [&key_id(name, ED25519, &key.verifying_key())[..], &key.sign(text.as_bytes()).to_bytes()].concat();
    let note = format!("{text}\n\u{2014} {name} {}\n", base64(&line));
    Note::parse(&note)?;
    Ok(note)
}

fn signature_line(line: &str) -> Option<NoteSignature<'_>> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = unbase64(encoded)?;
    let (key_id, rest) = bytes.split_first_chunk()?;
    (is_name(name) && !rest.is_empty()).then(|| NoteSignature { name, key_id: *key_id, bytes: rest.to_vec() })
}

pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c < ' ')
}

fn sound(name: &str, key: &VerifyingKey) -> Result<(), VkeyError> {
    match () {
        () if !is_name(name) => Err(VkeyError::Name),
        () if key.is_weak() => Err(VkeyError::Key),
        () => Ok(()),
    }
}

/// Name and key of `name+hash+base64`, if they are sound, of the signature type `kind` and in the key's one spelling.
pub(super) fn parse_key(text: &str, kind: u8) -> Result<(String, VerifyingKey), VkeyError> {
    let (name, key) = parse_typed::<32>(text, kind)?;
    let key = VerifyingKey::from_bytes(&key).map_err(|_| VkeyError::Key)?;
    sound(&name, &key)?;
    Ok((name, key))
}

/// Name and key bytes of `name+hash+base64`, of the signature type `kind`, whatever the key is good for.
pub(super) fn parse_typed<const N: usize>(text: &str, kind: u8) -> Result<(String, [u8; N]), VkeyError> {
    let [name, hash, key] = text.splitn(3, '+').collect::<Vec<_>>()[..] else { return Err(VkeyError::Form) };
    let hash = unhex::<4>(hash).ok_or(VkeyError::Form)?;
    let typed = unbase64(key).ok_or(VkeyError::Form)?;
    let key: [u8; N] = match typed.split_first() {
        Some((first, key)) if *first == kind => key.try_into().map_err(|_| VkeyError::Key)?,
        Some((other, _)) => return Err(VkeyError::Type(*other)),
        None => return Err(VkeyError::Form),
    };
    match () {
        () if !is_name(name) => Err(VkeyError::Name),
        () if typed_id(name, kind, &key) != hash => Err(VkeyError::Hash),
        () => Ok((name.to_owned(), key)),
    }
}

/// What [`parse_key`] reads.
pub(super) fn key_text(name: &str, kind: u8, key: &VerifyingKey) -> String {
    typed_text(name, kind, key.as_bytes())
}

pub(super) fn key_id(name: &str, kind: u8, key: &VerifyingKey) -> [u8; 4] {
    typed_id(name, kind, key.as_bytes())
}

/// What [`parse_typed`] reads.
pub(super) fn typed_text(name: &str, kind: u8, key: &[u8]) -> String {
    let typed = [&[kind][..], key].concat();
    format!("{name}+{}+{}", hex::encode(typed_id(name, kind, key)), base64(&typed))
}

pub(super) fn typed_id(name: &str, kind: u8, key: &[u8]) -> [u8; 4] {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind]).chain_update(key).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}
