//! An emulated timestamp authority (RFC 3161 over HTTP, §3.4), for trials and tests: a throwaway root, marked DEMO in its name, and faults
//! on request. `POST /` takes `application/timestamp-query`; `/_emulator/faults` takes `{"mode","times"}`; `/_emulator/calls` tells every
//! question; `/_emulator/root.pem` gives the root. Its certificates say where its list of revoked ones lies (`/tsa.crl`).
//!
//! It also certifies keys that sign evidence (`POST /_emulator/signer` with a PKCS#10 request in PEM), with a list of their own
//! (`/signer.crl`). `/_emulator/revocations` takes `{"certificate","since","reason"}` and takes back the `tsa`'s or the `signer`'s.

pub(super) mod authority;
mod rsa;

use std::{
    collections::VecDeque,
    io,
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::{Server, ServerHandle},
    http::header,
    web::{self, Bytes, Data},
};
use der::DecodePem;
use serde::{Deserialize, Serialize};
use serde_json::json;
use x509_cert::{request::CertReq, spki::SubjectPublicKeyInfoOwned};

pub use authority::Authority;

use super::signer::{self, Issuer};
use crate::{
    clock::{Clock, Instant, SystemClock},
    crypto::{revocation::Reason, sm2},
    words,
};

/// Where the lists of revoked certificates lie: of the authority, and of the one that certifies keys for evidence.
const TSA_LIST: &str = "/tsa.crl";
const SIGNER_LIST: &str = "/signer.crl";

words! {
    /// What can be wrong with an answer.
    pub enum Fault {
        /// Status 2, without a token.
        Rejected = "rejected",
        WrongNonce = "wrong_nonce",
        WrongImprint = "wrong_imprint",
        OtherPolicy = "other_policy",
        /// No DER at all.
        Garbage = "garbage",
        /// Longer than any answer may be.
        TooLong = "too_long",
        /// Answered after two seconds.
        Slow = "slow",
        /// Never answered.
        Silent = "silent",
        /// HTTP status 500.
        Error500 = "500",
        /// Signed with a certificate that ran out a year ago.
        Expired = "expired",
        /// Signed with a certificate for mail.
        WrongPurpose = "wrong_purpose",
        BadSignature = "bad_signature",
        BadDigest = "bad_digest",
        /// Names another certificate than the one it was signed with.
        OtherCertificate = "other_certificate",
        /// Two people sign.
        TwoSigners = "two_signers",
        /// The certificate is left out.
        NoCertificate = "no_certificate",
        /// Not of an answer, but of the list of revoked certificates: HTTP status 500.
        ListGone = "list_gone",
        /// The list is signed by another key.
        ListForged = "list_forged",
        /// The list is of ten days ago.
        ListStale = "list_stale",
    }
}

impl Fault {
    /// Whether it is one of the list of revoked certificates.
    const fn of_list(self) -> bool {
        matches!(self, Self::ListGone | Self::ListForged | Self::ListStale)
    }
}

words! {
    /// Whose certificate is taken back.
    pub enum Whose {
        /// The one that tokens are signed with.
        Tsa = "tsa",
        /// Those that `/_emulator/signer` gave.
        Signer = "signer",
    }
}

/// An order to take certificates back.
#[derive(Clone, Debug, Deserialize)]
struct Revocation {
    certificate: Whose,
    /// From when on; now if absent.
    since: Option<String>,
    #[serde(default = "not_given")]
    reason: Reason,
}

const fn not_given() -> Reason {
    Reason::NotGiven
}

/// Where the emulator is: the line of `emulate tsa --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Scheme, host and port; questions are posted to it.
    pub base_url: String,
    /// The root, in PEM.
    pub root: String,
}

/// One order: the next `times` answers are wrong in this way.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    mode: Fault,
    #[serde(default = "once")]
    times: u32,
}

const fn once() -> u32 {
    1
}

/// A question that came.
#[derive(Clone, Debug, Serialize)]
struct Call {
    at: String,
    content_type: String,
    bytes: usize,
    fault: Option<&'static str>,
}

struct Shared {
    authority: Mutex<Authority>,
    /// Certifies keys that sign evidence.
    issuer: Mutex<Issuer>,
    clock: Arc<dyn Clock>,
    orders: Mutex<VecDeque<Order>>,
    calls: Mutex<Vec<Call>>,
}

/// A poisoned lock means that a request panicked; what it left is still the best record there is.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The fault that this call, for a token or for the list, meets, if any; it is then used up by one.
    fn fault(&self, of_list: bool) -> Option<Fault> {
        let mut orders = lock(&self.orders);
        let at = orders.iter().position(|order| order.mode.of_list() == of_list)?;
        let order = orders.get_mut(at)?;
        order.times = order.times.saturating_sub(1);
        let mode = order.mode;
        if order.times == 0 {
            orders.remove(at);
        }
        Some(mode)
    }

    fn revoke(&self, whose: Whose, since: Option<Instant>, reason: Reason) -> der::Result<()> {
        let now = self.clock.now();
        let since = since.unwrap_or(now);
        match whose {
            Whose::Tsa => lock(&self.authority).revoke(since, reason, now),
            Whose::Signer => lock(&self.issuer).revoke(since, reason, now),
        }
    }
}

fn open(listener: &TcpListener, clock: Arc<dyn Clock>, lasting: Duration) -> io::Result<(Access, Arc<Shared>)> {
    let (base_url, now) = (format!("http://{}", listener.local_addr()?), clock.now());
    let authority = Authority::rsa(now, lasting, Some(format!("{base_url}{TSA_LIST}"))).map_err(io::Error::other)?;
    let issuer = Issuer::fresh(now, Some(format!("{base_url}{SIGNER_LIST}"))).map_err(io::Error::other)?;
    let access = Access { base_url, root: authority.root_pem() };
    let (authority, issuer) = (Mutex::new(authority), Mutex::new(issuer));
    Ok((access, Arc::new(Shared { authority, issuer, clock, orders: Mutex::default(), calls: Mutex::default() })))
}

fn build(listener: TcpListener, shared: Arc<Shared>, signals: bool) -> io::Result<Server> {
    let shared = Data::from(shared);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .route("/", web::post().to(stamp))
            .route(TSA_LIST, web::get().to(tsa_list))
            .route(SIGNER_LIST, web::get().to(signer_list))
            .route("/_emulator/root.pem", web::get().to(root))
            .route("/_emulator/signer", web::post().to(certify))
            .route("/_emulator/revocations", web::post().to(revoke))
            .route("/_emulator/calls", web::get().to(calls))
            .route("/_emulator/faults", web::get().to(faults))
            .route("/_emulator/faults", web::post().to(inject))
    })
    .workers(1)
    .shutdown_timeout(1);
    let server = if signals { server } else { server.disable_signals() };
    Ok(server.listen(listener)?.run())
}

async fn stamp(request: HttpRequest, body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let fault = shared.fault(false);
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let at = shared.clock.now();
    lock(&shared.calls).push(Call { at: at.to_rfc3339(), content_type: content_type.clone(), bytes: body.len(), fault: fault.map(Fault::as_str) });
    match fault {
        Some(Fault::Error500) => return HttpResponse::InternalServerError().finish(),
        Some(Fault::Slow) => tokio::time::sleep(Duration::from_secs(2)).await,
        // Longer than any client waits.
        Some(Fault::Silent) => tokio::time::sleep(Duration::from_secs(600)).await,
        _ => {}
    }
    if content_type != "application/timestamp-query" {
        return HttpResponse::UnsupportedMediaType().finish();
    }
    HttpResponse::Ok().content_type("application/timestamp-reply").body(lock(&shared.authority).answer(&body, at, fault))
}

/// A list in DER (RFC 5280 §4.2.1.13, RFC 2585 §4.2).
fn list(shared: &Shared, of: impl FnOnce(Option<Fault>) -> der::Result<Vec<u8>>) -> HttpResponse {
    match shared.fault(true) {
        Some(Fault::ListGone) => HttpResponse::InternalServerError().finish(),
        fault => match of(fault) {
            Ok(der) => HttpResponse::Ok().content_type("application/pkix-crl").body(der),
            Err(_) => HttpResponse::InternalServerError().finish(),
        },
    }
}

async fn tsa_list(shared: Data<Shared>) -> HttpResponse {
    list(&shared, |fault| lock(&shared.authority).list(shared.clock.now(), fault))
}

async fn signer_list(shared: Data<Shared>) -> HttpResponse {
    list(&shared, |_| lock(&shared.issuer).list(shared.clock.now()))
}

/// Certifies the key of a request (PKCS#10, PEM): the chain, PEM. For a key of SM2 an authority of SM2 does, which is gone afterwards.
async fn certify(body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let issued = CertReq::from_pem(&body).and_then(|request| {
        let now = shared.clock.now();
        if sm2::is_sm2(&request.info.public_key) {
            return signer::chain_sm2(request.info.public_key, now);
        }
        lock(&shared.issuer).issue(request.info.public_key, now, authority::YEAR)
    });
    match issued {
        Ok(chain) => HttpResponse::Ok().content_type("application/x-pem-file").body(chain),
        Err(error) => HttpResponse::UnprocessableEntity().json(json!({ "error": error.to_string() })),
    }
}

/// Takes certificates back by HTTP.
async fn revoke(body: Bytes, shared: Data<Shared>) -> HttpResponse {
    let wrong = |error: String| HttpResponse::UnprocessableEntity().json(json!({ "error": error }));
    let order = match serde_json::from_slice::<Revocation>(&body) {
        Ok(order) => order,
        Err(error) => return wrong(error.to_string()),
    };
    let since = match order.since.as_deref().map(|text| Instant::parse(text).ok_or(text)).transpose() {
        Ok(since) => since,
        Err(text) => return wrong(format!("{text:?} is no time")),
    };
    match shared.revoke(order.certificate, since, order.reason) {
        Ok(()) => HttpResponse::NoContent().finish(),
        Err(error) => wrong(error.to_string()),
    }
}

async fn root(shared: Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/x-pem-file").body(lock(&shared.authority).root_pem())
}

async fn calls(shared: Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(&*lock(&shared.calls))
}

async fn faults(shared: Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().json(&*lock(&shared.orders))
}

/// Adds an order behind the others; `times` 0 withdraws those of its kind.
fn order(shared: &Shared, wanted: Order) {
    let mut orders = lock(&shared.orders);
    match wanted.times {
        0 => orders.retain(|o| o.mode != wanted.mode),
        _ => orders.push_back(wanted),
    }
}

/// Takes an order by HTTP.
async fn inject(body: Bytes, shared: Data<Shared>) -> HttpResponse {
    match serde_json::from_slice::<Order>(&body) {
        Ok(wanted) => {
            order(&shared, wanted);
            HttpResponse::Ok().json(&*lock(&shared.orders))
        }
        Err(error) => HttpResponse::UnprocessableEntity().json(json!({ "error": error.to_string() })),
    }
}

/// Serves on `listener` until the process is told to stop, with a certificate that runs out after `lasting`; `ready` hears the access before the
/// first request.
///
/// # Errors
/// The listener cannot be used, or `ready` could not tell.
pub async fn serve(listener: TcpListener, lasting: Duration, ready: impl FnOnce(&Access) -> io::Result<()>) -> io::Result<()> {
    let (access, shared) = open(&listener, Arc::new(SystemClock), lasting)?;
    let server = build(listener, shared, true)?;
    ready(&access)?;
    server.await
}

/// An authority within this process, on a thread of its own; it stops when it is dropped.
pub struct Tsa {
    access: Access,
    shared: Arc<Shared>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Tsa {
    /// Starts on a free port of the loopback address, by `clock`.
    ///
    /// # Errors
    /// The port or the thread cannot be used.
    pub fn start_local(clock: Arc<dyn Clock>) -> io::Result<Self> {
        Self::start_lasting(clock, authority::YEAR)
    }

    /// The same with a certificate that runs out after `lasting`.
    ///
    /// # Errors
    /// As [`Tsa::start_local`].
    pub fn start_lasting(clock: Arc<dyn Clock>, lasting: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (access, shared) = open(&listener, clock, lasting)?;
        let (tell, started) = mpsc::channel();
        let on_thread = shared.clone();
        let thread = std::thread::Builder::new().name("tsa".to_owned()).spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                match build(listener, on_thread, false) {
                    Ok(server) => {
                        let _ = tell.send(Ok(server.handle()));
                        if let Err(error) = server.await {
                            tracing::error!(%error, "the emulated authority ended");
                        }
                    }
                    Err(error) => drop(tell.send(Err(error))),
                }
            });
        })?;
        let handle = started.recv().map_err(|_| io::Error::other("the authority's thread ended before it served"))??;
        Ok(Self { access, shared, handle, thread: Some(thread) })
    }

    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The authority replaces its certificate, which lasts as long as the one before.
    ///
    /// # Errors
    /// It could not be made.
    pub fn roll(&self) -> io::Result<()> {
        let mut authority = lock(&self.shared.authority);
        *authority = authority.rolled(self.shared.clock.now()).map_err(io::Error::other)?;
        Ok(())
    }

    /// Certifies a key that signs evidence, for a year: the chain, PEM.
    ///
    /// # Errors
    /// It could not be made.
    pub fn certify(&self, key: SubjectPublicKeyInfoOwned) -> io::Result<String> {
        lock(&self.shared.issuer).issue(key, self.shared.clock.now(), authority::YEAR).map_err(io::Error::other)
    }

    /// Takes certificates back, from `since` on, or from now on.
    ///
    /// # Errors
    /// A time that a list cannot say.
    pub fn revoke(&self, whose: Whose, since: Option<Instant>, reason: Reason) -> io::Result<()> {
        self.shared.revoke(whose, since, reason).map_err(io::Error::other)
    }

    /// Makes the next `times` answers wrong in this way; 0 withdraws what was ordered of this kind.
    pub fn inject(&self, mode: Fault, times: u32) {
        order(&self.shared, Order { mode, times });
    }

    /// How many questions came.
    pub fn count(&self) -> usize {
        lock(&self.shared.calls).len()
    }
}

impl Drop for Tsa {
    fn drop(&mut self) {
        // The command is sent by the call itself; the future only tells of its end, for which the thread is joined.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
