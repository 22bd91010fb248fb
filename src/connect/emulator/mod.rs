//! The emulator: a local platform that speaks WeCom's documented API with its oddities, for trials and tests (platforms.md §1).
//! It keeps an inbox for each recipient, records every call, has a clock of its own and breaks on request (formats.md, "Emulators also answer").
//! What nobody has documented about the real platform is answered with a code from 999000 on and labelled in the header `x-emulator-note`.
//!
//! | file | what lives there |
//! |---|---|
//! | `company` | people, departments and tags |
//! | `state` | tokens, messages, limits, the record of calls |
//! | `api`, `messages`, `directory` | the endpoints under `/cgi-bin/`, without HTTP |
//! | `codes` | error codes and the shape of an answer |
//! | `faults` | what can be broken |
//! | `server`, `control`, `inbox` | HTTP: the API, `/_emulator/`, the recipient's page |
//! | `revocations` | what either authority took back, and the list that says so |
//! | [`signer`] | a throwaway authority for the certificate that signs bundles |
//! | [`tsa`] | an emulator of its own: a timestamp authority |

mod api;
mod codes;
mod company;
mod control;
mod directory;
mod faults;
mod inbox;
mod messages;
mod revocations;
mod server;
pub mod signer;
mod state;
pub mod tsa;

use std::{
    io,
    net::TcpListener,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
};

use actix_web::dev::ServerHandle;
use serde::Serialize;

pub use faults::Mode;
pub use inbox::{Inbox, Item};
pub use state::Call;

use super::Settings;
use crate::{
    clock::{Clock, SystemClock},
    domain::platform::Platform,
};
use company::Company;
use state::State;

/// What an emulated company looks like and how strict it is.
#[derive(Clone)]
pub struct Options {
    /// Members beyond the 25 of the example company, for tests of size; they sit in a department of their own.
    pub extra_users: usize,
    /// The application's secret; a fresh one by default.
    pub secret: Option<String>,
    /// Refuses `user/list_id` to the application's secret, as the real platform has done since August 2022.
    pub strict_contacts: bool,
    /// Calls a minute and endpoint before 45009.
    pub calls_per_minute: usize,
    /// The clock under the emulator's own offset.
    pub clock: Arc<dyn Clock>,
    /// A file that outlives the process: messages, tokens and calls are there again after a restart.
    pub memory: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self { extra_users: 0, secret: None, strict_contacts: false, calls_per_minute: 10_000, clock: Arc::new(SystemClock), memory: None }
    }
}

/// Where the emulator is and how to get in: the line of `emulate PLATFORM --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// Scheme, host and port, no path.
    pub base_url: String,
    pub corp_id: String,
    pub secret: String,
    pub agent_id: i64,
    /// Members' ids; at most 1000 of them.
    pub users: Vec<String>,
    pub parties: Vec<String>,
    pub tags: Vec<String>,
}

/// The state that all requests share.
struct Shared(Mutex<State>);

impl Shared {
    /// A poisoned lock means that a request panicked; what it left is still the best record there is.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(listener: &TcpListener, options: Options) -> io::Result<(Access, Arc<Shared>)> {
    let company = Company::new(options.extra_users);
    let users = company.users.iter().take(1000).map(|u| u.id.clone()).collect();
    let parties = company.parties.iter().map(|p| p.id.to_string()).collect();
    let tags = company.tags.iter().map(|t| t.id.to_string()).collect();
    let state = State::open(company, options)?;
    let access = Access {
        base_url: format!("http://{}", listener.local_addr()?),
        corp_id: state::CORP_ID.to_owned(),
        secret: state.secret().to_owned(),
        agent_id: state::AGENT_ID,
        users,
        parties,
        tags,
    };
    Ok((access, Arc::new(Shared(Mutex::new(state)))))
}

/// Serves on `listener` until the process is told to stop (Ctrl-C, SIGTERM); `ready` hears the access before the first request.
///
/// # Errors
/// The listener or the memory file cannot be used.
pub async fn serve(listener: TcpListener, options: Options, ready: impl FnOnce(&Access)) -> io::Result<()> {
    let (access, shared) = open(&listener, options)?;
    let server = server::build(listener, shared, true)?;
    ready(&access);
    server.await
}

/// An emulator within this process, on a thread of its own; it stops when it is dropped.
pub struct Emulator {
    access: Access,
    shared: Arc<Shared>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts on `listener` (bind it to port 0 of the loopback address).
    ///
    /// # Errors
    /// The listener, the memory file or the thread cannot be used.
    pub fn start(listener: TcpListener, options: Options) -> io::Result<Self> {
        let (access, shared) = open(&listener, options)?;
        let (tell, started) = mpsc::channel();
        let on_thread = shared.clone();
        let thread = std::thread::Builder::new().name("emulator".to_owned()).spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                match server::build(listener, on_thread, false) {
                    Ok(server) => {
                        // Nobody listens only if the starter has gone; the server then ends with the handle.
                        let _ = tell.send(Ok(server.handle()));
                        if let Err(error) = server.await {
                            tracing::error!(%error, "the emulator ended");
                        }
                    }
                    Err(error) => drop(tell.send(Err(error))),
                }
            });
        })?;
        let handle = started.recv().map_err(|_| io::Error::other("the emulator's thread ended before it served"))??;
        Ok(Self { access, shared, handle, thread: Some(thread) })
    }

    /// Starts on a free port of the loopback address.
    ///
    /// # Errors
    /// As [`Emulator::start`].
    pub fn start_local(options: Options) -> io::Result<Self> {
        Self::start(TcpListener::bind(("127.0.0.1", 0))?, options)
    }

    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Settings of a connection to this emulator; the secret is in [`Emulator::access`].
    pub fn settings(&self) -> Settings {
        Settings {
            platform: Platform::Wecom,
            base_url: self.access.base_url.clone(),
            corp_id: self.access.corp_id.clone(),
            agent_id: self.access.agent_id,
        }
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.lock().calls().to_vec()
    }

    /// How many calls went to an endpoint, e.g. `message/recall`.
    pub fn count(&self, endpoint: &str) -> usize {
        self.shared.lock().calls().iter().filter(|c| c.endpoint() == endpoint).count()
    }

    /// Breaks the next `times` calls to an endpoint (`*`: any). `false`: there is no such endpoint.
    pub fn inject(&self, endpoint: &str, mode: Mode, times: u32) -> bool {
        self.shared.lock().faults.inject(endpoint, mode, times)
    }

    /// Moves the emulator's clock against the machine's.
    pub fn set_offset(&self, seconds: i64) {
        self.shared.lock().set_offset(seconds);
    }

    /// What a recipient's client shows now; `None` for an unknown id.
    pub fn inbox(&self, user: &str) -> Option<Inbox> {
        inbox::inbox(&self.shared.lock(), user, inbox::Client::Wecom)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The command is sent by the call itself; the future only tells of its end, for which the thread is joined.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
