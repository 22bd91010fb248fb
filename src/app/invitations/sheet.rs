//! Inviting many people by a table: a dry run says of each line what is wrong with it, and what was shown is then done wholly or not at all.
//! Between the two nothing is kept: the page carries the lines under the installation's key, for the person that they were shown to. Not here:
//! how a table is read (`domain::sheet`), one invitation ([`super`]).

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Making, Way, row, words};
use crate::{
    app::{App, AppError, AppResult, Caller, Done, FieldError, broadcasts::imports, refused, setup::check_roles},
    clock::Instant,
    connect::mail,
    crypto,
    domain::{
        event::{Action, Subject},
        role::{Permission, Role},
        sheet::{self, Rows},
        text,
    },
    evidence::csv,
    i18n::{Lang, Tr},
    id,
    store::{Conn, StoreError, departments, invitations, notices},
};

/// People that one table invites at most.
pub const MOST: usize = 100;
/// Longest file in bytes: the page carries its lines.
pub const LARGEST: usize = 28 << 10;
/// Longest text that the page carries for [`invite`]; a form's field holds as much (`web::console::newcomers`).
pub const CARRIED: usize = 64 << 10;

/// A line as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// In the file, from 1.
    pub line: usize,
    pub name: String,
    pub address: String,
    pub department: String,
    pub roles: String,
}

/// A line, what it means, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Judged {
    pub line: Line,
    pub roles: BTreeSet<Role>,
    department_id: Option<String>,
    pub problems: Vec<FieldError>,
}

/// What a dry run gave.
#[derive(Clone, Debug)]
pub struct Checked {
    pub lines: Vec<Judged>,
    /// What [`invite`] takes; nothing where something is wrong.
    pub sealed: Option<String>,
}

/// What the page carries: the lines and the ids that their invitations will have, so that nothing is done twice.
#[derive(Serialize, Deserialize)]
struct Carried {
    lines: Vec<Line>,
    ids: Vec<String>,
}

fn context(caller: &Caller) -> String {
    format!("users/{}/invitations", caller.user_id.as_deref().unwrap_or_default())
}

/// The columns by what their heads may be called.
const COLUMNS: [(&str, &[&str]); 4] = [
    ("name", &["name", "姓名"]),
    ("address", &["address", "mail", "email", "邮箱", "电子邮箱"]),
    ("department", &["department", "部门"]),
    ("roles", &["roles", "role", "角色"]),
];

fn too_many() -> AppError {
    AppError::Invalid(vec![FieldError::new("file", "too-many-people").arg("max", MOST)])
}

/// Reads a table: a head and a line a person.
///
/// # Errors
/// `Invalid` on `file`.
fn read(bytes: &[u8]) -> AppResult<Vec<Line>> {
    let wrong = |kind| AppError::invalid("file", kind);
    if bytes.len() > LARGEST {
        return Err(too_many());
    }
    let text = sheet::decode(bytes, None).map_err(|error| imports::unreadable("file", error))?.text;
    let mut rows = Rows::of(&text, sheet::separator_of(&text));
    let bad = |bad: sheet::BadRow| AppError::Invalid(vec![FieldError::new("file", "bad-row").arg("line", bad.line)]);
    let head = rows.next().ok_or_else(|| wrong("empty-file"))?.map_err(bad)?;
    let mut places: Vec<&str> = Vec::new();
    for cell in &head.cells {
        let title = cell.trim().to_lowercase();
        let known = COLUMNS.iter().find(|(_, titles)| titles.contains(&title.as_str())).map(|(name, _)| *name);
        match known.filter(|name| !places.contains(name)) {
            Some(name) => places.push(name),
            None => return Err(AppError::Invalid(vec![FieldError::new("file", "unknown-column").arg("name", cell.trim())])),
        }
    }
    if !places.contains(&"name") {
        return Err(wrong("no-name-column"));
    }
    let mut lines = Vec::new();
    for row in rows {
        let row = row.map_err(bad)?;
        if row.cells.len() > places.len() {
            return Err(AppError::Invalid(vec![FieldError::new("file", "bad-row").arg("line", row.line)]));
        }
        let mut line = Line { line: row.line, ..Line::default() };
        for (place, cell) in places.iter().zip(row.cells) {
            // A spreadsheet's way of writing what is no formula.
            let cell = csv::restore_typed(cell.trim()).trim().to_owned();
            match *place {
                "name" => line.name = cell,
                "address" => line.address = cell,
                "department" => line.department = cell,
                _ => line.roles = cell,
            }
        }
        lines.push(line);
        if lines.len() > MOST {
            return Err(too_many());
        }
    }
    if lines.is_empty() { Err(wrong("empty-file")) } else { Ok(lines) }
}

/// A role by its word or by its name in either language.
fn role(typed: &str) -> Option<Role> {
    let named = |lang| {
        let tr = Tr::new(lang);
        Role::ALL.iter().copied().find(|role| tr.word("role", role).eq_ignore_ascii_case(typed))
    };
    Role::parse(typed).or_else(|| named(Lang::ZhCn)).or_else(|| named(Lang::En))
}

/// What each line means, and what is wrong with it as things stand.
fn judge(conn: &mut Conn, lines: &[Line], now: Instant) -> Result<Vec<Judged>, StoreError> {
    let open: BTreeMap<String, String> =
        departments::department_list(conn)?.into_iter().filter(|d| d.closed_at.is_none()).map(|d| (d.name, d.id)).collect();
    let invited: BTreeSet<String> = invitations::addresses_open(conn, now.0)?.into_iter().map(|a| a.to_lowercase()).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = Vec::with_capacity(lines.len());
    for line in lines {
        let mut problems = Vec::new();
        if let Err(e) = text::line(&line.name, 60) {
            problems.push(FieldError::text("name", e));
        }
        if !line.address.is_empty() {
            let address = line.address.to_lowercase();
            if !mail::is_address(&line.address) {
                problems.push(FieldError::new("address", "not-an-address"));
            } else if let Some(first) = seen.get(&address) {
                problems.push(FieldError::new("address", "twice").arg("line", first));
            } else if invited.contains(&address) {
                problems.push(FieldError::new("address", "invited-already"));
            } else if notices::address_is_known(conn, &address)? {
                problems.push(FieldError::new("address", "has-account"));
            }
            seen.entry(address).or_insert(line.line);
        }
        let department_id = open.get(&line.department).cloned();
        if !line.department.is_empty() && department_id.is_none() {
            problems.push(FieldError::new("department", "no-such-department"));
        }
        let mut roles = BTreeSet::new();
        for typed in line.roles.split(['、', ';', '；', '，', '/', ',']).map(str::trim).filter(|typed| !typed.is_empty()) {
            match role(typed) {
                Some(role) => drop(roles.insert(role)),
                None => problems.push(FieldError::new("roles", "no-such-role").arg("role", typed)),
            }
        }
        if let Err(AppError::Invalid(more)) = check_roles(&roles) {
            problems.extend(more);
        }
        if roles.iter().any(|r| *r != Role::Requester) {
            problems.push(FieldError::new("roles", "role-not-yours"));
        }
        all.push(Judged { line: line.clone(), roles, department_id, problems });
    }
    Ok(all)
}

/// Looks through a table without doing anything; the system administrator's.
///
/// # Errors
/// `Forbidden`; `Invalid` on `file` where it is no such table. Each is recorded; what is wrong with single lines is not an error.
pub async fn check(app: &App, caller: &Caller, bytes: Vec<u8>) -> AppResult<Done<Checked>> {
    let about = Subject::new("invitation", "all");
    app.require(caller, Permission::UserManage, Action::InvitationsChecked, about.clone()).await?;
    let lines = match read(&bytes) {
        Ok(lines) => lines,
        Err(error) => return Err(app.refuse(caller, Action::InvitationsChecked, about, None, error).await),
    };
    let (now, judged_of) = (app.now(), lines.clone());
    let judged = app.store.read(move |conn| judge(conn, &judged_of, now)).await?;
    let problems = judged.iter().filter(|line| !line.problems.is_empty()).count();
    let carried = Carried { ids: lines.iter().map(|_| id::fresh()).collect(), lines };
    let bytes = serde_json::to_vec(&carried).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    let sealed = URL_SAFE_NO_PAD.encode(app.store.keys().envelope.seal(&context(caller), &bytes));
    // In another encoding than ours, a file that is short enough can become too long.
    if problems == 0 && sealed.len() > CARRIED {
        return Err(app.refuse(caller, Action::InvitationsChecked, about, None, too_many()).await);
    }
    let detail = json!({ "people": judged.len(), "problems": problems, "sha256": digest(&carried.lines)? });
    let receipt = app.record(caller.event(Action::InvitationsChecked, about).detail(detail)).await?;
    Ok(Done { value: Checked { lines: judged, sealed: (problems == 0).then_some(sealed) }, receipt })
}

/// What tells one list of people from another.
fn digest(lines: &[Line]) -> Result<String, StoreError> {
    let bytes = serde_json::to_vec(lines).map_err(|e| StoreError::Corrupt(e.to_string()))?;
    Ok(hex::encode(crypto::sha256(&bytes)))
}

/// Invites everybody of a table that [`check`] found nothing wrong with: all of them, or nobody.
///
/// # Errors
/// `Forbidden`; `Refused` with kind `sheet-stale` (somebody else's, or damaged), `sheet-done` (invited already) or `sheet-changed`
/// (something is wrong with a line by now). Each is recorded.
pub async fn invite(app: &App, caller: &Caller, sealed: &str) -> AppResult<Done<Vec<(String, Way)>>> {
    let about = Subject::new("invitation", "all");
    app.require(caller, Permission::UserManage, Action::InvitationsMade, about.clone()).await?;
    let opened = URL_SAFE_NO_PAD.decode(sealed).ok().and_then(|bytes| app.store.keys().envelope.open(&context(caller), &bytes).ok());
    let Some(carried) = opened.and_then(|bytes| serde_json::from_slice::<Carried>(&bytes).ok()) else {
        return Err(app.refuse(caller, Action::InvitationsMade, about, None, AppError::refused("sheet-stale")).await);
    };
    let address = |line: &Line| Some(line.address.clone()).filter(|a| !a.is_empty());
    let makings: Vec<Making> = carried.lines.iter().map(|line| Making::new(app, address(line).as_deref())).collect();
    let (made, by, ring) = (makings.clone(), caller.clone(), app.store.keys().clone());
    let sha256 = digest(&carried.lines)?;
    let written = app
        .store
        .write(move |tx| {
            let event = by.event(Action::InvitationsMade, about.clone());
            let now = tx.now();
            if let Some(first) = carried.ids.first()
                && invitations::invitation_find(tx.conn, first)?.is_some()
            {
                return refused(tx, event, AppError::refused("sheet-done"));
            }
            let judged = judge(tx.conn, &carried.lines, now)?;
            if judged.iter().any(|line| !line.problems.is_empty()) {
                return refused(tx, event, AppError::refused("sheet-changed"));
            }
            let (mut told, mut links) = (Vec::new(), Vec::new());
            for ((line, id), making) in judged.into_iter().zip(&carried.ids).zip(&made) {
                let mut row = row(id, &making.hash, "invite", &line.roles, line.department_id.clone(), by.user_id.clone(), now);
                (row.name, row.address) = (Some(line.line.name.clone()), address(&line.line));
                making.fill(tx, &ring.envelope, &mut row, 1)?;
                invitations::invitation_insert(tx.conn, &row)?;
                told.push(json!({
                    "id": id, "name": row.name, "address": row.address, "by": Way::word(making.by_mail), "roles": words(&line.roles),
                    "department_id": row.department_id,
                }));
                links.push((line.line, line.roles, Instant(row.expires_at)));
            }
            tx.append(event.detail(json!({ "people": told.len(), "sha256": sha256, "invitations": told })))?;
            Ok(Ok(links))
        })
        .await?;
    app.wake.notify_one();
    let done = Done::from_write(written)?;
    let ways = done.value.into_iter().zip(makings).map(|((line, roles, until), making)| {
        let to = address(&line);
        (line.name, making.way(to, roles, until))
    });
    Ok(Done { value: ways.collect(), receipt: done.receipt })
}
