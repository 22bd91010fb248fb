//! `/retention`: how long each class of events is kept, what is due now, what a legal hold keeps, and what stays for good and why.

use actix_web::{HttpResponse, web::Data};
use askama::Template;

use crate::{
    app::{
        App,
        retention::{self, TableClass},
    },
    web::{
        Fault, Page, SignedIn, ok,
        page::Html,
        view::{Crumb, Fact},
    },
};

/// A class of events, or the sealed files.
struct Row {
    name: String,
    about: String,
    days: String,
    before: Html,
    due: String,
    held: String,
    /// The oldest that is due or held.
    oldest: Option<Html>,
}

#[derive(Template)]
#[template(path = "retention/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    kept: String,
    rows: Vec<Row>,
    bundles: Row,
    broadcasts: Row,
    /// Everything beside the log: what it is, how long it stays, and why.
    others: Vec<Fact>,
    next: Html,
}

/// `GET /retention`
pub async fn show(app: Data<App>, me: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let plan = retention::plan(&app, &me.caller).await?;
    let row = |name: String, about: String, days: u32, before, (due, held, oldest): (u64, u64, Option<_>)| Row {
        name,
        about,
        days: page.n("settings-days", u64::from(days)),
        before: page.time(before),
        due: page.num(due),
        held: page.num(held),
        oldest: oldest.map(|at| page.day(at)),
    };
    let of_class = |c: &retention::OfClass| {
        let tally = (c.tally.parts, c.tally.held, c.tally.oldest);
        row(page.word("kept-class", c.class), page.word("kept-class-about", c.class), c.days, c.before, tally)
    };
    let (archive, sent) = (&plan.archive, &plan.sent);
    let above = if page.can("hold.manage") || page.can("audit.read") { ("/holds", "nav-holds") } else { ("/settings", "nav-settings") };
    let crumbs = vec![Crumb::link(above.0, page.t(above.1)), Crumb::here(page.t("retention-title"))];
    ok(Show {
        crumbs,
        kept: page.n("audit-kept", u64::from(retention::periods(&app).shortest())),
        rows: plan.classes.iter().map(of_class).collect(),
        bundles: row(
            page.t("retention-bundles"),
            page.t("retention-bundles-about"),
            archive.days,
            archive.before,
            (archive.files, archive.held, archive.oldest),
        ),
        broadcasts: row(
            page.t("retention-broadcasts"),
            page.t("retention-broadcasts-about"),
            sent.days,
            sent.before,
            (sent.broadcasts, sent.held, sent.oldest),
        ),
        others: TableClass::ALL
            .iter()
            .map(|class| {
                Fact::new(page.word("retention-rows", class), page.word("retention-rows-long", class), page.word("retention-rows-why", class))
            })
            .collect(),
        next: page.time(retention::tonight(&app)),
        page: page.at("/retention"),
    })
}
