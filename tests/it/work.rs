//! Stories of the queue as administrators see it: jobs by kind, a failed one that is tried again, and whether there is a backup.

use std::time::Duration;

use countermand::{app::backup, domain::role::Role, jobs};
use serde_json::{Value, json};

use crate::support::app::TestApp;

const PAGE: &str = "/settings/jobs";

fn refused(events: &[Value]) -> String {
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!((&events[0]["action"], &events[0]["outcome"]), (&json!("job.retried"), &json!("refused")));
    events[0]["parts"]["detail"]["reason"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_failed_job_is_seen_and_tried_again_by_the_system_administrator() {
    let t = TestApp::start().await;
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let (_, security) = t.signed_in("sec", &[Role::SecurityAdministrator]).await;
    assert!(system.get(PAGE).await.body.contains("没有未完成的任务"));
    // One that fails whenever it runs (there is no such bundle), one that waits its turn.
    t.app
        .store
        .write(|tx| {
            tx.enqueue("make_audit_pack", "x", &json!({ "pack": null }), tx.now())?;
            tx.enqueue("seal_evidence", "y", &json!({ "recall": "nothing" }), tx.now().plus(Duration::from_secs(86_400)))
        })
        .await
        .unwrap();
    jobs::run_due(&t.app).await.unwrap();
    let body = security.get(PAGE).await.body;
    for shown in ["生成审计资料包", "封存材料包", "失败的任务", "上次失败的原因", "not found"] {
        assert!(body.contains(shown), "{shown}: {body}");
    }
    assert!(!body.contains("/retries"), "the security administrator sees, and does nothing");
    let body = system.get(PAGE).await.body;
    let act = format!("{PAGE}/{}/retries", body.split("/settings/jobs/").nth(1).unwrap().split('/').next().unwrap());
    assert_eq!(body.matches("/retries").count(), 1, "only of what has failed: {body}");

    let (res, events) = t.events_of(security.submit("/account", &act, &[])).await;
    assert_eq!((res.status.as_u16(), refused(&events).as_str()), (403, "permission"));
    let before = jobs::run_due(&t.app).await.unwrap();
    assert_eq!(before, 0, "it waits before it is tried again");
    let (res, events) = t.events_of(system.submit("/account", &act, &[])).await;
    assert_eq!((res.status.as_u16(), &events[0]["action"], events.len()), (303, &json!("job.retried"), 1), "{}", res.body);
    assert_eq!(events[0]["parts"]["detail"]["kind"], "make_audit_pack");
    assert_eq!(jobs::run_due(&t.app).await.unwrap(), 1, "now it is");

    // Nothing else is hastened: what waits its turn, what is done, what is worked on, what there is not.
    let find = async |kind: &'static str| {
        use countermand::store::schema::jobs as table;
        use diesel::prelude::*;
        let read = t.app.store.read(move |conn| Ok(table::table.filter(table::kind.eq(kind)).select(table::id).first::<String>(conn)?));
        read.await.unwrap()
    };
    let waits = find("seal_evidence").await;
    for (id, status, reason) in [(waits.as_str(), 409, "job-not-failed"), ("nothing", 404, "not_found")] {
        let (res, events) = t.events_of(system.submit("/account", &format!("{PAGE}/{id}/retries"), &[])).await;
        assert_eq!((res.status.as_u16(), refused(&events).as_str()), (status, reason));
    }
    let failed = find("make_audit_pack").await;
    t.advance(Duration::from_secs(120));
    let taken = countermand::store::jobs::take(&t.app.store, "other/process", Vec::new(), vec![waits]).await.unwrap().unwrap();
    assert_eq!(taken.id, failed);
    let (res, events) = t.events_of(system.submit("/account", &act, &[])).await;
    assert_eq!((res.status.as_u16(), refused(&events).as_str()), (409, "job-running"));
    assert!(!system.get(PAGE).await.body.contains("/retries"));
    countermand::store::jobs::finish(&t.app.store, &failed).await.unwrap();
    let (res, events) = t.events_of(system.submit("/account", &act, &[])).await;
    assert_eq!((res.status.as_u16(), refused(&events).as_str()), (409, "job-done"));
    let (_, requester) = t.signed_in("li", &[Role::Requester]).await;
    assert_eq!(requester.get(PAGE).await.status, 403);
}

#[actix_web::test]
async fn the_page_of_the_systems_state_tells_of_the_last_backup_and_of_none_for_a_week() {
    let t = TestApp::start().await;
    let (_, system) = t.signed_in("sys", &[Role::SystemAdministrator]).await;
    let body = system.get("/settings").await.body;
    assert!(body.contains("已超过 7 天没有备份") && body.contains("从未备份"), "{body}");
    let out = t.db.path().join("backup.zip");
    let take = async |works: bool| {
        let (app, out) = (t.app.clone(), out.clone());
        let room = move || if works { Ok(()) } else { Err(std::io::Error::other("somebody's file is in the way")) };
        tokio::task::spawn_blocking(move || backup::take(&app, &out, None, None, room)).await.unwrap()
    };
    take(true).await.unwrap();
    let body = system.get("/settings").await.body;
    let size = countermand::i18n::bytes(out.metadata().unwrap().len());
    assert!(body.contains("通过，内容与清单一致") && body.contains(&size) && !body.contains("没有备份"), "{size}: {body}");

    // One that fails afterwards is told too, beside the good one.
    t.advance(Duration::from_secs(60));
    assert!(take(false).await.is_err());
    let body = system.get("/settings").await.body;
    assert!(body.contains("其后失败于") && body.contains(&size), "{body}");
    t.advance(Duration::from_secs(7 * 86_400));
    let system = t.sign_in(&t.person("sys2", &[Role::SystemAdministrator]).await).await;
    assert!(system.get("/settings").await.body.contains("已超过 7 天没有备份"));
}
