//! Long lists are leafed through: every row comes once, whatever is added meanwhile, and the way back shows the same pages.

mod files;
mod queue;
mod reminders;
mod views;

use std::collections::BTreeSet;

use countermand::{
    app::{
        Caller,
        broadcasts::{
            report::{self, Report},
            view::KEYWORD_DEPTH,
        },
        people,
        recalls::submit::{self, Request},
        users,
    },
    clock::Instant,
    domain::role::Role,
    store::broadcasts,
};

use crate::{
    recalls::stage::Stage,
    support::{
        app::{Browser, Person, TestApp},
        db::TestDb,
        html::tags,
    },
};

/// A page of a list: what its rows lead to, and the ways on and back.
struct Leaf {
    rows: Vec<String>,
    next: Option<String>,
    prev: Option<String>,
    body: String,
}

async fn leaf(browser: &Browser, path: &str, rows_under: &str) -> Leaf {
    let answer = browser.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let tags = tags(&answer.body);
    let links = || tags.iter().filter(|t| t.name == "a");
    let to =
        |rel: &str| links().find(|t| t.get("rel") == Some(rel)).and_then(|t| t.get("href")).map(|h| h.replace("&amp;", "&").replace("&#38;", "&"));
    let mut seen = BTreeSet::new();
    let rows = links()
        .filter_map(|t| t.get("href"))
        .filter(|h| {
            h.strip_prefix(rows_under)
                .is_some_and(|rest| !rest.contains(['/', '?']) && !["new", "event-types", "imports", "invitations", "file"].contains(&rest))
        })
        .filter(|h| seen.insert(h.to_string()))
        .map(ToOwned::to_owned)
        .collect();
    Leaf { rows, next: to("next"), prev: to("prev"), body: answer.body }
}

/// Leafs from `path` to the end and back to the beginning; answers all rows in the order of the list, page by page.
async fn there_and_back(browser: &Browser, path: &str, rows_under: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut at = leaf(browser, path, rows_under).await;
    assert_eq!(at.prev, None, "nothing stands before the first page of {path}");
    loop {
        pages.push(at.rows);
        let Some(next) = at.next else { break };
        at = leaf(browser, &next, rows_under).await;
        assert!(at.prev.is_some(), "{next}: a way back");
    }
    let mut back = at.prev;
    for page in pages.iter().rev().skip(1) {
        at = leaf(browser, &back.expect("a way back"), rows_under).await;
        assert_eq!(&at.rows, page, "the way back shows the same pages");
        assert!(at.next.is_some());
        back = at.prev;
    }
    assert_eq!(back, None, "the way back ends at the first page");
    let all: Vec<&String> = pages.iter().flatten().collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{path}: no row comes twice");
    pages
}

async fn hire(test: &TestApp, username: &str, name: &str) {
    let new = users::NewUser { username: username.into(), display_name: name.into(), roles: [Role::Requester].into(), ..users::NewUser::default() };
    users::add(&test.app, &Caller::shell(), new).await.unwrap();
}

async fn caller(test: &TestApp, person: &Person) -> Caller {
    let id = person.id.clone();
    test.app.store.read(move |conn| people::person_find(conn, &id)).await.unwrap().unwrap().caller(None, None, None)
}

async fn report(test: &TestApp, caller: &Caller, title: &str, audience: &str) -> String {
    let report = Report {
        channel: "全员群".into(),
        sent_at: test.now().to_rfc3339(),
        audience: audience.into(),
        title: title.into(),
        text: "各位同事：请查收。".into(),
        ..Report::default()
    };
    report::report(&test.app, caller, report, None).await.unwrap().value
}

#[actix_web::test]
async fn people_are_leafed_through_and_found_in_whatever_case() {
    let test = TestApp::start().await;
    let (_, browser) = test.signed_in("chengye", &[Role::SystemAdministrator]).await;
    for n in 0..120 {
        hire(&test, &format!("staff-{n:03}"), if n % 2 == 0 { "Alice Wong" } else { "林雨桐" }).await;
    }
    let pages = there_and_back(&browser, "/users", "/users/").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 21]);
    // Somebody who comes in while the list is read moves nobody out of it.
    let first = leaf(&browser, "/users", "/users/").await;
    hire(&test, "aaa-first", "新同事").await;
    assert_eq!(leaf(&browser, &first.next.unwrap(), "/users/").await.rows, pages[1]);
    for q in ["alice", "ALICE", "alice%20w"] {
        let found = there_and_back(&browser, &format!("/users?q={q}"), "/users/").await;
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [50, 10], "{q}");
    }
    // A pattern's signs are letters like others.
    assert!(leaf(&browser, "/users?q=%25", "/users/").await.rows.is_empty());
}

#[actix_web::test]
async fn broadcasts_cases_and_recipients_are_leafed_through() {
    let test = TestApp::start().await;
    let (person, browser) = test.signed_in("linyutong", &[Role::Requester]).await;
    for (name, role) in [("zhou", Role::DepartmentReviewer), ("he", Role::LegalReviewer), ("chen", Role::FinalApprover)] {
        test.person(name, &[role]).await;
    }
    let me = caller(&test, &person).await;
    for n in 0..45 {
        let broadcast = report(&test, &me, &format!("第 {n} 号通知"), "wangwei, lina").await;
        let request = Request {
            broadcast,
            category: if n % 3 == 0 { "leak" } else { "other" }.into(),
            reason: "收件范围误选为全体员工。".into(),
            ..Request::default()
        };
        submit::submit(&test.app, &me, request, None).await.unwrap();
    }
    let broadcasts = there_and_back(&browser, "/broadcasts", "/broadcasts/").await;
    assert_eq!(broadcasts.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 5]);
    let cases = there_and_back(&browser, "/recalls", "/recalls/").await;
    assert_eq!(cases.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20, 5]);
    let leaks = there_and_back(&browser, "/recalls?class=leak", "/recalls/").await;
    assert_eq!(leaks.iter().map(Vec::len).collect::<Vec<_>>(), [15]);
    let numbered = there_and_back(&browser, "/recalls?number=fr-", "/recalls/").await;
    assert_eq!(numbered, cases, "a number is typed in whatever case");
    // What comes in meanwhile stands above: the next page is the one that was announced.
    let second = leaf(&browser, "/broadcasts", "/broadcasts/").await.next.unwrap();
    let everybody: Vec<String> = (0..120).map(|n| format!("staff-{n:03}")).collect();
    let large = report(&test, &me, "发给一百二十人", &everybody.join(", ")).await;
    assert_eq!(leaf(&browser, &second, "/broadcasts/").await.rows, broadcasts[1]);
    let above = leaf(&browser, &second, "/broadcasts/").await.prev.unwrap();
    assert!(!leaf(&browser, &above, "/broadcasts/").await.rows.is_empty());
    // Recipients stand in a list of their own on the broadcast's page.
    let mut told = Vec::new();
    let mut at = Some(format!("/broadcasts/{large}"));
    while let Some(path) = at {
        let page = leaf(&browser, path.split('#').next().unwrap(), "/nowhere/").await;
        told.push(everybody.iter().filter(|who| page.body.contains(&format!(">{who}<"))).count());
        at = page.next;
    }
    assert_eq!(told, [50, 50, 20]);
}

#[actix_web::test]
async fn a_keyword_is_looked_for_to_the_end_in_as_many_steps_as_it_takes() {
    let test = TestApp::start().await;
    let (person, _) = test.signed_in("linyutong", &[Role::Requester]).await;
    let (_, auditor) = test.signed_in("shenruochuan", &[Role::Auditor]).await;
    let me = caller(&test, &person).await;
    let id = report(&test, &me, "报价单", "agent").await;
    let row = test.app.store.read(move |conn| broadcasts::find(conn, &id)).await.unwrap().unwrap();
    // The one that is looked for lies below more rows than one look goes through.
    let copies = move |tx: &mut countermand::store::Tx<'_>| {
        for n in 0..=KEYWORD_DEPTH {
            let channel = if n == 0 { "华东代理商群" } else { "全员群" };
            broadcasts::insert(tx.conn, broadcasts::BroadcastRow { id: countermand::id::fresh(), channel: channel.into(), ..row.clone() })?;
        }
        Ok(())
    };
    test.app.store.write(copies).await.unwrap();
    let path = format!("/broadcasts?q={}", url::form_urlencoded::byte_serialize("代理商".as_bytes()).collect::<String>());
    let first = leaf(&auditor, &path, "/broadcasts/").await;
    assert!(first.rows.is_empty());
    assert!(first.body.contains("更早的尚未查找") && first.body.contains("继续查找"), "the page does not claim that there is none");
    let on =
        tags(&first.body).iter().find_map(|t| t.get("href").filter(|h| h.contains("before=")).map(|h| h.replace("&amp;", "&").replace("&#38;", "&")));
    let second = leaf(&auditor, &on.unwrap(), "/broadcasts/").await;
    assert_eq!(second.rows.len(), 1);
    assert!(!second.body.contains("尚未查找"));
    assert_eq!(second.next, None);
}

#[actix_web::test]
async fn the_trail_is_leafed_through() {
    let test = TestApp::start().await;
    for n in 0..70 {
        hire(&test, &format!("staff-{n:03}"), "林雨桐").await;
    }
    let (_, auditor) = test.signed_in("shenruochuan", &[Role::Auditor]).await;
    let pages = there_and_back(&auditor, "/audit?action=user.created", "/audit/").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [50, 21]);
}

#[actix_web::test]
async fn cases_are_numbered_by_the_companys_day_and_found_by_what_somebody_knows_of_them() {
    let stage = Stage::set_with(TestDb::one(), |_| {}, |config, _| config.time_zone = "Europe/Berlin".into()).await;
    let cast = stage.cast().await;
    // Midnight in Berlin is at 23:00 UTC, and from the day on which summer time begins at 22:00: that day has 23 hours.
    let mut numbers = Vec::new();
    for (at, number) in [
        ("2027-03-27T22:59:30Z", "FR-20270327-0001"),
        ("2027-03-27T23:00:30Z", "FR-20270328-0001"),
        ("2027-03-28T21:59:30Z", "FR-20270328-0002"),
        ("2027-03-28T22:00:30Z", "FR-20270329-0001"),
    ] {
        stage.clock.advance(Instant::parse(at).unwrap().since(stage.app.now()));
        let case = stage.case(&cast).await;
        assert_eq!(stage.loaded(&case).await.row.number, number);
        numbers.push(number);
    }
    let department = cast.requester.caller.department_id.clone().unwrap();
    let (me, lawyer) = (cast.requester.caller.id.clone(), cast.lawyer.caller.id.clone());
    let all = numbers.as_slice();
    for (query, found) in [
        ("", all),
        ("from=2027-03-28&until=2027-03-28", &all[1..3]),
        ("state=open&platform=wecom&class=leak", all),
        ("state=carried", &[]),
        ("state=no-such", all),
        ("platform=matrix", &[]),
        ("q=fr-20270328", &all[1..3]),
        ("q=fr-2027", all),
        ("q=fr-2026", &[]),
        ("q=%E8%96%AA%E9%85%AC", all),
        ("q=LinYu&until=2027-03-27", &all[..1]),
        ("q=%25", &[]),
        ("ended=2027-01-01", &[]),
        ("department=nowhere", &[]),
        (&format!("department={department}"), all),
        (&format!("requester={me}"), all),
        (&format!("requester={lawyer}"), &[]),
        ("before=nowhere", &[]),
    ] {
        let body = stage.get(&cast.lawyer, &format!("/recalls?{query}")).await.body;
        for number in all {
            assert_eq!(body.contains(number), found.contains(number), "{query}: {number}");
        }
        let count = if found.len() == 4 && !query.starts_with("q=%") { "共 4 件" } else { "" };
        assert!(body.contains(count), "{query}: {body}");
    }
    // Who only asks sees their own, whatever they put into the address, and no list of departments.
    let other = stage.person("wutong", &[Role::Requester], "工会").await;
    let body = stage.get(&other, &format!("/recalls?requester={me}")).await.body;
    assert!(!body.contains("FR-2027") && !body.contains("name=\"department\""), "{body}");
    for (query, found) in [("platform=wecom", true), ("q=%E8%96%AA", true), ("state=failed", false), (&format!("sender={lawyer}"), false)] {
        let body = stage.get(&other, &format!("/broadcasts?{query}")).await.body;
        assert_eq!(body.contains("年度薪酬调整方案"), found, "{query}");
    }
}
