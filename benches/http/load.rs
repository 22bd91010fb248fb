//! A client that keeps 64 connections busy with requests made beforehand. It reads answers only as far as their end, so that little of
//! the machine goes into it; server and load share its cores.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::Pace;

pub const CONNECTIONS: usize = 64;

/// What a load came to.
pub struct Load {
    pub pace: Pace,
    pub p50: Duration,
    pub p99: Duration,
}

/// Sends all requests of a wave, each connection one at a time, then those of the next; every answer must have the status `expected`.
pub fn send(address: SocketAddr, waves: Vec<Vec<Vec<u8>>>, expected: u16) -> Load {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let n = waves.iter().map(Vec::len).sum();
    let (start, mut times) = (Instant::now(), Vec::with_capacity(n));
    for wave in waves {
        times.extend(runtime.block_on(send_wave(address, wave, expected)));
    }
    let pace = Pace::since(n, start);
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    Load { pace, p50: at(50), p99: at(99) }
}

async fn send_wave(address: SocketAddr, requests: Vec<Vec<u8>>, expected: u16) -> Vec<Duration> {
    let connections = CONNECTIONS.min(requests.len());
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (requests, next) = (requests.clone(), next.clone());
        tasks.spawn(async move {
            let (mut times, mut connection) = (Vec::new(), None);
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::SeqCst)) {
                let begun = Instant::now();
                let (status, text) = exchange(&mut connection, address, request).await;
                assert_eq!(status, expected, "{}\n{}", String::from_utf8_lossy(request), String::from_utf8_lossy(&text[..text.len().min(2000)]));
                times.push(begun.elapsed());
            }
            times
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// One request on a connection that is kept where the server keeps it.
async fn exchange(connection: &mut Option<TcpStream>, address: SocketAddr, request: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = match connection.take() {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            stream
        }
    };
    stream.write_all(request).await.unwrap();
    let mut text = Vec::with_capacity(16 * 1024);
    loop {
        let read = stream.read_buf(&mut text).await.unwrap();
        let end = text.windows(4).position(|w| w == b"\r\n\r\n");
        let Some(end) = end else {
            assert!(read > 0, "the connection was closed before an answer: {}", String::from_utf8_lossy(&text));
            continue;
        };
        let head = String::from_utf8_lossy(&text[..end]).to_ascii_lowercase();
        let field = |name: &str| head.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
        let length: Option<usize> = field("content-length:").and_then(|v| v.parse().ok());
        let whole = match (length, field("transfer-encoding:")) {
            (Some(length), _) => text.len() >= end + 4 + length,
            (None, Some(_)) => text.ends_with(b"0\r\n\r\n"),
            (None, None) => read == 0,
        };
        if whole {
            let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
            if field("connection:") != Some("close") && read > 0 {
                *connection = Some(stream);
            }
            return (status, text);
        }
        assert!(read > 0, "the connection was closed within an answer");
    }
}

/// The bytes of a GET.
pub fn get(path: &str, cookie: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nAccept: text/html\r\nAccept-Language: zh-CN\r\nUser-Agent: {AGENT}\r\n\r\n"
    )
    .into_bytes()
}

/// The bytes of a form's POST.
pub fn post(path: &str, cookie: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nCookie: {cookie}\r\nAccept: text/html\r\nAccept-Language: zh-CN\r\n\
         User-Agent: {AGENT}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36";
