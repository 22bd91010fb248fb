//! `countermand serve` and `countermand work`: the whole product, or only its jobs for deployments with several nodes.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{
    app::{App, StoreError, alarms, alerts, clocks, configuration, evidence, once, retention, setup, streams, timestamps, verification, witness},
    cli::deployment::{Deployment, Trouble, finish},
    config::Config,
    domain::event::{Action, Event, Subject},
    jobs,
    web::{
        self, Listen, Shell,
        console::demo::{self, Cards, EmulatorAddress},
    },
};
use actix_web::web::{Data, ServiceConfig, resource};

/// Arguments of `serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub deployment: Deployment,
    /// Address to listen on; overrides the settings
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Certificate chain in PEM; overrides the settings. With it the listener speaks TLS only
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// Serves until stopped. 0: stopped as told; 2: settings, database or address cannot be used.
pub fn run(args: &Args) -> ExitCode {
    let result = actix_web::rt::System::new().block_on(async {
        let app = args.deployment.open_as(args.listen, args.tls_cert.clone().zip(args.tls_key.clone()))?;
        let listener = bind(&app.config)?;
        let address = listener.local_addr().map_err(Trouble::cannot)?;
        eprintln!("countermand: {} (listening on {address})", app.config.public_url);
        if app.store.behind().is_none()
            && let Some(link) = setup::first_start(&app).await?
        {
            eprintln!("First start. Set the installation up within 72 hours at:\n  {}{}", app.config.public_url.trim_end_matches('/'), link.path);
        }
        serve(app, listener).await
    });
    finish("serve", result)
}

/// Jobs only, until stopped.
pub fn work(deployment: &Deployment) -> ExitCode {
    let result = actix_web::rt::System::new().block_on(async {
        let app = deployment.open_to_stay(|_| {})?;
        if app.store.behind().is_some() {
            return Err(Trouble::cannot(StoreError::Behind));
        }
        let stopped = stopped();
        witness::at_start(&app).await?;
        timestamps::begin(&app).await.map_err(Trouble::cannot)?;
        evidence::expiry::begin(&app).await.map_err(Trouble::cannot)?;
        note(&app, Action::ServiceStarted, "work").await?;
        configuration::at_start(&app, "work").await.map_err(Trouble::cannot)?;
        let housekeeping = actix_web::rt::spawn(housekeeping(app.clone()));
        let (stop, streaming) = streaming(&app);
        jobs::serve(app.clone(), stopped).await;
        housekeeping.abort();
        drop(stop);
        let _ = streaming.await;
        note(&app, Action::ServiceStopped, "work").await?;
        sign(&app).await;
        Ok(())
    });
    finish("work", result)
}

/// Serves `app` on `listener`: pages, API, jobs, checkpoints; pages and API alone where nothing may be written. Returns when told to stop.
pub async fn serve(app: App, listener: TcpListener) -> Result<(), Trouble> {
    let configure = web::console(app.clone());
    serve_with(app, listener, configure).await
}

/// The same with the demonstration's page of sign-in cards at `/demo`.
pub async fn serve_demo(app: App, listener: TcpListener, cards: Cards, emulator: String) -> Result<(), Trouble> {
    let console = web::console(app.clone());
    serve_with(app, listener, move |cfg| {
        cfg.app_data(Data::new(cards.clone())).app_data(Data::new(EmulatorAddress(emulator.clone())));
        cfg.service(resource("/demo").get(demo::show));
        console(cfg);
    })
    .await
}

async fn serve_with<F>(app: App, listener: TcpListener, configure: F) -> Result<(), Trouble>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let tls = web::tls::config(&app.config).map_err(Trouble::cannot)?;
    let listen = Listen { listeners: vec![listener], tls, workers: None };
    if app.store.behind().is_some() {
        return web::serve(listen, Shell::of(&app), configure).await.map_err(Trouble::cannot);
    }
    witness::at_start(&app).await?;
    timestamps::begin(&app).await.map_err(Trouble::cannot)?;
    evidence::expiry::begin(&app).await.map_err(Trouble::cannot)?;
    note(&app, Action::ServiceStarted, "serve").await?;
    configuration::at_start(&app, "serve").await.map_err(Trouble::cannot)?;
    once::release(&app).await.map_err(Trouble::cannot)?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let runner = actix_web::rt::spawn(jobs::serve(app.clone(), async {
        let _ = stopped.await;
    }));
    let housekeeping = actix_web::rt::spawn(housekeeping(app.clone()));
    let (stop_streams, streaming) = streaming(&app);
    let served = web::serve(listen, Shell::of(&app), configure).await;
    housekeeping.abort();
    drop((stop, stop_streams));
    let _ = runner.await;
    let _ = streaming.await;
    note(&app, Action::ServiceStopped, "serve").await?;
    sign(&app).await;
    served.map_err(Trouble::cannot)
}

/// Begins to serve the streams; they end when the first is dropped.
fn streaming(app: &App) -> (tokio::sync::oneshot::Sender<()>, actix_web::rt::task::JoinHandle<()>) {
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let serving = streams::work::serve(app.clone(), async {
        let _ = stopped.await;
    });
    (stop, actix_web::rt::spawn(serving))
}

/// Plain HTTP is for loopback and for proxies that are named: on any other address a password would cross the network in the clear.
fn bind(config: &Config) -> Result<TcpListener, Trouble> {
    let plain = config.tls_cert.is_none();
    if plain && !config.listen.ip().is_loopback() && config.trusted_proxies.is_empty() {
        return Err(Trouble::Cannot(format!(
            "{} is not a loopback address: set tls_cert and tls_key, or name the proxy that ends TLS in trusted_proxies",
            config.listen
        )));
    }
    // Cookies and the origin that a post must come from follow `public_url`.
    if !plain && !config.https() {
        return Err(Trouble::Cannot(format!("public_url is {}: with tls_cert and tls_key it begins with https://", config.public_url)));
    }
    TcpListener::bind(config.listen).map_err(|e| Trouble::Cannot(format!("{}: {e}", config.listen)))
}

async fn note(app: &App, action: Action, command: &str) -> Result<(), Trouble> {
    let event = Event::system(action, Subject::new("node", app.store.node())).detail(serde_json::json!({
        "command": command, "version": env!("CARGO_PKG_VERSION"),
    }));
    // Auditors need a server that starts although the disk is full.
    app.record_reserved(event).await.map_err(Trouble::cannot)?;
    Ok(())
}

/// How long a process that stops waits for the witnesses.
const PARTING: Duration = Duration::from_secs(5);

/// Signs the head at the very end and shows it to the witnesses, as far as they answer soon: what nobody outside the database has seen
/// could be rolled back without a trace. What cannot be done is told and holds nothing up.
async fn sign(app: &App) {
    match app.store.checkpoint().await {
        Ok(_) => match tokio::time::timeout(PARTING, witness::round(app)).await {
            Ok(Err(e)) => tracing::warn!(error = %e, "the witnesses could not be asked at the end"),
            Err(_) => tracing::warn!("the witnesses did not answer before the end"),
            Ok(Ok(_)) => {}
        },
        Err(e) => tracing::error!(error = %e, "the log could not be signed at the end"),
    }
}

/// Between two looks at files that were erased.
const DAY: Duration = Duration::from_secs(86_400);

/// At the start and once a day, on every node: removes what the log says was erased from the node's own folder; the nightly job runs on one.
/// Every ten seconds: signs the head if it moved and shows it to the witnesses, looks at the clock, asks the rules of what happened, looks at the disk, makes sure
/// of the coming months.
async fn housekeeping(app: App) {
    let mut tidied: Option<Instant> = None;
    loop {
        if tidied.is_none_or(|at| at.elapsed() >= DAY) {
            match retention::tidy(&app).await {
                Ok(()) => tidied = Some(Instant::now()),
                Err(e) => tracing::error!(error = %e, "files that were erased may still be here"),
            }
        }
        match app.store.checkpoint().await {
            Ok(_) => {
                if let Err(e) = witness::round(&app).await {
                    tracing::error!(error = %e, "the witnesses could not be asked");
                }
            }
            Err(e) => {
                tracing::error!(error = %e, "the log could not be signed");
                if let StoreError::Fork(why) = e
                    && let Err(e) = verification::failed(&app, "signing", &why).await
                {
                    tracing::error!(error = %e, "that could not be recorded");
                }
            }
        }
        if let Err(e) = clocks::look(&app).await {
            tracing::error!(error = %e, "the clock could not be judged");
        }
        if let Err(e) = alarms::look(&app).await {
            tracing::error!(error = %e, "what would stop the installation could not be judged");
        }
        if let Err(e) = alerts::watch::pass(&app).await {
            tracing::error!(error = %e, "the alert rules could not be asked");
        }
        let store = app.store.clone();
        let kept = tokio::task::spawn_blocking(move || {
            store.watch_disk();
            store.keep_months()
        });
        if let Ok(Err(e)) = kept.await {
            tracing::warn!(error = %e, "the partitions of the coming months are not made yet");
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

/// Resolves when the process is told to stop; whoever tells it so from now on is heard.
fn stopped() -> impl Future<Output = ()> {
    let terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    async {
        let terminate = async {
            match terminate {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = terminate => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}
