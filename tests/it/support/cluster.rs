//! A PostgreSQL of a test's own, for what must not happen to the one that all share: it is stopped and started again.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

/// A running server; stopped with the value.
pub struct Cluster {
    bin: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Cluster {
    /// `None` where this machine has no PostgreSQL, or where `TEST_DATABASE_URL` asks for none.
    pub fn start() -> Option<Self> {
        std::env::var_os("TEST_DATABASE_URL")?;
        let bin = newest(Path::new("/usr/lib/postgresql"))?.join("bin");
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if crate::support::small_disk::is_root() {
            assert!(Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap().success());
        }
        let cluster = Self { bin, folder, port };
        cluster.run("initdb", &["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C"]);
        cluster.up();
        Some(cluster)
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, after [`Cluster::kill`].
    pub fn up(&self) {
        let options =
            format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off", self.port, self.folder.path().display());
        let log = self.folder.path().join("log");
        self.run("pg_ctl", &["-w", "-l", log.to_str().unwrap(), "-o", &options, "start"]);
    }

    /// Ends it without a word to anybody, as a crash does.
    pub fn kill(&self) {
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.bin.join(program);
        let mut command = match crate::support::small_disk::is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(program);
                command
            }
            false => Command::new(program),
        };
        // The server keeps what it inherits open: it gets nothing to write to.
        let out = std::fs::File::create(std::env::temp_dir().join(format!("countermand-cluster-{}", self.port))).unwrap();
        command.arg("-D").arg(self.folder.path().join("data")).args(arguments).current_dir("/");
        command.stdout(out.try_clone().unwrap()).stderr(out);
        assert!(command.status().unwrap().success(), "{command:?}");
    }
}

fn newest(root: &Path) -> Option<PathBuf> {
    std::fs::read_dir(root).ok()?.map(|e| e.unwrap().path()).filter(|p| p.join("bin/initdb").exists()).max()
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_file(std::env::temp_dir().join(format!("countermand-cluster-{}", self.port)));
    }
}
