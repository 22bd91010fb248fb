//! `/catalogue`: recall windows with source and grade, what our connectors can do on each platform, remediation, and what remains after a
//! recall. The same for everybody who is signed in. Not here: what the company makes of it, and how it is amended (`policies`).

use std::time::Duration;

use actix_web::{HttpResponse, web::Data};
use askama::Template;

use crate::{
    app::{App, connectors, policies},
    domain::{
        policy::Version,
        windows::{EDITION, Grade, Remains, Remedy, Ruling, Span, Stated, WINDOWS, Window},
    },
    web::{
        Fault, Page, SignedIn, Tone, ok,
        page::{Html, escape},
    },
};

/// A grade as a badge.
struct Badge {
    tone: Tone,
    word: String,
}

/// What is stated of a window.
struct Cell {
    span: String,
    grade: Badge,
    source: String,
}

struct Row {
    platform: String,
    who: String,
    what: String,
    clock: String,
    after: String,
    field: Cell,
    /// What the catalogue says where the company states something else; empty where it does not.
    shipped: String,
    api: Cell,
    governing: String,
}

/// A platform with the marks of its connector, in the order of the columns.
struct Able {
    platform: String,
    marks: Vec<(String, Html)>,
    residue: Vec<String>,
}

/// A line of three or four texts.
struct Line {
    title: String,
    cells: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "catalogue/index.html")]
struct Index {
    page: Page,
    edition: String,
    rows: Vec<Row>,
    /// How much of it the company amended, and by which version of its rules.
    amended: Option<String>,
    skewed: bool,
    columns: Vec<String>,
    able: Vec<Able>,
    remedies: Vec<Line>,
    remains: Vec<Line>,
    grades: Vec<(Badge, String)>,
}

fn badge(page: &Page, grade: Grade) -> Badge {
    let tone = match grade {
        Grade::Official => Tone::Ok,
        Grade::ThirdParty => Tone::Warn,
        Grade::Untested | Grade::NoSource => Tone::Mute,
    };
    Badge { tone, word: page.word("grade", grade) }
}

/// A window as the platforms state it: in whole hours where it is so many, also beyond a day.
pub(super) fn window(page: &Page, seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600) {
        (hours @ 1.., 0) => page.a1("duration-h", "n", hours),
        _ => page.duration(Duration::from_secs(seconds)),
    }
}

/// A length of time, or what stands for it.
pub(super) fn span(page: &Page, span: Span) -> String {
    match span {
        Span::Seconds(seconds) => window(page, seconds),
        Span::Unlimited => page.t("catalogue-unlimited"),
        Span::Nothing => page.t("catalogue-no-api"),
    }
}

fn cell(page: &Page, stated: &Stated) -> Cell {
    Cell { span: span(page, stated.span), grade: badge(page, stated.grade), source: stated.source.to_string() }
}

fn rows(page: &Page, version: &Version) -> Vec<Row> {
    let row = |(window, shipped): (Window, &Window)| {
        let word = |what: &str| page.t(&format!("catalogue-row-{}-{what}", window.id));
        Row {
            platform: page.word("channel", window.channel),
            who: word("who"),
            what: word("what"),
            clock: page.word("ruling", window.clock),
            after: word("after"),
            shipped: if window.field == shipped.field {
                String::new()
            } else {
                page.a1("catalogue-shipped", "window", span(page, shipped.field.span))
            },
            field: cell(page, &window.field),
            api: cell(page, &window.api),
            governing: span(page, window.governing()),
        }
    };
    version.policy.windows().zip(WINDOWS.iter()).map(row).collect()
}

const COLUMNS: [&str; 6] = ["able-send", "able-recall", "able-window", "able-each", "able-reading", "able-back"];

fn mark(page: &Page, good: bool, text: &str) -> Html {
    let (class, icon) = if good { ("m-ok", "check") } else { ("m-bad", "x") };
    Html::trusted(format!(r#"<span class="mark {class}">{}{}</span>"#, page.icon(icon), escape(text)))
}

fn able(page: &Page) -> Vec<Able> {
    let yes_no = |yes: bool| mark(page, yes, &page.t(if yes { "able-yes" } else { "able-no" }));
    let of = |(platform, can): &(crate::domain::platform::Platform, crate::domain::platform::Capabilities)| {
        let window = match (can.recall, can.window_seconds) {
            (false, _) => mark(page, false, &page.t("catalogue-no-api")),
            (true, None) => mark(page, true, &page.t("catalogue-unlimited")),
            (true, Some(seconds)) => mark(page, true, &window(page, seconds)),
        };
        let marks =
            [yes_no(can.send), yes_no(can.recall), window, yes_no(can.recall_per_recipient), yes_no(can.reading_state), yes_no(can.read_back)];
        Able {
            platform: page.word("platform", platform),
            marks: COLUMNS.iter().map(|key| page.t(key)).zip(marks).collect(),
            residue: can.residue.iter().map(|key| page.t(key)).collect(),
        }
    };
    connectors::declared().iter().map(of).collect()
}

fn line(page: &Page, prefix: &str, word: &str, columns: &[&str]) -> Line {
    let key = crate::i18n::word_key(prefix, word);
    let cells = columns.iter().map(|c| (page.t(&format!("{prefix}-column-{c}")), page.t(&format!("{key}-{c}")))).collect();
    Line { title: page.t(&key), cells }
}

/// `GET /catalogue`
pub async fn index(app: Data<App>, _: SignedIn, page: Page) -> Result<HttpResponse, Fault> {
    let version = policies::in_force(&app).await?;
    let amended = version.policy.amended.len();
    ok(Index {
        edition: page.a1("catalogue-edition", "n", EDITION),
        rows: rows(&page, &version),
        amended: (amended > 0).then(|| page.a2("catalogue-amended", "n", amended, "version", page.a1("policy-version", "n", version.number))),
        skewed: WINDOWS.iter().any(|w| w.clock == Ruling::Client),
        columns: COLUMNS.iter().map(|key| page.t(key)).collect(),
        able: able(&page),
        remedies: Remedy::ALL.iter().map(|r| line(&page, "remedy", r.as_str(), &["does", "due"])).collect(),
        remains: Remains::ALL.iter().map(|r| line(&page, "remains", r.as_str(), &["lasts", "reach", "response"])).collect(),
        grades: Grade::ALL.iter().map(|g| (badge(&page, *g), page.word("grade-means", g))).collect(),
        page,
    })
}
