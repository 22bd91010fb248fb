//! Packs that somebody changed who holds even the key that signs them: what is wrong is named.

use std::time::Duration;

use countermand::{
    crypto::timestamp::Roots,
    evidence::{
        gm::SM2_SIGNATURE,
        verify::{Answer, Pin, verify},
        zip::{self, Files, Limits},
    },
};

use super::stage::{audit, check, company, failed, files, pack, python, sealed, text, wanted};
use crate::{
    gm,
    support::{db::TestDb, judged},
};

fn put(files: &mut Files, path: &str, text: String) {
    assert!(files.insert(path.to_owned(), text.into_bytes()).is_some(), "{path}");
}

/// The file of leaves.
fn leaves(files: &Files) -> String {
    files.keys().find(|p| p.starts_with("data/leaves/0")).unwrap().clone()
}

#[actix_web::test]
async fn whatever_is_taken_away_or_exchanged_is_named() {
    let (stage, _, cases) = company(TestDb::one()).await;
    let audit = audit(&stage, wanted(&stage)).await;
    let at = tempfile::tempdir().unwrap();
    let bytes = pack(&stage, &audit, &at.path().join("pack.zip")).await;
    let (folder, whole) = files(&bytes);
    let again = sealed(&stage, &folder, whole.clone());
    assert_eq!(failed(&check(&stage, &again)), Vec::<&str>::new(), "put together again it is the same pack");
    assert!(python(&again).0);

    // A signature by SM2 is no part of a pack: nobody lays one beside it, and who asks for its root is told that there is none.
    let mut added = zip::read(&again, &Limits::default()).unwrap().1;
    added.insert(SM2_SIGNATURE.to_owned(), vec![0x30]);
    assert_eq!(failed(&check(&stage, &zip::write(&folder, &added).unwrap())), ["sm2_signature"]);
    let national = Pin::Certificate(Roots::from_pem(&gm::certified(judged::made_at(), Duration::from_secs(60)).chain.root_pem()).unwrap());
    let outcome = verify(&again, &[Pin::Log(stage.app.store.vkey().unwrap()), national], &Limits::default());
    assert_eq!(outcome.result, Answer::Unknown);
    assert_eq!(outcome.checks.iter().filter(|c| c.result == Answer::Unknown).map(|c| c.name).collect::<Vec<_>>(), ["sm2_signature"]);

    let gone = cases[1].as_str();
    let without = |text: &str| text.split_inclusive('\n').filter(|line| !line.contains(gone)).collect::<String>();
    type Change<'a> = Box<dyn Fn(&mut Files) + 'a>;
    let tries: Vec<(&str, &str, &str, Change<'_>)> = vec![
        (
            "a case taken out of cases.csv",
            "audit_population",
            "is not in cases.csv",
            Box::new(|files| {
                let text = without(&text(files, "data/cases.csv"));
                put(files, "data/cases.csv", text);
            }),
        ),
        (
            "a case taken out of cases.csv and of the leaves",
            "audit_range",
            "the leaves are a run of the log without a gap",
            Box::new(|files| {
                for path in [leaves(files), "data/cases.csv".into(), "data/exceptions.csv".into(), "data/parts.jsonl".into()] {
                    let text = without(&text(files, &path));
                    put(files, &path, text);
                }
            }),
        ),
        (
            "two leaves exchanged",
            "audit_range",
            "the leaves are a run of the log without a gap",
            Box::new(|files| {
                let path = leaves(files);
                let text = text(files, &path);
                let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
                lines.swap(3, 4);
                put(files, &path, lines.concat());
            }),
        ),
        (
            "another case in the sample",
            "audit_sample",
            "sample: the seed draws",
            Box::new(|files| {
                let text = text(files, "data/sample.csv");
                let (one, two) = (cases[0].as_str(), cases[1].as_str());
                let text = if text.contains(one) { text.replace(one, two) } else { text.replace(two, one) };
                put(files, "data/sample.csv", text);
            }),
        ),
        (
            "another seed",
            "audit_engagement",
            "what was recorded when the audit was opened is not what audit.json says",
            Box::new(|files| {
                let text = text(files, "data/audit.json").replace(super::stage::SEED, "another-seed");
                put(files, "data/audit.json", text);
            }),
        ),
        (
            "a shorter period",
            "audit_engagement",
            "what was recorded when the audit was opened is not what audit.json says",
            Box::new(|files| {
                let from = countermand::clock::Instant(audit.from_at).to_rfc3339();
                let later = countermand::clock::Instant(audit.from_at + 3_600_000_000).to_rfc3339();
                let text = text(files, "data/audit.json").replace(&from, &later);
                put(files, "data/audit.json", text);
            }),
        ),
        (
            "a number taken out",
            "audit_numbers",
            "case numbers without a gap",
            Box::new(|files| {
                let text = text(files, "data/audit.json").replace("\"given\": 2", "\"given\": 3");
                put(files, "data/audit.json", text);
            }),
        ),
        (
            "more numbers than anybody can name",
            "audit_numbers",
            "and 2 cases",
            Box::new(|files| {
                let text = text(files, "data/audit.json").replace("\"given\": 2", "\"given\": 18000000000000000000");
                put(files, "data/audit.json", text);
            }),
        ),
        (
            "a detail changed",
            "commitments",
            "does not open its commitment",
            Box::new(|files| {
                let text = text(files, "data/parts.jsonl").replacen("\\\"leak\\\"", "\\\"other\\\"", 1);
                put(files, "data/parts.jsonl", text);
            }),
        ),
        (
            "a detail neither shown nor withheld",
            "commitments",
            "shown and withheld, or neither",
            Box::new(|files| {
                let mut lines: Vec<serde_json::Value> =
                    text(files, "data/parts.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                lines[0].as_object_mut().unwrap().remove("value");
                put(files, "data/parts.jsonl", lines.iter().map(|line| format!("{line}\n")).collect());
            }),
        ),
        (
            "a detail that the tables make up",
            "commitments",
            "the tables stand in for a detail that is not withheld",
            Box::new(|files| {
                let text = text(files, "data/audit.json").replace("\"fallback\": {}", "\"fallback\": {\n    \"x\": 1\n  }");
                put(files, "data/audit.json", text);
            }),
        ),
        (
            "a smaller margin",
            "audit_order",
            "and not of 600 s",
            Box::new(|files| {
                let text = text(files, "data/audit.json").replace("\"margin_seconds\": 600", "\"margin_seconds\": 599");
                put(files, "data/audit.json", text);
            }),
        ),
        (
            "a run that is said to be longer",
            "audit_range",
            "do not lead to the checkpoint",
            Box::new(|files| {
                let mut proof: serde_json::Value = serde_json::from_str(&text(files, "data/proofs/range.json")).unwrap();
                proof["end"] = serde_json::json!(proof["end"].as_u64().unwrap() - 1);
                put(files, "data/proofs/range.json", proof.to_string());
            }),
        ),
        (
            "a run without what lies before it",
            "audit_range",
            "are not those of a tree of 7 leaves",
            Box::new(|files| {
                let mut proof: serde_json::Value = serde_json::from_str(&text(files, "data/proofs/range.json")).unwrap();
                (proof["first"], proof["before"]) = (serde_json::json!(7), serde_json::json!([]));
                put(files, "data/proofs/range.json", proof.to_string());
            }),
        ),
        (
            "a step of the walk-through taken out",
            "audit_walkthrough",
            "of the case is missing",
            Box::new(|files| {
                for path in ["data/walkthrough/events.jsonl", "data/walkthrough/inclusion.jsonl"] {
                    let text: String = text(files, path).split_inclusive('\n').skip(1).collect();
                    put(files, path, text);
                }
            }),
        ),
        (
            "an exception taken out",
            "audit_exceptions",
            "exceptions: resubmitted at event",
            Box::new(|files| {
                let text: String = text(files, "data/exceptions.csv").split_inclusive('\n').filter(|l| !l.starts_with("resubmitted")).collect();
                put(files, "data/exceptions.csv", text);
            }),
        ),
        (
            "a count changed",
            "audit_controls",
            "controls: recall.decided success",
            Box::new(|files| {
                let text = text(files, "data/controls.csv").replacen("recall.decided,success,5", "recall.decided,success,6", 1);
                put(files, "data/controls.csv", text);
            }),
        ),
    ];
    for (what, name, words, change) in tries {
        let mut changed = whole.clone();
        change(&mut changed);
        assert_ne!(changed, whole, "{what}: nothing was changed");
        let changed = sealed(&stage, &folder, changed);
        let outcome = check(&stage, &changed);
        assert!(failed(&outcome).contains(&name), "{what}: {:?}", failed(&outcome));
        let (holds, said) = python(&changed);
        assert!(!holds && said.contains(words), "{what}: {said}");
    }
}

#[actix_web::test]
async fn without_the_key_nothing_can_be_changed_at_all() {
    let (stage, ..) = company(TestDb::one()).await;
    let audit = audit(&stage, wanted(&stage)).await;
    let at = tempfile::tempdir().unwrap();
    let bytes = pack(&stage, &audit, &at.path().join("pack.zip")).await;
    let (folder, whole) = files(&bytes);
    for path in ["data/access.csv", "data/questions.csv", "data/report.html", "data/verify.py", "tagmanifest-sha256.txt"] {
        let mut changed = whole.clone();
        changed.get_mut(path).unwrap().push(b'\n');
        let changed = countermand::evidence::zip::write(&folder, &changed).unwrap();
        assert_ne!(failed(&check(&stage, &changed)), Vec::<&str>::new(), "{path}");
    }
    let nobody = countermand::evidence::verify::verify(&bytes, &[], &countermand::evidence::zip::Limits::default());
    assert_eq!(nobody.result.as_str(), "unknown", "a key that nobody knows proves nothing");
}
