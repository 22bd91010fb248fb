//! "What they must never be able to do" (product.md, "Who uses it"), line by line: each role tries, over HTTP, and is refused.

use countermand::domain::role::Role;
use reqwest::{Method, StatusCode};

use super::house::{By, Crew, House, PICTURE};
use crate::recalls::stage::Person;

const SAID: &str = "年度薪酬调整方案";

/// The decision is refused for `reason`, and the case is as it was.
async fn undecided(house: &House, who: &Person, case: &str, status: u16, reason: &str) {
    let before = house.stage.loaded(case).await.row;
    let code = house.fresh_code(who);
    let version = before.version.to_string();
    let fields = [("decision", "approve"), ("comment", "情况属实，依制度处理"), ("totp", &code), ("version", &version)];
    let shot = house.post(By::Person(who), &format!("/recalls/{case}/decisions"), &fields).await;
    house.declined("/recalls/{id}/decisions", By::Person(who), &shot, status, reason);
    assert_eq!(house.stage.loaded(case).await.row, before, "{reason}");
}

/// A page is not theirs: 403, or 404 where existence is secret, and nothing of the message is in it.
async fn unread(house: &House, who: &Person, pages: &[&str]) {
    for page in pages {
        let (request, _) = house.request(By::Person(who), Method::GET, page).await;
        let shot = house.shoot(request).await;
        assert!(matches!(shot.status, 403 | 404), "{} read {page}: {}", who.caller.name, shot.status);
        assert!(!shot.body.contains(SAID), "{} read {page}", who.caller.name);
    }
}

/// A post is refused for want of a permission, in one event.
async fn unable(house: &House, who: &Person, posts: &[(&str, &str)]) {
    for (route, path) in posts {
        let shot =
            house.post(By::Person(who), path, &[("step", "submit"), ("reason", "试一试能不能做"), ("version", "1"), ("roles", "counsel")]).await;
        house.declined(route, By::Person(who), &shot, 403, "permission");
    }
}

/// A record cannot be deleted or altered: there is no such act.
async fn indelible(house: &House, who: &Person) {
    for page in ["/audit/0", "/audit", "/evidence/EVID-20261122-000001"] {
        for method in [Method::DELETE, Method::PUT, Method::PATCH, Method::POST] {
            let (request, _) = house.request(By::Person(who), method, page).await;
            let shot = house.shoot(request).await;
            house.refused(page, "permission.checked", By::Person(who), &shot, StatusCode::METHOD_NOT_ALLOWED.as_u16(), "method");
        }
    }
}

#[actix_web::test]
async fn a_requester_never_decides_their_own_case_and_nobody_decides_twice() {
    let house = House::set().await;
    let crew = house.crew().await;
    let all = [Role::Requester, Role::DepartmentReviewer, Role::LegalReviewer, Role::FinalApprover];
    let asker = house.stage.person("asker", &all, "人力资源部").await;
    let both = house.stage.person("both", &all[1..], "人力资源部").await;
    let elsewhere = house.stage.person("elsewhere", &[Role::DepartmentReviewer], "销售部").await;
    let cast = crate::recalls::stage::Cast { requester: asker.clone(), ..house.stage.cast2(&crew.cast).await };
    let case = house.stage.case(&cast).await;
    undecided(&house, &crew.cast.requester, &case, 403, "permission").await;
    undecided(&house, &elsewhere, &case, 409, "other-department").await;
    for decider in [Some(&both), Some(&cast.lawyer), None] {
        undecided(&house, &asker, &case, 409, "own-request").await;
        if let Some(decider) = decider {
            assert_eq!(house.decide(decider, &case, "approve").await.status, 303);
        }
        undecided(&house, &both, &case, 409, "decided-at-another-level").await;
    }
}

#[actix_web::test]
async fn no_approver_runs_what_two_others_did_not_approve_and_counsel_at_level_two_alters_nothing() {
    let house = House::set().await;
    let crew = house.crew().await;
    let case = house.stage.case(&crew.cast).await;
    let Crew { cast, .. } = &crew;
    undecided(&house, &cast.executive, &case, 409, "role-not-for-level").await;
    assert_eq!(house.decide(&cast.reviewer, &case, "approve").await.status, 303);
    undecided(&house, &cast.executive, &case, 409, "role-not-for-level").await;
    house.stage.run().await;
    assert_eq!(house.stage.emulator.count("message/recall"), 0, "nothing runs");
    let at = |what: &str| format!("/recalls/{case}/{what}");
    unable(
        &house,
        &cast.lawyer,
        &[
            ("/recalls", "/recalls"),
            ("/recalls/{id}/resubmissions", &at("resubmissions")),
            ("/recalls/{id}/withdrawal", &at("withdrawal")),
            ("/broadcasts", "/broadcasts"),
            ("/reports", "/reports"),
        ],
    )
    .await;
    // Neither a decider nor anybody else holds an administration beside it.
    for admin in ["system_administrator", "security_administrator", "audit_administrator"] {
        let fields = [("roles", "final_approver"), ("roles", admin), ("version", "1")];
        let path = format!("/users/{}/roles", cast.executive.caller.id);
        let shot = house.post(By::Person(&crew.security), &path, &fields).await;
        house.declined("/users/{id}/roles", By::Person(&crew.security), &shot, 422, "invalid");
    }
}

#[actix_web::test]
async fn an_operator_acts_on_approved_cases_only_and_never_confirms_their_own_act() {
    let house = House::set().await;
    let crew = house.crew().await;
    let operator = By::Person(&crew.operator);
    let case = house.stage.case(&crew.cast).await;
    let fields = [("outcome", "accepted"), ("note", "已在后台撤回该消息")];
    let shot = house.upload(operator, &format!("/recalls/{case}/captures"), &fields, "capture", PICTURE).await;
    assert_eq!((shot.status, shot.one("not approved")["outcome"].as_str()), (409, Some("refused")));
    undecided(&house, &crew.operator, &case, 403, "permission").await;
    let case = house.guided(&crew.cast).await;
    let shot = house.upload(operator, &format!("/recalls/{case}/captures"), &fields, "capture", PICTURE).await;
    house.worked("/recalls/{id}/captures", operator, &shot);
    let code = house.fresh_code(&crew.operator);
    let shot = house.post(operator, &format!("/recalls/{case}/confirmations"), &[("outcome", "accepted"), ("totp", &code)]).await;
    house.declined("/recalls/{id}/confirmations", operator, &shot, 409, "own-capture");
}

#[actix_web::test]
async fn no_administrator_reaches_into_anothers_office_or_into_a_case() {
    let house = House::set().await;
    let crew = house.crew().await;
    let case = house.stage.case(&crew.cast).await;
    let broadcast = house.stage.loaded(&case).await.row.broadcast_id;
    let him = crew.nobody.caller.id.clone();
    let connection = house.stage.connection.clone();
    let (page, of_message) = (format!("/recalls/{case}"), format!("/broadcasts/{broadcast}"));
    let (evidence, roles, access) = (format!("{page}/evidence"), format!("/users/{him}/roles"), format!("/users/{him}/audit-access"));
    let (details, suspend) = (format!("/users/{him}/details"), format!("/users/{him}/suspensions"));
    let (change, test) = (format!("/connections/{connection}"), format!("/connections/{connection}/tests"));
    let at = |what: &str| format!("{page}/{what}");
    let (decide, capture, confirm, halt) = (at("decisions"), at("captures"), at("confirmations"), at("halts"));
    let in_case: Vec<(&str, &str)> = vec![
        ("/recalls", "/recalls"),
        ("/recalls/{id}/decisions", &decide),
        ("/recalls/{id}/captures", &capture),
        ("/recalls/{id}/confirmations", &confirm),
        ("/broadcasts", "/broadcasts"),
        ("/reports", "/reports"),
        ("/evidence/exports", "/evidence/exports"),
        ("/evidence/{number}/downloads", "/evidence/EVID-20261122-000001/downloads"),
    ];
    let trail = [("/audit/exports", "/audit/exports")];

    // Reads no audit contents, changes no role, approves nothing.
    unread(&house, &crew.system, &["/audit", "/audit/0", &page, &of_message, &evidence, "/evidence", "/recalls"]).await;
    unable(&house, &crew.system, &in_case).await;
    unable(&house, &crew.system, &trail).await;
    let (ends, mine) = (format!("/users/{him}/session-revocations"), format!("/departments/{him}"));
    unread(&house, &crew.system, &["/sessions"]).await;
    unable(&house, &crew.system, &[("/users/{id}/session-revocations", &ends), ("/sessions/{id}/revocations", "/sessions/x/revocations")]).await;
    unable(&house, &crew.system, &[("/users/{id}/roles", &roles), ("/users/{id}/audit-access", &access), ("/recalls/{id}/halts", &halt)]).await;

    // Makes no connection, approves nothing, deletes no record; and reads neither the trail nor what was said.
    unread(&house, &crew.security, &["/audit", "/connections", &change, &of_message, &evidence, "/evidence"]).await;
    unable(&house, &crew.security, &in_case).await;
    unable(&house, &crew.security, &trail).await;
    unable(
        &house,
        &crew.security,
        &[
            ("/connections", "/connections"),
            ("/connections/{id}", &change),
            ("/connections/{id}/tests", &test),
            ("/users/{id}/details", &details),
            ("/users/{id}/suspensions", &suspend),
            ("/users/{id}/audit-access", &access),
            ("/users/invitations", "/users/invitations"),
            ("/departments", "/departments"),
            ("/departments/{id}", &mine),
        ],
    )
    .await;
    indelible(&house, &crew.security).await;
    let (request, _) = house.request(By::Person(&crew.security), Method::GET, &page).await;
    assert!(!house.shoot(request).await.body.contains(SAID), "who may halt a case sees that it is there, not what was said");

    // Takes no part in a case, deletes or alters no record.
    unread(&house, &crew.audit, &["/sessions", "/tokens"]).await;
    unable(&house, &crew.audit, &[("/users/{id}/session-revocations", &ends), ("/departments/{id}", &mine)]).await;
    unread(&house, &crew.audit, &[&page, &of_message, &evidence, "/recalls", "/connections"]).await;
    unable(&house, &crew.audit, &in_case).await;
    unable(
        &house,
        &crew.audit,
        &[
            ("/recalls/{id}/halts", &halt),
            ("/recalls/{id}/withdrawal", &at("withdrawal")),
            ("/recalls/{id}/resubmissions", &at("resubmissions")),
            ("/users/{id}/roles", &roles),
            ("/connections", "/connections"),
        ],
    )
    .await;
    indelible(&house, &crew.audit).await;
    indelible(&house, &crew.counsel).await;
    assert_eq!(house.stage.state(&case).await, "reviewing");
}

#[actix_web::test]
async fn an_auditor_sees_cases_and_nothing_that_was_said_in_a_message() {
    let house = House::set().await;
    let crew = house.crew().await;
    let case = house.stage.case(&crew.cast).await;
    let broadcast = house.stage.loaded(&case).await.row.broadcast_id;
    for page in [format!("/recalls/{case}"), format!("/broadcasts/{broadcast}"), "/recalls".to_owned(), "/broadcasts".to_owned(), "/audit".to_owned()]
    {
        let (request, _) = house.request(By::Person(&crew.auditor), Method::GET, &page).await;
        let shot = house.shoot(request).await;
        assert_eq!(shot.status, 200, "{page}");
        assert!(!shot.body.contains(SAID) && !shot.body.contains("各位同事"), "{page}");
    }
    // But with a reason and a fresh code, once, and with both in the trail.
    let (path, reason) = (format!("/broadcasts/{broadcast}/unmaskings"), "第四季度审计项目：抽样核对原文");
    let code = house.fresh_code(&crew.auditor);
    let shot = house.post(By::Person(&crew.auditor), &path, &[("reason", reason), ("totp", &code)]).await;
    let event = shot.one("an auditor opens a masked message");
    assert_eq!((shot.status, &event["action"], &event["outcome"]), (200, &"content.read".into(), &"success".into()), "{event:#}");
    assert!(
        shot.body.contains("各位同事") && event["parts"]["detail"]["unmasked"] == true && event["parts"]["text"]["reason"] == reason,
        "{event:#}"
    );
    for (fields, status) in [([("reason", reason), ("totp", code.as_str())], 422), ([("reason", reason), ("totp", "")], 422)] {
        let shot = house.post(By::Person(&crew.auditor), &path, &fields).await;
        assert_eq!((shot.status, shot.one("refused")["outcome"].as_str()), (status, Some("refused")));
        assert!(!shot.body.contains("各位同事") && shot.body.contains(reason), "what was typed is kept, and nothing is shown");
    }
    let (request, _) = house.request(By::Person(&crew.auditor), Method::GET, &format!("/broadcasts/{broadcast}")).await;
    assert!(!house.shoot(request).await.body.contains("各位同事"), "masked as before");
    for who in [&crew.audit, &crew.system, &crew.operator] {
        let shot = house.post(By::Person(who), &path, &[("reason", reason), ("totp", "000000")]).await;
        assert_eq!((shot.status, shot.one("who may not")["outcome"].as_str()), (403, Some("refused")));
    }
}
