//! Wecom (in preparation).

use futures_util::future::BoxFuture;

use super::{
    Audience, Connector, Exchange, Fetched, MessageRef, Outgoing, Presence, Reading, Sent, Settings,
    http::Client,
    manual::{Manual, unsupported},
};
use crate::domain::platform::Capabilities;

pub struct Wecom {
    _client: Client,
}

impl Wecom {
    pub fn new(client: Client, settings: &Settings, secret: &str) -> Self {
        let _ = (settings, secret);
        Self { _client: client }
    }
}

impl Connector for Wecom {
    fn capabilities(&self) -> Capabilities {
        Manual.capabilities()
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
