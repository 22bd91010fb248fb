//! Stories of what rests on a person who is to be suspended: it is in view before, and nothing is left lying in silence.

use countermand::{
    app::holds::{NewHold, propose},
    config::{Config, Security},
    domain::role::Role,
};

use crate::{
    notices::plain,
    recalls::stage::{Person, Stage},
    support::{db::TestDb, mail::Sink},
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
            config.smtp.host = Some("127.0.0.1".to_owned());
            config.smtp.port = Some(port);
            config.smtp.security = Security::None;
            config.smtp.from = "countermand@example.com".to_owned();
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
        // Meanwhile somebody else can: what was seen is not what is.
        let second = stage.person("zhaomin", &[Role::DepartmentReviewer], "人力资源部").await;
        countermand::app::notices::address_set(&stage.app, &second.caller, "zhaomin@example.com").await.unwrap();
        assert_eq!(suspend(&stage, &system, &page, &seen).await.status, 409);
        stage.run().await;
        assert!(sink.take().is_empty());
        let shown = stage.get(&system, &page).await;
        assert!(shown.body.contains("另有 1 人") && !shown.body.contains("停用后有环节无人可接替"), "{}", shown.body);

        // The wrong administrator, and who is no administrator.
        for wrong in [&security, &cast.requester] {
            assert_eq!(stage.get(wrong, &page).await.status, 403);
            assert_eq!(stage.post(wrong, &page, &[("version", "1"), ("seen", &seen)]).await.status, 403);
        }
        let own = format!("/users/{}/suspensions", system.caller.id);
        assert!(stage.get(&system, &own).await.body.contains("不能对本人账号"));
        assert_eq!(stage.get(&system, "/users/nothing/suspensions").await.status, 404);

        // Now: the other one is told that it is theirs to decide, and the list stays on the person's page.
        let done = suspend(&stage, &system, &page, &hidden(&shown.body, "seen")).await;
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
        assert!(shown.body.contains("没有案件或事项在等待此人") && hidden(&shown.body, "seen").is_empty(), "{}", shown.body);
        assert_eq!(suspend(&stage, &system, &page, "").await.status, 303);
    }
}
