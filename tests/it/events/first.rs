//! The routes of recalls that come before their review: one event each, and what their use cases refuse. The rules of the house are shipped
//! ones again when it begins: here two people allow it.

use std::time::Duration;

use countermand::domain::role::Role;
use serde_json::json;

use super::house::{By, Crew, House, Shot};
use crate::recalls::stage::Person;

const WHY: &str = "名单含身份证号，外部供应商已在群内，等不及三级审批";

pub async fn recalled(house: &House, crew: &Crew) {
    let (security, system, officer) = (By::Person(&crew.security), By::Person(&crew.system), By::Person(&crew.counsel));
    let base = house.stage.app.store.read(countermand::store::policies::in_force).await.unwrap().number.to_string();
    let code = house.fresh_code(&crew.security);
    let fields =
        crate::policies::rules(&[("base", base.as_str()), ("first_classes", "leak"), ("reason", "最严重的泄密等不及三级审批。"), ("totp", &code)]);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let proposed = house.post(security, "/policies/proposals", &fields).await.location;
    let code = house.fresh_code(&crew.system);
    let shot = house.post(system, &format!("{proposed}/confirmations"), &[("totp", &code)]).await;
    assert_eq!(shot.status, 303, "{}", shot.body);

    // The roster.
    let route = "/duty";
    let now = house.stage.app.now();
    let (from, until) = (now.to_rfc3339(), now.plus(Duration::from_secs(86_400)).to_rfc3339());
    let assign = async |by: By<'_>, who: &str, until: &str, code: &str| {
        house.post(by, route, &[("user", who), ("from", &from), ("until", until), ("totp", code)]).await
    };
    let id = crew.counsel.caller.id.as_str();
    for (who, until, code) in [("", until.as_str(), "1"), (id, "tomorrow", "1"), (id, from.as_str(), "1"), (id, &until, ""), (id, &until, "000000")] {
        house.declined(route, security, &assign(security, who, until, code).await, 422, "invalid");
    }
    house.declined(route, officer, &assign(officer, id, &until, "1").await, 403, "permission");
    let code = house.fresh_code(&crew.security);
    house.declined(route, security, &assign(security, &crew.system.caller.id, &until, &code).await, 422, "invalid");
    let shot = assign(security, id, &until, &code).await;
    house.worked(route, security, &shot);

    // The order.
    let case = house.stage.case(&house.stage.cast2(&crew.cast).await).await;
    let route = "/recalls/{id}/orders";
    let order = async |by: By<'_>, case: &str, class: &str, version: &str, code: &str| {
        let fields = [("category", class), ("reason", WHY), ("version", version), ("totp", code)];
        house.post(by, &route.replace("{id}", case), &fields).await
    };
    let code = house.fresh_code(&crew.counsel);
    for (case, class, version, code, status, why) in [
        ("nothing", "leak", "1", code.as_str(), 404, "not_found"),
        (case.as_str(), "other", "1", &code, 422, "invalid"),
        (&case, "leak", "1", "", 422, "invalid"),
        (&case, "leak", "1", "000000", 422, "invalid"),
        (&case, "leak", "7", &code, 409, "conflict"),
    ] {
        house.declined(route, officer, &order(officer, case, class, version, code).await, status, why);
    }
    let executive = By::Person(&crew.cast.executive);
    house.declined(route, executive, &order(executive, &case, "leak", "1", &code).await, 409, "not-on-duty");
    house.worked(route, officer, &order(officer, &case, "leak", "1", &code).await);
    house.stage.run().await;

    // Its ratification.
    let route = "/recalls/{id}/ratifications";
    let (reviewer, lawyer) = (By::Person(&crew.cast.reviewer), By::Person(&crew.cast.lawyer));
    let word = async |by: By<'_>, case: &str, verdict: &str, words: &str, code: &str| {
        let fields = [("verdict", verdict), ("comment", "不应越过审批，当时并不紧急"), ("words", words), ("totp", code)];
        house.post(by, &route.replace("{id}", case), &fields).await
    };
    let code = house.fresh_code(&crew.cast.reviewer);
    for (case, verdict, words, code, status, why) in [
        ("nothing", "refuse", "0", code.as_str(), 404, "not_found"),
        (case.as_str(), "maybe", "0", &code, 422, "invalid"),
        (&case, "refuse", "0", "", 422, "invalid"),
        (&case, "refuse", "1", &code, 409, "conflict"),
    ] {
        house.declined(route, reviewer, &word(reviewer, case, verdict, words, code).await, status, why);
    }
    house.declined(route, lawyer, &word(lawyer, &case, "refuse", "0", &code).await, 409, "role-not-for-level");
    house.worked(route, reviewer, &word(reviewer, &case, "refuse", "0", &code).await);

    let next = house.stage.case(&house.stage.cast2(&crew.cast).await).await;
    programs(house, crew, &next).await;

    // What a refusal leaves, and the end of a duty.
    let use_id = house.stage.loaded(&case).await.order.unwrap().0.id;
    let (route, confirm) = ("/duty/uses/{id}/releases", "/duty/uses/{id}/releases/confirmations");
    let lift = async |who: &Person, route: &str, id: &str, version: &str, reason: &str| -> Shot {
        let code = house.fresh_code(who);
        house.post(By::Person(who), &route.replace("{id}", id), &[("reason", reason), ("version", version), ("totp", &code)]).await
    };
    let why = "已约谈并重新培训该值班人，可恢复权限";
    house.declined(route, security, &lift(&crew.security, route, "nothing", "2", why).await, 404, "not_found");
    house.declined(route, security, &lift(&crew.security, route, &use_id, "2", "短").await, 422, "invalid");
    house.declined(route, security, &lift(&crew.security, route, &use_id, "9", why).await, 409, "conflict");
    house.declined(confirm, system, &lift(&crew.system, confirm, &use_id, "2", "").await, 409, "release-not-proposed");
    house.worked(route, security, &lift(&crew.security, route, &use_id, "2", why).await);
    house.declined(route, security, &lift(&crew.security, route, &use_id, "3", why).await, 409, "release-proposed");
    house.declined(confirm, security, &lift(&crew.security, confirm, &use_id, "3", "").await, 409, "own-release");
    house.worked(confirm, system, &lift(&crew.system, confirm, &use_id, "3", "").await);
    house.declined(confirm, system, &lift(&crew.system, confirm, &use_id, "4", "").await, 409, "no-bar");
    let route = "/duty/{id}/endings";
    let page = house.stage.get(&crew.security, "/duty").await.body;
    let shift = page.split("/duty/").find_map(|rest| rest.split_once("/endings").map(|(id, _)| id.to_owned())).unwrap();
    let end = async |by: By<'_>, id: &str| house.post(by, &route.replace("{id}", id), &[]).await;
    house.declined(route, system, &end(system, &shift).await, 403, "permission");
    house.declined(route, security, &end(security, "nothing").await, 404, "not_found");
    house.worked(route, security, &end(security, &shift).await);
    house.declined(route, security, &end(security, &shift).await, 409, "duty-over");
}

/// The same by programs that act for a person: another officer, for the first one's order was refused.
async fn programs(house: &House, crew: &Crew, case: &str) {
    let second = house.stage.person("luyao", &[Role::FinalApprover], "总裁办").await;
    let now = house.stage.app.now();
    let (from, until) = (now.to_rfc3339(), now.plus(Duration::from_secs(86_400)).to_rfc3339());
    let code = house.fresh_code(&crew.security);
    let fields = [("user", second.caller.id.as_str()), ("from", &from), ("until", &until), ("totp", &code)];
    assert_eq!(house.post(By::Person(&crew.security), "/duty", &fields).await.status, 303);
    let officer = house.stage.token(Some(&second), &["recall.read", "recall.decide"]).await;
    let reads = house.stage.token(Some(&second), &["recall.read"]).await;
    let service = house.stage.token(None, &["recall.read"]).await;
    let route = "/api/v1/recalls/{id}/orders";
    let body = |code: &str| json!({ "category": "leak", "reason": WHY, "totp": code });
    let path = route.replace("{id}", case);
    for token in [&reads, &service] {
        let shot = house.api(token, &path, &body("1")).await;
        house.declined(route, By::Token(token), &shot, 403, "permission");
    }
    let shot = house.api(&officer, &path, &body(&house.fresh_code(&second))).await;
    house.worked(route, By::Token(&officer), &shot);
    house.stage.run().await;
    let route = "/api/v1/recalls/{id}/ratifications";
    let path = route.replace("{id}", case);
    let token = house.stage.token(Some(&crew.cast.reviewer), &["recall.read", "recall.decide"]).await;
    let body = |verdict: &str, code: &str| json!({ "verdict": verdict, "comment": "情况紧急，处置得当", "totp": code });
    let shot = house.api(&token, &path, &body("maybe", "1")).await;
    house.declined(route, By::Token(&token), &shot, 422, "invalid");
    let shot = house.api(&token, &path, &body("ratify", &house.fresh_code(&crew.cast.reviewer))).await;
    house.worked(route, By::Token(&token), &shot);
}
