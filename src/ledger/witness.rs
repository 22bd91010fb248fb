//! What a log and a witness say to each other (C2SP tlog-witness v1), and when a witness may cosign: never two histories of one log.
//! Not here: HTTP, files and clocks (`cli::witness`, `app::witness`).

use super::{
    checkpoint::{Checkpoint, Note, NoteError, Vkey},
    encode::{base64, decimal, unbase64_array},
    tree::{Hash, verify_consistency},
};

/// Lines of a proof that a request may carry; a log of 2^63 leaves needs no more.
const LONGEST: usize = 63;

/// `add-checkpoint`: a checkpoint, and the proof that it extends the one that the witness has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The size that the witness is thought to have; 0 for none.
    pub old: u64,
    /// From `old` to the checkpoint's size.
    pub proof: Vec<Hash>,
    /// A signed note.
    pub checkpoint: String,
}

impl Request {
    pub fn to_text(&self) -> String {
        let proof: String = self.proof.iter().map(|hash| base64(hash) + "\n").collect();
        format!("old {}\n{proof}\n{}", self.old, self.checkpoint)
    }

    /// `None` if it is not of this form.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = decimal(lines.next()?.strip_prefix("old ")?)?;
        let proof = lines.map(unbase64_array).collect::<Option<Vec<Hash>>>()?;
        (proof.len() <= LONGEST && !checkpoint.is_empty()).then(|| Self { old, proof, checkpoint: checkpoint.to_owned() })
    }
}

/// Why a witness does not cosign, with the status that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the checkpoint or the request is malformed")]
    Malformed,
    #[error("this witness does not watch that log")]
    UnknownLog,
    #[error("the checkpoint is not signed by the log's key")]
    Unsigned,
    #[error("the old size is beyond the checkpoint's")]
    Beyond,
    /// The witness has another size than the request thought; it is told which.
    #[error("the witness has seen {0} leaves")]
    Stale(u64),
    #[error("the proof does not lead from what the witness has seen to this checkpoint")]
    Unproven,
}

impl Refusal {
    /// The HTTP status (tlog-witness, "add-checkpoint").
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed | Self::Beyond => 400,
            Self::UnknownLog => 404,
            Self::Unsigned => 403,
            Self::Stale(_) => 409,
            Self::Unproven => 422,
        }
    }
}

/// Whether a witness that has seen `seen` of the log may cosign what is asked: the checkpoint that it then has seen.
///
/// # Errors
/// The [`Refusal`]; the order of the checks is the specification's.
pub fn consider<'l>(request: &Request, logs: &'l [Vkey], seen: impl FnOnce(&str) -> Option<Checkpoint>) -> Result<(&'l Vkey, Checkpoint), Refusal> {
    let note = Note::parse(&request.checkpoint).map_err(|_| Refusal::Malformed)?;
    let asked = Checkpoint::parse(note.text()).map_err(|_| Refusal::Malformed)?;
    // A log that changes its key has two for a time, and then another.
    let mut log: Result<&Vkey, Refusal> = Err(Refusal::UnknownLog);
    for known in logs.iter().filter(|log| log.name() == asked.origin) {
        match note.verify(known) {
            Ok(_) => log = Ok(known),
            Err(NoteError::NotSigned(_)) => log = log.or(Err(Refusal::Unsigned)),
            Err(NoteError::Form(_)) => return Err(Refusal::Malformed),
            Err(NoteError::BadSignature(_)) => return Err(Refusal::Unsigned),
        }
    }
    let log = log?;
    if request.old > asked.size {
        return Err(Refusal::Beyond);
    }
    let (size, root) = seen(&asked.origin).map_or((0, super::tree::EMPTY_ROOT), |seen| (seen.size, seen.root));
    if size != request.old {
        return Err(Refusal::Stale(size));
    }
    let extends = match (size, asked.size) {
        // Nothing was seen: everything extends it, and there is nothing to prove.
        (0, _) => request.proof.is_empty(),
        (old, new) if old == new => root == asked.root && request.proof.is_empty(),
        (old, new) => verify_consistency(old, &root, new, &asked.root, &request.proof),
    };
    if extends { Ok((log, asked)) } else { Err(Refusal::Unproven) }
}
