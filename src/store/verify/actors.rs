//! Who acted: every session, token and account in a leaf is one that an earlier event made, and every session's row is what its events left it as.
//! Somebody who puts a session or a token into its table acts under another's name, and the trail then shows that other at work.
//!
//! Bound for ever, by the leaves alone; only whose account a link made stands in a part (`stated`). A session takes some 40 bytes of memory.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::prelude::*;

use super::{
    Audit, Kind, readable,
    stated::{self, Stated},
    waiting::{BEGINNING, Waiting},
};
use crate::{
    clock::Instant,
    crypto::sha256,
    ledger::plain::Plain,
    store::{Conn, StoreError, schema::sessions},
};

/// Rows in one read.
const BATCH: i64 = 2000;
/// Named at most, of each kind.
const NAMED: usize = 100;
/// A request that had begun when its token was revoked still leaves its event.
const UNDER_WAY: std::time::Duration = std::time::Duration::from_secs(3600);

/// Who acts before anybody has signed in.
const STRANGER: &str = "anonymous";

/// A session or an account by its id: a UUID as a number.
type Id = u128;

fn id(text: &str) -> Id {
    uuid::Uuid::try_parse(text).map_or_else(
        |_| {
            let mut first = [0; 16];
            first.copy_from_slice(&sha256(text.as_bytes())[..16]);
            u128::from_be_bytes(first)
        },
        |uuid| uuid.as_u128(),
    )
}

/// What one event says of a session.
enum Act {
    /// It was begun or opened, by whom.
    Begun {
        opened: bool,
        user: Id,
    },
    Ended,
    /// Something was done in it.
    Used,
}

/// What the events of a batch say, in order.
#[derive(Default)]
pub(super) struct Acts {
    sessions: Vec<(u64, Id, Act)>,
    /// Sessions and accounts that need not be told of twice.
    known: HashSet<(bool, Id)>,
    /// Accounts that acted: the first event.
    users: Vec<(u64, String)>,
    tokens: BTreeMap<String, Token>,
}

/// What events say of a token.
#[derive(Clone, Copy, Default)]
struct Token {
    made: Option<u64>,
    revoked: Option<Instant>,
    /// Its first act and the time of its last.
    first: Option<u64>,
    last: Option<(u64, Instant)>,
}

impl Token {
    fn add(&mut self, later: Self) {
        self.made = self.made.or(later.made);
        self.revoked = self.revoked.or(later.revoked);
        self.first = self.first.or(later.first);
        self.last = later.last.or(self.last);
    }
}

impl Acts {
    /// Takes in what an event says.
    pub(super) fn note(&mut self, index: u64, leaf: &Plain<'_>) {
        let done = leaf.outcome == "success";
        if let Some(session) = leaf.session {
            let session = id(session);
            if done && BEGINNING.contains(&leaf.action) {
                let begun = Act::Begun { opened: leaf.action != BEGINNING[0], user: id(leaf.subject_id) };
                self.sessions.push((index, session, begun));
                self.known.insert((true, session));
            } else if self.known.insert((true, session)) {
                self.sessions.push((index, session, Act::Used));
            }
        }
        match leaf.action {
            "session.closed" | "session.revoked" if done && leaf.subject_kind == "session" => {
                self.sessions.push((index, id(leaf.subject_id), Act::Ended))
            }
            "token.created" if done => self.token(leaf.subject_id, Token { made: Some(index), ..Token::default() }),
            "token.revoked" if done => self.token(leaf.subject_id, Token { revoked: Some(leaf.at), ..Token::default() }),
            _ => {}
        }
        match leaf.actor_kind {
            "token" => self.token(leaf.actor_id, Token { first: Some(index), last: Some((index, leaf.at)), ..Token::default() }),
            "user" if leaf.actor_id != STRANGER && self.known.insert((false, id(leaf.actor_id))) => {
                self.users.push((index, leaf.actor_id.to_owned()))
            }
            _ => {}
        }
    }

    fn token(&mut self, token: &str, told: Token) {
        match self.tokens.get_mut(token) {
            Some(known) => known.add(told),
            None => drop(self.tokens.insert(token.to_owned(), told)),
        }
    }
}

/// A session, as far as its events tell.
#[derive(Clone, Copy)]
struct Session {
    user: Id,
    opened: bool,
    ended: bool,
}

/// What all events say.
#[derive(Default)]
pub(super) struct Actors {
    sessions: HashMap<Id, Session>,
    /// Events in sessions that none before them began; the first of each session, some of them.
    strangers: BTreeMap<Id, u64>,
    users: BTreeMap<String, u64>,
    tokens: BTreeMap<String, Token>,
}

impl Actors {
    /// Takes in the next batch.
    pub(super) fn add(&mut self, acts: Acts) {
        for (index, session, act) in acts.sessions {
            match (act, self.sessions.get_mut(&session)) {
                (Act::Begun { opened, user }, None) => drop(self.sessions.insert(session, Session { user, opened, ended: false })),
                (Act::Begun { opened, .. }, Some(known)) => known.opened |= opened,
                (Act::Ended, Some(known)) => known.ended = true,
                (Act::Used, None) if self.strangers.len() < NAMED => drop(self.strangers.entry(session).or_insert(index)),
                _ => {}
            }
        }
        for (index, user) in acts.users {
            self.users.entry(user).or_insert(index);
        }
        for (token, told) in acts.tokens {
            self.tokens.entry(token).or_default().add(told);
        }
    }

    /// Holds what acted against what was made, and the rows of sessions against their events.
    pub(super) fn settle(self, conn: &mut Conn, audit: &mut Audit<'_>, stated: &Stated, waiting: &Waiting) -> Result<(), StoreError> {
        for index in self.strangers.values() {
            audit.problem(Kind::Part, "sessions", Some(*index), "this event is of a session that no event before it began");
        }
        for (token, told) in &self.tokens {
            let Some(first) = told.first else { continue };
            if told.made.is_none_or(|made| made > first) {
                audit.problem(Kind::Part, "tokens", Some(first), format!("this event is of the token {token}, which no event before it made"));
            }
            if let (Some(revoked), Some((last, at))) = (told.revoked, told.last)
                && at > revoked.plus(UNDER_WAY)
            {
                audit.problem(Kind::Part, "tokens", Some(last), format!("this event is of the token {token}, which had been revoked"));
            }
        }
        // Whom a link made is not known where its part is gone.
        if stated.knows_all(stated::USERS) {
            for (user, index) in self.users.iter().filter(|(user, _)| !stated.names(stated::USERS, user)).take(NAMED) {
                audit.problem(Kind::Part, "users", Some(*index), format!("this event is of the account {user}, which no event made"));
            }
        }
        let mut after = String::new();
        loop {
            let page = sessions::table.filter(sessions::id.gt(after.clone())).order(sessions::id).limit(BATCH);
            let page = page.select((sessions::id, sessions::user_id, sessions::state)).load(conn);
            let page: Vec<(String, String, String)> = readable(audit, Kind::Part, "sessions", page)?;
            let Some((last, ..)) = page.last() else { return Ok(()) };
            after.clone_from(last);
            for (session, user, state) in page.iter().filter(|(session, ..)| !waiting.tells_of(session)) {
                let what = match self.sessions.get(&id(session)) {
                    None => "no event of the log began it",
                    Some(told) if told.user != id(user) => "it is another person's than its event says",
                    Some(told) if state == "open" && !told.opened => "it is open, and no event opened it",
                    Some(told) if state != "closed" && told.ended => "it is not closed, and an event closed it",
                    Some(_) => continue,
                };
                audit.problem(Kind::Part, "sessions", None, format!("{session}: {what}"));
            }
        }
    }
}
