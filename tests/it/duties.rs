//! Stories of what rests on a person who is to be suspended: it is in view before, and nothing is left lying in silence.

use countermand::{
    app::holds::{NewHold, propose},
    config::Config,
    domain::role::Role,
};

use diesel::RunQueryDsl;

use crate::{
    notices::plain,
    recalls::stage::{Person, Stage},
    support::{
        db::TestDb,
        mail::{self, Sink},
    },
};

/// The value of a hidden field on a page.
fn hidden(body: &str, name: &str) -> String {
    body.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {body}")).split('"').next().unwrap().to_owned()
}

async fn suspend(stage: &Stage, by: &Person, page: &str, seen: &str) -> crate::recalls::stage::Answer {
    let shown = stage.get(by, page).await;
    stage.post(by, page, &[("version", &hidden(&shown.body, "version")), ("seen", seen)]).await
}

#[actix_web::test]
async fn who_is_suspended_leaves_no_case_waiting_in_silence() {
    for db in TestDb::each() {
        let sink = Sink::open();
        let port = sink.port;
        let mail = move |config: &mut Config, _| {
            mail::post(config, port);
        };
        let stage = Stage::set_with(db, |options| options.tells = true, mail).await;
        let cast = stage.cast().await;
        let system = stage.person("system", &[Role::SystemAdministrator], "信息部").await;
        let security = stage.person("security", &[Role::SecurityAdministrator], "信息部").await;
        for who in [&cast.reviewer, &cast.lawyer] {
            countermand::app::notices::address_set(&stage.app, &who.caller, &format!("{}@example.com", who.caller.name)).await.unwrap();
        }
        let case = stage.case(&cast).await;
        let number = stage.loaded(&case).await.row.number;
        stage.run().await;
        sink.take();

        // The only reviewer of the department: the case is in view, and that nobody else could decide it.
        let page = format!("/users/{}/suspensions", cast.reviewer.caller.id);
        let shown = stage.get(&system, &page).await;
        for expected in [number.as_str(), "部门复核", "无人可接替", "停用后有环节无人可接替", "剩余"] {
            assert!(shown.body.contains(expected), "{expected}: {}", shown.body);
        }
        assert!(!shown.body.contains("年度薪酬") && !shown.body.contains(&format!("/recalls/{case}")), "numbers alone: {}", shown.body);
        let person = stage.get(&system, &format!("/users/{}", cast.reviewer.caller.id)).await;
        assert!(person.body.contains(&page) && !person.body.contains(&number), "the way to it, and not the list itself: {}", person.body);

        // A confirmation that did not see the list is none, whatever it says; nobody is told of a suspension that did not happen.
        let seen = hidden(&shown.body, "seen");
        for unseen in ["", "0123456789abcdef0123456789abcdef"] {
            let refused = suspend(&stage, &system, &page, unseen).await;
            assert!(refused.status == 409 && refused.body.contains("此人名下的事项有变化"), "{} {}", refused.status, refused.body);
            assert!(refused.body.contains(&number));
        }
        // Meanwhile somebody else can: nothing got worse, but nobody is told before it is done.
        let second = stage.person("zhaomin", &[Role::DepartmentReviewer], "人力资源部").await;
        countermand::app::notices::address_set(&stage.app, &second.caller, "zhaomin@example.com").await.unwrap();
        stage.run().await;
        assert!(sink.take().is_empty());
        let shown = stage.get(&system, &page).await;
        assert!(
            shown.body.contains("另有 1 人") && shown.body.contains("再次通知") && !shown.body.contains("停用后有环节无人可接替"),
            "{}",
            shown.body
        );

        // The wrong administrator, and who is no administrator.
        for wrong in [&security, &cast.requester] {
            assert_eq!(stage.get(wrong, &page).await.status, 403);
            assert_eq!(stage.post(wrong, &page, &[("version", "1"), ("seen", &seen)]).await.status, 403);
        }
        let own = format!("/users/{}/suspensions", system.caller.id);
        assert!(stage.get(&system, &own).await.body.contains("不能对本人账号"));
        assert_eq!(stage.get(&system, "/users/nothing/suspensions").await.status, 404);

        // Now: the other one is told that it is theirs to decide, and the list stays on the person's page.
        let done = suspend(&stage, &system, &page, &seen).await;
        assert_eq!((done.status, done.location.as_str()), (303, format!("/users/{}", cast.reviewer.caller.id).as_str()), "{}", done.body);
        stage.run().await;
        let mails = sink.take();
        assert_eq!(mails.iter().map(|m| m.to.as_str()).collect::<Vec<_>>(), ["zhaomin@example.com"]);
        assert!(plain(&mails[0]).contains("等您复核"));
        let person = stage.get(&system, &done.location).await;
        assert!(person.body.contains(&number) && person.body.contains("此人名下的事项"), "{}", person.body);
        assert_eq!(stage.get(&system, &page).await.status, 303, "there is nothing left to confirm");
        assert_eq!(stage.decide(&second, &case, "approve").await.status, 303);

        // Told before, told again: a colleague who had counted on the other one.
        let lawyer = stage.person("qianwen", &[Role::LegalReviewer], "法务部").await;
        countermand::app::notices::address_set(&stage.app, &lawyer.caller, "qianwen@example.com").await.unwrap();
        stage.run().await;
        sink.take();
        let page = format!("/users/{}/suspensions", lawyer.caller.id);
        let shown = stage.get(&system, &page).await;
        assert!(shown.body.contains("法务合规复核"), "{}", shown.body);
        assert_eq!(suspend(&stage, &system, &page, &hidden(&shown.body, "seen")).await.status, 303);
        stage.run().await;
        assert_eq!(sink.take().iter().map(|m| m.to.as_str()).collect::<Vec<_>>(), ["hejing@example.com"]);
    }
}

#[actix_web::test]
async fn requests_holds_and_questions_of_theirs_are_in_view_too() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let system = stage.person("system", &[Role::SystemAdministrator], "信息部").await;
        let counsel = stage.person("counsel", &[Role::Counsel], "法务部").await;
        let case = stage.case(&cast).await;
        let number = stage.loaded(&case).await.row.number;
        stage.clock.advance(std::time::Duration::from_secs(30));
        assert_eq!(stage.decide(&cast.reviewer, &case, "return").await.status, 303);
        let page = format!("/users/{}/suspensions", cast.requester.caller.id);
        let shown = stage.get(&system, &page).await;
        assert!(shown.body.contains(&number) && shown.body.contains("待补充后重新提交") && shown.body.contains("无人可接替"), "{}", shown.body);

        let hold = NewHold {
            case: number.clone(), reason: "供应商已发函，争议可以预见".into(), code: stage.code(&counsel), ..NewHold::default()
        };
        propose(&stage.app, &counsel.caller, hold).await.unwrap();
        let page = format!("/users/{}/suspensions", counsel.caller.id);
        let shown = stage.get(&system, &page).await;
        assert!(shown.body.contains("1 项由此人提出的诉讼保留"), "{}", shown.body);
        assert!(!shown.body.contains(&number), "what counsel foresees is nobody else's to learn");

        // Somebody on whom nothing rests goes without more ado.
        let free = stage.person("nobody", &[Role::Requester], "信息部").await;
        let page = format!("/users/{}/suspensions", free.caller.id);
        let shown = stage.get(&system, &page).await;
        assert!(shown.body.contains("没有案件或事项在等待此人"), "{}", shown.body);
        assert_eq!(suspend(&stage, &system, &page, "").await.status, 303);
    }
}

#[actix_web::test]
async fn only_what_got_worse_has_to_be_seen_anew() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let system = stage.person("system", &[Role::SystemAdministrator], "信息部").await;
        let lawyer = stage.person("qianwen", &[Role::LegalReviewer], "法务部").await;
        let page_of = |who: &Person| format!("/users/{}/suspensions", who.caller.id);

        // Two administrators, each before one of two lawyers: the second would leave the level to nobody without having seen it.
        let (first, second) = (page_of(&lawyer), page_of(&cast.lawyer));
        let seen = hidden(&stage.get(&system, &second).await.body, "seen");
        let version = hidden(&stage.get(&system, &second).await.body, "version");
        assert_eq!(suspend(&stage, &system, &first, &hidden(&stage.get(&system, &first).await.body, "seen")).await.status, 303);
        for unseen in [seen.as_str(), ""] {
            let refused = stage.post(&system, &second, &[("version", &version), ("seen", unseen)]).await;
            assert!(refused.status == 409 && refused.body.contains("此人名下的事项有变化"), "{} {}", refused.status, refused.body);
        }

        // A case of theirs that comes or goes holds nobody off; and where there is no mail nobody is promised any.
        let page = page_of(&cast.requester);
        let seen = hidden(&stage.get(&system, &page).await.body, "seen");
        let case = stage.case(&cast).await;
        let shown = stage.get(&system, &page).await;
        assert!(shown.body.contains(&stage.loaded(&case).await.row.number) && !shown.body.contains("再次通知"), "{}", shown.body);
        assert_eq!(suspend(&stage, &system, &page, "").await.status, 409, "nothing was seen");
        assert_eq!(suspend(&stage, &system, &page, &seen).await.status, 303);

        // A second reviewer could take the case over, but nobody writes to them.
        let other = stage.person("zhaomin", &[Role::DepartmentReviewer], "人力资源部").await;
        let page = page_of(&other);
        let from = stage.app.store.read(countermand::store::reader::head).await.unwrap().size.unsigned_abs();
        assert_eq!(suspend(&stage, &system, &page, &hidden(&stage.get(&system, &page).await.body, "seen")).await.status, 303);
        let events = crate::support::log::events_from(&stage.app.store, from).await;
        let event = events.iter().find(|e| e["action"] == "user.suspended").unwrap();
        assert_eq!((&event["parts"]["detail"]["waiting"]["levels"], &event["parts"]["detail"]["cases_told"]), (&1.into(), &0.into()), "{event}");
    }
}

#[actix_web::test]
async fn what_is_looked_through_begins_with_the_least_time_left() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let mut cases = vec![stage.case(&cast).await];
        for _ in 0..2 {
            let again = stage.cast2(&cast).await;
            cases.push(stage.case(&again).await);
        }
        // The oldest has no window, the newest the shortest.
        for (case, cut_off) in [(&cases[0], "NULL"), (&cases[2], "1")] {
            let sql = format!("UPDATE recalls SET cut_off = {cut_off} WHERE id = '{case}'");
            let set = stage.app.store.write(move |tx| {
                match tx.conn {
                    countermand::store::Conn::Sqlite(c) => diesel::sql_query(&sql).execute(c)?,
                    countermand::store::Conn::Postgres(c) => diesel::sql_query(&sql).execute(c)?,
                };
                Ok(())
            });
            set.await.unwrap();
        }
        let open = stage.app.store.read(|conn| countermand::store::recalls::open(conn, 9)).await.unwrap();
        let ids: Vec<&str> = open.iter().map(|row| row.standing.id.as_str()).collect();
        assert_eq!(ids, [cases[2].as_str(), &cases[1], &cases[0]]);
    }
}
