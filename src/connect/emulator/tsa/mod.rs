//! An emulated timestamp authority (RFC 3161 over HTTP, §3.4), for trials and tests: a throwaway root, marked DEMO in its name, and faults
//! on request. `POST /` takes `application/timestamp-query`; `/_emulator/faults` takes `{"mode","times"}`; `/_emulator/calls` tells every
//! question; `/_emulator/root.pem` gives the root.

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
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use authority::Authority;

use crate::{
    clock::{Clock, SystemClock},
    words,
};

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
    }
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
    clock: Arc<dyn Clock>,
    orders: Mutex<VecDeque<Order>>,
    calls: Mutex<Vec<Call>>,
}

/// A poisoned lock means that a request panicked; what it left is still the best record there is.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The fault that this call meets, if any; it is then used up by one.
    fn fault(&self) -> Option<Fault> {
        let mut orders = lock(&self.orders);
        let order = orders.front_mut()?;
        order.times = order.times.saturating_sub(1);
        let mode = order.mode;
        if order.times == 0 {
            orders.pop_front();
        }
        Some(mode)
    }
}

fn open(listener: &TcpListener, clock: Arc<dyn Clock>, lasting: Duration) -> io::Result<(Access, Arc<Shared>)> {
    let authority = Authority::rsa(clock.now(), lasting).map_err(io::Error::other)?;
    let access = Access { base_url: format!("http://{}", listener.local_addr()?), root: authority.root_pem() };
    Ok((access, Arc::new(Shared { authority: Mutex::new(authority), clock, orders: Mutex::default(), calls: Mutex::default() })))
}

fn build(listener: TcpListener, shared: Arc<Shared>, signals: bool) -> io::Result<Server> {
    let shared = Data::from(shared);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .route("/", web::post().to(stamp))
            .route("/_emulator/root.pem", web::get().to(root))
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
    let fault = shared.fault();
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
