//! Who is asking, as handlers take it: [`SignedIn`] a person in the console, [`Pending`] one between password and code, [`Guest`] anybody,
//! [`Bearer`] a program. The middleware in `gate` has done the work.

use std::{
    future::{Ready, ready},
    rc::Rc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, error::InternalError, http::StatusCode, web::Data};

use super::{
    fault::Fault,
    gate::{Asking, TurnedAway},
    page::see_other,
    posted::Posted,
    visit::{Tone, Visit},
};
use crate::{
    app::{
        App, Caller, Client, Device, device,
        people::{Person, Signed},
        sessions,
    },
    domain::account::SessionState,
};

/// A person with an open session. Without one a page leads to the sign-in and back again.
pub struct SignedIn {
    /// Hand this to use cases.
    pub caller: Caller,
    asking: Rc<Asking>,
    app: Data<App>,
}

impl SignedIn {
    pub fn person(&self) -> &Person {
        &self.signed().person
    }

    pub fn session_id(&self) -> &str {
        &self.signed().session.id
    }

    fn signed(&self) -> &Signed {
        self.asking.signed.as_ref().expect("the extractor checked that there is a session")
    }

    /// The caller with the device traits that this very post carries; for decisions and other posts whose form has the device field.
    #[must_use]
    pub fn with(mut self, posted: &Posted) -> Self {
        if let Some(traits) = posted.device() {
            let mut device = device::describe(&self.app, &self.asking.shown, Some(&traits));
            let signed = self.signed();
            device::judge_session(&mut device, signed.session.device_id.as_deref(), signed.fingerprint.as_deref());
            self.caller.device = Some(device);
        }
        self
    }

    /// Leaves a message for the next page. It is not worth failing a change that was made.
    pub async fn flash(&self, tone: Tone, text: impl Into<String>) {
        let text = serde_json::json!([tone.as_str(), text.into()]).to_string();
        if let Err(error) = sessions::flash(&self.app, self.session_id(), Some(text)).await {
            tracing::warn!(%error, "a message was not left");
        }
    }
}

/// Where to sign in, and to come back to `path` after that.
pub fn sign_in_href(path: &str) -> String {
    if path == "/" {
        return "/sign-in".to_owned();
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", path).finish();
    format!("/sign-in?{query}")
}

/// A path on this site to go to, or `/`: nothing that leads anywhere else.
pub fn local(next: &str) -> &str {
    let fits = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']) && next.len() <= 2000;
    if fits { next } else { "/" }
}

fn asking(req: &HttpRequest) -> Result<(Rc<Asking>, Data<App>), actix_web::Error> {
    let app = req.app_data::<Data<App>>().cloned();
    match (Asking::of(req), app) {
        (Some(asking), Some(app)) => Ok((asking, app)),
        _ => Err(Fault::internal("the session's middleware is missing").into()),
    }
}

/// Leads elsewhere. A post that ends here never reaches a use case: the session's middleware records it.
fn go(req: &HttpRequest, location: &str) -> actix_web::Error {
    req.extensions_mut().insert(TurnedAway::refused("not_signed_in"));
    InternalError::from_response("sign-in needed", see_other(location)).into()
}

impl FromRequest for SignedIn {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(asking(req).and_then(|(asking, app)| {
            let state = asking.signed.as_ref().and_then(|s| SessionState::parse(&s.session.state));
            let here = req.uri().path_and_query().map_or("/", |p| p.as_str());
            match state {
                Some(SessionState::Open) => Ok(Self { caller: asking.caller(&app), asking, app }),
                Some(SessionState::SecondFactor) => Err(go(req, "/sessions/verification")),
                Some(SessionState::Enrolment) => Err(go(req, "/sessions/enrolment")),
                _ => Err(go(req, &sign_in_href(here))),
            }
        }))
    }
}

/// Somebody whose password was right and whose code is still missing. Anybody else is led to where they belong.
pub struct Pending {
    pub signed: Signed,
    pub state: SessionState,
    pub guest: Guest,
}

impl FromRequest for Pending {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(asking(req).and_then(|(asking, app)| {
            let found = asking.signed.clone().and_then(|s| SessionState::parse(&s.session.state).map(|state| (s, state)));
            match found {
                Some((signed, state @ (SessionState::SecondFactor | SessionState::Enrolment))) => {
                    Ok(Self { signed, state, guest: Guest { asking, app } })
                }
                Some((_, SessionState::Open)) => Err(go(req, "/")),
                _ => Err(go(req, "/sign-in")),
            }
        }))
    }
}

/// Anybody: where the request came from, and from which device.
pub struct Guest {
    asking: Rc<Asking>,
    app: Data<App>,
}

impl Guest {
    pub fn client(&self) -> Client {
        self.asking.client.clone()
    }

    pub fn device(&self, posted: &Posted) -> Device {
        device::describe(&self.app, &self.asking.shown, posted.device().as_ref())
    }

    /// Whether a session is open.
    pub fn is_signed_in(&self) -> bool {
        self.asking.signed.as_ref().is_some_and(|s| s.session.state == SessionState::Open.as_str())
    }
}

impl FromRequest for Guest {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(asking(req).map(|(asking, app)| Self { asking, app }))
    }
}

/// A program with a token. Without a valid one: 401.
pub struct Bearer {
    /// Hand this to use cases; `id` is the token's.
    pub caller: Caller,
}

impl FromRequest for Bearer {
    type Error = Fault;
    type Future = Ready<Result<Self, Fault>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let caller = Asking::of(req).and_then(|a| a.bearer.clone());
        ready(caller.map(|caller| Self { caller }).ok_or_else(|| Fault::new(StatusCode::UNAUTHORIZED)))
    }
}

/// What the address asks for under that name; nothing where it is empty or missing.
pub fn asked(req: &HttpRequest, name: &str) -> Option<String> {
    url::form_urlencoded::parse(req.query_string().as_bytes()).find(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.into_owned())
}

/// The visit, for handlers that need the language or whether cookies are secure.
pub fn visit(req: &HttpRequest) -> Result<Rc<Visit>, Fault> {
    Visit::of(req).ok_or_else(|| Fault::internal("the shell's middleware is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site_after_signing_in() {
        for evil in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", "/a\r\nset-cookie: x"] {
            assert_eq!(local(evil), "/", "{evil:?}");
        }
        assert_eq!(local("/recalls/1?x=y"), "/recalls/1?x=y");
    }

    #[test]
    fn the_way_back_survives_in_the_address() {
        assert_eq!(sign_in_href("/"), "/sign-in");
        assert_eq!(sign_in_href("/recalls?state=open&x=1"), "/sign-in?next=%2Frecalls%3Fstate%3Dopen%26x%3D1");
    }
}
