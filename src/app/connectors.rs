//! The connectors in use, one for each connection and version, so that token caches live as long as their settings; and what their answers
//! say of the time, which is noted whoever calls.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::future::BoxFuture;

use super::clocks::platforms::Heard;
use crate::{
    clock::Instant,
    connect::{Audience, Connector, Exchange, Fetched, MessageRef, Outgoing, Presence, Reading, Sent},
    domain::{platform::Capabilities, probe::Taken},
};

/// Connectors by connection id; the version tells whether settings changed.
#[derive(Default)]
pub struct Connectors {
    known: Mutex<HashMap<String, (i64, Arc<dyn Connector>)>>,
    /// What platforms have said of the time.
    pub heard: Arc<Heard>,
    /// What came of the last test that this process made of each connection: when, of which version, its steps.
    tested: Mutex<HashMap<String, (Instant, i64, Vec<Taken>)>>,
}

impl Connectors {
    /// Remembers the steps of a test, for the page that shows them next.
    pub(super) fn note(&self, id: &str, at: Instant, version: i64, steps: Vec<Taken>) {
        self.tested.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), (at, version, steps));
    }

    /// The steps of the last test of `id` as it is at `version`.
    pub(super) fn noted(&self, id: &str, version: i64) -> Option<(Instant, Vec<Taken>)> {
        let known = self.tested.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).filter(|(_, of, _)| *of == version).map(|(at, _, steps)| (*at, steps.clone()))
    }

    /// The connector of `id` at `version`, made by `make` if it is not there yet.
    pub fn get<E>(&self, id: &str, version: i64, make: impl FnOnce() -> Result<Arc<dyn Connector>, E>) -> Result<Arc<dyn Connector>, E> {
        let mut map = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((v, connector)) = map.get(id)
            && *v == version
        {
            return Ok(connector.clone());
        }
        let connector: Arc<dyn Connector> = Arc::new(Listening { inner: make()?, id: id.to_owned(), heard: self.heard.clone() });
        map.insert(id.to_owned(), (version, connector.clone()));
        Ok(connector)
    }
}

/// A connector whose answers are listened to.
struct Listening {
    inner: Arc<dyn Connector>,
    id: String,
    heard: Arc<Heard>,
}

impl Listening {
    fn to<'a, T: Send + 'a>(&'a self, call: BoxFuture<'a, Exchange<T>>) -> BoxFuture<'a, Exchange<T>> {
        Box::pin(async move {
            let exchange = call.await;
            self.heard.hear(&self.id, &exchange.calls);
            exchange
        })
    }
}

impl Connector for Listening {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn split(&self, audience: &Audience) -> Vec<Audience> {
        self.inner.split(audience)
    }

    fn send<'a>(&'a self, piece: &'a Audience, message: &'a Outgoing) -> BoxFuture<'a, Exchange<Sent>> {
        self.to(self.inner.send(piece, message))
    }

    fn recall<'a>(&'a self, message: &'a MessageRef, reason: &'a str, key: &'a str) -> BoxFuture<'a, Exchange<()>> {
        self.to(self.inner.recall(message, reason, key))
    }

    fn read_back<'a>(&'a self, message: &'a MessageRef) -> BoxFuture<'a, Exchange<Presence>> {
        self.to(self.inner.read_back(message))
    }

    fn reading<'a>(&'a self, message: &'a MessageRef) -> BoxFuture<'a, Exchange<Vec<Reading>>> {
        self.to(self.inner.reading(message))
    }

    fn fetch<'a>(&'a self, message: &'a MessageRef) -> BoxFuture<'a, Exchange<Fetched>> {
        self.to(self.inner.fetch(message))
    }

    fn members<'a>(&'a self) -> BoxFuture<'a, Exchange<Vec<String>>> {
        self.to(self.inner.members())
    }

    fn test<'a>(&'a self) -> BoxFuture<'a, Exchange<()>> {
        self.to(self.inner.test())
    }

    fn peek<'a>(&'a self) -> BoxFuture<'a, Exchange<u64>> {
        self.to(self.inner.peek())
    }
}

/// What the connector of each platform declares of itself.
pub fn declared() -> &'static [(crate::domain::platform::Platform, crate::domain::platform::Capabilities)] {
    crate::connect::declared()
}
