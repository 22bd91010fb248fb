//! Timestamps in a bundle: checkpoints of the log that an authority has stamped (`data/proofs/anchors/`), and tokens over the bundle's own
//! signature (`signatures/…sig.tsr`). Not here: whether a token holds ([`crate::crypto::timestamp`], [`super::verify`]).
//!
//! A token over the signature cannot be there when the bundle is made: it is over what was made. The tokens therefore lie in
//! `signatures/`, which no manifest lists, and are added to the files of a finished bundle without changing one of them; taking them away
//! again gives the very bytes that were sealed.

use serde_json::json;

use super::{
    bundle::SIGNATURE,
    collected::Anchor,
    report::{AnchorFacts, TokenFacts},
    zip::{self, Files, Limits, ZipError},
};

/// Roots that the tokens lead to, and certificates between. Only a convenience: a root counts when it is known from elsewhere.
pub const ROOTS: &str = "trust/tsa-root.pem";
/// The certificates of the tokens themselves, signer first; the tokens carry them too.
pub const CHAIN: &str = "trust/tsa-chain.pem";
/// How each stamped checkpoint leads to the bundle's, or the bundle's to it.
pub const CONSISTENCY: &str = "proofs/consistency.jsonl";

/// One token: what was asked and what was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Name of the authority in the settings.
    pub authority: String,
    /// The token's own time.
    pub at: crate::clock::Instant,
    pub query: Vec<u8>,
    pub answer: Vec<u8>,
    /// From the signer's certificate to the root, PEM.
    pub chain: String,
}

/// Names of the question and the answer about the file `stamped`: the first token has the plain name, others a number.
pub(super) fn names(stamped: &str, n: usize) -> (String, String) {
    let number = if n == 0 { String::new() } else { format!(".{}", n + 1) };
    (format!("{stamped}{number}.tsq"), format!("{stamped}{number}.tsr"))
}

/// The file that a token (`….tsr`) is over.
pub fn stamped_by(token: &str) -> &str {
    let stem = token.strip_suffix(".tsr").unwrap_or(token);
    match stem.rsplit_once('.') {
        Some((file, n)) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => file,
        _ => stem,
    }
}

/// Whether `path` is a question or an answer about the bundle's own signature.
pub fn over_signature(path: &str) -> bool {
    let token = path.strip_suffix(".tsq").map(|stem| format!("{stem}.tsr"));
    let token = token.as_deref().unwrap_or(path);
    token.ends_with(".tsr") && stamped_by(token) == SIGNATURE
}

/// Puts the stamped checkpoints below `data/`; what the report says of them.
pub(super) fn anchors(anchors: &[Anchor], size: u64, data: &mut Files) -> Vec<AnchorFacts> {
    let mut facts = Vec::with_capacity(anchors.len());
    let mut consistency = String::new();
    for anchor in anchors {
        let Some(first) = anchor.tokens.iter().map(|t| t.at).min() else { continue };
        let file = format!("proofs/anchors/{}-{}.txt", &first.to_rfc3339()[..10], anchor.size);
        data.insert(file.clone(), anchor.text.clone());
        let mut tokens = Vec::with_capacity(anchor.tokens.len());
        for (n, token) in anchor.tokens.iter().enumerate() {
            let (query, answer) = names(&file, n);
            data.insert(query, token.query.clone());
            data.insert(answer.clone(), token.answer.clone());
            tokens.push(TokenFacts { file: answer, authority: token.authority.clone(), at: token.at.to_rfc3339() });
        }
        let proof: Vec<_> = anchor.consistency.iter().map(hex::encode).collect();
        let (old, new) = (anchor.size.min(size), anchor.size.max(size));
        consistency.push_str(&json!({ "old": old, "new": new, "proof": proof }).to_string());
        consistency.push('\n');
        facts.push(AnchorFacts { file, size: anchor.size, tokens });
    }
    if !facts.is_empty() {
        data.insert(CONSISTENCY.to_owned(), consistency.into_bytes());
    }
    facts
}

/// Adds `tokens` over the signature to the files of a finished bundle.
pub fn add(files: &mut Files, tokens: &[Token]) {
    for (n, token) in tokens.iter().enumerate() {
        let (query, answer) = names(SIGNATURE, n);
        files.insert(query, token.query.clone());
        files.insert(answer, token.answer.clone());
    }
}

/// The same for a bundle that is packed already.
///
/// # Errors
/// The bytes are no bundle of ours.
pub fn add_to(bytes: &[u8], tokens: &[Token]) -> Result<Vec<u8>, ZipError> {
    let (folder, mut files) = zip::read(bytes, &Limits::default())?;
    add(&mut files, tokens);
    zip::write(&folder, &files)
}
