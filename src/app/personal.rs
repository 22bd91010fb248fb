//! What is kept about one person and why: for themselves, for who keeps accounts, for who reads the trail, and for the shell. Counts, times
//! and grounds, no contents. Not here: the grounds (`domain::personal`), the rows (`store::personal`).

use serde_json::{Value, json};

use super::{
    App, AppError, AppResult, Caller,
    looks::{self, Look},
    people::{self, Person},
    retention,
};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Subject},
        kept::EventClass,
        personal::{Basis, Erasure, Kind, Stay},
        retention::Cuts,
        role::Permission,
    },
    evidence::csv::{self, Cell},
    store::{personal, users, words::Words},
};

/// One kind of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub what: What,
    pub count: u64,
    pub oldest: Option<Instant>,
    pub basis: Basis,
    pub erasure: Erasure,
    /// When the last of it goes, as far as a date can be told: the person may go on leaving more, and a hold keeps longer.
    pub until: Option<Instant>,
}

/// Rows beside the log, or records of the trail by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Rows(Kind),
    /// With their contents.
    Records(EventClass),
    /// Only commitments are left: random to whoever has not the contents.
    Commitments,
}

impl What {
    /// The word for programs.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Rows(kind) => kind.as_str(),
            Self::Records(_) => "records",
            Self::Commitments => "commitments",
        }
    }
}

/// Everything about one person.
#[derive(Clone, Debug)]
pub struct Kept {
    pub person: Person,
    pub entries: Vec<Entry>,
    /// Legal holds that keep some of the records, with how many; `None` where that is not for the one who looks.
    pub holds: Option<Vec<(String, u64)>>,
}

impl Kept {
    /// For programs.
    pub fn to_json(&self) -> Value {
        let time = |at: Option<Instant>| at.map(|at| at.to_rfc3339());
        let entries = self.entries.iter().map(|e| {
            let class = if let What::Records(class) = e.what { Some(class) } else { None };
            json!({
                "kind": e.what.kind(), "class": class, "count": e.count, "oldest": time(e.oldest), "basis": e.basis, "kept_until": time(e.until),
                "erasure": e.erasure,
            })
        });
        let holds = self.holds.as_ref().map(|holds| holds.iter().map(|(id, records)| json!({ "hold": id, "records": records })).collect::<Vec<_>>());
        json!({
            "person": { "id": self.person.id, "username": self.person.username, "name": self.person.name, "state": self.person.state },
            "data": entries.collect::<Vec<_>>(), "holds": holds,
        })
    }

    /// The same as a table (RFC 4180), without the holds.
    pub fn to_csv(&self) -> String {
        let time = |at: Option<Instant>| Cell::optional(at.map(|at| at.to_rfc3339()));
        let mut text = csv::header(["kind", "class", "count", "oldest", "basis", "kept_until", "erasure"]);
        for e in &self.entries {
            let class = if let What::Records(class) = e.what { Cell::plain(class) } else { Cell::empty() };
            let cells = [
                Cell::plain(e.what.kind()),
                class,
                Cell::plain(e.count),
                time(e.oldest),
                Cell::plain(e.basis),
                time(e.until),
                Cell::plain(e.erasure),
            ];
            text.push_str(&csv::line(&cells));
        }
        text
    }
}

/// What is kept about the caller.
///
/// # Errors
/// `Forbidden` for who is no person.
pub async fn own(app: &App, caller: &Caller) -> AppResult<Kept> {
    let id = caller.user_id.clone().ok_or(AppError::Forbidden(Permission::UserManage))?;
    let person = app.store.read(move |conn| people::person_find(conn, &id)).await?.ok_or(AppError::NotFound)?;
    collect(app, person, false).await
}

/// What is kept about somebody, by id; for who keeps accounts and who reads the trail.
///
/// # Errors
/// `Forbidden`, recorded; `NotFound`.
pub async fn of(app: &App, caller: &Caller, who: &str) -> AppResult<Kept> {
    let by = if caller.may(Permission::AuditRead) { Permission::AuditRead } else { Permission::UserManage };
    app.require(caller, by, Action::UserRead, Subject::new("user", who)).await?;
    let who = who.to_owned();
    let found = app.store.read(move |conn| people::person_find(conn, &who));
    let person = found.await?.ok_or(AppError::NotFound)?;
    collect(app, person, caller.may(Permission::AuditRead) || caller.may(Permission::HoldManage)).await
}

/// The same for the shell, by id or user name, which leaves `user.read` as the page does.
///
/// # Errors
/// `NotFound`; when it cannot be recorded.
pub async fn for_shell(app: &App, caller: &Caller, who: &str) -> AppResult<Kept> {
    let name = who.to_owned();
    let id = app.store.read(move |conn| Ok(users::user_by_name(conn, &name)?.map_or(name, |row| row.id))).await?;
    let kept = of(app, caller, &id).await?;
    let subject = Subject::new("user", kept.person.id.clone());
    let look = Look { action: Action::UserRead, subject, case: None, shown: "retention person".to_owned(), asked: Value::Null };
    looks::record(app, caller, look).await?;
    Ok(kept)
}

async fn collect(app: &App, person: Person, all: bool) -> AppResult<Kept> {
    let (id, words) = (person.id.clone(), Words::new(app.store.keys()));
    // Who may not see holds sees what there is without them: what lies there beyond its time would tell of one.
    let since = if all { Cuts::at(Instant(i64::MIN)) } else { retention::cuts(app) };
    let found = app.store.read(move |conn| {
        let holds = if all { Some(personal::holding(conn, &words, &id)?) } else { None };
        Ok((personal::rows(conn, &id, &since)?, personal::events(conn, &id, &since)?, holds))
    });
    let (rows, events, holds) = found.await?;
    let mut entries = Vec::new();
    for (kind, span) in rows.into_iter().filter(|(kind, span)| span.count > 0 && (all || kind.is_told())) {
        let (basis, stay, erasure) = kind.rule();
        let until = match (stay, span.newest) {
            (Stay::Like(class), Some(newest)) => Some(retention::kept_until(app, class, newest)),
            // Of what is gone already the skeleton is left, for good.
            (Stay::Broadcast, Some(newest)) => Some(retention::contents_kept_until(app, newest)).filter(|until| *until > app.now()),
            (Stay::Day, Some(newest)) => Some(newest.plus(std::time::Duration::from_secs(86_400))),
            _ => None,
        };
        entries.push(Entry { what: What::Rows(kind), count: span.count, oldest: span.oldest, basis, erasure, until });
    }
    let mut bare = 0;
    for (class, span, without) in events {
        bare += without;
        if let Some(newest) = span.newest {
            let until = Some(retention::kept_until(app, class, newest));
            let what = What::Records(class);
            entries.push(Entry { what, count: span.count, oldest: span.oldest, basis: Basis::Duty, erasure: Erasure::Due, until });
        }
    }
    if bare > 0 {
        let what = What::Commitments;
        entries.push(Entry { what, count: bare, oldest: None, basis: Basis::Claims, erasure: Erasure::Never, until: None });
    }
    Ok(Kept { person, entries, holds })
}
