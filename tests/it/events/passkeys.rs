//! The events of passkeys and recovery codes.

use std::time::Duration;

use super::house::{By, House};
use crate::{
    passkeys::ORIGIN,
    recalls::stage::Person,
    support::passkey::{Passkey, asked},
};

const PAGE: &str = "/account/passkeys";

/// Adds one to the account of `me`.
async fn added(house: &House, me: &Person) -> Passkey {
    let key = Passkey::new(ORIGIN);
    let code = house.fresh_code(me);
    let ask = asked(&house.stage.get(me, PAGE).await.body, "data-passkey-new");
    let shot = house.post(By::Person(me), PAGE, &[("name", "手机"), ("totp", &code), ("created", &key.create(&ask))]).await;
    house.worked(PAGE, By::Person(me), &shot);
    key
}

/// Added, used for signing in and for recovery codes, taken away.
pub async fn account(house: &House, me: &Person) {
    let by = By::Person(me);
    let shot = house.post(by, PAGE, &[("name", ""), ("totp", "000000")]).await;
    house.declined(PAGE, by, &shot, 422, "invalid");
    let mut key = added(house, me).await;

    house.stage.clock.advance(Duration::from_secs(1));
    let route = "/sessions/passkeys";
    let ask = countermand::app::passkeys::ask_anybody(&house.stage.app).unwrap();
    let answer = key.answer(&serde_json::from_str(&ask).unwrap());
    let shot = house.post(By::Stranger, route, &[("totp", &answer)]).await;
    // They are known by the time it is recorded.
    house.worked(route, By::Cookie(&shot.cookie), &shot);
    let shot = house.post(By::Stranger, route, &[("totp", &answer)]).await;
    house.declined(route, By::Stranger, &shot, 409, "invalid");

    let route = "/account/recovery-codes";
    let shot = house.post(by, route, &[("totp", "000000")]).await;
    house.declined(route, by, &shot, 422, "invalid");
    house.stage.clock.advance(Duration::from_secs(1));
    let ask = asked(&house.stage.get(me, PAGE).await.body, "data-passkey");
    let shot = house.post(by, route, &[("totp", &key.answer(&ask))]).await;
    house.worked(route, by, &shot);

    let route = "/account/passkeys/removals";
    let shot = house.post(by, route, &[("passkey", "nothing"), ("totp", &house.fresh_code(me))]).await;
    house.declined(route, by, &shot, 409, "passkey-gone");
    let user = me.caller.id.clone();
    let mine = house.stage.app.store.read(move |conn| countermand::store::passkeys::of_user(conn, &user)).await.unwrap();
    let shot = house.post(by, route, &[("passkey", &mine[0].id), ("totp", &house.fresh_code(me))]).await;
    house.worked(route, by, &shot);
}

/// A statement that is put before a reviewer.
pub async fn statement(house: &House, reviewer: &Person, case: &str) {
    let (by, route) = (By::Person(reviewer), "/recalls/{id}/statements");
    let path = route.replace("{id}", case);
    let fields = [("decision", "approve"), ("comment", "情况属实，依制度处理"), ("version", "1")];
    let shot = house.post(by, &path, &fields).await;
    house.declined(route, by, &shot, 409, "no-passkey");
    added(house, reviewer).await;
    let shot = house.post(by, &path, &[("decision", "burn")]).await;
    house.declined(route, by, &shot, 422, "invalid");
    let shot = house.post(by, &path, &fields).await;
    house.worked(route, by, &shot);
}
