//! A channel that no connector serves: broadcasts come in by report, recalls are carried out by hand (guided).

use futures_util::{FutureExt, future::BoxFuture};

use super::{Audience, ConnectError, Connector, Exchange, Fetched, MessageRef, Outgoing, Presence, Reading, Sent};
use crate::domain::platform::Capabilities;

/// Answers [`ConnectError::Unsupported`] to everything, without any call.
pub struct Manual;

/// An answer that needed no call: the platform has no such function.
pub(super) fn unsupported<'a, T: Send + 'a>() -> BoxFuture<'a, Exchange<T>> {
    std::future::ready(Exchange { calls: Vec::new(), result: Err(ConnectError::Unsupported) }).boxed()
}

impl Connector for Manual {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            send: false,
            recall: false,
            recall_per_recipient: false,
            read_back: false,
            reading_state: false,
            window_seconds: None,
            residue: ["residue-local-cache", "residue-screenshots"].map(str::to_owned).into(),
        }
    }

    fn split(&self, audience: &Audience) -> Vec<Audience> {
        vec![audience.clone()]
    }

    fn send<'a>(&'a self, _: &'a Audience, _: &'a Outgoing) -> BoxFuture<'a, Exchange<Sent>> {
        unsupported()
    }

    fn recall<'a>(&'a self, _: &'a MessageRef, _: &'a str, _: &'a str) -> BoxFuture<'a, Exchange<()>> {
        unsupported()
    }

    fn read_back<'a>(&'a self, _: &'a MessageRef) -> BoxFuture<'a, Exchange<Presence>> {
        unsupported()
    }

    fn reading<'a>(&'a self, _: &'a MessageRef) -> BoxFuture<'a, Exchange<Vec<Reading>>> {
        unsupported()
    }

    fn fetch<'a>(&'a self, _: &'a MessageRef) -> BoxFuture<'a, Exchange<Fetched>> {
        unsupported()
    }

    fn members(&self) -> BoxFuture<'_, Exchange<Vec<String>>> {
        unsupported()
    }

    fn test(&self) -> BoxFuture<'_, Exchange<()>> {
        unsupported()
    }
}
