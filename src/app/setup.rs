//! How an installation gets its first people: a one-time set-up link makes the system administrator and two invitations, for the
//! security and the audit administrator, so that no one person ever holds all three administrations; and how any link is taken up. Not here: inviting, sending again, taking back
//! (`app::invitations`).

use std::collections::BTreeSet;

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Client, Device, Done, FieldError, passwords::hash_password, people::unfit};
use crate::{
    clock::Instant,
    crypto::token,
    domain::{
        account::{self, UserState},
        event::{Action, Outcome, Subject},
        role::{self, Role},
        text,
    },
    id::{self, UserId},
    store::{
        Conn, StoreError, Tx, departments,
        invitations::{self, InvitationRow},
        users::{self, UserRow},
    },
};

/// What a link offers.
#[derive(Clone, Debug)]
pub struct Offer {
    pub id: String,
    /// `setup` or `invite`.
    pub kind: String,
    pub roles: BTreeSet<Role>,
    /// Whom it was made for, as the inviter wrote it.
    pub name: Option<String>,
    pub department: Option<String>,
    pub department_id: Option<String>,
    pub expires_at: Instant,
}

/// What a person fills in to take up a link.
#[derive(Clone)]
pub struct NewAccount {
    pub username: String,
    pub display_name: String,
    pub password: String,
    pub password_again: String,
}

/// A link that was made: shown once, never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// `/invitations/<token>` or `/setup/<token>`.
    pub path: String,
    pub roles: BTreeSet<Role>,
    pub expires_at: Instant,
}

/// On a start without any account: a fresh set-up link, and every older one worthless. With accounts: nothing.
pub async fn first_start(app: &App) -> AppResult<Option<Link>> {
    let (secret, hash) = token::fresh();
    let id = id::fresh();
    let written = app
        .store
        .write(move |tx| {
            if users::user_count(tx.conn)? > 0 {
                return Ok(None);
            }
            let now = tx.now();
            invitations::invitation_cancel_setups(tx.conn, now.0)?;
            let roles = BTreeSet::from([Role::SystemAdministrator]);
            let row = row(&id, &hash, "setup", &roles, None, None, now);
            invitations::invitation_insert(tx.conn, &row)?;
            let event = Caller::shell().event(Action::InvitationCreated, Subject::new("invitation", &id));
            tx.append(event.detail(json!({ "kind": "setup", "roles": words(&roles), "expires_at": Instant(row.expires_at).to_rfc3339() })))?;
            Ok(Some((roles, Instant(row.expires_at))))
        })
        .await?;
    Ok(written.value.map(|(roles, expires_at)| Link { path: format!("/setup/{secret}"), roles, expires_at }))
}

/// What the link with this token offers; nothing for an unknown, used or expired one, which are not told apart.
pub async fn offer(app: &App, kind: &'static str, secret: &str) -> AppResult<Option<Offer>> {
    let (hash, now) = (token::hash(secret), app.now());
    Ok(app.store.read(move |conn| find(conn, kind, &hash, now)).await?)
}

fn find(conn: &mut Conn, kind: &str, hash: &[u8], now: Instant) -> Result<Option<Offer>, StoreError> {
    let Some(row) = invitations::invitation_by_hash(conn, hash)? else { return Ok(None) };
    if row.kind != kind || row.used_at.is_some() || row.revoked_at.is_some() || now >= Instant(row.expires_at) {
        return Ok(None);
    }
    let roles = roles_of(&row)?;
    let department = match &row.department_id {
        Some(d) => departments::department_find(conn, d)?.map(|d| d.name),
        None => None,
    };
    Ok(Some(Offer {
        id: row.id,
        kind: row.kind,
        roles,
        name: row.name,
        department,
        department_id: row.department_id,
        expires_at: Instant(row.expires_at),
    }))
}

/// The roles that a link gives.
pub(super) fn roles_of(row: &InvitationRow) -> Result<BTreeSet<Role>, StoreError> {
    row.roles.split_whitespace().map(|w| Role::parse(w).ok_or_else(|| StoreError::Corrupt(format!("invitations.roles: {w}")))).collect()
}

/// Takes up a link: makes the account with the roles it offers and uses the link up. The set-up link also makes the two invitations,
/// which are returned.
///
/// # Errors
/// `NotFound` for a link that is unknown, used or expired; `Invalid` for the fields. Each is recorded.
pub async fn accept(
    app: &App,
    client: Client,
    device: Option<Device>,
    kind: &'static str,
    secret: &str,
    form: NewAccount,
) -> AppResult<Done<Vec<Link>>> {
    let setup = kind == "setup";
    let action = if setup { Action::InstallationSetUp } else { Action::InvitationAccepted };
    let caller = Caller::anonymous(client, device);
    let Some(offer) = offer(app, kind, secret).await? else {
        return Err(app.refuse(&caller, action, Subject::new("invitation", "unknown"), None, AppError::NotFound).await);
    };
    let about = Subject::new("invitation", &offer.id);
    let (username, display_name) = match check(&form) {
        Ok(names) => names,
        Err(error) => return Err(app.refuse(&caller, action, about, None, error).await),
    };
    let phc = hash_password(app, form.password.clone()).await?;
    let user_id = UserId::fresh();
    let hash = token::hash(secret);
    let made: Vec<_> = if setup {
        [Role::SecurityAdministrator, Role::AuditAdministrator].map(|r| (id::fresh(), token::fresh(), BTreeSet::from([r]))).into()
    } else {
        Vec::new()
    };
    let links = made.clone();
    let written = app
        .store
        .write(move |tx| {
            let now = tx.now();
            let refuse = |tx: &mut Tx<'_>, error: AppError| {
                tx.append(caller.event(action, about.clone()).outcome(Outcome::Refused).detail(error.as_detail()))?;
                Ok(Err(error))
            };
            let Some(offer) = find(tx.conn, kind, &hash, now)? else { return refuse(tx, AppError::NotFound) };
            if users::user_by_name(tx.conn, &username)?.is_some() {
                return refuse(tx, AppError::invalid("username", "exists"));
            }
            if !invitations::invitation_use(tx.conn, &offer.id, user_id.as_str(), now.0)? {
                return refuse(tx, AppError::NotFound);
            }
            users::user_insert(tx.conn, &account_row(&user_id, &username, &display_name, offer.department_id.clone(), Some(phc.clone()), now))?;
            users::user_roles_set(tx.conn, user_id.as_str(), &offer.roles)?;
            for (id, (_, hash), roles) in &made {
                invitations::invitation_insert(tx.conn, &row(id, hash, "invite", roles, None, Some(user_id.0.clone()), now))?;
            }
            let ids: Vec<_> = made.iter().map(|(id, _, roles)| json!({ "id": id, "roles": words(roles) })).collect();
            let after = json!({ "user": user_id.as_str(), "username": username, "name": display_name, "roles": words(&offer.roles), "department": offer.department });
            tx.append(caller.event(action, about.clone()).detail(json!({ "after": after, "invitations": ids })))?;
            Ok(Ok(now))
        })
        .await?;
    let done = Done::from_write(written)?;
    let expires_at = done.value.plus(account::INVITATION);
    let value = links.into_iter().map(|(_, (secret, _), roles)| Link { path: format!("/invitations/{secret}"), roles, expires_at }).collect();
    Ok(Done { value, receipt: done.receipt })
}

/// Checks what a person filled in; all mistakes at once.
fn check(form: &NewAccount) -> AppResult<(String, String)> {
    let mut errors = Vec::new();
    let username = account::username(&form.username).map_err(|e| errors.push(unfit("username", e))).unwrap_or_default();
    let name = text::line(&form.display_name, 60).map_err(|e| errors.push(FieldError::text("display_name", e))).unwrap_or_default();
    if let Err(e) = account::password(&form.password, &username) {
        errors.push(unfit("password", e));
    } else if form.password != form.password_again {
        errors.push(FieldError::new("password_again", "password-differs"));
    }
    if errors.is_empty() { Ok((username, name)) } else { Err(AppError::Invalid(errors)) }
}

/// A fresh link that was not sent anywhere.
pub(super) fn row(
    id: &str,
    hash: &[u8],
    kind: &str,
    roles: &BTreeSet<Role>,
    department_id: Option<String>,
    created_by: Option<String>,
    now: Instant,
) -> InvitationRow {
    InvitationRow {
        id: id.to_owned(),
        token_hash: hash.to_owned(),
        kind: kind.to_owned(),
        roles: words(roles).join(" "),
        department_id,
        created_by,
        created_at: now.0,
        expires_at: now.plus(account::INVITATION).0,
        used_at: None,
        used_by: None,
        name: None,
        address: None,
        mail: "none".to_owned(),
        link_sealed: None,
        revoked_at: None,
        version: 1,
    }
}

pub(super) fn words(roles: &BTreeSet<Role>) -> Vec<&'static str> {
    roles.iter().map(|r| r.as_str()).collect()
}

/// A new active account without a second factor.
pub(super) fn account_row(
    id: &UserId,
    username: &str,
    display_name: &str,
    department_id: Option<String>,
    password_hash: Option<String>,
    now: Instant,
) -> UserRow {
    UserRow {
        id: id.0.clone(),
        username: username.to_owned(),
        display_name: display_name.to_owned(),
        department_id,
        state: UserState::Active.as_str().to_owned(),
        password_hash,
        totp_sealed: None,
        totp_step: 0,
        failures: 0,
        locked_until: None,
        valid_until: None,
        lang: None,
        theme: None,
        created_at: now.0,
        version: 1,
        signed_in_at: None,
    }
}

/// The refusal of a set of roles that one person may not hold.
pub(super) fn check_roles(roles: &BTreeSet<Role>) -> AppResult<()> {
    role::check(roles).map_err(|e| AppError::Invalid(vec![FieldError::new("roles", "roles-exclude").arg("a", e.0).arg("b", e.1)]))
}
