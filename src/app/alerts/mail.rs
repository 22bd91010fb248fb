//! Who has to see an alert is told of it by mail, once each: which rule, how severe, when, and a link. Nobody's name, no address, nothing of
//! what they did: who may know signs in. A mail is a job of its own, so that one address that fails holds up no other.

use serde_json::json;

use super::{App, AppError, AppResult, Caller, alerts, is_own, sees, visible};
use crate::{
    app::people,
    clock::Instant,
    connect::mail::{Letter, MailError, Sheet},
    domain::{
        alert::{Rule, State, TOLD},
        event::{Action, Outcome, Subject},
        role::Permission,
    },
    i18n::{Lang, Tr},
    store::{StoreError, Tx, alerts::AlertRow, notices, users},
};

/// Kinds of jobs.
pub const TELL: &str = "tell_of_alert";
pub const SEND: &str = "send_alert";
/// A mail that could not be handed over for so long is of no use any more.
const GIVE_UP: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Has people told of an alert; part of the write that raises it.
pub(super) fn wake(tx: &mut Tx<'_>, alert: &str) -> Result<(), StoreError> {
    if !tx.tells() {
        return Ok(());
    }
    let now = tx.now();
    tx.enqueue(TELL, alert, &json!({ "alert": alert }), now)
}

/// Finds out who has to see an alert: who is told of its rule, can acknowledge it or audits, and did not cause it.
///
/// # Errors
/// Those of the store.
pub async fn tell(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let id = id.to_owned();
    app.store
        .write(move |tx| {
            let now = tx.now();
            let Some(row) = alerts::find(tx.conn, &id)?.filter(|row| row.state == State::Open.as_str()) else { return Ok(()) };
            for holder in users::user_holders(tx.conn, &TOLD)? {
                if told(tx, &holder.id, &row)?.is_some() && notices::address(tx.conn, &holder.id)?.is_some() {
                    tx.enqueue(SEND, &format!("{id}/{}", holder.id), &json!({ "alert": id, "user": holder.id }), now)?;
                }
            }
            Ok(())
        })
        .await?;
    app.wake.notify_one();
    Ok(None)
}

/// The person as a caller, if they are to be told.
fn told(tx: &mut Tx<'_>, user: &str, row: &AlertRow) -> Result<Option<Caller>, StoreError> {
    let Some(person) = people::person_find(tx.conn, user)? else { return Ok(None) };
    let caller = person.caller(None, None, None);
    let (rule, now) = (Rule::parse(&row.rule), tx.now());
    let active = person.valid_until.is_none_or(|until| now < until);
    let Some(rule) = rule.filter(|_| active && caller.may(Permission::AlertRead)) else { return Ok(None) };
    let (_, settings) = alerts::rule(tx.conn, rule)?;
    // Who reads the whole trail sees it; who is named is told.
    let named = sees(&caller, &settings) && !settings.roles.is_disjoint(&caller.roles);
    Ok((named && !is_own(tx.conn, &caller, row)?).then_some(caller))
}

/// Sends one mail, unless somebody has acknowledged the alert meanwhile.
///
/// # Errors
/// Those of the store, and where the mail cannot be handed over now: the job tries again.
pub async fn send(app: &App, id: &str, user: &str) -> AppResult<Option<Instant>> {
    let Some(mailer) = app.mailer.clone() else { return Ok(None) };
    let (wanted, who) = (id.to_owned(), user.to_owned());
    let found = app.store.read(move |conn| {
        let Some(row) = alerts::find(conn, &wanted)?.filter(|row| row.state == State::Open.as_str()) else { return Ok(None) };
        let Some(person) = people::person_find(conn, &who)? else { return Ok(None) };
        let sees = visible(conn, &person.caller(None, None, None))?.iter().any(|rule| rule.as_str() == row.rule);
        let (user, address) = (users::user_find(conn, &who)?, notices::address(conn, &who)?);
        Ok(user.filter(|u| sees && u.state == "active").zip(address).map(|(user, to)| (row, user, to)))
    });
    let Some((row, user, to)) = found.await? else { return Ok(None) };
    // Servers like to repeat the address; it is nothing for the record.
    let nameless = |why: String| why.replace(&to, "…");
    let lang = user.lang.as_deref().and_then(Lang::parse).unwrap_or_default();
    let letter = letter(app, lang, &row, to.clone(), user.display_name, &user.id);
    let problem = match mailer.send(letter).await {
        Ok(()) => None,
        Err(MailError::Later(why)) if app.now().since(Instant(row.raised_at)) <= GIVE_UP => return Err(AppError::Mail(nameless(why))),
        Err(MailError::Refused(why) | MailError::Later(why)) => Some(nameless(why)),
    };
    let outcome = if problem.is_none() { Outcome::Success } else { Outcome::Failed };
    let detail = json!({ "notice": "alert", "alert": id, "to": user.id, "problem": problem });
    app.record(Caller::job(SEND).event(Action::NoticeSent, Subject::new("alert", id)).outcome(outcome).detail(detail)).await?;
    Ok(None)
}

fn letter(app: &App, lang: Lang, row: &AlertRow, to: String, to_name: String, user: &str) -> Letter {
    let tr = Tr::new(lang).in_zone(&app.config.time_zone);
    let at = Instant(row.raised_at);
    let rule = tr.word("alert-rule", &row.rule);
    let facts = vec![
        (tr.t("alert-rule"), rule.clone()),
        (tr.t("alert-severity"), tr.word("severity", &row.severity)),
        (tr.t("alert-raised-at"), format!("{} {}", tr.time(at), tr.zone_note(at)).trim().to_owned()),
    ];
    let (head, subject) = (tr.t("alert-mail-head"), tr.a1("alert-mail-subject", "rule", rule));
    let link = format!("{}/alerts/{}", app.config.public_url.trim_end_matches('/'), row.id);
    let lines: String = facts.iter().map(|(label, value)| format!("{}\n", tr.pair(label, value))).collect();
    let (open, foot) = (tr.t("alert-mail-open"), tr.t("alert-mail-foot"));
    let text = format!("{head}\n\n{lines}\n{open}\n{link}\n\n{foot}\n");
    let sheet = Sheet { lang: lang.as_str(), subject, head, facts, link, open, foot, below: None };
    Letter { to, to_name, text, sheet, message_id: format!("{}.{user}@{}", row.id, app.config.host()) }
}
