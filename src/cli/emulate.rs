//! `countermand emulate PLATFORM`: a local platform that speaks the documented API, or a local timestamp authority, for trials and tests.

use std::{io, io::Write, net::TcpListener, path::PathBuf, process::ExitCode, time::Duration};

use crate::connect::emulator::{
    self, Access, Options,
    tsa::{self, Access as TsaAccess},
};

/// What can be emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Emulated {
    Wecom,
    /// A timestamp authority (RFC 3161) with a throwaway root
    Tsa,
}

/// Arguments of `emulate`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What is to be emulated
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
    pub memory: Option<PathBuf>,
    /// File to write the authority's root to, for `timestamp.authorities` (tsa)
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,
    /// Days that the authority's certificate lasts (tsa)
    #[arg(long, default_value_t = 366, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
}

/// Serves until stopped. 0: stopped as told; 2: the address or a file cannot be used.
pub fn run(args: &Args) -> ExitCode {
    let failed = |what: &str, error: io::Error| {
        eprintln!("countermand emulate: {what}: {error}");
        ExitCode::from(2)
    };
    let listener = match TcpListener::bind(&args.listen) {
        Ok(listener) => listener,
        Err(error) => return failed(&args.listen, error),
    };
    let served = actix_web::rt::System::new().block_on(async {
        match args.platform {
            Emulated::Wecom => {
                let options = Options { extra_users: args.extra_users, memory: args.memory.clone(), ..Options::default() };
                emulator::serve(listener, options, |access| tell(access, args.json)).await
            }
            Emulated::Tsa => tsa::serve(listener, Duration::from_secs(86_400) * args.days, |access| tell_tsa(access, args)).await,
        }
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&args.listen, error),
    }
}

/// Says where the emulator is; a reader of the line may be waiting, so it is flushed.
fn tell(access: &Access, json: bool) {
    print(&if json {
        // Strings and numbers only.
        serde_json::to_string(access).unwrap_or_default()
    } else {
        format!(
            "WeCom emulator on {0}\n  inbox    {0}/_emulator/inbox\n  corp id  {1}\n  secret   {2}\n  agent id {3}",
            access.base_url, access.corp_id, access.secret, access.agent_id
        )
    });
}

fn tell_tsa(access: &TsaAccess, args: &Args) -> io::Result<()> {
    if let Some(path) = &args.root {
        std::fs::write(path, &access.root).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    }
    print(&if args.json {
        serde_json::to_string(access).unwrap_or_default()
    } else {
        format!("Timestamp authority (DEMO, proves nothing) on {0}\n  root     {0}/_emulator/root.pem\n{1}", access.base_url, access.root.trim_end())
    });
    Ok(())
}

fn print(text: &str) {
    let mut out = io::stdout().lock();
    // A closed standard output is no reason not to serve.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
