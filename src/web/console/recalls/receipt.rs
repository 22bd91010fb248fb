//! `GET /recalls/{id}/receipts/{event}`: what was recorded, to keep and to print, and what comes next.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use askama::Template;

use super::{badge, build};
use crate::{
    app::{App, recalls::status},
    web::{Fault, Page, SignedIn, ok, page::Html, view::Crumb, visit::Tone},
};

#[derive(Template)]
#[template(path = "recalls/receipt.html")]
struct Receipt {
    page: Page,
    crumbs: Vec<Crumb>,
    number: String,
    href: String,
    tone: Tone,
    state: String,
    action: String,
    event: String,
    index: String,
    at: Html,
    next: String,
}

/// Shows the receipt of one event of a case.
pub async fn show(app: Data<App>, me: SignedIn, page: Page, path: Path<(String, String)>) -> Result<HttpResponse, Fault> {
    let (id, event) = path.into_inner();
    let receipt = status::receipt(&app, &me.caller, &id, &event).await?;
    let row = &receipt.status.loaded.row;
    let case = &receipt.status.loaded.case;
    let (tone, state) = badge(&page.tr, case.state, case.open.first().copied());
    let href = format!("/recalls/{}", row.id);
    ok(Receipt {
        crumbs: vec![
            Crumb::link("/recalls", page.t("nav-recalls")),
            Crumb::link(href.clone(), row.number.clone()),
            Crumb::here(page.t("receipt-title")),
        ],
        number: row.number.clone(),
        next: build::next(&page, case.state, case.mode),
        action: receipt.action.map(|a| page.word("action", a)).unwrap_or_default(),
        index: receipt.index.map_or_else(|| page.t("receipt-pending"), |i| page.num(i)),
        at: receipt.at.map_or_else(|| Html::trusted(String::new()), |at| page.time_full(at)),
        event,
        href,
        tone,
        state,
        page,
    })
}
