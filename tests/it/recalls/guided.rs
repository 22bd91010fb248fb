//! What no API can recall: an operator acts and proves it, a second person confirms, and nobody's word makes it better than it is.

use countermand::{
    app::broadcasts::report::{self, Report},
    domain::role::Role,
};

use super::stage::{Cast, Stage};

pub(super) const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";

/// A reported message whose recall is asked for.
pub(super) async fn requested(stage: &Stage, cast: &Cast, class: &str) -> String {
    let report = Report {
        connection: String::new(),
        channel: "QQ 群".into(),
        sent_at: stage.app.now().to_rfc3339(),
        audience: "华东代理商群".into(),
        title: "报价单".into(),
        text: "报价单：内部价九折".into(),
        ..Report::default()
    };
    let broadcast = report::report(&stage.app, &cast.requester.caller, report, None).await.unwrap().value;
    let fields = [("broadcast", broadcast.as_str()), ("category", class), ("reason", "报价单误发到客户群"), ("step", "submit")];
    let made = stage.post(&cast.requester, "/recalls", &fields).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let case = made.case();
    assert_eq!(stage.loaded(&case).await.row.mode, "guided");
    case
}

/// The same, which three people approved.
async fn approved(stage: &Stage, cast: &Cast) -> String {
    let case = requested(stage, cast, "wrong_audience").await;
    for who in [&cast.reviewer, &cast.lawyer, &cast.executive] {
        let done = stage.decide(who, &case, "approve").await;
        assert_eq!(done.status, 303, "{}", done.body);
    }
    case
}

#[actix_web::test]
async fn an_operator_acts_and_somebody_else_confirms() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let operator = stage.person("operator", &[Role::PlatformOperator], "信息部").await;
    let second = stage.person("second", &[Role::PlatformOperator], "信息部").await;
    let case = approved(&stage, &cast).await;
    stage.run().await;
    assert_eq!(stage.state(&case).await, "approved", "nothing runs by itself");
    let waiting = stage.get(&operator, "/approvals").await;
    assert!(waiting.body.contains("待后台操作"), "{}", waiting.body);

    let captures = format!("/recalls/{case}/captures");
    let fields = [("outcome", "accepted"), ("note", "已在群主后台撤回该消息")];
    assert_eq!(stage.upload(&cast.reviewer, &captures, &fields, PICTURE).await.status, 403, "deciders do not act");
    assert_eq!(stage.upload(&operator, &captures, &fields, b"<svg onload=alert(1)>").await.status, 422, "only pictures");
    assert_eq!(stage.upload(&operator, &captures, &[("outcome", "confirmed"), ("note", "已在群主后台撤回该消息")], PICTURE).await.status, 422);
    assert_eq!(stage.confirm(&second, &case, "accepted", "").await.status, 409, "nothing to confirm yet");
    let done = stage.upload(&operator, &captures, &fields, PICTURE).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(stage.state(&case).await, "executing");
    let page = stage.get(&operator, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("shot.png") && page.body.contains("待第二人确认"), "{}", page.body);

    for (who, status, reason) in [(&operator, 409, "own-capture"), (&cast.requester, 403, "permission")] {
        assert_eq!(stage.confirm(who, &case, "accepted", "").await.status, status);
        assert_eq!(stage.last_refusal(&case).await, reason);
    }
    let done = stage.confirm(&second, &case, "still_visible", "部分成员客户端仍可见").await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(stage.state(&case).await, "failed", "the confirmation is the end, whenever the job tells it");
    stage.run().await;
    let row = stage.loaded(&case).await.row;
    assert_eq!(row.state, "failed", "visible is visible, whatever was stated");
    assert!(row.tally.unwrap().contains("\"still_visible\":1"));
    let trail = stage.trail(&case).await;
    let end = ["recall.capture_confirmed success", "recall.finished success", "case.closed success", "evidence.sealed success"];
    assert_eq!(trail[trail.len() - 4..], end, "{trail:?}");
}

#[actix_web::test]
async fn a_confirmation_is_never_better_than_what_was_stated() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let operator = stage.person("operator", &[Role::PlatformOperator], "信息部").await;
    let case = approved(&stage, &cast).await;
    let stated = [("outcome", "unknown"), ("note", "后台没有显示结果如何")];
    assert_eq!(stage.upload(&operator, &format!("/recalls/{case}/captures"), &stated, PICTURE).await.status, 303);
    let better = stage.confirm(&cast.lawyer, &case, "accepted", "").await;
    assert_eq!((better.status, stage.last_refusal(&case).await.as_str()), (409, "better-than-stated"));
}
