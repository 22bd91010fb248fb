//! The list of people as a table, for the review of who may do what: whoever may see the list may take it with them, as it is filtered. Not
//! here: the list itself (`app::users`), the event of it, which every reading of people leaves (`app::looks`).

use super::{App, AppResult, Caller, Turn, people, users};
use crate::{
    evidence::csv::{self, Cell},
    store::{passkeys, users::Filter},
};

/// Columns, in their order.
pub const COLUMNS: [&str; 9] = ["name", "account", "roles", "department", "state", "last_sign_in", "second_factor", "read_only_until", "account_id"];

/// The people that `filter` lets through as CSV (RFC 4180, BOM), times in UTC; roles, states and factors as words that do not change with
/// the language.
///
/// # Errors
/// `Forbidden` for who may not see the list.
pub async fn export(app: &App, caller: &Caller, mut filter: Filter) -> AppResult<String> {
    users::may_look(caller)?;
    filter.text = filter.text.trim().to_owned();
    let read = app.store.read(move |conn| {
        let keys = passkeys::holders(conn)?;
        Ok((people::person_page(conn, &filter, &Turn::First, i64::MAX)?, keys))
    });
    let (people, keys) = read.await?;
    let mut text = csv::header(COLUMNS);
    for p in people {
        let factor = match (p.has_second_factor, keys.contains(&p.id)) {
            (true, true) => "totp+passkey",
            (true, false) => "totp",
            (false, true) => "passkey",
            (false, false) => "none",
        };
        let roles: Vec<&str> = p.roles.iter().map(|role| role.as_str()).collect();
        text.push_str(&csv::line(&[
            Cell::text(p.name),
            Cell::text(p.username),
            Cell::plain(roles.join(" ")),
            Cell::text(p.department.unwrap_or_default()),
            Cell::plain(p.state),
            Cell::optional(p.signed_in_at.map(|at| at.to_rfc3339())),
            Cell::plain(factor),
            Cell::optional(p.valid_until.map(|at| at.to_rfc3339())),
            Cell::plain(p.id),
        ]));
    }
    Ok(text)
}
