//! Lists are carried away as files: what the list shows to whom, all of it, once, and told in one event.

use std::collections::BTreeSet;

use countermand::{
    app::broadcasts::report::{self, Report},
    domain::role::Role,
    evidence::csv,
    store::broadcasts,
};
use serde_json::{Value, json};

use crate::{
    events::house::{By, House, Shot},
    recalls::stage::{Person, Stage},
};

/// Asks for the list of `path`, a list's address, as a file, with `code`.
async fn ask(house: &House, who: &Person, path: &str, code: &str) -> Shot {
    let (list, query) = path.split_once('?').unwrap_or((path, ""));
    let (of_page, mut fields): (Vec<_>, Vec<_>) =
        url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).partition(|(n, _)| n == "lang");
    fields.push(("totp".into(), code.into()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let lang = of_page.first().map_or_else(String::new, |(_, lang)| format!("?lang={lang}"));
    house.post(By::Person(who), &format!("{list}/exports{lang}"), &fields).await
}

/// The file's rows, its heads first.
fn rows(body: &str) -> Vec<Vec<String>> {
    csv::parse(body.as_bytes()).unwrap_or_else(|e| panic!("{e}: {body}"))
}

/// The rows of a file with the one event that tells of it.
async fn carried(house: &House, who: &Person, path: &str) -> (Vec<Vec<String>>, Value) {
    let code = house.fresh_code(who);
    let shot = ask(house, who, path, &code).await;
    assert_eq!(shot.status, 200, "{path}: {}", shot.body);
    let event = shot.one(path).clone();
    assert_eq!((event["action"].as_str(), event["outcome"].as_str()), (Some("list.exported"), Some("success")), "{event:#}");
    let rows = rows(&shot.body);
    assert_eq!(event["parts"]["detail"]["rows"], json!(rows.len() - 1), "{path}: the event says how many");
    (rows, event)
}

async fn report(stage: &Stage, who: &Person, channel: &str, title: &str) -> String {
    let report = Report {
        channel: channel.into(),
        sent_at: stage.app.now().to_rfc3339(),
        audience: "wangwei, lina".into(),
        title: title.into(),
        text: "各位同事：请查收。".into(),
        ..Report::default()
    };
    report::report(&stage.app, &who.caller, report, None).await.unwrap().value
}

#[actix_web::test]
async fn cases_are_carried_away_as_the_list_shows_them() {
    let house = House::set().await;
    let crew = house.crew().await;
    let (stage, cast) = (&house.stage, &crew.cast);
    let other = stage.person("wutong", &[Role::Requester], "工会").await;
    let of_message = report(stage, &other, "全员群", "=cmd|' /C calc'!A1, \"内部\"").await;
    let fields = [("broadcast", of_message.as_str()), ("category", "wrong_fact"), ("reason", "收件范围误选为全体员工"), ("step", "submit")];
    let theirs = stage.post(&other, "/recalls", &fields).await.case();
    house.tick();
    let mine = stage.case(cast).await;
    let number = async |case: &str| stage.loaded(case).await.row.number;
    let (mine, theirs) = (number(&mine).await, number(&theirs).await);

    let (all, event) = carried(&house, &cast.lawyer, "/recalls").await;
    assert_eq!(all[0][..3], ["案件编号", "标题", "案件状态"]);
    let of = |row: &[String]| (row[0].clone(), csv::restore(&row[1]).to_owned());
    assert_eq!(
        all[1..].iter().map(|r| of(r)).collect::<Vec<_>>(),
        [(mine.clone(), "年度薪酬调整方案".to_owned()), (theirs.clone(), "=cmd|' /C calc'!A1, \"内部\"".to_owned())]
    );
    assert!(all[2][1].starts_with("'="), "no spreadsheet runs it: {}", all[2][1]);
    assert_eq!((&event["subject"], &event["parts"]["text"]), (&json!({ "kind": "list", "id": "recalls" }), &Value::Null), "{event:#}");
    let row = stage.loaded(&mine).await.row;
    assert_eq!(all[1][8], countermand::clock::Instant(row.submitted_at).to_rfc3339());
    assert!(all[1][9].ends_with("+08:00") && all[1][14] == "Asia/Shanghai", "{:?}", all[1]);

    // In the person's language; narrowed as the list is; what the address says besides is neither asked for nor kept.
    let path = "/recalls?lang=en&class=leak&q=%E8%96%AA%E9%85%AC&before=nowhere&size=9";
    let (some, event) = carried(&house, &cast.lawyer, path).await;
    assert_eq!((some[0][0].as_str(), some[1][2].as_str()), ("Case number", "Under review"));
    assert_eq!((some.len(), &some[1][0]), (2, &mine));
    assert_eq!(event["parts"]["text"]["query"], json!({ "class": "leak", "q": "薪酬" }), "{event:#}");
    for (query, found) in [("state=failed", &[][..]), ("class=wrong_fact", &[&theirs]), (&format!("number={mine}"), &[&mine]), ("q=%25", &[])] {
        let (some, _) = carried(&house, &cast.lawyer, &format!("/recalls?lang=zh-CN&{query}")).await;
        assert_eq!(some[1..].iter().map(|r| &r[0]).collect::<Vec<_>>(), found, "{query}");
    }

    // Who only asks carries away their own, whatever they put into the address.
    let path = format!("/recalls?requester={}", cast.requester.caller.id);
    assert_eq!(carried(&house, &other, &path).await.0.len(), 1);
    let (own, _) = carried(&house, &other, "/recalls").await;
    assert_eq!(own[1..].iter().map(|r| &r[0]).collect::<Vec<_>>(), [&theirs]);
    // An auditor sees no titles, and carries none away.
    let (masked, event) = carried(&house, &crew.auditor, "/recalls").await;
    assert!(masked.len() == 3 && masked[1..].iter().all(|r| r[1].is_empty()), "{masked:?}");
    assert_eq!(event["parts"]["actor"]["roles"], json!(["auditor"]));

    for who in [&crew.system, &crew.audit, &crew.nobody] {
        let shot = ask(&house, who, "/recalls", "000000").await;
        let event = shot.one("a role that sees no cases");
        assert_eq!((shot.status, event["action"].as_str(), event["outcome"].as_str()), (403, Some("list.exported"), Some("refused")), "{event:#}");
        assert!(!shot.body.contains(&mine));
    }
    let page = stage.get(&cast.lawyer, "/recalls?class=leak&q=x").await;
    assert!(!page.body.contains("/recalls/exports"), "an empty list is not carried away");
    let page = stage.get(&cast.lawyer, "/recalls?class=leak&before=&lang=zh-CN").await;
    assert!(page.body.contains("action=\"/recalls/exports\"") && page.body.contains("导出 CSV"), "{}", page.body);
    // Without a fresh code nothing is carried away, and what was asked for is kept.
    for (code, said) in [("", "请输入 6 位验证码"), ("000000", "验证码不正确")] {
        let shot = ask(&house, &cast.lawyer, "/recalls?class=leak&lang=zh-CN", code).await;
        let event = shot.one("without a code");
        assert_eq!((shot.status, event["action"].as_str(), event["outcome"].as_str()), (422, Some("list.exported"), Some("refused")), "{event:#}");
        assert!(shot.body.contains(said) && shot.body.contains("name=\"class\" value=\"leak\""), "{code}: {}", shot.body);
    }
    // Two clicks are one file twice, and one event.
    let code = house.fresh_code(&cast.lawyer);
    let (session, fields) = (stage.session_of(&cast.lawyer).await.0, [("class", "leak"), ("totp", code.as_str())]);
    let first = stage.post_as(&session, "/recalls/exports", &fields).await;
    let second = stage.post_as(&session, "/recalls/exports", &fields).await;
    assert_eq!((first.status, second.status), (200, 200), "{}", second.body);
    assert_eq!(first.body, second.body);
}

#[actix_web::test]
async fn broadcasts_are_carried_away_to_the_last_and_each_once() {
    let house = House::set().await;
    let crew = house.crew().await;
    let (stage, cast) = (&house.stage, &crew.cast);
    let case = stage.case(cast).await;
    let id = report(stage, &cast.requester, "@全员群", "年会通知").await;
    let kept = id.clone();
    let row = stage.app.store.read(move |conn| broadcasts::find(conn, &kept)).await.unwrap().unwrap();
    // More than are read at a time, many of them of one instant.
    const MORE: usize = 1205;
    let copies = move |tx: &mut countermand::store::Tx<'_>| {
        for n in 0..MORE {
            let channel = if n % 100 == 7 { "华东代理商群" } else { "全员群" };
            let sent_at = row.sent_at.map(|at| at - n as i64 / 700);
            broadcasts::insert(tx.conn, broadcasts::BroadcastRow { id: countermand::id::fresh(), channel: channel.into(), sent_at, ..row.clone() })?;
        }
        Ok(())
    };
    stage.app.store.write(copies).await.unwrap();
    let (all, _) = carried(&house, &crew.auditor, "/broadcasts?lang=zh-CN").await;
    assert_eq!(all[1..].iter().map(|r| &r[0]).collect::<BTreeSet<_>>().len(), MORE + 2, "each once");
    assert_eq!(all.len(), MORE + 3);
    assert!(all[1..].is_sorted_by(|a, b| a[7] >= b[7]), "newest first");
    let reported = all.iter().find(|r| r[0] == id).unwrap();
    assert_eq!((reported[1].as_str(), csv::restore(&reported[2]), reported[12].as_str()), ("", "@全员群", "已发出"));
    let of_case = all[1..].iter().find(|r| !r[13].is_empty()).unwrap();
    assert_eq!((&of_case[13], of_case[14].as_str()), (&stage.loaded(&case).await.row.number, "审批中"));
    // A word is looked for to the end, and counted before the first row is sent.
    let path = format!("/broadcasts?q={}", url::form_urlencoded::byte_serialize("代理商".as_bytes()).collect::<String>());
    let (found, event) = carried(&house, &crew.auditor, &path).await;
    assert_eq!(found.len(), 13);
    assert_eq!(event["parts"]["text"]["query"], json!({ "q": "代理商" }));
    let (titled, _) = carried(&house, &cast.requester, "/broadcasts?platform=wecom&lang=en").await;
    assert_eq!((titled[0][1].as_str(), titled[1][1].as_str(), titled.len()), ("Title", "年度薪酬调整方案", 2));

    let shot = ask(&house, &crew.system, "/broadcasts", "000000").await;
    let event = shot.one("a role that sees no broadcasts");
    assert_eq!((shot.status, event["action"].as_str(), event["outcome"].as_str()), (403, Some("list.exported"), Some("refused")), "{event:#}");
    let page = stage.get(&cast.lawyer, "/broadcasts?platform=wecom&lang=en").await;
    assert!(page.body.contains("action=\"/broadcasts/exports\"") && page.body.contains("Export CSV"), "{}", page.body);
    // What cannot be recorded is not carried away.
    let (code, session) = (house.fresh_code(&cast.lawyer), stage.session_of(&cast.lawyer).await.0);
    stage.no_more_events();
    let answer = stage.post_as(&session, "/broadcasts/exports", &[("totp", &code)]).await;
    assert!(answer.status >= 500 && !answer.body.contains("全员群"), "{} {}", answer.status, answer.body);
}
