//! Checking one batch of events by itself: leaves, parts, projection, and the tiles of leaf hashes. Batches are checked side by side;
//! what hangs together across them is settled where they come together (`events`).

use std::{collections::BTreeMap, hash::RandomState};

use zeroize::Zeroizing;

use super::{
    Checked, Kind, MOST, Problem, actors, contents, holds, keys,
    part_keys::{Ending, Found, PartKeys},
    policies,
    purges::{Erased, Told},
    rows::{Cell, Rows},
    stated, timestamps, words,
};
use crate::{
    crypto::blind::Mark,
    domain::kept::month,
    ledger::{
        commitment,
        leaf::Leaf,
        plain::Plain,
        succession,
        tile::WIDTH,
        tree::{Hash, leaf_hash, tile_root},
    },
    store::{
        search::{FROM_PARTS, field},
        tx::part_context,
        words::{Facts, Words},
    },
};

/// Missing events named one by one; a longer gap is told by its ends.
pub(super) const NAMED: i64 = 100;

/// Rows that belong together.
pub(super) struct Batch {
    /// The index that comes next in the log.
    pub next: i64,
    /// How many events were read before these: the place of the first in the tree.
    pub position: u64,
    /// What the head says of the log's length.
    pub size: Option<i64>,
    pub events: Rows,
    pub search: Rows,
    pub parts: Rows,
    /// Tiles of leaf hashes.
    pub tiles: Rows,
}

/// What checking a batch gave.
#[derive(Default)]
pub(super) struct Findings {
    pub problems: Vec<Problem>,
    pub checked: Checked,
    /// Rows of parts that belong to these events.
    pub matched: u64,
    pub last_at: i64,
    pub hashes: Vec<Hash>,
    /// Roots of the tiles that this batch fills from their first hash to their last, in order.
    pub roots: Vec<Hash>,
    /// Places whose leaf hash is not the one in its tile.
    pub suspects: Vec<u64>,
    /// Indices at or beyond the head's size, the first hundred.
    pub beyond: Vec<u64>,
    /// Where the log was renewed, and from which one.
    pub renewals: Vec<(u64, String)>,
    /// What events say of the log's keys.
    pub keys: Vec<keys::Told>,
    pub notes: Vec<contents::Note>,
    pub stated: Vec<stated::Told>,
    pub acts: actors::Acts,
    /// What events say of legal holds.
    pub holds: Vec<holds::Told>,
    /// What events say of the recall policy.
    pub policies: Vec<policies::Told>,
    pub tokens: Vec<timestamps::Told>,
    pub told: Told,
    /// Parts whose key is gone, by bucket.
    pub unopened: BTreeMap<String, u64>,
    /// What events say of keys of parts: which key ended, and how.
    pub endings: Vec<(u64, Ending, String)>,
    /// Index, and the sum over the words that the event has; 0 for an event beyond those that have any.
    pub words: Vec<(i64, u64)>,
}

/// What every batch is checked with.
#[derive(Clone, Copy)]
pub(super) struct With<'a> {
    pub keys: &'a PartKeys,
    pub words: &'a Words,
    pub hasher: &'a RandomState,
    /// Likewise, for what columns say.
    pub stating: &'a RandomState,
    /// The last index that may have words: what comes after is not asked for its own.
    pub worded: i64,
    pub erased: &'a Erased,
}

/// Whether a row of events can be read: index, id, leaf.
pub(super) fn readable_event(events: &Rows, row: usize) -> Option<(i64, &[u8], &[u8])> {
    Some((events.cell(row, 0).integer()?, events.cell(row, 1).text()?, events.cell(row, 2).bytes()?))
}

impl Findings {
    pub(super) fn of(batch: &Batch, with: With<'_>) -> Self {
        let mut found = Self::default();
        found.events(batch, with);
        found.tiles(batch);
        found
    }

    fn problem(&mut self, kind: Kind, table: &'static str, index: i64, detail: impl Into<String>) {
        if self.problems.len() < MOST {
            self.problems.push(Problem { kind, table, index: u64::try_from(index).ok(), detail: detail.into() });
        }
    }

    fn events(&mut self, batch: &Batch, with: With<'_>) {
        let Batch { events, search, .. } = batch;
        let parts_of = parts_of(batch);
        let (mut next, mut projected) = (batch.next, 0);
        for (row, parts) in parts_of.into_iter().enumerate() {
            let idx = events.cell(row, 0).integer().unwrap_or(next);
            self.matched += parts.len() as u64;
            self.missing(next, idx);
            next = idx.saturating_add(1);
            while search.cell(projected, 0).integer().is_some_and(|at| at < idx) {
                self.stray(search, projected);
                projected += 1;
            }
            let projection = (search.cell(projected, 0) == Cell::Integer(idx)).then_some(projected);
            projected += usize::from(projection.is_some());
            match readable_event(events, row) {
                Some((_, id, bytes)) => self.event(batch, with, (idx, id, bytes), parts, projection),
                None => self.problem(Kind::Leaf, "log_events", idx, "the row cannot be read"),
            }
        }
        for row in projected..search.len() {
            self.stray(search, row);
        }
    }

    fn stray(&mut self, search: &Rows, row: usize) {
        self.problem(Kind::Projection, "log_search", search.cell(row, 0).integer().unwrap_or(-1), "a row without an event");
    }

    /// Names the events from `next` to before `end`, which are not there.
    pub(super) fn missing(&mut self, next: i64, end: i64) {
        for index in next..end.min(next.saturating_add(NAMED)) {
            self.problem(Kind::Leaf, "log_events", index, "the event is missing");
        }
        if end.saturating_sub(next) > NAMED {
            self.problem(Kind::Leaf, "log_events", end - 1, format!("the events up to here are missing, from {next}"));
        }
    }

    fn event(
        &mut self,
        batch: &Batch,
        with: With<'_>,
        (idx, id, bytes): (i64, &[u8], &[u8]),
        parts: std::ops::Range<usize>,
        projection: Option<usize>,
    ) {
        self.checked.leaves += 1;
        self.hashes.push(leaf_hash(bytes));
        if batch.size.is_some_and(|size| idx >= size) && self.beyond.len() < NAMED as usize {
            self.beyond.extend(u64::try_from(idx));
        }
        let owned;
        let leaf = match Plain::read(bytes) {
            Some(leaf) => leaf,
            None => match Leaf::parse(bytes) {
                Ok(leaf) => {
                    owned = leaf;
                    if let Some(purge) = &owned.purge {
                        self.told.purges.push((u64::try_from(idx).unwrap_or(0), owned.id.clone(), purge.clone()));
                    }
                    Plain::of(&owned)
                }
                Err(e) => return self.problem(Kind::Leaf, "log_events", idx, e.to_string()),
            },
        };
        if leaf.id.as_bytes() != id {
            self.problem(Kind::Leaf, "log_events", idx, "the event's id is not the one in its leaf");
        }
        self.last_at = self.last_at.max(leaf.at.0);
        let opened = self.parts(&batch.parts, parts, with, idx, &leaf);
        self.checked.projections += 1;
        match projection {
            None => self.problem(Kind::Projection, "log_search", idx, "the row is missing"),
            Some(row) if !is_projection(&batch.search, row, &leaf, &opened) => {
                self.problem(Kind::Projection, "log_search", idx, "the row is not what leaf and parts give");
            }
            Some(_) => {}
        }
        if let Some(ending) = Ending::of(leaf.action) {
            self.endings.push((u64::try_from(idx).unwrap_or(0), ending, leaf.subject_id.to_owned()));
        }
        let sum = if idx <= with.worded { sum_of_words(with, idx, &leaf, &opened) } else { 0 };
        self.words.push((idx, sum));
        if leaf.action == "log.renewed" {
            self.renewals.push((u64::try_from(idx).unwrap_or(0), leaf.subject_id.to_owned()));
        }
        if [succession::ANNOUNCED, succession::RETIRED, succession::STOLEN].contains(&leaf.action) {
            let index = u64::try_from(idx).unwrap_or(0);
            let detail = opened.get("detail").and_then(|bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok());
            let until = detail.and_then(|detail| detail["until"].as_str().map(ToOwned::to_owned));
            let (id, action, subject) = (leaf.id.to_owned(), leaf.action.to_owned(), leaf.subject_id.to_owned());
            self.keys.push(keys::Told { index, id, action, subject, until });
        }
        self.notes.extend(contents::note(u64::try_from(idx).unwrap_or(0), &leaf, opened.get("detail")));
        self.stated.extend(stated::told(with.stating, u64::try_from(idx).unwrap_or(0), &leaf, opened.get("detail")));
        self.acts.note(u64::try_from(idx).unwrap_or(0), &leaf);
        self.holds.extend(holds::told(u64::try_from(idx).unwrap_or(0), &leaf, opened.get("detail")));
        self.policies.extend(policies::told(u64::try_from(idx).unwrap_or(0), &leaf));
        self.tokens.extend(timestamps::told(u64::try_from(idx).unwrap_or(0), &leaf, opened.get("detail")));
    }

    fn parts<'l>(&mut self, rows: &Rows, of_event: std::ops::Range<usize>, with: With<'_>, idx: i64, leaf: &Plain<'l>) -> Opened<'l> {
        let mut opened = Opened::default();
        let mut present = Vec::with_capacity(of_event.len());
        let due = if of_event.is_empty() { String::new() } else { month(leaf.at) };
        for row in of_event {
            self.checked.parts += 1;
            let (name, at, salt, sealed) = (rows.cell(row, 1), rows.cell(row, 2), rows.cell(row, 3), rows.cell(row, 4));
            let Some((name, commitment)) = leaf.parts.iter().find(|(given, _)| name.says(given)) else {
                let name = String::from_utf8_lossy(name.text().unwrap_or_default()).into_owned();
                self.problem(Kind::Part, "log_parts", idx, format!("the leaf names no part {name}"));
                continue;
            };
            if present.contains(name) {
                self.problem(Kind::Part, "log_parts", idx, format!("the part {name} stands twice"));
            }
            present.push(*name);
            if with.erased.names(leaf.id, name).is_some() {
                self.problem(Kind::Part, "log_parts", idx, format!("the part {name} was purged and is here again"));
            }
            if !at.says(&due) {
                self.problem(Kind::Part, "log_parts", idx, format!("the part {name} lies in the wrong month"));
            }
            match with.keys.open(rows.cell(row, 5), &part_context(leaf.id, name), salt, sealed) {
                Found::Open(salt, value) if commitment::commit(&salt, &value) == *commitment => opened.0.push((name, value)),
                Found::Open(..) => self.problem(Kind::Part, "log_parts", idx, format!("the part {name} is not what the leaf commits to")),
                Found::Damaged => self.problem(Kind::Part, "log_parts", idx, format!("the part {name} does not open")),
                Found::Keyless(bucket) => *self.unopened.entry(bucket).or_default() += 1,
            }
        }
        for (name, _) in leaf.parts.iter().filter(|(name, _)| !present.contains(name)) {
            if let Some(purge) = with.erased.names(leaf.id, name) {
                self.told.gone(purge, (u64::try_from(idx).unwrap_or(0), leaf.at));
                continue;
            }
            self.problem(Kind::MissingPart, "log_parts", idx, format!("the part {name} is missing and no purge names it"));
        }
        opened
    }

    /// Compares leaf hashes with their tiles. Where one differs either the leaf or the tile was changed: the root decides, so both are
    /// remembered. A tile whose hashes lie in two batches is compared by each with its own.
    fn tiles(&mut self, batch: &Batch) {
        const WIDE: u64 = WIDTH as u64;
        let hashes = std::mem::take(&mut self.hashes);
        let end = batch.position + hashes.len() as u64;
        let (mut place, mut row) = (batch.position, 0);
        while place < end {
            let (index, skipped) = (place / WIDE, (place % WIDE) as usize);
            let until = end.min((index + 1) * WIDE);
            let ours = &hashes[(place - batch.position) as usize..(until - batch.position) as usize];
            if ours.len() == WIDTH {
                self.roots.push(tile_root(ours));
            }
            while batch.tiles.cell(row, 0).integer().is_some_and(|at| at < index as i64) {
                row += 1;
            }
            let stored = (batch.tiles.cell(row, 0) == Cell::Integer(index as i64)).then(|| batch.tiles.cell(row, 1).bytes().unwrap_or_default());
            let stored_hash = |nth: usize| stored.and_then(|bytes| bytes.get((skipped + nth) * 32..(skipped + nth + 1) * 32));
            let holds = ours.iter().enumerate().all(|(nth, hash)| stored_hash(nth) == Some(hash));
            match stored {
                Some(_) if holds => self.checked.tiles += u64::from(skipped == 0),
                Some(_) => {
                    self.problem(Kind::Tile, "log_tiles", index as i64, format!("tile 0/{index} is not what the events give"));
                    let differs = |nth: &usize| stored_hash(*nth) != Some(&ours[*nth]);
                    self.suspects.extend((0..ours.len()).filter(differs).map(|nth| place + nth as u64));
                }
                None if skipped == 0 => self.problem(Kind::Tile, "log_tiles", index as i64, format!("tile 0/{index} is missing")),
                None => {}
            }
            place = until;
        }
        self.hashes = hashes;
    }
}

/// Parts of one event in the clear.
#[derive(Default)]
struct Opened<'a>(Vec<(&'a str, Zeroizing<Vec<u8>>)>);

impl Opened<'_> {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_slice())
    }
}

/// The sum over the words that an event must have.
fn sum_of_words(with: With<'_>, idx: i64, leaf: &Plain<'_>, opened: &Opened<'_>) -> u64 {
    let facts = Facts { actor: leaf.actor_id, subject: leaf.subject_id, outcome: leaf.outcome, case: leaf.case };
    let marks = with.words.of(facts, opened.0.iter().map(|(name, value)| (*name, value.as_slice())));
    words::sum(with.hasher, idx, marks.iter().map(Mark::as_str))
}

/// For each row of events the rows of its parts. Both are sorted by event id: the parts by the database, the events here, as nearly
/// always they already are.
fn parts_of(batch: &Batch) -> Vec<std::ops::Range<usize>> {
    let Batch { events, parts, .. } = batch;
    let mut of = vec![0..0; events.len()];
    if parts.len() == 0 {
        return of;
    }
    let mut order: Vec<(&[u8], usize)> = (0..events.len()).filter_map(|row| Some((events.cell(row, 1).text()?, row))).collect();
    order.sort_unstable();
    let mut at = 0;
    for (id, row) in order {
        let owner = |at: usize| parts.cell(at, 0).text().unwrap_or_default();
        while at < parts.len() && owner(at) < id {
            at += 1;
        }
        let start = at;
        let mut end = start;
        while end < parts.len() && owner(end) == id {
            end += 1;
        }
        // Not past them: another event may bear the same id, past the product.
        of[row] = start..end;
    }
    of
}

/// Whether a row is what [`crate::store::search::project`] gives for this leaf.
fn is_projection(search: &Rows, row: usize, leaf: &Plain<'_>, opened: &Opened<'_>) -> bool {
    let is = |column: usize| search.cell(row, column);
    let [actor_name, client_ip, device_id] = FROM_PARTS.map(|(part, key)| field(opened.get(part)?, key));
    is(1).says(leaf.id)
        && is(2) == Cell::Integer(leaf.at.0)
        && is(3).says(leaf.action)
        && is(4).says(leaf.outcome)
        && is(5).says(leaf.actor_id)
        && is(6).may_say(actor_name.as_deref())
        && is(7).says(leaf.subject_kind)
        && is(8).says(leaf.subject_id)
        && is(9).may_say(leaf.case)
        && is(10).may_say(leaf.session)
        && is(11).may_say(client_ip.as_deref())
        && is(12).may_say(device_id.as_deref())
}
