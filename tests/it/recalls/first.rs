//! 先撤后审: the officer on duty orders a recall before its review, and the levels that were skipped ratify it afterwards.

use std::time::Duration;

use countermand::{
    app::{Caller, evidence, notices},
    config::Config,
    domain::{alert::Rule, role::Role},
    evidence::{
        csv,
        verify::{Answer as Verdict, Pin, verify},
        zip::{self, Limits},
    },
    store::verify::Against,
};
use serde_json::json;

use super::{
    correction, guided,
    stage::{Answer, Cast, Person, Stage},
};
use crate::{
    alerts,
    support::{
        db::TestDb,
        html::assert_sound,
        mail::{self, Sink},
    },
};

const WHY: &str = "名单含身份证号，外部供应商已在群内，等不及三级审批";
const HOUR: u64 = 3600;

struct House {
    watch: alerts::House,
    cast: Cast,
    officer: Person,
    second: Person,
}

impl House {
    /// A company whose policy lets leaks be recalled first, with an officer on duty for a day.
    async fn open(db: TestDb) -> Self {
        let house = Self::on(Stage::set_on(db, |_| {}).await).await;
        house.allow(&[("first_classes", "leak"), ("first_hours", "6")]).await;
        house.on_duty(&house.officer).await;
        house
    }

    async fn on(stage: Stage) -> Self {
        let cast = stage.cast().await;
        let officer = stage.person("tangyizhou", &[Role::Counsel], "法务部").await;
        let second = stage.person("luyao", &[Role::FinalApprover], "总裁办").await;
        Self { watch: alerts::House::on(stage).await, cast, officer, second }
    }

    fn stage(&self) -> &Stage {
        &self.watch.stage
    }

    /// A code that nobody has used.
    fn code(&self, who: &Person) -> String {
        self.stage().clock.advance(Duration::from_secs(30));
        self.stage().code(who)
    }

    /// Rules that two people set.
    async fn allow(&self, changes: &[(&str, &str)]) {
        let reason = [("reason", "最严重的泄密等不及三级审批，须有人先行撤回。")];
        self.stage().adopt([&self.watch.security, &self.watch.system], &[&reason[..], changes].concat()).await;
    }

    async fn assign(&self, by: &Person, who: &Person, hours: u64) -> Answer {
        let code = self.code(by);
        let now = self.stage().app.now();
        let (from, until) = (now.to_rfc3339(), now.plus(Duration::from_secs(hours * HOUR)).to_rfc3339());
        self.stage().post(by, "/duty", &[("user", &who.caller.id), ("from", &from), ("until", &until), ("totp", &code)]).await
    }

    async fn on_duty(&self, who: &Person) {
        let answer = self.assign(&self.watch.security, who, 24).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    async fn order(&self, who: &Person, case: &str) -> Answer {
        self.order_with(who, case, "leak", WHY, &self.code(who)).await
    }

    async fn order_with(&self, who: &Person, case: &str, class: &str, reason: &str, code: &str) -> Answer {
        let version = self.stage().loaded(case).await.row.version.to_string();
        let fields = [("category", class), ("reason", reason), ("totp", code), ("version", &version)];
        self.stage().post(who, &format!("/recalls/{case}/orders"), &fields).await
    }

    async fn ratify(&self, who: &Person, case: &str, verdict: &str) -> Answer {
        let code = self.code(who);
        let words = self.stage().loaded(case).await.order.map_or(0, |(_, given)| given.len()).to_string();
        let fields = [("verdict", verdict), ("comment", "当时情况紧急，处置得当"), ("totp", &code), ("words", &words)];
        self.stage().post(who, &format!("/recalls/{case}/ratifications"), &fields).await
    }

    /// A case that was recalled first and is carried out.
    async fn recalled(&self) -> String {
        let case = self.stage().case(&self.cast).await;
        let answer = self.order(&self.officer, &case).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        self.stage().run().await;
        assert_eq!(self.stage().state(&case).await, "recall_accepted");
        case
    }

    async fn refused(&self, case: &str, answer: &Answer, status: u16, why: &str) {
        assert_eq!((answer.status, self.stage().last_refusal(case).await.as_str()), (status, why), "{}", answer.body);
    }

    async fn count(&self, case: &str, line: &str) -> usize {
        self.stage().trail(case).await.iter().filter(|t| *t == line).count()
    }
}

#[actix_web::test]
async fn nobody_recalls_first_but_the_officer_on_duty_where_the_rules_allow_it() {
    for db in TestDb::each() {
        let house = House::on(Stage::set_on(db, |_| {}).await).await;
        let (stage, officer) = (house.stage(), &house.officer);
        // The roster: the security administrator's, for people who are fit.
        assert_eq!(house.assign(&house.cast.executive, officer, 2).await.status, 403);
        for unfit in [&house.watch.system, &house.watch.auditor, &house.cast.requester] {
            let answer = house.assign(&house.watch.security, unfit, 2).await;
            assert!(answer.status == 422 && answer.body.contains("不符合值班条件"), "{}", answer.body);
        }
        let answer = house.assign(&house.watch.security, officer, 24 * 32).await;
        assert!(answer.status == 422 && answer.body.contains("一次最多安排 31 天"), "{}", answer.body);
        house.on_duty(officer).await;
        let page = stage.get(&house.watch.security, "/duty").await;
        assert_sound(&page.body);
        assert!(page.body.contains("现行规则不允许先撤后审") && page.body.contains("值班中") && page.body.contains("无人值班"), "{}", page.body);

        // Rules of the shipped version do not allow it, and a case keeps the rules of its day.
        let first = stage.case(&house.cast).await;
        let answer = house.order(officer, &first).await;
        house.refused(&first, &answer, 409, "recall-first-not-allowed").await;
        assert!(answer.body.contains(WHY), "what was typed is kept: {}", answer.body);
        house.allow(&[("first_classes", "leak")]).await;
        house.refused(&first, &house.order(officer, &first).await, 409, "recall-first-not-allowed").await;
        assert_eq!(stage.state(&first).await, "reviewing");

        let case = stage.case(&house.cast).await;
        house.refused(&case, &house.order(&house.second, &case).await, 409, "not-on-duty").await;
        let page = stage.get(officer, "/duty").await;
        assert!(page.body.contains(&format!("/recalls/{case}#order")) && !page.body.contains(&first), "{}", page.body);
        let page = stage.get(officer, &format!("/recalls/{case}")).await;
        assert_sound(&page.body);
        assert!(page.body.contains("下令先行撤回"), "{}", page.body);
        let form = format!("/recalls/{case}/orders");
        assert!(page.body.contains(&form) && !stage.get(&house.second, &format!("/recalls/{case}")).await.body.contains(&form));
        // What is typed has to be right, and a code is good once.
        let code = house.code(officer);
        for (class, reason, code, status, why) in [
            ("other", WHY, code.as_str(), 422, "invalid"),
            ("", WHY, &code, 422, "invalid"),
            ("leak", "……！！", &code, 422, "invalid"),
            ("leak", WHY, "000000", 422, "invalid"),
        ] {
            house.refused(&case, &house.order_with(officer, &case, class, reason, code).await, status, why).await;
        }
        let code = house.code(officer);
        let fields = [("category", "leak"), ("reason", WHY), ("totp", code.as_str()), ("version", "7")];
        assert_eq!(stage.post(officer, &format!("/recalls/{case}/orders"), &fields).await.status, 409);
        // The kill switch holds.
        let halted = stage.case(&stage.cast2(&house.cast).await).await;
        let answer = stage.post(&house.watch.security, &format!("/recalls/{halted}/halts"), &[("reason", "收件人名单有疑问，先停一停")]).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        house.refused(&halted, &house.order(officer, &halted).await, 409, "halted").await;

        // Who asked for it does not order it, nor who decided on it.
        let both = stage.person("both", &[Role::Requester, Role::LegalReviewer], "人力资源部").await;
        house.on_duty(&both).await;
        let people = stage.recipients();
        let broadcast = stage.notice(&both, &people.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let fields = [("broadcast", broadcast.as_str()), ("category", "leak"), ("reason", "收件范围误选为全体员工"), ("step", "submit")];
        let own = stage.post(&both, "/recalls", &fields).await.case();
        house.refused(&own, &house.order(&both, &own).await, 409, "own-request-ordering").await;
        stage.clock.advance(Duration::from_secs(30));
        assert_eq!(stage.decide(&house.cast.reviewer, &case, "approve").await.status, 303);
        stage.clock.advance(Duration::from_secs(30));
        let hejing = house.cast.lawyer.clone();
        house.on_duty(&hejing).await;
        assert_eq!(stage.decide(&hejing, &case, "approve").await.status, 303);
        house.refused(&case, &house.order(&hejing, &case).await, 409, "decided-here-ordering").await;

        // The duty ended a minute ago; and a shift that was ended counts no more.
        stage.clock.advance(Duration::from_secs(24 * HOUR + 60));
        let stale = stage.case(&stage.cast2(&house.cast).await).await;
        house.refused(&stale, &house.order(officer, &stale).await, 409, "not-on-duty").await;
        house.on_duty(officer).await;
        let page = stage.get(&house.watch.security, "/duty").await.body;
        let shift = page.split("/duty/").find_map(|rest| rest.split_once("/endings").map(|(id, _)| id.to_owned())).unwrap();
        assert_eq!(stage.post(&house.watch.security, &format!("/duty/{shift}/endings"), &[]).await.status, 303);
        assert_eq!(stage.post(&house.watch.security, &format!("/duty/{shift}/endings"), &[]).await.status, 409);
        house.refused(&stale, &house.order(officer, &stale).await, 409, "not-on-duty").await;
    }
}

#[actix_web::test]
async fn what_was_recalled_first_is_ratified_by_the_three_levels_and_closes_then() {
    for db in TestDb::each() {
        let house = House::open(db).await;
        let stage = house.stage();
        let case = house.recalled().await;
        let events = stage.events(&case).await;
        let order = events.iter().find(|e| e.leaf.action == "recall.ordered").unwrap();
        let detail = stage.detail(order).await;
        assert_eq!((&detail["levels"], &detail["class"], &detail["policy"]["version"]), (&json!([1, 2, 3]), &json!("leak"), &json!(2)));
        assert_eq!((&detail["before"]["state"], &detail["after"]["state"]), (&json!("reviewing"), &json!("approved")));
        for bound in ["message", "recipients", "deadline", "shown", "due", "method"] {
            assert!(!detail[bound].is_null(), "{bound}: {detail}");
        }
        house.watch.pass().await;
        let alert = house.watch.one(Rule::RecallFirst).await;
        assert_eq!((alert.about_kind.as_str(), alert.about.contains(&case)), ("recall", true), "{alert:?}");
        assert!(stage.loaded(&case).await.row.closed_at.is_none(), "it waits for its ratification");
        assert_eq!(house.count(&case, "evidence.sealed success").await, 0);

        // What is owed waits for the first level, and for nobody else yet.
        let page = stage.get(&house.cast.reviewer, "/approvals").await;
        assert_sound(&page.body);
        assert!(page.body.contains("待追认：部门复核") && page.body.contains(&format!("/recalls/{case}#ratification")), "{}", page.body);
        assert!(!stage.get(&house.cast.lawyer, "/approvals").await.body.contains(&case));
        let page = stage.get(&house.cast.reviewer, &format!("/recalls/{case}")).await;
        assert_sound(&page.body);
        assert!(page.body.contains("您的追认") && page.body.contains(WHY) && page.body.contains("待追认"), "{}", page.body);
        assert!(stage.get(&house.cast.lawyer, "/recalls").await.body.contains("待追认"), "the list says so");

        // Neither the officer nor the requester nor an outsider says the word; and the levels take turns.
        let own = house.ratify(&house.officer, &case, "ratify").await;
        assert_eq!(own.status, 403, "counsel decides nothing: {}", own.body);
        house.refused(&case, &house.ratify(&house.cast.lawyer, &case, "ratify").await, 409, "role-not-for-level").await;
        let answer = house.ratify(&house.cast.reviewer, &case, "").await;
        house.refused(&case, &answer, 422, "invalid").await;
        assert!(answer.body.contains("当时情况紧急"), "what was typed is kept: {}", answer.body);
        let double = stage.person("double", &[Role::DepartmentReviewer, Role::LegalReviewer], "人力资源部").await;
        // Two people of a level at the same instant: one of them says its word.
        let (one, two) = (house.code(&double), stage.code(&house.cast.reviewer));
        let fields = |code| [("verdict", "ratify"), ("comment", "当时情况紧急，处置得当"), ("totp", code), ("words", "0")];
        let path = format!("/recalls/{case}/ratifications");
        let (one_fields, two_fields) = (fields(one.as_str()), fields(two.as_str()));
        let (a, b) = tokio::join!(stage.post(&double, &path, &one_fields), stage.post(&house.cast.reviewer, &path, &two_fields));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409], "{} {}", a.body, b.body);
        assert_eq!(house.count(&case, "ratification.decided success").await, 1);
        if a.status == 303 {
            house.refused(&case, &house.ratify(&double, &case, "ratify").await, 409, "ratified-at-another-level").await;
        }
        assert_eq!(house.ratify(&house.cast.lawyer, &case, "ratify").await.status, 303);
        stage.run().await;
        assert!(stage.loaded(&case).await.row.closed_at.is_none());
        assert_eq!(house.ratify(&house.second, &case, "ratify").await.status, 303);
        house.refused(&case, &house.ratify(&house.cast.executive, &case, "ratify").await, 409, "nothing-to-ratify").await;
        stage.run().await;
        assert!(stage.loaded(&case).await.row.closed_at.is_some());
        let page = stage.get(&house.officer, &format!("/recalls/{case}")).await;
        assert!(page.body.contains("已追认") && page.body.contains("终审予以追认"), "{}", page.body);
        let report = stage.get(&house.watch.security, "/duty/uses").await;
        assert_sound(&report.body);
        assert!(report.body.contains("tangyizhou") && report.body.contains(WHY) && report.body.contains("luyao：终审予以追认"), "{}", report.body);
        let report = stage.get(&house.watch.system, "/duty/uses").await;
        assert!(report.status == 200 && !report.body.contains(WHY), "who does not see cases does not read the reason: {}", report.body);
        assert_eq!(stage.get(&house.cast.requester, "/duty/uses").await.status, 403);

        // The evidence holds, and tells of it.
        let (_, all) = evidence::of_case(&stage.app, &Caller::shell(), &case).await.unwrap();
        let bytes = std::fs::read(stage.app.store.data().join(&all[0].row.path)).unwrap();
        let outcome = verify(&bytes, &[Pin::Log(stage.app.store.vkey().unwrap())], &Limits::default());
        assert_eq!(outcome.result, Verdict::Pass, "{:#?}", outcome.checks);
        let (_, files) = zip::read(&bytes, &Limits::default()).unwrap();
        let rows = csv::parse(&files["data/approvals.csv"]).unwrap();
        let at = |name: &str| rows[0].iter().position(|cell| cell == name).unwrap();
        let said: Vec<_> = rows[1..].iter().map(|r| (r[at("decision")].as_str(), r[at("level")].as_str())).collect();
        assert_eq!(said, [("recall_first", ""), ("ratify", "1"), ("ratify", "2"), ("ratify", "3")]);
        assert_eq!(rows[1][at("comment")], WHY);
    }
}

#[actix_web::test]
async fn one_person_ratifies_one_level_and_levels_that_had_approved_are_not_asked_again() {
    for db in TestDb::each() {
        let house = House::open(db).await;
        let stage = house.stage();
        let double = stage.person("double", &[Role::DepartmentReviewer, Role::LegalReviewer, Role::FinalApprover], "人力资源部").await;
        let case = house.recalled().await;
        assert_eq!(house.ratify(&double, &case, "ratify").await.status, 303);
        let again = house.ratify(&double, &case, "ratify").await;
        house.refused(&case, &again, 409, "ratified-at-another-level").await;
        // An officer who could decide the level does not ratify their own order.
        let officer = stage.person("chief", &[Role::FinalApprover], "总裁办").await;
        house.on_duty(&officer).await;
        let case = stage.case(&stage.cast2(&house.cast).await).await;
        assert_eq!(stage.decide(&house.cast.reviewer, &case, "approve").await.status, 303);
        stage.clock.advance(Duration::from_secs(30));
        assert_eq!(stage.decide(&house.cast.lawyer, &case, "approve").await.status, 303);
        assert_eq!(house.order(&officer, &case).await.status, 303);
        stage.run().await;
        house.refused(&case, &house.ratify(&officer, &case, "ratify").await, 409, "own-order").await;
        house.refused(&case, &house.ratify(&house.cast.reviewer, &case, "ratify").await, 409, "role-not-for-level").await;
        assert_eq!(house.ratify(&house.cast.executive, &case, "ratify").await.status, 303);
        assert_eq!(stage.loaded(&case).await.order.unwrap().0.state, "ratified", "two levels had approved");
    }
}

#[actix_web::test]
async fn a_refusal_is_a_finding_and_bars_the_officer_until_two_people_lift_it() {
    for db in TestDb::each() {
        let house = House::open(db).await;
        let stage = house.stage();
        let case = house.recalled().await;
        assert_eq!(house.ratify(&house.cast.reviewer, &case, "refuse").await.status, 303);
        house.refused(&case, &house.ratify(&house.cast.lawyer, &case, "ratify").await, 409, "role-not-for-level").await;
        stage.run().await;
        let loaded = stage.loaded(&case).await;
        assert_eq!((loaded.row.state.as_str(), loaded.row.closed_at.is_some()), ("recall_accepted", true), "the recall stays as it was");
        house.watch.pass().await;
        house.watch.one(Rule::RatificationRefused).await;
        let page = stage.get(&house.cast.executive, &format!("/recalls/{case}")).await;
        assert!(page.body.contains("部门复核不予追认"), "{}", page.body);
        let next = stage.case(&stage.cast2(&house.cast).await).await;
        house.refused(&next, &house.order(&house.officer, &next).await, 409, "recall-first-barred").await;
        assert!(stage.get(&house.officer, "/duty").await.body.contains("您暂时不能先撤后审"));

        let id = loaded.order.unwrap().0.id;
        let path = format!("/duty/uses/{id}/releases");
        let lift = async |who: &Person, path: &str, reason: &str, version: &str| {
            let code = house.code(who);
            stage.post(who, path, &[("reason", reason), ("totp", &code), ("version", version)]).await
        };
        let (security, system) = (&house.watch.security, &house.watch.system);
        let confirm = format!("{path}/confirmations");
        assert_eq!(lift(&house.cast.executive, &path, "已约谈并重新培训该值班人", "2").await.status, 403);
        assert_eq!(lift(system, &confirm, "", "2").await.status, 409, "nobody has proposed it");
        assert_eq!(lift(security, &path, "短", "2").await.status, 422);
        assert_eq!(lift(security, &path, "已约谈并重新培训该值班人，可恢复值班权限", "2").await.status, 303);
        assert_eq!(lift(security, &confirm, "", "3").await.status, 409, "the same person");
        house.refused(&next, &house.order(&house.officer, &next).await, 409, "recall-first-barred").await;
        let page = stage.get(system, "/duty/uses").await;
        assert_sound(&page.body);
        assert!(page.body.contains("待另一人确认"), "{}", page.body);
        assert_eq!(lift(system, &confirm, "", "3").await.status, 303);
        assert_eq!(house.order(&house.officer, &next).await.status, 303, "lifted");
    }
}

#[actix_web::test]
async fn an_overdue_ratification_raises_an_alarm_lets_the_case_close_and_still_counts() {
    for db in TestDb::each() {
        let house = House::open(db).await;
        let stage = house.stage();
        let case = house.recalled().await;
        assert_eq!(house.ratify(&house.cast.reviewer, &case, "ratify").await.status, 303);
        stage.clock.advance(Duration::from_secs(6 * HOUR - 300));
        stage.run().await;
        assert_eq!(house.count(&case, "ratification.lapsed failed").await, 0);
        stage.clock.advance(Duration::from_secs(300));
        stage.run().await;
        stage.run().await;
        assert_eq!(house.count(&case, "ratification.lapsed failed").await, 1, "told once");
        assert_eq!((house.count(&case, "case.closed success").await, house.count(&case, "evidence.sealed success").await), (1, 1));
        house.watch.pass().await;
        house.watch.one(Rule::RatificationOverdue).await;
        let page = stage.get(&house.cast.lawyer, "/approvals").await;
        assert!(page.body.contains("待追认：法务合规复核") && page.body.contains("已超时"), "{}", page.body);
        assert!(stage.get(&house.watch.security, "/duty/uses").await.body.contains("追认逾期"));
        for who in [&house.cast.lawyer, &house.cast.executive] {
            let late = house.ratify(who, &case, "ratify").await;
            assert_eq!(late.status, 303, "{}", late.body);
        }
        stage.run().await;
        assert_eq!(house.count(&case, "case.closed success").await, 1, "closed once");
        assert_eq!(stage.loaded(&case).await.order.unwrap().0.state, "ratified");
        let page = stage.get(&house.watch.security, "/duty/uses").await;
        assert!(page.body.contains("已追认（逾期）"), "{}", page.body);
        let last = stage.events(&case).await.into_iter().rfind(|e| e.leaf.action == "ratification.decided").unwrap();
        assert_eq!(stage.detail(&last).await["late"], true);
    }
}

#[actix_web::test]
async fn an_order_that_was_changed_or_made_past_the_product_is_found() {
    for db in TestDb::each() {
        let house = House::open(db).await;
        let stage = house.stage();
        let case = house.recalled().await;
        assert_eq!(house.ratify(&house.cast.reviewer, &case, "ratify").await.status, 303);
        let problems = || {
            let report = stage.app.store.verify(&Against::default()).unwrap();
            report.problems.iter().map(|p| format!("{} {}", p.table, p.detail)).collect::<Vec<_>>()
        };
        assert_eq!(problems(), Vec::<String>::new());
        let other = house.second.caller.id.as_str();
        for (change, back, table) in [
            (
                format!("UPDATE recall_orders SET officer_id = '{other}'"),
                format!("UPDATE recall_orders SET officer_id = '{}'", house.officer.caller.id),
                "recall_orders",
            ),
            ("UPDATE recall_orders SET due_at = due_at + 1".to_owned(), "UPDATE recall_orders SET due_at = due_at - 1".to_owned(), "recall_orders"),
            ("UPDATE ratifications SET level = 2".to_owned(), "UPDATE ratifications SET level = 1".to_owned(), "ratifications"),
            ("DELETE FROM ratifications".to_owned(), String::new(), "ratifications"),
        ] {
            stage.db.execute(&change);
            let found = problems();
            assert!(found.len() == 1 && found[0].starts_with(table), "{change}: {found:?}");
            if !back.is_empty() {
                stage.db.execute(&back);
            }
        }
    }
}

#[actix_web::test]
async fn of_two_officers_and_of_an_order_beside_the_third_approval_one_wins() {
    for db in TestDb::each() {
        let house = House::open(db).await;
        let stage = house.stage();
        house.on_duty(&house.second).await;
        let case = stage.case(&house.cast).await;
        house.code(&house.officer);
        let (one, two) = (stage.code(&house.officer), stage.code(&house.second));
        let (a, b) =
            tokio::join!(house.order_with(&house.officer, &case, "leak", WHY, &one), house.order_with(&house.second, &case, "leak", WHY, &two));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409], "{} {}", a.body, b.body);
        stage.run().await;
        assert_eq!((house.count(&case, "recall.ordered success").await, stage.state(&case).await.as_str()), (1, "recall_accepted"));

        let case = stage.case(&stage.cast2(&house.cast).await).await;
        for who in [&house.cast.reviewer, &house.cast.lawyer] {
            assert_eq!(stage.decide(who, &case, "approve").await.status, 303);
        }
        let code = house.code(&house.officer);
        let (a, b) = tokio::join!(house.order_with(&house.officer, &case, "leak", WHY, &code), stage.decide(&house.cast.executive, &case, "approve"));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 409], "{} {}", a.body, b.body);
        stage.run().await;
        assert_eq!(stage.state(&case).await, "recall_accepted");
        assert_eq!(stage.loaded(&case).await.order.is_some(), a.status == 303, "a third approval owes nothing");
        assert_eq!(house.count(&case, "recall.execution_started success").await, 1);
    }
}

#[actix_web::test]
async fn whoever_was_skipped_is_told_at_once_and_asked_in_their_turn() {
    for db in TestDb::each() {
        let sink = Sink::open();
        let port = sink.port;
        let post = move |config: &mut Config, _| mail::post(config, port);
        let house = House::on(Stage::set_with(db, |options| options.tells = true, post).await).await;
        let stage = house.stage();
        house.allow(&[("first_below", "1440"), ("first_hours", "6")]).await;
        house.on_duty(&house.officer).await;
        for who in [&house.cast.requester, &house.cast.reviewer, &house.cast.lawyer, &house.cast.executive, &house.watch.security, &house.officer] {
            notices::address_set(&stage.app, &who.caller, &format!("{}@example.com", who.caller.name)).await.unwrap();
        }
        let came = async || {
            stage.run().await;
            let mut all: Vec<(String, String)> = sink.take().iter().map(|m| (m.to.clone(), crate::notices::plain(m))).collect();
            all.sort();
            all
        };
        let case = stage.case(&house.cast).await;
        came().await;
        assert_eq!(house.order(&house.officer, &case).await.status, 303, "little of the window is left");
        let mails = came().await;
        let of = |name: &str, said: &str| mails.iter().filter(|(to, text)| to.starts_with(name) && text.contains(said)).count();
        assert_eq!(of("zhouqiming", "先行撤回，请您追认"), 1, "{mails:#?}");
        for skipped in ["hejing", "chensiyuan"] {
            assert_eq!(of(skipped, "前一级追认之后"), 1, "{skipped}: {mails:#?}");
        }
        for told in ["linyutong", "xuman"] {
            assert_eq!(of(told, "三级须事后追认"), 1, "{told}: {mails:#?}");
        }
        assert!(mails.iter().all(|(to, text)| !to.starts_with("tangyizhou") && !text.contains("年度薪酬") && !text.contains(WHY)), "{mails:#?}");
        // Half of the time has passed, and nobody has said anything.
        stage.clock.advance(Duration::from_secs(3 * HOUR));
        let mails = came().await;
        assert_eq!(mails.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["zhouqiming@example.com"]);
        assert!(mails[0].1.contains("仍等您追认"), "{mails:#?}");
        assert_eq!(house.ratify(&house.cast.reviewer, &case, "ratify").await.status, 303);
        let mails = came().await;
        assert_eq!(mails.iter().map(|(to, _)| to.as_str()).collect::<Vec<_>>(), ["hejing@example.com"], "{mails:#?}");
    }
}

/// Where a person carries it out, whoever ordered it does not say how it ended: not even as the reviewer they are besides.
#[actix_web::test]
async fn the_officer_confirms_no_capture_of_what_they_ordered() {
    for db in TestDb::each() {
        let house = House::open(db).await;
        let (stage, officer) = (house.stage(), &house.second);
        house.on_duty(officer).await;
        let operator = stage.person("operator", &[Role::PlatformOperator], "信息部").await;
        let case = guided::requested(stage, &house.cast, "leak").await;
        let ordered = house.order(officer, &case).await;
        assert_eq!(ordered.status, 303, "{}", ordered.body);
        let stated = [("outcome", "accepted"), ("note", "已在群主后台撤回该消息")];
        let acted = stage.upload(&operator, &format!("/recalls/{case}/captures"), &stated, guided::PICTURE).await;
        assert_eq!(acted.status, 303, "{}", acted.body);
        let page = stage.get(officer, &format!("/recalls/{case}")).await;
        assert!(page.body.contains("不能确认本人下令撤回的执行结果"), "{}", page.body);
        let own = stage.confirm(officer, &case, "accepted", "").await;
        house.refused(&case, &own, 409, "own-order-confirming").await;
        let other = stage.confirm(&house.cast.reviewer, &case, "accepted", "").await;
        assert_eq!(other.status, 303, "{}", other.body);
        assert_eq!(stage.state(&case).await, "recall_accepted");
    }
}

#[actix_web::test]
async fn a_correction_waits_for_the_ratification_of_a_recall_that_came_first() {
    for db in TestDb::each() {
        let house = House::open(db).await;
        let (stage, cast) = (house.stage(), &house.cast);
        let mut cases = Vec::new();
        for _ in 0..2 {
            let case = correction::corrected(stage, cast).await;
            let answer = house.order_with(&house.officer, &case, "leak", WHY, &house.code(&house.officer)).await;
            assert_eq!(answer.status, 303, "{}", answer.body);
            stage.run().await;
            assert_eq!((stage.state(&case).await.as_str(), correction::sent(stage, &case).await), ("recall_accepted", None));
            let page = stage.get(&cast.requester, &format!("/recalls/{case}")).await.body;
            assert!(page.contains("待发送") && page.contains("追认以后才发送"), "{page}");
            cases.push(case);
        }
        for (case, last) in cases.iter().zip(["ratify", "refuse"]) {
            let page = stage.get(&cast.reviewer, &format!("/recalls/{case}")).await.body;
            assert!(page.contains("追认意味着同意发送本案的更正消息"), "{page}");
            // Hours after the recall.
            stage.settle(1, 3600).await;
            for (who, verdict) in [(&cast.reviewer, "ratify"), (&cast.lawyer, "ratify"), (&cast.executive, last)] {
                assert_eq!(correction::sent(stage, case).await, None, "three people stand behind it, or nothing is sent");
                let answer = house.ratify(who, case, verdict).await;
                assert_eq!(answer.status, 303, "{}", answer.body);
                stage.settle(2, 1).await;
            }
            assert!(stage.trail(case).await.contains(&"case.closed success".to_owned()));
        }
        let trail = stage.trail(&cases[0]).await;
        let at = |what: &str| trail.iter().position(|line| line == what).unwrap_or_else(|| panic!("{what}: {trail:?}"));
        assert!(at("broadcast.submitted success") < at("case.closed success"), "the case tells of it before it closes: {trail:?}");
        assert_eq!(correction::sent(stage, &cases[0]).await.unwrap().state, "sent");
        assert_eq!(correction::sent(stage, &cases[1]).await, None, "the third level did not stand behind it");
        let page = stage.get(&cast.requester, &format!("/recalls/{}", cases[1])).await.body;
        assert!(page.contains("未发送"), "{page}");
    }
}
