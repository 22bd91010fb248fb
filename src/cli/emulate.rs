//! `countermand emulate PLATFORM`: a local platform that speaks the documented API, for trials and tests.

use std::{io::Write, net::TcpListener, process::ExitCode};

use crate::connect::emulator::{self, Access, Options};

/// Platforms that can be emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Emulated {
    Wecom,
}

/// Arguments of `emulate`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The platform to be emulated
    #[arg(value_enum)]
    pub platform: Emulated,
    /// Address to listen on; port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub listen: String,
    /// Print one line of JSON with the address and the credentials
    #[arg(long)]
    pub json: bool,
    /// Members beyond the 25 of the example company
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub extra_users: usize,
    /// File that remembers messages and calls over a restart
    #[arg(long, value_name = "FILE")]
    pub memory: Option<std::path::PathBuf>,
}

/// Serves until stopped. 0: stopped as told; 2: the address or the file cannot be used.
pub fn run(args: &Args) -> ExitCode {
    let Emulated::Wecom = args.platform;
    let options = Options { extra_users: args.extra_users, memory: args.memory.clone(), ..Options::default() };
    let served = TcpListener::bind(&args.listen)
        .and_then(|listener| actix_web::rt::System::new().block_on(emulator::serve(listener, options, |access| tell(access, args.json))));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("countermand emulate: {}: {error}", args.listen);
            ExitCode::from(2)
        }
    }
}

/// Says where the emulator is; a reader of the line may be waiting, so it is flushed.
fn tell(access: &Access, json: bool) {
    let mut out = std::io::stdout().lock();
    let text = if json {
        // Strings and numbers only.
        serde_json::to_string(access).unwrap_or_default()
    } else {
        format!(
            "WeCom emulator on {0}\n  inbox    {0}/_emulator/inbox\n  corp id  {1}\n  secret   {2}\n  agent id {3}",
            access.base_url, access.corp_id, access.secret, access.agent_id
        )
    };
    // A closed standard output is no reason not to serve.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
