//! The guard against requests into the house's own network (SSRF): which base addresses and which resolved addresses are refused.
//! Not here: the calls themselves (`http`).

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Why an address cannot be a platform's base address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBaseUrl {
    #[error("not an address: {0}")]
    Malformed(String),
    /// Neither http nor https.
    #[error("the scheme {0} is not spoken; https is")]
    Scheme(String),
    /// Plain http, where private destinations are not allowed: secrets would cross a public network in clear.
    #[error("plain http would show the secret to the network; use https")]
    Clear,
    /// A user name or a password in the address.
    #[error("an address carries no user name and no password")]
    Userinfo,
    /// A path, a query or a fragment behind the host and port.
    #[error("only scheme, host and port are given, without a path or query")]
    Path,
    /// A loopback, private, link-local or otherwise special address (config `allow_private_destinations`).
    #[error("{0} is an address inside the house's own network; allow_private_destinations is off")]
    Private(String),
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

/// Checks a base address: scheme, host and port, nothing else; a literal address is checked here, a name when it is resolved.
///
/// # Errors
/// The reason, as [`BadBaseUrl`].
pub fn check(base_url: &str, allow_private: bool) -> Result<Url, BadBaseUrl> {
    let url = parse(base_url)?;
    if url.scheme() == "http" && !allow_private {
        return Err(BadBaseUrl::Clear);
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(BadBaseUrl::Path);
    }
    outside(&url, allow_private)?;
    Ok(url)
}

/// Checks an address of a service that is sent nothing secret and whose answers are signed: plain http and a path are allowed, addresses
/// inside the house are not.
///
/// # Errors
/// The reason, as [`BadBaseUrl`].
pub fn outward(url: &str, allow_private: bool) -> Result<Url, BadBaseUrl> {
    let url = parse(url)?;
    outside(&url, allow_private)?;
    Ok(url)
}

fn parse(text: &str) -> Result<Url, BadBaseUrl> {
    let url = Url::parse(text.trim()).map_err(|e| BadBaseUrl::Malformed(e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadBaseUrl::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadBaseUrl::Userinfo);
    }
    Ok(url)
}

/// A literal address, or a name that needs no look-up, outside the house.
fn outside(url: &Url, allow_private: bool) -> Result<(), BadBaseUrl> {
    let inside = match url.host() {
        None => return Err(BadBaseUrl::Malformed("no host".to_owned())),
        Some(Host::Ipv4(ip)) => special(ip.into()),
        Some(Host::Ipv6(ip)) => special(ip.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    };
    if inside && !allow_private { Err(BadBaseUrl::Private(url.host_str().unwrap_or_default().to_owned())) } else { Ok(()) }
}

/// Whether an address is anything but an ordinary public one (IANA special-purpose registries, RFC 6890 and its successors).
pub fn special(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
}

fn special_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let embedded = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    // An IPv4 address in IPv6 clothes reaches the IPv4 network: mapped, compatible, NAT64, 6to4.
    if s[..6] == [0, 0, 0, 0, 0, 0xffff] || s[..6] == [0, 0, 0, 0, 0, 0] || s[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return special_v4(embedded(s[6], s[7]));
    }
    if s[0] == 0x2002 {
        return special_v4(embedded(s[1], s[2]));
    }
    // Public unicast is 2000::/3; out of it Teredo, ORCHID and other protocol assignments (2001::/23) and documentation are not.
    (s[0] & 0xe000) != 0x2000 || (s[0] == 0x2001 && s[1] < 0x200) || (s[0] == 0x2001 && s[1] == 0xdb8) || (s[0] & 0xfff0) == 0x3ff0
}

/// Resolves names for the client. The addresses that are checked are the addresses that are connected to, so that a second DNS answer
/// cannot replace the first (DNS rebinding).
pub(super) struct Resolver {
    pub allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = resolve(name.as_str(), 0, allow_private).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The addresses of a host, all of them outside the house.
pub(super) async fn resolve(host: &str, port: u16, allow_private: bool) -> io::Result<Vec<SocketAddr>> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    // One private address among public ones is refused too: no honest platform answers like that.
    if !allow_private && found.iter().any(|a| special(a.ip())) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the name resolves to an address inside the house's own network"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_the_house_are_refused_in_every_disguise() {
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::1",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(special(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "101.89.15.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "240e:1::1", "::ffff:1.1.1.1", "64:ff9b::101:101"] {
            assert!(!special(text.parse().unwrap()), "{text}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_what_it_resolves_to() {
        let resolve = |allow_private| Resolver { allow_private }.resolve("localhost".parse().unwrap());
        let refused = resolve(false).await.err().unwrap().to_string();
        assert!(refused.contains("own network"), "{refused}");
        assert!(resolve(true).await.unwrap().all(|a| a.ip().is_loopback()));
    }

    #[test]
    fn a_base_address_is_scheme_host_and_port() {
        let bad = |text: &str| check(text, false).unwrap_err();
        assert!(check("https://qyapi.weixin.qq.com", false).is_ok());
        assert!(check("https://chat.example.com:8448/", false).is_ok());
        assert!(check("http://127.0.0.1:8090", true).is_ok());
        assert!(matches!(bad("qyapi.weixin.qq.com"), BadBaseUrl::Malformed(_)));
        assert!(matches!(bad("https://"), BadBaseUrl::Malformed(_)));
        assert_eq!(bad("file:///etc/passwd"), BadBaseUrl::Scheme("file".to_owned()));
        assert_eq!(bad("http://qyapi.weixin.qq.com"), BadBaseUrl::Clear);
        assert_eq!(bad("https://me:pw@qyapi.weixin.qq.com"), BadBaseUrl::Userinfo);
        assert_eq!(bad("https://qyapi.weixin.qq.com/cgi-bin"), BadBaseUrl::Path);
        assert_eq!(bad("https://qyapi.weixin.qq.com/?x=1"), BadBaseUrl::Path);
        for inside in ["https://127.0.0.1", "https://[::1]", "https://0x7f000001", "https://2130706433", "https://localhost", "https://a.localhost."]
        {
            assert!(matches!(bad(inside), BadBaseUrl::Private(_)), "{inside}");
        }
    }

    #[test]
    fn a_service_with_signed_answers_may_be_plain_and_have_a_path_but_not_lie_inside() {
        assert!(outward("http://time.example.com/tsr?profile=1", false).is_ok());
        assert!(outward("http://127.0.0.1:3180/", true).is_ok());
        let bad = |text: &str| outward(text, false).unwrap_err();
        assert_eq!(bad("ftp://time.example.com/tsr"), BadBaseUrl::Scheme("ftp".to_owned()));
        assert_eq!(bad("http://me:pw@time.example.com/tsr"), BadBaseUrl::Userinfo);
        for inside in ["http://127.0.0.1/tsr", "http://[::1]/", "http://localhost:3180/tsr"] {
            assert!(matches!(bad(inside), BadBaseUrl::Private(_)), "{inside}");
        }
    }
}
