//! The log's keys change: whoever knows any of them can verify bundles of before, of meanwhile and of afterwards.

use std::time::Duration;

use countermand::{
    app::{
        Caller, evidence,
        evidence::export::{Export, export},
    },
    crypto::keyring::Keyring,
    domain::{event::Event, role::Role},
    evidence::{
        succession::LATER,
        verify::{Answer, Outcome, Pin, verify},
        zip::{self, Files, Limits},
    },
    ledger::{
        checkpoint::{Checkpoint, Vkey},
        mldsa::MldsaVkey,
        tree::{leaf_hash, root},
    },
};
use ed25519_dalek::SigningKey;

use super::{Timed, bundle::told};
use crate::support::db::TestDb;

const WEEK: Duration = Duration::from_secs(7 * 86_400);

impl Timed {
    /// New keys are announced; the keys in force after that, the oldest first.
    async fn rotate(&self) -> (Vkey, MldsaVkey) {
        let store = self.stage.app.store.clone();
        let row = tokio::task::spawn_blocking(move || store.rotate(WEEK, Event::system)).await.unwrap().unwrap();
        (Vkey::parse(&row.vkey).unwrap(), MldsaVkey::parse(row.mldsa.as_deref().unwrap()).unwrap())
    }

    async fn retire(&self) {
        let store = self.stage.app.store.clone();
        tokio::task::spawn_blocking(move || store.retire(true, Event::system)).await.unwrap().unwrap();
    }

    async fn exported(&self, case: &str) -> Vec<u8> {
        let wanted = Export { case: case.to_owned(), purpose: "密钥更换".into(), ..Export::default() };
        let made = export(&self.stage.app, &Caller::shell(), wanted).await.unwrap().value;
        assert!(made.verified);
        made.bundle.bytes
    }
}

fn by(bytes: &[u8], pins: &[Pin]) -> Outcome {
    verify(bytes, pins, &Limits::default())
}

fn of<'o>(outcome: &'o Outcome, name: &str) -> Vec<(Answer, &'o str)> {
    outcome.checks.iter().filter(|c| c.name == name).map(|c| (c.result, c.actual.as_str())).collect()
}

#[actix_web::test]
async fn any_key_that_the_log_had_leads_to_the_one_that_signed() {
    for db in TestDb::each() {
        let timed = Timed::set(db).await;
        let app = &timed.stage.app;
        let cast = timed.stage.cast().await;
        let counsel = timed.stage.person("counsel", &[Role::Counsel], "法务部").await;
        let (case, number) = timed.sealed(&cast).await;
        let first = (app.store.vkey().unwrap(), MldsaVkey::parse(app.store.in_force().unwrap()[0].mldsa.as_deref().unwrap()).unwrap());
        let (_, before) = evidence::again(app, &counsel.caller, &number).await.unwrap();
        let second = timed.rotate().await;
        let meanwhile = timed.exported(&case).await;
        timed.retire().await;
        let after = timed.exported(&case).await;
        let third = timed.rotate().await;
        timed.retire().await;
        let last = timed.exported(&case).await;
        // Sealed before, handed out now.
        let (_, handed) = evidence::again(app, &counsel.caller, &number).await.unwrap();

        let trusted = app.store.signing().unwrap();
        assert_eq!(trusted.0, third.0);
        let roots = || Pin::Authorities(countermand::app::timestamps::roots(&app.config));
        for (what, bytes) in [("handed out", &handed), ("after", &after), ("last", &last)] {
            for (n, (vkey, mldsa)) in [&first, &second, &third].into_iter().enumerate() {
                let known = what == "after" && n == 2;
                for pin in
                    [Pin::Log(vkey.clone()), Pin::Key(vkey.key().to_bytes()), Pin::OneOf(vec![vkey.key().to_bytes()]), Pin::Mldsa(mldsa.clone())]
                {
                    let of_log = !matches!(pin, Pin::Mldsa(_));
                    let pins = if of_log { vec![pin, roots()] } else { vec![Pin::Log(vkey.clone()), pin, roots()] };
                    let outcome = by(bytes, &pins);
                    // What was made before the third key came knows nothing of it.
                    let expected = if known { Answer::Fail } else { Answer::Pass };
                    assert_eq!(
                        outcome.result,
                        expected,
                        "{what} by key {n}: {:#?}",
                        outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect::<Vec<_>>()
                    );
                }
            }
            told(bytes);
        }
        for pin in [&first.0, &second.0] {
            assert_eq!(by(&meanwhile, &[Pin::Log(pin.clone()), roots()]).result, Answer::Pass);
        }
        // The file as it was sealed says nothing of what came later, and the answer says so.
        let outcome = by(&before, &[Pin::Log(second.0.clone())]);
        assert_eq!((outcome.result, of(&outcome, "key_succession")), (Answer::Fail, vec![(Answer::Unknown, "not in this bundle")]));
        let (_, sealed) = zip::read(&before, &Limits::default()).unwrap();
        assert!(!sealed.keys().any(|p| p.contains("succession")), "a log with one key has no such file");
        // The installation's own page takes them all.
        for bytes in [&before, &handed, &after, &last] {
            let outcome = evidence::check(app, &counsel.caller, Some(bytes.clone())).await.unwrap();
            assert_eq!(outcome.result, Answer::Pass, "{:#?}", outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect::<Vec<_>>());
        }
        tampered(&handed, &third.0, &first.0);
        let former = Keyring::former(app.store.data());
        assert_eq!(former.len(), 2);
    }
}

/// Whatever is done to the way from one key to the other is named; nobody can lay one of his own.
fn tampered(handed: &[u8], known: &Vkey, signer: &Vkey) {
    let (folder, good) = zip::read(handed, &Limits::default()).unwrap();
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut files: Files = good.clone();
        let text = String::from_utf8(files[LATER].clone()).unwrap();
        let mut links: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        change(&mut links[0]);
        let text: String = links.iter().map(|l| format!("{l}\n")).collect();
        files.insert(LATER.to_owned(), text.into_bytes());
        by(&zip::write(&folder, &files).unwrap(), &[Pin::Log(known.clone())])
    };
    let stranger = Vkey::new(signer.name(), &SigningKey::from_bytes(&[9; 32]).verifying_key()).unwrap();
    for (why, outcome) in [
        ("an announcement that is not in the log", with(&|l| l["keys"][0]["index"] = 0.into())),
        ("an announcement of other keys", with(&|l| l["keys"][0]["vkey"] = stranger.to_string().into())),
        ("a checkpoint of another log", with(&|l| l["consistency"] = serde_json::json!(["00".repeat(32)]))),
        ("another form", with(&|l| l["more"] = 1.into())),
        ("another form", with(&|l| l["note"] = "no note".into())),
    ] {
        assert_eq!(outcome.result, Answer::Fail, "{why}");
        assert!(of(&outcome, "key_succession").contains(&(Answer::Fail, why)), "{why}: {:#?}", of(&outcome, "key_succession"));
    }
    // A log of his own that announces his key, under a checkpoint that he signs.
    let key = SigningKey::from_bytes(&[9; 32]);
    let forged = with(&|link| {
        let leaf = link["keys"][0]["leaf"].as_str().unwrap().to_owned();
        let hash = leaf_hash(leaf.as_bytes());
        let mut memory = countermand::ledger::tree::Memory::default();
        memory.push(hash);
        let head = Checkpoint { origin: signer.name().to_owned(), size: 1, root: root(&memory, 1).unwrap() };
        link["note"] = head.sign(&key).unwrap().into();
        link["keys"][0]["index"] = 0.into();
        link["keys"][0]["proof"] = serde_json::json!([]);
    });
    assert!(of(&forged, "key_succession").contains(&(Answer::Fail, "a checkpoint of another log")));
    // One whose signatures were taken away leads nowhere.
    let unsigned = with(&|link| {
        let note = link["note"].as_str().unwrap().to_owned();
        let text = note.split("\n\n").next().unwrap().to_owned();
        link["note"] = countermand::ledger::note::sign(&format!("{text}\n"), signer.name(), &key).unwrap().into();
    });
    assert_eq!(of(&unsigned, "log_key"), [(Answer::Fail, signer.to_string().as_str())]);
}
