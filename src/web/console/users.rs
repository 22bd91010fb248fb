//! Other people's accounts, also by department, role and state: the system administrator invites, names and suspends; the security administrator gives roles; the audit
//! administrator gives auditors' access.

use std::collections::BTreeSet;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Query},
};
use askama::Template;

use super::{
    departments::choices,
    duties::List,
    lists::{Refused, Views, address, given},
    sessions::refuse,
};
use crate::{
    app::{
        App, AppResult, Done, Turn, duties,
        invitations::{self, Invitee},
        listed,
        people::Person,
        resets,
        users::{self, Change, Filter},
        views::Fields,
    },
    clock::Instant,
    domain::{account::UserState, role::Role},
    web::{
        Fault, FormState, Page, Posted, SignedIn, Tone, html, ok, once, see_other,
        view::{Chip, Choice, Crumb},
    },
};

const HERE: listed::List = listed::List::Users;

/// A person in the list.
struct Line {
    id: String,
    name: String,
    username: String,
    department: String,
    roles: String,
    state: String,
    tone: Tone,
    signed_in: Option<Instant>,
    second_factor: bool,
    /// Active, and nobody has signed in for long.
    unused: bool,
}

#[derive(Template)]
#[template(path = "users/index.html")]
pub(super) struct Index {
    page: Page,
    people: Vec<Line>,
    /// How many accounts there are in all.
    all: u64,
    chips: Vec<Chip>,
    views: Views,
    previous: Option<String>,
    next: Option<String>,
    invite: FormState,
    /// The filters as they are set.
    filter: FormState,
    departments: Vec<Choice>,
    roles: Vec<Choice>,
    all_roles: Vec<Choice>,
    states: Vec<Choice>,
    may_manage: bool,
    /// How many invitations are open, for who may see them.
    invited: Option<usize>,
}

/// What [`filter`] takes for active accounts that nobody has used for long.
const UNUSED: &str = "unused";

/// For the use case, what an address narrows the list by; a word that there is not finds nobody.
pub(super) fn filter(query: &Fields, now: Instant) -> Filter {
    let of = |name| given(query, name).map(ToOwned::to_owned);
    let state = of("state");
    Filter {
        text: of("q").unwrap_or_default(),
        department: of("department"),
        role: given(query, "role").and_then(Role::parse),
        unused_since: (state.as_deref() == Some(UNUSED)).then(|| now.minus(users::UNUSED).0),
        state: state.filter(|state| state != UNUSED),
    }
}

/// The forms beside the list, where they were refused.
#[derive(Default)]
pub(super) struct Forms {
    /// Over the list.
    pub refused: Refused,
    pub invite: Option<FormState>,
}

fn tone(state: UserState) -> Tone {
    match state {
        UserState::Active => Tone::Ok,
        UserState::Invited => Tone::Info,
        UserState::Suspended => Tone::Mute,
    }
}

/// The list as `query` narrows it.
pub(super) async fn list_of(app: &App, me: &SignedIn, page: Page, query: &Fields, forms: Forms) -> Result<Index, Fault> {
    let get = |name: &str| given(query, name).map(ToOwned::to_owned);
    // Names go up from page to page: what lies after one is further down.
    let found = users::page(app, &me.caller, filter(query, page.now), Turn::of(get("after"), get("before"))).await?;
    let long_ago = page.now.minus(users::UNUSED);
    let people: Vec<Line> = found
        .people
        .into_iter()
        .map(|p| Line {
            roles: page.list(&p.roles.iter().map(|r| page.word("role", r)).collect::<Vec<_>>()),
            state: page.word("user-state", p.state),
            tone: tone(p.state),
            unused: p.state == UserState::Active && p.signed_in_at.is_some_and(|at| at < long_ago),
            signed_in: p.signed_in_at,
            second_factor: p.has_second_factor,
            department: p.department.unwrap_or_default(),
            id: p.id,
            name: p.name,
            username: p.username,
        })
        .collect();
    let departments = choices(app).await?;
    let states: Vec<Choice> = UserState::ALL
        .iter()
        .map(|s| Choice::new(s.as_str(), page.word("user-state", s)))
        .chain([Choice::new(UNUSED, page.t("users-unused"))])
        .collect();
    let all_roles: Vec<Choice> = Role::ALL.iter().map(|r| Choice::new(r.as_str(), page.word("role", r))).collect();
    let label = |of: &[Choice], value: &str| of.iter().find(|c| c.value == value).map_or_else(|| value.to_owned(), |c| c.label.clone());
    let chip = |name: &&'static str| {
        let value = given(query, name)?;
        let (key, shown) = match *name {
            "department" => ("users-department", label(&departments, value)),
            "role" => ("users-roles", label(&all_roles, value)),
            "state" => ("users-state", label(&states, value)),
            _ => ("users-search-label", value.to_owned()),
        };
        Some(Chip { label: page.pair(&page.t(key), &shown), href: address(HERE, query, Some(name), None) })
    };
    let chips: Vec<Chip> = HERE.fields().iter().filter_map(chip).collect();
    let filter = HERE.fields().iter().fold(FormState::new("users"), |form, name| form.with(name, given(query, name).unwrap_or_default()));
    let views = Views::of(app, me, HERE, query, forms.refused, !people.is_empty()).await?;
    Ok(Index {
        people,
        all: found.all,
        chips,
        filter,
        all_roles,
        states,
        views,
        previous: found.above.map(|username| address(HERE, query, None, Some(("before", &username)))),
        next: found.below.map(|username| address(HERE, query, None, Some(("after", &username)))),
        invite: forms.invite.unwrap_or_else(|| FormState::new("invitation").ids("inv")),
        departments,
        roles: vec![Choice::new(Role::Requester.as_str(), page.word("role", Role::Requester))],
        may_manage: page.can("user.manage"),
        invited: invitations::count(app, &me.caller).await?,
        page,
    })
}

/// `GET /users`
pub async fn index(app: Data<App>, me: SignedIn, page: Page, query: Query<Fields>) -> Result<HttpResponse, Fault> {
    ok(list_of(&app, &me, page, &query, Forms::default()).await?)
}

/// `POST /users/invitations`: the answer shows the link, once, unless it goes by mail.
pub async fn invite(req: HttpRequest, app: Data<App>, me: SignedIn, page: Page, posted: Posted) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let new = Invitee {
        name: posted.get("name").to_owned(),
        address: posted.get("address").to_owned(),
        // A role that does not exist is refused like one that is not theirs to give.
        roles: posted.all("roles").iter().map(|w| Role::parse(w).unwrap_or(Role::SystemAdministrator)).collect(),
        department_id: chosen(&posted, "department"),
    };
    match once::shown(&app, &me, &req, &posted, || invitations::invite(&app, &me.caller, new)).await? {
        Ok(None) => super::invitations::went_before(&me, &page).await,
        Ok(Some(done)) => super::invitations::went(&app, &me, page, done.value).await,
        Err(error) => {
            let mut form = FormState::from_posted("invitation", &posted).ids("inv");
            let status = refuse(&mut form, error)?;
            html(status, list_of(&app, &me, page.at("/users"), &Fields::new(), Forms { invite: Some(form), ..Forms::default() }).await?)
        }
    }
}

#[derive(Template)]
#[template(path = "users/show.html")]
struct Show {
    page: Page,
    crumbs: Vec<Crumb>,
    person: Person,
    form: FormState,
    state: String,
    tone: Tone,
    departments: Vec<Choice>,
    roles: Vec<Choice>,
    may_manage: bool,
    may_give_roles: bool,
    may_give_access: bool,
    is_auditor: bool,
    own: bool,
    /// When a reset of the second factor was proposed, if it can still be confirmed.
    reset_proposed: Option<Instant>,
    /// What rests on somebody who is suspended, for who keeps accounts.
    duties: Option<List>,
}

/// Which of the page's forms was posted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Roles,
    Access,
    Details,
    Other,
}

async fn show_of(app: &App, me: &SignedIn, page: Page, id: &str, form: Option<FormState>, sent: Sent) -> Result<Show, Fault> {
    let person = users::get(app, &me.caller, id).await?;
    // What was posted, and for the forms that were not: how things are. A mistyped code must not look as if it had taken the roles away.
    let mut form = form.unwrap_or_else(|| FormState::new("user"));
    if sent != Sent::Details {
        form = form.with("display_name", &person.name).with("department", person.department_id.clone().unwrap_or_default());
    }
    if sent != Sent::Roles {
        for role in &person.roles {
            form = form.with("roles", role.as_str());
        }
    }
    if let Some(until) = person.valid_until.filter(|_| sent != Sent::Access) {
        form = form.with("valid_until", page.iso_date(until));
    }
    let duties = match person.state == UserState::Suspended && page.can("user.manage") {
        true => Some(List::new(&page, &duties::of(app, &me.caller, id).await?)),
        false => None,
    };
    Ok(Show {
        duties,
        form,
        crumbs: vec![Crumb::link("/users", page.t("nav-users")), Crumb::here(person.name.clone())],
        state: page.word("user-state", person.state),
        tone: tone(person.state),
        departments: choices(app).await?,
        roles: Role::ALL.iter().filter(|r| **r != Role::Auditor).map(|r| Choice::new(r.as_str(), page.word("role", r))).collect(),
        may_manage: page.can("user.manage"),
        may_give_roles: page.can("role.manage"),
        may_give_access: page.can("auditor.manage"),
        is_auditor: person.roles.contains(&Role::Auditor),
        own: me.person().id == person.id,
        reset_proposed: resets::proposed(app, &person.id).await?,
        page: page.at(format!("/users/{}", person.id)),
        person,
    })
}

/// `GET /users/{id}`
pub async fn show(app: Data<App>, me: SignedIn, page: Page, id: Path<String>) -> Result<HttpResponse, Fault> {
    ok(show_of(&app, &me, page, &id, None, Sent::Other).await?)
}

async fn change(app: &App, me: SignedIn, page: Page, posted: &Posted, id: &str, change: Change) -> Result<HttpResponse, Fault> {
    let me = me.with(posted);
    let version = posted.get("version").parse().unwrap_or(-1);
    let sent = match change {
        Change::Roles { .. } => Sent::Roles,
        Change::AuditAccess(_) => Sent::Access,
        Change::Details { .. } => Sent::Details,
        Change::State(_) | Change::Suspension { .. } => Sent::Other,
    };
    let result = users::change(app, &me.caller, id, Some(version), change).await;
    answer(app, me, page, (posted, sent), id, result).await
}

async fn answer(
    app: &App,
    me: SignedIn,
    page: Page,
    (posted, sent): (&Posted, Sent),
    id: &str,
    result: AppResult<Done<()>>,
) -> Result<HttpResponse, Fault> {
    match result {
        Ok(_) => {
            me.flash(Tone::Ok, page.t("users-changed")).await;
            Ok(see_other(format!("/users/{id}")))
        }
        Err(error) => {
            let mut form = FormState::from_posted("user", posted);
            let status = refuse(&mut form, error)?;
            html(status, show_of(app, &me, page, id, Some(form), sent).await?)
        }
    }
}

/// `POST /users/{id}/roles`
pub async fn roles(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let Some(roles) = posted.all("roles").iter().map(|w| Role::parse(w)).collect::<Option<BTreeSet<Role>>>() else {
        return Err(users::refuse_roles(&app, &me.caller, &id).await.into());
    };
    change(&app, me, page, &posted, &id, Change::Roles(roles)).await
}

/// `POST /users/{id}/audit-access`: read-only access until a day, which still counts.
pub async fn give_access(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    // To the end of that day where the company is. A day that is none is refused like one that is over.
    let until = page.end_of_day(posted.get("valid_until")).unwrap_or(Instant(0));
    change(&app, me, page, &posted, &id, Change::AuditAccess(Some(until))).await
}

/// `POST /users/{id}/audit-access/endings`
pub async fn end_access(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    change(&app, me, page, &posted, &id, Change::AuditAccess(None)).await
}

/// `POST /users/{id}/details`
pub async fn details(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let details = Change::Details { display_name: posted.get("display_name").to_owned(), department_id: chosen(&posted, "department") };
    change(&app, me, page, &posted, &id, details).await
}

/// `POST /users/{id}/reinstatements`
pub async fn reinstate(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    change(&app, me, page, &posted, &id, Change::State(UserState::Active)).await
}

/// `POST /users/{id}/second-factor-resets`: the system administrator's step.
pub async fn propose_reset(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let result = resets::propose(&app, &me.caller, &id, posted.get("totp")).await;
    answer(&app, me, page, (&posted, Sent::Other), &id, result).await
}

/// `POST /users/{id}/second-factor-resets/confirmations`: the security administrator's step.
pub async fn confirm_reset(app: Data<App>, me: SignedIn, page: Page, posted: Posted, id: Path<String>) -> Result<HttpResponse, Fault> {
    let me = me.with(&posted);
    let result = resets::confirm(&app, &me.caller, &id, posted.get("totp")).await;
    answer(&app, me, page, (&posted, Sent::Other), &id, result).await
}

fn chosen(posted: &Posted, field: &str) -> Option<String> {
    Some(posted.get(field).to_owned()).filter(|v| !v.is_empty())
}
