//! `/api/v1/evidence` and the evidence of a case: list, export, download, verification of an upload of which nothing is kept.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use serde_json::{Value, json};

use super::{
    AUDIT_EVENT, Answer, Body, Refusal,
    describe::{Media, operations::LIST},
    fields::Fields,
    json_ok, once,
    parameters::{Parameters, paged},
    respond,
};
use crate::{
    app::{
        App,
        evidence::{
            self, Listed,
            export::{Export, export},
        },
    },
    clock::Instant,
    web::{Bearer, Fault, extract::visit, refusal},
};

/// `GET /api/v1/evidence`: bundles, newest first.
pub async fn index(app: Data<App>, who: Bearer, req: HttpRequest) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let asked = match Parameters::of(&req) {
        Ok(asked) => asked,
        Err(wrong) => return Ok(refusal::invalid(&visit, &wrong)),
    };
    match evidence::list_of(&app, &who.caller, asked.turn(), asked.limit(LIST)).await {
        Ok((all, (_, below))) => Ok(paged(&req, &json!({ "bundles": all.iter().map(shown).collect::<Vec<_>>(), "next": below }))),
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

/// `GET /api/v1/recalls/{id}/evidence`.
pub async fn of_case(app: Data<App>, who: Bearer, req: HttpRequest, id: Path<String>) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    match evidence::of_case(&app, &who.caller, &id).await {
        Ok((_, all)) => Ok(json_ok(&json!({ "bundles": all.iter().map(shown).collect::<Vec<_>>(), "next": null }))),
        Err(error) => Ok(respond(&visit, Err(error.into()))),
    }
}

/// `GET /api/v1/evidence/{number}`: one bundle, with what authorities said of it.
pub async fn show(app: Data<App>, who: Bearer, req: HttpRequest, number: Path<String>) -> Result<HttpResponse, Fault> {
    let visit = visit(&req)?;
    let listed = match evidence::find(&app, &who.caller, &number).await {
        Ok(listed) => listed,
        Err(error) => return Ok(respond(&visit, Err(error.into()))),
    };
    let at = |at: Option<Instant>| at.map(Instant::to_rfc3339);
    let said: Vec<Value> = listed
        .timestamps
        .iter()
        .map(|t| json!({ "authority": t.authority, "at": at(t.at), "until": at(t.until), "renewed": at(t.renewed), "refusal": t.refusal }))
        .collect();
    let mut body = shown(&listed);
    body["timestamps"] = json!(said);
    Ok(json_ok(&body))
}

fn shown(listed: &Listed) -> Value {
    let row = &listed.row;
    json!({
        "number": row.number, "recall": row.recall_id, "case": listed.case_number, "kind": listed.kind.as_str(), "bytes": row.size,
        "sha256": hex::encode(&row.sha256), "log_size": row.log_size, "sealed_at": Instant(row.sealed_at).to_rfc3339(),
        "kept_until": listed.kept_until.to_rfc3339(), "erased_at": row.erased_at.map(|at| Instant(at).to_rfc3339()),
    })
}

/// `POST /api/v1/evidence/exports` `{"case","purpose"}`, and if wanted `"at"`; a person's token brings a fresh `"totp"`.
pub async fn create(app: Data<App>, who: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &who.caller, &req, &body.0, |_| async {
        let mut fields = Fields::of(&body.0)?;
        let mut wanted = Export { case: fields.text("case"), purpose: fields.text("purpose"), at: None, totp: fields.text("totp"), keep: true };
        match fields.number("at").map(u64::try_from) {
            Some(Err(_)) => fields.complain("at", "number"),
            at => wanted.at = at.and_then(Result::ok),
        }
        fields.end()?;
        let done = export(&app, &who.caller, wanted).await?;
        let (made, href) = (&done.value, format!("/api/v1/evidence/{}", done.value.number));
        let body = json!({
            "number": made.number, "href": href, "bytes": made.bundle.bytes.len(), "sha256": hex::encode(made.bundle.sha256),
            "with_content": made.with_content, "verified": made.verified, "uncertified": made.uncertified,
            "sm2_signature": made.sm2.map(|sm2| sm2.is_ok()), "uncertified_sm2": made.sm2.and_then(Result::err),
        });
        Ok::<_, Refusal>(Answer::created(&done, href, body))
    })
    .await
}

/// `POST /api/v1/evidence/{number}/downloads`: the file; a person's token brings a fresh `"totp"`.
pub async fn download(app: Data<App>, who: Bearer, req: HttpRequest, number: Path<String>, body: Body) -> Result<HttpResponse, Fault> {
    let mut handed = None;
    let res = once(&app, &who.caller, &req, &body.0, async |_| {
        let mut fields = Fields::or_none(&body.0)?;
        let totp = fields.text("totp");
        fields.end()?;
        let done = evidence::download(&app, &who.caller, &number, &totp).await?;
        // The answer that is kept for a repetition is not the file but that it was handed out.
        let answer = Answer::changed(&done, json!({ "number": *number }));
        handed = Some(done.value);
        Ok::<_, Refusal>(answer)
    })
    .await?;
    if !res.status().is_success() {
        return Ok(res);
    }
    let (listed, bytes) = match handed {
        Some(handed) => handed,
        None => evidence::again(&app, &who.caller, &number).await?,
    };
    let mut file = HttpResponse::Ok();
    if let Some(event) = res.headers().get(AUDIT_EVENT) {
        file.insert_header((AUDIT_EVENT, event.clone()));
    }
    let name = format!("attachment; filename=\"{}.zip\"", listed.row.number);
    Ok(file.content_type(Media::Zip.as_str()).insert_header((header::CONTENT_DISPOSITION, name)).body(bytes))
}

/// `POST /api/v1/evidence/verification`: a bundle as the body.
pub async fn verify(app: Data<App>, who: Bearer, req: HttpRequest, body: Body) -> Result<HttpResponse, Fault> {
    once(&app, &who.caller, &req, &body.0, async |_| {
        let outcome = evidence::check(&app, &who.caller, Some(body.0.clone()).filter(|b| !b.is_empty())).await?;
        Ok::<_, Refusal>(Answer::said(json!(outcome)))
    })
    .await
}
