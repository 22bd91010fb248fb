//! Which deployment a command works on, and how its answer becomes an exit code: 0 done or holds, 1 does not, 2 could not tell.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use crate::{
    app::{App, AppError, FieldError, witness},
    config::Config,
    i18n::{Lang, Tr},
    store::{Database, Options, RESERVE, Store},
};

/// Where the deployment lies.
#[derive(Clone, Debug, clap::Args)]
pub struct Deployment {
    /// Folder of the deployment: settings, keys, and with SQLite the database
    #[arg(long, default_value = "data", value_name = "DIR", env = "COUNTERMAND_DATA", global = true)]
    pub data: PathBuf,
}

/// Why a command did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// A rule said no: exit code 1.
    #[error("{0}")]
    No(String),
    /// Wrong use, or the deployment cannot be reached: exit code 2.
    #[error("{0}")]
    Cannot(String),
}

impl Trouble {
    pub fn cannot(error: impl std::fmt::Display) -> Self {
        Self::Cannot(error.to_string())
    }
}

impl From<AppError> for Trouble {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Store(e) => Self::cannot(e),
            AppError::TooMany { .. } | AppError::Mail(_) => Self::cannot(error),
            AppError::Invalid(fields) => {
                let tr = Tr::new(Lang::En);
                let words = |f: &FieldError| {
                    let args: Vec<_> = f.args.iter().map(|(k, v)| (*k, v)).collect();
                    let keys = [format!("error-{}-{}", f.field, f.kind), format!("error-{}", f.kind)];
                    keys.iter().find_map(|key| tr.maybe_a(key, &args)).unwrap_or_else(|| f.kind.to_owned())
                };
                let lines: Vec<_> = fields.iter().map(|f| format!("--{}: {}", f.field.replace('_', "-"), words(f))).collect();
                Self::No(lines.join("\n"))
            }
            other => Self::No(other.to_string()),
        }
    }
}

impl Deployment {
    /// Settings and database of a deployment that is there already: what only reads must not make a new one out of a mistyped folder.
    pub fn existing(&self) -> Result<(Config, Database), Trouble> {
        let config = Config::load(&self.data, std::env::vars_os()).map_err(Trouble::cannot)?;
        let database = Database::of(&config).map_err(Trouble::cannot)?;
        match &database {
            Database::Sqlite(path) if !path.exists() => Err(Trouble::Cannot(format!("there is no database at {}", path.display()))),
            Database::Postgres(_) if !self.data.join("keys").exists() => {
                Err(Trouble::Cannot(format!("there are no keys at {}; they belong to the database", self.data.join("keys").display())))
            }
            _ => Ok((config, database)),
        }
    }

    /// Opens the deployment's store; works while its server runs.
    pub fn open(&self) -> Result<App, Trouble> {
        self.open_with(|_| {})
    }

    /// The same with another address to listen on and other certificates than the settings name; `public_url` follows them unless the
    /// settings name one.
    pub fn open_as(&self, listen: Option<SocketAddr>, tls: Option<(PathBuf, PathBuf)>) -> Result<App, Trouble> {
        self.open_to_stay(|config| {
            if let Some((cert, key)) = tls {
                (config.tls_cert, config.tls_key) = (Some(cert), Some(key));
            }
            config.listen = listen.unwrap_or(config.listen);
            if config.public_url == Config::default().public_url && config.listen.port() != 0 {
                let scheme = if config.tls_cert.is_some() { "https" } else { "http" };
                config.public_url = format!("{scheme}://localhost:{}", config.listen.port());
            }
        })
    }

    /// Opens the deployment with its settings adjusted.
    pub fn open_with(&self, adjust: impl FnOnce(&mut Config)) -> Result<App, Trouble> {
        self.open_keeping(0, adjust)
    }

    /// The same for a process that stays: it keeps a reserve on the disk.
    pub fn open_to_stay(&self, adjust: impl FnOnce(&mut Config)) -> Result<App, Trouble> {
        self.open_keeping(RESERVE, adjust)
    }

    fn open_keeping(&self, reserve: u64, adjust: impl FnOnce(&mut Config)) -> Result<App, Trouble> {
        let mut config = Config::load(&self.data, std::env::vars_os()).map_err(Trouble::cannot)?;
        adjust(&mut config);
        witness::of(&config).map_err(Trouble::Cannot)?;
        crate::connect::mail::Mailer::new(&config.smtp, &config.data).map_err(Trouble::Cannot)?;
        let options = Options {
            host: config.host(),
            reserve,
            tells: config.smtp.host.is_some(),
            ..Options::new(Database::of(&config).map_err(Trouble::cannot)?, &self.data)
        };
        let store = Store::open(options).map_err(Trouble::cannot)?;
        Ok(App::new(store, config))
    }

    /// Opens the deployment and runs `work`; trouble goes to stderr. What it left in the log is signed before the command ends: no server
    /// may be running that would.
    pub fn run<F, T>(&self, command: &str, work: F) -> ExitCode
    where
        F: FnOnce(App) -> T,
        T: Future<Output = Result<(), Trouble>>,
    {
        let result =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Trouble::cannot).and_then(|runtime| {
                runtime.block_on(async {
                    let app = self.open()?;
                    let done = work(app.clone()).await;
                    if app.store.behind().is_none()
                        && let Err(e) = app.store.checkpoint().await
                    {
                        eprintln!("countermand {command}: what was done stands, and the log could not be signed: {e}");
                    }
                    done
                })
            });
        finish(command, result)
    }
}

/// The exit code of a command; trouble goes to stderr.
pub fn finish(command: &str, result: Result<(), Trouble>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("countermand {command}: {trouble}");
            super::output::trouble(&trouble.to_string());
            match trouble {
                Trouble::No(_) => ExitCode::from(1),
                Trouble::Cannot(_) => ExitCode::from(2),
            }
        }
    }
}

/// Reads a secret from a file (`-` is standard input), without the line end.
pub fn secret_file(path: &std::path::Path) -> Result<String, Trouble> {
    let read = if path.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
    let text = read.map_err(|e| Trouble::cannot(format!("{}: {e}", path.display())))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
