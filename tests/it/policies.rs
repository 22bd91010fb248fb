//! The rules of recalls are changed by two people: proposed, confirmed, rejected, taken back, brought back; the next case goes by them, who
//! is under way keeps their own, and a row that was changed past the product is found.

use std::time::Duration;

use countermand::{
    app::{
        evidence::export::{self, Export},
        policies::proposals::Amended,
    },
    domain::{
        role::Role,
        windows::{Grade, Span, Stated},
    },
    evidence::zip::{self, Limits},
    store::{
        policies,
        verify::{Against, Kind},
    },
};
use serde_json::json;

use crate::{
    recalls::stage::{Answer, Person, Stage},
    support::{db::TestDb, html::assert_sound},
    tamper::Raw,
};

const WHY: &str = "泄密类案件每级五分钟太长，演练中两分钟足够。";

/// The form of a proposal as the shipped rules fill it, with these changes; several values of one field take the place of its one.
pub fn rules(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let shipped = [
        ("base", "1"),
        ("adopted", "wecom-forced"),
        ("budget_leak", "5"),
        ("budget_wrong_audience", "15"),
        ("budget_wrong_fact", "60"),
        ("budget_other", "240"),
        ("share_1", "1"),
        ("share_2", "1"),
        ("share_3", "1"),
    ];
    let kept = shipped.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    // Of a code, and only of that, the last one counts.
    let last = |n: usize, name: &str| name != "totp" && name != "reason" || changes[n + 1..].iter().all(|(later, _)| *later != name);
    let changed = changes.iter().enumerate().filter(|(n, (name, _))| last(*n, name)).map(|(_, pair)| pair);
    kept.chain(changed).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

struct House {
    stage: Stage,
    security: Person,
    other: Person,
    system: Person,
}

impl House {
    async fn set(db: TestDb) -> Self {
        let stage = Stage::set_on(db, |_| {}).await;
        Self {
            security: stage.person("xuman", &[Role::SecurityAdministrator], "信息安全部").await,
            other: stage.person("zhaoyi", &[Role::SecurityAdministrator], "信息安全部").await,
            system: stage.person("chengye", &[Role::SystemAdministrator], "信息技术部").await,
            stage,
        }
    }

    fn tick(&self) {
        self.stage.clock.advance(Duration::from_secs(30));
    }

    async fn propose(&self, who: &Person, changes: &[(&str, &str)]) -> Answer {
        self.tick();
        let code = self.stage.code(who);
        let fields = rules(&[&[("reason", WHY), ("totp", code.as_str())], changes].concat());
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.stage.post(who, "/policies/proposals", &fields).await
    }

    /// Proposed well; where it lies.
    async fn proposed(&self, who: &Person, changes: &[(&str, &str)]) -> String {
        let answer = self.propose(who, changes).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.location
    }

    async fn act(&self, who: &Person, proposal: &str, what: &str, reason: &str) -> Answer {
        self.tick();
        let code = self.stage.code(who);
        self.stage.post(who, &format!("{proposal}/{what}"), &[("reason", reason), ("totp", &code)]).await
    }

    async fn confirmed(&self, who: &Person, proposal: &str) {
        let answer = self.act(who, proposal, "confirmations", "").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
    }

    async fn page(&self, who: &Person, path: &str) -> String {
        let answer = self.stage.get(who, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_sound(&answer.body);
        answer.body
    }

    async fn in_force(&self) -> countermand::domain::policy::Version {
        self.stage.app.store.read(policies::in_force).await.unwrap()
    }

    /// When the levels of a case are due, in seconds from its submission.
    async fn due(&self, case: &str) -> [i64; 3] {
        let row = self.stage.loaded(case).await.row;
        [row.due_1, row.due_2, row.due_3].map(|due| (due - row.submitted_at) / 1_000_000)
    }

    async fn verified(&self) {
        let report = self.stage.app.store.verify(&Against::default()).unwrap();
        assert!(report.ok, "{:#?}", report.problems);
    }
}

fn says(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "{word}: {page}");
    }
}

#[actix_web::test]
async fn two_people_change_the_rules_and_a_case_under_way_keeps_its_own() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let stage = &house.stage;
        let cast = stage.cast().await;
        let running = stage.case(&cast).await;
        assert_eq!(house.due(&running).await, [300, 600, 900]);

        let changes = [("budget_leak", "2"), ("limit_wecom", "600"), ("share_1", "2"), ("adopted", "wecom-forced"), ("adopted", "wecom-notice")];
        let proposal = house.proposed(&house.security, &changes).await;
        let page = house.page(&house.system, &proposal).await;
        says(&page, &["待确认", "5 分", "2 分", "10 小时", "1 : 1 : 1", "2 : 1 : 1", "采用（30 分）", "不采用", WHY, "第 1 版 1 件", "xuman"]);
        says(&page, &["5 分 / 10 分 / 15 分", "2 分 / 4 分 / 6 分"]);
        let own = house.page(&house.security, &proposal).await;
        assert!(!own.contains("/confirmations") && own.contains("/withdrawals"), "{own}");
        says(&house.page(&house.other, "/policies").await, &["有一份修改方案等待确认", &proposal, "第 1 版", "随产品提供"]);
        assert_eq!(house.in_force().await.number, 1, "nothing changes by a proposal");

        let answer = house.act(&house.security, &proposal, "confirmations", "").await;
        assert_eq!(answer.status, 409, "{}", answer.body);
        says(&answer.body, &["提出人不能确认或驳回自己的方案"]);
        let answer = house.propose(&house.other, &[("budget_leak", "9"), ("budget_other", "77")]).await;
        assert_eq!(answer.status, 409, "{}", answer.body);
        says(&answer.body, &["已有一份修改方案等待确认", "value=\"77\"", &proposal]);
        house.confirmed(&house.system, &proposal).await;
        let rules = house.in_force().await;
        assert_eq!((rules.number, rules.policy.shares), (2, [2, 1, 1]));
        says(&house.page(&house.security, &proposal).await, &["现行", "chengye"]);

        let later = stage.case(&stage.cast2(&cast).await).await;
        assert_eq!(house.due(&later).await, [120, 240, 360], "the new budget");
        let cut_off = |row: &countermand::store::recalls::RecallRow| row.cut_off.unwrap() - row.submitted_at;
        let (old, new) = (stage.loaded(&running).await.row, stage.loaded(&later).await.row);
        assert_eq!((old.policy_version, new.policy_version), (1, 2));
        assert!(cut_off(&new) < 31 * 60 * 1_000_000 && cut_off(&old) > 20 * 3600 * 1_000_000, "{} {}", cut_off(&new), cut_off(&old));
        let submitted = stage.events(&later).await.into_iter().find(|e| e.leaf.action == "recall.submitted").unwrap();
        let detail = stage.detail(&submitted).await;
        assert_eq!(detail["policy"], json!({ "id": "three-levels", "version": 2 }));
        assert_eq!((&detail["rules"]["budget_seconds_per_level"]["leak"], &detail["rules"]["different_people"]), (&json!(120), &json!(3)));

        // Also what is counted anew goes by the version of the case.
        assert_eq!(stage.decide(&cast.reviewer, &running, "return").await.status, 303);
        let before = stage.app.now();
        let fields = [("reason", "已补充泄露范围说明，含外部三家"), ("step", "submit")];
        assert_eq!(stage.post(&cast.requester, &format!("/recalls/{running}/resubmissions"), &fields).await.status, 303);
        let row = stage.loaded(&running).await.row;
        assert_eq!(row.due_1 - before.0, 300 * 1_000_000, "five minutes, as on the day of its submission");
        house.verified().await;
    }
}

#[actix_web::test]
async fn a_bundle_carries_the_rules_of_its_case() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let stage = &house.stage;
        let cast = stage.cast().await;
        let counsel = stage.person("tangyizhou", &[Role::Counsel], "法务部").await;
        let running = stage.approved(&cast).await;
        let proposal = house.proposed(&house.security, &[("budget_leak", "2")]).await;
        house.confirmed(&house.system, &proposal).await;
        stage.settle(4, 1).await;
        house.tick();
        let case = stage.loaded(&running).await.row;
        let code = stage.code(&counsel);
        let wanted = Export { case: case.number.clone(), purpose: "劳动仲裁举证".into(), totp: code, ..Export::default() };
        let bundle = export::export(&stage.app, &counsel.caller, wanted).await.unwrap().value.bundle;
        let (_, files) = zip::read(&bundle.bytes, &Limits::default()).unwrap();
        let parts = String::from_utf8(files["data/parts.jsonl"].clone()).unwrap().replace("\\\"", "\"");
        assert!(parts.contains("\"leak\":300"), "{parts}");
        assert!(!parts.contains("\"leak\":120"), "the rules of later days are not its own");
    }
}

#[actix_web::test]
async fn a_change_is_rejected_taken_back_or_never_made() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let stage = &house.stage;
        // Typed wrong: every field says so beside itself, and everything typed is there.
        let wrong = [
            ("budget_leak", "0"),
            ("budget_other", "1441"),
            ("share_2", "0"),
            ("share_3", "一"),
            ("limit_wecom", "4"),
            ("limit_matrix", "43201"),
            ("adopted", "wecom-notice"),
            ("reason", "太短了"),
        ];
        let answer = house.propose(&house.security, &wrong).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert_sound(&answer.body);
        says(&answer.body, &["请填写 1 至 1440 之间的整数", "请填写 1 至 100 之间的整数", "请填写 5 至 43200 之间的整数", "至少 10 字"]);
        says(&answer.body, &["value=\"1441\"", "value=\"43201\"", "太短了", "value=\"wecom-notice\" checked"]);
        for changes in [&[("adopted", "no-such-row")][..], &[("budget_leak", "2"), ("totp", "000000")], &[("budget_leak", "2.5")]] {
            assert_eq!(house.propose(&house.security, changes).await.status, 422, "{changes:?}");
        }
        let answer = house.propose(&house.security, &[]).await;
        assert_eq!(answer.status, 409);
        says(&answer.body, &["与现行规则相同"]);
        // What no form offers changes nothing: three levels and three people stay.
        let answer = house.propose(&house.security, &[("levels", "1"), ("different_people", "1")]).await;
        assert_eq!(answer.status, 409);
        assert_eq!(house.in_force().await.policy.rules()["different_people"], 3);

        // Nobody else proposes, nobody else confirms.
        let waiting = house.proposed(&house.security, &[("budget_leak", "2")]).await;
        for role in Role::ALL {
            let who = stage.person(&format!("r{}", role.as_str().replace('_', "")), &[*role], "信息部").await;
            let proposes = *role == Role::SecurityAdministrator;
            let confirms = proposes || *role == Role::SystemAdministrator;
            let said = if proposes { 409 } else { 403 };
            assert_eq!(house.propose(&who, &[("budget_leak", "3")]).await.status, said, "{role}");
            assert_eq!(stage.get(&who, "/policies/proposals/new").await.status, if proposes { 200 } else { 403 }, "{role}");
            assert_eq!(stage.get(&who, &waiting).await.status, 200, "{role}");
            house.tick();
            let fields = [("reason", WHY), ("totp", "000000")];
            for what in ["confirmations", "refusals"] {
                let status = stage.post(&who, &format!("{waiting}/{what}"), &fields).await.status;
                assert_eq!(status, if confirms { 422 } else { 403 }, "{role} {what}");
            }
            let status = stage.post(&who, &format!("{waiting}/withdrawals"), &fields).await.status;
            assert_eq!(status, if proposes { 409 } else { 403 }, "{role}: who did not propose takes nothing back");
        }
        let nobody = stage.person("nobody", &[], "信息部").await;
        for path in ["/policies/compare", &waiting, "/policies/proposals/new"] {
            assert_eq!(stage.get(&nobody, path).await.status, 403, "{path}");
        }

        assert_eq!(house.act(&house.system, &waiting, "refusals", "短").await.status, 422);
        let answer = house.act(&house.system, &waiting, "refusals", "两分钟内无法读完附件，先做一次演练。").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        says(&house.page(&house.security, &waiting).await, &["已驳回", "两分钟内无法读完附件，先做一次演练。", "chengye"]);
        for what in ["confirmations", "refusals"] {
            assert_eq!(house.act(&house.other, &waiting, what, WHY).await.status, 409, "{what} of what has ended");
        }
        let next = house.proposed(&house.security, &[("budget_leak", "3")]).await;
        assert_eq!(house.act(&house.security, &next, "withdrawals", "").await.status, 303);
        says(&house.page(&house.security, "/policies").await, &["已驳回", "已撤销", "第 1 版", "现行"]);
        assert_eq!(house.act(&house.other, &next, "confirmations", "").await.status, 409);
        assert_eq!(house.in_force().await.number, 1);
        assert_eq!(house.act(&house.system, "/policies/proposals/nothing", "confirmations", "").await.status, 404);
        for path in ["/policies/compare?from=1&to=9", "/policies?version=9", "/policies/proposals/new?from=9", "/policies?version=proposed"] {
            assert_eq!(stage.get(&house.security, path).await.status, 404, "{path}");
        }
        house.verified().await;
    }
}

#[actix_web::test]
async fn an_earlier_version_comes_back_by_two_people_too() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let stage = &house.stage;
        let second = house.proposed(&house.security, &[("budget_leak", "2"), ("adopted", "wecom-notice")]).await;
        house.confirmed(&house.other, &second).await;
        let stale = house.propose(&house.security, &[("budget_leak", "4"), ("reason", "表单打开之后规则已经变了，原样保留。")]).await;
        assert_eq!(stale.status, 409, "{}", stale.body);
        says(&stale.body, &["表单打开之后规则已经变了", "name=\"base\" value=\"2\""]);

        let form = house.page(&house.security, "/policies/proposals/new?from=1").await;
        says(&form, &["恢复第 1 版", "name=\"origin\" value=\"1\"", "name=\"base\" value=\"2\"", "name=\"budget_leak\" type=\"number\" value=\"5\""]);
        let back = house.proposed(&house.security, &[("base", "2"), ("origin", "1"), ("reason", "演练表明两分钟不够，恢复原规则。")]).await;
        says(&house.page(&house.system, &back).await, &["恢复第 1 版", "规则与该版相同"]);
        assert_eq!(house.in_force().await.number, 2, "also a way back needs the second person");
        house.confirmed(&house.system, &back).await;
        let now = house.in_force().await;
        assert_eq!((now.number, now.policy), (3, countermand::domain::policy::Policy::shipped()));

        let history = house.page(&house.security, "/policies").await;
        says(&history, &["第 3 版", "第 2 版", "第 1 版", "演练表明两分钟不够", "曾施行", "xuman", "zhaoyi", "chengye"]);
        says(&house.page(&house.security, "/policies?version=2").await, &["第 2 版的规则", "2 分", "/policies/proposals/new?from=2"]);
        let difference = house.page(&house.security, "/policies/compare?from=1&to=2").await;
        says(&difference, &["5 分", "2 分", "采用（30 分）", "不采用"]);
        says(&house.page(&house.security, "/policies/compare?from=1&to=3").await, &["两版规则相同"]);
        // Each version can be tried.
        let ask = |version: &str| format!("/policies?version={version}&platform=wecom&category=leak&ago=40");
        assert!(house.page(&house.security, &ask("2")).await.contains("v-bad"), "half an hour was the limit then");
        assert!(house.page(&house.security, &ask("3")).await.contains("v-ok"));
        assert_eq!(stage.get(&house.security, &ask("x")).await.status, 422);
        // Not the rules of version 1, whatever the form says.
        let other = house.proposed(&house.security, &[("base", "3"), ("origin", "1"), ("budget_leak", "7")]).await;
        assert!(!house.page(&house.system, &other).await.contains("恢复第 1 版"), "these are other rules");
        house.verified().await;
    }
}

#[actix_web::test]
async fn of_two_at_the_same_instant_one_comes_through() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let (one, two) = tokio::join!(house.propose(&house.security, &[("budget_leak", "2")]), house.propose(&house.other, &[("budget_leak", "3")]));
        let mut answers = [one.status, two.status];
        answers.sort_unstable();
        assert_eq!(answers, [303, 409], "{} {}", one.body, two.body);
        let (proposal, second) = if one.status == 303 { (one.location, &house.other) } else { (two.location, &house.security) };
        let (one, two) = tokio::join!(house.act(second, &proposal, "confirmations", ""), house.act(&house.system, &proposal, "confirmations", ""));
        let mut answers = [one.status, two.status];
        answers.sort_unstable();
        assert_eq!(answers, [303, 409], "{} {}", one.body, two.body);
        assert_eq!(house.in_force().await.number, 2);
        // One person, one click too many: the form is carried out once.
        house.tick();
        let code = house.stage.code(second);
        let fields = rules(&[("base", "2"), ("budget_leak", "9"), ("reason", WHY), ("totp", &code)]);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (one, two) = house.stage.post_twice(second, "/policies/proposals", &fields).await;
        assert_eq!((one.status, two.status, &one.location), (303, 303, &two.location), "{} {}", one.body, two.body);
        house.verified().await;
    }
}

#[actix_web::test]
async fn what_was_changed_in_a_row_is_found() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let first = house.proposed(&house.security, &[("budget_leak", "2")]).await;
        house.confirmed(&house.system, &first).await;
        let rejected = house.proposed(&house.security, &[("base", "2"), ("budget_leak", "3")]).await;
        assert_eq!(house.act(&house.system, &rejected, "refusals", WHY).await.status, 303);
        house.proposed(&house.security, &[("base", "2"), ("budget_leak", "4")]).await;
        house.verified().await;
        let mut raw = Raw::open(&house.stage.db);
        let found = |change: &str, back: &str, raw: &mut Raw| {
            assert_eq!(raw.execute(change), Ok(1), "{change}");
            let report = house.stage.app.store.verify(&Against::default()).unwrap();
            let named = report.problems.iter().any(|p| p.kind == Kind::Part && p.table == "policies");
            assert!(!report.ok && named, "{change}: {:?}", report.problems);
            assert_eq!(raw.execute(back), Ok(1), "{back}");
        };
        let other = house.other.caller.id.clone();
        let columns = [
            ("rules", "t", "replace(rules, '120', '121')"),
            ("nonce", "t", "nonce || 'x'"),
            ("base", "i", "base + 1"),
            ("origin", "i", "1"),
            ("version", "i", "version + 1"),
            ("reason_sealed", "b", "(SELECT reason_sealed FROM policies WHERE state = 'rejected')"),
            ("proposed_by", "t", &format!("'{other}'")),
            ("proposed_at", "i", "proposed_at + 1"),
            ("ended_by", "t", &format!("'{other}'")),
            ("ended_at", "i", "ended_at + 1"),
            ("ending_sealed", "b", "reason_sealed"),
        ];
        for (column, kind, value) in columns {
            let shown = raw.shown(column, kind);
            let old = raw.column(&format!("SELECT {shown} AS value FROM policies WHERE state = 'confirmed'")).remove(0);
            let back = format!("UPDATE policies SET {column} = {} WHERE state = 'confirmed'", raw.literal(&old, kind));
            found(&format!("UPDATE policies SET {column} = {value} WHERE state = 'confirmed'"), &back, &mut raw);
        }
        for (change, back) in [
            // What waits is confirmed by nobody, what was rejected is made a version.
            (
                "UPDATE policies SET state = 'confirmed', version = 3, ended_by = proposed_by, ended_at = proposed_at WHERE state = 'proposed'",
                "UPDATE policies SET state = 'proposed', version = NULL, ended_by = NULL, ended_at = NULL WHERE version = 3",
            ),
            (
                "UPDATE policies SET state = 'confirmed', version = 3 WHERE state = 'rejected'",
                "UPDATE policies SET state = 'rejected', version = NULL WHERE version = 3",
            ),
            ("UPDATE policies SET state = 'withdrawn' WHERE state = 'rejected'", "UPDATE policies SET state = 'rejected' WHERE state = 'withdrawn'"),
            ("UPDATE policies SET id = 'x' || id WHERE state = 'confirmed'", "UPDATE policies SET id = substr(id, 2) WHERE state = 'confirmed'"),
            (
                "INSERT INTO policies SELECT 'x', 'y', base, origin, rules, 'withdrawn', NULL, reason_sealed, proposed_by, proposed_at, \
                 proposed_by, proposed_at, NULL FROM policies WHERE state = 'confirmed'",
                "DELETE FROM policies WHERE id = 'x'",
            ),
        ] {
            found(change, back, &mut raw);
        }
        house.verified().await;
        // A version that is gone: the rules before it are in force, and the log says that this is not so.
        assert_eq!(raw.execute("DELETE FROM policies WHERE state = 'confirmed'"), Ok(1));
        let report = house.stage.app.store.verify(&Against::default()).unwrap();
        assert!(report.problems.iter().any(|p| p.table == "policies" && p.detail.contains("is missing")), "{:?}", report.problems);
    }
}

#[actix_web::test]
async fn the_catalogue_is_amended_by_two_people_who_name_a_source() {
    for db in TestDb::each() {
        let house = House::set(db).await;
        let stage = &house.stage;
        let cast = stage.cast().await;
        let row = |span, minutes, grade, source| {
            [("amend_row", "wecom-forced"), ("amend_span", span), ("amend_minutes", minutes), ("amend_grade", grade), ("amend_source", source)]
        };
        // Half an amendment is none, and says at each field what it lacks.
        let answer = house.propose(&house.security, &row("", "7", "", "控制台")).await;
        assert_eq!(answer.status, 422, "{}", answer.body);
        assert_sound(&answer.body);
        says(&answer.body, &["时限：请填写此项", "来源等级：请填写此项", "value=\"7\"", "value=\"控制台\""]);
        let answer = house.propose(&house.security, &row("limited", "2", "official", "")).await;
        says(&answer.body, &["请填写 5 至 43200 之间的整数", "来源：请填写此项"]);
        let answer = house.propose(&house.security, &[("amend_span", "unlimited"), ("amend_grade", "hearsay")]).await;
        assert_eq!(answer.status, 422);
        says(&answer.body, &["修订哪一条：请填写此项"]);
        let stated = |row: &str, minutes: u64, grade| Amended {
            row: row.into(),
            field: Stated { span: Span::Seconds(minutes * 60), grade, source: "".into() },
        };
        for kept in ["wecom-forced".to_owned(), stated("fax", 9, Grade::Untested).kept(), stated("qq-owner", 9, Grade::Official).kept()] {
            assert_eq!(house.propose(&house.security, &[("amended", &kept)]).await.status, 422, "{kept}");
        }
        let of_row = |seconds: u64, source: &str| Amended {
            row: "qq-owner".into(),
            field: Stated { span: Span::Seconds(seconds), grade: Grade::Untested, source: source.to_owned().into() },
        };
        for kept in [of_row(7201, "").kept(), of_row(7200, " ").kept(), of_row(7200, "一行\n又一行").kept(), of_row(7200, &"长".repeat(301)).kept()]
        {
            assert_eq!(house.propose(&house.security, &[("amended", &kept)]).await.status, 422, "{kept}");
        }
        let twice = [of_row(7200, "").kept(), of_row(3600, "").kept()];
        assert_eq!(house.propose(&house.security, &[("amended", &twice[0]), ("amended", &twice[1])]).await.status, 422);
        let blocked = house.propose(&house.security, &row("nothing", "", "untested", "")).await;
        assert_eq!(blocked.status, 422, "an adopted row would leave no recall possible: {}", blocked.body);
        // What the catalogue says already is no change.
        let same = house.propose(&house.security, &row("limited", "1440", "no_source", "")).await;
        assert_eq!(same.status, 409, "{}", same.body);

        let source = "本单位租户实测，2026 年 11 月 20 日";
        let proposal = house.proposed(&house.security, &row("limited", "120", "untested", source)).await;
        says(&house.page(&house.system, &proposal).await, &["目录修订（企业微信", "24 小时", "2 小时", source]);
        assert!(!house.page(&cast.requester, "/catalogue").await.contains(source), "nothing is amended by a proposal");
        house.confirmed(&house.system, &proposal).await;
        says(&house.page(&cast.requester, "/catalogue").await, &[source, "本单位修订；原目录：24 小时", "第 2 版", "2 小时"]);
        says(&house.page(&house.security, "/policies").await, &["目录修订（企业微信", source]);
        let case = stage.loaded(&stage.case(&cast).await).await.row;
        assert!(case.cut_off.unwrap() - case.submitted_at <= 120 * 60 * 1_000_000, "the row is adopted: it binds as amended");

        // It stays while its box is ticked, and goes as it came.
        let form = house.page(&house.security, "/policies/proposals/new").await;
        says(&form, &["保留已有的修订", source]);
        let kept = Amended { row: "wecom-forced".into(), field: house.in_force().await.policy.amended["wecom-forced"].clone() }.kept();
        let next = house.proposed(&house.security, &[("base", "2"), ("budget_leak", "2"), ("amended", &kept)]).await;
        house.confirmed(&house.other, &next).await;
        assert_eq!(house.in_force().await.policy.amended.len(), 1);
        let gone = house.proposed(&house.security, &[("base", "3"), ("budget_leak", "2")]).await;
        house.confirmed(&house.other, &gone).await;
        assert!(house.in_force().await.policy.amended.is_empty());
        says(&house.page(&house.security, "/policies/compare?from=3&to=4").await, &["目录修订（企业微信", source, "24 小时"]);
        assert!(!house.page(&cast.requester, "/catalogue").await.contains(source));
        house.verified().await;
    }
}
