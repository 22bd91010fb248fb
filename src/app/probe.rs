//! A connection's test, step by step: what each says of the way to the platform, of the credentials and of what they may do. The calls are
//! those of the connector and without effect; their record is the test's (`app::connections`).

use super::clocks::{SECOND, offset};
use crate::{
    connect::{
        ConnectError, Exchange, RawCall,
        reach::{Way, reach},
    },
    connect::{Connector, Settings},
    domain::{
        platform::Platform,
        probe::{Skipped, Step, Taken},
    },
};

/// A clock that differs by more is told as a failure: windows are counted in minutes.
const CLOCK: i64 = 60_000_000;

/// Takes all steps. The exchange is that of the credentials' test, with what was read afterwards among its calls.
pub(super) async fn take(connector: &dyn Connector, settings: &Settings, allow_private: bool) -> (Exchange<()>, Vec<Taken>) {
    let (way, named) = reach(&settings.base_url, allow_private).await;
    let mut exchange = connector.test().await;
    let seen = match exchange.result {
        Ok(()) => Some(connector.peek().await),
        Err(_) => None,
    };
    let answered = exchange.calls.iter().any(|call| call.status.is_some());
    let mut steps = vec![Taken::passed(Step::Address)];
    steps.extend(way_of(way, named, answered, settings.base_url.starts_with("https:")));
    steps.push(credentials(&exchange.result, answered));
    if let Some(seen) = &seen {
        exchange.calls.extend(seen.calls.iter().cloned());
    }
    steps.push(scope(settings.platform, seen.as_ref().map(|s| &s.result)));
    steps.push(clock(&exchange.calls, answered));
    steps.push(read(seen.as_ref().map(|s| &s.result)));
    (exchange, steps)
}

/// The steps of a base address that may not be called.
pub(super) fn forbidden() -> Vec<Taken> {
    let rest = Step::ALL.iter().filter(|step| **step != Step::Address).map(|step| Taken::not_asked(*step, Skipped::Before));
    std::iter::once(Taken::failed(Step::Address, None)).chain(rest).collect()
}

fn way_of(way: Way, named: bool, answered: bool, tls: bool) -> [Taken; 3] {
    let before = |step| Taken::not_asked(step, Skipped::Before);
    // An answer says more than a look: the way may have opened in between.
    let way = if answered { Way::Open } else { way };
    let name = match way {
        _ if !named => Taken::not_asked(Step::Name, Skipped::Literal),
        Way::Unresolved => Taken::failed(Step::Name, None),
        _ => Taken::passed(Step::Name),
    };
    let host = match way {
        Way::Unresolved if named => before(Step::Reach),
        Way::Unresolved | Way::Closed => Taken::failed(Step::Reach, None),
        Way::Open => Taken::passed(Step::Reach),
    };
    let tls = match way {
        _ if !tls => Taken::not_asked(Step::Tls, Skipped::Plain),
        Way::Open if answered => Taken::passed(Step::Tls),
        Way::Open => Taken::failed(Step::Tls, None),
        _ => before(Step::Tls),
    };
    [name, host, tls]
}

fn credentials(result: &Result<(), ConnectError>, answered: bool) -> Taken {
    match result {
        Ok(()) => Taken::passed(Step::Credentials),
        Err(ConnectError::Unauthorized { code, .. } | ConnectError::Refused { code, .. }) => Taken::failed(Step::Credentials, Some(code.clone())),
        Err(ConnectError::RateLimited { .. }) => Taken::not_asked(Step::Credentials, Skipped::Busy),
        Err(ConnectError::Unsupported) => Taken::not_asked(Step::Credentials, Skipped::Unknown),
        // Something answered that is not the platform as we know it.
        Err(ConnectError::NotReached(_) | ConnectError::Unknown(_)) if answered => Taken::failed(Step::Credentials, None),
        Err(ConnectError::NotReached(_) | ConnectError::Unknown(_)) => Taken::not_asked(Step::Credentials, Skipped::Before),
    }
}

fn scope(platform: Platform, seen: Option<&Result<u64, ConnectError>>) -> Taken {
    match seen {
        None => Taken::not_asked(Step::Scope, Skipped::Before),
        // Who may redact is told room by room.
        Some(_) if platform == Platform::Matrix => Taken::not_asked(Step::Scope, Skipped::Room),
        Some(Ok(_)) => Taken::passed(Step::Scope),
        Some(Err(ConnectError::Refused { code, .. } | ConnectError::Unauthorized { code, .. })) => Taken::failed(Step::Scope, Some(code.clone())),
        Some(Err(ConnectError::RateLimited { .. })) => Taken::not_asked(Step::Scope, Skipped::Busy),
        Some(Err(_)) => Taken::not_asked(Step::Scope, Skipped::Unknown),
    }
}

fn clock(calls: &[RawCall], answered: bool) -> Taken {
    let offsets = calls.iter().filter_map(|call| Some(offset(call.platform_time()?, SECOND, call.started_at, call.answered_at?)));
    // Of several the smallest: an answer may have lain in a cache.
    match offsets.min_by_key(|offset| offset.abs()) {
        Some(offset) if offset.abs() > CLOCK => Taken::failed(Step::Clock, None).with(offset),
        Some(offset) => Taken::passed(Step::Clock).with(offset),
        None if answered => Taken::not_asked(Step::Clock, Skipped::Silent),
        None => Taken::not_asked(Step::Clock, Skipped::Before),
    }
}

fn read(seen: Option<&Result<u64, ConnectError>>) -> Taken {
    match seen {
        None => Taken::not_asked(Step::Read, Skipped::Before),
        Some(Ok(n)) => Taken::passed(Step::Read).with(i64::try_from(*n).unwrap_or(i64::MAX)),
        Some(Err(ConnectError::Unsupported)) => Taken::not_asked(Step::Read, Skipped::Unknown),
        Some(Err(ConnectError::RateLimited { .. })) => Taken::not_asked(Step::Read, Skipped::Busy),
        // Not a fault of its own: the scope says it already.
        Some(Err(ConnectError::Refused { code, .. } | ConnectError::Unauthorized { code, .. })) => Taken::failed(Step::Read, Some(code.clone())),
        Some(Err(_)) => Taken::failed(Step::Read, None),
    }
}
