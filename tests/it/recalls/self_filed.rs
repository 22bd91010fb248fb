//! 自行撤回备案: a sender took a message back in the client and files it; a second person says what is still visible.

use std::time::Duration;

use countermand::domain::role::Role;

use super::stage::{Person, Stage};

const WHY: &str = "发出一分钟内已在群里撤回";

#[actix_web::test]
async fn what_a_sender_took_back_is_filed_and_checked_by_somebody_else() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let colleague = stage.person("colleague", &[Role::Requester], "人力资源部").await;
    // Who reviews may also file; never both of one message.
    let both = stage.person("both", &[Role::Requester, Role::DepartmentReviewer], "人力资源部").await;
    let now = stage.app.now();
    let report = |title: &'static str| [("channel", "QQ 群"), ("sent_at", ""), ("audience", "代理商群"), ("title", title), ("text", "内部价九折")];
    let mut reported = Vec::new();
    for (who, title) in [(&cast.requester, "报价单"), (&both, "第二份报价单")] {
        let sent = now.to_rfc3339();
        let fields = report(title).map(|(k, v)| (k, if k == "sent_at" { sent.as_str() } else { v }));
        let shot = stage.post(who, "/reports", &fields).await;
        assert_eq!(shot.status, 303, "{}", shot.body);
        reported.push(shot.location.trim_start_matches("/broadcasts/").to_owned());
    }
    let page = stage.get(&cast.requester, &format!("/broadcasts/{}", reported[0])).await;
    assert!(page.body.contains(&format!("/self-recalls/new?broadcast={}", reported[0])), "{}", page.body);
    let page = stage.get(&cast.requester, &format!("/self-recalls/new?broadcast={}", reported[0])).await;
    assert!(page.body.contains("撤回时间") && page.body.contains("type=\"datetime-local\" value=\"2"), "the time is filled in: {}", page.body);
    stage.clock.advance(Duration::from_secs(60));
    let (then, early) = (stage.app.now().to_rfc3339(), "2001-01-01T08:00".to_owned());
    let fields = |broadcast: &str, at: &str| {
        [("broadcast", broadcast.to_owned()), ("withdrawn_at", at.to_owned()), ("extent", "part".to_owned()), ("note", WHY.to_owned())]
    };
    let file = async |who: &Person, broadcast: &str, at: &str| {
        let fields = fields(broadcast, at);
        stage.post(who, "/self-recalls", &fields.each_ref().map(|(k, v)| (*k, v.as_str()))).await
    };
    let shot = file(&cast.requester, &reported[0], &early).await;
    assert!(shot.status == 422 && shot.body.contains("撤回时间不能早于发送时间") && shot.body.contains(WHY), "what was typed is kept: {}", shot.body);
    assert_eq!(file(&cast.lawyer, &reported[0], &then).await.status, 403, "who sends nothing files nothing");
    // Two at the same instant: one of them is filed.
    let (one, two) = tokio::join!(file(&cast.requester, &reported[0], &then), file(&both, &reported[0], &then));
    let [filed, refused] = if one.status == 303 { [one, two] } else { [two, one] };
    assert_eq!((filed.status, refused.status), (303, 409), "{} {}", filed.body, refused.body);
    assert!(refused.body.contains("已有备案待核对"), "{}", refused.body);
    let other = file(&both, &reported[1], &then).await;
    assert_eq!(other.status, 303, "{}", other.body);

    // Whoever only requests sees their own.
    assert_eq!(stage.get(&colleague, &other.location).await.status, 404);
    assert!(!stage.get(&colleague, "/self-recalls").await.body.contains("SR-"));
    let check = async |who: &Person, path: &str, seen: &str, version: &str| {
        stage.clock.advance(Duration::from_secs(30));
        let code = stage.code(who);
        stage.post(who, &format!("{path}/checks"), &[("seen", seen), ("note", "在代理商群里查看"), ("version", version), ("totp", &code)]).await
    };
    let own = check(&both, &other.location, "gone", "1").await;
    assert!(own.status == 409 && own.body.contains("不能核对自己的撤回"), "{}", own.body);
    assert_eq!(check(&cast.requester, &filed.location, "gone", "1").await.status, 403);
    assert_eq!(check(&cast.lawyer, &other.location, "gone", "1").await.status, 303);
    let again = file(&both, &reported[1], &then).await;
    assert!(again.status == 409 && again.body.contains("已不可见"), "{}", again.body);
    let seen = check(&cast.lawyer, &filed.location, "visible", "1").await;
    assert_eq!(seen.status, 303, "{}", seen.body);
    assert_eq!(check(&cast.executive, &filed.location, "gone", "2").await.status, 409, "a check stands");
    let page = stage.get(&cast.requester, &filed.location).await;
    assert!(page.body.contains("消息仍可见") && page.body.contains("在代理商群里查看") && page.body.contains("发送后"), "{}", page.body);
    let list = stage.get(&cast.lawyer, "/self-recalls?state=visible").await;
    assert!(list.body.contains("SR-2") && !list.body.contains(&other.location), "{}", list.body);
    let overview = stage.get(&cast.lawyer, "/").await;
    assert!(overview.body.contains("自行撤回备案 2 件：已不可见 1 件，仍可见 1 件，待核对 0 件"), "{}", overview.body);

    // What is still visible can be recalled, and while that is under way nothing more is filed.
    let fields = [
        ("broadcast", reported[0].as_str()),
        ("category", "wrong_audience"),
        ("reason", "自行撤回后仍有人能看到该报价单，请予撤回"),
        ("step", "submit"),
    ];
    let asked = stage.post(&cast.requester, "/recalls", &fields).await;
    assert_eq!(asked.status, 303, "{}", asked.body);
    let during = file(&cast.requester, &reported[0], &then).await;
    assert!(during.status == 409 && during.body.contains("已有撤回案件"), "{}", during.body);
}
