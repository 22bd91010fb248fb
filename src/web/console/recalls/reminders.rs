//! `POST /reminders`: several cases are reminded of in one act; the answer says of each what became of it.

use std::cell::RefCell;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{
    super::lists::{address, given},
    index,
};
use crate::{
    app::{
        App,
        listed::List,
        recalls::remind::{self, Reminded},
        views::Fields,
    },
    web::{Fault, FormState, Page, Posted, SignedIn, html, once, see_other, view::Crumb},
};

/// A case and what became of it.
struct Told {
    /// Empty for a case that this person does not know of.
    href: String,
    number: String,
    title: String,
    /// Why it was not reminded of.
    why: String,
}

#[derive(Template)]
#[template(path = "recalls/reminded.html")]
struct Answer {
    page: Page,
    crumbs: Vec<Crumb>,
    done: Vec<Told>,
    refused: Vec<Told>,
    back: String,
}

/// The cases are `cases`; beside them the filters of the list that they were ticked in.
pub async fn create(app: Data<App>, me: SignedIn, page: Page, req: HttpRequest, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let fields: Fields = List::Recalls.fields().iter().map(|name| ((*name).to_owned(), posted.get(name).to_owned())).collect();
    let place = ["before", "after"].into_iter().find_map(|side| Some((side, posted.get(side))).filter(|(_, key)| !key.is_empty()));
    let back = address(List::Recalls, &fields, None, place);
    let mut form = FormState::from_posted("reminders", &posted).ids("remind");
    let reminded = RefCell::new(None);
    if form.ok() {
        once::several(&req);
        let make = |id: String| {
            let (app, me, posted, back, reminded) = (&app, &me, &posted, back.clone(), &reminded);
            async move {
                let all = remind::many(app, &me.caller, posted.all("cases"), &id).await?;
                reminded.replace(Some(all));
                Ok(back)
            }
        };
        match once::form(&app, &me, &req, &posted, make).await? {
            // A second click: what became of each was said to the first.
            Ok(to) if reminded.borrow().is_none() => return Ok(see_other(to)),
            Ok(_) => {}
            Err(error) => form.refuse_all(error)?,
        }
    } else {
        once::turned_away(&req, "invalid");
    }
    let Some(reminded) = reminded.into_inner() else {
        let mut shown = fields;
        shown.extend(place.map(|(side, key)| (side.to_owned(), key.to_owned())));
        let (status, forms) = (form.status(), index::Forms { remind: Some(form), ..index::Forms::default() });
        return html(status, index::list_of(&app, &me, page.at("/recalls"), &shown, forms).await?);
    };
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for one in reminded {
        let ended = one.result.is_ok();
        let told = told(&page, one)?;
        if ended { &mut done } else { &mut refused }.push(told);
    }
    let status = if done.is_empty() { StatusCode::CONFLICT } else { StatusCode::OK };
    let crumbs = vec![Crumb::link(back.clone(), page.t("nav-recalls")), Crumb::here(page.t("reminders-answer"))];
    html(status, Answer { crumbs, done, refused, back, page })
}

fn told(page: &Page, one: Reminded) -> Result<Told, Fault> {
    let Some(case) = one.case else {
        return Ok(Told { href: String::new(), number: page.t("reminders-unknown"), title: String::new(), why: page.t("reminders-unknown-why") });
    };
    let why = match one.result {
        Ok(_) => String::new(),
        Err(error) => {
            let mut form = FormState::new("reminder");
            form.refuse_all(error)?;
            form.summary(&page.tr).into_iter().map(|line| line.text).collect::<Vec<_>>().join(" ")
        }
    };
    Ok(Told { href: format!("/recalls/{}", case.id), title: case.title.unwrap_or_default(), number: case.number, why })
}

/// What the form sends along, so that the answer leads back to where the cases were ticked.
pub(super) fn along(query: &Fields) -> Vec<(&'static str, String)> {
    let names = List::Recalls.fields().iter().copied().chain(["before", "after"]);
    names.filter_map(|name| Some((name, given(query, name)?.to_owned()))).collect()
}
