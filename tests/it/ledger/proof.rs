//! A `.tlog-proof` is read strictly and proves one entry of one log to whoever has the log's key.

use countermand::ledger::{
    checkpoint::{Checkpoint, NoteError, Vkey},
    proof::{Proof, ProofError},
    tree::{inclusion, leaf_hash, root},
};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::{entry, log};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn vkey() -> Vkey {
    Vkey::new("log.example/1", &key().verifying_key()).unwrap()
}

fn proof(index: u64, size: u64) -> Proof {
    let log = log(size);
    let checkpoint = Checkpoint { origin: "log.example/1".to_owned(), size, root: root(&log, size).unwrap() };
    Proof { extra: None, index, hashes: inclusion(&log, index, size).unwrap(), checkpoint: checkpoint.sign(&key()).unwrap() }
}

#[test]
fn a_proof_file_shows_its_entry_and_no_other() {
    let proof = proof(41, 70);
    let text = proof.to_text();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 41\n") && text.ends_with(&format!("\n\n{}", proof.checkpoint)));
    let read = Proof::parse(&text).unwrap();
    assert_eq!(read, proof);
    assert_eq!(read.verify(&leaf_hash(&entry(41)), &vkey()).unwrap().size, 70);
    assert_eq!(read.verify(&leaf_hash(&entry(40)), &vkey()), Err(ProofError::NotIncluded { index: 41, size: 70 }));
    assert_eq!(Proof { index: 40, ..read.clone() }.verify(&leaf_hash(&entry(41)), &vkey()), Err(ProofError::NotIncluded { index: 40, size: 70 }));
    let stranger = Vkey::new("log.example/1", &SigningKey::from_bytes(&[8; 32]).verifying_key()).unwrap();
    assert_eq!(read.verify(&leaf_hash(&entry(41)), &stranger), Err(ProofError::Checkpoint(NoteError::NotSigned("log.example/1".to_owned()))));
}

#[test]
fn a_log_of_one_entry_needs_no_siblings_and_extra_bytes_change_nothing() {
    let alone = Proof { extra: Some(b"salt".to_vec()), ..proof(0, 1) };
    let text = alone.to_text();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra c2FsdA==\nindex 0\n\nlog.example/1\n1\n"));
    let read = Proof::parse(&text).unwrap();
    assert_eq!(read, alone);
    assert!(read.verify(&leaf_hash(&entry(0)), &vkey()).is_ok());
    let nothing = Proof { extra: Some(Vec::new()), ..alone };
    assert_eq!(Proof::parse(&nothing.to_text()).unwrap(), nothing);
}

#[test]
fn files_in_any_other_form_are_refused() {
    let text = Proof { extra: Some(b"salt".to_vec()), ..proof(41, 70) }.to_text();
    let hash = text.lines().nth(3).unwrap();
    let swap = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    for bad in [
        String::new(),
        "c2sp.org/tlog-proof@v1\n\n".to_owned(),
        text.replace("\n\n", "\n"),
        text.replace('\n', "\r\n"),
        format!("\n{text}"),
        swap("@v1", "@v2"),
        swap("extra ", "extra  "),
        swap("c2FsdA==", "c2FsdA"),
        swap("c2FsdA==", "c2FsdB=="),
        swap("extra c2FsdA==\n", "extra c2FsdA==\nextra c2FsdA==\n"),
        swap("extra c2FsdA==\nindex 41\n", "index 41\nextra c2FsdA==\n"),
        swap("index 41\n", ""),
        swap("index 41", "index 041"),
        swap("index 41", "index +41"),
        swap("index 41", "index 41 "),
        swap("index 41", "index"),
        swap("index 41", "Index 41"),
        swap("index 41", "index 18446744073709551616"),
        swap(hash, &hash[..hash.len() - 1]),
        swap(hash, &format!("{hash} ")),
        swap(hash, "AAAA"),
        swap(&format!("{hash}\n"), &format!("{hash}\n").repeat(60)),
    ] {
        assert!(matches!(Proof::parse(&bad), Err(ProofError::Form(_))), "{bad:?}");
    }
    // One hash less, or one twice: a proof by its form, of nothing.
    for bad in [swap(&format!("{hash}\n"), ""), swap(&format!("{hash}\n"), &format!("{hash}\n{hash}\n"))] {
        assert_eq!(Proof::parse(&bad).unwrap().verify(&leaf_hash(&entry(41)), &vkey()), Err(ProofError::NotIncluded { index: 41, size: 70 }));
    }
    // The checkpoint is taken verbatim, and refused when it is opened.
    let cut = Proof::parse(text.trim_end()).unwrap();
    assert!(matches!(cut.verify(&leaf_hash(&entry(41)), &vkey()), Err(ProofError::Checkpoint(NoteError::Form(_)))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_byte_of_a_proof_file_is_accepted(size in 1u64..300, pick in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), other in 0u8..128) {
        let index = pick.index(size as usize) as u64;
        let text = proof(index, size).to_text();
        let verify = |text: &str| Proof::parse(text).and_then(|proof| proof.verify(&leaf_hash(&entry(index)), &vkey()));
        prop_assert!(verify(&text).is_ok());
        let mut changed = text.clone().into_bytes();
        changed[place.index(text.len())] = other;
        if let Ok(changed) = String::from_utf8(changed) {
            prop_assert_eq!(verify(&changed).is_ok(), changed == text);
        }
    }
}
