//! Who receives a delegation, or loses one, is told by mail. Nothing of the reason stands in it. Not here: mails about cases (`app::notices`).

use serde_json::json;

use crate::{
    app::{App, AppError, AppResult, Caller},
    clock::Instant,
    connect::mail::{Letter, MailError, Sheet},
    domain::event::{Action, Outcome, Subject},
    i18n::{Lang, Tr},
    store::{
        StoreError, Tx,
        delegations::{self, DelegationRow},
        notices, users,
    },
};

/// Kind of the job.
pub const SEND: &str = "send_delegation";
/// A mail that could not be handed over for so long is of no use any more.
const GIVE_UP: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

/// Has the delegate told of what was made or `ended`; part of the write that did so.
pub(super) fn wake(tx: &mut Tx<'_>, id: &str, ended: bool) -> Result<(), StoreError> {
    if !tx.tells() {
        return Ok(());
    }
    let now = tx.now();
    tx.enqueue(SEND, &format!("{id}/{ended}"), &json!({ "delegation": id, "ended": ended }), now)
}

/// Sends one mail, unless the delegation has ended before it was told of.
///
/// # Errors
/// Those of the store, and where the mail cannot be handed over now: the job tries again.
pub async fn send(app: &App, id: &str, ended: bool) -> AppResult<Option<Instant>> {
    let Some(mailer) = app.mailer.clone() else { return Ok(None) };
    let wanted = id.to_owned();
    let found = app.store.read(move |conn| {
        let Some(row) = delegations::find(conn, &wanted)?.filter(|row| ended || row.ended_at.is_none()) else { return Ok(None) };
        let principal = users::user_find(conn, &row.principal_id)?.ok_or(StoreError::NotFound)?.display_name;
        let delegate = users::user_find(conn, &row.delegate_id)?.ok_or(StoreError::NotFound)?;
        let address = notices::address(conn, &row.delegate_id)?;
        Ok(Some(delegate).filter(|d| d.state == "active").zip(address).map(|(delegate, to)| (row, principal, delegate, to)))
    });
    let Some((row, principal, delegate, to)) = found.await? else { return Ok(None) };
    // Servers like to repeat the address; it is nothing for the record.
    let nameless = |why: String| why.replace(&to, "…");
    let lang = delegate.lang.as_deref().and_then(Lang::parse).unwrap_or_default();
    let letter = letter(app, lang, &row, ended, principal, (to.clone(), delegate.display_name));
    let since = row.ended_at.filter(|_| ended).unwrap_or(row.made_at);
    let problem = match mailer.send(letter).await {
        Ok(()) => None,
        Err(MailError::Later(why)) if app.now().since(Instant(since)) <= GIVE_UP => return Err(AppError::Mail(nameless(why))),
        Err(MailError::Refused(why) | MailError::Later(why)) => Some(nameless(why)),
    };
    let outcome = if problem.is_none() { Outcome::Success } else { Outcome::Failed };
    let notice = if ended { "delegation_ended" } else { "delegation_made" };
    let detail = json!({ "notice": notice, "to": delegate.id, "problem": problem });
    app.record(Caller::job(SEND).event(Action::NoticeSent, Subject::new("delegation", id)).outcome(outcome).detail(detail)).await?;
    Ok(None)
}

fn letter(app: &App, lang: Lang, row: &DelegationRow, ended: bool, principal: String, (to, to_name): (String, String)) -> Letter {
    let tr = Tr::new(lang).in_zone(&app.config.time_zone);
    let moment = |at: i64| format!("{} {}", tr.time(Instant(at)), tr.zone_note(Instant(at))).trim().to_owned();
    let levels: Vec<String> = row.levels().map(|level| tr.t(&format!("level-{level}"))).collect();
    let word = if ended { "ended" } else { "made" };
    let facts = vec![
        (tr.t("delegation-principal"), principal.clone()),
        (tr.t("field-delegation-levels"), tr.list(&levels)),
        (tr.t("field-delegation-from"), moment(row.from_at)),
        (tr.t("field-delegation-until"), moment(row.end())),
    ];
    let (head, subject) =
        (tr.a1(&format!("delegation-mail-head-{word}"), "name", &principal), tr.a1(&format!("delegation-mail-subject-{word}"), "name", &principal));
    let link = format!("{}/delegations/{}", app.config.public_url.trim_end_matches('/'), row.id);
    let lines: String = facts.iter().map(|(label, value)| format!("{}\n", tr.pair(label, value))).collect();
    let (open, foot) = (tr.t("delegation-mail-open"), tr.t("mail-foot"));
    let text = format!("{head}\n\n{lines}\n{open}\n{link}\n\n{foot}\n");
    let sheet = Sheet { lang: lang.as_str(), subject, head, facts, link, open, foot, below: None };
    Letter { to, to_name, text, sheet, message_id: format!("{}.{word}@{}", row.id, app.config.host()) }
}
