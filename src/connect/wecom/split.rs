//! Cutting an audience into pieces that one call takes: 1000 users, 100 parties, 100 tags; `@all` is one piece (platforms.md §1.2).

use std::collections::HashSet;

use super::refused_here;
use crate::connect::{Audience, ConnectError};

const USERS: usize = 1000;
const PARTIES: usize = 100;
const TAGS: usize = 100;

/// The pieces, none of them empty. Users, parties and tags share pieces as long as they can: who is in two of them then gets one message.
pub(super) fn pieces(audience: &Audience) -> Vec<Audience> {
    if audience.all {
        return vec![Audience { all: true, ..Audience::default() }];
    }
    let [users, parties, tags] =
        [(&audience.users, USERS), (&audience.parties, PARTIES), (&audience.tags, TAGS)].map(|(ids, size)| chunks(ids, size));
    let part = |lists: &[Vec<String>], n: usize| lists.get(n).cloned().unwrap_or_default();
    (0..users.len().max(parties.len()).max(tags.len()))
        .map(|n| Audience { all: false, users: part(&users, n), parties: part(&parties, n), tags: part(&tags, n) })
        .collect()
}

fn chunks(ids: &[String], size: usize) -> Vec<Vec<String>> {
    let mut seen = HashSet::new();
    let once: Vec<String> = ids.iter().filter(|id| seen.insert(id.as_str())).cloned().collect();
    once.chunks(size).map(<[String]>::to_vec).collect()
}

/// Refuses a piece that would reach others than it names: an id with the separator in it, or `@all` among the users.
pub(super) fn check(piece: &Audience) -> Result<(), ConnectError> {
    if piece.all {
        return Ok(());
    }
    if piece.users.is_empty() && piece.parties.is_empty() && piece.tags.is_empty() {
        return Err(refused_here("no_recipients", "the audience is empty"));
    }
    if piece.users.len() > USERS || piece.parties.len() > PARTIES || piece.tags.len() > TAGS {
        return Err(refused_here("audience_too_large", "the audience was not split"));
    }
    let odd = |id: &&String| id.trim().is_empty() || id.contains('|') || id.trim().eq_ignore_ascii_case("@all") || id.contains(char::is_control);
    match piece.users.iter().chain(&piece.parties).chain(&piece.tags).find(odd) {
        Some(id) => Err(refused_here("odd_recipient", &format!("{id:?} is no recipient's id"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: usize, prefix: &str) -> Vec<String> {
        (0..n).map(|i| format!("{prefix}{i}")).collect()
    }

    #[test]
    fn pieces_keep_to_the_documented_limits_and_lose_nobody() {
        let audience = Audience { all: false, users: ids(2501, "u"), parties: ids(101, "p"), tags: ids(1, "t") };
        let pieces = pieces(&audience);
        assert_eq!(
            pieces.iter().map(|p| (p.users.len(), p.parties.len(), p.tags.len())).collect::<Vec<_>>(),
            [(1000, 100, 1), (1000, 1, 0), (501, 0, 0)]
        );
        assert_eq!(pieces.iter().flat_map(|p| p.users.clone()).collect::<Vec<_>>(), audience.users);
        assert!(pieces.iter().all(|p| check(p).is_ok()));
    }

    #[test]
    fn everybody_is_one_piece_and_nobody_is_none() {
        let all = Audience { all: true, users: ids(5000, "u"), ..Audience::default() };
        assert_eq!(pieces(&all), [Audience { all: true, ..Audience::default() }]);
        assert!(pieces(&Audience::default()).is_empty());
        let twice = Audience { users: vec!["a".to_owned(), "a".to_owned()], ..Audience::default() };
        assert_eq!(pieces(&twice)[0].users, ["a"], "named twice, sent once");
    }

    #[test]
    fn an_id_that_would_reach_others_is_refused() {
        for id in ["@all", " @ALL", "a|b", "", " ", "a\nb"] {
            let piece = Audience { users: vec!["ok".to_owned(), id.to_owned()], ..Audience::default() };
            assert!(matches!(check(&piece), Err(ConnectError::Refused { .. })), "{id:?}");
        }
        assert!(matches!(check(&Audience::default()), Err(ConnectError::Refused { .. })));
    }
}
