//! The routes by which the rules of recalls are changed: one event each, and what their use case refuses.

use super::house::{By, Crew, House};
use crate::{policies::rules, recalls::stage::Person};

const WHY: &str = "泄密类案件每级五分钟太长，演练中两分钟足够。";

pub async fn changed(house: &House, crew: &Crew) {
    let (security, system) = (By::Person(&crew.security), By::Person(&crew.system));
    let propose = async |who: &Person, changes: &[(&str, &str)]| {
        let code = house.fresh_code(who);
        let fields = rules(&[&[("reason", WHY), ("totp", code.as_str())], changes].concat());
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        house.post(By::Person(who), "/policies/proposals", &fields).await
    };
    let route = "/policies/proposals";
    for (changes, status, reason) in [
        (&[("share_2", "0")][..], 422, "invalid"),
        (&[("budget_leak", "1441")], 422, "invalid"),
        (&[("adopted", "no-such-row")], 422, "invalid"),
        (&[("reason", "短")], 422, "invalid"),
        (&[("budget_leak", "2"), ("totp", "000000")], 422, "invalid"),
        (&[("budget_leak", "2"), ("base", "7")], 409, "conflict"),
        (&[], 409, "policy-unchanged"),
    ] {
        let shot = propose(&crew.security, changes).await;
        house.declined(route, security, &shot, status, reason);
    }
    let shot = propose(&crew.system, &[("budget_leak", "2")]).await;
    house.declined(route, system, &shot, 403, "permission");
    let shot = propose(&crew.security, &[("budget_leak", "2")]).await;
    house.worked(route, security, &shot);
    let first = shot.location.clone();
    let shot = propose(&crew.security, &[("budget_leak", "3")]).await;
    house.declined(route, security, &shot, 409, "policy-open");

    let act = async |who: &Person, proposal: &str, what: &str, reason: &str, code: &str| {
        let fresh = house.fresh_code(who);
        let code = if code.is_empty() { fresh.as_str() } else { code };
        house.post(By::Person(who), &format!("{proposal}/{what}"), &[("reason", reason), ("totp", code)]).await
    };
    let of = |what: &str| format!("/policies/proposals/{{id}}/{what}");
    let (confirmations, refusals, withdrawals) = (of("confirmations"), of("refusals"), of("withdrawals"));
    for (who, what, reason, code, status, why) in [
        (&crew.security, "confirmations", "", "", 409, "policy-same-person"),
        (&crew.security, "refusals", WHY, "", 409, "policy-same-person"),
        (&crew.system, "withdrawals", "", "", 403, "permission"),
        (&crew.audit, "confirmations", "", "", 403, "permission"),
        (&crew.system, "confirmations", "", "000000", 422, "invalid"),
        (&crew.system, "refusals", "短", "", 422, "invalid"),
    ] {
        let shot = act(who, &first, what, reason, code).await;
        house.declined(&of(what), By::Person(who), &shot, status, why);
    }
    let shot = act(&crew.system, "/policies/proposals/nothing", "confirmations", "", "").await;
    house.declined(&confirmations, system, &shot, 404, "not_found");
    let shot = act(&crew.system, &first, "refusals", WHY, "").await;
    house.worked(&refusals, system, &shot);
    let shot = act(&crew.system, &first, "confirmations", "", "").await;
    house.declined(&confirmations, system, &shot, 409, "conflict");
    let second = propose(&crew.security, &[("budget_leak", "2")]).await.location;
    let shot = act(&crew.security, &second, "withdrawals", "", "").await;
    house.worked(&withdrawals, security, &shot);
    let third = propose(&crew.security, &[("budget_leak", "2")]).await.location;
    let shot = act(&crew.system, &third, "confirmations", "", "").await;
    house.worked(&confirmations, system, &shot);
}
