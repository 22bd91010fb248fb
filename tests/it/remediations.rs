//! 补救方案: what a recall could not undo is planned, owned and done; who may not plan is told so; a hold keeps copies from being deleted.

use std::{collections::BTreeSet, time::Duration};

use countermand::{
    app::{
        AppError, Caller,
        evidence::export::{Export, export},
        remediations::{NewStep, add},
    },
    domain::{remediation::MOST, role::Role},
    store::{remediations, schema::recalls, users},
};
use diesel::prelude::*;

use crate::{
    recalls::stage::{Cast, Person, Stage},
    support::db::TestDb,
};

/// A case that nobody judged in time.
async fn expired(stage: &Stage, cast: &Cast) -> String {
    let case = stage.case(cast).await;
    stage.clock.advance(Duration::from_secs(24 * 3600));
    stage.run().await;
    assert_eq!(stage.state(&case).await, "expired");
    case
}

async fn steps(stage: &Stage, case: &str) -> Vec<remediations::StepRow> {
    let case = case.to_owned();
    stage.app.store.read(move |conn| remediations::of_recall(conn, &case)).await.unwrap()
}

#[actix_web::test]
async fn an_expired_case_gets_a_plan_and_its_owner_does_it() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let counsel = stage.person("falv", &[Role::Counsel], "法务部").await;
    let colleague = stage.person("colleague", &[Role::Requester], "人力资源部").await;
    let admin = stage.person("sysadmin", &[Role::SystemAdministrator], "信息部").await;
    let open = stage.case(&cast).await;
    let early = stage.post(&cast.lawyer, &format!("/recalls/{open}/remediations"), &[("strategy", "timeliness"), ("owner", "linyutong")]).await;
    assert_eq!((early.status, stage.last_refusal(&open).await.as_str()), (409, "remediation-not-ended"), "{}", early.body);
    let case = expired(&stage, &stage.cast2(&cast).await).await;
    let path = format!("/recalls/{case}/remediations");
    let page = stage.get(&cast.lawyer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("补救方案") && page.body.contains("时效补救") && page.body.contains("不触碰个人设备"), "{}", page.body);
    // A correction begins from the message, for who asked or sent it; for nobody else does it tell its title.
    let form = format!("/broadcasts/new?corrects={case}");
    let page = stage.get(&cast.requester, &format!("/recalls/{case}")).await;
    assert!(page.body.contains(&form), "{}", page.body);
    let page = stage.get(&cast.requester, &form).await;
    assert!(page.body.contains("value=\"【更正】年度薪酬调整方案\"") && page.body.contains("selected"), "{}", page.body);
    let page = stage.get(&colleague, &form).await;
    assert!(page.body.contains("value=\"【更正】\"") && !page.body.contains("年度薪酬调整方案"), "{}", page.body);
    let page = stage.get(&cast.reviewer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("补救方案") && !page.body.contains(&path), "who does not plan sees the plan only: {}", page.body);

    let note = "请在全员群更正薪酬数字";
    let requester = cast.requester.caller.id.as_str();
    for (who, strategy, owner, due, status, why) in [
        (&cast.reviewer, "timeliness", requester, "", 409, "remediation-not-planner"),
        (&cast.lawyer, "timeliness", colleague.caller.id.as_str(), "", 409, "remediation-owner"),
        (&cast.lawyer, "timeliness", admin.caller.id.as_str(), "", 409, "remediation-owner"),
        (&cast.lawyer, "timeliness", "nobody-of-that-name", "", 409, "remediation-owner"),
        (&cast.lawyer, "statement", requester, "", 409, "remediation-counsel"),
        (&cast.lawyer, "", requester, "", 422, "invalid"),
        (&cast.lawyer, "undo", requester, "", 422, "invalid"),
        (&cast.lawyer, "timeliness", "", "", 422, "invalid"),
        (&cast.lawyer, "timeliness", requester, "后天", 422, "invalid"),
        (&cast.lawyer, "timeliness", requester, "2001-01-01T10:00", 422, "invalid"),
        (&cast.lawyer, "timeliness", requester, "9999-01-01T10:00", 422, "invalid"),
    ] {
        let shot = stage.post(who, &path, &[("strategy", strategy), ("owner", owner), ("due", due), ("note", note)]).await;
        assert_eq!((shot.status, stage.last_refusal(&case).await.as_str()), (status, why), "{strategy} {owner}: {}", shot.body);
        assert!(shot.body.contains(note), "what was typed is kept: {}", shot.body);
    }
    assert_eq!(stage.post(&colleague, &path, &[("strategy", "timeliness"), ("owner", requester)]).await.status, 404, "a stranger");
    assert_eq!(stage.post(&admin, &path, &[("strategy", "timeliness"), ("owner", requester)]).await.status, 403, "an administrator");

    let added = stage.post(&cast.lawyer, &path, &[("strategy", "timeliness"), ("owner", "linyutong"), ("note", note)]).await;
    assert_eq!(added.status, 303, "{}", added.body);
    let by_counsel = stage.post(&counsel, &path, &[("strategy", "statement"), ("owner", &counsel.caller.id)]).await;
    assert_eq!(by_counsel.status, 303, "{}", by_counsel.body);
    let rows = steps(&stage, &case).await;
    let ended = stage.loaded(&case).await.row.finished_at.unwrap();
    assert_eq!((rows[0].due_at, rows[1].due_at), (Some(ended + 120_000_000), None), "by the catalogue, from the end of the case");
    assert!(!String::from_utf8_lossy(&rows[0].note_sealed).contains("更正"), "sealed at rest");
    stage.clock.advance(Duration::from_secs(600));
    let page = stage.get(&cast.requester, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("已逾期") && page.body.contains(note) && page.body.contains("持续跟踪"), "{}", page.body);

    let step = format!("{} 1", rows[0].id);
    let (done, dropped) = (format!("{path}/completions"), format!("{path}/droppings"));
    let other = stage.post(&cast.lawyer, &done, &[("step", &step), ("done", "已补发更正消息")]).await;
    assert_eq!((other.status, stage.last_refusal(&case).await.as_str()), (409, "remediation-not-owner"), "{}", other.body);
    let empty = stage.post(&cast.requester, &done, &[("step", &step), ("done", "")]).await;
    assert_eq!(empty.status, 422, "{}", empty.body);
    // Two at the same instant: it is done or dropped, never both.
    let (fields, reason) = ([("step", step.as_str()), ("done", "已补发更正消息")], [("step", step.as_str()), ("reason", "已口头通知全员")]);
    let (one, two) = tokio::join!(stage.post(&cast.requester, &done, &fields), stage.post(&cast.lawyer, &dropped, &reason));
    assert_eq!([one.status, two.status].iter().filter(|s| **s == 303).count(), 1, "{} {}", one.body, two.body);
    let lost = if one.status == 303 { &two } else { &one };
    assert!(lost.status == 409 && (lost.body.contains("已口头通知全员") || lost.body.contains("已补发更正消息")), "{}", lost.body);
    let step = format!("{} 1", rows[1].id);
    let shot = stage.post(&cast.executive, &dropped, &[("step", &step), ("reason", "改由媒体部发布")]).await;
    assert_eq!(shot.status, 303, "{}", shot.body);
    let page = stage.get(&counsel, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("已放弃") && page.body.contains("改由媒体部发布"), "{}", page.body);
    // What came after the case had closed is in its evidence, and the report tells of it.
    let asked = Export { case: case.clone(), purpose: "劳动仲裁举证".into(), ..Export::default() };
    let exported = export(&stage.app, &Caller::shell(), asked).await.unwrap().value;
    assert!(exported.verified, "with steps behind the case's end the bundle still holds");
    let report = String::from_utf8(exported.bundle.files["data/report.html"].clone()).unwrap();
    for said in ["补救方案", "时效补救", note, "正式声明", "改由媒体部发布", "放弃补救措施"] {
        assert!(report.contains(said), "{said}: {report}");
    }
}

#[actix_web::test]
async fn nobody_is_asked_to_delete_what_a_hold_keeps() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let counsel = stage.person("falv", &[Role::Counsel], "法务部").await;
    let second = stage.person("falv2", &[Role::Counsel], "法务部").await;
    let case = expired(&stage, &cast).await;
    let path = format!("/recalls/{case}/remediations");
    let fields = [("strategy", "deletion"), ("owner", "linyutong")];
    assert_eq!(stage.post(&cast.lawyer, &path, &fields).await.status, 303);
    let number = stage.loaded(&case).await.row.number;
    let code = stage.code(&counsel);
    let hold = [("case", number.as_str()), ("reason", "员工已就薪酬提出仲裁申请"), ("totp", &code)];
    let proposed = stage.post(&counsel, "/holds", &hold).await;
    assert_eq!(proposed.status, 303, "{}", proposed.body);
    let id = proposed.location.trim_start_matches("/holds/").to_owned();
    let code = stage.code(&second);
    let placed = stage.post(&second, &format!("/holds/{id}/confirmations"), &[("version", "1"), ("totp", &code)]).await;
    assert_eq!(placed.status, 303, "{}", placed.body);
    let again = stage.post(&cast.lawyer, &path, &fields).await;
    assert_eq!((again.status, stage.last_refusal(&case).await.as_str()), (409, "remediation-held"), "{}", again.body);
    assert!(again.body.contains("须依法保留") && !again.body.contains("诉讼保留"), "why, and not that counsel placed a hold: {}", again.body);
    let page = stage.get(&counsel, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("诉讼保留涵盖本案"), "{}", page.body);
    let step = format!("{} 1", steps(&stage, &case).await[0].id);
    let done = stage.post(&cast.requester, &format!("{path}/completions"), &[("step", &step), ("done", "收件人均已删除")]).await;
    assert_eq!((done.status, stage.last_refusal(&case).await.as_str()), (409, "remediation-held"), "{}", done.body);
    // What deletes nothing goes on.
    assert_eq!(stage.post(&cast.lawyer, &path, &[("strategy", "tracing"), ("owner", "linyutong")]).await.status, 303);
}

#[actix_web::test]
async fn everybody_finds_their_steps_and_nobody_those_of_cases_that_are_not_theirs() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let stranger = stage.person("colleague", &[Role::Requester], "人力资源部").await;
        let admin = stage.person("sysadmin", &[Role::SystemAdministrator], "信息部").await;
        let case = expired(&stage, &cast).await;
        let number = stage.loaded(&case).await.row.number;
        let path = format!("/recalls/{case}/remediations");
        let empty = stage.get(&cast.requester, "/remediations").await;
        assert!(empty.status == 200 && empty.body.contains("还没有补救措施"), "{}", empty.body);
        for n in 0..52 {
            let strategy = if n == 0 { "timeliness" } else { "tracing" };
            let owner = if n < 2 { "linyutong" } else { "hejing" };
            assert_eq!(stage.post(&cast.lawyer, &path, &[("strategy", strategy), ("owner", owner)]).await.status, 303);
        }
        stage.clock.advance(Duration::from_secs(3600));
        let listed = async |who: &Person, query: &str| {
            let shot = stage.get(who, &format!("/remediations{query}")).await;
            assert_eq!(shot.status, 200, "{}", shot.body);
            (shot.body.matches(&number).count(), shot.body)
        };
        let (n, first) = listed(&cast.lawyer, "").await;
        assert!(n == 50 && first.contains("共 52 项"), "{n}: {first}");
        let next = first.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
        assert_eq!(listed(&cast.lawyer, next.trim_start_matches("/remediations")).await.0, 2, "{next}");
        assert_eq!(listed(&cast.requester, "?show=open&mine=yes").await.0, 2, "the requester's own");
        let (n, late) = listed(&cast.lawyer, "?show=overdue").await;
        assert!(n == 1 && late.contains("时效补救") && late.contains("已逾期"), "{late}");
        let (n, none) = listed(&cast.lawyer, "?show=done").await;
        assert!(n == 0 && none.contains("没有符合条件的补救措施"), "{none}");
        assert_eq!(listed(&stranger, "").await.0, 0, "whose case it is not");
        assert_eq!(stage.get(&admin, "/remediations").await.status, 403);
        // What waits for them stands on their first page, and on that of who would suspend them.
        let home = stage.get(&cast.requester, "/").await;
        assert!(home.body.contains("有 2 项补救措施等您办理"), "{}", home.body);
        let leaving = stage.get(&admin, &format!("/users/{}/suspensions", cast.requester.caller.id)).await;
        assert!(leaving.body.contains("2 项补救措施由此人负责"), "{}", leaving.body);
    }
}

#[actix_web::test]
async fn who_may_not_read_cases_reads_no_plan_and_who_lost_the_role_ends_no_step() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let counsel = stage.person("falv", &[Role::Counsel, Role::LegalReviewer], "法务部").await;
        let case = expired(&stage, &cast).await;
        let path = format!("/recalls/{case}/remediations");
        for strategy in ["statement", "tracing"] {
            let fields = [("strategy", strategy), ("owner", "falv"), ("note", "声明薪酬方案未定稿")];
            assert_eq!(stage.post(&counsel, &path, &fields).await.status, 303);
        }
        // A program that may only ask for recalls reads nothing of what is planned.
        for (scope, status) in [("recall.request", 403), ("recall.read", 200)] {
            let token = stage.token(None, &[scope]).await;
            let shot = stage.api(&token, &path, None, None).await;
            assert_eq!((shot.status, shot.body.contains("声明薪酬方案未定稿")), (status, status == 200), "{scope}: {}", shot.body);
        }
        // Whoever is no counsel any more has no formal statement to report.
        let id = counsel.caller.id.clone();
        let write = stage.app.store.write(move |tx| users::user_roles_set(tx.conn, &id, &BTreeSet::from([Role::LegalReviewer])));
        write.await.unwrap();
        let rows = steps(&stage, &case).await;
        for (row, status) in rows.iter().zip([409, 303]) {
            let step = format!("{} 1", row.id);
            let shot = stage.post(&counsel, &format!("{path}/completions"), &[("step", &step), ("done", "已在官网发布声明")]).await;
            assert_eq!(shot.status, status, "{}: {}", row.strategy, shot.body);
        }
        let mut events = stage.events(&case).await;
        events.retain(|e| e.leaf.action == "remediation.step_done" && e.leaf.outcome == "success");
        assert_eq!(events.iter().map(|e| e.leaf.subject.id.as_str()).collect::<Vec<_>>(), [rows[1].id.as_str()], "the event is about the step");
    }
}

/// A plan is long enough at a hundred steps, and what is erased leaves nothing for anybody to do.
#[actix_web::test]
async fn a_plan_has_an_end_and_an_erased_case_waits_for_nobody() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = expired(&stage, &cast).await;
    let one = async || {
        let new = NewStep { strategy: "tracing".into(), owner: "linyutong".into(), ..NewStep::default() };
        add(&stage.app, &cast.lawyer.caller, &case, new, countermand::id::fresh()).await.map(drop)
    };
    for _ in 0..MOST {
        one().await.unwrap();
    }
    assert!(matches!(one().await, Err(AppError::Refused { kind, .. }) if kind == "remediation-too-many"));
    let home = stage.get(&cast.requester, "/").await;
    assert!(home.body.contains("有 100 项补救措施等您办理"), "{}", home.body);
    let id = case.clone();
    let write = stage.app.store.write(move |tx| {
        diesel::update(recalls::table.find(id.clone())).set(recalls::erased_at.eq(Some(1_i64))).execute(tx.conn)?;
        Ok(())
    });
    write.await.unwrap();
    let home = stage.get(&cast.requester, "/").await;
    assert!(!home.body.contains("补救措施等您办理"), "{}", home.body);
}
