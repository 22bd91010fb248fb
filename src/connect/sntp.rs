//! Asking a time server (SNTP, RFC 4330) what time it is: one packet there, one back. Unsigned, so it is a hint; what it says is held against
//! our clock and never sets it.

use std::time::Duration;

use tokio::net::UdpSocket;

use crate::{
    clock::{Clock, Instant},
    crypto,
};

/// The standard port.
const PORT: u16 = 123;
/// A server that takes longer has not answered.
const PATIENCE: Duration = Duration::from_secs(3);
/// Seconds from 1900, where NTP begins, to 1970.
const EPOCH: i64 = 2_208_988_800;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How far their clock is before ours, in microseconds (RFC 4330 §5).
    pub offset: i64,
    /// The way there and back.
    pub delay: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SntpError {
    #[error("no connection: {0}")]
    Unreachable(#[from] std::io::Error),
    #[error("no answer in time")]
    Late,
    #[error("the answer is none: {0}")]
    Malformed(&'static str),
}

/// Asks `server`, `host` or `host:port`.
///
/// # Errors
/// [`SntpError`].
pub async fn ask(server: &str, clock: &dyn Clock) -> Result<Answer, SntpError> {
    let address =
        if server.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) { server.to_owned() } else { format!("{server}:{PORT}") };
    let exchange = async {
        let target = tokio::net::lookup_host(&address).await?.next().ok_or_else(|| std::io::Error::other("no such host"))?;
        let own = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(own).await?;
        socket.connect(target).await?;
        // Version 4, client. What stands for our time is random: whoever answers without having been asked does not know it, and nobody learns
        // our clock.
        let mut question = [0u8; 48];
        question[0] = 0x23;
        let token: [u8; 8] = crypto::random();
        question[40..].copy_from_slice(&token);
        let sent = clock.now();
        socket.send(&question).await?;
        let mut answer = [0u8; 128];
        loop {
            let n = socket.recv(&mut answer).await?;
            let received = clock.now();
            // Somebody else's packet is passed over.
            if n >= 48 && answer[24..32] == token {
                return read(&answer, sent, received);
            }
        }
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| SntpError::Late)?
}

/// An answer to what was sent at `sent` and came back at `received`.
fn read(answer: &[u8], sent: Instant, received: Instant) -> Result<Answer, SntpError> {
    let (first, stratum) = (answer.first().copied().unwrap_or(0), answer.get(1).copied().unwrap_or(0));
    if first & 7 != 4 {
        return Err(SntpError::Malformed("it is not a server's"));
    }
    if first >> 6 == 3 || stratum == 0 || stratum > 15 {
        return Err(SntpError::Malformed("the server's clock is not set"));
    }
    let (came, went) = (timestamp(answer, 32)?, timestamp(answer, 40)?);
    let offset = ((came.0 - sent.0) + (went.0 - received.0)) / 2;
    let delay = (received.0 - sent.0) - (went.0 - came.0);
    Ok(Answer { offset, delay: Duration::from_micros(u64::try_from(delay).unwrap_or(0)) })
}

/// The 64-bit time at `from`. With its first bit off it lies after 2036 (RFC 4330 §3).
fn timestamp(packet: &[u8], from: usize) -> Result<Instant, SntpError> {
    let word = |at: usize| packet.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes).map(i64::from);
    let (seconds, fraction) = word(from).zip(word(from + 4)).ok_or(SntpError::Malformed("it is too short"))?;
    if seconds == 0 {
        return Err(SntpError::Malformed("it says no time"));
    }
    let era = if seconds & 0x8000_0000 == 0 { 1 << 32 } else { 0 };
    Ok(Instant((seconds + era - EPOCH) * 1_000_000 + ((fraction * 1_000_000) >> 32)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn packet(first: u8, stratum: u8, seconds: u32) -> [u8; 48] {
        let mut packet = [0u8; 48];
        (packet[0], packet[1]) = (first, stratum);
        for at in [32, 40] {
            packet[at..at + 4].copy_from_slice(&seconds.to_be_bytes());
            packet[at + 4..at + 8].copy_from_slice(&0x8000_0000u32.to_be_bytes());
        }
        packet
    }

    #[test]
    fn times_are_read_in_both_eras_and_answers_that_are_none_are_not() {
        // 2026-11-22T09:42:08Z, half a second on.
        let (sent, received) = (Instant(1_795_340_528_000_000), Instant(1_795_340_528_200_000));
        let answer = read(&packet(0x24, 2, 4_004_329_328), sent, received).unwrap();
        assert_eq!((answer.offset, answer.delay.as_millis()), (400_000, 200));
        let later = timestamp(&packet(0x24, 2, 100), 32).unwrap();
        assert_eq!(later.to_rfc3339(), "2036-02-07T06:29:56.500000Z");
        for (first, stratum, seconds) in
            [(0x23, 2, 4_004_329_328), (0xE4, 2, 4_004_329_328), (0x24, 0, 4_004_329_328), (0x24, 16, 4_004_329_328), (0x24, 2, 0)]
        {
            assert!(read(&packet(first, stratum, seconds), sent, received).is_err(), "{first:x} {stratum} {seconds}");
        }
    }

    #[tokio::test]
    async fn a_server_is_asked_and_a_strangers_answer_passed_over() {
        let clock = ManualClock::at(Instant(1_795_340_528_000_000));
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = server.local_addr().unwrap().to_string();
        let answering = tokio::spawn(async move {
            let mut question = [0u8; 48];
            let (n, from) = server.recv_from(&mut question).await.unwrap();
            assert_eq!((n, question[0]), (48, 0x23));
            server.send_to(&packet(0x24, 2, 1), from).await.unwrap();
            let mut answer = packet(0x24, 2, 4_004_329_338);
            answer[24..32].copy_from_slice(&question[40..]);
            server.send_to(&answer, from).await.unwrap();
        });
        assert_eq!(ask(&address, &*clock).await.unwrap().offset, 10_500_000);
        answering.await.unwrap();
        let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        assert!(matches!(ask(&nobody.local_addr().unwrap().to_string(), &*clock).await, Err(SntpError::Late)));
    }
}
