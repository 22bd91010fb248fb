//! `countermand witness serve`: a C2SP witness that somebody else runs, an auditor or a counterparty. It remembers the newest checkpoint of
//! each log that it watches, cosigns what provably extends it, and nothing else. It knows nothing of what a log holds.
//!
//! Everything is in one folder: `witness.key`, `name`, and `logs/<SHA-256 of the origin>/checkpoint`. What was cosigned is on the disk before
//! the answer leaves, so that a crash never lets it cosign two histories. Not here: when it may cosign (`ledger::witness`).

use std::{
    fs::{self, File},
    io::{self, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{
    App, HttpResponse, HttpServer,
    http::StatusCode,
    web::{self, Bytes, Data},
};
use ed25519_dalek::SigningKey;

use crate::{
    cli::deployment::{Trouble, finish},
    clock::{Clock, SystemClock},
    crypto::{keyring, private, sha256},
    ledger::{
        checkpoint::{Checkpoint, Note, Vkey},
        cosignature::{Cosigner, cosign},
        witness::{Refusal, Request, consider},
    },
};

/// Arguments of `witness`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Serve `POST /add-checkpoint` and `GET /<hash>/checkpoint` until stopped
    Serve {
        /// Folder of the witness: its key and what it has seen
        #[arg(long, default_value = "witness", value_name = "DIR")]
        data: PathBuf,
        /// Address to listen on; port 0 picks a free one. TLS is a proxy's
        #[arg(long, default_value = "127.0.0.1:8090", value_name = "ADDR")]
        listen: String,
        /// The witness's name for ever, such as `witness.example.com/countermand`; needed the first time
        #[arg(long)]
        name: Option<String>,
        /// Verifier key of a log to watch (`ledger checkpoint --vkey`); may be given several times
        #[arg(long = "log", value_name = "VKEY", required = true)]
        logs: Vec<String>,
        /// Print one line of JSON with the address and the verifier key
        #[arg(long)]
        json: bool,
    },
}

/// Longest request: a note is at most a mebibyte.
const LONGEST: usize = (1 << 20) + 8192;

/// What this witness is and has.
struct Witness {
    folder: PathBuf,
    name: String,
    key: SigningKey,
    logs: Vec<Vkey>,
    /// One answer at a time: what was seen is read, judged and replaced together.
    turn: Mutex<()>,
    /// Held as long as the process lives: two of them could cosign two histories.
    _lock: File,
}

/// 0: stopped as told; 2: the folder, a key or the address cannot be used.
pub fn run(args: &Args) -> ExitCode {
    let Command::Serve { data, listen, name, logs, json } = &args.command;
    let served = open(data, name.as_deref(), logs).and_then(|witness| {
        let listener = TcpListener::bind(listen).map_err(|e| Trouble::Cannot(format!("{listen}: {e}")))?;
        let address = listener.local_addr().map_err(Trouble::cannot)?;
        let vkey = witness.cosigner()?.to_string();
        match json {
            true => say!("{}", serde_json::json!({ "url": format!("http://{address}"), "vkey": vkey })),
            false => say!("witness {vkey}\nlistening on http://{address}"),
        }
        actix_web::rt::System::new().block_on(serve(listener, witness)).map_err(Trouble::cannot)
    });
    finish("witness serve", served)
}

fn open(data: &Path, name: Option<&str>, logs: &[String]) -> Result<Witness, Trouble> {
    let at = |path: &Path, e: io::Error| Trouble::Cannot(format!("{}: {e}", path.display()));
    private::folder(data).map_err(|e| at(data, e))?;
    let path = data.join("lock");
    let lock = private::file(&path).map_err(|e| at(&path, e))?;
    lock.try_lock().map_err(|_| Trouble::Cannot(format!("{}: another witness works in this folder", data.display())))?;
    let path = data.join("name");
    let name = match (fs::read_to_string(&path), name) {
        (Ok(kept), given) => {
            let kept = kept.trim().to_owned();
            if given.is_some_and(|given| given != kept) {
                return Err(Trouble::Cannot(format!("this witness is called {kept}; another name is another witness, in another folder")));
            }
            kept
        }
        (Err(e), Some(given)) if e.kind() == io::ErrorKind::NotFound => {
            private::file(&path).and_then(|mut file| file.write_all(format!("{given}\n").as_bytes())).map_err(|e| at(&path, e))?;
            given.to_owned()
        }
        (Err(e), None) if e.kind() == io::ErrorKind::NotFound => return Err(Trouble::Cannot("a new witness needs its --name".to_owned())),
        (Err(e), _) => return Err(at(&path, e)),
    };
    let key = keyring::single(&data.join("witness.key")).map_err(Trouble::cannot)?;
    let logs = logs.iter().map(|text| Vkey::parse(text).map_err(|e| Trouble::Cannot(format!("--log {text}: {e}")))).collect::<Result<_, _>>()?;
    let witness = Witness { folder: data.to_owned(), name, key, logs, turn: Mutex::default(), _lock: lock };
    witness.cosigner()?;
    Ok(witness)
}

impl Witness {
    fn cosigner(&self) -> Result<Cosigner, Trouble> {
        Cosigner::of(&self.name, &self.key).map_err(|e| Trouble::Cannot(format!("{}: {e}", self.name)))
    }

    /// Where the newest checkpoint of a log lies.
    fn place(&self, origin: &str) -> PathBuf {
        self.folder.join("logs").join(hex::encode(sha256(origin.as_bytes()))).join("checkpoint")
    }

    /// What was seen of a log. What is there and cannot be read is an error, never "nothing": that would be a licence to forget.
    fn seen(&self, origin: &str) -> io::Result<Option<Checkpoint>> {
        let path = self.place(origin);
        let note = match fs::read_to_string(&path) {
            Ok(note) => note,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path.display()));
        let note = Note::parse(&note).map_err(|e| bad(e.to_string()))?;
        Checkpoint::parse(note.text()).map(Some).map_err(|e| bad(e.to_string()))
    }

    /// Answers one `add-checkpoint`: the cosignature's line, once the checkpoint is on the disk.
    fn add(&self, body: &[u8], now: u64) -> io::Result<Result<String, Refusal>> {
        let Some(request) = std::str::from_utf8(body).ok().and_then(Request::parse) else { return Ok(Err(Refusal::Malformed)) };
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut trouble = None;
        let seen = |origin: &str| {
            self.seen(origin).unwrap_or_else(|e| {
                trouble = Some(e);
                None
            })
        };
        let considered = consider(&request, &self.logs, seen);
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        let (log, checkpoint) = match considered {
            Ok(agreed) => agreed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let bad = |e: crate::ledger::checkpoint::NoteError| io::Error::new(io::ErrorKind::InvalidData, e.to_string());
        let note = Note::parse(&request.checkpoint).map_err(bad)?;
        let line = cosign(note.text(), &self.name, &self.key, now).map_err(bad)?;
        // Only what this witness vouches for is kept: the log's own line and its own.
        let own =
            request.checkpoint.lines().filter(|l| l.starts_with(&format!("\u{2014} {} ", log.name()))).map(|l| format!("{l}\n")).collect::<String>();
        private::replace(&self.place(&checkpoint.origin), format!("{}\n{own}{line}", note.text()).as_bytes())?;
        Ok(Ok(line))
    }
}

/// Serves until told to stop.
async fn serve(listener: TcpListener, witness: Witness) -> io::Result<()> {
    let witness = Data::from(Arc::new(witness));
    HttpServer::new(move || {
        App::new()
            .app_data(witness.clone())
            .app_data(web::PayloadConfig::new(LONGEST))
            .route("/", web::get().to(about))
            .route("/add-checkpoint", web::post().to(add))
            .route("/{log}/checkpoint", web::get().to(show))
    })
    .workers(1)
    .shutdown_timeout(1)
    .listen(listener)?
    .run()
    .await
}

/// `GET /`: who this is and what it watches, for people.
async fn about(witness: Data<Witness>) -> HttpResponse {
    let key = witness.cosigner().map(|c| c.to_string()).unwrap_or_default();
    let logs: String = witness.logs.iter().map(|log| format!("log {log}\n")).collect();
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(format!("witness {key}\n{logs}"))
}

/// `POST /add-checkpoint`
async fn add(witness: Data<Witness>, body: Bytes) -> HttpResponse {
    let now = u64::try_from(SystemClock.now().unix_seconds()).unwrap_or(0);
    let answered = web::block(move || witness.add(&body, now)).await;
    match answered {
        Ok(Ok(Ok(line))) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(line),
        Ok(Ok(Err(refusal))) => {
            let mut answer = HttpResponse::build(StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST));
            match refusal {
                Refusal::Stale(size) => answer.content_type("text/x.tlog.size").body(format!("{size}\n")),
                other => answer.content_type("text/plain; charset=utf-8").body(format!("{other}\n")),
            }
        }
        Ok(Err(e)) => {
            tracing::error!(error = %e, "nothing is cosigned");
            HttpResponse::InternalServerError().finish()
        }
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

/// `GET /<hex SHA-256 of the origin>/checkpoint`: the newest that was cosigned.
async fn show(witness: Data<Witness>, log: web::Path<String>) -> HttpResponse {
    let watched = witness.logs.iter().map(Vkey::name).find(|origin| hex::encode(sha256(origin.as_bytes())) == *log);
    match watched.map(|origin| fs::read_to_string(witness.place(origin))) {
        Some(Ok(note)) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(note),
        Some(Err(e)) if e.kind() != io::ErrorKind::NotFound => HttpResponse::InternalServerError().finish(),
        _ => HttpResponse::NotFound().finish(),
    }
}
