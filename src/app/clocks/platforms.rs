//! What platforms say of the time in passing: the `Date` header of their answers (RFC 9110 §6.6.1). An answer is held against our clock
//! later, by whoever looks at clocks, so that no call waits for it; between two looks the middle one counts, because an answer may have
//! lain in a cache on its way.
//!
//! Only a connection over TLS to a host outside the house counts: anybody on the way can write what comes in the clear, and an emulator on
//! this machine has no clock but ours.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{SECOND, Source, offset, tell};
use crate::{
    app::{App, AppResult},
    clock::Instant,
    connect::{RawCall, Settings, guard},
    store::connections,
};

/// Answers of one connection that are remembered until the next look.
const KEPT: usize = 64;

/// What was said since the last look: by connection, when we asked, when the answer was there, and what time they had.
#[derive(Default)]
pub struct Heard(Mutex<BTreeMap<String, Vec<[Instant; 3]>>>);

impl Heard {
    /// Notes what `calls` of a connection say; those without a date or an answer say nothing.
    pub fn hear(&self, connection: &str, calls: &[RawCall]) {
        let said = calls.iter().filter_map(|call| Some([call.started_at, call.answered_at?, call.platform_time()?]));
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = heard.entry(connection.to_owned()).or_default();
        of.extend(said);
        of.drain(..of.len().saturating_sub(KEPT));
    }

    fn take(&self) -> BTreeMap<String, Vec<[Instant; 3]>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Holds our clock against what platforms have said since the last look.
///
/// # Errors
/// Those of the store.
pub(super) async fn look(app: &App) -> AppResult<()> {
    for (connection, said) in app.connectors.heard.take() {
        let id = connection.clone();
        let Some(row) = app.store.look_up(move |conn| connections::find(conn, &id)).await? else { continue };
        let vouches = |settings: Settings| guard::check(&settings.base_url, false).is_ok();
        if !serde_json::from_str(&row.settings).is_ok_and(vouches) {
            continue;
        }
        let mut offsets: Vec<i64> = said.iter().map(|[asked, answered, theirs]| offset(*theirs, SECOND, *asked, *answered)).collect();
        offsets.sort_unstable();
        if let Some(middle) = offsets.get(offsets.len() / 2) {
            tell(app, Source::Platform(&connection), *middle).await?;
        }
    }
    Ok(())
}
