//! Standard output: results for people and programs, and nothing else. Logs and trouble go to standard error.

use std::{
    fmt,
    io::{ErrorKind, Write, stdout},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

/// Something was printed.
static SAID: AtomicBool = AtomicBool::new(false);
/// Something could not be printed.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints one line (`say!`).
pub fn print(line: fmt::Arguments<'_>) {
    SAID.store(true, Ordering::Relaxed);
    let mut out = stdout().lock();
    let written = out.write_fmt(line).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            eprintln!("countermand: standard output: {e}");
            LOST.store(true, Ordering::Relaxed);
        }
        _ => {}
    }
}

/// With `--json`, a command that could not do its work says so as one object, unless it has printed its own.
pub fn trouble(message: &str) {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if json && !SAID.load(Ordering::Relaxed) {
        print(format_args!("{}", serde_json::json!({ "error": message })));
    }
}

/// A command's exit code: an answer that could not be printed was not given.
pub fn finished(code: ExitCode) -> ExitCode {
    if LOST.load(Ordering::Relaxed) { ExitCode::from(2) } else { code }
}
