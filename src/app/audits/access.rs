//! Who could do what at a past date: accounts and tokens, replayed from the log's events. Where an event's contents were erased, today's
//! tables stand in for them, and the line says so; replayed to the end of the log, the accounts must be those of the tables.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    clock::Instant,
    domain::{account::UserState, event::Action},
    evidence::audit::{facts::AccessFacts, tables::Access},
    store::{Conn, Store, StoreError, departments, reader, tokens, users},
};

/// Events that make or change an account or a token.
const TOLD: [Action; 9] = [
    Action::InstallationSetUp,
    Action::InvitationAccepted,
    Action::UserCreated,
    Action::UserChanged,
    Action::UserSuspended,
    Action::SecondFactorEnrolled,
    Action::SecondFactorReset,
    Action::TokenCreated,
    Action::TokenRevoked,
];
/// Events read at a time.
const PIECE: i64 = 500;

/// The access list as at `as_at`, from the log of `size` events.
pub(super) fn list(store: &Store, conn: &mut Conn, as_at: Instant, size: u64) -> Result<(Vec<Access>, AccessFacts), StoreError> {
    let departments: BTreeMap<String, String> = departments::department_list(conn)?.into_iter().map(|d| (d.id, d.name)).collect();
    let actions: Vec<&str> = TOLD.iter().map(|a| a.as_str()).collect();
    let (mut then, mut now): (Replay, Replay) = (Replay::default(), Replay::default());
    let mut from = 0;
    loop {
        let events = reader::events_of_actions(conn, &actions, from, size, PIECE)?;
        let ids: Vec<String> = events.iter().map(|e| e.leaf.id.clone()).collect();
        let parts = reader::parts_of_many(conn, store.keys(), &ids)?;
        for event in &events {
            let detail = parts.get(&event.leaf.id).into_iter().flatten().find(|p| p.name == "detail");
            let detail: Option<Value> = detail.and_then(|p| serde_json::from_slice(&p.value).ok());
            if event.leaf.at < as_at {
                then.take(event, detail.as_ref(), &departments);
            }
            now.take(event, detail.as_ref(), &departments);
        }
        let Some(last) = events.last() else { break };
        from = last.index + 1;
    }
    let differ = now.differences(conn, &departments)?;
    let mut signed_in = reader::last_by_actor(conn, Action::SessionOpened.as_str(), Instant(as_at.0 - 1), size)?;
    // The first sign-in is told by the enrolment that opened it.
    for (actor, at) in reader::last_by_actor(conn, Action::SecondFactorEnrolled.as_str(), Instant(as_at.0 - 1), size)? {
        signed_in.entry(actor).and_modify(|last| *last = at.max(*last)).or_insert(at);
    }
    let lines = then.lines(conn, as_at, &departments, &signed_in)?;
    let of = |from_log: bool| lines.iter().filter(|l| l.kind == "account" && (l.from_log || !from_log)).count() as u64;
    let facts = AccessFacts { accounts: of(false), from_log: of(true), differ };
    Ok((lines, facts))
}

/// Accounts and tokens as the events so far tell them.
#[derive(Default)]
struct Replay {
    accounts: BTreeMap<String, Access>,
    tokens: BTreeMap<String, Access>,
}

fn text(detail: Option<&Value>, pointer: &str) -> Option<String> {
    detail?.pointer(pointer)?.as_str().map(ToOwned::to_owned)
}

fn words(detail: Option<&Value>, pointer: &str) -> Option<String> {
    let words: Vec<&str> = detail?.pointer(pointer)?.as_array()?.iter().filter_map(Value::as_str).collect();
    Some(words.join(" "))
}

impl Replay {
    fn take(&mut self, event: &reader::StoredEvent, detail: Option<&Value>, departments: &BTreeMap<String, String>) {
        let (leaf, index) = (&event.leaf, event.index);
        let Some(action) = Action::parse(&leaf.action) else { return };
        match action {
            Action::TokenCreated => {
                let line = Access {
                    kind: "token".to_owned(),
                    id: leaf.subject.id.clone(),
                    name: text(detail, "/after/name").unwrap_or_default(),
                    display_name: text(detail, "/after/user").unwrap_or_default(),
                    roles: words(detail, "/after/scopes").unwrap_or_default(),
                    state: UserState::Active.as_str().to_owned(),
                    valid_until: text(detail, "/after/expires_at").and_then(|t| Instant::parse(&t)),
                    created: Some((leaf.at, index)),
                    from_log: detail.is_some(),
                    ..Access::default()
                };
                self.tokens.insert(leaf.subject.id.clone(), line);
            }
            Action::TokenRevoked => {
                if let Some(line) = self.tokens.get_mut(&leaf.subject.id) {
                    line.state = "revoked".to_owned();
                    line.changed_index = Some(index);
                }
            }
            Action::InstallationSetUp | Action::InvitationAccepted | Action::UserCreated => {
                // Who comes in by a link gets their id with the event.
                let id = text(detail, "/after/user").unwrap_or_else(|| leaf.subject.id.clone());
                if leaf.subject.kind != "user" && detail.is_none() {
                    return;
                }
                let line = Access {
                    kind: "account".to_owned(),
                    id: id.clone(),
                    name: text(detail, "/after/username").unwrap_or_default(),
                    display_name: text(detail, "/after/name").unwrap_or_default(),
                    department: text(detail, "/after/department").unwrap_or_default(),
                    roles: words(detail, "/after/roles").unwrap_or_default(),
                    state: UserState::Active.as_str().to_owned(),
                    valid_until: text(detail, "/after/valid_until").and_then(|t| Instant::parse(&t)),
                    second_factor: Some(detail.and_then(|d| d.pointer("/after/second_factor")).and_then(Value::as_bool).unwrap_or(false)),
                    created: Some((leaf.at, index)),
                    from_log: detail.is_some(),
                    ..Access::default()
                };
                self.accounts.insert(id, line);
            }
            _ => self.change(action, leaf, index, detail, departments),
        }
    }

    fn change(
        &mut self,
        action: Action,
        leaf: &crate::ledger::leaf::Leaf,
        index: u64,
        detail: Option<&Value>,
        departments: &BTreeMap<String, String>,
    ) {
        // Before somebody is known, the event's subject is the session; who enrolled is its actor.
        let id = [&leaf.subject, &leaf.actor].into_iter().find(|p| p.kind == "user").map(|p| p.id.clone()).unwrap_or_default();
        let Some(line) = self.accounts.get_mut(&id) else { return };
        line.changed_index = Some(index);
        match action {
            Action::SecondFactorEnrolled => line.second_factor = Some(true),
            Action::SecondFactorReset => match text(detail, "/step").as_deref() {
                Some("confirmed") => line.second_factor = Some(false),
                Some(_) => {}
                None => line.from_log = false,
            },
            _ if detail.is_none() => line.from_log = false,
            _ => {
                if let Some(roles) = words(detail, "/after/roles") {
                    line.roles = roles;
                    line.valid_until = text(detail, "/after/valid_until").and_then(|t| Instant::parse(&t));
                }
                if let Some(name) = text(detail, "/after/name") {
                    line.display_name = name;
                    let department = text(detail, "/after/department_id");
                    line.department = department.map(|d| departments.get(&d).cloned().unwrap_or(d)).unwrap_or_default();
                }
                if let Some(state) = text(detail, "/after/state") {
                    line.state = state;
                }
            }
        }
    }

    /// Accounts that the log tells otherwise than the tables: names of those that differ.
    fn differences(&self, conn: &mut Conn, departments: &BTreeMap<String, String>) -> Result<Vec<String>, StoreError> {
        let mut differ = Vec::new();
        for row in users::user_list(conn)? {
            let roles: BTreeSet<String> = users::user_roles(conn, &row.id)?.iter().map(|r| r.as_str().to_owned()).collect();
            let department = row.department_id.as_ref().and_then(|d| departments.get(d).cloned()).unwrap_or_default();
            let told = self.accounts.get(&row.id);
            if told.is_some_and(|line| !line.from_log) {
                continue;
            }
            let same = told.is_some_and(|line| {
                line.roles.split(' ').filter(|r| !r.is_empty()).map(ToOwned::to_owned).collect::<BTreeSet<_>>() == roles
                    && (line.state.as_str(), line.name.as_str(), line.display_name.as_str())
                        == (row.state.as_str(), row.username.as_str(), row.display_name.as_str())
                    && line.department == department
                    && line.valid_until.map(|u| u.0) == row.valid_until
                    && line.second_factor == Some(row.totp_sealed.is_some())
            });
            if !same {
                differ.push(row.id);
            }
        }
        Ok(differ)
    }

    fn lines(
        self,
        conn: &mut Conn,
        as_at: Instant,
        departments: &BTreeMap<String, String>,
        signed_in: &BTreeMap<String, Instant>,
    ) -> Result<Vec<Access>, StoreError> {
        let mut lines = Vec::new();
        for (id, mut line) in self.accounts {
            if !line.from_log
                && let Some(row) = users::user_find(conn, &id)?
            {
                let roles = users::user_roles(conn, &id)?;
                line.name = row.username;
                line.display_name = row.display_name;
                line.department = row.department_id.as_ref().and_then(|d| departments.get(d).cloned()).unwrap_or_default();
                line.roles = roles.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(" ");
                line.state = row.state;
                line.valid_until = row.valid_until.map(Instant);
                line.second_factor = Some(row.totp_sealed.is_some());
            }
            line.last_sign_in = signed_in.get(&id).copied();
            lines.push(line);
        }
        // Accounts whose making is told by nothing but the tables.
        let known: BTreeSet<String> = lines.iter().map(|l| l.id.clone()).collect();
        for row in users::user_list(conn)?.into_iter().filter(|row| row.created_at < as_at.0 && !known.contains(&row.id)) {
            let roles = users::user_roles(conn, &row.id)?;
            lines.push(Access {
                kind: "account".to_owned(),
                name: row.username,
                display_name: row.display_name,
                department: row.department_id.as_ref().and_then(|d| departments.get(d).cloned()).unwrap_or_default(),
                roles: roles.iter().map(|r| r.as_str()).collect::<Vec<_>>().join(" "),
                state: row.state,
                valid_until: row.valid_until.map(Instant),
                second_factor: Some(row.totp_sealed.is_some()),
                last_sign_in: signed_in.get(&row.id).copied(),
                id: row.id,
                ..Access::default()
            });
        }
        lines.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
        let mut of_tokens: Vec<Access> = self.tokens.into_values().collect();
        for line in &mut of_tokens {
            if !line.from_log
                && let Some(row) = tokens::token_find(conn, &line.id)?
            {
                (line.name, line.roles) = (row.name, row.scopes);
                line.valid_until = row.expires_at.map(Instant);
            }
            if line.state == "active" && line.valid_until.is_some_and(|until| until < as_at) {
                line.state = "expired".to_owned();
            }
        }
        lines.extend(of_tokens);
        Ok(lines)
    }
}
