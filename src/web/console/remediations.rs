//! `/remediations`: the steps of all remediation plans. Adding and ending a step is done on the page of its case (`recalls::remediations`).

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use askama::Template;

use super::recalls::{index::count_of, remediations::stands};
use crate::{
    app::{
        App, Turn,
        remediations::list::{self, Line, Wanted},
    },
    web::{
        Fault, FormState, Page, SignedIn, Tone, ok,
        page::Html,
        view::{Chip, Choice, Crumb},
    },
};

/// A step in the list.
struct Row {
    href: String,
    number: String,
    tone: Tone,
    state: String,
    what: String,
    owner: String,
    due: Option<Html>,
    ended: Option<Html>,
}

#[derive(Template)]
#[template(path = "remediations/index.html")]
struct Index {
    page: Page,
    crumbs: Vec<Crumb>,
    form: FormState,
    shows: Vec<Choice>,
    whose: Vec<Choice>,
    chips: Vec<Chip>,
    count: String,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// `GET /remediations`
pub async fn index(app: Data<App>, me: SignedIn, page: Page, query: Query<BTreeMap<String, String>>) -> Result<HttpResponse, Fault> {
    let get = |name: &str| query.get(name).filter(|v| !v.is_empty() && !v.contains('\0')).cloned();
    let wanted = get("show").as_deref().and_then(Wanted::parse);
    let mine = get("mine").as_deref() == Some("yes");
    let turn = Turn::of(get("before"), get("after"));
    let (lines, (above, below), few) = list::list(&app, &me.caller, wanted, mine, turn, list::PAGE).await?;
    let address = |show: Option<Wanted>, mine: bool| {
        let narrowed = show.map(|s| format!("show={s}")).into_iter().chain(mine.then(|| "mine=yes".to_owned()));
        format!("/remediations?{}", narrowed.collect::<Vec<_>>().join("&"))
    };
    let turned = |key: Option<String>, side: &str| key.map(|id| format!("{}&{side}={id}", address(wanted, mine)));
    let row = |line: &Line| {
        let (tone, state) = stands(&page, line.state, line.overdue);
        Row {
            href: format!("/recalls/{}#remediation", line.recall),
            number: line.number.clone(),
            tone,
            state,
            what: page.word("remedy", line.strategy),
            owner: line.owner.1.clone(),
            due: line.due.map(|at| page.time(at)),
            ended: line.ended_at.map(|at| page.time(at)),
        }
    };
    let mut chips: Vec<Chip> = wanted.map(|w| Chip { label: page.word("remediation-show", w), href: address(None, mine) }).into_iter().collect();
    if mine {
        chips.push(Chip { label: page.t("remediation-mine"), href: address(wanted, false) });
    }
    let form = FormState::new("remediation-filter").with("show", wanted.map(Wanted::as_str).unwrap_or_default());
    ok(Index {
        crumbs: vec![Crumb::link("/recalls", page.t("nav-recalls")), Crumb::here(page.t("remediations"))],
        form: form.with("mine", if mine { "yes" } else { "" }),
        shows: Wanted::ALL.iter().map(|w| Choice::new(w.as_str(), page.word("remediation-show", w))).collect(),
        whose: vec![Choice::new("yes", page.t("remediation-mine"))],
        chips,
        count: count_of(&page, Some(few), "remediation", lines.len()),
        newer: turned(above, "after"),
        older: turned(below, "before"),
        rows: lines.iter().map(row).collect(),
        page,
    })
}
