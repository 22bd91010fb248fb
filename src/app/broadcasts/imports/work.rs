//! The two jobs of an import: looking at a table, and writing all of it. Looking twice finds the same. Writing is one write, in which the
//! import becomes `done`: a process that dies before it has written nothing, one that dies after has written all.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use super::{
    About, ImportState, Known,
    columns::{self, Column, Found, Kind, MOST_PEOPLE, Problem, Sense, too_many},
    open, seal_about, states, subject,
};
use crate::{
    app::{
        App, AppError, AppResult, Caller, FieldError,
        broadcasts::{
            audience,
            import::{self, Import, Prepared, Recipients},
        },
        calls::{self, Answer, Contents, Purpose},
        connections, people, retention,
    },
    clock::Instant,
    connect::Exchange,
    domain::{
        event::{Action, Event, Outcome, Subject},
        platform::Platform,
        role::{self, Permission},
        sheet::{self, Decoded, Encoding, Separator},
    },
    id::{BroadcastId, CallId},
    store::{
        Conn, StoreError,
        imports::{self, ImportRow, file_context},
        messages,
    },
};

/// The job that looks.
pub const CHECK: &str = "check_import";
/// The job that writes.
pub const APPLY: &str = "apply_import";
/// After how many broadcasts it is told how far a job has come.
const OFTEN: usize = 20;
/// After which time it is told how many lines were read.
const SOON: Duration = Duration::from_millis(500);

/// A table that was read.
struct Read {
    found: Found,
    encoding: Encoding,
    separator: Separator,
}

async fn load(app: &App, id: &str, state: ImportState) -> AppResult<Option<Known>> {
    let id = id.to_owned();
    let row = app.store.read(move |conn| imports::find(conn, &id)).await?;
    row.filter(|row| row.state == state.as_str()).map(|row| open(app, row)).transpose()
}

/// Whoever uploaded it, as the job works for them.
async fn owner(app: &App, known: &Known, job: &str) -> AppResult<Caller> {
    let id = known.row.owner_id.clone();
    let person = app.store.read(move |conn| people::person_find(conn, &id)).await?.ok_or(AppError::NotFound)?;
    let person = person.caller(None, None, None);
    Ok(Caller { user_id: person.user_id, department_id: person.department_id, department: person.department, ..Caller::job(job) })
}

/// Whether whoever uploaded it may import at `now`.
fn allowed(conn: &mut Conn, owner: &str, now: Instant) -> Result<bool, StoreError> {
    let person = people::person_find(conn, owner)?;
    Ok(person.is_some_and(|person| person.may_sign_in(now) && role::allows(&person.roles, Permission::BroadcastSend)))
}

fn not_allowed() -> Problem {
    Problem::new(0, None, "not-allowed", "")
}

async fn read(app: &App, caller: &Caller, known: &Known) -> AppResult<Read> {
    let zone = retention::zone(app);
    let folds = match known.kind {
        Kind::Broadcasts => false,
        Kind::Recipients => {
            let described = columns::one(&known.about.given, Recipients::All, &zone);
            import::judge(app, caller, &described).await.is_ok_and(|judged| judged.connection.platform == Platform::Wecom.as_str())
        }
    };
    let sealed = known.row.file_sealed.clone().ok_or(AppError::NotFound)?;
    let bytes = app.store.keys().envelope.open(&file_context(&known.row.id), &sealed).map_err(StoreError::from)?;
    let (row, kind, given) = (known.row.clone(), known.kind, known.about.given.clone());
    let far = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let seen = far.clone();
    let work = move || {
        let chosen = row.separator.as_deref().and_then(Separator::parse);
        let encoding = row.encoding.as_deref().and_then(Encoding::parse);
        match sheet::decode(&bytes, encoding) {
            Ok(Decoded { encoding, text }) => {
                let separator = chosen.unwrap_or_else(|| sheet::separator_of(&text));
                seen.1.store(text.lines().count().saturating_sub(1), Ordering::Relaxed);
                let sense = Sense { separator, kind, given: &given, folds, zone: &zone };
                Read { found: columns::read(&text, &sense, |line| seen.0.store(line, Ordering::Relaxed)), encoding, separator }
            }
            // Only where another encoding was chosen afterwards: the upload was read.
            Err(_) => {
                let mut found = Found::default();
                found.add(Problem::new(0, None, "unreadable", ""));
                Read { found, encoding: encoding.unwrap_or(Encoding::Utf8), separator: chosen.unwrap_or(Separator::Comma) }
            }
        }
    };
    let mut work = tokio::task::spawn_blocking(work);
    loop {
        tokio::select! {
            read = &mut work => return Ok(read.map_err(|_| StoreError::Panicked)?),
            () = tokio::time::sleep(SOON) => {
                let (done, total) = (far.0.load(Ordering::Relaxed), far.1.load(Ordering::Relaxed));
                progress(app, &known.row.id, done.min(total), total).await;
            }
        }
    }
}

fn told(line: usize, error: &FieldError) -> Problem {
    let mut problem = Problem::new(line, Some(Column::of_field(error.field)), error.kind, "");
    problem.args = error.args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    problem
}

/// Tells how far a job has come. That it could not be told ends no job.
async fn progress(app: &App, id: &str, done: usize, total: usize) {
    let (id, done, total) = (id.to_owned(), done as i64, total as i64);
    if let Err(error) = app.store.write(move |tx| imports::progress(tx.conn, &id, done, total)).await {
        tracing::debug!(%error, "how far an import has come could not be told");
    }
}

/// Judges every broadcast as its import would be, without asking a platform; what is wrong goes to the problems. How many recipients there are.
async fn judge(app: &App, caller: &Caller, known: &Known, found: &mut Found) -> AppResult<usize> {
    let imports = std::mem::take(&mut found.imports);
    let (mut recipients, total) = (0, imports.len());
    let mut before: BTreeMap<(String, String, Option<String>), usize> = BTreeMap::new();
    for (n, (line, import)) in imports.iter().enumerate() {
        let line = *line;
        match import::judge(app, caller, import).await {
            Err(AppError::Invalid(errors)) => errors.iter().for_each(|error| found.add(told(line, error))),
            Err(error) => return Err(error),
            Ok(judged) => {
                recipients += judged.listed.as_ref().map_or(0, Vec::len);
                let connection = judged.connection.id;
                for message in &import.messages {
                    let key = (connection.clone(), message.id.clone(), message.room.clone());
                    if let Some(first) = before.insert(key.clone(), line) {
                        found.add(Problem::new(line, Some(Column::MessageId), "twice-in-table", &message.id).arg("line", first));
                        continue;
                    }
                    let there = app.store.read(move |conn| messages::known(conn, &key.0, &key.1, key.2.as_deref())).await?;
                    if there.is_some() {
                        found.add(already(known.kind, line, &message.id));
                    }
                }
            }
        }
        if n % OFTEN == OFTEN - 1 {
            progress(app, &known.row.id, n + 1, total).await;
        }
    }
    found.imports = imports;
    Ok(recipients)
}

/// Looks at a table; nothing of it is written.
pub async fn check(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let Some(known) = load(app, id, ImportState::Checking).await? else { return Ok(None) };
    let caller = owner(app, &known, CHECK).await?;
    let Read { mut found, encoding, separator } = read(app, &caller, &known).await?;
    let recipients = judge(app, &caller, &known, &mut found).await?;
    found.problems.sort_by_key(|problem| problem.line);
    let broadcasts: BTreeSet<usize> = found.imports.iter().map(|(line, _)| *line).collect();
    let about = About { problems: found.problems, ignored: found.ignored, ..known.about };
    let row = ImportRow {
        state: ImportState::Checked.as_str().to_owned(),
        encoding: Some(encoding.as_str().to_owned()),
        separator: Some(separator.as_str().to_owned()),
        about_sealed: seal_about(app, id, &about)?,
        done: found.rows as i64,
        total: found.rows as i64,
        problems: found.wrong as i64,
        broadcasts: broadcasts.len() as i64,
        recipients: recipients as i64,
        doubles: found.doubles as i64,
        ..known.row
    };
    // Thrown away meanwhile: so it stays.
    app.store.write(move |tx| imports::replace(tx.conn, row.clone())).await?;
    Ok(None)
}

/// Who is behind "everybody" of a connection: asked for once in a run, however many broadcasts are for everybody.
#[derive(Default)]
struct Everybody {
    /// By connection.
    asked: BTreeMap<String, Exchange<Vec<String>>>,
    /// What was answered, for each broadcast that rests on it.
    records: Vec<(String, Purpose, Answer)>,
}

impl Everybody {
    /// Lists them where `import` is for everybody. It stays as it is where the platform does not tell, or what it tells is no list of ids.
    async fn list(&mut self, app: &App, import: &mut Import, broadcast: &str) -> AppResult<()> {
        if import.recipients != Recipients::All {
            return Ok(());
        }
        let row = connections::usable(app, &import.connection).await?;
        let first = !self.asked.contains_key(&row.id);
        if first {
            let connector = connections::open(app, &row)?;
            self.asked.insert(row.id.clone(), connector.members().await);
        }
        let Some(exchange) = self.asked.get(&row.id) else { return Ok(()) };
        let platform = Platform::parse(&row.platform).unwrap_or(Platform::Manual);
        let told = exchange.result.as_ref().ok().and_then(|ids| audience::ids_of(ids.clone(), platform).ok()).filter(|ids| !ids.is_empty());
        if told.is_some() || (first && !exchange.calls.is_empty()) {
            let call = CallId::fresh().0;
            let answer = calls::answer(&app.store.keys().envelope, &call, exchange, Contents::None)?;
            let broadcast = Some(broadcast.to_owned());
            let purpose = Purpose { kind: "members", connection: Some(row.id), broadcast, attempt: 1, ..Purpose::default() };
            self.records.push((call, purpose, answer));
        }
        if let Some(ids) = told {
            import.recipients = Recipients::Listed(ids);
        }
        Ok(())
    }
}

/// Writes all of it, or nothing and says why.
pub async fn apply(app: &App, id: &str) -> AppResult<Option<Instant>> {
    let Some(known) = load(app, id, ImportState::Applying).await? else { return Ok(None) };
    let (who, now) = (known.row.owner_id.clone(), app.now());
    if !app.store.read(move |conn| allowed(conn, &who, now)).await? {
        let event = Caller::job(APPLY).event(Action::ImportApplied, subject(id));
        return failed(app, known, 1, vec![not_allowed()], event).await;
    }
    let caller = owner(app, &known, APPLY).await?;
    let Read { mut found, .. } = read(app, &caller, &known).await?;
    let (mut prepared, total, mut people, mut everybody) = (Vec::new(), found.imports.len(), 0, Everybody::default());
    for (n, (line, import)) in std::mem::take(&mut found.imports).into_iter().enumerate() {
        match prepare(app, &caller, import, id, &mut everybody).await {
            Ok(new) => {
                people += usize::try_from(new.row.recipients_count).unwrap_or_default();
                prepared.push((line, new));
            }
            Err(AppError::Invalid(errors)) => errors.iter().for_each(|error| found.add(told(line, error))),
            Err(AppError::Refused { kind, .. }) => found.add(Problem::new(line, None, kind, "")),
            Err(error) => return Err(error),
        }
        // Everybody of a platform, line after line: known only here.
        if people > MOST_PEOPLE {
            found.add(too_many(line));
            break;
        }
        if n % OFTEN == OFTEN - 1 || n + 1 == total {
            progress(app, id, n + 1, total).await;
        }
    }
    let event = caller.event(Action::ImportApplied, subject(id));
    if !found.problems.is_empty() || prepared.is_empty() {
        return failed(app, known, found.wrong, found.problems, event).await;
    }
    let recipients = people as i64;
    let made: Vec<String> = prepared.iter().map(|(_, new)| new.row.id.clone()).collect();
    let mut detail = states(known.state, ImportState::Done);
    (detail["broadcasts"], detail["recipients"], detail["by"]) = (made.len().into(), recipients.into(), known.row.owner_id.clone().into());
    let about = About { name: known.about.name.clone(), made, ..About::default() };
    let row = ImportRow {
        state: ImportState::Done.as_str().to_owned(),
        about_sealed: seal_about(app, id, &about)?,
        file_sealed: None,
        done: known.row.total,
        recipients,
        ..known.row.clone()
    };
    let (done, caller2, records) = (event.clone().detail(detail), caller.clone(), everybody.records);
    let (who, kind) = (known.row.owner_id.clone(), known.kind);
    let written = app
        .store
        .write(move |tx| {
            let now = tx.now();
            if !allowed(tx.conn, &who, now)? {
                return Ok(Some(not_allowed()));
            }
            let row = ImportRow { ended_at: Some(now.0), ..row.clone() };
            for (line, new) in &prepared {
                if import::known(tx.conn, new)?.is_some() {
                    // Imported by somebody else while this one was prepared.
                    return Ok(Some(already(kind, *line, "")));
                }
            }
            // Another run of this job was faster: it is written.
            if !imports::replace(tx.conn, row)? {
                return Ok(None);
            }
            let applied = tx.append(done.clone())?;
            for (_, new) in &prepared {
                import::put(tx, caller2.event(Action::BroadcastImported, Subject::new("broadcast", new.row.id.clone())), new)?;
            }
            for (call, purpose, answer) in &records {
                calls::observe(tx, applied.as_str(), call, purpose, answer)?;
            }
            Ok(None)
        })
        .await?;
    match written.value {
        None => Ok(None),
        Some(problem) => failed(app, known, 1, vec![problem], event).await,
    }
}

/// That the message in a line is known; the message of a list of recipients stands in none.
fn already(kind: Kind, line: usize, id: &str) -> Problem {
    match kind {
        Kind::Broadcasts => Problem::new(line, Some(Column::MessageId), "already-imported", id),
        Kind::Recipients => Problem::new(0, Some(Column::MessageId), "message-known", id),
    }
}

async fn prepare(app: &App, caller: &Caller, mut import: Import, id: &str, everybody: &mut Everybody) -> AppResult<Prepared> {
    let broadcast = BroadcastId::fresh().0;
    everybody.list(app, &mut import, &broadcast).await?;
    let mut new = import::prepare(app, caller, import, &broadcast).await?;
    new.detail["import"] = json!(id);
    Ok(new)
}

async fn failed(app: &App, known: Known, count: usize, problems: Vec<Problem>, event: Event) -> AppResult<Option<Instant>> {
    let mut detail = states(known.state, ImportState::Failed);
    (detail["by"], detail["error"]) = (known.row.owner_id.clone().into(), json!(problems.first().map(|problem| problem.kind.clone())));
    let event = event.outcome(Outcome::Failed).detail(detail);
    let about = About { problems, ..known.about };
    let row = ImportRow {
        state: ImportState::Failed.as_str().to_owned(),
        about_sealed: seal_about(app, &known.row.id, &about)?,
        file_sealed: None,
        problems: count.max(1) as i64,
        ..known.row
    };
    app.store
        .write(move |tx| {
            if imports::replace(tx.conn, ImportRow { ended_at: Some(tx.now().0), ..row.clone() })? {
                tx.append(event.clone())?;
            }
            Ok(())
        })
        .await?;
    Ok(None)
}
