//! The peer: Django, gunicorn and django-auditlog from PyPI, in the virtual environment that `BENCH_PEER` names (`benches/run` makes it).

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use countermand::{clock::Instant, crypto::totp};
use serde_json::Value;

use crate::{
    load::{get, post},
    server::{Server, free_address},
};

/// Where its programs are; `None`: the peer is not measured.
pub fn programs() -> Option<PathBuf> {
    std::env::var_os("BENCH_PEER").map(|venv| PathBuf::from(venv).join("bin"))
}

pub struct Peer {
    programs: PathBuf,
    data: PathBuf,
    database: Option<String>,
    seed: Value,
}

/// The two set-ups of which the better counts: workers that serve one request at a time, and workers with threads.
pub const SETUPS: [(&str, &[&str]); 2] =
    [("sync", &["-w", "5"]), ("gthread", &["-w", "2", "-k", "gthread", "--threads", "16", "--keep-alive", "30"])];

impl Peer {
    pub fn make(programs: PathBuf, data: &Path, database: Option<String>, readers: usize, deciders: usize, cases: usize) -> Self {
        std::fs::create_dir_all(data).unwrap();
        let mut peer = Self { programs, data: data.to_owned(), database, seed: Value::Null };
        let mut command = peer.command("python");
        command.arg("seed.py").args([readers, deciders, cases].map(|n| n.to_string()));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        peer.seed = serde_json::from_slice(&output.stdout).unwrap();
        peer
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/http/django"));
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("PEER_DATA", &self.data).env_remove("PEER_DATABASE_URL");
        if let Some(url) = &self.database {
            command.env("PEER_DATABASE_URL", url);
        }
        command
    }

    pub fn serve(&self, setup: &[&str]) -> Server {
        let address = free_address();
        let mut command = self.command("gunicorn");
        command.args(["-b", &address.to_string(), "--log-level", "error"]).args(setup).arg("peer.wsgi");
        let log = std::fs::File::create(self.data.join("gunicorn.log")).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        Server::start(command, address)
    }

    fn person(&self, kind: &str, i: usize) -> (String, Vec<u8>) {
        let all = self.seed[kind].as_array().unwrap();
        let person = &all[i % all.len()];
        let secret = totp::from_base32(person["secret"].as_str().unwrap()).unwrap();
        (format!("sessionid={}; csrftoken={CSRF}", person["session"].as_str().unwrap()), secret)
    }

    fn case(&self, i: usize) -> &Value {
        let all = self.seed["cases"].as_array().unwrap();
        &all[i % all.len()]
    }

    pub fn readings(&self, n: usize) -> Vec<Vec<Vec<u8>>> {
        vec![(0..n).map(|i| get(&format!("/recalls/{}", self.case(i)), &self.person("readers", i).0)).collect()]
    }

    /// As ours: cases `from..from + n`, three codes of each of the `n / 3` deciders.
    pub fn decisions(&self, from: usize, n: usize, now: Instant) -> Vec<Vec<Vec<u8>>> {
        let deciders = n.div_ceil(3);
        let posting = |i: usize| {
            let (cookie, secret) = self.person("deciders", from / 3 + i % deciders);
            let step = std::time::Duration::from_secs(totp::STEP.unsigned_abs());
            let at = [now.minus(step), now, now.plus(step)][i / deciders];
            let code = totp::code(&secret, at);
            let fields =
                [("csrfmiddlewaretoken", CSRF), ("version", "1"), ("decision", "approve"), ("comment", "情况属实，依制度处理"), ("totp", &code)];
            post(&format!("/recalls/{}/decisions", self.case(from + i)), &cookie, &fields)
        };
        (0..3).map(|round| (round * deciders..n.min((round + 1) * deciders)).map(posting).collect()).collect()
    }
}

const CSRF: &str = "0123456789abcdef0123456789abcdef";
