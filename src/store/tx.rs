//! A write as its closure sees it: the connection, the time, events and jobs.

use base64::{Engine, engine::general_purpose::STANDARD};
use diesel::prelude::*;
use serde_json::Value;

use super::{Conn, StoreError, head_mac::HeadMac, kept::Keep, part_keys::Sealing, schema::jobs, words::Words};
use crate::{
    clock::Instant,
    crypto::{self, keyring::Keyring},
    domain::{
        event::{Action, Event},
        kept::{EventClass, month},
    },
    id::{EventId, JobId},
    ledger::{
        commitment,
        leaf::{Leaf, Party, Purge},
    },
};

/// One write in progress.
pub struct Tx<'a> {
    /// For queries only: beginning, committing or rolling back is the store's.
    pub conn: &'a mut Conn,
    pub(super) now: Instant,
    pub(super) clock: Instant,
    pub(super) scope: &'a Scope,
    pub(super) events: Vec<Draft>,
    pub(super) sealing: &'a mut Sealing,
}

/// What every event of this installation shares.
pub(super) struct Scope {
    pub node: String,
    pub keys: Keyring,
    pub words: Words,
    pub head: HeadMac,
    /// See [`super::Options::tells`].
    pub tells: bool,
}

/// An event ready for the log: leaf bytes and the parts that its commitments open to.
#[derive(Clone)]
pub(super) struct Draft {
    pub id: EventId,
    pub leaf: Leaf,
    /// The canonical bytes of `leaf`.
    pub bytes: Vec<u8>,
    pub parts: Vec<PartRow>,
    /// The parts in the clear, for the projection.
    pub opened: std::collections::BTreeMap<String, Vec<u8>>,
}

/// A part at rest.
#[derive(Clone, Debug, Queryable, Insertable, Selectable, PartialEq, Eq)]
#[diesel(table_name = super::schema::log_parts, treat_none_as_default_value = false)]
pub(super) struct PartRow {
    pub month: String,
    pub event_id: String,
    pub name: String,
    /// Empty where a bucket is named.
    pub salt: Vec<u8>,
    /// Salt and value under the key of `bucket`, or the value alone under the installation's.
    pub sealed: Vec<u8>,
    pub bucket: Option<String>,
}

/// What binds a sealed part to its place.
pub(super) fn part_context(event: &str, name: &str) -> String {
    format!("log_parts/{event}/{name}")
}

impl Tx<'_> {
    /// The time of this run: one value for the rule and for the leaf, never before the last event's.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What this node's clock says. It lies before [`Tx::now`] where the clock was set back behind the log: only for what other clocks vouch for,
    /// such as a one-time code from somebody's phone.
    pub fn clock(&self) -> Instant {
        self.clock
    }

    /// Whether somebody is to be told of what moves; without, no job has to find out whom.
    pub fn tells(&self) -> bool {
        self.scope.tells
    }

    /// Whether an event so far tells of a change: that somebody looked is none.
    pub(super) fn changes(&self) -> bool {
        self.events.iter().any(|e| e.leaf.action != Action::ContentRead.as_str())
    }

    /// Adds an event to the write. It becomes durable with it, or not at all.
    pub fn append(&mut self, event: Event) -> Result<EventId, StoreError> {
        self.append_with(event, None)
    }

    /// The same, for `parts.purged`, whose leaf says what went.
    pub fn append_purge(&mut self, event: Event, purge: Purge) -> Result<EventId, StoreError> {
        self.append_with(event, Some(purge))
    }

    fn append_with(&mut self, event: Event, purge: Option<Purge>) -> Result<EventId, StoreError> {
        let id = EventId::fresh();
        let mut parts = Vec::with_capacity(event.parts.len());
        let mut commitments = std::collections::BTreeMap::new();
        let mut opened = std::collections::BTreeMap::new();
        for (name, value) in &event.parts {
            let bytes = commitment::canonical(value).map_err(|e| StoreError::Event(e.to_string()))?;
            let salt: [u8; 32] = crypto::random();
            commitments.insert((*name).to_owned(), commitment::commit(&salt, &bytes));
            let (of, context) = ((self.now, EventClass::of(event.action)), part_context(id.as_str(), name));
            let (bucket, sealed) = self.sealing.seal(self.conn, &self.scope.keys, of, &context, (&salt, &bytes))?;
            let (month, bucket) = (month(self.now), Some(bucket));
            parts.push(PartRow { month, event_id: id.0.clone(), name: (*name).to_owned(), salt: Vec::new(), sealed, bucket });
            opened.insert((*name).to_owned(), bytes);
        }
        let leaf = Leaf {
            id: id.0.clone(),
            at: self.now,
            action: event.action.as_str().to_owned(),
            outcome: event.outcome.as_str().to_owned(),
            actor: Party { kind: event.actor_kind.as_str().to_owned(), id: event.actor_id },
            subject: Party { kind: event.subject.kind.to_owned(), id: event.subject.id },
            session: event.session,
            case: event.case,
            node: Some(self.scope.node.clone()),
            parts: commitments,
            purge,
        };
        let bytes = leaf.to_bytes().map_err(|e| StoreError::Event(e.to_string()))?;
        self.events.push(Draft { id: id.clone(), leaf, bytes, parts, opened });
        Ok(id)
    }

    /// The commitment, base64, that `append` would make for a text; returned with its salt. For statements that bind a text by commitment.
    pub fn commit(value: &Value) -> Result<(String, [u8; 32]), StoreError> {
        let bytes = commitment::canonical(value).map_err(|e| StoreError::Event(e.to_string()))?;
        let salt: [u8; 32] = crypto::random();
        Ok((STANDARD.encode(commitment::commit(&salt, &bytes)), salt))
    }

    /// Enqueues a job to run not before `run_at`. A job of the same kind and key that is still waiting stands for this one too.
    pub fn enqueue(&mut self, kind: &str, key: &str, payload: &Value, run_at: Instant) -> Result<(), StoreError> {
        let row = (
            jobs::id.eq(JobId::fresh().0),
            jobs::kind.eq(kind.to_owned()),
            jobs::job_key.eq(key.to_owned()),
            jobs::payload.eq(payload.to_string()),
            jobs::state.eq("ready"),
            jobs::run_at.eq(run_at.0),
            jobs::attempts.eq(0),
            jobs::created_at.eq(self.now.0),
        );
        crate::on_each!(&mut *self.conn, c => diesel::insert_into(jobs::table).values(row).on_conflict_do_nothing().kept().execute(c))?;
        Ok(())
    }
}
