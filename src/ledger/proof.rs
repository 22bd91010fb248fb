//! One event's proof as a file (C2SP tlog-proof, `.tlog-proof`): its place, its siblings up to the root, and the signed checkpoint.

use super::{
    checkpoint::{self, Checkpoint, NoteError, Vkey},
    encode::{base64, decimal, unbase64, unbase64_array},
    tree::{Hash, verify_inclusion},
};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// A tree of `u64` leaves is no deeper.
const MAX_HASHES: usize = 64;

/// Everything that shows an entry to be in the log, except the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Bytes for the reader's convenience (a salt, an opening). Nothing vouches for them.
    pub extra: Option<Vec<u8>>,
    /// The entry's index in the log, from 0.
    pub index: u64,
    /// Siblings, leaf to root.
    pub hashes: Vec<Hash>,
    /// The signed note, verbatim.
    pub checkpoint: String,
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProofError {
    #[error("not a .tlog-proof: {0}")]
    Form(&'static str),
    #[error(transparent)]
    Checkpoint(#[from] NoteError),
    #[error("entry {index} with this hash is not in the log of {size}")]
    NotIncluded { index: u64, size: u64 },
}

impl Proof {
    /// The file's text.
    pub fn to_text(&self) -> String {
        let extra = self.extra.as_ref().map(|extra| format!("extra {}\n", base64(extra))).unwrap_or_default();
        let hashes: String = self.hashes.iter().map(|hash| base64(hash) + "\n").collect();
        format!("{FIRST_LINE}\n{extra}index {}\n{hashes}\n{}", self.index, self.checkpoint)
    }

    /// Reads [`Proof::to_text`], strictly; the checkpoint is not looked into.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofError::Form("no blank line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ProofError::Form("its first line is another"));
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => Some(unbase64(&line["extra ".len()..]).ok_or(ProofError::Form("the extra line is not base64"))?),
            None => None,
        };
        let index =
            lines.next().and_then(|line| decimal(line.strip_prefix("index ")?)).ok_or(ProofError::Form("no index line with a decimal number"))?;
        let hashes: Vec<Hash> =
            lines.map(|line| unbase64_array(line).ok_or(ProofError::Form("a proof line is not 32 bytes of base64"))).collect::<Result<_, _>>()?;
        if hashes.len() > MAX_HASHES {
            return Err(ProofError::Form("it has more hashes than a log has levels"));
        }
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// The checkpoint, once its signature by `vkey` holds and the entry with `leaf_hash` is at `index` under its root.
    pub fn verify(&self, leaf_hash: &Hash, vkey: &Vkey) -> Result<Checkpoint, ProofError> {
        let checkpoint = checkpoint::open(&self.checkpoint, vkey)?;
        let Checkpoint { size, root, .. } = checkpoint;
        if verify_inclusion(leaf_hash, self.index, size, &self.hashes, &root) {
            Ok(checkpoint)
        } else {
            Err(ProofError::NotIncluded { index: self.index, size })
        }
    }
}
