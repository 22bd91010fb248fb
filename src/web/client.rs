//! Where a request came from: the socket's peer, and the client's address by the trusted-proxy rule.

use std::net::{IpAddr, SocketAddr};

use actix_web::{HttpRequest, http::header};
use ipnet::IpNet;

use crate::app::Client;

/// The longest `X-Forwarded-For` and `User-Agent` that are kept.
const KEPT: usize = 1024;

/// The client of a request. Only a peer in `trusted` may name another address than its own.
pub fn of(req: &HttpRequest, trusted: &[IpNet]) -> Client {
    let forwarded: Vec<&str> = req.headers().get_all("x-forwarded-for").map(|v| v.to_str().unwrap_or("?")).collect();
    let user_agent = req.headers().get(header::USER_AGENT).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned()).unwrap_or_default();
    judge(req.peer_addr(), &forwarded.join(", "), &clean(&user_agent), trusted)
}

/// The rule: without a trusted peer its own address; with one, the rightmost address of the chain that is not a trusted proxy. A hop that
/// is no address ends the walk, because whoever wrote it could have written anything to the left of it.
pub fn judge(peer: Option<SocketAddr>, forwarded_for: &str, user_agent: &str, trusted: &[IpNet]) -> Client {
    let Some(peer) = peer else { return Client { user_agent: user_agent.to_owned(), proxy_rule: "peer", ..Client::default() } };
    let ours = |ip: IpAddr| trusted.iter().any(|net| net.contains(&ip));
    let own = peer.ip().to_canonical();
    let mut client = own;
    if ours(own) {
        for hop in forwarded_for.rsplit(',').map(str::trim).filter(|h| !h.is_empty()) {
            let Some(ip) = address(hop) else { break };
            client = ip;
            if !ours(ip) {
                break;
            }
        }
    }
    Client {
        peer_ip: own.to_string(),
        peer_port: peer.port(),
        forwarded_for: clean(forwarded_for),
        proxy_rule: if ours(own) { "rightmost-untrusted" } else { "peer" },
        client_ip: client.to_string(),
        user_agent: user_agent.to_owned(),
        tls: String::new(),
    }
}

/// One hop: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:443`.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|a| a.ip())).map(|ip: IpAddr| ip.to_canonical())
}

/// Without control characters, at most 1,024 characters.
pub fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(peer: &str, forwarded: &str, trusted: &[&str]) -> (String, &'static str) {
        let nets: Vec<IpNet> = trusted.iter().map(|n| n.parse().unwrap()).collect();
        let client = judge(Some(peer.parse().unwrap()), forwarded, "", &nets);
        (client.client_ip, client.proxy_rule)
    }

    #[test]
    fn a_stranger_cannot_name_another_address() {
        assert_eq!(ip("203.0.113.9:4711", "10.0.0.1", &[]), ("203.0.113.9".to_owned(), "peer"));
        assert_eq!(ip("203.0.113.9:4711", "10.0.0.1", &["10.0.0.0/8"]), ("203.0.113.9".to_owned(), "peer"));
    }

    #[test]
    fn behind_proxies_the_rightmost_untrusted_hop_counts() {
        let nets = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(ip("10.0.0.2:80", "1.1.1.1, 203.0.113.9, 10.0.0.3", &nets).0, "203.0.113.9", "what the client wrote itself stands left of it");
        assert_eq!(ip("10.0.0.2:80", "203.0.113.9:5000", &nets), ("203.0.113.9".to_owned(), "rightmost-untrusted"));
        assert_eq!(ip("[fd00::1]:80", "[2001:db8::7]:443", &nets).0, "2001:db8::7");
        assert_eq!(ip("10.0.0.2:80", "", &nets).0, "10.0.0.2", "no chain: the proxy itself");
        assert_eq!(ip("10.0.0.2:80", "1.1.1.1, <script>, 10.0.0.3", &nets).0, "10.0.0.3", "rubbish ends the walk");
        assert_eq!(ip("[::ffff:10.0.0.2]:80", "203.0.113.9", &nets).0, "203.0.113.9", "mapped addresses are what they map");
    }

    #[test]
    fn a_chain_of_trusted_hops_ends_at_the_leftmost() {
        assert_eq!(ip("10.0.0.2:80", "10.0.0.5, 10.0.0.4", &["10.0.0.0/8"]).0, "10.0.0.5");
    }

    #[test]
    fn headers_lose_control_characters_and_length() {
        let client = judge(Some("203.0.113.9:1".parse().unwrap()), &"x\u{7}".repeat(4000), "", &[]);
        assert_eq!(client.forwarded_for, "x".repeat(1024));
    }
}
