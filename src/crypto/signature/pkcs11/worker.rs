//! One thread for each module of the process: a module is initialised once, and its session is used by one thread alone. Who asks waits so
//! long and no longer; a module that hangs holds up its own thread, and whoever asks it meanwhile is told at once. Not here: what is asked.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use super::{ModuleError, token::Module};

/// How long a module is waited for: to load it, to log in, to sign.
pub const PATIENCE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(&mut Module) + Send>;

#[derive(Clone)]
struct Worker {
    jobs: mpsc::Sender<Job>,
    count: Arc<Count>,
}

/// Jobs by their number, from 1.
#[derive(Default)]
struct Count {
    given: AtomicU64,
    done: AtomicU64,
    /// The last that somebody has waited for in vain.
    vain: AtomicU64,
}

static WORKERS: LazyLock<Mutex<HashMap<PathBuf, Worker>>> = LazyLock::new(Mutex::default);

fn silent() -> ModuleError {
    ModuleError::Silent(PATIENCE.as_secs())
}

/// Asks the module on its thread.
///
/// # Errors
/// What `job` answers; [`ModuleError::Silent`].
pub(super) fn ask<T: Send + 'static>(
    path: &Path,
    job: impl FnOnce(&mut Module) -> Result<T, ModuleError> + Send + 'static,
) -> Result<T, ModuleError> {
    let worker = of(path)?;
    let count = &worker.count;
    // The thread has not come back since somebody gave up.
    if count.vain.load(Ordering::Acquire) > count.done.load(Ordering::Acquire) {
        return Err(silent());
    }
    let number = count.given.fetch_add(1, Ordering::AcqRel) + 1;
    let (answer, answered) = mpsc::sync_channel(1);
    // Whoever asked may have gone.
    let job: Job = Box::new(move |module| drop(answer.send(job(module))));
    let gone = || ModuleError::Load(path.display().to_string(), "its thread has ended; restart".to_owned());
    worker.jobs.send(job).map_err(|_| gone())?;
    match answered.recv_timeout(PATIENCE) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => {
            count.vain.fetch_max(number, Ordering::AcqRel);
            Err(silent())
        }
        Err(RecvTimeoutError::Disconnected) => Err(gone()),
    }
}

/// The module's worker, begun where there is none.
fn of(path: &Path) -> Result<Worker, ModuleError> {
    // By whichever name the module goes, it is initialised once.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut workers = WORKERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(worker) = workers.get(&path) {
        return Ok(worker.clone());
    }
    let (jobs, asked) = mpsc::channel::<Job>();
    let worker = Worker { jobs, count: Arc::default() };
    let (count, of) = (worker.count.clone(), path.clone());
    let run = move || {
        let mut module = Module::new(of);
        for job in asked {
            job(&mut module);
            count.done.fetch_add(1, Ordering::AcqRel);
        }
    };
    let begun = thread::Builder::new().name("pkcs11".to_owned()).spawn(run);
    begun.map_err(|e| ModuleError::Load(path.display().to_string(), e.to_string()))?;
    workers.insert(path, worker.clone());
    Ok(worker)
}
