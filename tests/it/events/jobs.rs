//! One line a kind of job, and what it leaves in the trail. A kind that `jobs::run` knows and that is not here fails the test.

use std::collections::{BTreeMap, BTreeSet};

use countermand::{
    app::{alerts, audits, broadcasts::imports, delegations, evidence, invitations, keys, notices, recalls, retention, timestamps, verification},
    domain::event::Action,
    store::schema::jobs,
};
use diesel::prelude::*;

use crate::{
    recalls::stage::Stage,
    support::{db::TestDb, log},
};

/// As it stands in `jobs::run`, its kind, and the actions that it leaves; without any, why.
type Line = (&'static str, &'static str, Result<&'static [&'static str], &'static str>);

const TABLE: &[Line] = &[
    ("\"send_broadcast\"", "send_broadcast", Ok(&["broadcast.call_started", "broadcast.call_answered", "broadcast.sent"])),
    ("imports::CHECK", imports::CHECK, Err("looks at a table and writes nothing of it; the upload is an event")),
    ("imports::APPLY", imports::APPLY, Ok(&["import.applied", "broadcast.imported"])),
    (
        "\"execute_recall\"",
        "execute_recall",
        Ok(&[
            "reading.captured",
            "recall.execution_started",
            "recall.call_started",
            "recall.call_answered",
            "recall.unwitnessed",
            "recall.halted",
            "recall.finished",
        ]),
    ),
    ("\"expire_recall\"", "expire_recall", Ok(&["recall.expired"])),
    ("recalls::escalate::JOB", recalls::escalate::JOB, Ok(&["recall.escalated"])),
    ("recalls::correct::JOB", recalls::correct::JOB, Ok(&["broadcast.submitted"])),
    ("\"close_case\"", "close_case", Ok(&["recall.finished", "case.closed"])),
    ("recalls::ratify::LAPSE", recalls::ratify::LAPSE, Ok(&["ratification.lapsed"])),
    ("notices::TELL", notices::TELL, Err("finds out who has to act; each mail is an event of its own")),
    ("notices::SEND", notices::SEND, Ok(&["notice.sent"])),
    ("invitations::SEND", invitations::SEND, Ok(&["invitation.mailed"])),
    ("delegations::mail::SEND", delegations::mail::SEND, Ok(&["notice.sent"])),
    ("alerts::mail::TELL", alerts::mail::TELL, Err("finds out who is told; each mail is an event of its own")),
    ("alerts::mail::SEND", alerts::mail::SEND, Ok(&["notice.sent"])),
    ("verification::LIGHT", verification::LIGHT, Err("looks every five minutes; what does not hold is the system's `log.verification_failed`")),
    ("verification::FULL", verification::FULL, Ok(&["log.verified"])),
    ("keys::JOB", keys::JOB, Ok(&["key.retired"])),
    ("retention::JOB", retention::JOB, Ok(&["parts.purged", "part_key.destroyed", "evidence.erased", "broadcast.erased", "retention.applied"])),
    ("audits::packs::JOB", audits::packs::JOB, Ok(&["audit_pack.sealed", "timestamp.obtained"])),
    ("evidence::expiry::JOB", evidence::expiry::JOB, Ok(&["evidence_certificate.expiring", "evidence_certificate.revoked"])),
    ("\"seal_evidence\"", "seal_evidence", Ok(&["evidence.sealed"])),
    ("\"timestamp_checkpoint\"", "timestamp_checkpoint", Ok(&["timestamp.obtained", "timestamp.refused"])),
    ("timestamps::renewal::JOB", timestamps::renewal::JOB, Ok(&["timestamp.renewed", "timestamp.expiring", "timestamp.expired"])),
    ("\"timestamp_bundle\"", "timestamp_bundle", Ok(&["timestamp.obtained", "timestamp.refused"])),
];

#[test]
fn every_kind_of_job_is_in_the_table_once() {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/jobs/mod.rs")).unwrap();
    let arms = source.split("match kind {").nth(1).unwrap().split("_ =>").next().unwrap();
    let known: BTreeSet<&str> = arms.lines().filter_map(|line| Some(line.split_once(" => ")?.0.trim())).collect();
    let listed: BTreeSet<&str> = TABLE.iter().map(|(arm, ..)| *arm).collect();
    assert_eq!(known, listed);
    assert_eq!(listed.len(), TABLE.len(), "a kind stands twice");
    for (_, kind, leaves) in TABLE {
        match leaves {
            Ok(actions) => assert!(!actions.is_empty() && actions.iter().all(|a| Action::parse(a).is_some()), "{kind}: {actions:?}"),
            Err(why) => assert!(why.len() > 20, "{kind}: why does it leave nothing?"),
        }
    }
}

#[actix_web::test]
async fn jobs_that_were_done_have_left_what_the_table_says() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        stage.approved(&cast).await;
        stage.settle(6, 5).await;
        retention::schedule(&stage.app).await.unwrap();
        verification::schedule(&stage.app).await.unwrap();
        // Nobody decides on this one, in its time or at all; and the night comes.
        stage.case(&stage.cast2(&cast).await).await;
        stage.settle(1, 300).await;
        stage.settle(2, 24 * 3600).await;
        let done: Vec<String> = stage
            .app
            .store
            .read_now(|conn| Ok(jobs::table.filter(jobs::lease_owner.is_not_null()).select(jobs::kind).distinct().load(conn)?))
            .unwrap();
        let mut left: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for event in log::events_from(&stage.app.store, 0).await.iter().filter(|e| e["actor"]["kind"] == "job") {
            let text = |v: &serde_json::Value| v.as_str().unwrap().to_owned();
            left.entry(text(&event["actor"]["id"])).or_default().insert(text(&event["action"]));
        }
        for (_, kind, leaves) in TABLE {
            let left = left.remove(*kind).unwrap_or_default();
            let may: BTreeSet<String> = leaves.unwrap_or_default().iter().map(|a| (*a).to_owned()).collect();
            assert!(left.is_subset(&may), "{kind} leaves more than the table says: {left:?}");
            assert!(!done.iter().any(|d| d == kind) || leaves.is_err() || !left.is_empty(), "{kind} was done and has left nothing");
        }
        assert_eq!(left, BTreeMap::new(), "who is this?");
        for kind in ["send_broadcast", "execute_recall", "expire_recall", "close_case", "seal_evidence", retention::JOB, verification::FULL] {
            assert!(done.iter().any(|d| d == kind), "{kind} was not done: {done:?}");
        }
    }
}
