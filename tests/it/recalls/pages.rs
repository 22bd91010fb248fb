//! What each person sees of the list and of a case, empty, filtered, foreign; sound HTML in both languages.

use countermand::domain::role::Role;

use super::stage::Stage;
use crate::support::html::assert_sound;

#[actix_web::test]
async fn lists_show_what_a_person_may_know_of() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let stranger = stage.person("stranger", &[Role::Requester], "销售部").await;
    let auditor = stage.person("auditor", &[Role::Auditor], "审计部").await;
    for who in [&cast.requester, &cast.reviewer, &auditor] {
        let empty = stage.get(who, "/recalls").await;
        assert!(empty.status == 200 && empty.body.contains("还没有撤回案件"), "{}", empty.body);
        assert_sound(&empty.body);
    }
    assert!(stage.get(&cast.reviewer, "/approvals").await.body.contains("没有待办"));
    let case = stage.case(&cast).await;
    let number = stage.loaded(&case).await.row.number;
    for lang in ["zh-CN", "en"] {
        for (who, path) in [
            (&cast.requester, format!("/recalls?lang={lang}")),
            (&cast.requester, format!("/recalls/{case}?lang={lang}")),
            (&cast.reviewer, format!("/recalls/{case}?lang={lang}")),
            (&cast.reviewer, format!("/approvals?lang={lang}")),
            (&auditor, format!("/recalls/{number}?lang={lang}")),
        ] {
            let page = stage.get(who, &path).await;
            assert!(page.status == 200 && page.body.contains(&number), "{path}: {}", page.body);
            assert_sound(&page.body);
        }
    }
    let hidden = stage.get(&auditor, &format!("/recalls/{case}")).await;
    assert!(!hidden.body.contains("各位同事") && hidden.body.contains("不能查看消息内容"), "contents are not for the auditor");
    assert_eq!(stage.get(&stranger, &format!("/recalls/{case}")).await.status, 404, "other people's cases do not exist");
    assert!(!stage.get(&stranger, "/recalls").await.body.contains(&number));
    let none = stage.get(&cast.reviewer, "/recalls?state=failed").await;
    assert!(none.body.contains("没有符合条件的案件") && none.body.contains("撤回失败"), "{}", none.body);
    let found = stage.get(&cast.reviewer, "/recalls?state=reviewing&class=leak&number=FR-2026&from=2026-11-01").await;
    assert!(found.body.contains(&number), "{}", found.body);
    let read = stage.events(&case).await.iter().filter(|e| e.leaf.action == "content.read").count();
    assert!(read >= 4, "each look at the message is on record: {read}");
}

#[actix_web::test]
async fn the_request_says_what_stands_in_the_way() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let alone = stage.person("alone", &[Role::Requester], "无人部").await;
    let people = stage.recipients();
    let broadcast = stage.notice(&alone, &[&people[0]]).await;
    let page = stage.get(&alone, &format!("/recalls/new?broadcast={broadcast}")).await;
    assert!(page.body.contains("部门复核没有可处理的人员"), "nobody eligible at level 1: {}", page.body);
    assert_sound(&page.body);
    let denied = stage.get(&cast.executive, &format!("/recalls/new?broadcast={broadcast}")).await;
    assert_eq!(denied.status, 403, "who cannot ask gets no form");
}

#[actix_web::test]
async fn the_number_of_what_waits_follows_each_change() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    for n in 0..7 {
        stage.person(&format!("colleague{n}"), &[Role::DepartmentReviewer], "人力资源部").await;
    }
    let number = async |who| {
        let page = stage.get(who, "/recalls").await.body;
        let link = page.split_once(r#"href="/approvals""#).expect("the navigation leads there").1.split_once("</a>").unwrap().0.to_owned();
        link.split_once(r#"class="count""#)
            .map_or_else(String::new, |(_, count)| count.rsplit('>').nth(1).unwrap().trim_end_matches("</span").to_owned())
    };
    assert_eq!((number(&cast.reviewer).await, number(&cast.lawyer).await), (String::new(), String::new()));
    let case = stage.case(&cast).await;
    assert_eq!((number(&cast.reviewer).await, number(&cast.lawyer).await), ("1".to_owned(), String::new()));
    let page = stage.get(&cast.requester, &format!("/recalls/{case}")).await.body;
    assert!(page.contains("等 8 人"), "of many who can decide, some are named: {page}");
    stage.decide(&cast.reviewer, &case, "approve").await;
    assert_eq!((number(&cast.reviewer).await, number(&cast.lawyer).await), (String::new(), "1".to_owned()));
}
