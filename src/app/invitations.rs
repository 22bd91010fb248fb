//! Inviting people: the system administrator makes a link, sees which are open, sends one again under another link and takes one back. Where
//! a mail server is set up and an address is given the link goes by mail, and nobody else sees it; otherwise it is shown once. Not here: taking
//! a link up, and the links of a first start (`app::setup`).
//!
//! A link that waits for the mail server lies under the installation's key and goes with the mail; jobs and events never hold it.

pub mod sheet;

use std::collections::BTreeSet;

use serde_json::json;

use super::{
    App, AppError, AppResult, Caller, Done, FieldError, refused,
    setup::{Link, roles_of, row, words},
};
use crate::{
    clock::Instant,
    connect::mail::{self, Letter, MailError, Sheet},
    crypto::{seal::Key, token},
    domain::{
        account,
        event::{Action, Outcome, Subject},
        role::{Permission, Role},
        text,
    },
    i18n::{Lang, Tr},
    id,
    store::{
        StoreError, Tx, departments,
        invitations::{self, InvitationRow},
        users,
    },
};

/// Kind of the job that mails a link.
pub const SEND: &str = "send_invitation";
/// Invitations that the list shows, newest first.
pub const SHOWN: usize = 200;

/// Who is invited as what.
#[derive(Clone, Debug, Default)]
pub struct Invitee {
    /// A name for the list; empty for none.
    pub name: String,
    /// Where the link goes by mail; empty for nowhere.
    pub address: String,
    pub roles: BTreeSet<Role>,
    pub department_id: Option<String>,
}

/// How a link reaches whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Shown once to who made it.
    Shown(Link),
    /// By mail to this address.
    Mailed(String),
}

impl Way {
    fn word(by_mail: bool) -> &'static str {
        if by_mail { "mail" } else { "shown" }
    }
}

/// An invitation that nobody has taken up or back.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: String,
    pub name: Option<String>,
    pub address: Option<String>,
    pub roles: BTreeSet<Role>,
    pub department: Option<String>,
    /// Name of who made it; none for a first start's.
    pub by: Option<String>,
    pub made_at: Instant,
    pub expires_at: Instant,
    pub expired: bool,
    /// `none`, `waiting`, `sent` or `failed`.
    pub mail: String,
    /// Whether the link may be made anew: see [`renewable`].
    pub renewable: bool,
    pub version: i64,
}

/// Open invitations and expired ones, newest first, at most [`SHOWN`]; the system administrator's.
///
/// # Errors
/// `Forbidden`.
pub async fn list(app: &App, caller: &Caller) -> AppResult<Vec<Invitation>> {
    if !caller.may(Permission::UserManage) {
        return Err(AppError::Forbidden(Permission::UserManage));
    }
    let now = app.now();
    let limit = i64::try_from(SHOWN).unwrap_or(i64::MAX);
    let read = app.store.read(move |conn| {
        let rows = invitations::invitation_list(conn, limit)?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let roles = roles_of(&row)?;
            let department = match &row.department_id {
                Some(d) => departments::department_find(conn, d)?.map(|d| d.name),
                None => None,
            };
            let by = match &row.created_by {
                Some(by) => users::user_find(conn, by)?.map(|u| u.display_name),
                None => None,
            };
            found.push(Invitation {
                renewable: renewable(conn, &roles)?,
                id: row.id,
                name: row.name,
                address: row.address,
                roles,
                department,
                by,
                made_at: Instant(row.created_at),
                expires_at: Instant(row.expires_at),
                expired: now >= Instant(row.expires_at),
                mail: row.mail,
                version: row.version,
            });
        }
        Ok(found)
    });
    Ok(read.await?)
}

/// How many invitations are open, for who keeps accounts; `None` for anybody else.
pub async fn count(app: &App, caller: &Caller) -> AppResult<Option<usize>> {
    if !caller.may(Permission::UserManage) {
        return Ok(None);
    }
    let now = app.now().0;
    let open = app.store.read(move |conn| invitations::invitation_count_open(conn, now)).await?;
    Ok(Some(usize::try_from(open).unwrap_or(0)))
}

/// Whether a link with these roles may be made by the system administrator alone: without a role, as a requester, or, so that a first start
/// whose links ran out can be finished, with an administration that nobody holds yet. The latter only while there is no security
/// administrator either: every such role is theirs to give as soon as there is one.
fn renewable(conn: &mut crate::store::Conn, roles: &BTreeSet<Role>) -> Result<bool, StoreError> {
    let others: Vec<Role> = roles.iter().copied().filter(|role| *role != Role::Requester).collect();
    if others.is_empty() {
        return Ok(true);
    }
    if users::user_count_with_role(conn, Role::SecurityAdministrator)? > 0 {
        return Ok(false);
    }
    for role in others {
        if !role.is_administrator() || users::user_count_with_role(conn, role)? > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What was typed of an invitee, fit to be kept: name and address.
fn check(new: &Invitee) -> AppResult<(Option<String>, Option<String>)> {
    let mut errors = Vec::new();
    let name = match new.name.trim() {
        "" => None,
        name => text::line(name, 60).map_err(|e| errors.push(FieldError::text("name", e))).ok(),
    };
    let address = Some(new.address.trim().to_owned()).filter(|a| !a.is_empty());
    if address.as_deref().is_some_and(|a| !mail::is_address(a)) {
        errors.push(FieldError::new("address", "not-an-address"));
    }
    if new.roles.iter().any(|r| *r != Role::Requester) {
        errors.push(FieldError::new("roles", "role-not-yours"));
    }
    if errors.is_empty() { Ok((name, address)) } else { Err(AppError::Invalid(errors)) }
}

/// A link in the making: its secret, and how it goes.
#[derive(Clone)]
struct Making {
    secret: String,
    hash: Vec<u8>,
    by_mail: bool,
}

impl Making {
    fn new(app: &App, address: Option<&str>) -> Self {
        let (secret, hash) = token::fresh();
        Self { secret, hash, by_mail: app.mailer.is_some() && address.is_some() }
    }

    /// Fills the link in and has it mailed, if it is to be.
    fn fill(&self, tx: &mut Tx<'_>, envelope: &Key, row: &mut InvitationRow, version: i64) -> Result<(), StoreError> {
        let now = tx.now();
        row.token_hash.clone_from(&self.hash);
        row.expires_at = now.plus(account::INVITATION).0;
        row.mail = if self.by_mail { "waiting" } else { "none" }.to_owned();
        row.link_sealed = self.by_mail.then(|| envelope.seal(&invitations::link_context(&row.id), self.secret.as_bytes()));
        if self.by_mail {
            tx.enqueue(SEND, &format!("{}/{version}", row.id), &json!({ "invitation": row.id, "version": version }), now)?;
        }
        Ok(())
    }

    fn way(self, address: Option<String>, roles: BTreeSet<Role>, expires_at: Instant) -> Way {
        match address.filter(|_| self.by_mail) {
            Some(address) => Way::Mailed(address),
            None => Way::Shown(Link { path: format!("/invitations/{}", self.secret), roles, expires_at }),
        }
    }
}

/// The system administrator invites a person, with no role or as a requester; every other role is the security administrator's to give,
/// so that nobody can make themselves a second account with powers.
///
/// # Errors
/// `Forbidden`; `Invalid` on `name`, `address`, `roles` or `department`. Each is recorded.
pub async fn invite(app: &App, caller: &Caller, new: Invitee) -> AppResult<Done<Way>> {
    let id = id::fresh();
    let about = Subject::new("invitation", &id);
    app.require(caller, Permission::UserManage, Action::InvitationCreated, about.clone()).await?;
    let (name, address) = match check(&new) {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, Action::InvitationCreated, about, None, error).await),
    };
    let made = Making::new(app, address.as_deref());
    let (making, caller, ring, to, roles) = (made.clone(), caller.clone(), app.store.keys().clone(), address.clone(), new.roles.clone());
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(Action::InvitationCreated, about.clone());
            if let Some(d) = &new.department_id
                && !departments::department_is_open(tx.conn, d)?
            {
                return refused(tx, event, AppError::invalid("department", "unknown"));
            }
            let mut row = row(&id, &making.hash, "invite", &new.roles, new.department_id.clone(), caller.user_id.clone(), tx.now());
            (row.name, row.address) = (name.clone(), address.clone());
            making.fill(tx, &ring.envelope, &mut row, 1)?;
            invitations::invitation_insert(tx.conn, &row)?;
            let after = json!({
                "name": name, "address": address, "by": Way::word(making.by_mail), "roles": words(&new.roles),
                "department_id": new.department_id, "expires_at": Instant(row.expires_at).to_rfc3339(),
            });
            tx.append(event.detail(json!({ "kind": "invite", "after": after })))?;
            Ok(Ok(Instant(row.expires_at)))
        })
        .await?;
    Ok(settled(app, Done::from_write(written)?, made, to, roles))
}

/// The answer to whoever made a link.
fn settled(app: &App, done: Done<Instant>, made: Making, to: Option<String>, roles: BTreeSet<Role>) -> Done<Way> {
    app.wake.notify_one();
    Done { value: made.way(to, roles, done.value), receipt: done.receipt }
}

/// The row, if it can still be acted on by who read `version` of it.
fn open(tx: &mut Tx<'_>, id: &str, version: i64) -> Result<AppResult<InvitationRow>, StoreError> {
    let Some(row) = invitations::invitation_find(tx.conn, id)?.filter(|row| row.kind == "invite") else { return Ok(Err(AppError::NotFound)) };
    if row.used_at.is_some() || row.revoked_at.is_some() {
        return Ok(Err(AppError::refused("invitation-over")));
    }
    Ok(if row.version == version { Ok(row) } else { Err(AppError::Conflict) })
}

/// Makes another link in the place of the present one, which is worthless from then on, for three more days.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Conflict`; `Refused` with kind `invitation-over` (taken up or back), `invitation-role` (it gives a role that is not
/// the system administrator's to give) or `department-closed`. Each is recorded.
pub async fn send_again(app: &App, caller: &Caller, id: &str, version: i64) -> AppResult<Done<Way>> {
    let about = Subject::new("invitation", id);
    app.require(caller, Permission::UserManage, Action::InvitationRenewed, about.clone()).await?;
    let wanted = id.to_owned();
    let found = app.store.read(move |conn| invitations::invitation_find(conn, &wanted)).await?;
    let address = found.as_ref().and_then(|row| row.address.clone());
    let roles = found.as_ref().map(roles_of).transpose()?.unwrap_or_default();
    let made = Making::new(app, address.as_deref());
    let (making, caller, ring, id) = (made.clone(), caller.clone(), app.store.keys().clone(), id.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(Action::InvitationRenewed, about.clone());
            let mut row = match open(tx, &id, version)? {
                Ok(row) => row,
                Err(error) => return refused(tx, event, error),
            };
            let roles = roles_of(&row)?;
            if !renewable(tx.conn, &roles)? {
                return refused(tx, event, AppError::refused("invitation-role"));
            }
            if let Some(d) = &row.department_id
                && !departments::department_is_open(tx.conn, d)?
            {
                return refused(tx, event, AppError::refused("department-closed"));
            }
            let before = json!({ "by": Way::word(row.mail != "none"), "expires_at": Instant(row.expires_at).to_rfc3339() });
            making.fill(tx, &ring.envelope, &mut row, version + 1)?;
            if !invitations::invitation_renew(tx.conn, &row)? {
                return Err(StoreError::Serialization);
            }
            let after = json!({ "by": Way::word(making.by_mail), "expires_at": Instant(row.expires_at).to_rfc3339() });
            tx.append(event.detail(json!({ "roles": words(&roles), "before": before, "after": after })))?;
            Ok(Ok(Instant(row.expires_at)))
        })
        .await?;
    Ok(settled(app, Done::from_write(written)?, made, address, roles))
}

/// Takes an invitation back: its link is worthless from then on.
///
/// # Errors
/// `Forbidden`; `NotFound`; `Conflict`; `Refused` with kind `invitation-over`. Each is recorded.
pub async fn revoke(app: &App, caller: &Caller, id: &str, version: i64) -> AppResult<Done<()>> {
    let about = Subject::new("invitation", id);
    app.require(caller, Permission::UserManage, Action::InvitationRevoked, about.clone()).await?;
    let (caller, id) = (caller.clone(), id.to_owned());
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(Action::InvitationRevoked, about.clone());
            let row = match open(tx, &id, version)? {
                Ok(row) => row,
                Err(error) => return refused(tx, event, error),
            };
            let now = tx.now().0;
            if !invitations::invitation_revoke(tx.conn, &id, version, now)? {
                return Err(StoreError::Serialization);
            }
            let roles = words(&roles_of(&row)?);
            tx.append(event.detail(json!({ "name": row.name, "roles": roles, "before": { "open": true }, "after": { "open": false } })))?;
            Ok(Ok(()))
        })
        .await?;
    Done::from_write(written)
}

/// Mails one link, unless it is worthless meanwhile. Running it twice sends one mail, or two with the same link. Where the settings name no
/// mail server any more it has failed. A mail that went out is in the log even if the link was replaced meanwhile.
///
/// # Errors
/// Those of the store, and where the mail cannot be handed over now: the job tries again until the link has run out.
pub async fn mail(app: &App, id: &str, version: i64) -> AppResult<Option<Instant>> {
    let wanted = id.to_owned();
    let found = app.store.read(move |conn| invitations::invitation_find(conn, &wanted)).await?;
    let Some(row) = found.filter(|r| r.version == version && r.mail == "waiting" && r.used_at.is_none() && r.revoked_at.is_none()) else {
        return Ok(None);
    };
    let (Some(to), Some(sealed)) = (row.address.clone(), row.link_sealed.as_ref()) else { return Ok(None) };
    let over = app.now() >= Instant(row.expires_at);
    let nameless = |why: String| why.replace(&to, "…");
    let secret = app.store.keys().envelope.open(&invitations::link_context(&row.id), sealed).map_err(StoreError::from)?;
    let problem = match &app.mailer {
        _ if over => Some("expired".to_owned()),
        None => Some("no mail server".to_owned()),
        Some(mailer) => match mailer.send(letter(app, &row, &to, &String::from_utf8_lossy(&secret))).await {
            Ok(()) => None,
            Err(MailError::Later(why)) => return Err(AppError::Mail(nameless(why))),
            Err(MailError::Refused(why)) => Some(nameless(why)),
        },
    };
    let outcome = if problem.is_none() { Outcome::Success } else { Outcome::Failed };
    let event = Caller::job(SEND).event(Action::InvitationMailed, Subject::new("invitation", &row.id)).outcome(outcome);
    let event = event.detail(json!({ "version": version, "problem": problem }));
    let state = if problem.is_none() { "sent" } else { "failed" };
    app.store
        .write(move |tx| {
            if invitations::invitation_mailed(tx.conn, &row.id, version, state)? || state == "sent" {
                tx.append(event.clone())?;
            }
            Ok(())
        })
        .await?;
    Ok(None)
}

/// The letter in both languages, one below the other: who is invited has not chosen one yet.
fn letter(app: &App, row: &InvitationRow, to: &str, secret: &str) -> Letter {
    let link = format!("{}/invitations/{secret}", app.config.public_url.trim_end_matches('/'));
    let until = Instant(row.expires_at);
    let in_lang = |lang: Lang| {
        let tr = Tr::new(lang).in_zone(&app.config.time_zone);
        let facts = vec![(tr.t("invitations-until"), format!("{} {}", tr.time(until), tr.zone_note(until)).trim().to_owned())];
        let lines: String = facts.iter().map(|(label, value)| format!("{}\n", tr.pair(label, value))).collect();
        let sheet = Sheet {
            lang: lang.as_str(),
            subject: tr.t("invitation-mail-subject"),
            head: tr.t("invitation-mail-head"),
            facts,
            link: link.clone(),
            open: tr.t("invitation-mail-open"),
            foot: tr.t("invitation-mail-foot"),
            below: None,
        };
        let text = format!("{}\n\n{lines}\n{}\n{link}\n\n{}\n", sheet.head, sheet.open, sheet.foot);
        (sheet, text)
    };
    let ((mut sheet, text), (below, text_below)) = (in_lang(Lang::ZhCn), in_lang(Lang::En));
    sheet.subject = format!("{} {}", sheet.subject, below.subject);
    sheet.below = Some(Box::new(below));
    let text = format!("{text}\n----\n\n{text_below}");
    let to_name = row.name.clone().unwrap_or_else(|| to.to_owned());
    Letter { to: to.to_owned(), to_name, text, sheet, message_id: format!("{}.{}@{}", row.id, row.version, app.config.host()) }
}
