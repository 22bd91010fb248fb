//! Several cases are reminded of in one act: each with its own event, and what cannot be reminded of is said by case.

use std::time::Duration;

use countermand::{domain::role::Role, store::reader};

use crate::{
    recalls::stage::{Cast, Stage},
    support::html::assert_sound,
};

/// Actions and outcomes of a case's reminders.
async fn reminders(stage: &Stage, case: &str) -> Vec<String> {
    stage.trail(case).await.into_iter().filter(|line| line.starts_with("recall.reminded")).collect()
}

#[actix_web::test]
async fn several_cases_are_reminded_of_in_one_act() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let mut cases = Vec::new();
    let mut of: Cast = stage.cast2(&cast).await;
    for _ in 0..4 {
        cases.push(stage.case(&of).await);
        of = stage.cast2(&of).await;
    }
    let [one, two, lately, ended] = <[String; 4]>::try_from(cases).unwrap();
    assert_eq!(stage.post(&cast.requester, &format!("/recalls/{lately}/reminders"), &[]).await.status, 303);
    assert_eq!(stage.post(&cast.requester, &format!("/recalls/{ended}/withdrawal"), &[]).await.status, 303);
    let page = stage.get(&cast.requester, "/recalls").await;
    let box_of = |case: &str| format!("form=\"remind\" name=\"cases\" value=\"{case}\"");
    for (case, shown) in [(&one, true), (&lately, true), (&ended, false)] {
        assert_eq!(page.body.contains(&box_of(case)), shown, "{case}: {}", page.body);
    }
    assert_sound(&page.body);

    // Nothing ticked: said beside the button, and the list is as it was narrowed.
    let none = stage.post(&cast.requester, "/reminders", &[("class", "leak")]).await;
    assert!(none.status == 422 && none.body.contains("请先勾选要催办的案件") && none.body.contains("id=\"remind-cases-e\""), "{}", none.body);
    assert!(none.body.contains("name=\"class\" value=\"leak\""), "{}", none.body);
    assert_sound(&none.body);

    let many: Vec<String> = (0..51).map(|_| countermand::id::fresh()).collect();
    let fields: Vec<(&str, &str)> = many.iter().map(|id| ("cases", id.as_str())).collect();
    let many = stage.post(&cast.requester, "/reminders", &fields).await;
    assert!(many.status == 422 && many.body.contains("最多 50 项"), "{}", many.body);

    let nowhere = countermand::id::fresh();
    let ticked = |cases: &[&str]| cases.iter().map(|case| ("cases".to_owned(), (*case).to_owned())).collect::<Vec<_>>();
    let all = ticked(&[&one, &two, &one, &lately, &ended, &nowhere]);
    let mut fields: Vec<(&str, &str)> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.push(("class", "leak"));
    let (first, second) = stage.post_twice(&cast.requester, "/reminders", &fields).await;
    // Whichever of the two came first.
    let (first, second) = if first.status == 200 { (first, second) } else { (second, first) };
    assert_eq!(first.status, 200, "{}", first.body);
    assert_sound(&first.body);
    for said in ["已催办 2 件", "未催办 3 件", "一小时内已经催办过", "现在没有可以催办的环节", "没有这件案件", "href=\"/recalls?class=leak\""]
    {
        assert!(first.body.contains(said), "{said}: {}", first.body);
    }
    assert_eq!((second.status, second.location.as_str()), (303, "/recalls?class=leak"), "sent twice, reminded of once");
    for (case, left) in [(&one, &["success"][..]), (&two, &["success"]), (&lately, &["success", "refused"]), (&ended, &["refused"])] {
        assert_eq!(reminders(&stage, case).await, left.iter().map(|o| format!("recall.reminded {o}")).collect::<Vec<_>>());
    }
    let unknown = stage.app.store.read(move |conn| reader::events_from(conn, 0, 10_000)).await.unwrap();
    let of_none = unknown.iter().filter(|e| e.leaf.action == "recall.reminded" && e.leaf.subject.id == nowhere).count();
    assert_eq!(of_none, 1, "what is not there leaves its event, too");
    for case in [&one, &two] {
        let entries = stage.loaded(case).await.entries;
        assert_eq!(entries.iter().filter(|e| e.kind == "reminder").count(), 1);
    }

    // Later again; nothing of it went, and the answer says so.
    let again = stage.post(&cast.requester, "/reminders", &[("cases", &one), ("lang", "en")]).await;
    assert_eq!(again.status, 409, "{}", again.body);
    stage.clock.advance(Duration::from_secs(3600));
    assert_eq!(stage.post(&cast.lawyer, "/reminders", &[("cases", &one)]).await.status, 200);
    assert_eq!(reminders(&stage, &one).await.len(), 3);

    // Who takes no part ticks nothing, and reminds nobody by hand either; who asks only for their own reaches nobody else's.
    let stranger = stage.person("elsewhere", &[Role::DepartmentReviewer], "销售部").await;
    let page = stage.get(&stranger, "/recalls").await;
    assert!(page.body.contains(&one) && !page.body.contains("form=\"remind\""), "{}", page.body);
    assert_eq!(stage.post(&stranger, "/reminders", &[("cases", &two)]).await.status, 409);
    assert_eq!(stage.last_refusal(&two).await, "takes-no-part");
    let colleague = stage.person("wutong", &[Role::Requester], "工会").await;
    let shot = stage.post(&colleague, "/reminders", &[("cases", &two)]).await;
    assert!(shot.status == 409 && shot.body.contains("没有这件案件") && !shot.body.contains("FR-"), "{}", shot.body);
    let system = stage.person("chengye", &[Role::SystemAdministrator], "信息部").await;
    assert_eq!(stage.post(&system, "/reminders", &[("cases", &two)]).await.status, 403);
}
