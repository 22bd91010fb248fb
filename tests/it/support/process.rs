//! The product as real processes: the binary that people run.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use countermand::store::Database;

/// A data folder and a database, for processes.
#[derive(Clone)]
pub struct Node {
    pub data: PathBuf,
    pub database: Database,
}

impl Node {
    /// A command that is not begun yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countermand"));
        command.args(arguments).arg("--data").arg(&self.data).env_remove("DATABASE_URL").env("RUST_LOG", "error");
        if let Database::Postgres(url) = &self.database {
            command.env("DATABASE_URL", url);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command that dies at this step (`crash`).
    pub fn crash_at(&self, step: &str, arguments: &[&str]) -> Output {
        self.command(arguments).env("COUNTERMAND_CRASH_AT", step).output().unwrap()
    }

    /// Runs a command that must do as told; gives its JSON.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let out = self.run(arguments);
        assert!(out.status.success(), "{arguments:?}: {} {}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// A server on a free port.
    pub fn serve(&self) -> Server {
        self.serve_with(|_| {})
    }

    /// The same with what `change` does to the command.
    pub fn serve_with(&self, change: impl FnOnce(&mut Command)) -> Server {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        change(&mut command);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let base = loop {
            let Some(Ok(line)) = lines.next() else { panic!("serve did not start: {said}") };
            if let Some(address) = line.split("(listening on ").nth(1).and_then(|rest| rest.split(')').next()) {
                break format!("http://{address}");
            }
            said.push_str(&line);
        };
        // Whatever else it says is read, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, base }
    }

    /// Jobs only.
    pub fn work(&self) -> Server {
        let child = self.command(&["work"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Server { child, base: String::new() }
    }

    /// The same installation's keys and checkpoint in another folder, for another node.
    pub fn beside(&self, data: &Path) -> Self {
        assert!(Command::new("cp").arg("-r").args([self.data.join("keys"), self.data.join("log")]).arg(data).status().unwrap().success());
        Self { data: data.to_owned(), database: self.database.clone() }
    }
}

/// A running process; killed with the value.
pub struct Server {
    child: Child,
    pub base: String,
}

impl Server {
    /// SIGTERM, as a service manager stops it, once it serves; waits until it has ended.
    pub fn stop(mut self) {
        if let Some(address) = self.base.strip_prefix("http://") {
            // The listener is there before the server; who answers hears signals too.
            let mut answer = [0u8; 4];
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
            stream.read_exact(&mut answer).unwrap();
        }
        let told = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(told.success() && self.child.wait().unwrap().success());
    }

    /// SIGKILL: it gets no chance to do anything more.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
