//! What is refused on every route alike, before a use case sees it or by the permission that it asks for first.

use countermand::{app::throttle, crypto::token::hash};
use diesel::prelude::*;
use reqwest::{Method, header};
use serde_json::{Value, json};

use super::{
    house::{By, House},
    table::{Line, TABLE},
};
use crate::support::db::TestDb;

/// Routes by which one comes to have a session: no session is asked for, and no permission.
const OPEN: [&str; 4] = ["/setup/{token}", "/invitations/{token}", "/sessions", "/sessions/passkeys"];
/// Routes of somebody whose code is still missing.
const PENDING: [&str; 2] = ["/sessions/verification", "/sessions/enrolment"];
/// What a read-only account may post too.
const AUDITORS: [&str; 23] = [
    "/account/passkeys",
    "/account/passkeys/removals",
    "/account/recovery-codes",
    "/sessions/current/closures",
    "/account/password",
    "/account/second-factor",
    "/account/preferences",
    "/account/sessions/{id}/revocations",
    "/audit/exports",
    "/audit/searches",
    "/audit/searches/{id}/removals",
    "/recalls/exports",
    "/broadcasts/exports",
    "/broadcasts/{id}/unmaskings",
    "/views",
    "/views/{id}/removals",
    "/evidence/exports",
    "/evidence/{number}/downloads",
    "/evidence/verification",
    "/audits",
    "/audits/{id}/packs",
    "/audits/{id}/packs/{pack}/downloads",
    "/questions",
];
const GATE: &str = "permission.checked";

fn path(route: &str) -> String {
    let id = "0192aaaa-0000-7000-8000-000000000000";
    route
        .replace("{number}", "EVID-20261122-000001")
        .replace("{rule}", "refusals")
        .replace("{id}", id)
        .replace("{pack}", id)
        .replace("{token}", &"x".repeat(43))
}

/// Somebody who is signed in and holds no role may do this all the same.
fn own(route: &str) -> bool {
    // Anybody may be asked, and the person asked is known by the question and not by a role.
    route.starts_with("/account") || route.starts_with("/sessions") || route == "/questions/{id}/answers"
}

#[actix_web::test]
async fn every_console_post_is_refused_in_one_event() {
    let lines: Vec<&Line> = TABLE.iter().filter(|l| !l.route.starts_with("/api/")).collect();
    // A house hears no more than 120 posts of strangers out.
    for lines in lines.chunks(60) {
        refused_in_one_event(lines).await;
    }
}

async fn refused_in_one_event(lines: &[&Line]) {
    let house = House::set().await;
    let crew = house.crew().await;
    let (nobody, auditor) = (By::Person(&crew.nobody), By::Person(&crew.auditor));
    for line in lines {
        let (route, at) = (line.route, path(line.route));
        let about = |what: &str| format!("{route}, {what}");
        let entry = OPEN.contains(&route);
        let by = if entry { By::Stranger } else { nobody };

        if !entry {
            let shot = house.post(By::Stranger, &at, &[]).await;
            assert!(shot.location.starts_with("/sign-in"), "{route}");
            house.refused(&about("a stranger"), GATE, By::Stranger, &shot, 303, "not_signed_in");
        }
        if PENDING.contains(&route) {
            // Somebody signed in has no code to give.
            let shot = house.post(nobody, &at, &[]).await;
            house.refused(&about("signed in already"), GATE, nobody, &shot, 303, "not_signed_in");
            continue;
        }
        let shot = house.post(by, &at, &[("csrf", "another")]).await;
        house.refused(&about("a forged post"), GATE, by, &shot, 403, "forged_token");
        for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")] {
            let (request, csrf) = house.request(by, Method::POST, &at).await;
            let request = request.header(name, value).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(format!("csrf={csrf}"));
            let shot = house.shoot(request).await;
            house.refused(&about("a foreign site"), GATE, by, &shot, 403, "foreign_origin");
        }
        for (kind, body) in [("text/plain", "x"), ("application/json", "{}"), ("multipart/form-data; boundary=cut", "no part"), ("", "x")] {
            let (request, _) = house.request(by, Method::POST, &at).await;
            let request = if kind.is_empty() { request } else { request.header(header::CONTENT_TYPE, kind) };
            let shot = house.shoot(request.body(body)).await;
            house.refused(&about(kind), GATE, by, &shot, 400, "unreadable");
        }
        let shot = house.post(by, &at, &[("reason", &"x".repeat(300_000))]).await;
        house.refused(&about("too much"), GATE, by, &shot, 413, "too_large");
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let (request, _) = house.request(by, method.clone(), &at).await;
            let shot = house.shoot(request).await;
            house.refused(&about(method.as_str()), GATE, by, &shot, 405, "method");
        }
        if entry {
            continue;
        }
        let shot = house.post(auditor, &at, &[]).await;
        if AUDITORS.contains(&route) {
            assert_ne!(shot.events[0]["parts"]["detail"]["reason"], "read_only", "{route}");
            assert_eq!(shot.events.len(), 1, "{route}: {:#?}", shot.events);
        } else {
            house.refused(&about("an auditor"), GATE, auditor, &shot, 403, "read_only");
        }
        if !own(route) {
            let shot = house.post(nobody, &at, &[("step", "submit")]).await;
            // Where a case is secret its existence is too, but the permission is asked for first.
            house.refused(&about("without a permission"), line.action, nobody, &shot, 403, "permission");
        }
    }
}

#[actix_web::test]
async fn every_program_is_refused_in_one_event() {
    let house = House::set().await;
    let crew = house.crew().await;
    let reading = house.stage.token(Some(&crew.cast.requester), &["audit.read"]).await;
    let able = house.stage.token(Some(&crew.cast.requester), &["broadcast.send", "recall.request", "recall.read"]).await;
    let auditor = house.stage.token(Some(&crew.auditor), &["audit.read"]).await;
    let (unknown, revoked) = ("cmt_0000000000000000000000000000000000000000000".to_owned(), String::new());
    for line in TABLE.iter().filter(|l| l.route.starts_with("/api/")) {
        let (route, at) = (line.route, path(line.route));
        let about = |what: &str| format!("{route}, {what}");
        for token in [&unknown, &revoked] {
            let shot = house.api(token, &at, &json!({})).await;
            house.refused(&about("nobody's token"), GATE, By::Stranger, &shot, 401, "not_signed_in");
        }
        let shot = house.api(&auditor, &at, &json!({})).await;
        if AUDITORS.contains(&route.trim_start_matches("/api/v1")) {
            assert_ne!(shot.one(route)["parts"]["detail"]["reason"], "read_only", "{route}");
        } else {
            house.refused(&about("an auditor"), GATE, By::Token(&auditor), &shot, 403, "read_only");
        }
        let shot = house.api(&reading, &at, &json!({})).await;
        let of_file = route.ends_with("/verification");
        let (action, status, reason) = if of_file { (GATE, 415, "unreadable") } else { (line.action, 403, "permission") };
        house.refused(&about("without the scope"), action, By::Token(&reading), &shot, status, reason);
        // A file is judged and not read.
        for broken in ["{", "[]", "\"x\"", "\u{0}", "{\"nonsense\":1}"].into_iter().filter(|_| !of_file) {
            let (request, _) = house.request(By::Token(&able), Method::POST, &at).await;
            let shot = house.shoot(request.header(header::CONTENT_TYPE, "application/json").body(broken)).await;
            house.refused(&about(broken), GATE, By::Token(&able), &shot, 422, "invalid");
        }
        let (request, _) = house.request(By::Token(&able), Method::POST, &at).await;
        let shot = house.shoot(request.body(vec![b' '; (20 << 20) + 1])).await;
        house.refused(&about("too much"), GATE, By::Token(&able), &shot, 413, "too_large");
        for method in [Method::PUT, Method::DELETE] {
            let (request, _) = house.request(By::Token(&able), method.clone(), &at).await;
            let shot = house.shoot(request).await;
            house.refused(&about(method.as_str()), GATE, By::Token(&able), &shot, 405, "method");
        }
        let (request, _) = house.request(By::Token(&able), Method::POST, &at).await;
        let shot = house.shoot(request.header("idempotency-key", "has a blank").body("{}")).await;
        house.refused(&about("a bad key"), GATE, By::Token(&able), &shot, 400, "idempotency-key");
    }
}

#[actix_web::test]
async fn pages_and_paths_that_take_no_post_record_who_tried() {
    let house = House::set().await;
    let crew = house.crew().await;
    let by = By::Person(&crew.cast.requester);
    for (at, status, reason) in [("/audit", 405, "method"), ("/account", 405, "method"), ("/no/such/path", 404, "not_found")] {
        let shot = house.post(by, at, &[]).await;
        house.refused(at, GATE, by, &shot, status, reason);
    }
    let shot = house.post(By::Stranger, "/no/such/path", &[]).await;
    assert_eq!((shot.status, shot.events.len()), (404, 0), "a stranger who looks for doors fills no log");
}

#[actix_web::test]
async fn what_anybody_may_read_nobody_may_post_to_unseen() {
    let house = House::set().await;
    for at in ["/static/css/console.css", "/healthz", "/readyz"] {
        let shot = house.post(By::Stranger, at, &[]).await;
        house.refused(at, GATE, By::Stranger, &shot, 303, "not_signed_in");
    }
}

/// Reading with a token that is none is an attempt like any other; what was tried is not written down.
#[actix_web::test]
async fn a_token_that_is_none_leaves_an_event_when_it_reads() {
    for db in TestDb::each() {
        let house = House::set_on(db).await;
        let stage = &house.stage;
        let (revoked, expired) = (stage.token(None, &["audit.read"]).await, stage.token(None, &["audit.read"]).await);
        let ids = [hash(&revoked), hash(&expired)].map(|hash| {
            use countermand::store::tokens::token_by_hash;
            stage.app.store.read_now(move |conn| token_by_hash(conn, &hash)).unwrap().unwrap().id
        });
        countermand::app::tokens::revoke(&stage.app, &countermand::app::Caller::shell(), &ids[0]).await.unwrap();
        let (id, now) = (ids[1].clone(), stage.app.now().0);
        let written = stage.app.store.write(move |tx| {
            use countermand::store::schema::tokens;
            use diesel::prelude::*;
            diesel::update(tokens::table.find(&id)).set(tokens::expires_at.eq(Some(now))).execute(tx.conn)?;
            Ok(())
        });
        written.await.unwrap();
        let guessed = "cmt_0000000000000000000000000000000000000000000".to_owned();
        for (token, state, id) in [(&revoked, "revoked", json!(ids[0])), (&expired, "expired", json!(ids[1])), (&guessed, "unknown", Value::Null)] {
            for method in [Method::GET, Method::POST] {
                let path = if method == Method::GET { "/api/v1/events" } else { "/api/v1/recalls" };
                let (request, _) = house.request(By::Token(token), method, path).await;
                let shot = house.shoot(request).await;
                house.refused(state, GATE, By::Stranger, &shot, 401, "not_signed_in");
                assert_eq!(shot.events[0]["parts"]["detail"]["token"], json!({ "state": state, "id": id }), "{path}");
                assert!(!shot.events[0].to_string().contains(token.as_str()));
            }
        }
        let (request, _) = house.request(By::Token(&guessed), Method::GET, "/api/v1/events").await;
        let request = || request.try_clone().unwrap();
        let mut recorded = 6;
        for _ in 0..throttle::STRANGER_POSTS {
            let shot = house.shoot(request()).await;
            assert_eq!(shot.status, 401, "a program hears each time what is wrong");
            recorded += shot.events.len();
        }
        assert_eq!(recorded, throttle::STRANGER_POSTS as usize + 1, "whoever tries many fills no log");
    }
}

#[actix_web::test]
async fn a_look_at_what_one_may_not_see_is_recorded_like_one_at_what_is_not_there() {
    for db in TestDb::each() {
        let house = House::set_on(db).await;
        let crew = house.crew().await;
        let case = house.stage.case(&crew.cast).await;
        let stranger = house.stage.person("stranger", &[countermand::domain::role::Role::Requester], "销售部").await;
        let token = house.stage.token(Some(&stranger), &["recall.read"]).await;
        let nowhere = "019c0000-0000-7000-8000-000000000000";
        for (by, path, route) in [
            (By::Person(&stranger), format!("/recalls/{case}"), "/recalls/{id}"),
            (By::Person(&stranger), format!("/recalls/{nowhere}"), "/recalls/{id}"),
            (By::Token(&token), format!("/api/v1/recalls/{case}"), "/api/v1/recalls/{id}"),
            (By::Token(&token), format!("/api/v1/recalls/{nowhere}"), "/api/v1/recalls/{id}"),
        ] {
            let (request, _) = house.request(by, Method::GET, &path).await;
            let shot = house.shoot(request).await;
            house.refused(&path, GATE, by, &shot, 404, "not_found");
            assert_eq!(shot.events[0]["parts"]["detail"]["route"], route, "{path}: {:#?}", shot.events);
        }
        // A path that leads nowhere is nothing that anybody could be refused, and what an open page asks by itself is no look.
        for path in ["/nowhere".to_owned(), format!("/recalls/{case}/progress")] {
            let (request, _) = house.request(By::Person(&stranger), Method::GET, &path).await;
            let shot = house.shoot(request).await;
            assert_eq!((shot.status, shot.events.len()), (404, 0), "{path}: {:#?}", shot.events);
        }
    }
}

#[actix_web::test]
async fn looking_for_what_is_not_there_fills_no_log_and_raises_no_alert() {
    for db in TestDb::each() {
        let house = House::set_on(db).await;
        let crew = house.crew().await;
        let case = house.stage.case(&crew.cast).await;
        let stranger = house.stage.person("stranger", &[countermand::domain::role::Role::Requester], "销售部").await;
        let (mut told, mut last) = (0, Vec::new());
        for _ in 0..throttle::MISSED_LOOKS + 5 {
            let (request, _) = house.request(By::Person(&stranger), Method::GET, &format!("/recalls/{case}")).await;
            let shot = house.shoot(request).await;
            assert_eq!(shot.status, 404, "answered as ever");
            told += shot.events.len();
            last.extend(shot.events);
        }
        assert_eq!(told, throttle::MISSED_LOOKS as usize + 1);
        let detail = &last.last().unwrap()["parts"]["detail"];
        assert!(detail["reason"] == "too_many" && detail["only_counted_until"].is_string(), "{detail}");
        countermand::app::alerts::watch::pass(&house.stage.app).await.unwrap();
        use countermand::store::schema::alerts;
        let raised = house.stage.app.store.read_now(|conn| Ok(alerts::table.select(alerts::rule).load::<String>(conn)?)).unwrap();
        assert_eq!(raised, Vec::<String>::new());
    }
}

#[actix_web::test]
async fn a_flood_of_strangers_is_cut_short_and_nobody_who_is_known_escapes_the_record() {
    let house = House::set().await;
    let crew = house.crew().await;
    let (mut recorded, mut limited) = (0, 0);
    for n in 0..throttle::STRANGER_POSTS + 20 {
        let shot = house.post(By::Stranger, "/account/password", &[]).await;
        recorded += shot.events.len();
        limited += u32::from(shot.status == 429);
        if n == throttle::STRANGER_POSTS {
            house.refused("the first beyond", GATE, By::Stranger, &shot, 429, "too_many");
            let until = shot.events[0]["parts"]["detail"]["only_counted_until"].as_str().unwrap().to_owned();
            assert!(until.starts_with("20"), "{until}");
            continue;
        }
        assert_eq!(shot.events.is_empty(), shot.status == 429, "{} {:#?}", shot.status, shot.events);
    }
    assert_eq!((recorded, limited), (throttle::STRANGER_POSTS as usize + 1, 20));
    let by = By::Person(&crew.nobody);
    let token = house.stage.token(Some(&crew.cast.requester), &["audit.read"]).await;
    // From the same address, which has used up what strangers have.
    for n in 0..5 {
        let shot = house.post(by, "/account/preferences", &[("csrf", "another")]).await;
        house.refused(&format!("forged post {n}"), GATE, by, &shot, 403, "forged_token");
        let shot = house.api(&token, "/api/v1/recalls", &json!({})).await;
        house.refused(&format!("refused program {n}"), "recall.submitted", By::Token(&token), &shot, 403, "permission");
    }
    house.stage.clock.advance(throttle::WINDOW);
    let shot = house.post(By::Stranger, "/account/password", &[]).await;
    house.refused("the next window", GATE, By::Stranger, &shot, 303, "not_signed_in");
    assert_eq!(shot.events[0]["parts"]["detail"]["unrecorded"], 19);
    let shot = house.post(By::Stranger, "/account/password", &[]).await;
    assert_eq!(shot.one("the one after")["parts"]["detail"]["unrecorded"], Value::Null, "told once");
}
