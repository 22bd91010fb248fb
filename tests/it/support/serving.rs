//! A server of this process on a free port. It ends when it is dropped, and gives back its connections to the database: hundreds of
//! tests share one PostgreSQL.

use std::{
    net::{SocketAddr, TcpListener},
    thread::{self, JoinHandle},
};

use countermand::web::{self, Listen, Shell};
use tokio::sync::oneshot;

/// Runs until it is dropped.
pub struct Serving {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A listener on a free port, and its address: for what must know the address before it is served.
pub fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

impl Serving {
    /// Serves on a free port, and says where: `http://` and the address.
    pub fn anywhere(shell: Shell, configure: impl Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static) -> (String, Self) {
        let (listener, address) = listener();
        (format!("http://{address}"), Self::start(listener, shell, configure))
    }

    /// Serves `configure` inside `shell` with one worker, in a thread of its own.
    pub fn start(listener: TcpListener, shell: Shell, configure: impl Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static) -> Self {
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let listen = Listen { listeners: vec![listener], tls: None, workers: Some(1) };
                tokio::select! {
                    ended = web::serve(listen, shell, configure) => ended.expect("a server that serves"),
                    _ = stopped => {}
                }
            });
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
