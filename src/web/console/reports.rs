//! `/reports`: 误发上报, made for a phone. The page says first what is faster than any approval: taking it back oneself.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::broadcasts::choices;
use crate::{
    app::{
        App,
        broadcasts::report::{self, Report, Upload},
    },
    i18n::Tr,
    id::BroadcastId,
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, once, see_other,
        view::{Choice, Crumb},
    },
};

#[derive(Template)]
#[template(path = "reports/new.html")]
struct New {
    page: Page,
    form: FormState,
    crumbs: Vec<Crumb>,
    connections: Vec<Choice>,
}

async fn new_page(app: &App, who: &SignedIn, page: Page, form: FormState, status: StatusCode) -> Result<HttpResponse, Fault> {
    let crumbs = vec![Crumb::link("/broadcasts", page.t("nav-broadcasts")), Crumb::here(page.t("report-new"))];
    html(status, New { crumbs, connections: choices(app, who).await?, page, form })
}

pub async fn new(app: Data<App>, who: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    new_page(&app, &who, page, FormState::new("report"), StatusCode::OK).await
}

pub async fn create(app: Data<App>, who: SignedIn, page: Page, req: HttpRequest, mut posted: Posted) -> Result<HttpResponse, Fault> {
    let page = page.at("/reports/new");
    let mut form = FormState::from_posted("report", &posted);
    if !form.ok() {
        once::turned_away(&req, "invalid");
        return new_page(&app, &who, page, form, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let files = posted.take_files().into_iter().map(|f| Upload { name: f.name, bytes: f.bytes }).collect();
    let text = |field: &str| posted.get(field).to_owned();
    let new = Report {
        connection: text("connection"),
        channel: text("channel"),
        sent_at: local_time(&page.tr, posted.get("sent_at")),
        audience: text("audience"),
        title: text("title"),
        text: text("text"),
        files,
        sender: text("sender"),
    };
    let (app_, caller) = (app.clone(), who.caller.clone());
    let made = once::form(&app, &who, &req, &posted, async |id| {
        let done = report::report(&app_, &caller, new, Some(BroadcastId(id))).await?;
        Ok(format!("/broadcasts/{}", done.value))
    })
    .await?;
    match made {
        Ok(location) => {
            who.flash(Tone::Ok, page.t("report-filed")).await;
            Ok(see_other(location))
        }
        Err(error) => {
            form.refuse_all(error)?;
            let status = form.status();
            new_page(&app, &who, page, form, status).await
        }
    }
}

/// `2026-11-22T17:30`, as browsers post it, in the person's zone; anything else goes on as it is and is judged there.
pub(super) fn local_time(tr: &Tr, typed: &str) -> String {
    let typed = typed.trim();
    let read = || {
        let (day, clock) = typed.split_once(['T', ' '])?;
        let mut parts = clock.split(':').map(str::parse::<u64>);
        let (hours, minutes) = (parts.next()?.ok()?, parts.next()?.ok()?);
        let seconds = parts.next().map_or(Some(0), Result::ok)?;
        if hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        Some(tr.start_of_day(day)?.plus(std::time::Duration::from_secs(hours * 3600 + minutes * 60 + seconds)))
    };
    read().map_or_else(|| typed.to_owned(), |at| at.to_rfc3339())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn a_browsers_time_is_in_the_persons_zone() {
        let tr = Tr::new(Lang::ZhCn);
        assert_eq!(local_time(&tr, "2026-11-22T19:10"), "2026-11-22T11:10:00.000000Z");
        assert_eq!(local_time(&tr, "2026-11-22 19:10:05"), "2026-11-22T11:10:05.000000Z");
        assert_eq!(local_time(&tr, "2026-11-22T25:10"), "2026-11-22T25:10");
        assert_eq!(local_time(&tr, "2026-11-22T19:10:00+08:00"), "2026-11-22T19:10:00+08:00");
    }
}
