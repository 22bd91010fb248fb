//! `countermand demo`: an example company, an emulated WeCom on loopback, and the whole main job through the pages that people use.
//!
//! While it stays up it has a timestamp authority of its own ([`time`]).
//!
//! `--once` ends after the job and reports. A folder can be used again: a run that was killed is taken up where it stood, otherwise a
//! new case is added.

mod cast;
mod story;
mod time;
mod visitor;

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
};

use serde_json::{Value, json};

use crate::{
    app::{App, Caller, connections, evidence, evidence::signing, timestamps},
    cli::{
        deployment::{Deployment, Trouble, finish},
        serve,
    },
    config::Profile,
    connect::emulator::{self, Emulator, signer},
    crypto::{
        private,
        signature::{FileKey, Signer, Suite},
    },
    evidence::{
        verify::{Answer, Pin, verify},
        zip::Limits,
    },
    i18n::{Lang, Tr},
    store::verify::Against,
    web::console::demo::{Card, Cards},
};
use cast::Cast;

/// Arguments of `demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Folder of the demonstration; a folder of its own, never a real deployment's
    #[arg(long, default_value = "demo-data", value_name = "DIR")]
    data: PathBuf,
    /// Address to listen on; with --once any free port
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// End after the job and report what happened
    #[arg(long)]
    once: bool,
    /// Report as one JSON object
    #[arg(long)]
    json: bool,
    /// What bundles are made with: standard, or gm for a signature by SM2 besides; as countermand.toml says if absent
    #[arg(long, value_parser = ["standard", "gm"])]
    profile: Option<String>,
}

/// Name of the emulated platform's connection.
const CONNECTION: &str = "企业微信（演示）";

/// 0: the case ended as it should and everything verifies; 1: it did not; 2: the demonstration could not be run.
pub fn run(args: &Args) -> ExitCode {
    let result = actix_web::rt::System::new().block_on(async {
        let cast_folder = &args.data;
        private::folder(cast_folder).map_err(|e| Trouble::Cannot(format!("{}: {e}", cast_folder.display())))?;
        let cast = Cast::open(cast_folder)?;
        // Serves until the demonstration ends.
        let _authority = if args.once { None } else { time::start(cast_folder)? };
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let usual = SocketAddr::from(([127, 0, 0, 1], 8080));
        let wanted = args.listen.unwrap_or(if args.once { free } else { usual });
        let listener = TcpListener::bind(wanted).map_err(|e| Trouble::Cannot(format!("{wanted}: {e}; --listen names another address")))?;
        let address = listener.local_addr().map_err(Trouble::cannot)?;
        let app = Deployment { data: args.data.clone() }.open_to_stay(|config| {
            config.listen = address;
            config.public_url = format!("http://localhost:{}", address.port());
            config.demo = true;
            config.allow_private_destinations = true;
            config.tenant = "华辰集团".to_owned();
            match args.profile.as_deref() {
                Some("gm") => config.evidence.profile = Profile::Gm,
                Some(_) => config.evidence.profile = Profile::Standard,
                None => {}
            }
        })?;
        demonstrate(args, app, &cast, listener).await
    });
    finish("demo", result)
}

async fn demonstrate(args: &Args, app: App, cast: &Cast, listener: TcpListener) -> Result<(), Trouble> {
    let address = listener.local_addr().map_err(Trouble::cannot)?;
    cast.enter(&app).await?;
    let local = TcpListener::bind("127.0.0.1:0").map_err(Trouble::cannot)?;
    let options = emulator::Options {
        secret: Some(cast.platform_secret.clone()),
        memory: Some(args.data.join("emulator.json")),
        ..emulator::Options::default()
    };
    let platform = Emulator::start(local, options).map_err(Trouble::cannot)?;
    let connection = connect(&app, &platform).await?;

    certify(&app).await?;

    let cards = Cards(cast.members.iter().map(|m| Card::new(&m.username, &m.name, &m.roles, &m.password, &m.secret)).collect());
    let server = actix_web::rt::spawn(serve::serve_demo(app.clone(), listener, cards, platform.access().base_url.clone()));
    let base = format!("http://127.0.0.1:{}", address.port());
    let tr = Tr::new(Lang::of_terminal(|name| std::env::var(name).ok()));
    let told = story::tell(&app, cast, &base, &connection, &tr, |line| {
        if !args.json {
            say!("{line}");
        }
    })
    .await?;
    let report = report(&app, &platform, &told).await?;
    // After a kill between the platform's act and its answer nobody can know better than `unknown`: then an end that verifies will do.
    let good = report["verified"] == true && (report["state"] == "recall_accepted" || told.resumed);
    if args.json {
        say!("{report}");
    } else {
        let state = tr.word("recall-state", report["state"].as_str().unwrap_or_default());
        let bundle = report["bundle"].as_str().unwrap_or_default();
        say!("{}", tr.a("demo-told-end", &[("number", told.number.as_str()), ("state", &state), ("bundle", bundle)]));
    }
    if args.once {
        server.abort();
        return if good { Ok(()) } else { Err(Trouble::No("the case did not end as it should".to_owned())) };
    }
    say!("\n{}", tr.a1("demo-told-accounts", "address", format!("{}/demo", app.config.public_url)));
    say!("{}", tr.a1("demo-told-inbox", "address", format!("{}/_emulator/inbox", platform.access().base_url)));
    server.await.map_err(Trouble::cannot)?
}

/// A certificate for each signature on the bundles, by a throwaway authority: whoever judges them sees DEMO in every name.
async fn certify(app: &App) -> Result<(), Trouble> {
    let suites = Suite::ALL.iter().filter(|suite| signing::wanted(app, **suite));
    for suite in suites {
        if signing::standing(app, *suite).await?.uncertified.is_some() {
            let key = FileKey::fresh_of(*suite).map_err(Trouble::cannot)?;
            let by = if *suite == Suite::Sm2 { signer::chain_sm2 } else { signer::chain };
            let chain = by(key.public_key().clone(), app.now()).map_err(Trouble::cannot)?;
            signing::import(app, &Caller::shell(), *suite, &chain, Some(key.to_pem())).await?;
        }
    }
    Ok(())
}

/// The connection to the emulator, whose port is another at each start. Answers its id.
async fn connect(app: &App, platform: &Emulator) -> Result<String, Trouble> {
    let access = platform.access();
    let shell = Caller::shell();
    let known = connections::list(app, &shell).await?.into_iter().find(|c| c.name == CONNECTION);
    if let Some(known) = known {
        let change = connections::Change {
            name: known.name,
            base_url: access.base_url.clone(),
            corp_id: access.corp_id.clone(),
            agent_id: access.agent_id.to_string(),
            secret: access.secret.clone(),
            agreement: known.agreement,
            active: true,
            version: known.version,
        };
        connections::change(app, &shell, &known.id, change).await?;
        return Ok(known.id);
    }
    let new = connections::NewConnection {
        name: CONNECTION.to_owned(),
        platform: "wecom".to_owned(),
        base_url: access.base_url.clone(),
        corp_id: access.corp_id.clone(),
        agent_id: access.agent_id.to_string(),
        secret: access.secret.clone(),
        agreement: "演示环境，无服务协议".to_owned(),
    };
    Ok(connections::create(app, &shell, new).await?.value)
}

/// What happened (formats.md, "JSON outputs").
async fn report(app: &App, platform: &Emulator, told: &story::Told) -> Result<Value, Trouble> {
    let shell = Caller::shell();
    let (loaded, bundles) = evidence::of_case(app, &shell, &told.case).await?;
    let bundle = bundles.first().ok_or_else(|| Trouble::Cannot("the case has no bundle".to_owned()))?;
    let path = app.config.data.join(&bundle.row.path);
    let path = std::fs::canonicalize(&path).map_err(|e| Trouble::Cannot(format!("{}: {e}", path.display())))?;
    let bytes = std::fs::read(&path).map_err(Trouble::cannot)?;
    app.store.checkpoint().await.map_err(Trouble::cannot)?;
    let vkey = app.store.vkey().map_err(Trouble::cannot)?;
    let sealed = verify(&bytes, &[Pin::Log(vkey.clone()), Pin::Authorities(timestamps::roots(&app.config))], &Limits::default());
    let store = app.store.clone();
    let log = tokio::task::spawn_blocking(move || store.verify(&Against::default())).await.map_err(Trouble::cannot)?.map_err(Trouble::cannot)?;
    let tally: Value = loaded.row.tally.as_deref().and_then(|t| serde_json::from_str(t).ok()).unwrap_or(Value::Null);
    Ok(json!({
        "case": loaded.row.number,
        "state": loaded.row.state,
        "recipients": tally,
        "events": log.size,
        "log": { "origin": app.store.origin(), "size": log.size, "root": log.root, "vkey": vkey.to_string() },
        "bundle": path,
        "verified": log.ok && sealed.result == Answer::Pass,
        "emulator_calls": { "send": platform.count("message/send"), "recall": platform.count("message/recall") },
    }))
}
