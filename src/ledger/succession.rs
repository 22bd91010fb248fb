//! Which key follows which: a log names the keys that are to sign it in a leaf of its own (`key.announced`), which the keys before them
//! sign, and ends a key's time in another (`key.retired`). So whoever trusts the old key finds the new one in what the old one signed; and
//! whoever trusts the new one finds the old one there too, for both sign while one takes over from the other.
//!
//! A leaf names keys by their hash, for it is never erased and the keys themselves are kept beside the log. Not here: files and rows
//! (`store::keys`).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    checkpoint::Checkpoint,
    leaf::Leaf,
    note::{Note, Vkey},
    tree::{Hash, leaf_hash, verify_consistency, verify_inclusion},
};

/// The subject's kind in those leaves.
pub const KIND: &str = "log_key";
pub const ANNOUNCED: &str = "key.announced";
pub const RETIRED: &str = "key.retired";

/// The subject's id: hex SHA-256 of the verifier keys that sign together, one a line, Ed25519 before ML-DSA-44.
pub fn id(vkey: &str, mldsa: Option<&str>) -> String {
    let lines: String = std::iter::once(vkey).chain(mldsa).map(|key| format!("{key}\n")).collect();
    hex::encode(Sha256::digest(lines))
}

/// One change of keys, as a bundle carries it: a checkpoint that was signed meanwhile, and in it the leaves that announce keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The signed checkpoint.
    pub note: String,
    /// From the smaller to the larger of this checkpoint and the bundle's (RFC 9162 §2.1.4), hex.
    pub consistency: Vec<String>,
    pub keys: Vec<Announced>,
}

/// Keys and the leaf that announces them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announced {
    pub vkey: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mldsa: Option<String>,
    /// Of the leaf in the log.
    pub index: u64,
    /// Its exact bytes.
    pub leaf: String,
    /// Siblings up to the root of the link's checkpoint, hex.
    pub proof: Vec<String>,
}

/// Hashes from lower-case hex, strictly.
fn hashes(text: &[String]) -> Option<Vec<Hash>> {
    let one = |text: &String| {
        let mut bytes = [0u8; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        (hex::encode(bytes) == *text).then_some(bytes)
    };
    text.iter().map(one).collect()
}

impl Link {
    /// Why the link is none of the log whose head is `head`: of another log, or its leaves are not in its checkpoint, or announce other keys. Who
    /// signed it is not looked at here.
    ///
    /// # Errors
    /// What does not hold, in words.
    pub fn check(&self, head: &Checkpoint) -> Result<(), &'static str> {
        const FORM: &str = "another form";
        let note = Note::parse(&self.note).map_err(|_| FORM)?;
        let own = Checkpoint::parse(note.text()).map_err(|_| FORM)?;
        let (old, new) = if own.size <= head.size { (&own, head) } else { (head, &own) };
        let way = hashes(&self.consistency).ok_or(FORM)?;
        if own.origin != head.origin || !verify_consistency(old.size, &old.root, new.size, &new.root, &way) {
            return Err("a checkpoint of another log");
        }
        for key in &self.keys {
            let leaf = Leaf::parse(key.leaf.as_bytes()).map_err(|_| FORM)?;
            let way = hashes(&key.proof).ok_or(FORM)?;
            if !verify_inclusion(&leaf_hash(key.leaf.as_bytes()), key.index, own.size, &way, &own.root) {
                return Err("an announcement that is not in the log");
            }
            let names = leaf.action == ANNOUNCED && leaf.outcome == "success" && leaf.subject.kind == KIND;
            if !names || leaf.subject.id != id(&key.vkey, key.mldsa.as_deref()) {
                return Err("an announcement of other keys");
            }
        }
        Ok(())
    }
}

/// The keys that one finds from `start`: whatever a checkpoint announces that a known key signed. `signed`: whether a key signed a note; `named`:
/// the key of that kind that is announced. Links must have passed [`Link::check`].
fn reach<K: PartialEq>(links: &[Link], start: K, signed: impl Fn(&K, &Note) -> bool, named: impl Fn(&Announced) -> Option<K>) -> Vec<K> {
    let mut known = vec![start];
    let mut left: Vec<&Link> = links.iter().collect();
    loop {
        let (found, rest): (Vec<&Link>, Vec<&Link>) =
            left.into_iter().partition(|link| Note::parse(&link.note).is_ok_and(|note| known.iter().any(|key| signed(key, &note))));
        known.extend(found.iter().flat_map(|link| &link.keys).filter_map(&named));
        left = rest;
        if found.is_empty() {
            return known;
        }
    }
}

/// Whether whoever trusts the Ed25519 key `start` of the log `origin` finds `wanted` in what it signed.
pub fn leads(links: &[Link], origin: &str, start: &[u8; 32], wanted: &Vkey) -> bool {
    let vkey = |key: &[u8; 32]| Vkey::new(origin, &ed25519_dalek::VerifyingKey::from_bytes(key).ok()?).ok();
    let signed = |key: &[u8; 32], note: &Note| vkey(key).is_some_and(|vkey| note.verify(&vkey).is_ok());
    let named = |key: &Announced| Vkey::parse(&key.vkey).ok().filter(|vkey| vkey.name() == origin).map(|vkey| vkey.key().to_bytes());
    reach(links, *start, signed, named).contains(wanted.key().as_bytes())
}

/// The same for the second keys, ML-DSA-44.
pub fn leads_mldsa(links: &[Link], start: &super::mldsa::MldsaVkey, wanted: &super::mldsa::MldsaVkey) -> bool {
    let signed = |key: &super::mldsa::MldsaVkey, note: &Note| key.verify(note).is_ok();
    let named = |key: &Announced| super::mldsa::MldsaVkey::parse(key.mldsa.as_deref()?).ok();
    reach(links, start.clone(), signed, named).contains(wanted)
}
