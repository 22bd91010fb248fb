//! A search as a file: asked for, handed out piece by piece, and gone on with after a broken connection.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use askama::Template;

use super::{Forms, Stand, chips_of, form_of, index_of, query, typed};
use crate::{
    app::{
        App, AppError,
        audit::{
            self,
            export::{self, File, Format},
        },
        step_up,
    },
    web::{Fault, Page, Posted, SignedIn, html, ok, once, page::Html, pieces::streamed, view::Crumb},
};

/// `POST /audit/exports`: the search as a file, sent piece by piece; refused, the page with the search as it was typed.
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let mut form = typed(posted.fields().flat_map(|(name, values)| values.iter().map(move |v| (name.as_str().into(), v.as_str().into()))));
    let asked = query(&page, &mut form);
    let mut forms = Forms::new();
    let format = match posted.get("format") {
        "" => Some(Format::Csv),
        word => Format::parse(word),
    };
    if format.is_none() {
        forms.export.refuse("format", "choice");
    }
    if let Some(format) = format.filter(|_| form.ok()) {
        let make = || async {
            let file = export::export(&app, &me.caller, &asked, format, posted.get("totp")).await?;
            let id = file.id().unwrap_or_default().to_owned();
            Ok((file, id))
        };
        let error = match once::file(&app, &me, &req, &posted, make).await? {
            Ok(once::Handed::First(file)) => return Ok(sent(&page, file)),
            Ok(once::Handed::Again(id)) => return Ok(sent(&page, export::again(&app, &me.caller, &id, None).await?)),
            Err(error) => error,
        };
        // A fault of the search belongs to its fields, everything else to the code.
        match &error {
            AppError::Invalid(errors) if errors.iter().any(|e| e.field != step_up::FIELD) => form.refuse_all(error)?,
            _ => forms.export.refuse_all(error)?,
        }
    } else {
        once::turned_away(&req, "invalid");
        if !me.caller.may(crate::domain::role::Permission::AuditExport) {
            return Err(Fault::forbidden());
        }
    }
    let status = if form.ok() { forms.export.status() } else { form.status() };
    html(status, index_of(&app, &me, page.at("/audit"), form, forms, None).await?)
}

/// A file as an answer.
pub(in crate::web) fn sent(page: &Page, file: File) -> HttpResponse {
    let name = format!("attachment; filename=\"audit-{}.{}\"", page.iso_date(page.now), file.format());
    let mut answer = HttpResponse::Ok();
    if let Some(id) = file.id() {
        answer.insert_header((header::CONTENT_LOCATION, format!("/audit/exports/{id}/file")));
    }
    answer.insert_header((header::CONTENT_DISPOSITION, name));
    streamed(answer, file.format().media(), file)
}

#[derive(Template)]
#[template(path = "audit/export.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    stand: Stand,
    id: String,
    chips: Vec<String>,
    format: String,
    size: String,
    at: Html,
    until: Html,
    state: String,
    done: bool,
    sent: String,
    /// Index of the last event that was handed to the connection.
    last: Option<u64>,
}

/// `GET /audit/exports/{id}`: how far it came, and the way on.
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    let export = export::show(&app, &me.caller, &id).await?;
    let form = form_of(&page, &export.query);
    let progress = export.progress.unwrap_or_default();
    let state = match export.progress {
        None => "export-state-unknown",
        Some(p) if p.done => "export-state-done",
        Some(_) => "export-state-begun",
    };
    ok(Show {
        crumbs: vec![Crumb::link("/audit", page.t("nav-audit")), Crumb::here(page.t("export-title"))],
        stand: Stand::of(&page, audit::stands(&app).await?),
        chips: chips_of(&page, &form).into_iter().map(|chip| chip.label).collect(),
        format: export.format.as_str().to_uppercase(),
        size: page.num(export.size),
        at: page.time_full(export.at),
        until: page.time(export.until),
        state: page.t(state),
        done: progress.done,
        sent: page.n("export-sent", progress.sent),
        last: progress.last,
        id: export.id,
        page,
    })
}

/// `GET /audit/exports/{id}/file`, whole or with `after`: what comes after the event with that index.
pub async fn file(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, id: Path<String>) -> Result<HttpResponse, Fault> {
    let after = url::form_urlencoded::parse(req.query_string().as_bytes()).find(|(name, value)| name == "after" && !value.trim().is_empty());
    let after = match after {
        None => None,
        Some((_, text)) => Some(text.trim().parse().map_err(|_| Fault::bad_request())?),
    };
    Ok(sent(&page, export::again(&app, &me.caller, &id, after).await?))
}
