//! What of a TCP connection the other machine has not confirmed yet, as the kernel counts it (`proc(5)`, `/proc/net/tcp`, `tx_queue`). The
//! same number as `SIOCOUTQ` of `tcp(7)`, which cannot be asked without unsafe code.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
};

/// Bytes that were written and are not confirmed, of the connection between these ends. Blocks: the table is as long as this machine has
/// connections.
///
/// # Errors
/// Where the table cannot be read or the connection is no longer in it.
pub(super) fn unconfirmed(here: SocketAddr, there: SocketAddr) -> io::Result<u64> {
    let table = fs::read_to_string(if here.is_ipv4() { "/proc/self/net/tcp" } else { "/proc/self/net/tcp6" })?;
    let (here, there) = (written(here), written(there));
    let of_line = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let ours = words.next() == Some(&here) && words.next() == Some(&there);
        ours.then(|| words.nth(1)).flatten().and_then(|queues| queues.split_once(':')).and_then(|(out, _)| u64::from_str_radix(out, 16).ok())
    };
    table.lines().find_map(of_line).ok_or_else(|| io::Error::new(io::ErrorKind::NotConnected, "the connection is gone"))
}

/// An end as the table has it: each 32 bits of the address as this machine has a number, then the port.
fn written(end: SocketAddr) -> String {
    let octets = match end.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let numbers: String = octets.chunks_exact(4).map(|c| format!("{:08X}", u32::from_ne_bytes([c[0], c[1], c[2], c[3]]))).collect();
    format!("{numbers}:{:04X}", end.port())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn what_nobody_reads_is_counted_and_what_was_taken_is_not() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut theirs, _) = listener.accept().unwrap();
            let ends = (ours.local_addr().unwrap(), ours.peer_addr().unwrap());
            assert_eq!(unconfirmed(ends.0, ends.1).unwrap(), 0, "{address}");
            ours.set_nonblocking(true).unwrap();
            let mut sent = 0;
            while let Ok(n) = ours.write(&[0; 65536]) {
                sent += n;
            }
            assert!(unconfirmed(ends.0, ends.1).unwrap() > 0, "{address}");
            let mut taken = vec![0; sent];
            theirs.read_exact(&mut taken).unwrap();
            let empty = (0..100).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(20));
                unconfirmed(ends.0, ends.1).unwrap() == 0
            });
            assert!(empty, "{address}");
            assert!(unconfirmed(ends.1, "192.0.2.1:1".parse().unwrap()).is_err());
        }
    }
}
