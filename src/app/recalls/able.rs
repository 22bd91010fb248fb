//! Who can decide an open level now, and why somebody cannot: for the page of a case, for programs, and for the alarm that nobody can.
//! Not here: the rules (`domain::recall`).

use super::{App, AppResult, Caller, Loaded, cases, decide, decider, deciders};
use crate::{
    clock::Instant,
    domain::{
        recall::{
            Case, Guard, Rules, State,
            approval::{Decider, LEVELS, capacity, qualified},
            participation::{holder, is_added},
        },
        role::Permission,
    },
    store::{Conn, StoreError, passkeys, recalls, users},
};

/// Somebody who can decide a level now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Able {
    pub id: String,
    pub name: String,
    /// On whose behalf, and since when; nothing in their own name.
    pub behalf: Option<(String, Instant)>,
    /// To whom they have handed it, until when: they are away, and may decide all the same.
    pub away: Option<(String, Instant)>,
    /// The level was passed on to them alone.
    pub passed: bool,
    /// They were added, and decide before whoever the level belongs to.
    pub added: bool,
}

/// Everybody who can decide `level` of a case now: who was added and is waited for first, who is there before who is away.
pub(super) fn able(case: &Case, all: &[(Decider, String)], level: u8) -> Vec<Able> {
    let away = |principal: &Decider| {
        let theirs = |(d, name): &(Decider, String)| {
            let grant = capacity(Rules::ALL, case, d, level).ok().flatten().filter(|grant| grant.principal == principal.user)?;
            Some((name.clone(), grant.until))
        };
        all.iter().find_map(theirs)
    };
    let one = |(d, name): &(Decider, String)| {
        let grant = capacity(Rules::ALL, case, d, level).ok()?;
        Some(Able {
            id: d.user.0.clone(),
            name: name.clone(),
            behalf: grant.map(|grant| (grant.name.clone(), grant.from)),
            away: if grant.is_none() { away(d) } else { None },
            passed: holder(case, level).is_some_and(|user| *user == d.user),
            added: is_added(case, level, grant.map_or(&d.user, |grant| &grant.principal)),
        })
    };
    let mut found: Vec<Able> = all.iter().filter_map(one).collect();
    found.sort_by_key(|able| (!able.added, able.away.is_some()));
    found
}

/// Everybody who can decide each open level of a case; nothing where none is open.
pub(super) fn of_case(conn: &mut Conn, case: &Case, now: Instant) -> Result<Vec<(u8, Vec<Able>)>, StoreError> {
    if case.state != State::Reviewing || case.open.is_empty() {
        return Ok(Vec::new());
    }
    let open: Vec<u8> = case.open.iter().copied().collect();
    let all = deciders(conn, &open, now)?;
    Ok(open.into_iter().map(|level| (level, able(case, &all, level))).collect())
}

/// Why somebody cannot decide now; words `why-<word>`, or those of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    Rule(Guard),
    /// They decided this level, and it counts.
    Decided(u8),
    /// Theirs comes later.
    NotYet(u8),
    /// It was passed on to somebody by name.
    PassedOn(String),
    NoSecondFactor,
}

/// Why the caller cannot decide this case now; nothing where they can, or never decide anything.
pub(super) fn why(conn: &mut Conn, caller: &Caller, case: &Case, now: Instant) -> Result<Option<Why>, StoreError> {
    if case.state != State::Reviewing || !caller.may(Permission::RecallDecide) {
        return Ok(None);
    }
    let who = decider(caller);
    let Some(guard) = decide::why_not(case, &who, now) else {
        let user = users::user_find(conn, who.user.as_str())?;
        let proven = user.is_some_and(|user| user.totp_sealed.is_some()) || !passkeys::of_user(conn, who.user.as_str())?.is_empty();
        return Ok((!proven).then_some(Why::NoSecondFactor));
    };
    let mine = |d: &&crate::domain::recall::Made| d.round == case.round && d.decider == who.user;
    if let Some(made) = case.decisions.iter().find(mine) {
        return Ok(Some(Why::Decided(made.level)));
    }
    Ok(Some(match guard {
        Guard::DeciderHolder => {
            let to = case.open.iter().filter(|level| qualified(Rules::ALL, case, &who, **level).is_ok()).find_map(|level| holder(case, *level));
            match to.map(|user| users::user_find(conn, user.as_str())).transpose()?.flatten() {
                Some(user) => Why::PassedOn(user.display_name),
                None => Why::Rule(guard),
            }
        }
        Guard::DeciderRole | Guard::DelegatedLevel => {
            let later = |level: &u8| !case.open.contains(level) && capacity(Rules::ALL, case, &who, *level).is_ok();
            LEVELS.into_iter().find(later).map_or(Why::Rule(guard), Why::NotYet)
        }
        guard => Why::Rule(guard),
    }))
}

/// Cases that are looked through for levels that nobody can decide: those whose window closes first.
const DEPTH: i64 = 2000;

/// The numbers of open cases with a level that nobody can decide now.
///
/// # Errors
/// Those of the store.
pub fn stranded(conn: &mut Conn, now: Instant) -> Result<Vec<String>, StoreError> {
    let mut rows = recalls::open(conn, DEPTH)?;
    rows.retain(|row| row.standing.state == State::Reviewing.as_str());
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let standings: Vec<_> = rows.into_iter().map(|row| row.standing).collect();
    let all = deciders(conn, &LEVELS, now)?;
    let mut found = Vec::new();
    for (row, case) in standings.iter().zip(cases(conn, &standings)?) {
        let nobody = |level: &u8| !all.iter().any(|(d, _)| capacity(Rules::ALL, &case, d, *level).is_ok());
        let over = case.cut_off.is_some_and(|end| end <= now);
        if !over && case.open.iter().any(nobody) {
            found.extend(recalls::find(conn, &row.id)?.map(|row| row.number));
        }
    }
    Ok(found)
}

/// Who can decide the open levels of a case that the caller may know of.
///
/// # Errors
/// Those of the store.
pub async fn of(app: &App, loaded: &Loaded) -> AppResult<Vec<(u8, Vec<Able>)>> {
    let (case, now) = (loaded.case.clone(), app.now());
    Ok(app.store.read(move |conn| of_case(conn, &case, now)).await?)
}
