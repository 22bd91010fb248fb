//! Views: what a list is narrowed by, kept under a name for oneself.

use countermand::domain::role::Role;

use crate::{recalls::stage::Stage, support::html::assert_sound};

#[actix_web::test]
async fn a_view_is_kept_opened_and_removed_by_its_owner_alone() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    stage.case(&cast).await;
    let other = stage.person("suntao", &[Role::DepartmentReviewer], "人力资源部").await;
    for (list, fields, href) in [
        ("recalls", &[("class", "leak"), ("state", "open"), ("before", "x"), ("nonsense", "y")][..], "/recalls?state=open&class=leak"),
        ("approvals", &[("task", "level-1")], "/approvals?task=level-1"),
        ("broadcasts", &[("q", "薪酬 <b>"), ("platform", "wecom")], "/broadcasts?platform=wecom&q=%E8%96%AA%E9%85%AC+%3Cb%3E"),
    ] {
        let page = stage.get(&cast.reviewer, href).await;
        assert!(page.body.contains("action=\"/views\"") && page.body.contains("保存为视图"), "{}", page.body);
        let plain = stage.get(&cast.reviewer, &format!("/{list}")).await;
        assert!(!plain.body.contains("action=\"/views\""), "there is nothing to be kept: {}", plain.body);
        for (name, why) in [("", "view-name-e"), ("   ", "view-name-e"), (&*"长".repeat(61), "view-name-e")] {
            let all = [&[("list", list), ("name", name)], fields].concat();
            let refused = stage.post(&cast.reviewer, "/views", &all).await;
            assert!(refused.status == 422 && refused.body.contains(&format!("id=\"{why}\"")), "{list} {name}: {} {}", refused.status, refused.body);
            let (field, value) = fields[0];
            let value = value.replace('<', "&#60;").replace('>', "&#62;");
            assert!(refused.body.contains(&format!("name=\"{field}\" value=\"{value}\"")), "what was asked for is kept: {}", refused.body);
            assert_sound(&refused.body);
        }
        let name = format!("我的<i>{list}");
        let all = [&[("list", list), ("name", name.as_str())], fields].concat();
        let (first, second) = stage.post_twice(&cast.reviewer, "/views", &all).await;
        assert_eq!((first.status, first.location.as_str()), (303, href), "{}", first.body);
        assert_eq!(second.location, href, "sent twice, kept once");
        let page = stage.get(&cast.reviewer, &format!("/{list}")).await;
        let link = format!("<a class=\"chip\" href=\"{}\">我的&#60;i&#62;{list}</a>", href.replace('&', "&#38;"));
        assert_eq!(page.body.matches(&link).count(), 1, "{link}: {}", page.body);
        assert_sound(&page.body);
        let open = stage.get(&cast.reviewer, href).await;
        assert!(open.body.contains("aria-current=\"true\">我的"), "the view that is open says so: {}", open.body);
        for elsewhere in ["recalls", "approvals", "broadcasts"].into_iter().filter(|l| *l != list) {
            assert!(!stage.get(&cast.reviewer, &format!("/{elsewhere}")).await.body.contains(&format!("&#62;{list}</a>")));
        }
        assert!(!stage.get(&other, &format!("/{list}")).await.body.contains("我的&#60;"), "others do not see it");
        let removal = page.body.split("action=\"").find(|rest| rest.starts_with("/views/")).unwrap().split('"').next().unwrap().to_owned();
        assert_eq!(stage.post(&other, &removal, &[]).await.status, 404);
        let gone = stage.post(&cast.reviewer, &removal, &[]).await;
        assert_eq!((gone.status, gone.location), (303, format!("/{list}")));
        assert!(!stage.get(&cast.reviewer, &format!("/{list}")).await.body.contains(&link));
        assert_eq!(stage.post(&cast.reviewer, &removal, &[]).await.status, 404, "there is none any more");
    }
    // A search of the trail is no view, and a view no search of the trail.
    let auditor = stage.person("shenruochuan", &[Role::Auditor], "审计部").await;
    assert_eq!(stage.post(&auditor, "/audit/searches", &[("name", "查薪酬"), ("words", "薪酬")]).await.status, 303);
    assert_eq!(stage.post(&auditor, "/views", &[("list", "recalls"), ("class", "leak"), ("name", "泄密")]).await.status, 303);
    let trail = stage.get(&auditor, "/audit").await.body;
    assert!(trail.contains("查薪酬") && !trail.contains("泄密</a>"), "{trail}");
    assert!(!stage.get(&auditor, "/recalls").await.body.contains("查薪酬"));
    let removal = trail.split("action=\"").find(|rest| rest.contains("/removals\"")).unwrap().split('"').next().unwrap().to_owned();
    let id = removal.split('/').nth(3).unwrap();
    assert_eq!(stage.post(&auditor, &format!("/views/{id}/removals"), &[]).await.status, 404);
    // So many, and no more.
    let system = stage.person("chengye", &[Role::SystemAdministrator], "信息部").await;
    assert_eq!(stage.post(&system, "/views", &[("list", "recalls"), ("name", "x")]).await.status, 403);
    for n in 0..100 {
        assert_eq!(stage.post(&other, "/views", &[("list", "recalls"), ("state", "open"), ("name", &format!("第 {n} 个"))]).await.status, 303);
    }
    let full = stage.post(&other, "/views", &[("list", "recalls"), ("state", "open"), ("name", "第 101 个")]).await;
    assert!(full.status == 409 && full.body.contains("最多保存 100 个"), "{} {}", full.status, full.body);
}
