//! Audits (审计项目): an auditor says what is looked at (period, exceptions, sample with its seed), which is recorded before anything is
//! looked at; packs are made of it ([`packs`]), questions put and answered in it ([`questions`]). An auditor changes nothing else.
//! Not here: what a pack holds and whether it holds (`crate::evidence`).

mod access;
mod collect;
pub mod packs;
pub mod questions;
mod sources;

use serde_json::json;

use super::{App, AppError, AppResult, Caller, Done, FieldError, Turn};
use crate::{
    clock::Instant,
    crypto,
    domain::{
        audit::{ExceptionKind, SAMPLE_MAX, SeedSource, seed_fits},
        event::{Action, Outcome, Subject},
        role::Permission,
        text,
    },
    evidence::audit::facts::Engagement,
    i18n::{Lang, Tr},
    id::AuditId,
    store::{
        Conn, StoreError, Tx,
        audits::{self, AuditRow},
        reader, recalls, users,
    },
};

pub use crate::store::audits::PackRow;

/// An audit as somebody asks for it, as typed.
#[derive(Clone, Debug, Default)]
pub struct NewAudit {
    pub title: String,
    /// First and last day of the period, by the company's calendar: `2026-11-01`.
    pub from: String,
    pub to: String,
    /// Day at whose end the access list is taken; the last of the period where nothing is typed.
    pub as_at: String,
    /// Words of [`ExceptionKind`].
    pub exceptions: Vec<String>,
    pub sample_size: String,
    /// Empty: the product draws one.
    pub seed: String,
    /// Number of the case to walk through; empty: the first of the sample.
    pub walk: String,
}

/// An audit for people.
#[derive(Clone, Debug)]
pub struct Audit {
    pub row: AuditRow,
    pub opened_by: String,
    /// Where the log recorded it; absent while that has no index.
    pub opened_index: Option<u64>,
}

impl Audit {
    pub fn exceptions(&self) -> Vec<ExceptionKind> {
        kinds(&self.row)
    }
}

fn kinds(row: &AuditRow) -> Vec<ExceptionKind> {
    row.exceptions.split(',').filter_map(ExceptionKind::parse).collect()
}

/// What a pack says of the audit.
fn engagement(row: &AuditRow) -> Engagement {
    let at = |at: i64| Instant(at).to_rfc3339();
    Engagement {
        id: row.id.clone(),
        number: row.number.clone(),
        title: row.title.clone(),
        from: at(row.from_at),
        to: at(row.to_at),
        as_at: at(row.as_at),
        exceptions: kinds(row),
        sample_size: u64::try_from(row.sample_size).unwrap_or(0),
        seed: row.seed.clone(),
        seed_source: SeedSource::parse(&row.seed_source).unwrap_or(SeedSource::Given),
        walk: row.walk.clone(),
        opened_event: row.opened_event.clone(),
        opened_at: at(row.opened_at),
        opened_by: row.opened_by.clone(),
    }
}

/// What was typed, once it could be read.
#[derive(Clone)]
struct Checked {
    title: String,
    from: Instant,
    to: Instant,
    as_at: Instant,
    exceptions: Vec<ExceptionKind>,
    sample_size: u32,
    seed: Option<String>,
    walk: Option<String>,
}

fn check(new: &NewAudit, zone: &str) -> AppResult<Checked> {
    let tr = Tr::new(Lang::ZhCn).in_zone(zone);
    let mut errors = Vec::new();
    let title = text::line(&new.title, 120).map_err(|e| errors.push(FieldError::text("title", e))).unwrap_or_default();
    let mut day = |field: &'static str, typed: &str, end: bool| {
        let at = if end { tr.end_of_day(typed).map(|last| Instant(last.0 + 1)) } else { tr.start_of_day(typed) };
        at.ok_or_else(|| errors.push(FieldError::new(field, "date"))).ok()
    };
    let (from, to) = (day("from", &new.from, false), day("to", &new.to, true));
    let as_at = if new.as_at.trim().is_empty() { to } else { day("as_at", &new.as_at, true) };
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        errors.push(FieldError::new("to", "before-from"));
    }
    let exceptions: Option<Vec<_>> = new.exceptions.iter().map(|word| ExceptionKind::parse(word)).collect();
    let mut exceptions = exceptions.unwrap_or_else(|| {
        errors.push(FieldError::new("exceptions", "choice"));
        Vec::new()
    });
    exceptions.sort_unstable();
    exceptions.dedup();
    let sample_size = new.sample_size.trim().parse().ok().filter(|n| *n <= SAMPLE_MAX);
    if sample_size.is_none() {
        errors.push(FieldError::new("sample_size", "sample").arg("max", SAMPLE_MAX));
    }
    let seed = Some(new.seed.trim().to_owned()).filter(|seed| !seed.is_empty());
    if seed.as_ref().is_some_and(|seed| !seed_fits(seed)) {
        errors.push(FieldError::new("seed", "seed"));
    }
    let walk = Some(new.walk.trim().to_owned()).filter(|walk| !walk.is_empty());
    match (from, to, as_at, sample_size) {
        (Some(from), Some(to), Some(as_at), Some(sample_size)) if errors.is_empty() => {
            Ok(Checked { title, from, to, as_at, exceptions, sample_size, seed, walk })
        }
        _ => Err(AppError::Invalid(errors)),
    }
}

/// Opens an audit: what it looks at is in the log before it is looked at, the seed of its sample above all.
///
/// # Errors
/// `Forbidden`; `Invalid` on `title`, `from` and `to` (`date`, `before-from`, `in-future`), `as_at`, `exceptions`, `sample_size`, `seed`,
/// `walk` (`unknown`, `outside-period`). Each is recorded.
pub async fn open(app: &App, caller: &Caller, new: NewAudit) -> AppResult<Done<AuditRow>> {
    let id = AuditId::fresh().0;
    let about = Subject::new("audit", id.clone());
    app.require(caller, Permission::AuditExport, Action::AuditEngagementOpened, about.clone()).await?;
    let zone = app.config.time_zone.clone();
    let checked = match check(&new, &zone) {
        Ok(checked) => checked,
        Err(error) => return Err(app.refuse(caller, Action::AuditEngagementOpened, about, None, error).await),
    };
    let drawn = hex::encode(crypto::random::<16>());
    let caller = caller.clone();
    let written = app
        .store
        .write(move |tx| {
            let event = caller.event(Action::AuditEngagementOpened, about.clone()).text(json!({ "title": checked.title }));
            let walk = match case_of(tx, &checked)? {
                Ok(walk) => walk,
                Err(error) => {
                    tx.append(event.outcome(Outcome::Refused).detail(error.as_detail()))?;
                    return Ok(Err(error));
                }
            };
            let (seed, source) = match &checked.seed {
                Some(seed) => (seed.clone(), SeedSource::Given),
                None => (drawn.clone(), SeedSource::Drawn),
            };
            let exceptions: Vec<&str> = checked.exceptions.iter().map(|kind| kind.as_str()).collect();
            let mut row = AuditRow {
                id: id.clone(),
                number: number(tx, &zone)?,
                title: checked.title.clone(),
                from_at: checked.from.0,
                to_at: checked.to.0,
                as_at: checked.as_at.0,
                exceptions: exceptions.join(","),
                sample_size: i64::from(checked.sample_size),
                seed,
                seed_source: source.as_str().to_owned(),
                walk,
                opened_by: caller.user_id.clone().unwrap_or_else(|| caller.id.clone()),
                opened_at: tx.now().0,
                opened_event: String::new(),
            };
            let said = engagement(&row);
            let after = json!({
                "number": said.number, "from": said.from, "to": said.to, "as_at": said.as_at, "exceptions": said.exceptions,
                "sample_size": said.sample_size, "seed": said.seed, "seed_source": said.seed_source, "walk": said.walk,
            });
            row.opened_event = tx.append(event.detail(json!({ "after": after })))?.0;
            audits::insert(tx.conn, row.clone())?;
            Ok(Ok(row))
        })
        .await?;
    Done::from_write(written)
}

/// What only the write can tell: that the period has begun, and the number of the case to walk through, which has to be of the period.
fn case_of(tx: &mut Tx<'_>, checked: &Checked) -> Result<AppResult<Option<String>>, StoreError> {
    if checked.from > tx.now() {
        return Ok(Err(AppError::invalid("from", "in-future")));
    }
    let Some(typed) = &checked.walk else { return Ok(Ok(None)) };
    let Some(case) = recalls::find(tx.conn, typed)? else { return Ok(Err(AppError::invalid("walk", "unknown"))) };
    let within = (checked.from.0..checked.to.0).contains(&case.submitted_at);
    Ok(if within { Ok(Some(case.number)) } else { Err(AppError::invalid("walk", "outside-period")) })
}

/// `AUD-20261122-0001`: the day by the company's time zone, numbered from 1 each day.
fn number(tx: &mut Tx<'_>, zone: &str) -> Result<String, StoreError> {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let day = tx.now().timestamp().to_zoned(zone).strftime("%Y%m%d").to_string();
    let n = recalls::next_in_series(tx.conn, &format!("audit_number/{day}"))?;
    Ok(format!("AUD-{day}-{n:04}"))
}

/// Audits on a page.
pub const PAGE: usize = 50;

/// Audits, newest first, with the keys of the pages before and after.
///
/// # Errors
/// `Forbidden`.
pub async fn list(app: &App, caller: &Caller, turn: Turn) -> AppResult<(Vec<Audit>, (Option<String>, Option<String>))> {
    app.require(caller, Permission::AuditRead, Action::PermissionChecked, Subject::new("audit", "all")).await?;
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let found = app.store.read(move |conn| {
        let cut = turn.cut(audits::page(conn, &turn, limit)?, PAGE);
        let edges = cut.edges(|row| row.id.clone());
        let rows = cut.rows.into_iter().map(|row| shown(conn, row)).collect::<Result<_, StoreError>>()?;
        Ok((rows, edges))
    });
    Ok(found.await?)
}

fn shown(conn: &mut Conn, row: AuditRow) -> Result<Audit, StoreError> {
    let opened_index = reader::receipt(conn, &row.opened_event)?.index;
    Ok(Audit { opened_by: person(conn, &row.opened_by)?, opened_index, row })
}

/// The name of an account; the id itself of what is none.
fn person(conn: &mut Conn, id: &str) -> Result<String, StoreError> {
    Ok(users::user_find(conn, id)?.map_or_else(|| id.to_owned(), |user| user.display_name))
}

/// An audit by its id or number, for those who read the trail.
///
/// # Errors
/// `Forbidden`; `NotFound`.
pub async fn load(app: &App, caller: &Caller, id: &str) -> AppResult<Audit> {
    app.require(caller, Permission::AuditRead, Action::PermissionChecked, Subject::new("audit", id)).await?;
    find(app, id).await?.ok_or(AppError::NotFound)
}

async fn find(app: &App, id: &str) -> AppResult<Option<Audit>> {
    let id = id.to_owned();
    let found = app.store.read(move |conn| audits::find(conn, &id)?.map(|row| shown(conn, row)).transpose());
    Ok(found.await?)
}

/// Whether the caller may open audits, make packs and put questions.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn may_open(app: &App, caller: &Caller) -> AppResult<()> {
    app.require(caller, Permission::AuditExport, Action::PermissionChecked, Subject::new("audit", "new")).await
}
