//! `/api/v1/recalls` and `/api/v1/approvals`: ask for a recall, decide, take part beside deciding, resubmit, withdraw, read the state of a
//! case, list cases and what waits for somebody.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use serde_json::{Value, json};

use super::{
    Answer, Body, Refusal,
    describe::operations::LIST,
    fields::Fields,
    json_ok, once,
    parameters::{Parameters, paged},
    respond,
};
use crate::{
    app::{
        App, AppError,
        once::of_request,
        recalls::{
            able::Able,
            correct, decide,
            list::{self, Line},
            order,
            queue::{self, Task},
            ratify, resubmit, status, submit,
            take_part::{self, Act},
            weighing, withdraw,
        },
    },
    clock::Instant,
    domain::{
        platform::HarmClass,
        recall::{
            Made, State, Verb,
            approval::LEVELS,
            participation::{added, awaited, is_added},
            weighing::Matter,
        },
    },
    id::{DecisionId, RecallId},
    web::{Bearer, Fault, extract::visit, refusal},
};

/// A corrected message that is to be sent in place of the one taken back, where there is one.
fn correction(fields: &mut Fields) -> Option<correct::Typed> {
    fields.object("correction", |f| correct::Typed { title: f.text("title"), text: f.text("text") })
}

/// `POST /api/v1/recalls` `{"broadcast","category","reason"}`, and if wanted `"basis"`, `"tell_readers"` and
/// `"correction"` (`{"title","text"}`).
pub async fn create(app: Data<App>, bearer: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let request = submit::Request {
            broadcast: fields.text("broadcast"),
            category: fields.text("category"),
            reason: fields.text("reason"),
            basis: fields.text("basis"),
            tell_readers: fields.flag("tell_readers"),
            correction: correction(&mut fields),
        };
        fields.end()?;
        let done = submit::submit(&app, &bearer.caller, request, id.map(RecallId)).await?;
        let location = format!("/api/v1/recalls/{}", done.value.id);
        let body = json!({ "id": done.value.id, "number": done.value.number, "state": done.value.state });
        Ok::<_, Refusal>(Answer::created(&done, location, body))
    })
    .await
}

/// Why one of the acts by which people answer for a case was refused: a service's token hears that no scope would help it.
fn by_people(bearer: &Bearer, error: AppError) -> Refusal {
    match error {
        AppError::Forbidden(_) if bearer.caller.user_id.is_none() => Refusal::Fault(Fault::forbidden().because("fault-service-decides")),
        error => error.into(),
    }
}

/// `POST /api/v1/recalls/{id}/decisions` `{"decision","comment","totp"}`, and at level 2 if wanted `"answers"`; the token must be a person's.
pub async fn decide(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let input = decide::Decide {
            decision: fields.text("decision"),
            comment: fields.text("comment"),
            answers: fields.object("answers", |f| Matter::ALL.iter().map(|m| (*m, f.text(m.as_str()))).collect()).unwrap_or_default(),
            totp: fields.text("totp"),
            seen: fields.number("version"),
            behalf: None,
            id: id.map(DecisionId),
            once: None,
        };
        fields.end()?;
        let done = decide::decide(&app, &bearer.caller, &path, input).await.map_err(|error| by_people(&bearer, error))?;
        let body = json!({
            "id": done.value.id, "number": done.value.number, "level": done.value.level, "decision": done.value.verb,
            "on_behalf_of": done.value.principal, "state": done.value.state, "at": done.value.at.to_rfc3339(),
        });
        Ok::<_, Refusal>(Answer::changed(&done, body))
    })
    .await
}

/// `POST /api/v1/recalls/{id}/orders` `{"category","reason","totp"}`: the officer on duty has it recalled before its review.
pub async fn order(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let typed = order::Typed {
            category: fields.text("category"),
            reason: fields.text("reason"),
            totp: fields.text("totp"),
            seen: fields.number("version"),
            id: id.unwrap_or_else(crate::id::fresh),
        };
        fields.end()?;
        let done = order::order(&app, &bearer.caller, &path, typed).await.map_err(|error| by_people(&bearer, error))?;
        let made = &done.value;
        let body = json!({ "id": made.id, "number": made.number, "due": made.due.to_rfc3339(), "levels": made.levels });
        Ok::<_, Refusal>(Answer::changed(&done, body))
    })
    .await
}

/// `POST /api/v1/recalls/{id}/ratifications` `{"verdict","comment","totp"}`: the word of the level that is owed next.
pub async fn ratify(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::of(&body.0)?;
        let typed = ratify::Typed {
            verdict: fields.text("verdict"),
            comment: fields.text("comment"),
            totp: fields.text("totp"),
            seen: fields.number("words").map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
            id: id.unwrap_or_else(crate::id::fresh),
        };
        fields.end()?;
        let done = ratify::ratify(&app, &bearer.caller, &path, typed).await.map_err(|error| by_people(&bearer, error))?;
        let said = &done.value;
        let body = json!({
            "id": said.id, "number": said.number, "level": said.level, "verdict": said.verdict, "state": said.standing, "late": said.late,
        });
        Ok::<_, Refusal>(Answer::changed(&done, body))
    })
    .await
}

/// `POST /api/v1/recalls/{id}/resubmissions` `{"reason","basis","tell_readers","correction"}`: a returned case comes back.
pub async fn resubmit(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |_| async {
        let mut fields = Fields::of(&body.0)?;
        let again = resubmit::Again {
            reason: fields.text("reason"),
            basis: fields.text("basis"),
            tell_readers: fields.flag("tell_readers"),
            correction: correction(&mut fields),
        };
        fields.end()?;
        let done = resubmit::resubmit(&app, &bearer.caller, &path, again).await?;
        let body = json!({ "id": done.value, "state": State::Reviewing });
        Ok::<_, Refusal>(Answer::changed(&done, body))
    })
    .await
}

/// `POST /api/v1/recalls/{id}/withdrawal` `{"reason"}`.
pub async fn withdraw(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &bearer.caller, &req, &body.0, |id| async {
        let mut fields = Fields::or_none(&body.0)?;
        let reason = fields.text("reason");
        fields.end()?;
        let done = withdraw::withdraw(&app, &bearer.caller, &path, &reason, id.map(of_request)).await?;
        let body = json!({ "id": done.value, "state": "withdrawn" });
        Ok::<_, Refusal>(Answer::changed(&done, body))
    })
    .await
}

async fn take(
    app: &App,
    bearer: &Bearer,
    req: &HttpRequest,
    id: &str,
    body: &Body,
    read: impl FnOnce(&mut Fields) -> Act,
) -> Result<HttpResponse, Fault> {
    once(app, &bearer.caller, req, &body.0, |entry| async {
        let mut fields = Fields::or_none(&body.0)?;
        let act = read(&mut fields);
        fields.end()?;
        let done = take_part::take(app, &bearer.caller, id, act, entry.unwrap_or_else(crate::id::fresh)).await?;
        let body = json!({ "id": done.value });
        Ok::<_, Refusal>(Answer::changed(&done, body))
    })
    .await
}

/// `POST /api/v1/recalls/{id}/additions` `{"to","reason"}`: `to`, a user name or an id, approves the level first.
pub async fn add(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    take(&app, &bearer, &req, &path, &body, |f| Act::Add { to: f.text("to"), reason: f.text("reason") }).await
}

/// `POST /api/v1/recalls/{id}/removals` `{"to","reason"}`: takes an addition back.
pub async fn remove(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    take(&app, &bearer, &req, &path, &body, |f| Act::Remove { to: f.text("to"), reason: f.text("reason") }).await
}

/// `POST /api/v1/recalls/{id}/transfers` `{"to","reason"}`; `to` is a user name or an id.
pub async fn transfer(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    take(&app, &bearer, &req, &path, &body, |f| Act::Transfer { to: f.text("to"), reason: f.text("reason") }).await
}

/// `POST /api/v1/recalls/{id}/questions` `{"question"}`.
pub async fn ask(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    take(&app, &bearer, &req, &path, &body, |f| Act::Ask { question: f.text("question") }).await
}

/// `POST /api/v1/recalls/{id}/answers` `{"answer"}`.
pub async fn answer(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    take(&app, &bearer, &req, &path, &body, |f| Act::Answer { answer: f.text("answer") }).await
}

/// `POST /api/v1/recalls/{id}/comments` `{"comment"}`.
pub async fn comment(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    take(&app, &bearer, &req, &path, &body, |f| Act::Comment { comment: f.text("comment") }).await
}

/// `POST /api/v1/recalls/{id}/reminders`, without a body.
pub async fn remind(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    take(&app, &bearer, &req, &path, &body, |_| Act::Remind).await
}

/// `GET /api/v1/recalls`: cases, newest first.
pub async fn index(app: Data<App>, bearer: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let asked = match Parameters::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(refusal::invalid(&visit, &wrong)),
    };
    let wanted = list::Wanted {
        states: asked.get("state").and_then(State::parse).into_iter().collect(),
        class: asked.get("category").and_then(HarmClass::parse),
        from: asked.time("from"),
        until: asked.time("until"),
        number: asked.get("number").map(str::to_uppercase),
        ..list::Wanted::default()
    };
    match list::list_of(&app, &bearer.caller, wanted, asked.turn(), asked.limit(LIST)).await {
        Ok(page) => {
            let lines: Vec<Value> = page.lines.iter().map(line).collect();
            Ok(paged(&req, &json!({ "recalls": lines, "next": page.below })))
        }
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

/// `GET /api/v1/approvals`: what waits for the person behind the token, least time left first.
pub async fn approvals(app: Data<App>, bearer: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let waiting = match queue::waiting_for_program(&app, &bearer.caller).await {
        Ok(waiting) => waiting,
        Err(error) => return Ok(respond(&visit, Err(error.into()))),
    };
    let all: Vec<Value> = waiting
        .iter()
        .map(|(task, of)| {
            let (task, level) = match task {
                Task::Decide(level) => ("decide", Some(*level)),
                Task::Confirm => ("confirm", None),
                Task::CarryOut => ("carry_out", None),
                Task::Resubmit => ("resubmit", None),
                Task::Answer => ("answer", None),
                Task::Ratify(level) => ("ratify", Some(*level)),
            };
            json!({ "task": task, "level": level, "on_behalf_of": of.behalf, "recall": line(of) })
        })
        .collect();
    Ok(json_ok(&json!({ "approvals": all })))
}

fn line(line: &Line) -> Value {
    let at = |at: Option<Instant>| at.map(Instant::to_rfc3339);
    json!({
        "id": line.id, "number": line.number, "title": line.title, "state": line.state, "category": line.class, "mode": line.mode,
        "requester": line.requester, "level": line.level, "submitted_at": line.submitted_at.to_rfc3339(), "cut_off": at(line.cut_off),
        "due": at(line.due), "recipients": line.recipients,
    })
}

/// `GET /api/v1/recalls/{id}`: state, levels, deadlines, tally. `id` may be the case number.
pub async fn show(app: Data<App>, bearer: Bearer, req: HttpRequest, path: Path<String>) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    match status::status(&app, &bearer.caller, &path).await.and_then(|found| body(&found)) {
        Ok(body) => Ok(json_ok(&body)),
        Err(error) => Ok(refusal::problem(&visit, error)),
    }
}

/// Somebody who can decide a level now.
fn one(able: &Able) -> Value {
    json!({
        "id": able.id, "name": able.name, "on_behalf_of": able.behalf.as_ref().map(|(name, _)| name),
        "handed_to": able.away.as_ref().map(|(name, _)| name),
    })
}

fn body(found: &status::Status) -> Result<Value, AppError> {
    let (row, case) = (&found.loaded.row, &found.loaded.case);
    let at = |at: Option<i64>| at.map(|at| Instant(at).to_rfc3339());
    let levels: Vec<Value> = LEVELS
        .iter()
        .map(|&level| {
            let of_level = |d: &&Made| d.level == level && d.round == case.round;
            let heard = |d: &&Made| d.verb == Verb::Approve && is_added(case, level, d.voice());
            let made = case.decisions.iter().filter(of_level).rfind(|d| !heard(d));
            let added: Vec<Value> = added(case, level).map(|a| json!({
                "id": a.to, "by": a.by, "approved": !awaited(case, level).any(|waiting| waiting == a),
            })).collect();
            let open = case.state == crate::domain::recall::State::Reviewing && case.open.contains(&level);
            json!({ "level": level, "open": open, "due": row.due_of(level).to_rfc3339(), "escalated": case.escalated.contains(&level), "decision": made.map(|d| d.verb), "decider": made.map(|d| &d.decider), "on_behalf_of": made.and_then(|d| d.principal.as_ref()),
                "added": added,
                "able": found.able.iter().find(|(of, _)| *of == level).map(|(_, able)| able.iter().map(one).collect::<Vec<_>>()),
            })
        })
        .collect();
    let decisions = found.loaded.decisions.iter().map(|d| {
        let answers = weighing::of_row(d)?;
        Ok(json!({
            "round": d.round, "level": d.level, "decision": d.decision, "decider": d.decider_id, "on_behalf_of": d.principal_id,
            "at": Instant(d.at).to_rfc3339(), "answers": answers.is_asked().then_some(answers),
        }))
    });
    let decisions = decisions.collect::<Result<Vec<Value>, AppError>>()?;
    // Until the end nothing is known of the outcomes: the set alone.
    let mut recipients = json!({ "count": row.recipients_count, "root": hex::encode(&row.recipients_root) });
    if let (Some(recipients), Value::Object(tally)) = (recipients.as_object_mut(), json!(found.tally)) {
        recipients.extend(tally);
    }
    let first = found.loaded.order.as_ref().zip(case.order.as_ref()).map(|((order, given), rules)| {
        let words = given.iter().map(
            |g| json!({ "level": g.level, "by": g.by_id, "verdict": g.verdict, "at": Instant(g.at).to_rfc3339(), "late": order.due_at <= g.at }),
        );
        json!({
            "officer": order.officer_id, "at": Instant(order.at).to_rfc3339(), "state": order.state, "due": Instant(order.due_at).to_rfc3339(),
            "overdue": rules.is_overdue(found.now), "levels": rules.owes, "ratifications": words.collect::<Vec<_>>(),
        })
    });
    Ok(json!({
        "id": row.id, "number": row.number, "broadcast": row.broadcast_id, "state": row.state, "mode": row.mode, "category": row.harm_class,
        "round": row.round, "version": row.version, "halted": case.halted, "levels": levels, "decisions": decisions,
        "deadlines": { "cut_off": at(row.cut_off), "window_end": case.window_end().map(Instant::to_rfc3339) },
        "recipients": recipients,
        "tally": found.tally,
        "submitted_at": at(Some(row.submitted_at)), "approved_at": at(row.approved_at), "finished_at": at(row.finished_at), "closed_at": at(row.closed_at),
        "recalled_first": first,
        "correction": found.correction.as_ref().map(|(broadcast, standing)| json!({ "broadcast": broadcast, "state": standing })),
    }))
}
