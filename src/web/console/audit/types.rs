//! The catalogue of events for people: what each action means, who does it to what, whether it is privileged, what it is for others.

use actix_web::{HttpResponse, web::Data};
use askama::Template;

use super::Stand;
use crate::{
    app::{App, audit, retention},
    domain::{
        catalogue,
        event::Action,
        kept::EventClass,
        ocsf,
        privilege::{self, Privilege},
        retention::Periods,
    },
    i18n::word_key,
    web::{Fault, Page, SignedIn, ok, view::Crumb},
};

struct Kind {
    action: &'static str,
    name: String,
    actors: String,
    subjects: String,
    fields: &'static [&'static str],
    privilege: String,
    /// Class of retention, and how long it is kept.
    kept: (String, String),
    class: String,
    class_uid: u32,
    activity: String,
}

#[derive(Template)]
#[template(path = "audit/types.html")]
struct Types {
    page: Page,
    crumbs: Vec<Crumb>,
    stand: Stand,
    kinds: Vec<Kind>,
    /// Why something is privileged, and what that covers.
    privileges: Vec<(String, String)>,
    ocsf: &'static str,
    kept: String,
}

fn kind(page: &Page, periods: &Periods, action: Action) -> Kind {
    let kept = EventClass::of(action);
    let (of, shape) = (ocsf::kind(action), catalogue::shape(action));
    let word = |prefix: &str, word: &str| page.maybe(&word_key(prefix, word)).unwrap_or_else(|| word.to_owned());
    let words = |prefix: &str, of: &[&str]| page.list(&of.iter().map(|w| word(prefix, w)).collect::<Vec<_>>());
    Kind {
        action: action.as_str(),
        name: page.word("action", action),
        actors: words("actor-kind", shape.map_or(&[], |s| s.actors)),
        subjects: words("subject", shape.map_or(&[], |s| s.subjects)),
        fields: shape.map_or(&[], |s| s.fields),
        privilege: privilege::of(action).map(|p| page.word("privilege", p)).unwrap_or_default(),
        kept: (page.word("kept-class", kept), page.n("settings-days", u64::from(periods.of(kept)))),
        class: of.class.name().to_owned(),
        class_uid: of.class.uid(),
        activity: if of.name.is_empty() { "Other".to_owned() } else { of.name.to_owned() },
    }
}

/// `GET /audit/event-types`: for everybody who is signed in; it says what is recorded of them.
pub async fn index(app: Data<App>, _: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let periods = retention::periods(&app);
    ok(Types {
        crumbs: vec![Crumb::link("/audit", page.t("nav-audit")), Crumb::here(page.t("types-title"))],
        stand: Stand::of(&page, audit::stands(&app).await?),
        kinds: Action::ALL.iter().map(|action| kind(&page, &periods, *action)).collect(),
        privileges: Privilege::ALL.iter().map(|p| (page.word("privilege", p), page.word("privilege-why", p))).collect(),
        ocsf: ocsf::VERSION,
        kept: page.n("audit-kept", u64::from(periods.shortest())),
        page,
    })
}
