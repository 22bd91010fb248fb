//! Passkeys: added, used, taken away, lied about; decisions that they sign, and what a stranger can verify of it; the same in a browser.

mod account;
mod chromium;
mod decision;

use serde_json::Value;

use crate::{
    recalls::stage::{Answer, Person, Stage},
    support::passkey::{Passkey, asked},
};

/// Where the stage's passkeys belong.
pub const ORIGIN: &str = "http://localhost:8080";
pub const PAGE: &str = "/account/passkeys";

/// A code that has not been used.
fn fresh_code(stage: &Stage, who: &Person) -> String {
    stage.clock.advance(std::time::Duration::from_secs(30));
    stage.code(who)
}

/// Adds `key` to the account of `who`.
async fn add(stage: &Stage, who: &Person, key: &Passkey, name: &str) -> Answer {
    let code = fresh_code(stage, who);
    let ask = asked(&stage.get(who, PAGE).await.body, "data-passkey-new");
    stage.post(who, PAGE, &[("name", name), ("totp", &code), ("created", &key.create(&ask))]).await
}

/// What a page of `who` asks a passkey, a moment later than the last one.
async fn question(stage: &Stage, who: &Person, page: &str) -> Value {
    stage.clock.advance(std::time::Duration::from_secs(1));
    asked(&stage.get(who, page).await.body, "data-passkey")
}

/// A passkey of `who`.
async fn passkey(stage: &Stage, who: &Person) -> Passkey {
    let key = Passkey::new(ORIGIN);
    let added = add(stage, who, &key, "工位电脑").await;
    assert_eq!((added.status, added.location.as_str()), (303, PAGE), "{}", added.body);
    key
}
