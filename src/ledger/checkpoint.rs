//! Checkpoints (C2SP tlog-checkpoint): the only head the log ever signs. Origin, size, root. (Its key signs bundles as well,
//! `evidence::bundle`, in a form that no checkpoint has.)
//!
//! Whether a checkpoint may be signed at all (it must extend the one signed before) is decided where the last one is known.

use ed25519_dalek::SigningKey;

pub use super::note::{Note, NoteError, Vkey, VkeyError};
use super::{
    encode::{base64, decimal, unbase64_array},
    note,
    tree::{EMPTY_ROOT, Hash},
};

/// The head of a log at one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name for ever, `<host>/countermand/<installation id>`; also the name of its key.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    pub root: Hash,
}

impl Checkpoint {
    /// What is signed: three lines, each ended.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64(&self.root))
    }

    /// Reads a checkpoint's text. Extension lines are tolerated and dropped; our log writes none.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let lines: Vec<_> = text.strip_suffix('\n').ok_or(NoteError::Form("the checkpoint's last line is cut"))?.split('\n').collect();
        let [origin, size, root, ..] = lines[..] else { return Err(NoteError::Form("a checkpoint has three lines")) };
        if lines.contains(&"") {
            return Err(NoteError::Form("a line of the checkpoint is empty"));
        }
        let size = decimal(size).ok_or(NoteError::Form("the checkpoint's size is not a decimal number"))?;
        let root = unbase64_array(root).ok_or(NoteError::Form("the checkpoint's root is not 32 bytes of base64"))?;
        let checkpoint = Self { origin: origin.to_owned(), size, root };
        checkpoint.check()?;
        Ok(checkpoint)
    }

    /// The signed note. Fails only for an origin that cannot be a key's name, or an empty log with a root.
    pub fn sign(&self, key: &SigningKey) -> Result<String, NoteError> {
        self.check()?;
        note::sign(&self.text(), &self.origin, key)
    }

    fn check(&self) -> Result<(), NoteError> {
        if self.size == 0 && self.root != EMPTY_ROOT { Err(NoteError::Form("the empty log has only one root")) } else { Ok(()) }
    }
}

/// The checkpoint in `note`, signed by the log whose key is `vkey`; its origin must be the key's name.
pub fn open(note: &str, vkey: &Vkey) -> Result<Checkpoint, NoteError> {
    let note = Note::parse(note)?;
    note.verify(vkey)?;
    let checkpoint = Checkpoint::parse(note.text())?;
    if checkpoint.origin == vkey.name() { Ok(checkpoint) } else { Err(NoteError::Form("the checkpoint is of another log than its key")) }
}

/// The 64 bytes of Ed25519 over the note's text by `vkey`, checked; what `openssl pkeyutl -rawin` verifies.
pub fn raw_signature(note: &str, vkey: &Vkey) -> Result<[u8; 64], NoteError> {
    Note::parse(note)?.verify(vkey)
}
