//! What every page carries, and how a template becomes an answer.
//!
//! A page is a struct with a field `page: Page` and whatever it shows; its template extends `layouts/console.html` or
//! `layouts/narrow.html`. `Page` is an extractor, so a handler takes it as an argument. It dereferences to [`Tr`]:
//! in templates `page.t("key")`, `page.n("key", count)`, `page.time(at)` for the element, `page.date(at)` for plain text.

use std::{
    future::{Ready, ready},
    ops::Deref,
    rc::Rc,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
};
use askama::Template;

use super::{
    assets,
    fault::Fault,
    visit::{Flash, PageUser, Theme, Visit},
};
use crate::{
    clock::Instant,
    domain::role::Permission,
    i18n::{At, Lang, Tr, grouped},
};

/// Where the bar's sign-out button posts to.
pub const SIGN_OUT: &str = "/sessions/current/closures";

/// The frame around a page's own contents.
pub struct Page {
    pub tr: Tr,
    pub theme: Option<Theme>,
    /// The address that this page can be read at again: marks the navigation, and is what the language switch leads to.
    pub path: String,
    pub query: String,
    pub user: Option<PageUser>,
    pub csrf: String,
    pub flash: Option<Flash>,
    pub now: Instant,
    pub tenant: String,
    /// Cases that wait for this person.
    pub waiting: u64,
    /// Why the log does not verify, if it does not and they read the trail.
    pub broken: Option<String>,
    /// Alerts that wait for somebody like them.
    pub alerts: u64,
    pub request_id: String,
    /// What a passkey is asked in the place of a code; `None` where there is none to be asked.
    pub ask: Option<String>,
}

/// A line of the main navigation.
pub struct NavLink {
    pub href: &'static str,
    pub icon: &'static str,
    pub label: String,
    /// `page` on the page itself, `true` below it.
    pub current: Option<&'static str>,
    pub count: Option<String>,
}

/// Text that is HTML already; escaped by whoever made it.
pub struct Html(String);

impl std::fmt::Display for Html {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Html {}
impl askama::FastWritable for Html {
    fn write_into(&self, dest: &mut dyn std::fmt::Write, _: &dyn askama::Values) -> askama::Result<()> {
        dest.write_str(&self.0).map_err(askama::Error::from)
    }
}

impl Html {
    /// Wraps trusted markup. Whatever a person typed must have gone through [`escape`] first.
    pub fn trusted(markup: String) -> Self {
        Self(markup)
    }
}

/// Text for HTML text and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

impl Deref for Page {
    type Target = Tr;

    fn deref(&self) -> &Tr {
        &self.tr
    }
}

impl Page {
    /// The page of a visit. The flash is taken from the viewer as it is: whoever reads the session clears it.
    pub fn of(visit: &Rc<Visit>) -> Self {
        let viewer = visit.viewer();
        Self {
            tr: visit.tr(),
            theme: visit.theme(),
            path: visit.path.clone(),
            query: visit.query.clone(),
            user: viewer.as_ref().map(|v| v.user.clone()),
            csrf: visit.csrf(),
            flash: viewer.as_ref().and_then(|v| v.flash.clone()),
            now: visit.now(),
            tenant: visit.shell.tenant.clone(),
            waiting: viewer.as_ref().map_or(0, |v| v.waiting),
            alerts: viewer.as_ref().map_or(0, |v| v.alerts),
            broken: viewer.as_ref().and_then(|v| v.broken.clone()),
            request_id: visit.request_id.clone(),
            ask: viewer.as_ref().and_then(|v| v.user.ask.clone()),
        }
    }

    /// For a page that answers a POST: the address that shows it by GET.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self.query = String::new();
        self
    }

    /// The product's name and what else ends every title.
    pub fn title_end(&self) -> String {
        self.t("title-end")
    }

    /// Where the sign-out button posts to.
    pub fn sign_out_path(&self) -> &'static str {
        SIGN_OUT
    }

    /// A file of ours with its version.
    pub fn asset(&self, path: &str) -> String {
        assets::href(path)
    }

    /// This page in the other language.
    pub fn other_lang_href(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (k, v) in url::form_urlencoded::parse(self.query.as_bytes()).filter(|(k, _)| k != "lang") {
            query.append_pair(&k, &v);
        }
        query.append_pair("lang", self.lang.other().as_str());
        format!("{}?{}", self.path, query.finish())
    }

    /// Whether to draw what needs `permission` (its word, e.g. `recall.request`). It grants nothing.
    pub fn can(&self, permission: &str) -> bool {
        Permission::parse(permission).is_some_and(|p| self.user.as_ref().is_some_and(|u| u.permissions.contains(&p)))
    }

    /// The main navigation, as far as this person may go.
    pub fn nav(&self) -> Vec<NavLink> {
        let all: [(&str, &str, String, &[&str]); 20] = [
            ("/", "home", self.t("nav-overview"), &["recall.read", "broadcast.read", "system.read"]),
            ("/broadcasts", "send", self.t("nav-broadcasts"), &["broadcast.read"]),
            ("/recalls", "undo", self.t("nav-recalls"), &["recall.read"]),
            ("/approvals", "check", self.t("nav-approvals"), &["recall.decide", "recall.execute"]),
            ("/delegations", "file", self.t("nav-delegations"), &["recall.decide", "role.manage"]),
            ("/audit", "list", self.t("nav-audit"), &["audit.read"]),
            ("/audits", "eye", self.t("nav-audits"), &["audit.read"]),
            ("/alerts", "warn", self.t("nav-alerts"), &["alert.read"]),
            ("/evidence", "file", self.t("nav-evidence"), &["evidence.export"]),
            ("/holds", "lock", self.t("nav-holds"), &["hold.manage", "audit.read"]),
            ("/catalogue", "grid", self.t("nav-catalogue"), &[]),
            ("/policies", "shield", self.t("nav-policies"), &["recall.read", "system.read"]),
            // Anybody may be asked.
            ("/questions", "ask", self.t("nav-questions"), &[]),
            ("/streams", "send", self.t("nav-streams"), &["stream.manage"]),
            ("/connections", "grid", self.t("nav-connections"), &["connection.manage"]),
            ("/users", "key", self.t("nav-users"), &["user.manage", "role.manage", "auditor.manage"]),
            ("/departments", "list", self.t("nav-departments"), &["user.manage", "role.manage"]),
            ("/sessions", "eye", self.t("nav-sessions"), &["access.manage"]),
            ("/tokens", "lock", self.t("nav-tokens"), &["token.manage", "access.manage"]),
            ("/settings", "info", self.t("nav-settings"), &["system.read"]),
        ];
        all.into_iter()
            .filter(|(_, _, _, any)| any.is_empty() || any.iter().any(|p| self.can(p)))
            .map(|(href, icon, label, _)| {
                // A report is a way to record a broadcast; what is kept how long is read beside what is held; who is on duty stands beside the
                // rules that say when they may act.
                let path = match self.path.as_str() {
                    path if path.starts_with("/reports/") => "/broadcasts/reports",
                    "/retention" => "/holds/retention",
                    path if path == "/duty" || path.starts_with("/duty/") => "/policies/duty",
                    path if path.starts_with("/self-recalls") => "/recalls/self-recalls",
                    "/remediations" => "/recalls/remediations",
                    path => path,
                };
                let current = if path == href {
                    Some("page")
                } else if href != "/" && path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')) {
                    Some("true")
                } else {
                    None
                };
                let waiting = match href {
                    "/approvals" => self.waiting,
                    "/alerts" => self.alerts,
                    _ => 0,
                };
                let count = (waiting > 0).then(|| grouped(i64::try_from(waiting).unwrap_or(i64::MAX)));
                NavLink { href, icon, label, current, count }
            })
            .collect()
    }

    /// A value that is used once, so that a double click is recognised.
    pub fn nonce(&self) -> String {
        hex::encode(crate::crypto::random::<16>())
    }

    /// A picture that says nothing beside its text.
    pub fn icon(&self, name: &str) -> Html {
        Html(format!(r#"<svg class="icon" aria-hidden="true"><use href="{}#{name}"/></svg>"#, assets::href("img/icons.svg")))
    }

    /// A picture that stands for a word; `class` is e.g. `c-ok`.
    pub fn icon_named(&self, name: &str, label: impl AsRef<str>, class: &str) -> Html {
        Html(format!(
            r#"<svg class="icon {class}" role="img" aria-label="{}"><use href="{}#{name}"/></svg>"#,
            escape(label.as_ref()),
            assets::href("img/icons.svg")
        ))
    }

    fn element(&self, iso: &str, text: &str) -> Html {
        Html(format!(r#"<time datetime="{iso}">{}</time>"#, escape(text)))
    }

    /// `<time>` to the minute.
    pub fn time(&self, at: impl At) -> Html {
        self.element(&self.iso(&at), &self.tr.time(&at))
    }

    /// `<time>` to the minute with the zone behind it: once a page, where its first time stands.
    pub fn time_noted(&self, at: impl At) -> Html {
        let gap = if self.lang == Lang::En { " " } else { "" };
        Html(format!("{}{gap}{}", self.time(&at), escape(&self.zone_note(&at))))
    }

    /// `<time>` with milliseconds and offset, for trail and evidence.
    pub fn time_full(&self, at: impl At) -> Html {
        self.element(&self.iso_full(&at), &self.tr.time_full(&at))
    }

    /// `<time>` in two lines, time of day to the second and day, for a timeline.
    pub fn stamp(&self, at: impl At) -> Html {
        Html(format!(
            r#"<time datetime="{}"><span>{}</span> <span>{}</span></time>"#,
            self.iso_full(&at),
            self.clock_seconds(&at),
            self.iso_date(&at)
        ))
    }

    /// `<time>` with the day alone.
    pub fn day(&self, at: impl At) -> Html {
        self.element(&self.iso(&at), &self.date(&at))
    }

    /// `<time>` with the time of day alone; the page must name the day elsewhere.
    pub fn clock(&self, at: impl At) -> Html {
        self.element(&self.iso(&at), &self.tr.clock(&at))
    }

    /// What is left until `deadline` by our clock; `countdown.js` makes it tick on its last day. Past it: the word for closed.
    pub fn countdown(&self, deadline: impl At) -> Html {
        let at = deadline.at();
        if at <= self.now {
            return Html(format!(r#"<span class="gone">{}</span>"#, escape(&self.t("window-closed"))));
        }
        let left = at.since(self.now);
        let class = match left.as_secs() {
            ..1800 => r#" class="last""#,
            1800..7200 => r#" class="soon""#,
            _ => "",
        };
        Html(format!(
            r#"<time{class} datetime="{}"{}>{}</time>"#,
            self.iso(at),
            // Nobody counts seconds over days.
            if left.as_secs() > 48 * 3600 { String::new() } else { format!(r#" data-countdown data-now="{}""#, self.iso_full(self.now)) },
            escape(&self.duration(left))
        ))
    }
}

impl FromRequest for Page {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Visit::of(req).map(|v| Self::of(&v)).ok_or_else(|| Fault::internal("the shell's middleware is missing")))
    }
}

/// A template as an answer. A template that cannot be rendered is a fault of ours.
pub fn html(status: StatusCode, template: impl Template) -> Result<HttpResponse, Fault> {
    let body = template.render().map_err(Fault::internal)?;
    Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(body))
}

/// `200 OK` with a page.
pub fn ok(template: impl Template) -> Result<HttpResponse, Fault> {
    html(StatusCode::OK, template)
}

/// `303 See Other`: after every change that worked.
pub fn see_other(location: impl AsRef<str>) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location.as_ref())).finish()
}
