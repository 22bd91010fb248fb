//! Checkpoints are opened only with the key they were signed by, in exactly the form they were signed in.

use countermand::ledger::{
    checkpoint::{self, Checkpoint, Note, NoteError, Vkey, VkeyError},
    note,
    tree::EMPTY_ROOT,
};
use ed25519_dalek::{SigningKey, VerifyingKey};
use proptest::prelude::*;

const ORIGIN: &str = "recall.example.com/countermand/01935f00";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn vkey() -> Vkey {
    Vkey::new(ORIGIN, &key().verifying_key()).unwrap()
}

fn head() -> Checkpoint {
    Checkpoint { origin: ORIGIN.to_owned(), size: 20_852_163, root: [0x5a; 32] }
}

/// A note over any text, by the log's own key: only the form of the text can be at fault.
fn signed(text: &str) -> String {
    note::sign(text, ORIGIN, &key()).unwrap()
}

fn form(result: Result<Checkpoint, NoteError>) -> bool {
    matches!(result, Err(NoteError::Form(_)))
}

#[test]
fn a_checkpoint_is_three_lines_and_a_signature() {
    assert_eq!(head().text(), format!("{ORIGIN}\n20852163\nWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=\n"));
    let note = head().sign(&key()).unwrap();
    assert!(note.starts_with(&format!("{}\n\u{2014} {ORIGIN} ", head().text())) && note.ends_with('\n'));
    assert_eq!(checkpoint::open(&note, &vkey()).unwrap(), head());
    assert_eq!(Note::parse(&note).unwrap().text(), head().text());
    let raw = checkpoint::raw_signature(&note, &vkey()).unwrap();
    assert!(key().verifying_key().verify_strict(head().text().as_bytes(), &ed25519_dalek::Signature::from_bytes(&raw)).is_ok());
}

/// The key and text printed in C2SP signed-note.md, signed elsewhere.
#[test]
fn the_key_of_the_specification_is_read() {
    let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let vkey = Vkey::parse(text).unwrap();
    assert_eq!((vkey.name(), vkey.id(), vkey.to_string().as_str()), ("example.com/foo", [0x53, 0x0d, 0x90, 0x3a], text));
}

#[test]
fn keys_in_any_other_spelling_are_refused() {
    let good = vkey().to_string();
    assert_eq!(Vkey::parse(&good).unwrap(), vkey());
    let parts: Vec<_> = good.splitn(3, '+').collect();
    let of = |name: &str, hash: &str, key: &str| Vkey::parse(&format!("{name}+{hash}+{key}"));
    let (name, hash, body) = (parts[0], parts[1], parts[2]);
    assert_eq!(of("other.example", hash, body), Err(VkeyError::Hash));
    assert_eq!(of(name, "00000000", body), Err(VkeyError::Hash));
    assert_eq!(of(name, "0000000", body), Err(VkeyError::Form));
    assert_eq!(of(name, &hash.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A"), body), Err(VkeyError::Form));
    assert_eq!(of(name, hash, body.trim_end_matches('=')).is_err(), body.ends_with('='));
    assert_eq!(of(name, hash, &format!("{body} ")), Err(VkeyError::Form));
    assert_eq!(of(name, hash, ""), Err(VkeyError::Form));
    assert_eq!(of(name, hash, "BAAA"), Err(VkeyError::Type(4)));
    assert_eq!(of(name, hash, "AQAA"), Err(VkeyError::Key));
    for bad in ["", " ", "a b", "a\u{3000}b", "a\nb", "a\u{1}b", "a+b"] {
        assert_eq!(Vkey::new(bad, &key().verifying_key()), Err(VkeyError::Name), "{bad:?}");
    }
    for bad in ["", "name", "name+00000000"] {
        assert_eq!(Vkey::parse(bad), Err(VkeyError::Form), "{bad:?}");
    }
    // The neutral element: every signature of a certain form holds under it, for every text.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert_eq!(Vkey::new("n", &VerifyingKey::from_bytes(&neutral).unwrap()), Err(VkeyError::Key));
}

#[test]
fn a_signature_by_another_key_or_under_another_name_is_none() {
    let note = head().sign(&key()).unwrap();
    let other = SigningKey::from_bytes(&[8; 32]);
    assert_eq!(checkpoint::open(&note, &Vkey::new(ORIGIN, &other.verifying_key()).unwrap()), Err(NoteError::NotSigned(ORIGIN.to_owned())));
    assert_eq!(checkpoint::open(&note, &Vkey::new("other", &key().verifying_key()).unwrap()), Err(NoteError::NotSigned("other".to_owned())));
    // The right key signs, under its own name, the head of a log that is not its own.
    let foreign = note::sign(&Checkpoint { origin: "other".to_owned(), ..head() }.text(), ORIGIN, &key()).unwrap();
    assert!(form(checkpoint::open(&foreign, &vkey())));
    // Another key, under the right name and with the right id on its line.
    let mut line = vkey().id().to_vec();
    line.extend(ed25519_dalek::Signer::sign(&other, head().text().as_bytes()).to_bytes());
    let forged = format!("{}\n\u{2014} {ORIGIN} {}\n", head().text(), base64(&line));
    assert_eq!(checkpoint::open(&forged, &vkey()), Err(NoteError::BadSignature(ORIGIN.to_owned())));
    assert_eq!(checkpoint::raw_signature(&forged, &vkey()), Err(NoteError::BadSignature(ORIGIN.to_owned())));
    // One good line does not excuse a bad one under the same name and id.
    let both = format!("{note}\u{2014} {ORIGIN} {}\n", base64(&line));
    assert_eq!(checkpoint::open(&both, &vkey()), Err(NoteError::BadSignature(ORIGIN.to_owned())));
    let short = format!("{note}\u{2014} {ORIGIN} {}\n", base64(&line[..30]));
    assert_eq!(checkpoint::open(&short, &vkey()), Err(NoteError::BadSignature(ORIGIN.to_owned())));
}

fn base64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

#[test]
fn witnesses_may_add_their_lines() {
    let note = head().sign(&key()).unwrap();
    let cosigned = format!("{note}\u{2014} witness.example {}\n\u{2014} {ORIGIN} {}\n", base64(&[9; 76]), base64(&[1; 68]));
    assert_eq!(checkpoint::open(&cosigned, &vkey()).unwrap(), head());
    assert_eq!(Note::parse(&cosigned).unwrap().signatures()[1].name, "witness.example");
    let many = |count| note.clone() + &format!("\u{2014} w {}\n", base64(&[9; 76])).repeat(count);
    assert!(checkpoint::open(&many(99), &vkey()).is_ok());
    assert!(form(checkpoint::open(&many(100), &vkey())));
    assert!(form(checkpoint::open(&many(20_000), &vkey())));
}

#[test]
fn notes_in_any_other_form_are_refused() {
    let note = head().sign(&key()).unwrap();
    let body = note.find("\n\n").unwrap() + 2;
    let (text, line) = (&note[..body - 1], &note[body..]);
    for bad in [
        String::new(),
        "\n\n".to_owned(),
        text.to_owned(),
        format!("{text}\n"),
        note.trim_end().to_owned(),
        format!("{note}\n"),
        format!("{note}trailing"),
        format!("{text}{line}"),
        format!("{text}\n{}", line.replace('\u{2014}', "-")),
        format!("{text}\n{}", line.replace("\u{2014} ", "\u{2014}")),
        format!("{text}\n{}", line.replace(ORIGIN, "")),
        format!("{text}\n{}", line.replace(ORIGIN, "a+b")),
        format!("{text}\n{}", line.replace(ORIGIN, "a\u{3000}b")),
        format!("{text}\n{}", line.replace('\n', " \n")),
        format!("{text}\n{}", line.replace("=\n", "\n")),
        format!("{text}\n{line}\u{2014} x AAAA\n"),
        format!("{text}\n{line}\u{2014} x AAAAAA==\n"),
        format!("{text}\n{line}\u{2014} x AAAAAAB=\n"),
        note.replace('\n', "\r\n"),
        note.replacen(ORIGIN, "tab\there", 1),
    ] {
        assert!(form(checkpoint::open(&bad, &vkey())), "{bad:?}");
        assert!(matches!(checkpoint::raw_signature(&bad, &vkey()), Err(NoteError::Form(_))), "{bad:?}");
    }
}

#[test]
fn a_good_signature_does_not_excuse_a_malformed_checkpoint() {
    let root = base64(&[0x5a; 32]);
    for bad in [
        format!("{ORIGIN}\n"),
        format!("{ORIGIN}\n1\n"),
        format!("{ORIGIN}\n01\n{root}\n"),
        format!("{ORIGIN}\n+1\n{root}\n"),
        format!("{ORIGIN}\n-1\n{root}\n"),
        format!("{ORIGIN}\n1 \n{root}\n"),
        format!("{ORIGIN}\n18446744073709551616\n{root}\n"),
        format!("{ORIGIN}\n1\n{}\n", root.trim_end_matches('=')),
        format!("{ORIGIN}\n1\n{}\n", root.replace("Wlo=", "Wlp=")),
        format!("{ORIGIN}\n1\n{}\n", base64(&[0; 31])),
        format!("{ORIGIN}\n1\n{root} \n"),
        format!("{ORIGIN}\n0\n{root}\n"),
        format!("\n1\n{root}\n"),
        format!("{ORIGIN}\n1\n{root}\n\nextension\n"),
    ] {
        assert!(form(checkpoint::open(&signed(&bad), &vkey())), "{bad:?}");
    }
    assert!(matches!(Checkpoint::parse("a\n1\nx"), Err(NoteError::Form(_))));
    // Someone else's extension lines are allowed by the format.
    assert_eq!(checkpoint::open(&signed(&format!("{}extension\n", head().text())), &vkey()).unwrap(), head());
}

#[test]
fn nothing_is_signed_that_could_not_be_opened() {
    for origin in ["", "two words", "a+b", "line\nbreak", "tab\t"] {
        assert!(matches!(Checkpoint { origin: origin.to_owned(), ..head() }.sign(&key()), Err(NoteError::Form(_))), "{origin:?}");
    }
    assert!(matches!(Checkpoint { size: 0, ..head() }.sign(&key()), Err(NoteError::Form(_))));
    assert!(matches!(note::sign("no newline", ORIGIN, &key()), Err(NoteError::Form(_))));
    assert!(matches!(note::sign("ends like\n\n\u{2014} a AAAAAAA=", ORIGIN, &key()), Err(NoteError::Form(_))));
    assert!(matches!(note::sign(&"too long\n".repeat(120_000), ORIGIN, &key()), Err(NoteError::Form(_))));
    assert!(matches!(note::sign("control \u{7} character\n", ORIGIN, &key()), Err(NoteError::Form(_))));
    let empty = Checkpoint { size: 0, root: EMPTY_ROOT, ..head() };
    assert_eq!(checkpoint::open(&empty.sign(&key()).unwrap(), &vkey()).unwrap(), empty);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_byte_of_a_note_is_accepted(place in any::<prop::sample::Index>(), other in 0u8..128) {
        let note = head().sign(&key()).unwrap();
        let mut changed = note.clone().into_bytes();
        let place = place.index(changed.len());
        changed[place] = other;
        if let Ok(changed) = String::from_utf8(changed) {
            prop_assert_eq!(checkpoint::open(&changed, &vkey()).is_ok(), changed == note);
        }
    }

    #[test]
    fn every_checkpoint_comes_back(size in 1u64.., root in any::<[u8; 32]>(), secret in any::<[u8; 32]>()) {
        let key = SigningKey::from_bytes(&secret);
        let head = Checkpoint { origin: "例.example/log".to_owned(), size, root };
        let vkey = Vkey::new(&head.origin, &key.verifying_key()).unwrap();
        prop_assert_eq!(&Vkey::parse(&vkey.to_string()).unwrap(), &vkey);
        prop_assert_eq!(checkpoint::open(&head.sign(&key).unwrap(), &vkey).unwrap(), head);
    }
}

#[test]
fn openssl_alone_accepts_the_raw_signature() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let signature = checkpoint::raw_signature(&head().sign(&key()).unwrap(), &vkey()).unwrap();
    std::fs::write(file("key.pem"), vkey().to_pem()).unwrap();
    std::fs::write(file("signature"), signature).unwrap();
    std::fs::write(file("good.txt"), head().text()).unwrap();
    std::fs::write(file("bad.txt"), head().text().replace("20852163", "20852164")).unwrap();
    for (name, accepted) in [("good.txt", true), ("bad.txt", false)] {
        let run = std::process::Command::new("openssl")
            .args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"])
            .arg(file("key.pem"))
            .arg("-sigfile")
            .arg(file("signature"))
            .arg("-in")
            .arg(file(name))
            .output();
        match run {
            Ok(run) => assert_eq!(run.status.success(), accepted, "{}", String::from_utf8_lossy(&run.stderr)),
            Err(missing) => return eprintln!("skipped, no openssl here: {missing}"),
        }
    }
}
