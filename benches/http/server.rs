//! A server under measurement: a process of its own, ended when the measurement is.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command},
    time::Duration,
};

pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

/// A port that nobody listens on.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Server {
    /// Starts `command` and waits until it answers on `address`.
    pub fn start(mut command: Command, address: SocketAddr) -> Self {
        let child = command.spawn().unwrap();
        let mut server = Self { child, address };
        for _ in 0..600 {
            if server.is_well() {
                return server;
            }
            assert!(server.child.try_wait().unwrap().is_none(), "the server has ended: {command:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the server does not answer: {command:?}");
    }

    fn is_well(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(self.address) else { return false };
        let mut answer = [0; 12];
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").is_ok()
            && stream.read_exact(&mut answer).is_ok()
            && answer.ends_with(b"200")
    }

    /// Resident memory in MB.
    pub fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM, so that gunicorn takes its workers along.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}
