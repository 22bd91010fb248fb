//! The connectors in use, one for each connection and version, so that token caches live as long as their settings.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::connect::Connector;

/// Connectors by connection id; the version tells whether settings changed.
#[derive(Default)]
pub struct Connectors(Mutex<HashMap<String, (i64, Arc<dyn Connector>)>>);

impl Connectors {
    /// The connector of `id` at `version`, made by `make` if it is not there yet.
    pub fn get<E>(&self, id: &str, version: i64, make: impl FnOnce() -> Result<Arc<dyn Connector>, E>) -> Result<Arc<dyn Connector>, E> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((v, connector)) = map.get(id)
            && *v == version
        {
            return Ok(connector.clone());
        }
        let connector = make()?;
        map.insert(id.to_owned(), (version, connector.clone()));
        Ok(connector)
    }
}
