//! How our clock stands to others': the steady clock of this machine, which shows when ours was set; timestamp authorities and witnesses, whose
//! time is signed; platforms, whose answers are dated ([`platforms`]); a time server, if the settings name one. A clock that differs is an
//! event, another when it agrees again; how far is too far says the alert rule. Not here: the rule (`domain::alert`), asking a time server
//! (`connect::sntp`).

pub mod platforms;
pub mod standing;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{self, Duration},
};

use serde_json::json;

use super::{App, AppResult};
use crate::{
    clock::Instant,
    connect::sntp,
    domain::event::{Action, Event, Outcome, Subject},
};

/// What differs by less agrees: answers take their time, and many say whole seconds.
const NOTED: i64 = 1_000_000;
/// What a witness and most authorities say their time in.
pub const SECOND: Duration = Duration::from_secs(1);
/// Between two questions to the time server.
const EVERY: Duration = Duration::from_secs(600);

/// What this process has seen of clocks.
#[derive(Default)]
pub struct Clocks {
    /// Ours and the steady one at the last look.
    last: Mutex<Option<(Instant, time::Instant)>>,
    /// The offset that was last told, by whose clock; in microseconds.
    told: Mutex<HashMap<String, i64>>,
    asked: Mutex<Option<time::Instant>>,
    measured: standing::Measured,
}

/// Whose clock says what: for events and the alert.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Our own, against the steady clock of the machine.
    Step,
    Authority(&'a str),
    /// A witness by the hash of its key.
    Witness(&'a str),
    /// A platform by its connection's id.
    Platform(&'a str),
    Server,
}

impl Source<'_> {
    fn id(self) -> String {
        match self {
            Self::Step => "step".to_owned(),
            Self::Authority(name) => format!("authority:{name}"),
            Self::Witness(key) => format!("witness:{key}"),
            Self::Platform(connection) => format!("platform:{connection}"),
            Self::Server => "server".to_owned(),
        }
    }
}

/// How far our clock is before (positive) or behind another that said `theirs`, to a whole `unit`, between our `asked` and `answered`, in
/// microseconds: as little as fits.
pub(super) fn offset(theirs: Instant, unit: Duration, asked: Instant, answered: Instant) -> i64 {
    let until = theirs.plus(unit);
    if asked > until {
        asked.0 - until.0
    } else if answered < theirs {
        answered.0 - theirs.0
    } else {
        0
    }
}

/// Holds our clock against another's.
///
/// # Errors
/// Those of the store.
pub async fn compare(app: &App, source: Source<'_>, theirs: Instant, unit: Duration, asked: Instant) -> AppResult<()> {
    tell(app, source, offset(theirs, unit, asked, app.now())).await
}

async fn tell(app: &App, source: Source<'_>, offset: i64) -> AppResult<()> {
    let id = source.id();
    if !matches!(source, Source::Step) {
        app.clocks.measured.note(&id, app.now(), offset);
    }
    let before = app.clocks.told.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
    let deviates = offset.abs() > NOTED;
    let news = match before {
        None => deviates,
        // As long as it stays about the same it is no news.
        Some(before) if deviates => (offset - before).abs() > NOTED.max(before.abs() / 4),
        Some(_) => true,
    };
    if !news {
        return Ok(());
    }
    tracing::warn!(source = id, offset_ms = offset / 1000, "our clock against another");
    let action = if deviates { Action::ClockDeviated } else { Action::ClockAgreed };
    let event = Event::system(action, Subject::new("clock", id.clone()));
    let event = event.outcome(if deviates { Outcome::Failed } else { Outcome::Success }).detail(json!({ "offset_ms": offset / 1000 }));
    app.record(event).await?;
    let mut told = app.clocks.told.lock().unwrap_or_else(PoisonError::into_inner);
    // A step is over when it is told.
    match (deviates, source) {
        (true, Source::Authority(_) | Source::Witness(_) | Source::Platform(_) | Source::Server) => drop(told.insert(id, offset)),
        _ => drop(told.remove(&id)),
    }
    Ok(())
}

/// Finds out whether our clock was set since the last look and what platforms have said since, and asks the time server where it is time to.
///
/// # Errors
/// Those of the store.
pub async fn look(app: &App) -> AppResult<()> {
    let now = (app.now(), time::Instant::now());
    let before = app.clocks.last.lock().unwrap_or_else(PoisonError::into_inner).replace(now);
    if let Some((ours, steady)) = before {
        let (passed, should) = (now.0.0 - ours.0, i64::try_from(now.1.duration_since(steady).as_micros()).unwrap_or(i64::MAX));
        if (passed - should).abs() > NOTED {
            tell(app, Source::Step, passed - should).await?;
        }
    }
    platforms::look(app).await?;
    let Some(server) = app.config.clock.ntp.clone() else { return Ok(()) };
    let due = {
        let mut asked = app.clocks.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = asked.is_none_or(|at| at.elapsed() >= EVERY);
        if due {
            *asked = Some(time::Instant::now());
        }
        due
    };
    if due {
        ask(app, &server).await?;
    }
    Ok(())
}

/// Asks the time server once; that it does not answer is told in the log of the process.
///
/// # Errors
/// Those of the store.
pub async fn ask(app: &App, server: &str) -> AppResult<()> {
    let clock = app.store.clock().clone();
    match sntp::ask(server, &*clock).await {
        Ok(sntp::Answer { offset, delay }) => {
            // Half of the way there and back is what nobody can tell.
            let unsure = i64::try_from(delay.as_micros() / 2).unwrap_or(i64::MAX);
            let ours = -offset;
            tell(app, Source::Server, if ours.abs() <= unsure { 0 } else { ours - ours.signum() * unsure }).await
        }
        Err(error) => {
            tracing::warn!(server, %error, "the time server did not answer");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_can_explain_is_an_offset() {
        let at = |ms: i64| Instant(1_795_340_528_000_000 + ms * 1000);
        let second = Duration::from_secs(1);
        for (theirs, asked, answered, offset_ms) in [
            // Asked, answered and said within the same second or while the answer was under way.
            (0, 100, 900, 0),
            (5000, 100, 8000, 0),
            // Ours is before theirs, behind theirs.
            (0, 3000, 3100, 2000),
            (9000, 100, 3000, -6000),
        ] {
            assert_eq!(offset(at(theirs), second, at(asked), at(answered)), offset_ms * 1000, "{theirs} {asked} {answered}");
        }
    }
}
