//! Everybody who must not decide, everything that must not be typed, two at once: each leaves its event and changes nothing.

use countermand::domain::role::Role;

use super::stage::{Cast, Person, Stage};

/// The decision is refused with `reason`, in one event of the case, and nothing has changed.
async fn refused(stage: &Stage, who: &Person, case: &str, reason: &str) {
    let (before, events) = (stage.loaded(case).await.row, stage.trail(case).await.len());
    let answer = stage.decide(who, case, "approve").await;
    assert!(matches!(answer.status, 403 | 409), "{reason}: {} {}", answer.status, answer.body);
    assert_eq!(stage.last_refusal(case).await, reason);
    assert_eq!(stage.trail(case).await.len(), events + 1, "exactly one event");
    assert_eq!(stage.loaded(case).await.row, before);
}

#[actix_web::test]
async fn nobody_decides_who_must_not() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let elsewhere = stage.person("elsewhere", &[Role::DepartmentReviewer], "销售部").await;
    let both = stage.person("both", &[Role::DepartmentReviewer, Role::LegalReviewer, Role::FinalApprover], "人力资源部").await;
    let asker = stage.person("asker", &[Role::Requester, Role::DepartmentReviewer, Role::LegalReviewer, Role::FinalApprover], "人力资源部").await;
    let operator = stage.person("operator", &[Role::PlatformOperator], "信息部").await;
    let cast = Cast { requester: asker.clone(), ..cast };
    let case = stage.case(&cast).await;

    refused(&stage, &asker, &case, "own-request").await;
    refused(&stage, &elsewhere, &case, "other-department").await;
    refused(&stage, &cast.lawyer, &case, "role-not-for-level").await;
    refused(&stage, &cast.executive, &case, "role-not-for-level").await;
    refused(&stage, &operator, &case, "permission").await;
    let page = stage.get(&asker, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("不能审批本人的申请") && page.body.contains("现由部门复核处理"), "{}", page.body);
    let page = stage.get(&cast.lawyer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("现由部门复核处理"), "who cannot decide sees who can: {}", page.body);

    assert_eq!(stage.decide(&both, &case, "approve").await.status, 303);
    refused(&stage, &both, &case, "decided-at-another-level").await;
    refused(&stage, &cast.reviewer, &case, "role-not-for-level").await;
    assert_eq!(stage.decide(&cast.lawyer, &case, "approve").await.status, 303);
    refused(&stage, &both, &case, "decided-at-another-level").await;
    assert_eq!(stage.decide(&cast.executive, &case, "reject").await.status, 303);
    stage.run().await;
    assert_eq!(stage.state(&case).await, "rejected");
    refused(&stage, &cast.executive, &case, "not-reviewing").await;
    assert_eq!(stage.emulator.count("message/recall"), 0);
}

#[actix_web::test]
async fn a_code_proves_identity_once() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let case = stage.case(&cast).await;
    let path = format!("/recalls/{case}/decisions");
    for (code, words) in [("", "请输入 6 位验证码"), ("000000", "验证码")] {
        let fields = [("decision", "approve"), ("comment", "情况属实，同意撤回"), ("totp", code), ("version", "1")];
        let answer = stage.post(&cast.reviewer, &path, &fields).await;
        assert!(answer.status == 422 && answer.body.contains(words), "{code}: {} {}", answer.status, answer.body);
        assert!(answer.body.contains("情况属实，同意撤回"), "the typed comment is kept");
        assert!(!answer.body.contains("value=\"000000\""), "a code is never shown again");
        assert_eq!(stage.last_refusal(&case).await, "invalid");
    }
    assert_eq!(stage.decide(&cast.reviewer, &case, "return").await.status, 303);
    let again = [("reason", "补充：附件含职级薪酬区间")];
    assert_eq!(stage.post(&cast.requester, &format!("/recalls/{case}/resubmissions"), &again).await.status, 303);
    let spent = stage.decide(&cast.reviewer, &case, "approve").await;
    assert_eq!(spent.status, 422, "the same code within its half minute: {}", spent.body);
    assert_eq!(stage.state(&case).await, "reviewing");
}

#[actix_web::test]
async fn of_two_who_decide_at_once_one_wins_and_the_other_keeps_the_text() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let second = stage.person("hanqi", &[Role::DepartmentReviewer], "人力资源部").await;
    let case = stage.case(&cast).await;
    let path = format!("/recalls/{case}/decisions");
    let (one, two) = (stage.code(&cast.reviewer), stage.code(&second));
    let approve = [("decision", "approve"), ("comment", "甲认为情况属实"), ("totp", one.as_str()), ("version", "1")];
    let reject = [("decision", "reject"), ("comment", "乙认为不必撤回"), ("totp", two.as_str()), ("version", "1")];
    let (a, b) = tokio::join!(stage.post(&cast.reviewer, &path, &approve), stage.post(&second, &path, &reject));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409], "{} {}", a.body, b.body);
    let (loser, text) = if a.status == 409 { (a, "甲认为情况属实") } else { (b, "乙认为不必撤回") };
    assert!(loser.body.contains("情况已有变化") && loser.body.contains(text), "{}", loser.body);
    assert_eq!(stage.loaded(&case).await.decisions.len(), 1);
    assert_eq!(stage.last_refusal(&case).await, "conflict");
}

#[actix_web::test]
async fn hostile_text_is_refused_or_shown_as_text() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let people = stage.recipients();
    let broadcast = stage.notice(&cast.requester, &[&people[0]]).await;
    let long = "长".repeat(30_000);
    let ask = |reason: String, category: &'static str| {
        let fields = [("broadcast", broadcast.clone()), ("category", category.to_owned()), ("reason", reason), ("step", "submit".to_owned())];
        let stage = &stage;
        let who = &cast.requester;
        async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
            stage.post(who, "/recalls", &fields).await
        }
    };
    for (reason, category) in
        [("", "leak"), ("！！！！", "leak"), ("a\0b 情况属实", "leak"), ("\u{202e}属实情况", "leak"), ("情况属实的", "nonsense"), ("情况属实的", "")]
    {
        let answer = ask(reason.to_owned(), category).await;
        assert_eq!(answer.status, 422, "{reason:?} {category}: {}", answer.body);
    }
    assert!(matches!(ask(long.clone(), "leak").await.status, 413 | 422));
    assert_eq!(ask("x".repeat(10 << 20), "leak").await.status, 413, "ten megabytes");
    let evil = "=HYPERLINK(\"http://x\") <script>alert(1)</script> 𠮷𠮷 {{7*7}} ${x}";
    let made = ask(evil.to_owned(), "wrong_fact").await;
    assert_eq!(made.status, 303, "{}", made.body);
    let case = made.case();
    let page = stage.get(&cast.reviewer, &format!("/recalls/{case}")).await;
    assert!(page.body.contains("𠮷𠮷") && !page.body.contains("<script>alert"), "{}", page.body);
    let twice = ask("再次申请撤回此消息".to_owned(), "leak").await;
    assert!(twice.status == 409 && twice.body.contains("FR-20261122-0001"), "one open case a broadcast: {}", twice.body);
    for (decision, comment, version) in
        [("", "情况属实", "1"), ("burn", "情况属实", "1"), ("approve", "同意", "1"), ("approve", "情况属实", "x"), ("approve", long.as_str(), "1")]
    {
        let code = stage.code(&cast.reviewer);
        let fields = [("decision", decision), ("comment", comment), ("totp", code.as_str()), ("version", version)];
        let answer = stage.post(&cast.reviewer, &format!("/recalls/{case}/decisions"), &fields).await;
        assert!(matches!(answer.status, 409 | 413 | 422), "{decision} {version}: {}", answer.status);
    }
    for path in ["/recalls/nothing", "/recalls/%00", "/recalls/new?broadcast=nothing", "/recalls?before=%27--&state=x&from=yesterday"] {
        let answer = stage.get(&cast.requester, path).await;
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
}

/// What somebody does to a case that went on meanwhile is told where they are, with what they typed, though its form is no longer there.
#[actix_web::test]
async fn what_comes_too_late_is_told_and_what_was_typed_is_kept() {
    let stage = Stage::set().await;
    let cast = stage.cast().await;
    let security = stage.person("xuman", &[Role::SecurityAdministrator], "信息安全部").await;
    let case = stage.case(&cast).await;
    assert_eq!(stage.decide(&cast.reviewer, &case, "reject").await.status, 303);
    let late = [
        (&cast.requester, "withdrawal", "reason", "业务部门已自行更正"),
        (&cast.requester, "resubmissions", "reason", "已补充收件范围说明"),
        (&security, "halts", "reason", "平台接口异常，先行中止"),
        (&cast.reviewer, "transfers", "reason", "今日外出，请代为复核"),
        (&cast.reviewer, "additions", "reason", "请李琳一并核对范围"),
        (&cast.reviewer, "removals", "reason", "已当面核对，不必再等"),
        (&cast.reviewer, "questions", "question", "请补充收件范围说明"),
    ];
    for (who, what, field, typed) in late {
        let answer = stage.post(who, &format!("/recalls/{case}/{what}"), &[(field, typed), ("to", &cast.lawyer.caller.id)]).await;
        assert_eq!(answer.status, 409, "{what}: {}", answer.body);
        assert!(answer.body.contains("未能完成，尚未提交"), "{what}: not told: {}", answer.body);
        assert!(answer.body.contains(typed), "{what}: what was typed is lost: {}", answer.body);
    }
}
