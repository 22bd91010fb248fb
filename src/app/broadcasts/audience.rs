//! Whom a message goes to: what was typed becomes an audience, an audience becomes recipient rows and pieces.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    app::{AppError, AppResult, FieldError, content},
    connect::Audience,
    crypto::seal::Key,
    domain::platform::Platform,
    id::MessageId,
    ledger::set::Set,
    store::{
        StoreError,
        messages::MessageRow,
        recipients::{RecipientRow, set_of},
    },
};

/// Most recipients named one by one.
pub(super) const MOST: usize = 200_000;
/// Longest id in characters.
const LONGEST_ID: usize = 255;

/// Stands in the set for everybody, where the platform names nobody.
pub(super) const EVERYBODY: &str = "@all";

/// An audience as typed or posted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Everybody whom the connection can see.
    pub all: bool,
    pub users: Vec<String>,
    pub parties: Vec<String>,
    pub tags: Vec<String>,
}

impl Wanted {
    /// Ids as people type them: on lines, or between commas, semicolons or bars of either width.
    pub fn split(typed: &str) -> Vec<String> {
        typed.split(|c: char| c.is_whitespace() || ",;|，；、".contains(c)).filter(|id| !id.is_empty()).map(ToOwned::to_owned).collect()
    }

    /// Checks ids, drops doubles. WeCom's ids do not differ by case.
    pub(super) fn check(self, platform: Platform) -> AppResult<Audience> {
        let mut errors = Vec::new();
        let mut list = |field: &'static str, ids: Vec<String>| match ids_of(ids, platform) {
            Ok(ids) => ids,
            Err(kind) => {
                errors.push(FieldError::new(field, kind).arg("max", MOST));
                Vec::new()
            }
        };
        let audience =
            Audience { all: self.all, users: list("users", self.users), parties: list("parties", self.parties), tags: list("tags", self.tags) };
        let named = !(audience.users.is_empty() && audience.parties.is_empty() && audience.tags.is_empty());
        if errors.is_empty() && audience.all == named {
            errors.push(FieldError::new("users", if named { "all-or-some" } else { "nobody" }));
        }
        if errors.is_empty() { Ok(audience) } else { Err(AppError::Invalid(errors)) }
    }
}

/// Checked ids in the order of first mention.
pub(super) fn ids_of(ids: Vec<String>, platform: Platform) -> Result<Vec<String>, &'static str> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for id in ids {
        let id = id.trim().to_owned();
        let bad = |c: char| c.is_control() || c == '|' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if id.is_empty() {
            continue;
        }
        if id.starts_with("@all") || id.chars().count() > LONGEST_ID || id.chars().any(bad) {
            return Err("bad-id");
        }
        let folded = if platform == Platform::Wecom { id.to_lowercase() } else { id.clone() };
        if seen.insert(folded) {
            out.push(id);
        }
    }
    if out.len() > MOST { Err("too-many") } else { Ok(out) }
}

/// The ids that stand in the set for an audience. `members` is what `@all` means now, where the platform tells.
pub(super) fn recipients(audience: &Audience, members: Option<Vec<String>>) -> BTreeSet<String> {
    let groups = audience.parties.iter().map(|p| format!("party:{p}")).chain(audience.tags.iter().map(|t| format!("tag:{t}")));
    let mut ids: BTreeSet<String> = audience.users.iter().cloned().chain(groups).collect();
    match members {
        Some(members) if audience.all && !members.is_empty() => ids.extend(members),
        _ if audience.all => drop(ids.insert(EVERYBODY.to_owned())),
        _ => {}
    }
    ids
}

/// Recipient rows with their set, and message rows, one a piece; each recipient knows its piece.
pub(super) fn rows(
    key: &Key,
    broadcast: &str,
    platform: Platform,
    ids: &BTreeSet<String>,
    pieces: &[Audience],
) -> Result<(Vec<RecipientRow>, Set, Vec<MessageRow>), StoreError> {
    let mut recipients = content::recipient_rows(broadcast, ids, "unknown");
    let set = set_of(platform.as_str(), &recipients)?;
    let mut carrier: BTreeMap<String, String> = BTreeMap::new();
    let mut everybody = None;
    let mut messages = Vec::new();
    for (n, piece) in (0_i64..).zip(pieces) {
        let id = MessageId::fresh().0;
        let groups = piece.parties.iter().map(|p| format!("party:{p}")).chain(piece.tags.iter().map(|t| format!("tag:{t}")));
        for recipient in piece.users.iter().cloned().chain(groups) {
            carrier.insert(recipient, id.clone());
        }
        if piece.all {
            everybody = Some(id.clone());
        }
        messages.push(MessageRow::pending(id.clone(), broadcast.to_owned(), n, content::seal_piece(key, &id, piece)?));
    }
    for recipient in &mut recipients {
        recipient.message_id = carrier.get(&recipient.platform_id).or(everybody.as_ref()).cloned();
    }
    Ok((recipients, set, messages))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_split_and_doubles_dropped() {
        let typed = Wanted::split(" LinYuTong，b;c、\nlinyutong | d ");
        assert_eq!(typed, ["LinYuTong", "b", "c", "linyutong", "d"]);
        let wanted = Wanted { users: typed, ..Wanted::default() };
        assert_eq!(wanted.clone().check(Platform::Wecom).unwrap().users, ["LinYuTong", "b", "c", "d"]);
        assert_eq!(wanted.check(Platform::Matrix).unwrap().users.len(), 5, "elsewhere case tells people apart");
    }

    #[test]
    fn nobody_everybody_and_hostile_ids_are_named() {
        let kind = |wanted: Wanted| match wanted.check(Platform::Wecom) {
            Err(AppError::Invalid(errors)) => errors[0].kind,
            other => panic!("{other:?}"),
        };
        let users = |ids: &[&str]| Wanted { users: ids.iter().map(|s| (*s).to_owned()).collect(), ..Wanted::default() };
        assert_eq!(kind(Wanted::default()), "nobody");
        assert_eq!(kind(Wanted { all: true, ..users(&["a"]) }), "all-or-some");
        assert_eq!(kind(users(&["@all"])), "bad-id");
        assert_eq!(kind(users(&["a\0b"])), "bad-id");
        assert_eq!(kind(users(&["\u{202e}a"])), "bad-id");
    }

    #[test]
    fn everybody_without_a_list_is_one_entry_of_its_own() {
        let all = Audience { all: true, ..Audience::default() };
        assert_eq!(recipients(&all, None).into_iter().collect::<Vec<_>>(), ["@all"]);
        assert_eq!(recipients(&all, Some(vec!["b".to_owned(), "a".to_owned()])).into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
