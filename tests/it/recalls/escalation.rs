//! 超时升级: a level that nobody decides in its time. It is told, raises an alert, and where the rules say so more people may decide it; it is
//! never an approval, and the next round begins anew.

use std::time::Duration;

use countermand::{
    app::notices,
    domain::{alert::Rule, role::Role},
    store::verify::Against,
};
use serde_json::json;

use super::stage::{Person, Stage};
use crate::{
    alerts,
    support::{
        db::TestDb,
        html::assert_sound,
        mail::{self, Sink},
    },
};

const FIVE_MINUTES: Duration = Duration::from_secs(300);

async fn problems(stage: &Stage) -> Vec<String> {
    let report = stage.app.store.verify(&Against::default()).unwrap();
    report.problems.iter().map(|p| format!("{} {}", p.table, p.detail)).collect()
}

async fn escalations(stage: &Stage, case: &str) -> usize {
    stage.trail(case).await.iter().filter(|told| *told == "recall.escalated success").count()
}

#[actix_web::test]
async fn an_overdue_level_is_told_once_raises_an_alert_and_stays_with_whom_it_was() {
    for db in TestDb::each() {
        let sink = Sink::open();
        let port = sink.port;
        let stage = Stage::set_with(db, |options| options.tells = true, move |config, _| mail::post(config, port)).await;
        let cast = stage.cast().await;
        let stranger = stage.person("elsewhere", &[Role::DepartmentReviewer], "销售部").await;
        let house = alerts::House::on(stage).await;
        let stage = &house.stage;
        let addressed = [(&cast.requester, "lin"), (&cast.reviewer, "zhou"), (&cast.executive, "chen"), (&stranger, "else")];
        for (who, name) in addressed {
            notices::address_set(&stage.app, &who.caller, &format!("{name}@example.com")).await.unwrap();
        }
        let case = stage.case(&cast).await;
        stage.clock.advance(FIVE_MINUTES - Duration::from_secs(1));
        stage.settle(2, 0).await;
        assert_eq!(escalations(stage, &case).await, 0, "its last second is not over");
        sink.take();
        stage.clock.advance(Duration::from_secs(1));
        stage.settle(3, 1).await;
        assert_eq!(escalations(stage, &case).await, 1, "told once");
        let event = stage.events(&case).await.into_iter().find(|e| e.leaf.action == "recall.escalated").unwrap();
        let row = stage.loaded(&case).await.row;
        let due = countermand::clock::Instant(row.due_1).to_rfc3339();
        assert_eq!(stage.detail(&event).await, json!({ "level": 1, "round": 1, "due": due, "widened": false, "escalated": "1" }));
        let told: Vec<_> = sink.take().into_iter().map(|mail| mail.to).collect();
        assert_eq!(told, ["chen@example.com", "lin@example.com", "zhou@example.com"], "nobody who has nothing to do with it");
        house.pass().await;
        house.one(Rule::LevelOverdue).await;

        let page = format!("/recalls/{case}");
        for (lang, words) in [("zh-CN", "部门复核已超时，应于"), ("en", "Department review is overdue")] {
            let shown = stage.get(&cast.reviewer, &format!("{page}?lang={lang}")).await;
            assert!(shown.body.contains(words) && !shown.body.contains("不限部门"), "{}", shown.body);
            assert_sound(&shown.body);
        }
        let refused = stage.decide(&stranger, &case, "approve").await;
        assert_eq!((refused.status, stage.last_refusal(&case).await.as_str()), (409, "other-department"), "the rules widen nothing");
        stage.clock.advance(Duration::from_secs(30));
        assert_eq!(stage.decide(&cast.reviewer, &case, "approve").await.status, 303, "late is not too late");
        let after = stage.get(&cast.lawyer, &page).await;
        assert!(!after.body.contains("已超时，应于"), "the next level has its own time: {}", after.body);
        stage.clock.advance(FIVE_MINUTES);
        stage.settle(1, 0).await;
        assert_eq!(escalations(stage, &case).await, 2);
        assert_eq!(stage.state(&case).await, "reviewing", "nobody's silence approves");

        // Returned and asked for again, nothing is overdue.
        assert_eq!(stage.decide(&cast.lawyer, &case, "return").await.status, 303);
        let again = [("reason", "补充：附件含职级薪酬区间"), ("tell_readers", "1")];
        assert_eq!(stage.post(&cast.requester, &format!("{page}/resubmissions"), &again).await.status, 303);
        assert_eq!(stage.loaded(&case).await.row.escalated, "");
        stage.clock.advance(FIVE_MINUTES);
        stage.settle(1, 0).await;
        assert_eq!((escalations(stage, &case).await, stage.loaded(&case).await.row.escalated.as_str()), (3, "1"));
        assert_eq!(problems(stage).await, Vec::<String>::new());
        for value in ["", "1,2"] {
            stage.db.execute(&format!("UPDATE recalls SET escalated = '{value}' WHERE id = '{case}'"));
            assert!(problems(stage).await.iter().any(|told| told.starts_with("recalls ") && told.contains("escalated")), "{value}");
        }
    }
}

#[actix_web::test]
async fn by_rules_that_widen_it_an_overdue_level_is_open_to_whoever_holds_its_role() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let stranger = stage.person("elsewhere", &[Role::DepartmentReviewer], "销售部").await;
        let second = stage.person("suntao", &[Role::DepartmentReviewer], "人力资源部").await;
        let [security, system]: [Person; 2] = [
            stage.person("xuman", &[Role::SecurityAdministrator], "信息安全部").await,
            stage.person("chengye", &[Role::SystemAdministrator], "信息技术部").await,
        ];
        let before = stage.case(&cast).await;
        let form = stage.get(&security, "/policies/proposals/new").await;
        assert!(form.body.contains("name=\"widen_overdue\" value=\"1\">"), "off as shipped: {}", form.body);
        let rules = [("widen_overdue", ""), ("widen_overdue", "1"), ("reason", "夜间无人值守时，须有其他部门的复核人接手。")];
        let proposal = stage.adopt([&security, &system], &rules).await;
        let shown = stage.get(&system, &proposal).await;
        assert!(shown.body.contains("审批超时以后") && shown.body.contains("放宽本级审批人"), "{}", shown.body);

        let case = stage.case(&stage.cast2(&cast).await).await;
        let to = [("to", second.caller.id.as_str()), ("reason", "出差，请孙涛处理")];
        assert_eq!(stage.post(&cast.reviewer, &format!("/recalls/{case}/transfers"), &to).await.status, 303);
        stage.clock.advance(FIVE_MINUTES - Duration::from_secs(1));
        stage.run().await;
        let refused = stage.decide(&cast.reviewer, &case, "approve").await;
        assert_eq!((refused.status, stage.last_refusal(&case).await.as_str()), (409, "transferred-to-another"), "{}", refused.body);
        let refused = stage.decide(&stranger, &case, "approve").await;
        assert_eq!((refused.status, stage.last_refusal(&case).await.as_str()), (409, "other-department"), "{}", refused.body);
        stage.clock.advance(Duration::from_secs(31));
        stage.run().await;
        for open in [&before, &case] {
            assert_eq!(escalations(&stage, open).await, 1);
        }
        let kept = stage.decide(&stranger, &before, "approve").await;
        assert_eq!((kept.status, stage.last_refusal(&before).await.as_str()), (409, "other-department"), "a case keeps the rules that it began with");
        let shown = stage.get(&cast.reviewer, &format!("/recalls/{case}")).await;
        assert!(shown.body.contains("不限部门") && shown.body.contains("您的决定"), "{}", shown.body);
        let list = stage.get(&stranger, "/approvals").await;
        assert!(list.body.contains(&stage.loaded(&case).await.row.number), "{}", list.body);
        let requester = stage.decide(&cast.requester, &case, "approve").await;
        assert!(matches!(requester.status, 403 | 409), "never who asked: {}", requester.body);
        let done = stage.decide(&stranger, &case, "approve").await;
        assert_eq!(done.status, 303, "{}", done.body);
        assert_eq!(stage.decide(&second, &case, "approve").await.status, 409, "one approval closes it");
        for who in [&cast.lawyer, &cast.executive] {
            let done = stage.decide(who, &case, "approve").await;
            assert_eq!(done.status, 303, "{}", done.body);
        }
        stage.run().await;
        assert_eq!(stage.state(&case).await, "recall_accepted");
        assert_eq!(problems(&stage).await, Vec::<String>::new());
    }
}
