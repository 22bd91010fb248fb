//! One level's decision: proof of identity, statement, state and job in one write.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::sign::{self, Proof, Said};
use super::{
    App, AppError, AppResult, Caller, Dossier, Loaded, advance, chosen, class_of, decider_at, escalate, known_in, load, passage, refused, subject,
    summary, telling, weighing,
};
use crate::{
    app::{Done, content, delegations::grants, notices, once, policies, resets, step_up},
    clock::Instant,
    crypto,
    domain::{
        event::Action,
        recall::{
            Case, Guard, Rules, State, Verb,
            approval::{self, Ballot, Decider},
            delegation::Grant,
            participation,
            weighing::Answers,
        },
        role::Permission,
    },
    id::DecisionId,
    store::{
        Conn, StoreError, broadcasts, reader,
        recalls::{self, DecisionRow},
        users::ResetDone,
    },
};

/// A decision as posted.
#[derive(Clone, Default)]
pub struct Decide {
    /// A word of [`Verb`].
    pub decision: String,
    pub comment: String,
    /// What level 2 is asked.
    pub answers: weighing::Typed,
    /// A fresh one-time code.
    pub totp: String,
    /// The version that the page showed; `None` where no page was shown (API): the newest then.
    pub seen: Option<i64>,
    /// The delegation that the page showed it under, empty for in their own name; `None` where no page was shown: whichever they may, their own
    /// name first.
    pub behalf: Option<String>,
    /// What a form that is posted twice is known by.
    pub once: Option<once::Key>,
    /// What a request comes back to whose process died (API); a fresh one otherwise.
    pub id: Option<DecisionId>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub id: String,
    pub number: String,
    pub level: u8,
    pub verb: Verb,
    /// Id of who it was decided for, if not in the decider's own name.
    pub principal: Option<String>,
    pub state: State,
    pub at: Instant,
    /// An earlier post of the same form made it.
    pub repeated: bool,
}

/// What the write came to.
enum Made {
    Now(Decided),
    /// The decision of an earlier post, by id.
    Before(String),
}

/// A case as a decider sees it.
pub(super) struct Seen {
    pub(super) loaded: Loaded,
    /// Of the message.
    pub(super) title: String,
    /// What their statement binds of the page, before what they answer themself.
    pub(super) summary: String,
}

/// The case for somebody with the permission that their act `needs`; a refusal is recorded as `action`.
pub(super) async fn seen(app: &App, caller: &Caller, id: &str, action: Action, needs: Permission) -> AppResult<Seen> {
    let (asking, wanted) = (caller.clone(), id.to_owned());
    let look = move |conn: &mut Conn| {
        Ok(known_in(conn, &asking, &wanted)?.and_then(|(loaded, broadcast)| {
            let requester = broadcasts::names(conn, vec![loaded.row.requester_id.clone()])?.into_values().next().unwrap_or_default();
            Ok((loaded, broadcast, requester))
        }))
    };
    let about = app.store.look_up(look).await?;
    let case_id = about.as_ref().map_or_else(|_| super::plain(id), |(l, ..)| l.row.id.clone());
    let case = about.as_ref().ok().map(|(l, ..)| l.row.id.clone());
    if !caller.may(needs) {
        let error = AppError::Forbidden(needs);
        return Err(app.refuse(caller, action, subject(&case_id), case.as_deref(), error).await);
    }
    let (loaded, broadcast, requester) = match about {
        Ok(found) => found,
        Err(error) => return Err(app.refuse(caller, action, subject(&case_id), None, error).await),
    };
    let envelope = &app.store.keys().envelope;
    // Of an erased broadcast nothing opens; the case is closed, and refused for that.
    let title = if broadcast.erased_at.is_some() { String::new() } else { content::open_title(envelope, &broadcast)? };
    let summary = summary::summary(&loaded, envelope, &Dossier::open(envelope, &loaded.row)?, &title, &requester)?;
    Ok(Seen { loaded, title, summary })
}

/// Decides the open level that the caller may decide.
///
/// # Errors
/// `Invalid` on `decision`, `comment`, `totp` and the questions ([`weighing::field`]); `Conflict` where the case changed since it was shown; `Refused` with a word of [`Guard`]
/// or of `step_up::spend_totp`. Each is recorded, the typed comment with it.
pub async fn decide(app: &App, caller: &Caller, id: &str, input: Decide) -> AppResult<Done<Decided>> {
    let caller = &grants::as_shown(app, caller, id, input.behalf.as_deref().unwrap_or_default()).await?;
    let Seen { loaded, summary, .. } = seen(app, caller, id, Action::RecallDecided, Permission::RecallDecide).await?;
    let case_id = loaded.row.id.clone();
    let mine = |d: &&DecisionRow| Some(&d.id) == input.id.as_ref().map(|id| &id.0) && Some(&d.decider_id) == caller.user_id.as_ref();
    if let Some(made) = loaded.decisions.iter().find(mine) {
        return made_before(app, &case_id, made.id.clone(), false).await;
    }
    let (verb, comment, answered) = match parse(&input, true) {
        Ok(parsed) => parsed,
        Err(error) => return Err(app.refuse(caller, Action::RecallDecided, subject(&case_id), Some(&case_id), error).await),
    };
    once::tidy(app).await;
    let seen_version = loaded.case.version;
    let app2 = app.clone();
    let caller2 = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            let event = caller2.event(Action::RecallDecided, subject(&case_id)).case(&case_id).text(json!({ "comment": comment }));
            if let Some(once) = &input.once {
                match once::earlier(tx, once)? {
                    Ok(Some(made)) => return Ok(Ok(Made::Before(made))),
                    Ok(None) => {}
                    Err(error) => return refused(tx, event, error),
                }
            }
            let Loaded { row, case, .. } = load(tx.conn, &case_id)?.ok_or(StoreError::NotFound)?;
            let now = tx.now();
            let who = shown_as(tx.conn, &caller2, input.behalf.as_deref(), now)?;
            let level = level_for(&case, &who);
            let answers = match weighing::at(level, &answered) {
                Ok(answers) => answers,
                Err(error) => return refused(tx, event, error),
            };
            let ballot = weighing::ballot(tx.conn, &app2.store.keys().envelope, (&row, &case), (level, verb, input.seen), &answers)?;
            let next = match approval::decide(Rules::ALL, &case, &who, ballot, now) {
                Ok(next) => next,
                Err(guard) => return refused(tx, event, weighing::refusal(guard, &answers)),
            };
            let grant = in_whose_name(&case, &who, level).cloned();
            // Summary and statement were made of what was loaded before: the very version that is decided on, in the name that was shown.
            if case.version != seen_version || as_another(grant.as_ref(), input.behalf.as_deref()) {
                return refused(tx, event, AppError::Conflict);
            }
            let proof = match Proof::read(&app2, &row.id, &input.totp) {
                Ok(proof) => proof,
                Err(error) => return refused(tx, event, error),
            };
            let (nonce, salt) = proof.random();
            let summary = format!("{summary}{}", answers.lines());
            let said = Said { level, verb, comment: &comment, summary: &summary, decider: &who.user.0, nonce, salt };
            let statement = sign::statement(&row, &said)?;
            let (method, signed) = match proof.spend(tx, &app2, &who.user.0, &statement)? {
                Ok(proven) => proven,
                Err(error) => return refused(tx, event, error),
            };
            let shown = crypto::sha256(summary.as_bytes());
            let approved = next.state == State::Approved;
            // The next level opens now: it and those after it share what is left, whether this one was early or late.
            let opened = next.open.first().filter(|_| next.state == State::Reviewing && next.open != case.open);
            let due = opened.map(|level| policies::due(tx.conn, &row, class_of(&row)?, *level, now)).transpose()?;
            let changed = advance(tx, &row, &next, |row| {
                (row.due_1, row.due_2, row.due_3) = due.map_or((row.due_1, row.due_2, row.due_3), |[one, two, three]| (one.0, two.0, three.0));
            })?;
            let after = match changed {
                Ok(after) => after,
                Err(error) => return refused(tx, event, error),
            };
            if let Some(level) = opened {
                escalate::at_due(tx, &after, *level)?;
            }
            let (before, now_is) = passage(&row, &after);
            let mut detail = json!({
                "level": level, "round": row.round, "decision": verb, "decider": who.user.0, "method": method,
                "statement": STANDARD.encode(&statement), "statement_sha256": hex::encode(crypto::sha256(&statement)),
                "shown": hex::encode(shown), "before": before, "after": now_is,
            });
            if let Some(grant) = &grant {
                (detail["principal"], detail["delegation"]) = (json!(grant.principal), json!(grant.id));
            }
            if let Some(due) = due {
                detail["due"] = json!(due.map(|at| at.to_rfc3339()));
            }
            if answers.is_asked() {
                detail["answers"] = json!(answers);
            }
            if let Some(signed) = signed {
                detail["passkey"] = json!(signed);
            }
            let resets = resets::on_the_day_of(tx.conn, &app2.config.time_zone, &who.user.0, now)?;
            if !resets.is_empty() {
                let told = |r: &ResetDone| json!({ "at": Instant(r.at).to_rfc3339(), "proposed_by": r.proposed_by, "confirmed_by": r.confirmed_by });
                detail["second_factor_resets"] = resets.iter().map(told).collect();
            }
            let mut event = event.part("shown", json!({ "summary": summary })).detail(detail);
            if let Some(grant) = &grant {
                event = event.part("principal", json!({ "name": grant.name }));
            }
            let event_id = tx.append(event)?;
            let decision = input.id.clone().unwrap_or_else(DecisionId::fresh).0;
            if let Some(once) = &input.once {
                once::keep(tx, once, &decision)?;
            }
            let sealed = app2
                .store
                .keys()
                .envelope
                .seal(&format!("decisions/{decision}/comment"), json!({ "salt": hex::encode(salt), "text": comment }).to_string().as_bytes());
            let client = caller2.client.as_ref();
            recalls::decision_insert(
                tx.conn,
                DecisionRow {
                    id: decision,
                    recall_id: row.id.clone(),
                    round: row.round,
                    level: i64::from(level),
                    decider_id: who.user.0,
                    decision: verb.as_str().to_owned(),
                    comment_sealed: sealed,
                    method: method.as_str().to_owned(),
                    statement,
                    shown: shown.to_vec(),
                    event_id: event_id.0.clone(),
                    client_ip: client.map(|c| c.client_ip.clone()),
                    device_id: caller2.device.as_ref().map(|d| d.device_id.clone()),
                    at: tx.now().0,
                    principal_id: grant.as_ref().map(|grant| grant.principal.0.clone()),
                    answers: weighing::kept(&answers)?,
                },
            )?;
            // It is now the turn of whoever the level belongs to.
            let heard = next.state == State::Reviewing && next.open == case.open;
            if heard && participation::awaited(&next, level).next().is_none() {
                notices::wake_anew(tx, &row.id, level, &event_id.0)?;
            }
            if approved && case.mode == crate::domain::recall::Mode::Api {
                tx.enqueue("execute_recall", &row.id, &json!({ "recall": row.id }), tx.now())?;
            }
            Ok(Ok(Made::Now(Decided {
                id: row.id,
                number: row.number,
                level,
                verb,
                principal: grant.map(|grant| grant.principal.0.clone()),
                state: next.state,
                at: tx.now(),
                repeated: false,
            })))
        })
        .await;
    app.wake.notify_one();
    let done = Done::from_write(written?)?;
    match done.value {
        Made::Now(decided) => Ok(Done { value: decided, receipt: done.receipt }),
        Made::Before(decision) => made_before(app, &loaded.row.id, decision, true).await,
    }
}

/// The decision that an earlier run of the same request made; its code is spent, and it counts.
async fn made_before(app: &App, case: &str, decision: String, repeated: bool) -> AppResult<Done<Decided>> {
    let case = case.to_owned();
    let found = app
        .store
        .read(move |conn| {
            let loaded = load(conn, &case)?.ok_or(StoreError::NotFound)?;
            let made = loaded.decisions.iter().find(|d| d.id == decision).cloned().ok_or(StoreError::NotFound)?;
            let receipt = reader::receipt(conn, &made.event_id)?;
            Ok((loaded, made, receipt))
        })
        .await?;
    let (loaded, made, receipt) = found;
    let value = Decided {
        id: loaded.row.id,
        number: loaded.row.number,
        level: u8::try_from(made.level).unwrap_or(0),
        verb: Verb::parse(&made.decision).ok_or_else(|| StoreError::Corrupt(format!("decisions.decision: {}", made.decision)))?,
        principal: made.principal_id,
        state: loaded.case.state,
        at: Instant(made.at),
        repeated,
    };
    Ok(Done { value, receipt: Some(receipt) })
}

/// Verb, comment and answers as typed, and whether there is a code where one is wanted.
pub(super) fn parse(input: &Decide, coded: bool) -> AppResult<(Verb, String, Answers)> {
    let mut errors = Vec::new();
    let verb = chosen("decision", &input.decision, Verb::parse, &mut errors);
    let comment = telling("comment", &input.comment).map_err(|e| errors.push(e)).unwrap_or_default();
    let answers = weighing::read(&input.answers, &mut errors);
    if coded && input.totp.trim().is_empty() {
        errors.push(super::FieldError::new(step_up::FIELD, "required"));
    }
    match verb {
        Some(verb) if errors.is_empty() => Ok((verb, comment, answers)),
        _ => Err(AppError::Invalid(errors)),
    }
}

/// Who decides, as their page showed it: in their own name alone, or under the one delegation, which may have ended meanwhile.
pub(super) fn shown_as(conn: &mut Conn, caller: &Caller, behalf: Option<&str>, now: Instant) -> Result<Decider, StoreError> {
    let mut who = decider_at(conn, caller, now)?;
    if let Some(id) = behalf {
        who.grants.retain(|grant| grant.id == id);
        if who.grants.is_empty() {
            who.grants.extend(grants::lapsed(conn, id, who.user.as_str(), now)?);
        }
    }
    Ok(who)
}

/// What they decide a level under; nothing in their own name.
pub(super) fn in_whose_name<'w>(case: &Case, who: &'w Decider, level: u8) -> Option<&'w Grant> {
    approval::capacity(Rules::ALL, case, who, level).ok().flatten()
}

/// Whether that is another name than the page showed.
pub(super) fn as_another(grant: Option<&Grant>, shown: Option<&str>) -> bool {
    shown.is_some_and(|shown| shown != grant.map_or("", |grant| grant.id.as_str()))
}

/// The open level that this person may decide; where there is none, the open level whose refusal tells the reason.
pub(super) fn level_for(case: &Case, who: &Decider) -> u8 {
    let able = |level: &&u8| approval::may_ever_decide(Rules::ALL, case, who, **level).is_ok();
    case.open.iter().find(able).or_else(|| case.open.first()).copied().unwrap_or(3)
}

/// Why this person may not decide this case now, or `None` if they may: what the page shows instead of the form.
pub(super) fn why_not(case: &Case, who: &Decider, now: Instant) -> Option<Guard> {
    let ballot = Ballot { level: level_for(case, who), verb: Verb::Return, seen: case.version, answers: Answers::default(), silent: false };
    approval::decide(Rules::ALL, case, who, ballot, now).err()
}
