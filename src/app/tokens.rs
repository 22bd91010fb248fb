//! Personal and service tokens for the API. A personal token acts as its person, within its scopes, and still needs a fresh code in a
//! decision; a service token has its scopes as its rights and never decides.

use std::{collections::BTreeSet, time::Duration};

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Client, Done, FieldError, Turn, people, step_up};
use crate::{
    clock::Instant,
    crypto::token,
    domain::{
        event::{Action, ActorKind, Outcome, Subject},
        role::{Permission, Role},
        text,
    },
    id::TokenId,
    store::{
        StoreError, Tx,
        tokens::{self, TokenRow},
        users,
    },
};

/// How every token begins, so that a leaked one is recognised by scanners.
pub const PREFIX: &str = "cmt_";

/// A token to be made.
#[derive(Clone, Debug, Default)]
pub struct NewToken {
    pub name: String,
    /// Permission words.
    pub scopes: Vec<String>,
    /// Username of the person it acts as; absent for a service token. Only the shell names somebody else.
    pub user: Option<String>,
    pub expires_at: Option<Instant>,
}

/// A token that was made; `secret` is shown once and never stored.
#[derive(Clone)]
pub struct Made {
    pub id: String,
    pub secret: String,
}

/// Makes a token. From the shell: for anybody, or a service token. From a person: their own, with a fresh `code`; or, with the permission
/// to manage tokens, a service token.
///
/// # Errors
/// `Forbidden`; `Invalid` on `name`, `scopes`, `user` or `totp`; the refusals of [`step_up::spend_totp`]. Each is recorded.
pub async fn create(app: &App, caller: &Caller, new: NewToken, service: bool, code: &str) -> AppResult<Done<Made>> {
    let id = TokenId::fresh();
    let about = Subject::new("token", id.as_str());
    let shell = caller.kind == ActorKind::System;
    // A token does not make tokens.
    let allowed = shell || (caller.kind == ActorKind::User && caller.user_id.is_some() && (!service || caller.may(Permission::TokenManage)));
    if !allowed {
        return Err(app.refuse(caller, Action::TokenCreated, about, None, AppError::Forbidden(Permission::TokenManage)).await);
    }
    let (name, scopes) = match check(&new, service || (shell && new.user.is_none())) {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, Action::TokenCreated, about, None, error).await),
    };
    // Who administers reads neither the trail nor what was said, and not through a program of their own making: that needs the shell.
    if service && !shell && scopes.iter().any(|scope| !FOR_SERVICES.contains(scope)) {
        return Err(app.refuse(caller, Action::TokenCreated, about, None, AppError::invalid("scopes", "scope-not-for-services")).await);
    }
    let text = format!("{PREFIX}{}", token::fresh().0);
    let value = Made { id: id.0.clone(), secret: text.clone() };
    let (caller, ring, code) = (caller.clone(), app.store.keys().clone(), code.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(caller.event(Action::TokenCreated, about.clone()).outcome(Outcome::Refused).detail(error.as_detail()))?;
                Ok(Err(error))
            };
            let user_id = match (&new.user, shell) {
                (Some(username), true) => match users::user_by_name(tx.conn, username)? {
                    Some(user) => Some(user.id),
                    None => return refuse(tx, AppError::invalid("user", "unknown")),
                },
                (None, true) => None,
                (_, false) if service => None,
                (_, false) => caller.user_id.clone(),
            };
            if let (false, Some(person)) = (shell, &caller.user_id)
                && let Err(error) = step_up::spend_totp(tx, &ring, person, &code)?
            {
                return refuse(tx, error);
            }
            let row = TokenRow {
                id: id.0.clone(),
                name: name.clone(),
                token_hash: token::hash(&text),
                user_id: user_id.clone(),
                scopes: scopes.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(" "),
                created_at: tx.now().0,
                expires_at: new.expires_at.map(|e| e.0),
                revoked_at: None,
                last_used_at: None,
            };
            tokens::token_insert(tx.conn, &row)?;
            let after = json!({ "name": name, "scopes": scopes.iter().map(|s| s.as_str()).collect::<Vec<_>>(), "user": user_id, "expires_at": new.expires_at.map(Instant::to_rfc3339) });
            tx.append(caller.event(Action::TokenCreated, about.clone()).detail(json!({ "after": after })))?;
            Ok(Ok(()))
        })
        .await?;
    let done = Done::from_write(written)?;
    Ok(Done { value, receipt: done.receipt })
}

/// What a service's token may do that is made in the console: to send and import, to ask for a recall and follow it, to mirror the log.
pub const FOR_SERVICES: [Permission; 6] = [
    Permission::BroadcastSend,
    Permission::BroadcastRead,
    Permission::RecallRequest,
    Permission::RecallRead,
    Permission::SystemRead,
    Permission::LogRead,
];

/// Whether the caller makes tokens of services.
pub fn may_make_for_services(caller: &Caller) -> bool {
    caller.kind == ActorKind::User && caller.may(Permission::TokenManage)
}

fn check(new: &NewToken, service: bool) -> AppResult<(String, BTreeSet<Permission>)> {
    let mut errors = Vec::new();
    let name = text::line(&new.name, 60).map_err(|e| errors.push(FieldError::text("name", e))).unwrap_or_default();
    let mut scopes = BTreeSet::new();
    for word in &new.scopes {
        match Permission::parse(word) {
            Some(Permission::RecallDecide) if service => errors.push(FieldError::new("scopes", "service-decides")),
            Some(scope) => {
                scopes.insert(scope);
            }
            None => errors.push(FieldError::new("scopes", "scope-unknown").arg("scope", word.chars().take(40).collect::<String>())),
        }
    }
    if new.expires_at == Some(Instant(0)) {
        errors.push(FieldError::new("ends", "future"));
    }
    if scopes.is_empty() && errors.is_empty() {
        errors.push(FieldError::new("scopes", "required"));
    }
    if errors.is_empty() { Ok((name, scopes)) } else { Err(AppError::Invalid(errors)) }
}

/// Whether the caller looks after everybody's tokens: the system administrator, who makes those of services, and the security administrator.
fn oversees(caller: &Caller) -> bool {
    caller.kind == ActorKind::System
        || (caller.kind == ActorKind::User && [Permission::TokenManage, Permission::AccessManage].iter().any(|p| caller.may(*p)))
}

/// Days without a use after which a token is called unused.
pub const UNUSED: Duration = Duration::from_secs(90 * 86_400);
/// Between two notes of a use.
const NOTE: Duration = Duration::from_secs(300);
/// Tokens of a page of the list.
const PAGE: usize = 50;

/// Somebody's token, as who looks after all of them sees it.
pub struct Overseen {
    pub row: TokenRow,
    /// The person it acts as; none for a service token.
    pub owner: Option<String>,
}

/// A page of everybody's tokens that are not revoked, the newest first, with the ids that the pages before and after lie beside.
///
/// # Errors
/// `Forbidden`, which is recorded.
pub async fn overview(app: &App, caller: &Caller, turn: Turn) -> AppResult<(Vec<Overseen>, Option<String>, Option<String>)> {
    if !oversees(caller) {
        let error = AppError::Forbidden(Permission::TokenManage);
        return Err(app.refuse(caller, Action::PermissionChecked, Subject::new("token", "all"), None, error).await);
    }
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let found = app.store.read(move |conn| Ok(turn.cut(tokens::token_page(conn, &turn, limit)?, PAGE))).await?;
    let (above, below) = found.edges(|(row, _)| row.id.clone());
    Ok((found.rows.into_iter().map(|(row, owner)| Overseen { row, owner }).collect(), above, below))
}

/// [`revoke`] for who looks after everybody's tokens, and for nobody else.
pub async fn revoke_overseen(app: &App, caller: &Caller, token_id: &str) -> AppResult<Done<()>> {
    if !oversees(caller) {
        let error = AppError::Forbidden(Permission::TokenManage);
        return Err(app.refuse(caller, Action::TokenRevoked, Subject::new("token", token_id), None, error).await);
    }
    revoke(app, caller, token_id).await
}

/// Revokes a token: one's own, or anybody's for who looks after all of them.
pub async fn revoke(app: &App, caller: &Caller, token_id: &str) -> AppResult<Done<()>> {
    let (caller, token_id) = (caller.clone(), token_id.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let about = Subject::new("token", token_id.clone());
            let found = tokens::token_find(tx.conn, &token_id)?.filter(|t| match &t.user_id {
                Some(owner) => caller.user_id.as_ref() == Some(owner) || oversees(&caller),
                // A token with the right to manage tokens may end those of services.
                None => oversees(&caller) || caller.may(Permission::TokenManage),
            });
            let Some(row) = found else {
                tx.append(caller.event(Action::TokenRevoked, about).outcome(Outcome::Refused).detail(AppError::NotFound.as_detail()))?;
                return Ok(Err(AppError::NotFound));
            };
            let now = tx.now().0;
            tokens::token_revoke(tx.conn, &row.id, now)?;
            tx.append(
                caller
                    .event(Action::TokenRevoked, about)
                    .detail(json!({ "before": { "revoked": row.revoked_at.is_some() }, "after": { "revoked": true } })),
            )?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// A person's own tokens, or (`None`, with the permission to manage tokens) the service tokens; the newest first.
pub async fn list(app: &App, caller: &Caller, service: bool) -> AppResult<Vec<TokenRow>> {
    if service && !caller.may(Permission::TokenManage) {
        return Err(AppError::Forbidden(Permission::TokenManage));
    }
    let owner = if service { None } else { Some(caller.user_id.clone().unwrap_or_default()) };
    Ok(app.store.read(move |conn| tokens::token_list(conn, owner.as_deref())).await?)
}

/// Why a bearer token stands for nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// `unknown`, `revoked`, `expired`, or `account`: one that may not be used.
    pub state: &'static str,
    /// The token's id; none of one that does not exist.
    pub id: Option<String>,
}

/// Who a bearer token stands for, or why for nobody.
pub async fn resolve(app: &App, bearer: &str, client: Client) -> AppResult<Result<Caller, Denied>> {
    let (hash, now) = (token::hash(bearer), app.now());
    let found = app
        .store
        .read(move |conn| {
            let Some(row) = tokens::token_by_hash(conn, &hash)? else { return Ok(Err(Denied { state: "unknown", id: None })) };
            let denied = |state| Ok(Err(Denied { state, id: Some(row.id.clone()) }));
            if row.revoked_at.is_some() {
                return denied("revoked");
            }
            if row.expires_at.is_some_and(|e| now >= Instant(e)) {
                return denied("expired");
            }
            let scopes: BTreeSet<String> = row.scopes.split_whitespace().map(ToOwned::to_owned).collect();
            let mut caller = match &row.user_id {
                Some(user) => match people::person_find(conn, user)?.filter(|p| p.may_sign_in(now)) {
                    Some(person) => person.with_grants(conn, now)?.caller(None, Some(client), None),
                    None => return denied("account"),
                },
                None => Caller { name: row.name.clone(), ..Caller::anonymous(client, None) },
            };
            caller.kind = ActorKind::Token;
            caller.id = row.id;
            caller.scopes = Some(scopes);
            let noted = row.last_used_at.is_some_and(|at| now.since(Instant(at)) < NOTE);
            Ok::<_, StoreError>(Ok((caller, noted)))
        })
        .await?;
    Ok(match found {
        Ok((caller, noted)) => {
            if !noted {
                let id = caller.id.clone();
                // Losing this note only makes the token look less used.
                let _ = app.store.write(move |tx| tokens::token_touch(tx.conn, &id, now.0)).await;
            }
            Ok(caller)
        }
        Err(denied) => Err(denied),
    })
}

/// Whether the caller acts for somebody who may only look.
pub fn is_read_only(caller: &Caller) -> bool {
    caller.roles.contains(&Role::Auditor)
}
