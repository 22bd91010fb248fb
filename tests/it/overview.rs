//! The first page: figures agree with the lists that they lead to, and each person has those of the cases that are theirs.

use countermand::domain::role::Role;

use crate::recalls::stage::Stage;

#[actix_web::test]
async fn the_overview_says_how_cases_went_and_shows_each_only_what_is_theirs() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let auditor = stage.person("shen", &[Role::Auditor], "审计部").await;
    let administrator = stage.person("chengye", &[Role::SystemAdministrator], "信息部").await;
    let elsewhere = stage.person("luo", &[Role::DepartmentReviewer], "行政部").await;
    let stranger = stage.person("wutong", &[Role::Requester], "工会").await;
    let first = stage.get(&cast.lawyer, "/").await.body;
    assert!(first.contains("还没有撤回案件") && !first.contains("<svg viewBox"), "nothing is drawn of nothing: {first}");

    stage.approved(&cast).await;
    stage.run().await;
    let cast = stage.cast2(&cast).await;
    let rejected = stage.case(&cast).await;
    assert_eq!(stage.decide(&cast.reviewer, &rejected, "reject").await.status, 303);
    let open = stage.case(&cast).await;
    let number = stage.loaded(&open).await.row.number;

    let ended = "30 天内办结 2 件，其中已执行 1 件";
    let body = stage.get(&cast.lawyer, "/").await.body;
    for expected in [ended, "据 1 件一次通过的案件", "100.0%", "近 13 周共 3 件申请", "平台受理或已确认 1 件，失败 0 件", "数据表"]
    {
        assert!(body.contains(expected), "{expected}: {body}");
    }
    // Each figure leads to as many cases as it says.
    let links = crate::support::html::tags(&body);
    let links = links.iter().filter_map(|t| t.get("href")).map(|h| h.replace("&amp;", "&").replace("&#38;", "&"));
    let links: Vec<String> = links.filter(|h| h.starts_with("/recalls?")).collect();
    for (wanted, count) in [
        ("?state=open", "共 1 件"),
        ("&state=carried", "共 1 件"),
        ("&state=rejected", "共 1 件"),
        ("&platform=wecom", "共 2 件"),
        ("&class=leak", "共 2 件"),
    ] {
        let link = links.iter().find(|l| l.contains(wanted)).unwrap_or_else(|| panic!("{wanted}: {links:?}"));
        let list = stage.get(&cast.lawyer, link).await.body;
        assert!(list.contains(count), "{link}: {list}");
    }
    let reviewer = stage.get(&cast.reviewer, "/").await.body;
    assert!(reviewer.contains(ended) && reviewer.contains("department="), "of the department: {reviewer}");
    assert!(reviewer.contains(&number) && reviewer.contains("class=\"queue\""), "what waits for them stands first");
    for (who, whose) in [(&elsewhere, "of another department"), (&stranger, "of a requester without cases")] {
        let body = stage.get(who, "/").await.body;
        assert!(body.contains("还没有撤回案件") && !body.contains("办结 2 件"), "{whose}: {body}");
    }
    let own = stage.get(&cast.requester, "/").await.body;
    assert!(own.contains("我的进行中案件") && own.contains(&number) && own.contains(ended), "{own}");
    let audits = stage.get(&auditor, "/").await.body;
    assert!(audits.contains(ended) && audits.contains("系统与日志状态") && !audits.contains("薪酬"), "{audits}");
    let body = stage.get(&administrator, "/").await.body;
    assert!(body.contains("系统与日志状态") && !body.contains("FR-2026") && !body.contains("办结"), "{body}");
}
