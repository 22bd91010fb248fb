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
/// Somebody else has them too; says the first event of the log that was begun for it.
pub const STOLEN: &str = "key.stolen";

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
    /// The checkpoint's note, and the size that it is of.
    fn read(&self) -> Option<(Note<'_>, u64)> {
        let note = Note::parse(&self.note).ok()?;
        let size = Checkpoint::parse(note.text()).ok()?.size;
        Some((note, size))
    }

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

/// How far a key may be believed: a log of so many leaves, or any.
type Bound = Option<u64>;

/// The looser of two.
fn looser(a: Bound, b: Bound) -> Bound {
    Some(a?.max(b?))
}

/// The keys that one finds from `start`: whatever a checkpoint announces that a known key signed, as far as that key is believed. `signed`:
/// whether a key signed a note; `named`: the key of that kind that is announced. Links must have passed [`Link::check`].
///
/// A key that was announced after the one that signed is believed as that one is: it was handed on. A key from before may since have been
/// retired, or have been stolen: it is believed as far as the checkpoint goes that a later key signed, and no further.
fn reach<K: PartialEq>(links: &[Link], start: K, signed: impl Fn(&K, &Note<'_>) -> bool, named: impl Fn(&Announced) -> Option<K>) -> Vec<(K, Bound)> {
    let mut known = vec![(start, None)];
    // Each round may loosen what an earlier one found; a chain is no longer than its links.
    for _ in 0..=links.len() {
        for link in links {
            let Some((note, size)) = link.read() else { continue };
            for n in 0..known.len() {
                let (key, bound) = &known[n];
                let bound = *bound;
                if bound.is_some_and(|bound| size > bound) || !signed(key, &note) {
                    continue;
                }
                let own = link.keys.iter().find(|a| named(a).as_ref() == Some(key)).map(|a| a.index);
                for announced in &link.keys {
                    let Some(found) = named(announced) else { continue };
                    let handed_on = own.is_some_and(|own| own < announced.index);
                    let believed = if handed_on { bound } else { Some(bound.map_or(size, |bound| bound.min(size))) };
                    match known.iter_mut().find(|(k, _)| *k == found) {
                        Some((_, before)) => *before = looser(*before, believed),
                        None => known.push((found, believed)),
                    }
                }
            }
        }
    }
    known
}

/// Whether `wanted` is among the known keys and believed for the log of `head`, or signed it beside another that is.
fn believed<K: PartialEq>(known: &[(K, Bound)], wanted: &K, head: u64, signed: impl Fn(&K) -> bool) -> bool {
    let reaches = |bound: &Bound| bound.is_none_or(|bound| head <= bound);
    known.iter().any(|(key, _)| key == wanted) && known.iter().any(|(key, bound)| reaches(bound) && (key == wanted || signed(key)))
}

/// The checkpoint of a bundle: its note, and the size that it is of.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    pub note: &'a Note<'a>,
    pub size: u64,
}

/// Whether whoever trusts the Ed25519 key `start` of the log `origin` finds `wanted` in what it signed, and may believe it for `head`.
pub fn leads(links: &[Link], origin: &str, start: &[u8; 32], wanted: &Vkey, head: Head<'_>) -> bool {
    let vkey = |key: &[u8; 32]| Vkey::new(origin, &ed25519_dalek::VerifyingKey::from_bytes(key).ok()?).ok();
    let signed = |key: &[u8; 32], note: &Note<'_>| vkey(key).is_some_and(|vkey| note.verify(&vkey).is_ok());
    let named = |key: &Announced| Vkey::parse(&key.vkey).ok().filter(|vkey| vkey.name() == origin).map(|vkey| vkey.key().to_bytes());
    believed(&reach(links, *start, signed, named), wanted.key().as_bytes(), head.size, |key| signed(key, head.note))
}

/// The same for the second keys, ML-DSA-44.
pub fn leads_mldsa(links: &[Link], start: &super::mldsa::MldsaVkey, wanted: &super::mldsa::MldsaVkey, head: Head<'_>) -> bool {
    let signed = |key: &super::mldsa::MldsaVkey, note: &Note<'_>| key.verify(note).is_ok();
    let named = |key: &Announced| super::mldsa::MldsaVkey::parse(key.mldsa.as_deref()?).ok();
    believed(&reach(links, start.clone(), signed, named), wanted, head.size, |key| signed(key, head.note))
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::{Announced, Head, Link, leads};
    use crate::ledger::{
        checkpoint::Checkpoint,
        note::{Note, Vkey},
    };

    const ORIGIN: &str = "a.example/countermand/x";

    fn key(n: u8) -> SigningKey {
        SigningKey::from_bytes(&[n; 32])
    }

    fn vkey(n: u8) -> Vkey {
        Vkey::new(ORIGIN, &key(n).verifying_key()).unwrap()
    }

    /// A checkpoint of `size`, signed by each of `by`.
    fn note(size: u64, by: &[u8]) -> String {
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: [7; 32] };
        let mut notes = by.iter().map(|n| checkpoint.sign(&key(*n)).unwrap());
        let first = notes.next().unwrap();
        notes.fold(first, |all, one| all + one.lines().last().unwrap() + "\n")
    }

    /// What was signed at `size` by `by`, and the keys that it announces, each at ten times its number.
    fn link(size: u64, by: &[u8], keys: &[u8]) -> Link {
        let announced =
            |n: &u8| Announced { vkey: vkey(*n).to_string(), mldsa: None, index: u64::from(*n) * 10, leaf: String::new(), proof: Vec::new() };
        Link { note: note(size, by), consistency: Vec::new(), keys: keys.iter().map(announced).collect() }
    }

    fn trusted(links: &[Link], pinned: u8, signer: u8, size: u64, by: &[u8]) -> bool {
        let text = note(size, by);
        let head = Head { note: &Note::parse(&text).unwrap(), size };
        leads(links, ORIGIN, vkey(pinned).key().as_bytes(), &vkey(signer), head)
    }

    #[test]
    fn a_key_of_before_is_believed_only_as_far_as_a_later_one_vouches() {
        let links = [link(25, &[1, 2], &[1, 2]), link(35, &[2, 3], &[2, 3])];
        // Forward, however long the log has grown.
        assert!(trusted(&links, 1, 2, 1000, &[2]) && trusted(&links, 1, 3, 1000, &[3]));
        // Backward, up to what was signed while one took over from the other.
        assert!(trusted(&links, 2, 1, 25, &[1]) && trusted(&links, 3, 1, 20, &[1]));
        assert!(!trusted(&links, 2, 1, 26, &[1]), "a retired key signs what nobody vouches for");
        assert!(!trusted(&links, 3, 1, 26, &[1]) && !trusted(&links, 3, 2, 36, &[2]));
        // Or beyond, where the later key has signed the very checkpoint as well.
        assert!(trusted(&links, 2, 1, 30, &[1, 2]));
        assert!(!trusted(&links, 2, 1, 30, &[1, 4]));
    }

    #[test]
    fn a_key_of_before_hands_nothing_on() {
        // Whoever has stolen key 1 announces a key 9 of their own, in a log that they went on with.
        let links = [link(25, &[1, 2], &[1, 2]), link(95, &[1], &[1, 9])];
        assert!(!trusted(&links, 2, 9, 95, &[9]));
        assert!(trusted(&links, 1, 9, 95, &[9]), "who trusts key 1 still trusts what it announces");
    }
}
