//! The lists of broadcasts, of cases and of people as files: CSV with what the screen shows, by the same use cases as the screen, so that nobody
//! carries away what they cannot see. Read page by page. Not here: what a list finds (`recalls::list`, `broadcasts::view`, `users`), the trail
//! (`audit::export`).

use serde_json::{Value, json};

use super::{
    App, AppError, AppResult, Caller, Done, Turn, broadcasts::view, people::Person, pieces::Pieces, recalls::list as recalls, refused, step_up, users,
};
use crate::{
    clock::Instant,
    domain::{
        event::{Action, Subject},
        role::Permission,
    },
    evidence::{
        csv::{self, Cell},
        tables::local,
    },
    i18n::Tr,
    store::passkeys,
    words,
};

/// Rows read at a time.
const PIECE: usize = 500;

words! {
    /// A list of the console.
    pub enum List {
        Recalls = "recalls",
        Broadcasts = "broadcasts",
        /// What waits for somebody.
        Approvals = "approvals",
        /// Accounts.
        Users = "users",
    }
}

impl List {
    /// Each of these is enough to see it.
    pub(super) const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Recalls | Self::Approvals => &[Permission::RecallRead],
            Self::Broadcasts => &[Permission::BroadcastRead],
            Self::Users => &users::LOOK,
        }
    }

    /// That by which the caller sees it, or would.
    pub(super) fn permission(self, caller: &Caller) -> Permission {
        let any = self.permissions();
        any.iter().copied().find(|p| caller.may(*p)).unwrap_or(any[0])
    }

    /// Whether what narrows it can be kept as a view.
    pub const fn has_views(self) -> bool {
        !matches!(self, Self::Users)
    }

    /// Whether it can be a file: what waits for somebody changes by the minute.
    pub const fn is_exported(self) -> bool {
        !matches!(self, Self::Approvals)
    }

    /// What can narrow it: the fields of its address.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Recalls => &["state", "class", "platform", "department", "requester", "from", "until", "ended", "ended_until", "number", "q"],
            Self::Approvals => &["task", "left", "class", "platform", "q"],
            Self::Broadcasts => &["from", "to", "platform", "state", "department", "sender", "q"],
            Self::Users => &["q", "department", "role", "state"],
        }
    }
}

/// What a file is made from.
#[derive(Clone, Debug)]
pub enum Source {
    Recalls(recalls::Wanted),
    Broadcasts(view::Wanted),
    Users(users::Filter),
}

impl Source {
    /// Of which list.
    pub const fn list(&self) -> List {
        match self {
            Self::Recalls(_) => List::Recalls,
            Self::Broadcasts(_) => List::Broadcasts,
            Self::Users(_) => List::Users,
        }
    }

    /// What the file's columns are called: keys `list-column-<word>`.
    const fn columns(&self) -> &'static [&'static str] {
        match self {
            Self::Recalls(_) => &[
                "number",
                "title",
                "state",
                "level",
                "class",
                "mode",
                "requester",
                "recipients",
                "submitted-utc",
                "submitted",
                "due-utc",
                "due",
                "cut-off-utc",
                "cut-off",
                "zone",
            ],
            Self::Broadcasts(_) => &[
                "id",
                "title",
                "channel",
                "platform",
                "origin",
                "sender",
                "recipients",
                "sent-utc",
                "sent",
                "window-utc",
                "window",
                "zone",
                "broadcast-state",
                "case",
                "case-state",
            ],
            Self::Users(_) => &[
                "name",
                "account",
                "roles",
                "department",
                "account-state",
                "signed-in-utc",
                "signed-in",
                "second-factor",
                "read-only-utc",
                "read-only",
                "zone",
                "account-id",
            ],
        }
    }
}

/// A list in the making.
pub struct File {
    app: App,
    caller: Caller,
    source: Source,
    tr: Tr,
    head: bool,
    next: Option<Turn>,
}

/// Begins to export what `source` finds, in the words of `tr`; leaves `list.exported` with what was `asked` (an object) and the number of
/// rows. A fresh one-time `code` is spent by that event.
///
/// # Errors
/// `Forbidden`; `Invalid` on `totp` and the refusals of `step_up::spend_totp`. Each is recorded. And when it cannot be recorded, for then
/// nothing may be carried away.
pub async fn export(app: &App, caller: &Caller, source: Source, tr: &Tr, asked: Value, code: &str) -> AppResult<Done<File>> {
    let list = source.list();
    let about = Subject::new("list", list.as_str());
    let permission = list.permission(caller);
    app.require(caller, permission, Action::ListExported, about.clone()).await?;
    let rows = match &source {
        Source::Recalls(wanted) => recalls::count(app, caller, wanted).await?,
        Source::Broadcasts(wanted) => view::count(app, caller, wanted).await?,
        Source::Users(filter) => users::count(app, caller, filter.clone()).await?,
    };
    let event = caller.event(Action::ListExported, about).detail(json!({ "format": "csv", "rows": rows }));
    let event = event.text(if asked == json!({}) { Value::Null } else { json!({ "query": asked }) });
    let (ring, by, code) = (app.store.keys().clone(), caller.user_id.clone(), code.to_owned());
    let written = app.write_of(caller.audits(), move |tx| {
        let Some(by) = &by else { return refused(tx, event.clone(), AppError::Forbidden(permission)) };
        if let Err(error) = step_up::spend_totp(tx, &ring, by, &code)? {
            return refused(tx, event.clone(), error);
        }
        tx.append(event.clone())?;
        Ok(Ok(()))
    });
    let done = Done::from_write(written.await?)?;
    Ok(Done { value: File::new(app, caller, source, tr), receipt: done.receipt })
}

/// The same file once more, for the second of two clicks.
///
/// # Errors
/// `Forbidden`, recorded.
pub async fn again(app: &App, caller: &Caller, source: Source, tr: &Tr) -> AppResult<File> {
    let list = source.list();
    app.require(caller, list.permission(caller), Action::ListExported, Subject::new("list", list.as_str())).await?;
    Ok(File::new(app, caller, source, tr))
}

impl File {
    fn new(app: &App, caller: &Caller, source: Source, tr: &Tr) -> Self {
        Self { app: app.clone(), caller: caller.clone(), source, tr: tr.clone(), head: true, next: Some(Turn::First) }
    }

    pub fn list(&self) -> List {
        self.source.list()
    }

    /// An instant twice: as programs read it, and as people do. Empty for none.
    fn at(&self, at: Option<Instant>) -> [Cell; 2] {
        let Some(at) = at else { return [Cell::empty(), Cell::empty()] };
        [Cell::plain(at.to_rfc3339()), Cell::plain(local(at, &self.app.config.time_zone))]
    }

    fn case(&self, line: &recalls::Line) -> String {
        let mut cells = vec![
            Cell::plain(&line.number),
            Cell::text(line.title.clone().unwrap_or_default()),
            Cell::text(self.tr.word("recall-state", line.state)),
            Cell::text(line.level.map(|level| self.tr.t(&format!("level-{level}"))).unwrap_or_default()),
            Cell::text(self.tr.word("harm-class", line.class)),
            Cell::text(self.tr.word("list-mode", line.mode)),
            Cell::text(&line.requester),
            Cell::plain(line.recipients),
        ];
        for at in [Some(line.submitted_at), line.due, line.cut_off] {
            cells.extend(self.at(at));
        }
        cells.push(Cell::plain(&self.app.config.time_zone));
        csv::line(&cells)
    }

    fn broadcast(&self, line: &view::Line) -> String {
        let broadcast = &line.broadcast;
        let mut cells = vec![
            Cell::plain(&broadcast.id),
            Cell::text(line.title.clone().unwrap_or_default()),
            Cell::text(&broadcast.channel),
            Cell::text(self.tr.word("platform", broadcast.platform)),
            Cell::text(self.tr.word("broadcast-origin", &broadcast.origin)),
            Cell::text(line.sender.clone().unwrap_or_default()),
            Cell::plain(broadcast.recipients.count),
        ];
        for at in [broadcast.sent_at, broadcast.window_end()] {
            cells.extend(self.at(at));
        }
        let (number, state) = line.case.as_ref().map(|(_, number, state)| (number.as_str(), state.as_str())).unwrap_or_default();
        cells.extend([
            Cell::plain(&self.app.config.time_zone),
            Cell::text(self.tr.word("broadcast-state", &broadcast.state)),
            Cell::plain(number),
            Cell::text(if state.is_empty() { String::new() } else { self.tr.word("recall-state", state) }),
        ]);
        csv::line(&cells)
    }

    /// An account. Roles, state and factor in words: it is read by those who review who may do what.
    fn person(&self, person: &Person, has_passkey: bool) -> String {
        let factor = match (person.has_second_factor, has_passkey) {
            (true, true) => "both",
            (true, false) => "totp",
            (false, true) => "passkey",
            (false, false) => "none",
        };
        let roles: Vec<String> = person.roles.iter().map(|role| self.tr.word("role", role)).collect();
        let mut cells = vec![
            Cell::text(&person.name),
            Cell::text(&person.username),
            Cell::text(self.tr.list(&roles)),
            Cell::text(person.department.clone().unwrap_or_default()),
            Cell::text(self.tr.word("user-state", person.state)),
        ];
        cells.extend(self.at(person.signed_in_at));
        cells.push(Cell::text(self.tr.word("list-factor", factor)));
        cells.extend(self.at(person.valid_until));
        cells.extend([Cell::plain(&self.app.config.time_zone), Cell::plain(&person.id)]);
        csv::line(&cells)
    }
}

impl Pieces for File {
    async fn next(&mut self) -> AppResult<Option<String>> {
        if std::mem::take(&mut self.head) {
            let heads: Vec<String> = self.source.columns().iter().map(|column| self.tr.t(&format!("list-column-{column}"))).collect();
            return Ok(Some(csv::header(heads.iter().map(String::as_str))));
        }
        let Some(turn) = self.next.take() else { return Ok(None) };
        let (text, below) = match self.source.clone() {
            Source::Recalls(wanted) => {
                let page = recalls::piece(&self.app, &self.caller, wanted, turn, PIECE).await?;
                (page.lines.iter().map(|line| self.case(line)).collect(), page.below)
            }
            Source::Broadcasts(wanted) => {
                let page = view::piece(&self.app, &self.caller, wanted, turn, PIECE).await?;
                (page.lines.iter().map(|line| self.broadcast(line)).collect(), page.below)
            }
            Source::Users(filter) => {
                let page = users::piece(&self.app, &self.caller, filter, turn, PIECE).await?;
                let keys = self.app.store.read(passkeys::holders).await?;
                (page.people.iter().map(|person| self.person(person, keys.contains(&person.id))).collect(), page.below)
            }
        };
        self.next = below.map(Turn::Down);
        Ok(Some(text))
    }
}
