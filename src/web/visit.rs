//! One request as the shell sees it: id, language, theme, the person (once the session has been read), the token against forged posts.
//! The shell's middleware makes a [`Visit`]; the session's middleware calls [`Visit::sign_in`]; pages and forms read it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    sync::Arc,
};

use actix_web::{
    HttpMessage, HttpRequest,
    cookie::{Cookie, SameSite, time::Duration as CookieDuration},
    dev::ServiceRequest,
    http::header,
    web,
};

use super::{again::Kept, posted::Posted};
use crate::{
    clock::{Clock, Instant},
    domain::role::Permission,
    i18n::{Lang, Tr},
};

/// What is the same for every request.
pub struct Shell {
    /// The enterprise's name, in the bar at the top.
    pub tenant: String,
    /// `https` in the public address: cookies get `__Host-` and `Secure`, answers get HSTS.
    pub secure: bool,
    /// Scheme, host and port of `public_url`, e.g. `http://localhost:8080`: the one origin that forms may come from, beside the address
    /// that the request itself was sent to.
    pub public_origin: String,
    pub clock: Arc<dyn Clock>,
}

impl Shell {
    /// The shell of an installation.
    pub fn of(app: &crate::app::App) -> Self {
        let public_origin = url::Url::parse(&app.config.public_url).map(|u| u.origin().ascii_serialization()).unwrap_or_default();
        Self { tenant: app.config.tenant.clone(), secure: app.config.https(), public_origin, clock: app.store.clock().clone() }
    }
}

/// A signed-in person, as pages show them.
#[derive(Clone, Debug, Default)]
pub struct PageUser {
    pub name: String,
    /// Their roles in words, e.g. `终审` or `部门复核、法务`.
    pub roles: String,
    /// A read-only account: marked on every page.
    pub readonly: bool,
    /// Until when the account can be used.
    pub readonly_until: Option<Instant>,
    /// What a passkey of theirs is asked in the place of a code (JSON for `passkey.js`); `None` without any.
    pub ask: Option<String>,
    /// Decides which links are drawn. It grants nothing: `app` checks every action.
    pub permissions: BTreeSet<Permission>,
}

/// What a message after a change says, and how it went.
#[derive(Clone, Debug)]
pub struct Flash {
    pub kind: Tone,
    pub text: String,
}

impl Flash {
    /// The picture beside the text.
    pub fn icon(&self) -> &'static str {
        match self.kind {
            Tone::Ok => "check",
            Tone::Warn | Tone::Bad => "warn",
            Tone::Info | Tone::Mute => "info",
        }
    }
}

crate::words! {
    /// The tone of a badge, a note or an alert; the class is `is-<tone>`.
    pub enum Tone {
        Ok = "ok",
        Warn = "warn",
        Bad = "bad",
        Info = "info",
        Mute = "mute",
    }
}

/// Who is signed in, with what the session row knows.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub user: PageUser,
    /// The session's token against forged posts.
    pub csrf: String,
    /// How many cases wait for this person's decision.
    pub waiting: u64,
    /// What does not hold in the log, for who reads it.
    pub broken: Option<String>,
    /// How many open alerts this person may have to acknowledge.
    pub alerts: u64,
    /// Shown once, on the next page.
    pub flash: Option<Flash>,
    /// Remembered choices; they go before the browser's.
    pub lang: Option<Lang>,
    pub theme: Option<Theme>,
    pub zone: Option<String>,
}

crate::words! {
    /// Light or dark by a person's choice; without one the operating system's setting holds.
    pub enum Theme {
        Light = "light",
        Dark = "dark",
    }
}

/// One request. Shared within the worker that serves it.
pub struct Visit {
    pub shell: web::Data<Shell>,
    pub request_id: String,
    pub path: String,
    pub query: String,
    /// `?lang=` of this request: it goes into the cookie.
    asked: Option<Lang>,
    /// What was last chosen in this browser, on any page or with the account.
    chosen: Option<Lang>,
    lang: Lang,
    theme: Option<Theme>,
    /// Token against forged posts before sign-in; the same value lies in a cookie (double submit).
    pre_token: String,
    pre_is_new: bool,
    pre_used: Cell<bool>,
    viewer: RefCell<Option<Rc<Viewer>>>,
    kept: RefCell<Option<Kept>>,
    /// Choices that this answer leaves in the browser; `None` in one of them takes it away.
    preferred: RefCell<Option<(Option<Lang>, Option<Theme>)>>,
}

impl Visit {
    /// Reads what the shell needs from a request. `shell` is the application's data.
    pub(super) fn begin(req: &ServiceRequest, shell: web::Data<Shell>) -> Self {
        let query = req.query_string().to_owned();
        let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(k, _)| k == "lang").and_then(|(_, v)| Lang::parse(&v));
        let cookie = |name: &str| req.cookie(name).map(|c| c.value().to_owned());
        let accept = req.headers().get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
        let pre =
            cookie(pre_cookie_name(shell.secure)).filter(|t| t.len() == 43 && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        Self {
            request_id: crate::id::fresh(),
            path: req.path().to_owned(),
            asked,
            chosen: cookie("lang").and_then(|l| Lang::parse(&l)),
            preferred: RefCell::new(None),
            lang: Lang::negotiate(asked.map(Lang::as_str), cookie("lang").as_deref(), accept),
            theme: cookie("theme").and_then(|t| Theme::parse(&t)),
            pre_is_new: pre.is_none(),
            pre_token: pre.unwrap_or_else(|| crate::crypto::token::fresh().0),
            pre_used: Cell::new(false),
            viewer: RefCell::new(None),
            kept: RefCell::new(None),
            query,
            shell,
        }
    }

    /// The visit of this request. `None` only where the shell's middleware is not in the chain.
    pub fn of(req: &HttpRequest) -> Option<Rc<Self>> {
        req.extensions().get::<Rc<Self>>().cloned()
    }

    /// Tells the shell who this is. Called by the session's middleware, before the handler.
    pub fn sign_in(&self, viewer: Viewer) {
        *self.viewer.borrow_mut() = Some(Rc::new(viewer));
    }

    pub fn viewer(&self) -> Option<Rc<Viewer>> {
        self.viewer.borrow().clone()
    }

    /// Keeps what was posted, for the page that says that it could not be taken.
    pub(super) fn keep(&self, posted: &Posted) {
        *self.kept.borrow_mut() = Some(Kept::of(posted));
    }

    pub(super) fn kept(&self) -> Option<Kept> {
        self.kept.borrow().clone()
    }

    /// The token that a form of this visit must carry.
    pub fn csrf(&self) -> String {
        match &*self.viewer.borrow() {
            Some(viewer) => viewer.csrf.clone(),
            None => {
                self.pre_used.set(true);
                self.pre_token.clone()
            }
        }
    }

    /// Whether `token` is the one that this visit's forms carry. Before sign-in a browser without the cookie has none.
    pub fn csrf_holds(&self, token: &str) -> bool {
        match &*self.viewer.borrow() {
            Some(viewer) => crate::crypto::same(token.as_bytes(), viewer.csrf.as_bytes()),
            None => !self.pre_is_new && crate::crypto::same(token.as_bytes(), self.pre_token.as_bytes()),
        }
    }

    /// The language: asked for now, else what this browser last chose, else remembered with the account, else the browser's own.
    pub fn tr(&self) -> Tr {
        let viewer = self.viewer.borrow();
        let remembered = viewer.as_ref().and_then(|v| v.lang);
        let tr = Tr::new(self.asked.or(self.chosen).or(remembered).unwrap_or(self.lang));
        match viewer.as_ref().and_then(|v| v.zone.as_deref()) {
            Some(zone) => tr.in_zone(zone),
            None => tr,
        }
    }

    /// Leaves a person's choices in the browser, so that pages before sign-in have them too.
    pub fn prefer(&self, lang: Option<Lang>, theme: Option<Theme>) {
        *self.preferred.borrow_mut() = Some((lang, theme));
    }

    pub fn theme(&self) -> Option<Theme> {
        self.viewer.borrow().as_ref().and_then(|v| v.theme).or(self.theme)
    }

    pub fn now(&self) -> Instant {
        self.shell.clock.now()
    }

    /// The path for the log.
    pub(super) fn logged_path(&self) -> String {
        without_secrets(&self.path)
    }

    /// Cookies that this answer sets: the language when it was asked for, the token when a page used a fresh one.
    pub(super) fn cookies(&self) -> Vec<Cookie<'static>> {
        let mut set = Vec::new();
        if let Some(lang) = self.asked {
            set.push(self.cookie("lang", lang.as_str()).max_age(CookieDuration::days(400)).finish());
        }
        if let Some((lang, theme)) = *self.preferred.borrow() {
            for (name, value) in [("lang", lang.map(Lang::as_str)), ("theme", theme.map(Theme::as_str))] {
                let cookie = self.cookie(name, value.unwrap_or_default());
                set.push(cookie.max_age(if value.is_some() { CookieDuration::days(400) } else { CookieDuration::ZERO }).finish());
            }
        }
        if self.pre_is_new && self.pre_used.get() {
            set.push(self.cookie(pre_cookie_name(self.shell.secure), &self.pre_token).finish());
        }
        set
    }

    /// A cookie of the product: whole site, not for scripts, not sent from other sites.
    fn cookie(&self, name: &'static str, value: &str) -> actix_web::cookie::CookieBuilder<'static> {
        Cookie::build(name, value.to_owned()).path("/").http_only(true).secure(self.shell.secure).same_site(SameSite::Lax)
    }
}

const fn pre_cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-pre" } else { "pre" }
}

/// A path whose segments are left out where they are long enough to be a secret (set-up links, invitations).
fn without_secrets(path: &str) -> String {
    path.split('/').map(|segment| if segment.len() >= 40 { "…" } else { segment }).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_log_keeps_no_link_that_lets_people_in() {
        let (secret, _) = crate::crypto::token::fresh();
        assert_eq!(super::without_secrets(&format!("/invitations/{secret}")), "/invitations/…");
        let case = format!("/recalls/{}/decisions", crate::id::fresh());
        assert_eq!(super::without_secrets(&case), case, "ids stay: they lead from the log to the case");
    }
}
