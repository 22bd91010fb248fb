//! Every route of the table, working: one event with all its parts. Beside each, what its own use case refuses.

use base64::{Engine, engine::general_purpose::STANDARD};
use countermand::{
    app::{
        Caller, Turn, alerts, departments, sessions, setup,
        tokens::{self, NewToken},
        users,
    },
    crypto::totp,
    domain::{alert::Rule, role::Role},
};
use reqwest::Method;
use serde_json::json;

use super::{
    house::{By, Crew, House, PICTURE, Shot},
    table,
};
use crate::recalls::stage::Person;

const PASSWORD: &str = "松下问童子 言师采药去只在此山中";

/// The set-up link, an invitation, a sign-in with enrolment, one with a code, signing out.
async fn first_people(house: &House) {
    let app = &house.stage.app;
    let by = By::Stranger;
    let link = setup::first_start(app).await.unwrap().unwrap().path;
    let account = |name: &'static str| [("username", name), ("display_name", "张三"), ("password", PASSWORD), ("password_again", PASSWORD)];
    let shot = house.post(by, &link, &[("username", "first"), ("display_name", ""), ("password", "short")]).await;
    house.declined("/setup/{token}", by, &shot, 422, "invalid");
    let shot = house.post(by, &link, &account("first")).await;
    house.worked("/setup/{token}", by, &shot);
    let again = house.post(by, &link, &account("other")).await;
    house.declined("/setup/{token}", by, &again, 404, "not_found");
    let invitations: Vec<String> = shot
        .body
        .split("/invitations/")
        .skip(1)
        .map(|rest| format!("/invitations/{}", &rest[..43]))
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(invitations.len(), 2, "{}", shot.body);
    let shot = house.post(by, &invitations[0], &account("first")).await;
    house.declined("/invitations/{token}", by, &shot, 422, "invalid");
    let shot = house.post(by, &invitations[0], &account("keeper")).await;
    house.worked("/invitations/{token}", by, &shot);
    let shot = house.post(by, &invitations[0], &account("third")).await;
    house.declined("/invitations/{token}", by, &shot, 404, "not_found");

    for typed in ["wrong password here", ""] {
        let shot = house.post(by, "/sessions", &[("account", "first"), ("password", typed)]).await;
        assert_eq!((shot.status, shot.one("a wrong password")["action"].as_str()), (409, Some("session.opened")));
        assert_eq!(shot.events[0]["outcome"], "refused");
    }
    let shot = house.post(by, "/sessions", &[("account", "first"), ("password", PASSWORD)]).await;
    let event = shot.one("/sessions").clone();
    assert_eq!(event["actor"]["id"], "anonymous", "before the code nobody is known");
    house.worked("/sessions", by, &shot);

    let secret = totp::fresh_secret();
    let sealed = sessions::enrolment_seal(app, event["session"].as_str().unwrap(), &secret);
    let pending = By::Cookie(&shot.cookie);
    let path = "/sessions/enrolment";
    let refused = house.post(pending, path, &[("sealed", "00"), ("totp", "000000")]).await;
    house.declined(path, pending, &refused, 409, "enrolment-stale");
    let refused = house.post(pending, path, &[("sealed", &sealed), ("totp", "000000")]).await;
    house.declined(path, pending, &refused, 422, "invalid");
    let code = totp::code(&secret, app.now());
    let opened = house.post(pending, path, &[("sealed", &sealed), ("totp", &code)]).await;
    house.worked(path, pending, &opened);

    let shot = house.post(by, "/sessions", &[("account", "first"), ("password", PASSWORD)]).await;
    let (pending, path) = (By::Cookie(&shot.cookie), "/sessions/verification");
    for bad in [code.as_str(), "000000", ""] {
        let refused = house.post(pending, path, &[("totp", bad)]).await;
        house.declined(path, pending, &refused, 422, "invalid");
    }
    house.tick();
    let code = totp::code(&secret, app.now());
    let opened = house.post(pending, path, &[("totp", &code)]).await;
    house.worked(path, pending, &opened);
    let who = person(house, "first", secret).await;
    let shot = house.post(By::Person(&who), "/sessions/current/closures", &[]).await;
    house.worked("/sessions/current/closures", By::Person(&who), &shot);
}

/// Somebody who exists, as a caller.
async fn person(house: &House, username: &'static str, secret: Vec<u8>) -> Person {
    let found = house.stage.app.store.read(move |conn| {
        let row = countermand::store::users::user_by_name(conn, username)?.unwrap();
        countermand::app::people::person_find(conn, &row.id)
    });
    Person { caller: found.await.unwrap().unwrap().caller(None, None, None), secret }
}

async fn own_account(house: &House) {
    let app = &house.stage.app;
    let secret = totp::fresh_secret();
    let new = users::NewUser {
        username: "owner".into(),
        display_name: "owner".into(),
        roles: [Role::Requester].into(),
        password: Some(PASSWORD.into()),
        totp_secret: Some(totp::base32(&secret)),
        ..users::NewUser::default()
    };
    users::add(app, &Caller::shell(), new).await.unwrap();
    let mut me = person(house, "owner", secret).await;
    let fresh = "another horse for the battery";
    let route = "/account/password";
    let shot = house.post(By::Person(&me), route, &[("password", "no"), ("new_password", fresh), ("new_password_again", fresh)]).await;
    house.declined(route, By::Person(&me), &shot, 422, "invalid");
    let shot = house.post(By::Person(&me), route, &[("password", PASSWORD), ("new_password", fresh), ("new_password_again", fresh)]).await;
    house.worked(route, By::Person(&me), &shot);
    let shot = house.post(By::Person(&me), "/account/preferences", &[("theme", "dark"), ("lang", "en")]).await;
    house.worked("/account/preferences", By::Person(&me), &shot);

    let route = "/account/mail-address";
    let shot = house.post(By::Person(&me), route, &[("address", "nobody at all")]).await;
    house.declined(route, By::Person(&me), &shot, 422, "invalid");
    let shot = house.post(By::Person(&me), route, &[("address", "owner@example.com")]).await;
    house.worked(route, By::Person(&me), &shot);

    let route = "/account/sessions/{id}/revocations";
    let other = house.stage.session_of(&me).await.1;
    let shot = house.post(By::Person(&me), &route.replace("{id}", &other), &[]).await;
    house.worked(route, By::Person(&me), &shot);
    let shot = house.post(By::Person(&me), &route.replace("{id}", "nothing"), &[]).await;
    house.declined(route, By::Person(&me), &shot, 404, "not_found");

    let route = "/account/tokens";
    let fields = |code: &str| {
        vec![("name".to_owned(), "报表".to_owned()), ("scopes".to_owned(), "recall.read".to_owned()), ("totp".to_owned(), code.to_owned())]
    };
    let code = house.fresh_code(&me);
    for (code, works) in [("000000".to_owned(), false), (code.clone(), true), (code, false)] {
        let fields = fields(&code);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let shot = house.post(By::Person(&me), route, &fields).await;
        if works {
            house.worked(route, By::Person(&me), &shot);
            let id = shot.events[0]["subject"]["id"].as_str().unwrap();
            let route = "/account/tokens/{id}/revocations";
            let shot = house.post(By::Person(&me), &route.replace("{id}", id), &[]).await;
            house.worked(route, By::Person(&me), &shot);
            let shot = house.post(By::Person(&me), &route.replace("{id}", "nothing"), &[]).await;
            house.declined(route, By::Person(&me), &shot, 404, "not_found");
        } else {
            house.declined(route, By::Person(&me), &shot, 422, "invalid");
        }
    }
    let shot = house.post(By::Person(&me), route, &[("name", ""), ("scopes", "everything")]).await;
    house.declined(route, By::Person(&me), &shot, 422, "invalid");

    super::passkeys::account(house, &me).await;

    let route = "/account/second-factor";
    let (cookie, session) = house.stage.session_of(&me).await;
    let secret = totp::fresh_secret();
    let sealed = sessions::enrolment_seal(app, &session, &secret);
    let code = house.fresh_code(&me);
    let new_code = totp::code(&secret, app.now());
    let by = By::Cookie(&cookie);
    for (sealed, code, new_code, status, reason) in [
        ("00", code.as_str(), new_code.as_str(), 409, "enrolment-stale"),
        (&sealed, "000000", &new_code, 422, "invalid"),
        (&sealed, &code, "000000", 422, "invalid"),
    ] {
        let shot = house.post(by, route, &[("csrf", "forged-not"), ("sealed", sealed), ("totp", code), ("new_totp", new_code)]).await;
        house.declined(route, by, &shot, status, reason);
    }
    let shot = house.post(by, route, &[("csrf", "forged-not"), ("sealed", &sealed), ("totp", &code), ("new_totp", &new_code)]).await;
    house.worked(route, by, &shot);
    me.secret = secret;
}

/// The version of an account, for its form.
async fn version(house: &House, id: &str) -> String {
    let id = id.to_owned();
    let row = house.stage.app.store.read(move |conn| countermand::store::users::user_find(conn, &id)).await.unwrap().unwrap();
    row.version.to_string()
}

async fn accounts(house: &House, crew: &Crew) {
    let (system, security, audit) = (By::Person(&crew.system), By::Person(&crew.security), By::Person(&crew.audit));
    let shot = house.post(system, "/users/invitations", &[("roles", "requester")]).await;
    house.worked("/users/invitations", system, &shot);
    let shot = house.post(system, "/users/invitations", &[("roles", "final_approver")]).await;
    house.declined("/users/invitations", system, &shot, 422, "invalid");
    let made = house.stage.app.store.read(|conn| countermand::store::invitations::invitation_list(conn, 1)).await.unwrap().remove(0);
    for (act, version) in [("renewals", "1"), ("revocations", "2")] {
        let (route, at) = (format!("/users/invitations/{{id}}/{act}"), format!("/users/invitations/{}/{act}", made.id));
        let stale = house.post(system, &at, &[("version", "0")]).await;
        house.declined(&route, system, &stale, 409, "conflict");
        let shot = house.post(system, &at, &[("version", version)]).await;
        house.worked(&route, system, &shot);
        let unknown = house.post(system, &at.replace(&made.id, "nothing"), &[("version", "1")]).await;
        house.declined(&route, system, &unknown, 404, "not_found");
    }
    let shot = house.post(system, "/departments", &[("name", "华东分公司")]).await;
    house.worked("/departments", system, &shot);
    for name in ["华东分公司", ""] {
        let shot = house.post(system, "/departments", &[("name", name)]).await;
        house.declined("/departments", system, &shot, 422, "invalid");
    }
    let list = "姓名,角色\r\n李新,申请人\r\n".as_bytes();
    let shot = house.upload(system, "/users/imports", &[], "file", list).await;
    house.worked("/users/imports", system, &shot);
    let sealed = shot.body.split("name=\"sealed\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let shot = house.upload(system, "/users/imports", &[], "file", b"PK\x03\x04").await;
    house.declined("/users/imports", system, &shot, 422, "invalid");
    for (worked, sealed) in [(false, "00"), (true, sealed.as_str()), (false, sealed.as_str())] {
        let route = "/users/imports/confirmations";
        let shot = house.post(system, route, &[("sealed", sealed)]).await;
        match worked {
            true => house.worked(route, system, &shot),
            false => house.declined(route, system, &shot, 409, if sealed == "00" { "sheet-stale" } else { "sheet-done" }),
        }
    }
    access(house, crew).await;
    work(house, crew).await;

    let him = &crew.nobody.caller.id;
    let at = |route: &str| route.replace("{id}", him);
    let posts: [(By<'_>, &str, &[(&str, &str)]); 8] = [
        (security, "/users/{id}/roles", &[("roles", "requester")]),
        (security, "/users/{id}/roles", &[]),
        (audit, "/users/{id}/audit-access", &[("valid_until", "2027-03-31")]),
        (audit, "/users/{id}/audit-access/endings", &[]),
        (system, "/users/{id}/details", &[("display_name", "李四")]),
        (system, "/users/{id}/suspensions", &[]),
        (system, "/users/{id}/reinstatements", &[]),
        (system, "/users/{id}/details", &[("display_name", "nobody")]),
    ];
    for (by, route, fields) in posts {
        let version = version(house, him).await;
        let with = |version: &'static str| fields.iter().copied().chain([("version", version)]).collect::<Vec<_>>();
        let stale = house.post(by, &at(route), &with("0")).await;
        house.declined(route, by, &stale, 409, "conflict");
        let unknown = house.post(by, &route.replace("{id}", "nothing"), &with("1")).await;
        house.declined(route, by, &unknown, 404, "not_found");
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("version", version.as_str())]).collect();
        let shot = house.post(by, &at(route), &fields).await;
        house.worked(route, by, &shot);
    }
    let version = version(house, him).await;
    for (by, route, fields, status, reason) in [
        (security, "/users/{id}/roles", [("roles", "emperor")], 422, "invalid"),
        (security, "/users/{id}/roles", [("roles", "auditor")], 409, "auditor-elsewhere"),
        (audit, "/users/{id}/audit-access", [("valid_until", "2020-01-01")], 422, "invalid"),
        (audit, "/users/{id}/audit-access", [("valid_until", "tomorrow")], 422, "invalid"),
        (audit, "/users/{id}/audit-access/endings", [("x", "x")], 409, "no-audit-access"),
        (system, "/users/{id}/details", [("display_name", "")], 422, "invalid"),
    ] {
        let fields: Vec<(&str, &str)> = fields.into_iter().chain([("version", version.as_str())]).collect();
        let shot = house.post(by, &at(route), &fields).await;
        house.declined(route, by, &shot, status, reason);
    }
    for (by, who, route) in [
        (system, &crew.system, "/users/{id}/suspensions"),
        (security, &crew.security, "/users/{id}/roles"),
        (audit, &crew.audit, "/users/{id}/audit-access"),
    ] {
        let path = route.replace("{id}", &who.caller.id);
        let fields = [("version", "1"), ("roles", "counsel"), ("valid_until", "2027-01-01")];
        let shot = house.post(by, &path, &fields).await;
        house.declined(route, by, &shot, 409, "own-account");
    }

    let (propose, confirm) = ("/users/{id}/second-factor-resets", "/users/{id}/second-factor-resets/confirmations");
    let shot = house.post(security, &at(confirm), &[("totp", &house.fresh_code(&crew.security))]).await;
    house.declined(confirm, security, &shot, 409, "reset-not-proposed");
    let shot = house.post(system, &at(propose), &[("totp", "000000")]).await;
    house.declined(propose, system, &shot, 422, "invalid");
    let shot = house.post(system, &at(propose), &[("totp", &house.fresh_code(&crew.system))]).await;
    house.worked(propose, system, &shot);
    let shot = house.post(security, &at(confirm), &[("totp", &house.fresh_code(&crew.security))]).await;
    house.worked(confirm, security, &shot);
}

/// Departments, everybody's sessions and tokens.
async fn access(house: &House, crew: &Crew) {
    let (system, security) = (By::Person(&crew.system), By::Person(&crew.security));
    let all = departments::choices(&house.stage.app).await.unwrap();
    let id = all.into_iter().find(|d| d.name == "华东分公司").unwrap().id;
    let (change, close) = ("/departments/{id}", "/departments/{id}/closures");
    for (route, fields) in [(change, [("name", "华东"), ("version", "1")]), (close, [("name", ""), ("version", "2")])] {
        let path = route.replace("{id}", &id);
        let stale = house.post(system, &path, &[fields[0], ("version", "9")]).await;
        house.declined(route, system, &stale, 409, "conflict");
        let unknown = house.post(system, &route.replace("{id}", "nothing"), &fields).await;
        house.declined(route, system, &unknown, 404, "not_found");
        let shot = house.post(system, &path, &fields).await;
        house.worked(route, system, &shot);
    }

    let session = house.stage.session_of(&crew.nobody).await.1;
    let him = crew.nobody.caller.id.clone();
    for (route, id) in [("/sessions/{id}/revocations", &session), ("/users/{id}/session-revocations", &him)] {
        let path = route.replace("{id}", id);
        let shot = house.post(security, &path, &[("reason", "短")]).await;
        house.declined(route, security, &shot, 422, "invalid");
        let shot = house.post(security, &route.replace("{id}", "nothing"), &[("reason", "设备遗失，先行下线")]).await;
        house.declined(route, security, &shot, 404, "not_found");
        let shot = house.post(security, &path, &[("reason", "设备遗失，先行下线")]).await;
        house.worked(route, security, &shot);
    }
    let token = NewToken { name: "网关".to_owned(), scopes: vec!["recall.read".to_owned()], user: Some("nobody".to_owned()), expires_at: None };
    let token = tokens::create(&house.stage.app, &Caller::shell(), token, false, "").await.unwrap().value.id;
    let route = "/tokens/{id}/revocations";
    let shot = house.post(security, &route.replace("{id}", "nothing"), &[]).await;
    house.declined(route, security, &shot, 404, "not_found");
    let shot = house.post(security, &route.replace("{id}", &token), &[]).await;
    house.worked(route, security, &shot);
}

async fn connections(house: &House, crew: &Crew) -> String {
    let by = By::Person(&crew.system);
    let access = house.stage.emulator.access().clone();
    let agent = access.agent_id.to_string();
    let with = |name: &'static str, more: &[(&'static str, &'static str)]| {
        let mut all = vec![("name", name), ("platform", "wecom"), ("base_url", access.base_url.as_str())];
        all.extend([("corp_id", access.corp_id.as_str()), ("agent_id", agent.as_str()), ("secret", access.secret.as_str())]);
        all.extend_from_slice(more);
        all
    };
    let shot = house.post(by, "/connections", &with("备用连接", &[])).await;
    house.worked("/connections", by, &shot);
    let path = shot.location.clone();
    let shot = house.post(by, "/connections", &with("备用连接", &[])).await;
    house.declined("/connections", by, &shot, 422, "invalid");
    let shot = house.post(by, &path, &with("备用", &[("version", "1"), ("active", "1")])).await;
    house.worked("/connections/{id}", by, &shot);
    assert!(!serde_json::to_string(&shot.events).unwrap().contains(&access.secret), "the secret is in no event");
    let shot = house.post(by, &path, &with("备用", &[("version", "1"), ("active", "1")])).await;
    house.declined("/connections/{id}", by, &shot, 409, "conflict");
    let shot = house.post(by, &path, &with("", &[("version", "2"), ("active", "1")])).await;
    house.declined("/connections/{id}", by, &shot, 422, "invalid");
    let shot = house.post(by, &format!("{path}/tests"), &[]).await;
    house.worked("/connections/{id}/tests", by, &shot);
    for route in ["/connections/{id}", "/connections/{id}/tests"] {
        let shot = house.post(by, &route.replace("{id}", "nothing"), &with("x", &[])).await;
        house.declined(route, by, &shot, 404, "not_found");
    }
    path
}

/// A job that failed is tried again.
async fn work(house: &House, crew: &Crew) {
    let (by, route) = (By::Person(&crew.system), "/settings/jobs/{id}/retries");
    let app = &house.stage.app;
    app.store.write(|tx| tx.enqueue("make_audit_pack", "x", &json!({ "pack": null }), tx.now())).await.unwrap();
    countermand::jobs::run_due(app).await.unwrap();
    let now = app.now().0;
    let failed = app.store.read(move |conn| countermand::store::jobs::failed(conn, now, 9)).await.unwrap().remove(0).id;
    let shot = house.post(by, &route.replace("{id}", &failed), &[]).await;
    house.worked(route, by, &shot);
    let shot = house.post(by, &route.replace("{id}", "nothing"), &[]).await;
    house.declined(route, by, &shot, 404, "not_found");
    countermand::store::jobs::finish(&app.store, &failed).await.unwrap();
}

async fn messages(house: &House, crew: &Crew) {
    let by = By::Person(&crew.cast.requester);
    let people = house.stage.recipients().join("\n");
    let connection = house.stage.connection.clone();
    let fields = |step: &'static str, title: &'static str| {
        [("connection", connection.as_str()), ("audience", "some"), ("users", people.as_str()), ("title", title), ("text", "正文"), ("step", step)]
    };
    let looked = house.post(by, "/broadcasts", &fields("check", "通知")).await;
    let event = looked.one("a look at the check page");
    assert_eq!((event["action"].as_str(), event["outcome"].as_str()), (Some("permission.checked"), Some("success")), "{event:#}");
    for step in ["check", "send"] {
        let shot = house.post(by, "/broadcasts", &fields(step, "")).await;
        house.declined("/broadcasts", by, &shot, 422, "invalid");
    }
    let edited = house.post(by, "/broadcasts", &fields("edit", "通知")).await;
    assert_eq!(edited.one("a step back")["parts"]["detail"]["reason"], "edited");
    let shot = house.post(by, "/broadcasts", &fields("send", "通知")).await;
    house.worked("/broadcasts", by, &shot);

    let now = house.stage.app.now().to_rfc3339();
    let report =
        |title: &'static str| [("channel", "QQ 群"), ("sent_at", now.as_str()), ("audience", "代理商群"), ("title", title), ("text", "内部价九折")];
    let shot = house.post(by, "/reports", &report("报价单")).await;
    house.worked("/reports", by, &shot);
    let reported = shot.location.trim_start_matches("/broadcasts/").to_owned();
    let shot = house.post(by, "/reports", &[("channel", ""), ("title", "x")]).await;
    house.declined("/reports", by, &shot, 422, "invalid");

    delegations(house, crew).await;
    let route = "/self-recalls";
    let filing = |broadcast: &str, at: &str| {
        [("broadcast", broadcast.to_owned()), ("withdrawn_at", at.to_owned()), ("extent", "whole".to_owned()), ("note", "已在群里撤回".to_owned())]
    };
    let post = async |fields: [(&'static str, String); 4]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        house.post(by, route, &fields).await
    };
    for (broadcast, at) in [("nothing", now.as_str()), (&reported, ""), (&reported, "2001-01-01T10:00:00Z"), (&reported, "2099-01-01T10:00:00Z")] {
        let shot = post(filing(broadcast, at)).await;
        // Of a message that is not there no form can be shown again.
        house.declined(route, by, &shot, if broadcast == "nothing" { 404 } else { 422 }, "invalid");
    }
    let shot = post(filing(&reported, &now)).await;
    house.worked(route, by, &shot);
    let filed = shot.location;
    house.declined(route, by, &post(filing(&reported, &now)).await, 409, "self-recall-waiting");
    let route = "/self-recalls/{id}/checks";
    let (path, lawyer) = (format!("{filed}/checks"), By::Person(&crew.cast.lawyer));
    let check = async |by: By<'_>, path: &str, seen: &str, version: &str, code: &str| {
        house.post(by, path, &[("seen", seen), ("note", "在全员群里查看"), ("version", version), ("totp", code)]).await
    };
    let code = house.fresh_code(&crew.cast.lawyer);
    house.declined(route, by, &check(by, &path, "gone", "1", &code).await, 403, "permission");
    for (path, seen, version, code, status, why) in [
        ("/self-recalls/nothing/checks", "gone", "1", code.as_str(), 404, "not_found"),
        (path.as_str(), "filed", "1", &code, 422, "invalid"),
        (&path, "gone", "1", "", 422, "invalid"),
        (&path, "gone", "1", "000000", 422, "invalid"),
        (&path, "gone", "7", &code, 409, "conflict"),
    ] {
        house.declined(route, lawyer, &check(lawyer, path, seen, version, code).await, status, why);
    }
    house.worked(route, lawyer, &check(lawyer, &path, "visible", "1", &code).await);
    house.declined(route, lawyer, &check(lawyer, &path, "gone", "2", &code).await, 409, "self-recall-checked");
    tables(house, by).await;
}

/// A level is handed on and taken back.
async fn delegations(house: &House, crew: &Crew) {
    let until = house.stage.app.now().plus(std::time::Duration::from_secs(7200)).to_rfc3339();
    let (by, lawyer, security) = (By::Person(&crew.cast.reviewer), By::Person(&crew.cast.lawyer), By::Person(&crew.security));
    let route = "/delegations";
    let hand = async |by: By<'_>, to: &str, level: &str, code: &str| {
        let fields = [("to", to), ("levels", level), ("until", until.as_str()), ("reason", "出差期间请代为复核"), ("totp", code)];
        house.post(by, route, &fields).await
    };
    let requester = By::Person(&crew.cast.requester);
    house.declined(route, requester, &hand(requester, "hejing", "1", "000000").await, 403, "permission");
    let code = house.fresh_code(&crew.cast.reviewer);
    for (to, level, code) in
        [("", "1", code.as_str()), ("nobody", "1", &code), ("hejing", "2", &code), ("hejing", "1", ""), ("hejing", "1", "000000")]
    {
        house.declined(route, by, &hand(by, to, level, code).await, 422, "invalid");
    }
    let shot = hand(by, "hejing", "1", &code).await;
    house.worked(route, by, &shot);
    let (path, route) = (format!("{}/ends", shot.location), "/delegations/{id}/ends");
    house.declined(route, requester, &house.post(requester, &path, &[]).await, 403, "permission");
    house.declined(route, lawyer, &house.post(lawyer, &path, &[]).await, 403, "permission");
    house.declined(route, security, &house.post(security, &path, &[("reason", "")]).await, 422, "invalid");
    house.declined(route, by, &house.post(by, "/delegations/nothing/ends", &[]).await, 404, "not_found");
    house.worked(route, by, &house.post(by, &path, &[("reason", "已提前返回岗位")]).await);
    house.declined(route, by, &house.post(by, &path, &[]).await, 409, "delegation-over");
}

/// A table is uploaded, read otherwise, put in; another one is thrown away.
async fn tables(house: &House, by: By<'_>) {
    let route = "/broadcasts/imports";
    let now = house.stage.app.now().to_rfc3339();
    let table = |id: &str| format!("平台连接,消息编号,发送时间,正文,收件人\r\n{},{id},{now},正文,a\r\n", house.stage.connection);
    let kind = [("kind", "broadcasts")];
    let shot = house.upload(by, route, &kind, "file", b"PK\x03\x04").await;
    house.declined(route, by, &shot, 422, "invalid");
    let mut made = Vec::new();
    for id in ["sheet-1", "sheet-2"] {
        let shot = house.upload(by, route, &kind, "file", table(id).as_bytes()).await;
        house.worked(route, by, &shot);
        made.push(shot.location);
    }
    let at = |n: usize, what: &str| format!("{}/{what}", made[n]);
    let shot = house.post(by, &at(0, "confirmations"), &[]).await;
    house.declined("/broadcasts/imports/{id}/confirmations", by, &shot, 409, "import-not-ready");
    countermand::jobs::run_due(&house.stage.app).await.unwrap();
    let shot = house.post(by, &at(0, "checks"), &[("separator", "none")]).await;
    house.declined("/broadcasts/imports/{id}/checks", by, &shot, 422, "invalid");
    let shot = house.post(by, &at(0, "checks"), &[("separator", "comma")]).await;
    house.worked("/broadcasts/imports/{id}/checks", by, &shot);
    countermand::jobs::run_due(&house.stage.app).await.unwrap();
    let shot = house.post(by, &at(0, "confirmations"), &[]).await;
    house.worked("/broadcasts/imports/{id}/confirmations", by, &shot);
    countermand::jobs::run_due(&house.stage.app).await.unwrap();
    let shot = house.post(by, &at(0, "removals"), &[]).await;
    house.declined("/broadcasts/imports/{id}/removals", by, &shot, 409, "import-over");
    let shot = house.post(by, &at(1, "removals"), &[]).await;
    house.worked("/broadcasts/imports/{id}/removals", by, &shot);
}

async fn cases(house: &House, crew: &Crew) {
    let stage = &house.stage;
    let (requester, reviewer) = (By::Person(&crew.cast.requester), By::Person(&crew.cast.reviewer));
    let people = stage.recipients();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let broadcast = stage.notice(&crew.cast.requester, &people).await;
    let ask =
        |step: &'static str, reason: &'static str| [("broadcast", broadcast.as_str()), ("category", "leak"), ("reason", reason), ("step", step)];
    let looked = house.post(requester, "/recalls", &ask("check", "收件范围误选为全体员工")).await;
    let event = looked.one("a look at the check page");
    assert_eq!((event["action"].as_str(), event["outcome"].as_str()), (Some("permission.checked"), Some("success")), "{event:#}");
    for step in ["check", "submit"] {
        let shot = house.post(requester, "/recalls", &ask(step, "")).await;
        house.declined("/recalls", requester, &shot, 422, "invalid");
        let shot =
            house.post(requester, "/recalls", &[("broadcast", "nothing"), ("category", "leak"), ("reason", "收件范围误选"), ("step", step)]).await;
        assert_eq!((shot.status, shot.one("no such message")["outcome"].as_str()), (404, Some("refused")));
    }
    let nonce = [("nonce", "0123456789abcdef")];
    let (cookie, _) = stage.session_of(&crew.cast.requester).await;
    let twice: Vec<(&str, &str)> = ask("submit", "收件范围误选为全体员工").into_iter().chain(nonce).chain([("csrf", "forged-not")]).collect();
    let shot = house.post(By::Cookie(&cookie), "/recalls", &twice).await;
    house.worked("/recalls", By::Cookie(&cookie), &shot);
    let case = shot.case();
    let again = house.post(By::Cookie(&cookie), "/recalls", &twice).await;
    assert_eq!((again.status, &again.location), (303, &shot.location));
    assert_eq!(again.one("a double click")["parts"]["detail"]["reason"], "repeated");
    let shot = house.post(requester, "/recalls", &ask("submit", "收件范围误选为全体员工")).await;
    house.declined("/recalls", requester, &shot, 409, "case-open");

    super::passkeys::statement(house, &crew.cast.reviewer, &case).await;
    let route = "/recalls/{id}/decisions";
    let path = route.replace("{id}", &case);
    let code = house.fresh_code(&crew.cast.reviewer);
    let ballot = |decision: &'static str, code: &str, version: &str| {
        [
            ("decision", decision.to_owned()),
            ("comment", "情况属实，依制度处理".to_owned()),
            ("totp", code.to_owned()),
            ("version", version.to_owned()),
        ]
    };
    for (who, decision, code, version, status, reason) in [
        (&crew.cast.reviewer, "burn", code.as_str(), "1", 422, "invalid"),
        (&crew.cast.reviewer, "approve", "", "1", 422, "invalid"),
        (&crew.cast.reviewer, "approve", "000000", "1", 422, "invalid"),
        (&crew.cast.reviewer, "approve", &code, "7", 409, "conflict"),
        (&crew.cast.lawyer, "approve", &stage.code(&crew.cast.lawyer), "1", 409, "role-not-for-level"),
        (&crew.cast.requester, "approve", &stage.code(&crew.cast.requester), "1", 403, "permission"),
    ] {
        let fields = ballot(decision, code, version);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let shot = house.post(By::Person(who), &path, &fields).await;
        house.declined(route, By::Person(who), &shot, status, reason);
    }
    let fields = ballot("return", &code, "1");
    let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let shot = house.post(reviewer, &path, &fields).await;
    house.worked(route, reviewer, &shot);

    let route = "/recalls/{id}/resubmissions";
    let path = route.replace("{id}", &case);
    let shot = house.post(requester, &path, &[("reason", "")]).await;
    house.declined(route, requester, &shot, 422, "invalid");
    let shot = house.post(requester, &path, &[("reason", "补充：附件含职级薪酬区间")]).await;
    house.worked(route, requester, &shot);
    let shot = house.post(requester, &path, &[("reason", "补充：附件含职级薪酬区间")]).await;
    house.declined(route, requester, &shot, 409, "not-returned");

    beside(house, crew, &case).await;

    let route = "/recalls/{id}/halts";
    let path = route.replace("{id}", &case);
    let (security, executive) = (By::Person(&crew.security), By::Person(&crew.cast.executive));
    let shot = house.post(executive, &path, &[("reason", "！")]).await;
    house.declined(route, executive, &shot, 422, "invalid");
    let shot = house.post(security, &path, &[("reason", "接口异常，先停止执行")]).await;
    house.worked(route, security, &shot);
    let shot = house.post(security, &path, &[("reason", "接口异常，先停止执行")]).await;
    house.declined(route, security, &shot, 409, "nothing-to-halt");

    let route = "/recalls/{id}/withdrawal";
    let path = route.replace("{id}", &case);
    let other = stage.person("other", &[Role::Requester], "人力资源部").await;
    let shot = house.post(By::Person(&other), &path, &[("reason", "不是我的")]).await;
    house.declined(route, By::Person(&other), &shot, 404, "not_found");
    let shot = house.post(requester, &path, &[("reason", "已由本人撤回")]).await;
    house.worked(route, requester, &shot);
    let shot = house.post(requester, &path, &[("reason", "已由本人撤回")]).await;
    house.declined(route, requester, &shot, 409, "not-open");
    remedied(house, crew, &case).await;
    let beside = ["transfers", "additions", "removals", "questions", "answers", "comments", "reminders"];
    for route in ["statements", "decisions", "withdrawal", "resubmissions", "captures", "confirmations", "halts"].into_iter().chain(beside) {
        let by = match route {
            "statements" | "decisions" | "transfers" | "additions" | "removals" | "questions" => reviewer,
            "captures" | "confirmations" => By::Person(&crew.operator),
            "halts" => executive,
            _ => requester,
        };
        let shot = house.post(by, &format!("/recalls/nothing/{route}"), &[("reason", "没有这个案件")]).await;
        house.declined(&format!("/recalls/{{id}}/{route}"), by, &shot, 404, "not_found");
    }
    stage.run().await;
}

/// What is done in a case beside deciding.
async fn beside(house: &House, crew: &Crew, case: &str) {
    let next = house.stage.person("suntao", &[Role::DepartmentReviewer], "人力资源部").await;
    let (requester, reviewer) = (By::Person(&crew.cast.requester), By::Person(&crew.cast.reviewer));
    for (noun, by, field, again) in [
        ("questions", reviewer, "question", "question-open"),
        ("answers", requester, "answer", "nothing-to-answer"),
        ("comments", requester, "comment", ""),
        ("reminders", requester, "", "reminded-lately"),
        ("additions", reviewer, "reason", "add-not-eligible"),
        ("removals", reviewer, "reason", "nobody-to-remove"),
        ("transfers", reviewer, "reason", "transferred-to-another"),
    ] {
        let route = format!("/recalls/{{id}}/{noun}");
        let path = route.replace("{id}", case);
        if !field.is_empty() {
            let shot = house.post(by, &path, &[("to", &next.caller.id), (field, "。。。")]).await;
            house.declined(&route, by, &shot, 422, "invalid");
        }
        let said = [("to", next.caller.id.as_str()), (field, "附件是否已有人下载")];
        let shot = house.post(by, &path, &said).await;
        house.worked(&route, by, &shot);
        if !again.is_empty() {
            let shot = house.post(by, &path, &said).await;
            house.declined(&route, by, &shot, 409, again);
        }
    }
}

/// What is planned for a case that took nothing back.
async fn remedied(house: &House, crew: &Crew, case: &str) {
    let (requester, lawyer, operator) = (By::Person(&crew.cast.requester), By::Person(&crew.cast.lawyer), By::Person(&crew.operator));
    let route = "/recalls/{id}/remediations";
    let path = route.replace("{id}", case);
    let owner = crew.cast.requester.caller.id.as_str();
    let add = async |by: By<'_>, strategy: &str| house.post(by, &path, &[("strategy", strategy), ("owner", owner), ("note", "更正金额")]).await;
    house.declined(route, lawyer, &add(lawyer, "").await, 422, "invalid");
    house.declined(route, operator, &add(operator, "timeliness").await, 409, "remediation-not-planner");
    house.declined(route, lawyer, &add(lawyer, "statement").await, 409, "remediation-counsel");
    let mut steps = Vec::new();
    for strategy in ["timeliness", "clarification"] {
        house.worked(route, lawyer, &add(lawyer, strategy).await);
    }
    let id = case.to_owned();
    let rows = house.stage.app.store.read(move |conn| countermand::store::remediations::of_recall(conn, &id)).await.unwrap();
    steps.extend(rows.into_iter().map(|row| row.id));
    for (noun, by, field, step) in [("completions", requester, "done", &steps[0]), ("droppings", lawyer, "reason", &steps[1])] {
        let route = format!("/recalls/{{id}}/remediations/{noun}");
        let path = route.replace("{id}", case);
        let act = async |step: &str, said: &str| house.post(by, &path, &[("step", step), (field, said)]).await;
        let chosen = format!("{step} 1");
        house.declined(&route, by, &act(&chosen, "。。。").await, 422, "invalid");
        house.declined(&route, by, &act("nothing 1", "已补发更正消息").await, 404, "not_found");
        house.declined(&route, by, &act(&format!("{step} 7"), "已补发更正消息").await, 409, "conflict");
        house.worked(&route, by, &act(&chosen, "已补发更正消息").await);
        house.declined(&route, by, &act(&chosen, "已补发更正消息").await, 409, "remediation-ended");
    }
    remedied_by_program(house, crew, case).await;
}

/// The same by programs with the tokens of people; a program in nobody's name plans nothing.
async fn remedied_by_program(house: &House, crew: &Crew, case: &str) {
    let mine = house.stage.token(Some(&crew.cast.requester), &["recall.read"]).await;
    let operator = house.stage.token(Some(&crew.operator), &["recall.read"]).await;
    let service = house.stage.token(None, &["recall.read"]).await;
    let route = "/api/v1/recalls/{id}/remediations";
    let path = route.replace("{id}", case);
    let step = |strategy: &str| json!({ "strategy": strategy, "owner": crew.cast.requester.caller.id, "note": "更正金额" });
    for (token, strategy, status, reason) in
        [(&mine, "undo", 422, "invalid"), (&service, "tracing", 403, "permission"), (&operator, "tracing", 409, "remediation-not-planner")]
    {
        house.declined(route, By::Token(token), &house.api(token, &path, &step(strategy)).await, status, reason);
    }
    let made = |shot: &Shot| serde_json::from_str::<serde_json::Value>(&shot.body).unwrap()["id"].as_str().unwrap().to_owned();
    let (one, two) = (house.api(&mine, &path, &step("tracing")).await, house.api(&mine, &path, &step("clarification")).await);
    house.worked(route, By::Token(&mine), &one);
    house.worked(route, By::Token(&mine), &two);
    for (noun, field, id, other, why) in [
        ("completions", "done", made(&one), &operator, "remediation-not-owner"),
        ("droppings", "reason", made(&two), &operator, "remediation-not-planner"),
    ] {
        let route = format!("/api/v1/recalls/{{id}}/remediations/{noun}");
        let path = route.replace("{id}", case);
        let act = |said: &str, version: i64| json!({ "step": id, field: said, "version": version });
        house.declined(&route, By::Token(other), &house.api(other, &path, &act("五位群主均已答复", 1)).await, 409, why);
        house.declined(&route, By::Token(&mine), &house.api(&mine, &path, &act("。", 1)).await, 422, "invalid");
        house.declined(&route, By::Token(&mine), &house.api(&mine, &path, &act("五位群主均已答复", 9)).await, 409, "conflict");
        house.worked(&route, By::Token(&mine), &house.api(&mine, &path, &act("五位群主均已答复", 1)).await);
        house.declined(&route, By::Token(&mine), &house.api(&mine, &path, &act("五位群主均已答复", 1)).await, 409, "remediation-ended");
    }
}

async fn guided(house: &House, crew: &Crew) -> String {
    let case = house.guided(&crew.cast).await;
    let (operator, second) = (By::Person(&crew.operator), By::Person(&crew.second));
    let (captures, confirmations) = ("/recalls/{id}/captures", "/recalls/{id}/confirmations");
    let at = |route: &str| route.replace("{id}", &case);
    let fields = [("outcome", "unknown"), ("note", "后台没有显示结果如何")];
    let shot = house.upload(operator, &at(captures), &fields, "capture", b"<svg onload=alert(1)>").await;
    house.declined(captures, operator, &shot, 422, "invalid");
    let code = house.fresh_code(&crew.second);
    let seen = |outcome: &'static str, code: &'static str| [("outcome", outcome), ("note", "已核对"), ("totp", code)];
    let shot = house.post(second, &at(confirmations), &[("outcome", "unknown"), ("totp", &code)]).await;
    house.declined(confirmations, second, &shot, 409, "no-capture");
    let shot = house.upload(operator, &at(captures), &fields, "capture", PICTURE).await;
    house.worked(captures, operator, &shot);
    for (who, outcome, code, status, reason) in [
        (&crew.operator, "unknown", house.stage.code(&crew.operator), 409, "own-capture"),
        (&crew.second, "accepted", code.clone(), 409, "better-than-stated"),
        (&crew.second, "confirmed", code.clone(), 422, "invalid"),
        (&crew.second, "unknown", String::new(), 422, "invalid"),
        (&crew.second, "unknown", "000000".to_owned(), 422, "invalid"),
        (&crew.cast.requester, "unknown", house.stage.code(&crew.cast.requester), 403, "permission"),
    ] {
        let shot = house.post(By::Person(who), &at(confirmations), &[("outcome", outcome), ("note", "已核对"), ("totp", &code)]).await;
        house.declined(confirmations, By::Person(who), &shot, status, reason);
    }
    // Not burnt by what was refused before.
    let shot = house.post(second, &at(confirmations), &[("outcome", "unknown"), ("note", "已核对"), ("totp", &code)]).await;
    house.worked(confirmations, second, &shot);
    let shot = house.post(second, &at(confirmations), &seen("unknown", "000000")).await;
    house.declined(confirmations, second, &shot, 409, "nothing-to-finish");
    house.stage.run().await;
    case
}

async fn evidence(house: &House, crew: &Crew, case: &str) {
    let by = By::Person(&crew.counsel);
    let code = house.fresh_code(&crew.counsel);
    let route = "/evidence/exports";
    for (case, purpose, code, reason) in
        [(case, "", code.as_str(), "invalid"), (case, "劳动仲裁举证", "000000", "invalid"), ("nothing", "劳动仲裁举证", &code, "not_found")]
    {
        let shot = house.post(by, route, &[("case", case), ("purpose", purpose), ("totp", code)]).await;
        house.declined(route, by, &shot, 422, reason);
    }
    let shot = house.post(by, route, &[("case", case), ("purpose", "劳动仲裁举证"), ("totp", &code)]).await;
    house.worked(route, by, &shot);
    let (route, path) = ("/evidence/{number}/downloads", format!("{}/downloads", shot.location));
    for code in [code.as_str(), "000000", ""] {
        let shot = house.post(by, &path, &[("totp", code)]).await;
        house.declined(route, by, &shot, 422, "invalid");
    }
    let shot = house.post(by, "/evidence/EVID-0/downloads", &[("totp", "000000")]).await;
    house.declined(route, by, &shot, 404, "not_found");
    let code = house.fresh_code(&crew.counsel);
    let shot = house.post(by, &path, &[("totp", &code)]).await;
    house.worked(route, by, &shot);
    let (route, auditor) = ("/audit/exports", By::Person(&crew.auditor));
    for (name, value) in [("totp", "000000"), ("totp", ""), ("address", "x")] {
        let shot = house.post(auditor, route, &[(name, value)]).await;
        house.declined(route, auditor, &shot, 422, "invalid");
    }
    let shot = house.post(auditor, route, &[("from", "nonsense")]).await;
    house.refused("a date that is none", "permission.checked", auditor, &shot, 422, "invalid");
    let code = house.fresh_code(&crew.auditor);
    let shot = house.post(auditor, route, &[("case", case), ("totp", &code)]).await;
    house.worked(route, auditor, &shot);
    let route = "/tokens";
    let maker = By::Person(&crew.system);
    let code = house.fresh_code(&crew.system);
    for (fields, works) in [
        (&[("name", "归档系统"), ("scopes", "recall.read"), ("totp", "000000")][..], false),
        (&[("name", "归档系统"), ("scopes", "recall.decide"), ("totp", &code)], false),
        (&[("name", "归档系统"), ("scopes", "recall.read"), ("ends", "2001-01-01"), ("totp", &code)], false),
        (&[("name", "归档系统"), ("scopes", "recall.read"), ("ends", "2099-01-01"), ("totp", &code)], true),
    ] {
        let shot = house.post(maker, route, fields).await;
        if works {
            house.worked(route, maker, &shot);
            assert!(shot.body.contains("cmt_"), "shown once: {}", shot.body);
        } else {
            house.declined(route, maker, &shot, 422, "invalid");
        }
    }
    let (route, of) = ("/broadcasts/{id}/unmaskings", house.stage.loaded(case).await.row.broadcast_id);
    let path = format!("/broadcasts/{of}/unmaskings");
    for fields in [&[("reason", "短"), ("totp", "123456")], &[("reason", "第四季度审计项目抽样核对原文"), ("totp", "000000")]] {
        let shot = house.post(auditor, &path, fields).await;
        house.declined(route, auditor, &shot, 422, "invalid");
    }
    let code = house.fresh_code(&crew.auditor);
    let shot = house.post(auditor, &path, &[("reason", "第四季度审计项目抽样核对原文"), ("totp", &code)]).await;
    house.worked(route, auditor, &shot);
    let lists = [
        ("/recalls/exports", "state", "open", &crew.auditor),
        ("/broadcasts/exports", "platform", "wecom", &crew.auditor),
        ("/users/exports", "q", "wang", &crew.security),
    ];
    for (route, field, value, who) in lists {
        for wrong in ["000000", ""] {
            let shot = house.post(By::Person(who), route, &[(field, value), ("totp", wrong)]).await;
            house.declined(route, By::Person(who), &shot, 422, "invalid");
        }
        let code = house.fresh_code(who);
        let shot = house.post(By::Person(who), route, &[(field, value), ("totp", &code)]).await;
        house.worked(route, By::Person(who), &shot);
    }
    let route = "/audit/searches";
    for (fields, reason) in [(&[("action", "recall.decided")][..], "invalid"), (&[("name", "三级复核"), ("address", "x")], "invalid")] {
        let shot = house.post(auditor, route, fields).await;
        house.declined(route, auditor, &shot, 422, reason);
    }
    let shot = house.post(auditor, route, &[("name", "三级复核"), ("action", "recall.decided"), ("shared", "1")]).await;
    house.worked(route, auditor, &shot);
    let id = shot.one(route)["subject"]["id"].as_str().unwrap().to_owned();
    let (route, path) = ("/audit/searches/{id}/removals", format!("/audit/searches/{id}/removals"));
    let shot = house.post(By::Person(&crew.audit), &path, &[]).await;
    house.declined(route, By::Person(&crew.audit), &shot, 404, "not_found");
    let shot = house.post(auditor, &path, &[]).await;
    house.worked(route, auditor, &shot);
    let route = "/reminders";
    let shot = house.post(By::Person(&crew.cast.requester), route, &[("state", "open")]).await;
    house.declined(route, By::Person(&crew.cast.requester), &shot, 422, "invalid");
    let waiting = house.stage.case(&house.stage.cast2(&crew.cast).await).await;
    let shot = house.post(By::Person(&crew.cast.requester), route, &[("cases", &waiting)]).await;
    house.worked(route, By::Person(&crew.cast.requester), &shot);
    let shot = house.post(By::Person(&crew.cast.requester), route, &[("cases", &waiting)]).await;
    house.declined(route, By::Person(&crew.cast.requester), &shot, 409, "reminded-lately");
    let route = "/views";
    let shot = house.post(auditor, route, &[("list", "recalls"), ("state", "open")]).await;
    house.declined(route, auditor, &shot, 422, "invalid");
    let shot = house.post(auditor, route, &[("list", "recalls"), ("state", "open"), ("name", "进行中")]).await;
    house.worked(route, auditor, &shot);
    let id = shot.one(route)["subject"]["id"].as_str().unwrap().to_owned();
    let (route, path) = ("/views/{id}/removals", format!("/views/{id}/removals"));
    let shot = house.post(by, &path, &[]).await;
    house.declined(route, by, &shot, 404, "not_found");
    let shot = house.post(auditor, &path, &[]).await;
    house.worked(route, auditor, &shot);
    let route = "/evidence/verification";
    let shot = house.post(by, route, &[]).await;
    house.declined(route, by, &shot, 422, "invalid");
    let shot = house.upload(by, route, &[], "bundle", b"not a bundle").await;
    house.worked(route, by, &shot);
}

async fn programs(house: &House, crew: &Crew) {
    let stage = &house.stage;
    let (ask, decide) = (&["broadcast.send", "recall.request", "recall.read"], &["recall.decide", "recall.read"]);
    let mine = stage.token(Some(&crew.cast.requester), ask).await;
    let theirs = stage.token(Some(&crew.cast.reviewer), decide).await;
    let by = By::Token(&mine);
    let people = stage.recipients();
    let sent = json!({ "connection": stage.connection, "title": "通知", "text": "正文", "audience": { "users": people } });
    let shot = house.api(&mine, "/api/v1/broadcasts", &sent).await;
    house.worked("/api/v1/broadcasts", by, &shot);
    let shot = house.api(&mine, "/api/v1/broadcasts", &json!({})).await;
    house.declined("/api/v1/broadcasts", by, &shot, 422, "invalid");
    let now = stage.app.now().to_rfc3339();
    let import = json!({
        "connection": stage.connection, "sent_at": now, "message_ids": ["imported-1"], "content": { "title": "旧通知", "text": "正文" }, "recipients": people,
    });
    let shot = house.api(&mine, "/api/v1/broadcasts/imports", &import).await;
    house.worked("/api/v1/broadcasts/imports", by, &shot);
    let broadcast = serde_json::from_str::<serde_json::Value>(&shot.body).unwrap()["id"].as_str().unwrap().to_owned();
    let shot = house.api(&mine, "/api/v1/broadcasts/imports", &import).await;
    house.declined("/api/v1/broadcasts/imports", by, &shot, 409, "already-imported");
    let report = json!({ "channel": "QQ 群", "sent_at": now, "audience": "代理商群", "title": "报价单", "text": "九折" });
    let shot = house.api(&mine, "/api/v1/reports", &report).await;
    house.worked("/api/v1/reports", by, &shot);
    let shot = house.api(&mine, "/api/v1/reports", &json!({ "channel": "x" })).await;
    house.declined("/api/v1/reports", by, &shot, 422, "invalid");

    let asked = json!({ "broadcast": broadcast, "category": "wrong_fact", "reason": "金额写错了一位数" });
    let shot = house.api(&mine, "/api/v1/recalls", &asked).await;
    house.worked("/api/v1/recalls", by, &shot);
    let case = serde_json::from_str::<serde_json::Value>(&shot.body).unwrap()["id"].as_str().unwrap().to_owned();
    let shot = house.api(&mine, "/api/v1/recalls", &asked).await;
    house.declined("/api/v1/recalls", by, &shot, 409, "case-open");
    let shot = house.api(&mine, "/api/v1/recalls", &json!({ "broadcast": "nothing" })).await;
    house.declined("/api/v1/recalls", by, &shot, 422, "invalid");

    let route = "/api/v1/recalls/{id}/decisions";
    let path = route.replace("{id}", &case);
    let by = By::Token(&theirs);
    let code = house.fresh_code(&crew.cast.reviewer);
    let service = stage.token(None, &["recall.read", "recall.request"]).await;
    for (token, path, code, status, reason) in [
        (&service, path.as_str(), code.as_str(), 403, "permission"),
        (&mine, &path, &code, 403, "permission"),
        (&theirs, &path, "000000", 409, "invalid"),
        (&theirs, &path, "", 422, "invalid"),
        (&theirs, "/api/v1/recalls/nothing/decisions", &code, 404, "not_found"),
    ] {
        let shot = house.api(token, path, &json!({ "decision": "approve", "comment": "情况属实，同意撤回", "totp": code })).await;
        house.declined(route, By::Token(token), &shot, status, reason);
    }
    let shot = house.api(&theirs, &path, &json!({ "decision": "approve", "comment": "情况属实，同意撤回", "totp": code })).await;
    house.worked(route, by, &shot);
    let shot = house.api(&theirs, &path, &json!({ "decision": "approve", "comment": "情况属实，同意撤回", "totp": code })).await;
    assert_eq!(shot.one("twice")["outcome"], "refused");

    let next = stage.person("lilin", &[Role::LegalReviewer], "法务部").await;
    let hand = stage.token(Some(&crew.cast.lawyer), &["recall.decide"]).await;
    let until = stage.app.now().plus(std::time::Duration::from_secs(7200)).to_rfc3339();
    let body = |levels: serde_json::Value, code: &str| json!({ "to": "lilin", "levels": levels, "until": until, "reason": "出差期间请代为复核", "totp": code });
    let route = "/api/v1/delegations";
    let code = house.fresh_code(&crew.cast.lawyer);
    let shot = house.api(&hand, route, &body(json!([]), &code)).await;
    house.declined(route, By::Token(&hand), &shot, 422, "invalid");
    let shot = house.api(&hand, route, &body(json!([2]), &code)).await;
    house.worked(route, By::Token(&hand), &shot);
    let id = serde_json::from_str::<serde_json::Value>(&shot.body).unwrap()["id"].as_str().unwrap().to_owned();
    let route = "/api/v1/delegations/{id}/ends";
    let shot = house.api(&hand, &route.replace("{id}", "nothing"), &json!({})).await;
    house.declined(route, By::Token(&hand), &shot, 404, "not_found");
    let shot = house.api(&hand, &route.replace("{id}", &id), &json!({ "reason": "已提前返回岗位" })).await;
    house.worked(route, By::Token(&hand), &shot);
    let lawyer = stage.token(Some(&crew.cast.lawyer), &["recall.read", "recall.decide"]).await;
    for (noun, token, body) in [
        ("questions", &lawyer, json!({ "question": "附件是否已有人下载" })),
        ("answers", &mine, json!({ "answer": "尚无人下载附件" })),
        ("comments", &mine, json!({ "comment": "已通知部门同事" })),
        ("reminders", &mine, json!({})),
        ("additions", &lawyer, json!({ "to": next.caller.name, "reason": "请李琳一并核对" })),
        ("removals", &lawyer, json!({ "to": next.caller.name, "reason": "已当面核对，不必再等" })),
        ("transfers", &lawyer, json!({ "to": next.caller.name, "reason": "出差，请李琳处理" })),
    ] {
        let route = format!("/api/v1/recalls/{{id}}/{noun}");
        if noun != "reminders" {
            let shot = house.api(token, &route.replace("{id}", &case), &json!({})).await;
            house.declined(&route, By::Token(token), &shot, 422, "invalid");
        }
        let shot = house.api(token, &route.replace("{id}", &case), &body).await;
        house.worked(&route, By::Token(token), &shot);
        let shot = house.api(token, &route.replace("{id}", "nothing"), &body).await;
        house.declined(&route, By::Token(token), &shot, 404, "not_found");
    }

    let route = "/api/v1/recalls/{id}/withdrawal";
    let shot = house.api(&mine, &route.replace("{id}", &case), &json!({ "reason": "已由本人撤回" })).await;
    house.worked(route, By::Token(&mine), &shot);
    let shot = house.api(&mine, &route.replace("{id}", &case), &json!({ "reason": "已由本人撤回" })).await;
    house.declined(route, By::Token(&mine), &shot, 409, "not-open");
    let shot = house.api(&mine, &route.replace("{id}", "nothing"), &json!({})).await;
    house.declined(route, By::Token(&mine), &shot, 404, "not_found");

    let route = "/api/v1/recalls/{id}/resubmissions";
    let said = |shot: &Shot, member: &str| serde_json::from_str::<serde_json::Value>(&shot.body).unwrap()[member].as_str().unwrap().to_owned();
    let report = json!({ "channel": "QQ 群", "sent_at": now, "audience": "代理商群", "title": "价目", "text": "八折" });
    let broadcast = said(&house.api(&mine, "/api/v1/reports", &report).await, "id");
    let asked = json!({ "broadcast": broadcast, "category": "wrong_fact", "reason": "金额写错了一位数" });
    let case = said(&house.api(&mine, "/api/v1/recalls", &asked).await, "id");
    let path = route.replace("{id}", &case);
    let again = json!({ "reason": "已补充数据来源" });
    house.declined(route, By::Token(&mine), &house.api(&mine, &path, &again).await, 409, "not-returned");
    let code = house.fresh_code(&crew.cast.reviewer);
    let back = json!({ "decision": "return", "comment": "请补充数据来源", "totp": code });
    assert_eq!(house.api(&theirs, &format!("/api/v1/recalls/{case}/decisions"), &back).await.status, 200);
    house.declined(route, By::Token(&mine), &house.api(&mine, &path, &json!({})).await, 422, "invalid");
    house.worked(route, By::Token(&mine), &house.api(&mine, &path, &again).await);

    let keeper = stage.token(None, &["evidence.export", "recall.read"]).await;
    let by = By::Token(&keeper);
    let route = "/api/v1/evidence/exports";
    let shot = house.api(&keeper, route, &json!({ "case": "nothing", "purpose": "劳动仲裁举证" })).await;
    house.declined(route, by, &shot, 404, "not_found");
    let shot = house.api(&keeper, route, &json!({ "case": case, "purpose": "劳动仲裁举证" })).await;
    house.worked(route, by, &shot);
    let (route, path) = ("/api/v1/evidence/{number}/downloads", format!("{}/downloads", said(&shot, "href")));
    house.declined(route, by, &house.api(&keeper, &path.replace("EVID-", "EVID-0"), &json!({})).await, 404, "not_found");
    house.worked(route, by, &house.api(&keeper, &path, &json!({})).await);
    let route = "/api/v1/evidence/verification";
    for (bundle, status) in [(&b""[..], 409), (b"not a bundle", 200)] {
        let (request, _) = house.request(by, Method::POST, route).await;
        let shot = house.shoot(request.header("content-type", "application/zip").body(bundle.to_vec())).await;
        if status == 200 { house.worked(route, by, &shot) } else { house.declined(route, by, &shot, status, "invalid") }
    }
    guided_by_program(house, crew).await;
    filed_by_program(house, crew).await;
    lists_by_program(house, crew).await;
    tables_by_program(house, crew).await;
}

/// What a sender took back, filed and checked by programs with the tokens of people; and reminders of several cases.
async fn filed_by_program(house: &House, crew: &Crew) {
    let stage = &house.stage;
    let mine = stage.token(Some(&crew.cast.requester), &["broadcast.send", "recall.request", "recall.read"]).await;
    let theirs = stage.token(Some(&crew.cast.reviewer), &["recall.decide", "recall.read"]).await;
    let service = stage.token(None, &["broadcast.send", "recall.read"]).await;
    let now = stage.app.now().to_rfc3339();
    let report = json!({ "channel": "QQ 群", "sent_at": now, "audience": "代理商群", "title": "报价", "text": "七折" });
    let said = |shot: &Shot, member: &str| serde_json::from_str::<serde_json::Value>(&shot.body).unwrap()[member].as_str().unwrap().to_owned();
    let broadcast = said(&house.api(&mine, "/api/v1/reports", &report).await, "id");
    let route = "/api/v1/self-recalls";
    let filing = |extent: &str| json!({ "broadcast": broadcast, "withdrawn_at": now, "extent": extent, "note": "发出后立即在群里撤回" });
    let shot = house.api(&mine, route, &filing("most")).await;
    house.declined(route, By::Token(&mine), &shot, 422, "invalid");
    let shot = house.api(&service, route, &filing("whole")).await;
    house.declined(route, By::Token(&service), &shot, 403, "permission");
    let shot = house.api(&mine, route, &filing("whole")).await;
    house.worked(route, By::Token(&mine), &shot);
    let path = format!("{}/checks", said(&shot, "href"));
    let shot = house.api(&mine, route, &filing("whole")).await;
    house.declined(route, By::Token(&mine), &shot, 409, "self-recall-waiting");
    let route = "/api/v1/self-recalls/{id}/checks";
    let code = house.fresh_code(&crew.cast.reviewer);
    let check = |code: &str| json!({ "seen": "gone", "note": "在代理商群里查看", "totp": code });
    for (token, path, code, status, reason) in [
        (&mine, path.as_str(), code.as_str(), 403, "permission"),
        (&theirs, "/api/v1/self-recalls/nothing/checks", &code, 404, "not_found"),
        (&theirs, &path, "", 422, "invalid"),
        (&theirs, &path, "000000", 409, "invalid"),
    ] {
        let shot = house.api(token, path, &check(code)).await;
        house.declined(route, By::Token(token), &shot, status, reason);
    }
    house.worked(route, By::Token(&theirs), &house.api(&theirs, &path, &check(&code)).await);
    let shot = house.api(&theirs, &path, &check(&house.fresh_code(&crew.cast.reviewer))).await;
    house.declined(route, By::Token(&theirs), &shot, 409, "self-recall-checked");
    let route = "/api/v1/reminders";
    let waiting = stage.case(&stage.cast2(&crew.cast).await).await;
    let shot = house.api(&mine, route, &json!({ "cases": [] })).await;
    house.declined(route, By::Token(&mine), &shot, 422, "invalid");
    house.worked(route, By::Token(&mine), &house.api(&mine, route, &json!({ "cases": [waiting] })).await);
    for (case, reason) in [(waiting.as_str(), "reminded-lately"), ("nothing", "not_found")] {
        let shot = house.api(&mine, route, &json!({ "cases": [case] })).await;
        house.declined(route, By::Token(&mine), &shot, 200, reason);
    }
}

/// Lists that programs carry away with the token of a person.
async fn lists_by_program(house: &House, crew: &Crew) {
    let token = house.stage.token(Some(&crew.cast.lawyer), &["recall.read", "broadcast.read"]).await;
    let service = house.stage.token(None, &["recall.read", "broadcast.read"]).await;
    for (route, asked) in [("/api/v1/recalls/exports", json!({ "category": "leak" })), ("/api/v1/broadcasts/exports", json!({}))] {
        let with = |code: &str| {
            let mut asked = asked.clone();
            asked["totp"] = code.into();
            asked
        };
        for (token, code, status, reason) in
            [(&service, "123456", 403, "permission"), (&token, "", 422, "invalid"), (&token, "000000", 409, "invalid")]
        {
            let shot = house.api(token, route, &with(code)).await;
            house.declined(route, By::Token(token), &shot, status, reason);
        }
        let shot = house.api(&token, route, &with(&house.fresh_code(&crew.cast.lawyer))).await;
        house.worked(route, By::Token(&token), &shot);
    }
}

/// A table is uploaded, read otherwise, put in by a program; another one is thrown away.
async fn tables_by_program(house: &House, crew: &Crew) {
    let mine = house.stage.token(Some(&crew.cast.requester), &["broadcast.send"]).await;
    let service = house.stage.token(None, &["broadcast.send"]).await;
    let by = By::Token(&mine);
    let now = house.stage.app.now().to_rfc3339();
    let table = |id: &str| {
        let text = format!("平台连接,消息编号,发送时间,正文,收件人\r\n{},{id},{now},正文,a\r\n", house.stage.connection);
        json!({ "kind": "broadcasts", "name": "群发.csv", "data": STANDARD.encode(text) })
    };
    let route = "/api/v1/imports";
    for (token, body, status, reason) in [
        (&service, table("by-program-0"), 403, "permission"),
        (&mine, json!({ "kind": "people", "data": "" }), 422, "invalid"),
        (&mine, json!({ "kind": "broadcasts", "data": STANDARD.encode(b"PK\x03\x04") }), 409, "invalid"),
        (&mine, json!({ "kind": "recipients", "data": STANDARD.encode("收件人\r\na\r\n") }), 409, "invalid"),
    ] {
        let shot = house.api(token, route, &body).await;
        house.declined(route, By::Token(token), &shot, status, reason);
    }
    let mut made = Vec::new();
    for id in ["by-program-1", "by-program-2"] {
        let shot = house.api(&mine, route, &table(id)).await;
        house.worked(route, by, &shot);
        made.push(serde_json::from_str::<serde_json::Value>(&shot.body).unwrap()["href"].as_str().unwrap().to_owned());
    }
    let shot = house.api(&mine, route, &table("by-program-1")).await;
    assert_eq!((shot.status, shot.one("the same table")["parts"]["detail"]["reason"].as_str()), (201, Some("import-known")), "{}", shot.body);
    let at = |n: usize, what: &str| format!("{}/{what}", made[n]);
    let (checks, confirmations, removals) = ("/api/v1/imports/{id}/checks", "/api/v1/imports/{id}/confirmations", "/api/v1/imports/{id}/removals");
    for route in [checks, confirmations, removals] {
        let shot = house.api(&mine, &route.replace("{id}", "nothing"), &json!({})).await;
        house.declined(route, by, &shot, 404, "not_found");
    }
    house.declined(confirmations, by, &house.api(&mine, &at(0, "confirmations"), &json!({})).await, 409, "import-not-ready");
    countermand::jobs::run_due(&house.stage.app).await.unwrap();
    house.declined(checks, by, &house.api(&mine, &at(0, "checks"), &json!({ "separator": "none" })).await, 422, "invalid");
    house.worked(checks, by, &house.api(&mine, &at(0, "checks"), &json!({ "separator": "comma" })).await);
    countermand::jobs::run_due(&house.stage.app).await.unwrap();
    house.worked(confirmations, by, &house.api(&mine, &at(0, "confirmations"), &json!({})).await);
    countermand::jobs::run_due(&house.stage.app).await.unwrap();
    house.declined(removals, by, &house.api(&mine, &at(0, "removals"), &json!({})).await, 409, "import-over");
    house.worked(removals, by, &house.api(&mine, &at(1, "removals"), &json!({})).await);
}

/// A guided recall that programs carry out with the tokens of people, and the halt of a case.
async fn guided_by_program(house: &House, crew: &Crew) {
    let case = house.guided(&crew.cast).await;
    let operator = house.stage.token(Some(&crew.operator), &["recall.execute", "recall.read"]).await;
    let second = house.stage.token(Some(&crew.second), &["recall.execute", "recall.read"]).await;
    let service = house.stage.token(None, &["recall.execute", "recall.halt", "recall.read"]).await;
    let (captures, confirmations, halts) = ("/api/v1/recalls/{id}/captures", "/api/v1/recalls/{id}/confirmations", "/api/v1/recalls/{id}/halts");
    let picture = |bytes: &[u8]| json!({ "outcome": "unknown", "note": "后台没有显示结果如何", "name": "shot.png", "data": STANDARD.encode(bytes) });
    let seen = |outcome: &str, code: &str| json!({ "outcome": outcome, "totp": code });
    let code = house.fresh_code(&crew.second);
    for (route, token, body, status, reason) in [
        (captures, &service, picture(PICTURE), 403, "permission"),
        (captures, &operator, picture(b"<svg onload=alert(1)>"), 409, "invalid"),
        (confirmations, &service, seen("unknown", ""), 403, "permission"),
        (confirmations, &second, seen("unknown", &code), 409, "no-capture"),
        (confirmations, &second, seen("confirmed", &code), 422, "invalid"),
        (halts, &operator, json!({ "reason": "接口异常，先停止执行" }), 403, "permission"),
        (halts, &service, json!({ "reason": "停" }), 422, "invalid"),
    ] {
        let shot = house.api(token, &route.replace("{id}", &case), &body).await;
        house.declined(route, By::Token(token), &shot, status, reason);
    }
    for (route, token, body, again) in [
        (captures, &operator, picture(PICTURE), None),
        (halts, &service, json!({ "reason": "接口异常，先停止执行" }), Some("nothing-to-halt")),
        (confirmations, &second, seen("unknown", &code), Some("nothing-to-finish")),
    ] {
        let at = |case: &str| route.replace("{id}", case);
        house.worked(route, By::Token(token), &house.api(token, &at(&case), &body).await);
        if let Some(reason) = again {
            house.declined(route, By::Token(token), &house.api(token, &at(&case), &body).await, 409, reason);
        }
        house.declined(route, By::Token(token), &house.api(token, &at("nothing"), &body).await, 404, "not_found");
    }
    assert_eq!(house.stage.state(&case).await, "failed", "nobody's word makes it better than it is");
    house.stage.run().await;
}

const WHY: &str = "劳动仲裁委员会已受理，案号 2026-118";

async fn watching(house: &House, crew: &Crew) {
    let (audit, security) = (By::Person(&crew.audit), By::Person(&crew.security));
    let (one, known) = ("/alerts/rules/{rule}", "/alerts/rules/refusals");
    let code = house.fresh_code(&crew.security);
    let set = |threshold: &'static str, version: &'static str, code: &str| {
        [
            ("enabled", "1".to_owned()),
            ("threshold", threshold.to_owned()),
            ("span", "10".to_owned()),
            ("severity", "medium".to_owned()),
            ("roles", "audit_administrator".to_owned()),
            ("roles", "security_administrator".to_owned()),
            ("roles", "auditor".to_owned()),
            ("reason", "试运行期间先放宽".to_owned()),
            ("version", version.to_owned()),
            ("totp", code.to_owned()),
        ]
    };
    let post = async |path: &str, fields: [(&'static str, String); 10]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        house.post(security, path, &fields).await
    };
    for (path, threshold, version, code, status, reason) in [
        ("/alerts/rules/nothing", "3", "0", code.as_str(), 404, "not_found"),
        (known, "0", "0", &code, 422, "invalid"),
        (known, "many", "0", &code, 422, "invalid"),
        (known, "3", "0", "000000", 422, "invalid"),
        (known, "3", "0", "", 422, "invalid"),
        (known, "3", "7", &code, 409, "conflict"),
        (known, "5", "0", &code, 409, "rule-unchanged"),
    ] {
        house.declined(one, security, &post(path, set(threshold, version, code)).await, status, reason);
    }
    house.worked(one, security, &post(known, set("3", "0", &code)).await);

    let route = "/alerts/{id}/acknowledgements";
    for _ in 0..3 {
        house.post(audit, "/broadcasts", &[("title", "无权")]).await;
    }
    alerts::watch::pass(&house.stage.app).await.unwrap();
    let wanted = alerts::Wanted { rule: Some(Rule::Refusals), ..alerts::Wanted::default() };
    let (found, _) = alerts::list(&house.stage.app, &crew.audit.caller, wanted, Turn::First).await.unwrap();
    let mine = found.iter().find(|a| a.about_id == crew.audit.caller.id).unwrap();
    let at = route.replace("{id}", &mine.id);
    let note = [("note", "已核实，系误操作"), ("version", "1")];
    for (by, path, note, version, status, reason) in [
        (audit, at.as_str(), "已核实，系误操作", "1", 409, "alert-own-act"),
        (security, &at, "短", "1", 422, "invalid"),
        (security, &at, "已核实，系误操作", "9", 409, "conflict"),
        (security, "/alerts/nothing/acknowledgements", "已核实，系误操作", "1", 404, "not_found"),
        // Not told of this rule.
        (By::Person(&crew.system), &at, "已核实，系误操作", "1", 404, "not_found"),
    ] {
        let shot = house.post(by, path, &[("note", note), ("version", version)]).await;
        house.declined(route, by, &shot, status, reason);
    }
    let shot = house.post(security, &at, &note).await;
    house.worked(route, security, &shot);
    let shot = house.post(security, &at, &note).await;
    house.declined(route, security, &shot, 409, "alert-acknowledged");
}

async fn holds(house: &House, crew: &Crew, case: &str) {
    let (counsel, audit) = (By::Person(&crew.counsel), By::Person(&crew.audit));
    let code = |who| house.fresh_code(who);
    let number = house.stage.loaded(case).await.row.number;
    let route = "/holds";
    for (fields, status) in [
        (vec![("reason", WHY)], 422),
        (vec![("case", "FR-0"), ("reason", WHY)], 422),
        (vec![("person", "no-such"), ("broadcast", "no-such"), ("action", "no.such"), ("reason", WHY)], 422),
        (vec![("from", "2026-03-02"), ("to", "2026-03-01"), ("reason", WHY)], 422),
        (vec![("case", number.as_str()), ("reason", "短")], 422),
        (vec![("case", number.as_str()), ("reason", WHY), ("totp", "000000")], 422),
    ] {
        let shot = house.post(counsel, route, &fields).await;
        house.declined(route, counsel, &shot, status, "invalid");
    }
    let shot = house.post(counsel, route, &[("case", &number), ("from", "tomorrow"), ("reason", WHY)]).await;
    assert_eq!(shot.one("a day that is none")["parts"]["detail"]["reason"], "invalid");
    let place = async |by: By<'_>, who, person: &str| {
        let fields = [("case", number.as_str()), ("person", person), ("from", "2026-01-01"), ("reason", WHY), ("totp", &code(who))];
        let shot = house.post(by, route, &fields).await;
        house.worked(route, by, &shot);
        shot.location
    };
    let one = place(counsel, &crew.counsel, "").await;
    let other = place(audit, &crew.audit, "zhouqiming").await;
    let act = async |by: By<'_>, who, hold: &str, what: &str, version: &str, reason: &str| {
        let fields = [("version", version), ("reason", reason), ("totp", &code(who))];
        house.post(by, &format!("{hold}/{what}"), &fields).await
    };
    let route = |what: &str| format!("/holds/{{id}}/{what}");
    // (by, who, hold, what, version, reason, why not)
    type Step<'a> = (By<'a>, &'a Person, &'a str, &'a str, &'a str, &'a str, Option<(u16, &'a str)>);
    let (c, a) = (&crew.counsel, &crew.audit);
    let steps: [Step<'_>; 18] = [
        (counsel, c, &one, "confirmations", "1", "", Some((409, "hold-same-person"))),
        (counsel, c, &one, "refusals", "1", "", Some((409, "hold-same-person"))),
        (audit, a, "/holds/nothing", "confirmations", "1", "", Some((404, "not_found"))),
        (audit, a, &one, "releases", "1", WHY, Some((409, "conflict"))),
        (audit, a, &one, "confirmations", "7", "", Some((409, "conflict"))),
        (audit, a, &one, "confirmations", "1", "", None),
        (audit, a, &one, "confirmations", "2", "", Some((409, "conflict"))),
        (counsel, c, &other, "refusals", "1", "", None),
        (audit, a, &one, "releases", "2", "短", Some((422, "invalid"))),
        (audit, a, &one, "releases", "2", WHY, None),
        (audit, a, &one, "releases/confirmations", "3", "", Some((409, "hold-same-person"))),
        (audit, a, &one, "releases/refusals", "3", "", None),
        (counsel, c, &one, "releases/confirmations", "4", "", Some((409, "conflict"))),
        (counsel, c, &one, "releases", "4", WHY, None),
        (counsel, c, &one, "releases/refusals", "4", "", Some((409, "conflict"))),
        (audit, a, &one, "releases/confirmations", "5", "", None),
        (audit, a, &one, "releases", "6", WHY, Some((409, "conflict"))),
        (audit, a, &other, "confirmations", "2", "", Some((409, "conflict"))),
    ];
    for (by, who, hold, what, version, reason, refused) in steps {
        let shot = act(by, who, hold, what, version, reason).await;
        match refused {
            None => house.worked(&route(what), by, &shot),
            Some((status, reason)) => house.declined(&route(what), by, &shot, status, reason),
        }
    }
    let shot = house.post(counsel, &format!("{}/releases", place(counsel, c, "").await), &[("version", "1"), ("reason", WHY), ("totp", "0")]).await;
    house.declined("/holds/{id}/releases", counsel, &shot, 409, "conflict");
}

async fn audits(house: &House, crew: &Crew, case: &str) {
    let (auditor, asked) = (By::Person(&crew.auditor), By::Person(&crew.cast.reviewer));
    let number = house.stage.loaded(case).await.row.number;
    let day = crate::audits::stage::day(&house.stage, 0);
    let route = "/audits";
    let fields = |title: &'static str, seed: &'static str| {
        [
            ("title", title),
            ("from", day.as_str()),
            ("to", day.as_str()),
            ("sample_size", "5"),
            ("seed", seed),
            ("exceptions", "late"),
            ("walk", &number),
        ]
    };
    for wrong in [
        vec![("title", "专项审计")],
        vec![("title", "专项审计"), ("from", "2026-03-02"), ("to", "2026-03-01"), ("sample_size", "5")],
        vec![("title", "专项审计"), ("from", "2099-01-01"), ("to", "2099-01-02"), ("sample_size", "5")],
        fields("", "audit-2026").to_vec(),
        fields("专项审计", "with space").to_vec(),
        [&fields("专项审计", "audit-2026")[..3], &[("sample_size", "1001")]].concat(),
        [&fields("专项审计", "audit-2026")[..4], &[("exceptions", "odd")]].concat(),
        [&fields("专项审计", "audit-2026")[..4], &[("walk", "FR-0")]].concat(),
        vec![("title", "专项审计"), ("from", "2026-01-01"), ("to", "2026-01-02"), ("sample_size", "5"), ("walk", &number)],
    ] {
        let shot = house.post(auditor, route, &wrong).await;
        house.declined(route, auditor, &shot, 422, "invalid");
    }
    let shot = house.post(auditor, route, &fields("专项审计", "audit-2026")).await;
    house.worked(route, auditor, &shot);
    let audit = shot.location;
    let (route, path) = ("/audits/{id}/packs", format!("{audit}/packs"));
    let shot = house.post(auditor, &path, &[("totp", "000000")]).await;
    house.declined(route, auditor, &shot, 422, "invalid");
    let shot = house.post(auditor, "/audits/nothing/packs", &[("totp", "000000")]).await;
    house.declined(route, auditor, &shot, 404, "not_found");
    let shot = house.post(auditor, &path, &[("totp", &house.fresh_code(&crew.auditor))]).await;
    house.worked(route, auditor, &shot);
    let pack = shot.events[0]["subject"]["id"].as_str().unwrap().to_owned();
    let (route, path) = ("/audits/{id}/packs/{pack}/downloads", format!("{audit}/packs/{pack}/downloads"));
    let shot = house.post(auditor, &path, &[("totp", &house.fresh_code(&crew.auditor))]).await;
    house.declined(route, auditor, &shot, 409, "pack-not-ready");
    house.stage.run().await;
    for code in ["000000", ""] {
        let shot = house.post(auditor, &path, &[("totp", code)]).await;
        house.declined(route, auditor, &shot, 422, "invalid");
    }
    let shot = house.post(auditor, &path.replace(&pack, "nothing"), &[("totp", "000000")]).await;
    house.declined(route, auditor, &shot, 404, "not_found");
    let shot = house.post(auditor, &path, &[("totp", &house.fresh_code(&crew.auditor))]).await;
    house.worked(route, auditor, &shot);

    let id = audit.strip_prefix("/audits/").unwrap();
    let route = "/questions";
    let put = |person: &'static str, question: &'static str, cases: &'static str, events: &'static str| {
        [("audit", id), ("person", person), ("question", question), ("cases", cases), ("events", events)]
    };
    for wrong in [
        put("nobody-of-that-name", "为何逾期？", "", ""),
        put("auditor", "为何逾期？", "", ""),
        put("zhouqiming", "", "", ""),
        put("zhouqiming", "为何逾期？", "FR-0", ""),
        put("zhouqiming", "为何逾期？", "", "999999"),
    ] {
        let shot = house.post(auditor, route, &wrong).await;
        house.declined(route, auditor, &shot, 422, "invalid");
    }
    let audit = By::Person(&crew.audit);
    let mut to_auditor = put("auditor", "为何逾期？", "", "");
    to_auditor[1].1 = "auditor";
    let shot = house.post(audit, route, &to_auditor).await;
    house.declined(route, audit, &shot, 422, "invalid");
    let mut nowhere = put("zhouqiming", "为何逾期？", "", "");
    nowhere[0].1 = "nothing";
    let shot = house.post(auditor, route, &nowhere).await;
    house.declined(route, auditor, &shot, 404, "not_found");
    let mut right = put("zhouqiming", "为何在应办时间之后才决定？", "", "1 2");
    right[3].1 = &number;
    let shot = house.post(auditor, route, &right).await;
    house.worked(route, auditor, &shot);
    let question = shot.events[0]["subject"]["id"].as_str().unwrap().to_owned();
    let (route, path) = ("/questions/{id}/answers", format!("/questions/{question}/answers"));
    let shot = house.post(asked, &path, &[("answer", "")]).await;
    house.declined(route, asked, &shot, 422, "invalid");
    let stranger = By::Person(&crew.cast.lawyer);
    let shot = house.post(stranger, &path, &[("answer", "不是问我的")]).await;
    house.declined(route, stranger, &shot, 404, "not_found");
    let shot = house.post(asked, &path, &[("answer", "当时正在核对附件范围。")]).await;
    house.worked(route, asked, &shot);
    let shot = house.post(asked, &path, &[("answer", "再答一次")]).await;
    house.declined(route, asked, &shot, 409, "conflict");
}

#[actix_web::test]
async fn every_post_that_works_leaves_its_event_with_all_its_parts() {
    let house = House::set().await;
    first_people(&house).await;
    own_account(&house).await;
    let crew = house.crew().await;
    accounts(&house, &crew).await;
    connections(&house, &crew).await;
    messages(&house, &crew).await;
    cases(&house, &crew).await;
    let case = guided(&house, &crew).await;
    evidence(&house, &crew, &case).await;
    holds(&house, &crew, &case).await;
    audits(&house, &crew, &case).await;
    watching(&house, &crew).await;
    super::streams::streams(&house, &crew).await;
    super::policies::changed(&house, &crew).await;
    super::first::recalled(&house, &crew).await;
    programs(&house, &crew).await;
    let done = house.done.borrow();
    let missing: Vec<&str> = table::TABLE.iter().map(|l| l.route).filter(|r| !done.contains(r)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "routes that were never seen to work");
}
