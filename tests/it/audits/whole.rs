//! Packs that hold.

use std::collections::BTreeMap;

use countermand::{
    app::{
        Caller,
        audits::{NewAudit, open, packs},
    },
    crypto::sha256,
    evidence::verify::Answer,
    store::audits,
};
use serde_json::Value;

use super::stage::{SEED, audit, check, company, day, failed, files, pack, python, text, wanted};
use crate::support::db::TestDb;

/// Rows of a CSV file by column.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[actix_web::test]
async fn a_pack_shows_the_whole_population_and_programs_of_others_agree() {
    for db in TestDb::each() {
        let (stage, cast, cases) = company(db).await;
        let audit = audit(&stage, wanted(&stage)).await;
        let at = tempfile::tempdir().unwrap();
        let bytes = pack(&stage, &audit, &at.path().join("pack.zip")).await;
        let outcome = check(&stage, &bytes);
        assert_eq!(outcome.result, Answer::Pass, "{:#?}", outcome.checks.iter().filter(|c| c.result != Answer::Pass).collect::<Vec<_>>());
        let (holds, said) = python(&bytes);
        assert!(holds && said.contains("ok   population 2 cases") && said.contains("OK, apart from signatures"), "{said}");

        let (folder, files) = files(&bytes);
        assert!(folder.starts_with(&format!("{}-", audit.number)), "{folder}");
        let of = |name: &str| rows(&text(&files, &format!("data/{name}.csv")));
        let population = of("cases");
        assert_eq!(population.iter().map(|r| r["case_id"].as_str()).collect::<Vec<_>>(), cases);
        assert_eq!((population[0]["state"].as_str(), population[1]["state"].as_str()), ("recall_accepted", "rejected"));
        assert_eq!((population[1]["rounds"].as_str(), population[1]["level_1_decision"].as_str()), ("2", "reject"));
        assert!(population.iter().all(|r| !r["closed_index"].is_empty() && !r["window_end_utc"].is_empty()));
        assert_eq!(population[0]["level_3_decider_id"], cast.executive.caller.id);

        let kinds: Vec<String> = of("exceptions").iter().map(|r| r["kind"].clone()).collect();
        for kind in ["returned", "resubmitted", "rejected"] {
            assert!(kinds.iter().any(|k| k == kind), "{kind}: {kinds:?}");
        }
        assert!(!kinds.iter().any(|k| k == "open"), "both are closed");

        // The sample, drawn again by hand.
        let smallest = cases.iter().min_by_key(|id| hex::encode(sha256(format!("{SEED}{id}").as_bytes()))).unwrap();
        let sample = of("sample");
        assert_eq!((sample.len(), &sample[0]["case_id"]), (1, smallest));

        let access = of("access");
        let executive = access.iter().find(|r| r["id"] == cast.executive.caller.id).unwrap();
        assert_eq!(
            (executive["roles"].as_str(), executive["department"].as_str(), executive["source"].as_str()),
            ("final_approver", "总裁办", "log")
        );
        let facts: Value = serde_json::from_slice(&files["data/audit.json"]).unwrap();
        assert_eq!(facts["access"]["differ"], serde_json::json!([]), "replayed to its end the log tells the accounts of today");
        assert_eq!(facts["absent"], serde_json::json!(["break_glass"]));
        assert!(facts["limits"][0]["en"].as_str().unwrap().contains("same platform secret outside this product leaves no trace"));

        let controls = of("controls");
        let decided =
            controls.iter().find(|r| r["control"] == "three_levels" && r["action"] == "recall.decided" && r["outcome"] == "success").unwrap();
        assert_eq!(decided["count"], "5");
        for lang in ["", ".en"] {
            let report = text(&files, &format!("data/report{lang}.html"));
            assert!(report.contains(&population[0]["case_number"]) && !report.contains("http"), "nothing from outside");
            assert!(!report.contains("control-") && !report.contains("audit-report-"), "a word is missing");
        }
    }
}

#[actix_web::test]
async fn a_case_that_closes_after_the_period_is_told_by_its_own_proofs() {
    for db in TestDb::each() {
        let (stage, cast, mut cases) = company(db).await;
        let again = stage.cast2(&cast).await;
        cases.push(stage.case(&again).await);
        let asked = wanted(&stage);
        stage.clock.advance(std::time::Duration::from_secs(3 * 86_400));
        stage.settle(6, 5).await;
        let audit = audit(&stage, asked).await;
        let at = tempfile::tempdir().unwrap();
        let bytes = pack(&stage, &audit, &at.path().join("pack.zip")).await;
        assert_eq!(failed(&check(&stage, &bytes)), Vec::<&str>::new());
        let (_, files) = files(&bytes);
        let beyond = text(&files, "data/leaves/beyond.jsonl");
        assert!(beyond.contains("case.closed") && beyond.contains("audit_engagement.opened"), "{beyond}");
        let population = rows(&text(&files, "data/cases.csv"));
        assert_eq!(population.iter().map(|r| &r["case_id"]).collect::<Vec<_>>(), cases.iter().collect::<Vec<_>>());
        assert_eq!(population[2]["state"], "expired");
        assert!(text(&files, "data/exceptions.csv").contains("\nexpired,"), "though it expired after the period");
        let (holds, said) = python(&bytes);
        assert!(holds, "{said}");
    }
}

#[actix_web::test]
async fn an_empty_period_is_proven_empty_on_either_side_of_the_log() {
    let (stage, ..) = company(TestDb::one()).await;
    let at = tempfile::tempdir().unwrap();
    for (ahead, day) in [-30, -1].map(|ahead| (ahead, day(&stage, ahead))) {
        let audit = audit(&stage, NewAudit { from: day.clone(), to: day, ..wanted(&stage) }).await;
        let bytes = pack(&stage, &audit, &at.path().join(format!("pack{ahead}.zip"))).await;
        assert_eq!(check(&stage, &bytes).result, Answer::Pass);
        let (holds, said) = python(&bytes);
        assert!(holds && said.contains("population 0 cases"), "{said}");
    }
}

#[actix_web::test]
async fn one_audit_at_one_size_of_the_log_is_one_file() {
    let (stage, ..) = company(TestDb::one()).await;
    let audit = audit(&stage, wanted(&stage)).await;
    let requested = packs::request(&stage.app, &Caller::shell(), &audit.id, "").await.unwrap().value;
    stage.run().await;
    let row = stage.app.store.read(move |conn| audits::pack_find(conn, &requested)).await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), row.cases, row.verified), ("ready", Some(2), Some(1)));
    assert!(row.done == row.total && row.total > 0, "{row:?}");
    let first = std::fs::read(stage.app.store.data().join(row.path.unwrap())).unwrap();
    assert_eq!(sha256(&first).to_vec(), row.sha256.unwrap());
    // Run again as after a crash: nothing is made of a pack that is ready.
    packs::step(&stage.app, &row.id).await.unwrap();
}

#[actix_web::test]
async fn what_was_erased_is_named_and_the_tables_stand_in_for_it() {
    use diesel::RunQueryDsl;
    let (stage, _, cases) = company(TestDb::one()).await;
    stage
        .app
        .store
        .write(|tx| {
            let events = "SELECT event_id FROM log_search WHERE action IN ('recall.submitted','recall.decided','case.closed')";
            let sql = format!("DELETE FROM log_parts WHERE name = 'detail' AND event_id IN ({events})");
            match tx.conn {
                countermand::store::Conn::Sqlite(c) => diesel::sql_query(sql).execute(c)?,
                countermand::store::Conn::Postgres(c) => diesel::sql_query(sql).execute(c)?,
            };
            Ok(())
        })
        .await
        .unwrap();
    let audit = audit(&stage, wanted(&stage)).await;
    let at = tempfile::tempdir().unwrap();
    let bytes = pack(&stage, &audit, &at.path().join("pack.zip")).await;
    let outcome = check(&stage, &bytes);
    assert_eq!(outcome.result, Answer::Unknown);
    let unknown: Vec<_> = outcome.checks.iter().filter(|c| c.result == Answer::Unknown).map(|c| c.name).collect();
    assert_eq!(unknown, ["audit_erased", "audit_closings"]);
    let (_, files) = files(&bytes);
    let population = rows(&text(&files, "data/cases.csv"));
    assert_eq!(population.len(), cases.len());
    assert!(population.iter().all(|r| r["case_number"].starts_with("FR-") && !r["level_1_index"].is_empty()), "{population:#?}");
    assert!(python(&bytes).0);
}

#[actix_web::test]
async fn a_checkpoint_from_the_middle_of_the_period_does_not_prove_its_end() {
    let (stage, cast, cases) = company(TestDb::one()).await;
    let row = open(&stage.app, &Caller::shell(), wanted(&stage)).await.unwrap().value;
    let at = tempfile::tempdir().unwrap();
    let unknown = |bytes: &[u8]| {
        let outcome = check(&stage, bytes);
        assert_eq!(failed(&outcome), Vec::<&str>::new());
        outcome.checks.iter().filter(|c| c.result == Answer::Unknown).map(|c| c.name).collect::<Vec<_>>()
    };
    let bytes = pack(&stage, &row, &at.path().join("early.zip")).await;
    assert_eq!(unknown(&bytes), ["audit_end"]);
    let (holds, said) = python(&bytes);
    assert!(holds && said.contains("before the period had ended"), "{said}");

    // A case that is not closed when the run ends: what comes after it is counted by nothing.
    let open_case = stage.case(&stage.cast2(&cast).await).await;
    let number = stage.app.store.read(move |conn| countermand::store::recalls::find(conn, &open_case)).await.unwrap().unwrap().number;
    let row = audit(&stage, NewAudit { walk: number, ..wanted(&stage) }).await;
    for _ in 0..2 {
        open(&stage.app, &Caller::shell(), wanted(&stage)).await.unwrap();
    }
    let bytes = pack(&stage, &row, &at.path().join("open.zip")).await;
    assert_eq!(unknown(&bytes), ["audit_closings", "audit_walkthrough"], "{} cases and one", cases.len());
    let (holds, said) = python(&bytes);
    assert!(holds && said.contains("is not closed"), "{said}");
}

/// More events than one file of leaves holds, and than are read at a time.
#[actix_web::test]
async fn a_long_period_is_written_piece_by_piece_and_is_one_run() {
    use countermand::domain::event::{Action, Event, Subject};
    let (stage, ..) = company(TestDb::sqlite()).await;
    for _ in 0..21 {
        let many = |tx: &mut countermand::store::Tx<'_>| {
            (0..1000).try_for_each(|_| tx.append(Event::system(Action::PermissionChecked, Subject::new("route", "/"))).map(drop))
        };
        stage.app.store.write(many).await.unwrap();
    }
    let audit = audit(&stage, wanted(&stage)).await;
    let at = tempfile::tempdir().unwrap();
    let bytes = pack(&stage, &audit, &at.path().join("pack.zip")).await;
    assert_eq!(check(&stage, &bytes).result, Answer::Pass);
    let (_, files) = files(&bytes);
    assert_eq!(files.keys().filter(|p| p.starts_with("data/leaves/0")).count(), 2);
    let (holds, said) = python(&bytes);
    assert!(holds, "{said}");
}
