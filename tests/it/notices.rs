//! Who is told of a case by mail, when, and what becomes of mails that do not go.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use countermand::{app::notices, config::Config, domain::role::Role, store::notices::NoticeRow};

use crate::{
    recalls::stage::{Cast, Person, Stage},
    support::{
        db::TestDb,
        mail::{self, Mail, Mood, Sink},
    },
};

struct House {
    stage: Stage,
    sink: Sink,
    cast: Cast,
}

async fn house(db: TestDb) -> House {
    let sink = Sink::open();
    let port = sink.port;
    let mail = move |config: &mut Config, _| {
        mail::post(config, port);
    };
    let stage = Stage::set_with(db, |options| options.tells = true, mail).await;
    let cast = stage.cast().await;
    let house = House { stage, sink, cast };
    for who in [&house.cast.requester, &house.cast.reviewer, &house.cast.lawyer, &house.cast.executive] {
        house.gives(who).await;
    }
    house
}

impl House {
    /// Somebody says where mail reaches them.
    async fn gives(&self, who: &Person) {
        notices::address_set(&self.stage.app, &who.caller, &format!("{}@example.com", who.caller.name)).await.unwrap();
    }

    /// Runs what is due, and gives what came.
    async fn mails(&self) -> Vec<Mail> {
        self.stage.run().await;
        self.sink.take()
    }

    async fn to(&self) -> Vec<String> {
        self.mails().await.into_iter().map(|m| m.to.split('@').next().unwrap().to_owned()).collect()
    }

    async fn kept(&self, case: &str) -> Vec<NoticeRow> {
        let case = case.to_owned();
        let read = self.stage.app.store.read(move |conn| countermand::store::notices::of_recall(conn, &case));
        read.await.unwrap().into_iter().map(|(row, _)| row).collect()
    }

    fn half_a_minute(&self) {
        self.stage.clock.advance(Duration::from_secs(30));
    }
}

/// The parts of a mail in the clear: `=?utf-8?b?…?=` words, and bodies in base64 or quoted-printable.
pub fn plain(mail: &Mail) -> String {
    let mut text = String::new();
    for part in mail.data.split("\n--").skip(1) {
        let Some((head, body)) = part.split_once("\n\n") else { continue };
        let body = body.trim();
        if head.contains("base64") {
            text += &String::from_utf8(STANDARD.decode(body.replace('\n', "")).unwrap()).unwrap();
        } else {
            let joined = body.replace("=\n", "");
            let mut bytes = Vec::new();
            let mut rest = joined.as_bytes();
            while let Some((first, more)) = rest.split_first() {
                match (first, more) {
                    (b'=', [a, b, more @ ..]) => {
                        bytes.extend(hex::decode([*a, *b]).unwrap());
                        rest = more;
                    }
                    _ => {
                        bytes.push(*first);
                        rest = more;
                    }
                }
            }
            text += &String::from_utf8(bytes).unwrap();
        }
    }
    text
}

#[actix_web::test]
async fn whoever_has_to_act_is_told_once_and_in_their_turn() {
    for db in TestDb::each() {
        let house = house(db).await;
        // Another reviewer of the level, one of another department, and one without an address.
        let second = house.stage.person("zhaomin", &[Role::DepartmentReviewer], "人力资源部").await;
        let elsewhere = house.stage.person("qianli", &[Role::DepartmentReviewer], "销售部").await;
        house.stage.person("sunwei", &[Role::DepartmentReviewer], "人力资源部").await;
        house.gives(&second).await;
        house.gives(&elsewhere).await;
        let case = house.stage.case(&house.cast).await;
        let mails = house.mails().await;
        assert_eq!(mails.iter().map(|m| m.to.as_str()).collect::<Vec<_>>(), ["zhaomin@example.com", "zhouqiming@example.com"]);
        let said = plain(&mails[1]);
        for expected in [&format!("http://recall.example.com/recalls/{case}"), "部门复核", "linyutong", "泄露敏感信息", "（UTC+8）", "等您复核"]
        {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        assert!(!said.contains("年度薪酬调整方案") && !mails[1].data.contains("totp"), "nothing of the message: {said}");
        for (name, value) in [("Auto-Submitted", "auto-generated"), ("MIME-Version", "1.0")] {
            assert_eq!(mails[1].header(name), value, "{}", mails[1].data);
        }
        assert!(mails[1].header("Message-ID").ends_with("@recall.example.com>") && mails[1].header("Subject").starts_with("=?utf-8?"));
        assert_eq!(house.to().await, Vec::<String>::new(), "nobody is told twice");

        // The next level, once the first has decided; and of the decided one nobody hears any more.
        assert_eq!(house.stage.decide(&house.cast.reviewer, &case, "approve").await.status, 303);
        assert_eq!(house.to().await, ["hejing"]);
        // Returned: the requester; submitted again: the first level anew.
        house.half_a_minute();
        assert_eq!(house.stage.decide(&house.cast.lawyer, &case, "return").await.status, 303);
        assert_eq!(house.to().await, ["linyutong"]);
        let version = house.stage.loaded(&case).await.row.version.to_string();
        let fields = [("reason", "已补充说明：收件人含外部供应商三家"), ("version", version.as_str())];
        assert_eq!(house.stage.post(&house.cast.requester, &format!("/recalls/{case}/resubmissions"), &fields).await.status, 303);
        assert_eq!(house.to().await, ["zhaomin", "zhouqiming"]);
        for (who, next) in [(&second, vec!["hejing"]), (&house.cast.lawyer, vec!["chensiyuan"])] {
            house.half_a_minute();
            assert_eq!(house.stage.decide(who, &case, "approve").await.status, 303);
            assert_eq!(house.to().await, next);
        }
        house.half_a_minute();
        assert_eq!(house.stage.decide(&house.cast.executive, &case, "approve").await.status, 303);
        house.stage.settle(4, 1).await;
        // At the end: who asked, and who decided in any round.
        let mut ended = house.to().await;
        ended.extend(house.sink.take().into_iter().map(|m| m.to));
        assert_eq!(ended, ["chensiyuan", "hejing", "linyutong", "zhaomin", "zhouqiming"]);
        let kept = house.kept(&case).await;
        assert!(kept.len() == 13 && kept.iter().all(|n| n.state == "sent" && n.ended_at.is_some()), "{kept:#?}");
        let page = house.stage.get(&house.cast.requester, &format!("/recalls/{case}")).await;
        assert!(page.body.contains("邮件服务器已接收") && page.body.contains("告知办结"), "{}", page.body);
        let trail = house.stage.trail(&case).await;
        assert_eq!(trail.iter().filter(|action| *action == "notice.sent success").count(), 13, "{trail:?}");
    }
}

#[actix_web::test]
async fn half_the_time_brings_a_reminder_to_who_still_has_to_decide() {
    let house = house(TestDb::one()).await;
    let case = house.stage.case(&house.cast).await;
    assert_eq!(house.to().await, ["zhouqiming"]);
    let row = house.stage.loaded(&case).await.row;
    let half = Duration::from_micros(u64::try_from((row.due_1 - row.submitted_at) / 2).unwrap());
    house.stage.clock.advance(half - Duration::from_secs(5));
    assert_eq!(house.to().await, Vec::<String>::new());
    house.stage.clock.advance(Duration::from_secs(10));
    let mails = house.mails().await;
    assert_eq!(mails.len(), 1);
    assert!(plain(&mails[0]).contains("仍等您复核"), "{}", plain(&mails[0]));
    house.stage.clock.advance(half);
    let late = house.mails().await;
    assert_eq!(late.len(), 4, "its time is over: whoever can decide it or comes after, and who asked");
    assert!(late.iter().all(|mail| plain(mail).contains("没有在应办时间之前") && !plain(mail).contains("仍等您复核")), "reminded once: {late:?}");
    // Of a level that was decided in time nobody is reminded.
    let other = house.stage.case(&house.stage.cast2(&house.cast).await).await;
    assert_eq!(house.to().await, ["zhouqiming"]);
    house.half_a_minute();
    assert_eq!(house.stage.decide(&house.cast.reviewer, &other, "reject").await.status, 303);
    house.stage.clock.advance(half * 2);
    let told: Vec<String> = house.mails().await.iter().filter(|m| plain(m).contains("仍等您复核")).map(|m| m.to.clone()).collect();
    assert_eq!(told, Vec::<String>::new());
}

#[actix_web::test]
async fn a_mail_that_cannot_go_is_tried_again_or_shown_as_failed() {
    let house = house(TestDb::one()).await;
    let state = async |case: &str| {
        let kept = house.kept(case).await;
        (kept[0].state.clone(), kept[0].problem.clone().unwrap_or_default())
    };
    house.sink.is(Mood::Busy);
    let case = house.stage.case(&house.cast).await;
    assert_eq!(house.to().await, Vec::<String>::new());
    let (is, problem) = state(&case).await;
    assert!(is == "waiting" && problem.contains("451"), "{is} {problem}");
    house.sink.is(Mood::Takes);
    house.half_a_minute();
    assert_eq!(house.to().await, ["zhouqiming"]);
    assert_eq!(state(&case).await, ("sent".to_owned(), String::new()));
    // A mailbox that does not exist is not tried again, and everybody sees it.
    house.sink.is(Mood::Refuses);
    assert_eq!(house.stage.decide(&house.cast.reviewer, &case, "approve").await.status, 303);
    assert_eq!(house.to().await, Vec::<String>::new());
    let (is, problem) = state(&case).await;
    assert!(is == "failed" && problem.contains("no such mailbox"), "{is} {problem}");
    let page = house.stage.get(&house.cast.requester, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("未能发送") && page.body.contains("no such mailbox"), "{}", page.body);
    house.sink.is(Mood::Takes);
    house.half_a_minute();
    assert_eq!(house.to().await, Vec::<String>::new());
    // What was decided while the mail server was busy is no call any more.
    house.sink.is(Mood::Busy);
    house.half_a_minute();
    assert_eq!(house.stage.decide(&house.cast.lawyer, &case, "approve").await.status, 303);
    assert_eq!(house.to().await, Vec::<String>::new());
    house.half_a_minute();
    assert_eq!(house.stage.decide(&house.cast.executive, &case, "reject").await.status, 303);
    house.sink.is(Mood::Takes);
    house.half_a_minute();
    let told = house.mails().await;
    assert!(told.iter().all(|m| plain(m).contains("已办结")), "{told:#?}");
    assert!(house.kept(&case).await.iter().any(|n| n.kind == "decide" && n.level == 3 && n.state == "moot"));
}

#[actix_web::test]
async fn operators_are_told_of_guided_recalls_and_english_readers_in_english() {
    let house = house(TestDb::one()).await;
    let operator = house.stage.person("luomanqing", &[Role::PlatformOperator], "信息部").await;
    let second = house.stage.person("gaoyuan", &[Role::PlatformOperator], "信息部").await;
    for who in [&operator, &second] {
        house.gives(who).await;
    }
    countermand::app::account::preferences_set(&house.stage.app, &second.caller, Some("en"), None).await.unwrap();
    let report = countermand::app::broadcasts::report::Report {
        channel: "QQ 群".into(),
        sent_at: house.stage.app.now().to_rfc3339(),
        audience: "代理商群".into(),
        title: "报价单".into(),
        text: "内部价九折".into(),
        ..Default::default()
    };
    let broadcast = countermand::app::broadcasts::report::report(&house.stage.app, &house.cast.requester.caller, report, None).await.unwrap().value;
    let fields = [("broadcast", broadcast.as_str()), ("category", "wrong_audience"), ("reason", "报价单误发到客户群"), ("step", "submit")];
    let case = house.stage.post(&house.cast.requester, "/recalls", &fields).await.case();
    for who in [&house.cast.reviewer, &house.cast.lawyer, &house.cast.executive] {
        house.half_a_minute();
        assert_eq!(house.stage.decide(who, &case, "approve").await.status, 303);
    }
    let mails = house.mails().await;
    let of = |mails: &[Mail], who: &str| mails.iter().filter(|m| m.to.starts_with(who)).map(plain).collect::<Vec<_>>();
    assert!(of(&mails, "luomanqing")[0].contains("请在平台后台执行撤回"), "{mails:#?}");
    let english = of(&mails, "gaoyuan");
    assert!(english.len() == 1 && english[0].contains("carry it out in the platform") && english[0].contains("(UTC+8)"), "{english:?}");
    let path = format!("/recalls/{case}/captures");
    let fields = [("outcome", "accepted"), ("note", "已在后台撤回")];
    let upload = house.stage.upload(&operator, &path, &fields, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR");
    assert_eq!(upload.await.status, 303);
    let mails = house.mails().await;
    assert_eq!(mails.iter().map(|m| m.to.as_str()).collect::<Vec<_>>(), ["gaoyuan@example.com"], "not who uploaded them");
    assert!(plain(&mails[0]).contains("second platform operator"));
}

#[actix_web::test]
async fn the_owner_of_a_step_is_told_and_again_with_its_planner_when_it_is_overdue() {
    for db in TestDb::each() {
        let house = house(db).await;
        let case = house.stage.case(&house.cast).await;
        house.stage.clock.advance(Duration::from_secs(24 * 3600));
        house.mails().await;
        let (requester, lawyer) = (&house.cast.requester, &house.cast.lawyer);
        let path = format!("/recalls/{case}/remediations");
        let add = async |owner: &Person, strategy: &str| {
            let fields = [("strategy", strategy), ("owner", owner.caller.id.as_str()), ("note", "向全员更正第四段数字")];
            assert_eq!(house.stage.post(lawyer, &path, &fields).await.status, 303);
        };
        add(requester, "timeliness").await;
        add(lawyer, "tracing").await;
        let mails = house.mails().await;
        assert_eq!(mails.iter().map(|m| m.to.as_str()).collect::<Vec<_>>(), ["linyutong@example.com"], "nobody is told what they gave themselves");
        let said = plain(&mails[0]);
        assert!(said.contains("补救措施由您负责") && said.contains("时效补救") && said.contains("期限 "), "{said}");
        assert!(!said.contains("第四段数字"), "nothing of what was typed: {said}");
        // What is done in time brings nothing more; what is not, is told to both.
        add(requester, "clarification").await;
        assert_eq!(house.to().await, ["linyutong"]);
        let id = case.clone();
        let rows = house.stage.app.store.read(move |conn| countermand::store::remediations::of_recall(conn, &id)).await.unwrap();
        let step = format!("{} 1", rows[0].id);
        let done = house.stage.post(requester, &format!("{path}/completions"), &[("step", &step), ("done", "已补发更正消息")]).await;
        assert_eq!(done.status, 303, "{}", done.body);
        house.stage.clock.advance(Duration::from_secs(125));
        assert_eq!(house.to().await, Vec::<String>::new(), "done in time");
        house.stage.clock.advance(Duration::from_secs(60));
        let mails = house.mails().await;
        assert_eq!(mails.iter().map(|m| m.to.split('@').next().unwrap()).collect::<Vec<_>>(), ["hejing", "linyutong"]);
        let said = plain(&mails[1]);
        assert!(said.contains("已逾期") && said.contains("快速澄清") && !said.contains("时效补救"), "{said}");
        assert_eq!(house.to().await, Vec::<String>::new(), "told once");
        let page = house.stage.get(lawyer, &format!("/recalls/{case}")).await;
        assert!(page.body.contains("告知补救措施逾期"), "{}", page.body);
    }
}

impl House {
    /// A reviewer more, with an address.
    async fn joins(&self, name: &str, role: Role, department: &str) -> Person {
        let person = self.stage.person(name, &[role], department).await;
        self.gives(&person).await;
        person
    }

    async fn comments(&self, who: &Person, case: &str, comment: &str) {
        let said = self.stage.post(who, &format!("/recalls/{case}/comments"), &[("comment", comment)]).await;
        assert_eq!(said.status, 303, "{}", said.body);
    }

    /// What was to be told of this kind, with whom and what became of it.
    async fn of_kind(&self, case: &str, kind: &str) -> Vec<(String, String)> {
        let mut found: Vec<_> = self.kept(case).await.into_iter().filter(|row| row.kind == kind).map(|row| (row.user_id, row.state)).collect();
        found.sort();
        found
    }
}

#[actix_web::test]
async fn a_comment_is_told_to_whom_it_concerns_and_never_what_it_says() {
    for db in TestDb::each() {
        let house = house(db).await;
        let second = house.joins("zhaomin", Role::DepartmentReviewer, "人力资源部").await;
        let added = house.joins("lilin", Role::LegalReviewer, "法务部").await;
        let asking = house.joins("wangning", Role::LegalReviewer, "法务部").await;
        // They can read the case, and have no part in it.
        house.joins("qianli", Role::DepartmentReviewer, "销售部").await;
        house.joins("sunyue", Role::Counsel, "法务部").await;
        countermand::app::account::preferences_set(&house.stage.app, &second.caller, Some("en"), None).await.unwrap();
        let Cast { requester, reviewer, lawyer, executive } = &house.cast;
        let case = house.stage.case(&house.cast).await;
        house.mails().await;
        house.comments(lawyer, &case, "法务先行关注此案的附件").await;
        let mails = house.mails().await;
        let to: Vec<&str> = mails.iter().map(|m| m.to.split('@').next().unwrap()).collect();
        assert_eq!(to, ["linyutong", "zhaomin", "zhouqiming"], "who asked and who can decide now; not its author, nor who decides later");
        let said = plain(&mails[0]);
        for expected in [&format!("http://recall.example.com/recalls/{case}"), "与您有关的撤回案件有新留言", "泄露敏感信息", "只打开页面"]
        {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        assert!(plain(&mails[1]).contains("There is a new comment on a recall case"), "{}", plain(&mails[1]));
        for mail in &mails {
            let said = plain(mail);
            assert!(!said.contains("关注此案") && !said.contains("年度薪酬调整方案") && !said.contains("/comments"), "{said}");
        }
        assert_eq!(house.to().await, Vec::<String>::new());

        // Who has decided stays a part of it; who could have decided a level that is over does not.
        assert_eq!(house.stage.decide(reviewer, &case, "approve").await.status, 303);
        house.mails().await;
        house.comments(requester, &case, "已通知部门同事不要转发").await;
        assert_eq!(house.to().await, ["hejing", "lilin", "wangning", "zhouqiming"]);
        let path = |noun: &str| format!("/recalls/{case}/{noun}");
        let add = [("to", added.caller.id.as_str()), ("reason", "涉及两个区域，请一并核对")];
        assert_eq!(house.stage.post(lawyer, &path("additions"), &add).await.status, 303);
        assert_eq!(house.stage.post(&asking, &path("questions"), &[("question", "附件是否已经有人下载？")]).await.status, 303);
        for who in [&added, lawyer] {
            house.half_a_minute();
            let decided = house.stage.decide(who, &case, "approve").await;
            assert_eq!(decided.status, 303, "{}", decided.body);
        }
        house.mails().await;
        house.comments(executive, &case, "请各位再核对一次名单").await;
        assert_eq!(house.to().await, ["hejing", "lilin", "linyutong", "wangning", "zhouqiming"], "also who was added, and who asked");
        let page = house.stage.get(requester, &format!("/recalls/{case}")).await;
        assert!(page.body.contains("告知有新留言"), "{}", page.body);
    }
}

#[actix_web::test]
async fn comments_before_the_mail_has_gone_are_one_mail() {
    for db in TestDb::each() {
        let house = house(db).await;
        let (requester, lawyer) = (&house.cast.requester, &house.cast.lawyer);
        let case = house.stage.case(&house.cast).await;
        house.mails().await;
        house.sink.is(Mood::Busy);
        for (who, comment) in [(lawyer, "法务先行关注此案"), (requester, "已通知同事不要转发"), (lawyer, "请保留下载记录")] {
            house.comments(who, &case, comment).await;
            assert_eq!(house.to().await, Vec::<String>::new());
        }
        house.sink.is(Mood::Takes);
        house.half_a_minute();
        assert_eq!(house.to().await, ["linyutong", "zhouqiming"], "one each, and nobody of their own words");
        assert_eq!(house.to().await, Vec::<String>::new());
        house.comments(lawyer, &case, "下载记录已经保留").await;
        assert_eq!(house.to().await, ["linyutong", "zhouqiming"], "what is said after it is another mail");
        // What is said while a mail is under way is not taken for told by its end.
        let row = house.kept(&case).await.into_iter().find(|row| row.kind == "commented").unwrap();
        let (id, at) = (row.id.clone(), row.created_at);
        let wrote = house.stage.app.store.write(move |tx| {
            countermand::store::notices::renew(tx.conn, &id, at + 1)?;
            countermand::store::notices::settle(tx.conn, &id, at, "sent", None, Some(at + 2))
        });
        wrote.await.unwrap();
        let state = house.kept(&case).await.into_iter().find(|kept| kept.id == row.id).unwrap().state;
        assert_eq!(state, "waiting");
    }
}

#[actix_web::test]
async fn a_comment_made_while_a_mail_is_under_way_brings_another() {
    for db in TestDb::each() {
        let house = house(db).await;
        let case = house.stage.case(&house.cast).await;
        house.mails().await;
        house.comments(&house.cast.lawyer, &case, "法务先行关注此案").await;
        house.sink.is(Mood::Slow);
        let second = async {
            actix_web::rt::time::sleep(Duration::from_millis(250)).await;
            house.comments(&house.cast.lawyer, &case, "请保留下载记录").await;
            house.stage.run().await;
        };
        tokio::join!(house.stage.run(), second);
        house.sink.is(Mood::Takes);
        house.half_a_minute();
        house.stage.run().await;
        let told: Vec<_> = house.sink.take().into_iter().filter(|mail| mail.to.starts_with("linyutong")).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        let commented: Vec<_> = house.kept(&case).await.into_iter().filter(|row| row.kind == "commented").collect();
        assert!(commented.iter().all(|row| row.state == "sent"), "{commented:?}");
    }
}

#[actix_web::test]
async fn who_may_not_read_the_case_any_more_is_told_of_no_comment() {
    for db in TestDb::each() {
        let house = house(db).await;
        let second = house.joins("zhaomin", Role::DepartmentReviewer, "人力资源部").await;
        let case = house.stage.case(&house.cast).await;
        let asked = house.stage.post(&second, &format!("/recalls/{case}/questions"), &[("question", "附件是否已经有人下载？")]).await;
        assert_eq!(asked.status, 303, "{}", asked.body);
        house.mails().await;
        // One is on its way when they lose their role, another comes after.
        house.sink.is(Mood::Busy);
        house.comments(&house.cast.lawyer, &case, "法务先行关注此案").await;
        assert_eq!(house.to().await, Vec::<String>::new());
        house.stage.db.execute(&format!("DELETE FROM user_roles WHERE user_id = '{}'", second.caller.id));
        house.sink.is(Mood::Takes);
        house.half_a_minute();
        assert_eq!(house.to().await, ["linyutong", "zhouqiming"]);
        let of_second = async || house.of_kind(&case, "commented").await.into_iter().find(|(user, _)| *user == second.caller.id).unwrap().1;
        assert_eq!(of_second().await, "moot");
        house.comments(&house.cast.lawyer, &case, "请保留下载记录").await;
        assert_eq!(house.to().await, ["linyutong", "zhouqiming"]);
        assert_eq!(of_second().await, "moot");
    }
}

#[actix_web::test]
async fn a_case_that_has_ended_tells_of_no_comment() {
    for db in TestDb::each() {
        let house = house(db).await;
        let case = house.stage.case(&house.cast).await;
        house.mails().await;
        house.sink.is(Mood::Busy);
        house.comments(&house.cast.lawyer, &case, "法务先行关注此案").await;
        assert_eq!(house.to().await, Vec::<String>::new());
        // One that nobody has been looked for yet when the case ends.
        house.comments(&house.cast.requester, &case, "误发内容已经自行更正").await;
        assert_eq!(house.stage.post(&house.cast.requester, &format!("/recalls/{case}/withdrawal"), &[]).await.status, 303);
        house.sink.is(Mood::Takes);
        house.half_a_minute();
        let mails = house.mails().await;
        assert!(!mails.is_empty() && mails.iter().all(|m| plain(m).contains("已办结")), "{mails:#?}");
        let told = house.of_kind(&case, "commented").await;
        assert!(told.len() == 2 && told.iter().all(|(_, state)| state == "moot"), "{told:?}");
    }
}

#[actix_web::test]
async fn who_is_removed_again_is_told_unless_they_were_added_anew() {
    for db in TestDb::each() {
        let house = house(db).await;
        let added = house.joins("lilin", Role::LegalReviewer, "法务部").await;
        let case = house.stage.case(&house.cast).await;
        assert_eq!(house.stage.decide(&house.cast.reviewer, &case, "approve").await.status, 303);
        house.mails().await;
        let act = async |noun: &str, reason: &str| {
            let fields = [("to", added.caller.id.as_str()), ("reason", reason)];
            let done = house.stage.post(&house.cast.lawyer, &format!("/recalls/{case}/{noun}"), &fields).await;
            assert_eq!(done.status, 303, "{}", done.body);
        };
        act("additions", "涉及两个区域，请一并核对").await;
        assert_eq!(house.to().await, ["lilin"]);
        act("removals", "已当面核对，不必再等").await;
        let mails = house.mails().await;
        assert_eq!(mails.iter().map(|m| m.to.as_str()).collect::<Vec<_>>(), ["lilin@example.com"]);
        let said = plain(&mails[0]);
        assert!(said.contains("加签人已将您减签") && said.contains("法务合规复核") && !said.contains("当面核对"), "{said}");
        // Removed and added anew before the mail could go: what holds is that the level waits for them.
        house.sink.is(Mood::Busy);
        act("additions", "合同部分仍请核对").await;
        act("removals", "暂不需要，先等申请人补充").await;
        assert_eq!(house.to().await, Vec::<String>::new());
        act("additions", "申请人已补充，请核对合同").await;
        house.sink.is(Mood::Takes);
        house.half_a_minute();
        let mails = house.mails().await;
        assert!(mails.len() == 1 && plain(&mails[0]).contains("等您复核"), "{mails:#?}");
        assert_eq!(house.of_kind(&case, "removed").await, [(added.caller.id.clone(), "moot".to_owned())]);
        let page = house.stage.get(&house.cast.requester, &format!("/recalls/{case}?lang=en")).await;
        assert!(page.body.contains("Told of the removal") && page.body.contains("No longer needed"), "{}", page.body);
    }
}
