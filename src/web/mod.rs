//! Pages, API and their middleware: actix-web in front of the use cases. Never the database, never a platform.
//!
//! | file | what lives there |
//! |---|---|
//! | `routes` | every path, one flat list |
//! | `security` | the outermost middleware: headers, request id, error pages |
//! | `visit` | one request: language, theme, person, token against forged posts |
//! | `page` | what every page carries; a template becomes an answer |
//! | `fault`, `problem`, `refusal` | refusals and failures, for people and for programs |
//! | `form`, `posted` | a form with its values and errors; what a browser posted |
//! | `assets` | style sheet, scripts, pictures |
//! | `gate`, `extract`, `client` | who is asking: the session's middleware, what handlers take, addresses and proxies |
//! | `readonly` | what a read-only account may post |
//! | `looks` | privileged readings leave their event |
//! | `console/<noun>`, `qr` | pages, one file a noun; a QR code as SVG |
//! | `once` | a form sent twice is done once |
//! | `machine`, `metrics` | the published log, readiness, metrics |
//! | `again` | what was typed is kept when the store cannot take it |
//! | `api/<noun>` | the API: JSON in and out, one file a noun |
//! | `view` | small shapes that the macros in `templates/ui` draw |
//!
//! # A page
//! A page is a struct with a field `page`, a template, and handlers in `routes`; `tests/it/support/sample.rs` is a complete one.
//! ```ignore
//! #[derive(Template)]
//! #[template(path = "holds/new.html")]
//! struct NewHold { page: Page, form: FormState, classes: Vec<Choice> }
//!
//! async fn new(page: Page) -> Result<HttpResponse, Fault> {
//!     ok(NewHold { classes: classes(&page), page, form: FormState::new("hold") })
//! }
//!
//! async fn create(page: Page, posted: Posted, app: Data<App>, signed: SignedIn) -> Result<HttpResponse, Fault> {
//!     let mut form = FormState::from_posted("hold", &posted);
//!     match app::holds::place(&app, &signed.caller, form.value("class"), form.value("reason")).await {
//!         Ok(done) => Ok(see_other(format!("/holds/{}", done.value))),
//!         Err(error) => {
//!             form.refuse_all(error)?; // what a form cannot show is a fault
//!             html(StatusCode::UNPROCESSABLE_ENTITY, NewHold { classes: classes(&page), page: page.at("/holds/new"), form })
//!         }
//!     }
//! }
//! ```
//! ```html
//! {% extends "layouts/console.html" %}{% import "ui/form.html" as form %}{% import "ui/head.html" as head %}
//! {% block title %}{{ page.t("hold-new") }}{% endblock %}
//! {% block main %}
//! {% call head::head(page.t("hold-new")) %}{{ page.time(page.now) }}{% endcall %}
//! {{ form::summary(form) }}
//! <section class="panel" aria-label="{{ page.t("hold-new") }}"><div class="body">
//! {% call form::open("/holds", page.t("hold-new")) %}
//! {{ form::select(form, "class", classes) }}{{ form::textarea(form, "reason", max=500) }}{{ form::submit(page.t("hold-place")) }}
//! {% endcall %}</div></section>
//! {% endblock %}
//! ```
//! Words go into `locales/{zh-CN,en}/<noun>.ftl`; a key may stand in one file only, or nothing starts.

pub mod again;
pub mod api;
pub mod assets;
pub mod client;
pub mod console;
pub mod extract;
pub mod fault;
pub mod form;
pub mod gate;
pub mod looks;
pub mod machine;
pub mod metrics;
pub mod once;
pub mod page;
pub mod pieces;
pub mod posted;
pub mod problem;
pub mod qr;
pub mod readonly;
pub mod refusal;
pub mod routes;
pub mod security;
pub mod tls;
pub mod view;
pub mod visit;

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use actix_web::{
    App, HttpServer,
    middleware::from_fn,
    web::{Data, ServiceConfig, scope},
};

pub use extract::{Bearer, Guest, Pending, SignedIn, asked};
pub use fault::Fault;
pub use form::FormState;
pub use page::{Html, Page, html, ok, see_other};
pub use posted::{Posted, Upload};
pub use visit::{Flash, PageUser, Shell, Theme, Tone, Viewer, Visit};

/// What a server listens on and how.
pub struct Listen {
    pub listeners: Vec<TcpListener>,
    /// Certificates and key; without them plain HTTP.
    pub tls: Option<rustls::ServerConfig>,
    /// Threads; `None` is one a core.
    pub workers: Option<usize>,
}

/// What a client has for the head of its request; whoever is slower is told 408 and may ask again (RFC 9110 §15.5.9). Long enough that a
/// machine with much to do, which is late to read, does not turn away what had come in time; short enough that silent connections go.
const HEAD: Duration = Duration::from_secs(15);

/// Serves until SIGINT or SIGTERM, then lets running requests finish for at most 30 seconds.
///
/// `configure` registers application data, the session's middleware (a `scope("")` with `wrap`) and the routes; it runs once a worker.
/// The shell's middleware is around it.
pub async fn serve<F>(listen: Listen, shell: Shell, configure: F) -> io::Result<()>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let shell = Data::from(Arc::new(shell));
    let mut server = HttpServer::new(move || App::new().app_data(shell.clone()).wrap(from_fn(security::shell)).configure(configure.clone()))
        .client_request_timeout(HEAD)
        .shutdown_timeout(30)
        .server_hostname("localhost");
    if let Some(workers) = listen.workers {
        server = server.workers(workers);
    }
    for listener in listen.listeners {
        server = match &listen.tls {
            Some(tls) => server.listen_rustls_0_23(listener, tls.clone())?,
            None => server.listen(listener)?,
        };
    }
    server.run().await
}

/// Registers the application, the session's middleware and all routes; for [`serve`].
pub fn console(app: crate::app::App) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |cfg| {
        cfg.app_data(Data::new(app.clone())).service(scope("").wrap(from_fn(gate::gate)).configure(routes::routes));
    }
}
