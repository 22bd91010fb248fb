//! How far the way to a platform goes before anything is said: whether its name resolves to addresses that may be called, and whether one of
//! them takes a connection. Not here: TLS and HTTP (`http`), which addresses are refused (`guard`).

use std::time::Duration;

use tokio::{net::TcpStream, time::timeout};
use url::Host;

use super::guard;

/// A name server or a host that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the way ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The name is not known, or resolves into the house's own network where that is not allowed.
    Unresolved,
    /// No address takes a connection.
    Closed,
    /// A connection was made, and closed again.
    Open,
}

/// How far the way to `base_url` goes; and whether its host is a name at all, and not an address.
pub async fn reach(base_url: &str, allow_private: bool) -> (Way, bool) {
    let Ok(url) = guard::check(base_url, allow_private) else { return (Way::Unresolved, false) };
    let named = matches!(url.host(), Some(Host::Domain(_)));
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return (Way::Unresolved, named) };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let Ok(Ok(addresses)) = timeout(PATIENCE, guard::resolve(host, port, allow_private)).await else { return (Way::Unresolved, named) };
    for address in &addresses {
        if matches!(timeout(PATIENCE, TcpStream::connect(address)).await, Ok(Ok(_))) {
            return (Way::Open, named);
        }
    }
    (if addresses.is_empty() { Way::Unresolved } else { Way::Closed }, named)
}
