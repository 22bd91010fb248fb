//! Versions of the recall policy, and proposals of them, as rows. Version 1 is in the program and has none. Not here: what rules may say
//! (`domain::proposal`), who may change them (`app::policies`).

use diesel::prelude::*;
use serde_json::json;

use super::{
    Conn, StoreError,
    page::{self, Turn},
    schema::{policies, recalls},
};
use crate::{
    clock::Instant,
    crypto::sha256,
    domain::{
        policy::{Policy, SHIPPED, Version},
        proposal::ProposalState,
    },
    ledger::commitment::canonical,
};

/// A row of `policies`, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = policies, treat_none_as_null = true)]
pub struct PolicyRow {
    /// SHA-256 in hex of everything that is proposed: see [`id_of`].
    pub id: String,
    /// UUIDv7; sorts by time.
    pub nonce: String,
    /// The version that was in force when it was proposed.
    pub base: i64,
    /// The earlier version that it goes back to, if it is that.
    pub origin: Option<i64>,
    /// Canonical JSON of [`Policy`].
    pub rules: String,
    pub state: String,
    /// As confirmed.
    pub version: Option<i64>,
    pub reason_sealed: Vec<u8>,
    pub proposed_by: String,
    pub proposed_at: i64,
    pub ended_by: Option<String>,
    pub ended_at: Option<i64>,
    /// Why it was rejected.
    pub ending_sealed: Option<Vec<u8>>,
}

/// What binds the sealed reason of a proposal to its row.
pub fn reason_context(id: &str) -> String {
    format!("policies/{id}/reason")
}

/// What binds the sealed reason of a rejection to its row.
pub fn ending_context(id: &str) -> String {
    format!("policies/{id}/ending")
}

/// The id of a proposal: the SHA-256, in hex, of the canonical JSON of `base`, `nonce`, `origin` and `rules`. The leaves of its events name
/// it, which are never erased: what was proposed and confirmed can be proven when their parts have long gone.
///
/// # Errors
/// [`StoreError::Event`] for numbers that canonical JSON has not.
pub fn id_of(nonce: &str, base: i64, origin: Option<i64>, rules: &str) -> Result<String, StoreError> {
    let all = json!({ "base": base, "nonce": nonce, "origin": origin, "rules": rules });
    Ok(hex::encode(sha256(&canonical(&all).map_err(|e| StoreError::Event(e.to_string()))?)))
}

/// Whether a text can be the id of a proposal.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl PolicyRow {
    /// A proposal of `policy`, not stored yet; its reason is still to be sealed for its id.
    ///
    /// # Errors
    /// As [`id_of`].
    pub fn proposed(nonce: &str, base: u64, origin: Option<u64>, policy: &Policy, (by, at): (&str, Instant)) -> Result<Self, StoreError> {
        let number = |n: u64| i64::try_from(n).map_err(|e| StoreError::Event(e.to_string()));
        let (base, origin) = (number(base)?, origin.map(number).transpose()?);
        let value = serde_json::to_value(policy).map_err(|e| StoreError::Event(e.to_string()))?;
        let rules = canonical(&value).map_err(|e| StoreError::Event(e.to_string()))?;
        let rules = String::from_utf8(rules).map_err(|e| StoreError::Event(e.to_string()))?;
        Ok(Self {
            id: id_of(nonce, base, origin, &rules)?,
            nonce: nonce.to_owned(),
            base,
            origin,
            rules,
            state: ProposalState::Proposed.as_str().to_owned(),
            version: None,
            reason_sealed: Vec::new(),
            proposed_by: by.to_owned(),
            proposed_at: at.0,
            ended_by: None,
            ended_at: None,
            ending_sealed: None,
        })
    }

    /// The rules.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if the row was changed past the product.
    pub fn policy(&self) -> Result<Policy, StoreError> {
        serde_json::from_str(&self.rules).map_err(|e| StoreError::Corrupt(format!("policy {}: {e}", self.id)))
    }

    /// # Errors
    /// As [`PolicyRow::policy`].
    pub fn state(&self) -> Result<ProposalState, StoreError> {
        ProposalState::parse(&self.state).ok_or_else(|| StoreError::Corrupt(format!("policy {}: state {}", self.id, self.state)))
    }

    fn numbered(self) -> Result<Version, StoreError> {
        let number = self.version.and_then(|n| u64::try_from(n).ok());
        let number = number.ok_or_else(|| StoreError::Corrupt(format!("policy {}: version {:?}", self.id, self.version)))?;
        Ok(Version { number, policy: self.policy()? })
    }
}

/// The version in force: the newest that was confirmed, else the one that the product ships with.
pub fn in_force(conn: &mut Conn) -> Result<Version, StoreError> {
    let newest = policies::table.filter(policies::version.is_not_null()).order(policies::version.desc());
    let row: Option<PolicyRow> = newest.first(conn).optional()?;
    row.map_or_else(|| Ok(Version::shipped()), PolicyRow::numbered)
}

/// The version of that number.
pub fn version(conn: &mut Conn, number: u64) -> Result<Option<Version>, StoreError> {
    if number == SHIPPED {
        return Ok(Some(Version::shipped()));
    }
    of_version(conn, number)?.map(PolicyRow::numbered).transpose()
}

/// The numbers of all versions, newest first.
pub fn numbers(conn: &mut Conn) -> Result<Vec<u64>, StoreError> {
    let query = policies::table.filter(policies::version.is_not_null()).order(policies::version.desc());
    let numbers: Vec<Option<i64>> = query.select(policies::version).load(conn)?;
    Ok(numbers.into_iter().flatten().filter_map(|n| u64::try_from(n).ok()).chain([SHIPPED]).collect())
}

/// The proposal that was made under that nonce.
pub fn by_nonce(conn: &mut Conn, nonce: &str) -> Result<Option<PolicyRow>, StoreError> {
    Ok(policies::table.filter(policies::nonce.eq(nonce)).first(conn).optional()?)
}

/// The proposal that waits for a second person.
pub fn open(conn: &mut Conn) -> Result<Option<PolicyRow>, StoreError> {
    Ok(policies::table.filter(policies::state.eq(ProposalState::Proposed.as_str())).first(conn).optional()?)
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<PolicyRow>, StoreError> {
    Ok(policies::table.find(id).first(conn).optional()?)
}

/// The row of a version; version 1 has none.
pub fn of_version(conn: &mut Conn, number: u64) -> Result<Option<PolicyRow>, StoreError> {
    let Ok(number) = i64::try_from(number) else { return Ok(None) };
    Ok(policies::table.filter(policies::version.eq(number)).first(conn).optional()?)
}

/// # Errors
/// [`StoreError::Unique`] while another one is open.
pub fn insert(conn: &mut Conn, row: PolicyRow) -> Result<(), StoreError> {
    diesel::insert_into(policies::table).values(row).execute(conn)?;
    Ok(())
}

/// Ends an open proposal as `row` says; `false` if somebody else has ended it.
pub fn end(conn: &mut Conn, row: &PolicyRow) -> Result<bool, StoreError> {
    let seen = policies::table.filter(policies::id.eq(row.id.clone())).filter(policies::state.eq(ProposalState::Proposed.as_str()));
    Ok(diesel::update(seen).set(row.clone()).execute(conn)? == 1)
}

/// Proposals with what became of them, newest first, at most `limit`; keys are nonces.
pub fn page(conn: &mut Conn, turn: &Turn, limit: i64) -> Result<Vec<PolicyRow>, StoreError> {
    let mut query = policies::table.into_boxed();
    query = match turn {
        Turn::First => query.order(policies::nonce.desc()),
        Turn::Down(key) => query.filter(policies::nonce.lt(key.clone())).order(policies::nonce.desc()),
        Turn::Up(key) => query.filter(policies::nonce.gt(key.clone())).order(policies::nonce.asc()),
    };
    Ok(page::in_order(turn, query.limit(limit).load(conn)?))
}

/// How many cases are under way by each version.
pub fn open_cases(conn: &mut Conn) -> Result<Vec<(i64, i64)>, StoreError> {
    let open = recalls::table.filter(recalls::state.eq_any(["reviewing", "returned", "approved", "executing"]));
    let counted = open.group_by(recalls::policy_version).select((recalls::policy_version, diesel::dsl::count_star()));
    Ok(counted.order(recalls::policy_version).load(conn)?)
}
