//! Syslog: RFC 5424 messages over TLS (RFC 5425) with octet counting (RFC 6587 §3.4.1), or over plain TCP to this machine.
//!
//! The protocol has no acknowledgement. A batch counts as taken when the other machine has confirmed every byte of it (TCP), which still is
//! not its program. What was written last is therefore kept until the next batch has gone: when the connection turns out to be broken, it is
//! sent again first. A receiver may see it twice, and takes each event once by its id.

use std::{
    fmt::Write as _,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant as Moment},
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use url::Url;

use super::{Line, SinkError, Surroundings, inside, loopback, queue, tls};
use crate::{connect::guard, domain::stream::Settings};

/// Log audit (RFC 5424 §6.2.1, table 1).
const FACILITY: u8 = 13;
/// A receiver that takes longer is late.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a written connection is watched for a reset before the batch counts as taken.
const WATCH: Duration = Duration::from_millis(300);
/// How often is looked whether everything was confirmed.
const LOOK: Duration = Duration::from_millis(20);

/// Where a receiver is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    port: u16,
    tls: bool,
    /// May lie inside the house.
    private: bool,
    /// Is this machine itself, in plain text.
    here: bool,
}

impl Address {
    /// Reads `tls://host[:6514]` or `tcp://host:port`. Plain text is for the ports of this machine that the operator named (`local`), or
    /// where private destinations are allowed.
    ///
    /// # Errors
    /// The kind of the form's error.
    pub(super) fn read(text: &str, allow_private: bool, local: &[u16]) -> Result<Self, &'static str> {
        let url = Url::parse(text.trim()).map_err(|_| "address")?;
        let tls = match url.scheme() {
            "tls" => true,
            "tcp" => false,
            _ => return Err("syslog-scheme"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("userinfo");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("path");
        }
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or("address")?.to_owned();
        let port = url.port().or(tls.then_some(6514)).ok_or("port")?;
        let here = !tls && loopback(&host);
        if !tls && !here && !allow_private {
            return Err("clear");
        }
        // Other services of this machine listen there too, and trust whoever reaches them.
        if here && !allow_private && !local.contains(&port) {
            return Err("local");
        }
        let private = allow_private || here;
        if !private && inside(&host) {
            return Err("private");
        }
        Ok(Self { host: host.trim_start_matches('[').trim_end_matches(']').to_owned(), port, tls, private, here })
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A connection, and its ends here and there.
struct Wire {
    stream: Box<dyn Stream>,
    ends: (SocketAddr, SocketAddr),
}

/// The way to one receiver.
pub struct Syslog {
    address: Address,
    tls: Arc<rustls::ClientConfig>,
    host: String,
    wire: Option<Wire>,
    /// Frames that were written last and may be lost with the connection.
    last: Vec<u8>,
}

impl Syslog {
    pub(super) fn new(settings: &Settings, around: &Surroundings) -> Result<Self, SinkError> {
        let address =
            Address::read(&settings.destination, around.allow_private, &around.local).map_err(|kind| SinkError::Address(kind.to_owned()))?;
        let tls = tls::client(&settings.ca, &settings.certificate, &around.client_key).map_err(SinkError::Tls)?;
        Ok(Self { address, tls: Arc::new(tls), host: hostname(&around.host), wire: None, last: Vec::new() })
    }

    /// Takes over what the way to the same receiver before this one wrote last.
    pub(super) fn succeed(&mut self, before: Self) {
        if before.address == self.address {
            self.last = before.last;
        }
    }

    pub(super) async fn deliver(&mut self, lines: &[Line]) -> Result<(), SinkError> {
        let mut frames = Vec::new();
        for line in lines {
            let message = message(line, &self.host);
            frames.extend_from_slice(format!("{} {message}", message.len()).as_bytes());
        }
        if let Some(wire) = &mut self.wire
            && !up(wire, Duration::ZERO).await
        {
            self.wire = None;
        }
        let sent = timeout(PATIENCE, self.send(&frames)).await.unwrap_or(Err(SinkError::Late));
        match sent {
            Ok(()) => self.last = frames,
            Err(_) => self.wire = None,
        }
        sent
    }

    async fn send(&mut self, frames: &[u8]) -> Result<(), SinkError> {
        let broken = |e: io::Error| SinkError::Unreachable(e.to_string());
        let wire = match &mut self.wire {
            Some(wire) => wire,
            None => {
                let mut wire = connect(&self.address, self.tls.clone()).await?;
                wire.stream.write_all(&self.last).await.map_err(broken)?;
                self.wire.insert(wire)
            }
        };
        wire.stream.write_all(frames).await.map_err(broken)?;
        wire.stream.flush().await.map_err(broken)?;
        // A flush hands over to the kernel alone: a receiver that vanished without a word would take megabytes.
        let ((here, there), begun) = (wire.ends, Moment::now());
        loop {
            if !up(wire, LOOK).await {
                return Err(SinkError::Unreachable("the receiver closed the connection".to_owned()));
            }
            let left = tokio::task::spawn_blocking(move || queue::unconfirmed(here, there)).await.map_err(io::Error::other);
            if left.and_then(|left| left).map_err(broken)? == 0 && begun.elapsed() >= WATCH {
                return Ok(());
            }
        }
    }
}

/// Whether a connection is not seen to break within `watch`. What a receiver says is of no account: the protocol has no answers.
async fn up(wire: &mut Wire, watch: Duration) -> bool {
    let mut said = [0; 1024];
    let listening = async {
        loop {
            match wire.stream.read(&mut said).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    timeout(watch, listening).await.is_err()
}

async fn connect(address: &Address, tls: Arc<rustls::ClientConfig>) -> Result<Wire, SinkError> {
    let unreachable = |e: io::Error| SinkError::Unreachable(e.to_string());
    let found = guard::resolve(&address.host, address.port, address.private).await.map_err(unreachable)?;
    if address.here && !found.iter().all(|a| a.ip().is_loopback()) {
        return Err(SinkError::Address("the name of this machine leads to another".to_owned()));
    }
    let stream = TcpStream::connect(found.as_slice()).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    let ends = (stream.local_addr().map_err(unreachable)?, stream.peer_addr().map_err(unreachable)?);
    if !address.tls {
        return Ok(Wire { stream: Box::new(stream), ends });
    }
    let name = ServerName::try_from(address.host.clone()).map_err(|e| SinkError::Tls(e.to_string()))?;
    let stream = TlsConnector::from(tls).connect(name, stream).await.map_err(|e| SinkError::Tls(e.to_string()))?;
    Ok(Wire { stream: Box::new(stream), ends })
}

/// One RFC 5424 message. There is no structured data of our own, because that needs a number from IANA; the event is JSON in `MSG`.
fn message(line: &Line, host: &str) -> String {
    let severity = match line.outcome.as_str() {
        "success" => 6,
        "refused" => 4,
        _ => 3,
    };
    let mut text = String::with_capacity(line.json.len() + 160);
    let _ = write!(
        text,
        "<{}>1 {} {host} countermand - {} [origin software=\"Countermand\" swVersion=\"{}\"] \u{feff}{}",
        FACILITY * 8 + severity,
        line.at.to_rfc3339(),
        word(&line.action, 32),
        env!("CARGO_PKG_VERSION"),
        line.json
    );
    text
}

/// Printable ASCII of at most `max` characters, or `-`.
fn word(text: &str, max: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(max).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

fn hostname(host: &str) -> String {
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(ip) => ip.to_string(),
        Err(_) => word(host, 255),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Instant, domain::event::Action};

    #[test]
    fn a_message_is_as_rfc_5424_says() {
        let line = Line {
            id: "e".to_owned(),
            at: Instant::parse("2026-11-22T09:42:08.123456Z").unwrap(),
            action: "recall.decided".to_owned(),
            outcome: "refused".to_owned(),
            json: r#"{"a":"撤回"}"#.to_owned(),
        };
        assert_eq!(
            message(&line, "recall.example.com"),
            format!(
                "<108>1 2026-11-22T09:42:08.123456Z recall.example.com countermand - recall.decided \
                 [origin software=\"Countermand\" swVersion=\"{}\"] \u{feff}{{\"a\":\"撤回\"}}",
                env!("CARGO_PKG_VERSION")
            )
        );
        assert!(Action::ALL.iter().all(|a| a.as_str().len() <= 32), "MSGID has 32 characters at most");
        assert_eq!((hostname("[::1]").as_str(), hostname("主机").as_str()), ("::1", "-"));
    }

    fn line(bytes: usize) -> Line {
        Line { id: "e".to_owned(), at: Instant(0), action: "a.b".to_owned(), outcome: "success".to_owned(), json: "x".repeat(bytes) }
    }

    fn sink(there: &std::net::TcpListener) -> Syslog {
        let settings = Settings {
            destination: format!("tcp://{}", there.local_addr().unwrap()),
            format: crate::domain::stream::Format::Native,
            filter: Default::default(),
            leave_out: Default::default(),
            ca: String::new(),
            certificate: String::new(),
        };
        let around = Surroundings {
            allow_private: true,
            local: Vec::new(),
            folder: Default::default(),
            host: "h".to_owned(),
            secrets: Vec::new(),
            client_key: String::new(),
        };
        Syslog::new(&settings, &around).unwrap()
    }

    /// The kernel takes megabytes for a receiver that takes nothing: that is not delivered.
    #[tokio::test]
    async fn what_lies_in_the_kernel_is_not_delivered() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ours = sink(&listener);
        ours.deliver(&[line(100)]).await.unwrap();
        let _held = listener.accept().unwrap();
        let mut sent = Ok(());
        for _ in 0..40 {
            sent = timeout(Duration::from_secs(3), ours.deliver(&[line(1 << 20)])).await.unwrap_or(Err(SinkError::Late));
            if sent.is_err() {
                break;
            }
        }
        assert_eq!(sent, Err(SinkError::Late));
    }

    #[tokio::test]
    async fn what_was_written_last_comes_again_on_a_new_connection_also_of_a_new_sink() {
        use std::io::Read;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut before = sink(&listener);
        before.deliver(&[line(7)]).await.unwrap();
        drop(listener.accept().unwrap());
        let mut ours = sink(&listener);
        ours.succeed(before);
        ours.deliver(&[line(9)]).await.unwrap();
        let (mut theirs, _) = listener.accept().unwrap();
        drop(ours);
        let mut read = String::new();
        theirs.read_to_string(&mut read).unwrap();
        assert!(read.contains("\u{feff}xxxxxxx1") && read.ends_with("\u{feff}xxxxxxxxx"), "{read}");
    }

    #[test]
    fn plain_text_is_for_this_machine_only() {
        let address = |text: &str| Address::read(text, false, &[514]);
        assert_eq!(address("tls://siem.example.com").unwrap().port, 6514);
        assert!(address("tcp://127.0.0.1:514").is_ok() && address("tcp://[::1]:514").is_ok() && address("tcp://localhost:514").is_ok());
        assert!(Address::read("tcp://10.0.0.5:514", true, &[]).is_ok());
        for (text, kind) in [
            ("tcp://siem.example.com:514", "clear"),
            ("tcp://127.0.0.1:6379", "local"),
            ("tls://127.0.0.1", "private"),
            ("tls://10.1.2.3", "private"),
            ("tls://localhost", "private"),
            ("tcp://127.0.0.1", "port"),
            ("udp://siem.example.com:514", "syslog-scheme"),
            ("tls://me@siem.example.com", "userinfo"),
            ("tls://siem.example.com/x", "path"),
            ("tls://", "address"),
            ("siem.example.com:514", "syslog-scheme"),
        ] {
            assert_eq!(address(text).unwrap_err(), kind, "{text}");
        }
    }
}
