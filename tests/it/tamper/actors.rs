//! Somebody puts a session or a token of their own into its table and acts under another's name: the trail shows that other, and `ledger verify`
//! that nobody signed in; also after the row is gone again.

use std::time::Duration;

use countermand::{
    crypto::token,
    store::{
        Store,
        sessions::{SessionRow, session_insert},
        tokens::{TokenRow, token_insert},
        verify::{Against, Problem},
    },
};

use super::Raw;
use crate::{
    recalls::stage::{CSRF, Stage},
    retention::{erase_all, settled},
    support::db::TestDb,
};

fn problems(store: &Store) -> Vec<Problem> {
    settled(store);
    store.verify(&Against::default()).unwrap().problems
}

fn named(store: &Store, table: &str, words: &str) {
    let found = problems(store);
    assert!(found.iter().any(|p| p.table == table && p.detail.contains(words)), "{table}, {words}: {found:?}");
}

#[actix_web::test]
async fn a_session_that_nobody_opened_is_named_and_so_is_what_was_done_in_it() {
    for db in TestDb::each() {
        let mut raw = Raw::open(&db);
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let case = stage.case(&cast).await;
        let store = &stage.app.store;
        let path = format!("/recalls/{case}/comments");
        assert_eq!(stage.post(&cast.lawyer, &path, &[("comment", "法务先行关注此案")]).await.status, 303);
        assert_eq!(problems(store), [], "sessions that were opened");
        let (cookie, hash) = token::fresh();
        let (id, user, now) = (countermand::id::fresh(), cast.executive.caller.id.clone(), stage.app.now());
        let row = SessionRow {
            id,
            token_hash: hash,
            user_id: user,
            csrf: CSRF.into(),
            state: "open".into(),
            device_id: None,
            client_ip: None,
            user_agent: None,
            flash: None,
            created_at: now.0,
            seen_at: now.0,
            expires_at: now.plus(Duration::from_secs(3600)).0,
            closed_at: None,
        };
        let forged = row.clone();
        store.write_now(move |tx| session_insert(tx.conn, &forged)).unwrap();
        named(store, "sessions", &format!("{}: no event of the log began it", row.id));
        assert_eq!(stage.post_as(&cookie, &path, &[("comment", "看过了，没有意见")]).await.status, 303);
        raw.execute(&format!("DELETE FROM sessions WHERE id = '{}'", row.id)).unwrap();
        named(store, "sessions", "this event is of a session that no event before it began");
        // By the leaves alone.
        stage.clock.advance(Duration::from_secs(215 * 86_400));
        erase_all(store, stage.app.now());
        named(store, "sessions", "this event is of a session that no event before it began");
    }
}

#[actix_web::test]
async fn a_session_that_is_another_persons_or_was_closed_is_named() {
    for db in TestDb::each() {
        let mut raw = Raw::open(&db);
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let (cookie, id) = stage.session_of(&cast.requester).await;
        let store = &stage.app.store;
        assert_eq!(problems(store), []);
        let whose = |who: &str| format!("UPDATE sessions SET user_id = '{who}' WHERE id = '{id}'");
        raw.execute(&whose(&cast.executive.caller.id)).unwrap();
        named(store, "sessions", "it is another person's than its event says");
        raw.execute(&whose(&cast.requester.caller.id)).unwrap();
        let out = stage.post_as(&cookie, "/sessions/current/closures", &[]).await;
        assert_eq!(out.status, 303, "{}", out.body);
        assert_eq!(problems(store), [], "it was closed");
        assert_eq!(raw.execute(&format!("UPDATE sessions SET state = 'open', closed_at = NULL WHERE id = '{id}'")), Ok(1));
        named(store, "sessions", "it is not closed, and an event closed it");
    }
}

#[actix_web::test]
async fn a_token_or_an_account_that_nobody_made_is_named() {
    for db in TestDb::each() {
        let mut raw = Raw::open(&db);
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let store = &stage.app.store;
        let text = stage.token(Some(&cast.requester), &["broadcast.read"]).await;
        let _ = stage.api(&text, "/broadcasts", None, None).await;
        assert_eq!(problems(store), []);
        let text = format!("{}{}", countermand::app::tokens::PREFIX, token::fresh().0);
        let row = TokenRow {
            id: countermand::id::fresh(),
            name: "自制".into(),
            token_hash: token::hash(&text),
            user_id: Some(cast.executive.caller.id.clone()),
            scopes: "recall.read".into(),
            created_at: stage.app.now().0,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };
        let (id, forged) = (row.id.clone(), row.clone());
        store.write_now(move |tx| token_insert(tx.conn, &forged)).unwrap();
        named(store, "tokens", &format!("no event of the log tells of {id}"));
        // It reads a case, which leaves an event of its own.
        let case = stage.case(&cast).await;
        let _ = stage.api(&text, &format!("/recalls/{case}/comments"), Some(serde_json::json!({ "comment": "看过了，没有意见" })), None).await;
        raw.execute(&format!("DELETE FROM tokens WHERE id = '{id}'")).unwrap();
        named(store, "tokens", &format!("the token {id}, which no event before it made"));
        let user = "INSERT INTO users (id, username, display_name, state, totp_step, failures, created_at, version) \
                    VALUES ('0192aaaa-0000-7000-8000-000000000000', 'ghost', 'ghost', 'active', 0, 0, 1, 1)";
        assert_eq!(raw.execute(user), Ok(1));
        named(store, "users", "no event of the log tells of 0192aaaa-0000-7000-8000-000000000000");
    }
}
