//! Timestamps in a bundle: checkpoints of the log that an authority has stamped (`data/proofs/anchors/`), tokens over the bundle's own
//! signature (`signatures/….tsr`: the one by certificate, or else the log's), and what renewed either before its certificates ran out (`data/proofs/renewal/` for the former,
//! `signatures/renewal/` for the latter). Not here: whether a token holds ([`crate::crypto::timestamp`], [`super::verify`]).
//!
//! A token over the signature cannot be there when the bundle is made: it is over what was made. The tokens therefore lie in
//! `signatures/`, which no manifest lists, and are added to the files of a finished bundle without changing one of them; taking them away
//! again gives the very bytes that were sealed.

use serde_json::json;

use super::{
    bundle::SIGNATURE,
    certificate::P7S,
    collected::Anchor,
    report::{AnchorFacts, TokenFacts},
    revocation,
    zip::{self, Files, Limits, ZipError},
};
use crate::crypto::sha256;

/// Roots that the tokens lead to, and certificates between. Only a convenience: a root counts when it is known from elsewhere.
pub const ROOTS: &str = "trust/tsa-root.pem";
/// The certificates of the tokens themselves, signer first; the tokens carry them too.
pub const CHAIN: &str = "trust/tsa-chain.pem";
/// How each stamped checkpoint leads to the bundle's, or the bundle's to it.
pub const CONSISTENCY: &str = "proofs/consistency.jsonl";

/// Renewals of tokens over stamped checkpoints, below `data/`.
pub(super) const RENEWED_ANCHORS: &str = "proofs/renewal/";
/// Renewals of tokens over the bundle's signature.
pub(super) const RENEWED_SIGNATURE: &str = "signatures/renewal/";

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
    /// Lists of revoked certificates about that chain, PEM; empty where none could be had.
    pub lists: String,
}

/// A list of hashes, stamped before the tokens in it ran out: RFC 4998 §5.2 in the form of `sha256sum`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// What [`list`] gives.
    pub list: Vec<u8>,
    /// Over the list.
    pub token: Token,
}

/// What a renewal covers of one token, each under its name: the token's answer, what it is over, and what belongs to that.
pub fn list<B: AsRef<[u8]>>(covered: impl IntoIterator<Item = (B, String)>) -> Vec<u8> {
    covered.into_iter().map(|(bytes, name)| format!("{}  {name}\n", hex::encode(sha256(bytes.as_ref())))).collect::<String>().into_bytes()
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

/// The signature of a bundle that tokens are taken over: the one by certificate, where there is one.
pub fn stamped_in(files: &Files) -> &'static str {
    if files.contains_key(P7S) { P7S } else { SIGNATURE }
}

/// Whether `path` is a question or an answer about one of the bundle's own signatures.
pub fn over_signature(path: &str) -> bool {
    let token = path.strip_suffix(".tsq").map(|stem| format!("{stem}.tsr"));
    let token = token.as_deref().unwrap_or(path);
    token.ends_with(".tsr") && [SIGNATURE, P7S].contains(&stamped_by(token))
}

/// Whether `path` is one of the four files of a renewal in `folder`: `0001.sha256`, question and answer about it, certificates.
pub fn is_renewal(path: &str, folder: &str) -> bool {
    let Some((number, end)) = path.strip_prefix(folder).and_then(|name| name.split_once('.')) else { return false };
    number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit()) && matches!(end, "sha256" | "sha256.tsq" | "sha256.tsr" | "pem")
}

/// Adds renewals to the files of `folder`, after those that are there; one that is there, or in the other folder, is not added again. `pem`: with the certificates of
/// each, for the bundle's own roots were written down before.
pub(super) fn add_renewals(files: &mut Files, folder: &str, renewals: &[Renewal], pem: bool) {
    for renewal in renewals {
        let there = || files.iter().filter(|(path, _)| path.contains("/renewal/") && path.ends_with(".sha256"));
        if there().any(|(_, list)| *list == renewal.list) {
            continue;
        }
        let n = there().filter(|(path, _)| path.starts_with(folder)).count() + 1;
        let name = format!("{folder}{n:04}");
        let (query, answer) = names(&format!("{name}.sha256"), 0);
        files.insert(format!("{name}.sha256"), renewal.list.clone());
        files.insert(query, renewal.token.query.clone());
        files.insert(answer, renewal.token.answer.clone());
        if pem {
            files.insert(format!("{name}.pem"), renewal.token.chain.clone().into_bytes());
        }
    }
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

/// A token over a checkpoint, as it lies in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// Of the checkpoint.
    pub size: u64,
    pub answer: Vec<u8>,
}

/// The tokens over checkpoints in a bundle that is packed.
///
/// # Errors
/// The bytes are no bundle of ours.
pub fn anchored(bytes: &[u8]) -> Result<Vec<Anchored>, ZipError> {
    let (_, files) = zip::read(bytes, &Limits::default())?;
    let answers = files.iter().filter(|(path, _)| path.starts_with("data/proofs/anchors/") && path.ends_with(".tsr"));
    let of = |(path, answer): (&String, &Vec<u8>)| {
        let size = stamped_by(path).strip_suffix(".txt")?.rsplit_once('-')?.1.parse().ok()?;
        Some(Anchored { size, answer: answer.clone() })
    };
    Ok(answers.filter_map(of).collect())
}

/// Adds `tokens` over the signature, and what renewed them, to the files of a finished bundle.
pub fn add(files: &mut Files, tokens: &[Token], renewals: &[Renewal]) {
    add_renewals(files, RENEWED_SIGNATURE, renewals, true);
    revocation::add_later(files, tokens.iter().chain(renewals.iter().map(|renewal| &renewal.token)).map(|token| token.lists.as_str()));
    let stamped = stamped_in(files);
    for (n, token) in tokens.iter().enumerate() {
        let (query, answer) = names(stamped, n);
        files.insert(query, token.query.clone());
        files.insert(answer, token.answer.clone());
    }
}

/// The same for a bundle that is packed already.
///
/// # Errors
/// The bytes are no bundle of ours.
pub fn add_to(bytes: &[u8], tokens: &[Token], renewals: &[Renewal]) -> Result<Vec<u8>, ZipError> {
    let (folder, mut files) = zip::read(bytes, &Limits::default())?;
    add(&mut files, tokens, renewals);
    zip::write(&folder, &files)
}
