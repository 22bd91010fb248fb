//! Streams of the audit trail as rows: what they are, how far each has come, and which process works on it. Not here: what is sent
//! (`domain::stream`), the delivery (`app::streams`).

use diesel::prelude::*;

use super::{Conn, Store, StoreError, jobs::UNSEEN, kept::Keep, log, schema::streams};
use crate::{
    clock::Instant,
    domain::stream::{Settings, StreamKind, StreamState},
};

/// A row of `streams`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = streams, treat_none_as_default_value = false)]
pub struct StreamRow {
    pub id: String,
    pub name: String,
    /// A word of [`StreamKind`].
    pub kind: String,
    /// JSON of [`Settings`].
    pub settings: String,
    /// Sealed under [`secrets_context`].
    pub secrets_sealed: Vec<u8>,
    /// A word of [`StreamState`].
    pub state: String,
    /// The index of the event that is sent next.
    pub next_index: i64,
    /// Failures since the last success, and since when.
    pub failures: i64,
    pub failing_since: Option<i64>,
    pub stuck_at: Option<i64>,
    /// `<word>: <what exactly>` of the last failure.
    pub problem: Option<String>,
    pub tried_at: Option<i64>,
    /// When something last got through.
    pub delivered_at: Option<i64>,
    pub lease_owner: Option<String>,
    pub lease_until: Option<i64>,
    pub created_at: i64,
    pub version: i64,
}

impl StreamRow {
    /// # Errors
    /// [`StoreError::Corrupt`] if the row was changed past the product.
    pub fn settings(&self) -> Result<Settings, StoreError> {
        serde_json::from_str(&self.settings).map_err(|e| StoreError::Corrupt(format!("stream {}: {e}", self.id)))
    }

    /// # Errors
    /// As [`StreamRow::settings`].
    pub fn kind(&self) -> Result<StreamKind, StoreError> {
        StreamKind::parse(&self.kind).ok_or_else(|| StoreError::Corrupt(format!("stream {}: kind {}", self.id, self.kind)))
    }

    pub fn running(&self) -> bool {
        self.state == StreamState::Running.as_str()
    }

    /// The index of the event that is sent next.
    pub fn next(&self) -> u64 {
        u64::try_from(self.next_index).unwrap_or(0)
    }
}

/// What binds the sealed secrets to their row.
pub fn secrets_context(id: &str) -> String {
    format!("streams/{id}/secrets")
}

pub fn insert(conn: &mut Conn, row: StreamRow) -> Result<(), StoreError> {
    diesel::insert_into(streams::table).values(row).execute(conn)?;
    Ok(())
}

/// By id.
pub fn find(conn: &mut Conn, id: &str) -> Result<Option<StreamRow>, StoreError> {
    Ok(streams::table.find(id).first(conn).optional()?)
}

/// By id or name.
pub fn named(conn: &mut Conn, id_or_name: &str) -> Result<Option<StreamRow>, StoreError> {
    Ok(streams::table.filter(streams::id.eq(id_or_name).or(streams::name.eq(id_or_name))).first(conn).optional()?)
}

/// All streams, by name.
pub fn list(conn: &mut Conn) -> Result<Vec<StreamRow>, StoreError> {
    Ok(streams::table.order(streams::name).load(conn)?)
}

/// All streams with the size of the log and, for each, when the event happened that is sent next.
pub fn standing(conn: &mut Conn) -> Result<(u64, Vec<(StreamRow, Option<i64>)>), StoreError> {
    use super::schema::log_search;
    let rows = list(conn)?;
    let size = log::head(conn)?.size();
    let mut waiting = Vec::new();
    for row in rows {
        let at = log_search::table.find(row.next_index).select(log_search::at).first(conn).optional()?;
        waiting.push((row, at));
    }
    Ok((size, waiting))
}

/// Stores what a stream is over the version before it; `false` if somebody else changed it first. How far it has come stays; its failures
/// are forgotten, and whoever works on it takes it up anew.
pub fn replace(conn: &mut Conn, row: &StreamRow) -> Result<bool, StoreError> {
    let seen = streams::table.filter(streams::id.eq(&row.id)).filter(streams::version.eq(row.version - 1));
    let set = (
        streams::name.eq(&row.name),
        streams::settings.eq(&row.settings),
        streams::secrets_sealed.eq(&row.secrets_sealed),
        streams::state.eq(&row.state),
        streams::failures.eq(0),
        streams::failing_since.eq(None::<i64>),
        streams::stuck_at.eq(None::<i64>),
        streams::problem.eq(None::<String>),
        streams::version.eq(row.version),
    );
    Ok(diesel::update(seen).set(set).execute(conn)? == 1)
}

/// Sets which event is sent next; `false` if somebody else changed the stream since `version`.
pub fn rewind(conn: &mut Conn, id: &str, version: i64, next: i64) -> Result<bool, StoreError> {
    let seen = streams::table.filter(streams::id.eq(id)).filter(streams::version.eq(version));
    Ok(diesel::update(seen).set((streams::next_index.eq(next), streams::version.eq(version + 1))).execute(conn)? == 1)
}

/// Removes a stream; `false` if somebody else changed it since `version`.
pub fn remove(conn: &mut Conn, id: &str, version: i64) -> Result<bool, StoreError> {
    let seen = streams::table.filter(streams::id.eq(id)).filter(streams::version.eq(version));
    Ok(diesel::delete(seen).execute(conn)? == 1)
}

/// How long a lease lasts, in microseconds: several times as long as the longest delivery.
const LEASE: i64 = 120_000_000;
/// How often whoever works on a stream renews its lease.
pub const RENEW: std::time::Duration = std::time::Duration::from_secs(40);

/// Takes or renews the lease of a running stream; `false` if another process has it, or it does not run.
pub async fn lease(store: &Store, id: &str, owner: &str) -> Result<bool, StoreError> {
    let (id, owner) = (id.to_owned(), owner.to_owned());
    let written = store
        .write(move |tx| {
            let now = tx.now().0;
            let free = streams::lease_until.is_null().or(streams::lease_until.lt(now)).or(streams::lease_owner.eq(&owner));
            let running = streams::table.filter(streams::id.eq(&id)).filter(streams::state.eq(StreamState::Running.as_str()));
            let set = (streams::lease_owner.eq(&owner), streams::lease_until.eq(now.saturating_add(LEASE)));
            Ok(diesel::update(running.filter(free)).set(set).execute(tx.conn)? == 1)
        })
        .await?;
    Ok(written.value)
}

/// Gives a lease back.
pub async fn release(store: &Store, id: &str, owner: &str) -> Result<(), StoreError> {
    let (id, owner) = (id.to_owned(), owner.to_owned());
    store
        .write(move |tx| {
            let own = streams::table.filter(streams::id.eq(&id)).filter(streams::lease_owner.eq(&owner));
            diesel::update(own).set((streams::lease_until.eq(None::<i64>), streams::lease_owner.eq(None::<String>))).execute(tx.conn)?;
            Ok(())
        })
        .await?;
    Ok(())
}

/// Gives back what those processes of `node` held that are not among the `living`.
pub async fn release_dead(store: &Store, node: &str, living: Vec<String>) -> Result<(), StoreError> {
    let (of_node, unseen) = (format!("{node}/%"), format!("{node}/{UNSEEN}%"));
    store
        .write(move |tx| {
            let held = streams::table.filter(streams::lease_owner.assume_not_null().like(&of_node).and(streams::lease_owner.is_not_null()));
            let dead =
                held.filter(streams::lease_owner.assume_not_null().not_like(&unseen).and(streams::lease_owner.assume_not_null().ne_all(&living)));
            diesel::update(dead).set((streams::lease_until.eq(None::<i64>), streams::lease_owner.eq(None::<String>))).execute(tx.conn)?;
            Ok(())
        })
        .await?;
    Ok(())
}

/// Moves a stream on that `owner` works on, from where they found it; `false` if it was rewound, removed or taken over meanwhile.
/// `delivered`: something got through, which ends every failure; else nothing on the way was for this stream.
pub fn advance(conn: &mut Conn, seen: &StreamRow, owner: &str, to: u64, delivered: Option<Instant>) -> Result<bool, StoreError> {
    let to = i64::try_from(to).unwrap_or(i64::MAX);
    let own = streams::table
        .filter(streams::id.eq(seen.id.clone()))
        .filter(streams::lease_owner.eq(owner.to_owned()))
        .filter(streams::version.eq(seen.version))
        .filter(streams::next_index.eq(seen.next_index));
    let moved = match delivered {
        Some(at) => {
            let set = (
                streams::next_index.eq(to),
                streams::delivered_at.eq(at.0),
                streams::tried_at.eq(at.0),
                streams::failures.eq(0),
                streams::failing_since.eq(None::<i64>),
                streams::stuck_at.eq(None::<i64>),
                streams::problem.eq(None::<String>),
            );
            diesel::update(own).set(set).kept().execute(conn)?
        }
        None => diesel::update(own).set(streams::next_index.eq(to)).kept().execute(conn)?,
    };
    Ok(moved == 1)
}

/// Notes a failure of a stream that `owner` works on; `stuck` and `pause` say what it has come to.
pub fn failed(conn: &mut Conn, seen: &StreamRow, owner: &str, now: Instant, problem: &str, stuck: bool, pause: bool) -> Result<bool, StoreError> {
    let own = streams::table
        .filter(streams::id.eq(seen.id.clone()))
        .filter(streams::lease_owner.eq(owner.to_owned()))
        .filter(streams::version.eq(seen.version));
    let set = (
        streams::failures.eq(seen.failures + 1),
        streams::failing_since.eq(seen.failing_since.or(Some(now.0))),
        streams::stuck_at.eq(if stuck { seen.stuck_at.or(Some(now.0)) } else { seen.stuck_at }),
        streams::problem.eq(problem.to_owned()),
        streams::tried_at.eq(now.0),
        streams::state.eq(if pause { StreamState::Paused } else { StreamState::Running }.as_str()),
        streams::version.eq(if pause { seen.version + 1 } else { seen.version }),
    );
    Ok(diesel::update(own).set(set).execute(conn)? == 1)
}
