//! Walking the events: one thread reads them in batches, others check the batches, and here what they found comes together in order:
//! the tree, the tiles above the first level, the roots that checkpoints ask for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use super::{
    Audit, Kind, Walked,
    actors::Actors,
    check::{Batch, Findings, NAMED, With, readable_event},
    contents,
    marks::Mark,
    part_keys::PartKeys,
    purges::{Erased, Told},
    source::Source,
    stated::Stated,
    words::Sums,
};
use crate::{
    ledger::{
        tile::{WIDTH, encode_tile},
        tree::{Frontier, Hash, tile_root},
    },
    store::{StoreError, log, words::Words},
};

/// Batches that wait to be checked; they hold a few megabytes each.
const WAITING: usize = 2;
/// Between two batches of a gentle walk.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
/// Threads that check: where reading and the tree are done, more would wait.
const CHECKERS: usize = 3;

/// A batch, and where its findings are awaited.
type Job = (Batch, mpsc::SyncSender<Findings>);

/// Reads and checks every event that `source` has.
pub(super) fn walk(
    source: &mut Source<'_>,
    audit: &mut Audit<'_>,
    head: Option<&log::Head>,
    marks: &[Mark],
    (keys, erased): (&PartKeys, &Erased),
    gentle: bool,
) -> Result<Walked, StoreError> {
    let size = head.map(|h| h.size);
    let wanted: BTreeSet<u64> = marks.iter().map(|m| m.checkpoint().size).chain(head.map(log::Head::size)).collect();
    let mut tree = Tree::new(wanted);
    let words = Words::new(audit.keys);
    let (hasher, stating) = (tree.walked.words.hasher(), tree.walked.stated.hasher());
    let worded = source.last_worded()?;
    let (jobs, waiting) = mpsc::sync_channel::<Job>(WAITING);
    let waiting = Mutex::new(waiting);
    let (promised, promises) = mpsc::sync_channel(WAITING + CHECKERS);
    let cores = if gentle { 1 } else { thread::available_parallelism().map_or(1, usize::from) };
    let reading = &mut *source;
    let end = thread::scope(|scope| {
        for _ in 0..cores.saturating_sub(1).clamp(1, CHECKERS) {
            scope.spawn(|| serve(&waiting, With { keys, words: &words, hasher: &hasher, stating: &stating, worded, erased }));
        }
        let reader = scope.spawn(move || read(reading, size, jobs, promised, gentle));
        for findings in promises {
            let findings: Findings = findings.recv().map_err(|_| StoreError::Panicked)?;
            tree.take(audit, findings);
        }
        reader.join().map_err(|_| StoreError::Panicked)?
    })?;
    let mut rest = Findings::default();
    rest.missing(end, size.unwrap_or(end));
    tree.take(audit, rest);
    tree.walked.end = end;
    tree.upper(source, audit)?;
    Ok(tree.walked)
}

/// Checks batches as long as some come.
fn serve(waiting: &Mutex<mpsc::Receiver<Job>>, with: With<'_>) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((batch, answer)) = job else { return };
        // Nobody waits any more if reading failed.
        let _ = answer.send(Findings::of(&batch, with));
    }
}

/// Reads all batches, and promises the findings of each in order; the index after the last event.
fn read(
    source: &mut Source<'_>,
    size: Option<i64>,
    jobs: mpsc::SyncSender<Job>,
    promised: mpsc::SyncSender<mpsc::Receiver<Findings>>,
    gentle: bool,
) -> Result<i64, StoreError> {
    let (mut next, mut position) = (0, 0);
    loop {
        let events = source.events(next)?;
        let Some(last) = events.len().checked_sub(1) else { return Ok(next) };
        let end = events.cell(last, 0).integer().unwrap_or(next);
        let search = source.search(next, end)?;
        let ids: Vec<&[u8]> = (0..events.len()).filter_map(|row| events.cell(row, 1).text()).collect();
        let parts = source.parts(&ids)?;
        let readable = (0..events.len()).filter(|row| readable_event(&events, *row).is_some()).count() as u64;
        let tile = |place: u64| i64::try_from(place / WIDTH as u64).unwrap_or(i64::MAX);
        let tiles = source.tiles(0, tile(position), tile(position + readable))?;
        let batch = Batch { next, position, size, events, search, parts, tiles };
        let (answer, findings) = mpsc::sync_channel(1);
        if promised.send(findings).is_err() || jobs.send((batch, answer)).is_err() {
            return Ok(next);
        }
        next = end.saturating_add(1);
        position += readable;
        if gentle {
            thread::sleep(PAUSE);
        }
    }
}

/// The tree as it grows from batch to batch.
struct Tree {
    walked: Walked,
    /// Sizes at which the root is wanted, not yet reached.
    wanted: BTreeSet<u64>,
    /// Roots of the full tiles of leaf hashes.
    full: Vec<Hash>,
    /// Leaf hashes of the tile that is not full.
    open: Vec<Hash>,
}

impl Tree {
    fn new(mut wanted: BTreeSet<u64>) -> Self {
        let mut walked = Walked {
            frontier: Frontier::new(),
            last_at: 0,
            end: 0,
            parts: 0,
            roots: BTreeMap::new(),
            suspects: BTreeSet::new(),
            beyond: Vec::new(),
            renewals: Vec::new(),
            keys: Vec::new(),
            bound: contents::Bound::default(),
            stated: Stated::default(),
            actors: Actors::default(),
            holds: Vec::new(),
            policies: Vec::new(),
            tokens: Vec::new(),
            told: Told::default(),
            unopened: BTreeMap::new(),
            endings: Vec::new(),
            words: Sums::default(),
        };
        if wanted.remove(&0) {
            walked.roots.insert(0, walked.frontier.root());
        }
        Self { walked, wanted, full: Vec::new(), open: Vec::new() }
    }

    fn take(&mut self, audit: &mut Audit<'_>, findings: Findings) {
        let walked = &mut self.walked;
        for problem in findings.problems {
            audit.problem(problem.kind, problem.table, problem.index, problem.detail);
        }
        audit.report.checked.leaves += findings.checked.leaves;
        audit.report.checked.parts += findings.checked.parts;
        audit.report.checked.projections += findings.checked.projections;
        audit.report.checked.tiles += findings.checked.tiles;
        walked.last_at = walked.last_at.max(findings.last_at);
        walked.parts += findings.matched;
        walked.suspects.extend(findings.suspects);
        walked.beyond.extend(findings.beyond);
        walked.renewals.extend(findings.renewals);
        walked.keys.extend(findings.keys);
        walked.beyond.truncate(NAMED as usize);
        findings.notes.into_iter().for_each(|note| walked.bound.note(note));
        findings.stated.into_iter().for_each(|told| walked.stated.note(told));
        walked.actors.add(findings.acts);
        walked.holds.extend(findings.holds);
        walked.policies.extend(findings.policies);
        walked.tokens.extend(findings.tokens);
        walked.told.add(findings.told);
        for (bucket, parts) in findings.unopened {
            *walked.unopened.entry(bucket).or_default() += parts;
        }
        walked.endings.extend(findings.endings);
        walked.words.expect(findings.words);
        self.grow(&findings.hashes, findings.roots.into_iter());
    }

    /// Appends leaf hashes; `roots` are those of the tiles that lie whole among them.
    fn grow(&mut self, mut hashes: &[Hash], mut roots: impl Iterator<Item = Hash>) {
        while !hashes.is_empty() {
            let (now, later) = hashes.split_at(hashes.len().min(WIDTH - self.open.len()));
            hashes = later;
            if now.len() == WIDTH {
                let root = roots.next().unwrap_or_else(|| tile_root(now));
                self.full.push(root);
                let size = self.walked.frontier.size();
                // Roots within the tile are had only leaf by leaf.
                if self.wanted.range(size + 1..size + WIDTH as u64).next().is_some() {
                    now.iter().for_each(|hash| self.append(*hash));
                } else {
                    self.walked.frontier.append_tile(root);
                    self.reached();
                }
            } else {
                now.iter().for_each(|hash| self.append(*hash));
                self.open.extend(now);
                if self.open.len() == WIDTH {
                    self.full.push(tile_root(&self.open));
                    self.open.clear();
                }
            }
        }
    }

    fn append(&mut self, hash: Hash) {
        self.walked.frontier.append(hash);
        self.reached();
    }

    fn reached(&mut self) {
        let size = self.walked.frontier.size();
        if self.wanted.remove(&size) {
            self.walked.roots.insert(size, self.walked.frontier.root());
        }
    }

    /// Compares the tiles above the first level.
    fn upper(&mut self, source: &mut Source<'_>, audit: &mut Audit<'_>) -> Result<(), StoreError> {
        let mut hashes = std::mem::take(&mut self.full);
        for level in 1.. {
            let Some(last) = hashes.len().checked_sub(1) else { break };
            let stored = source.tiles(level, 0, i64::try_from(last / WIDTH).unwrap_or(i64::MAX))?;
            let mut row = 0;
            for (index, tile) in hashes.chunks(WIDTH).enumerate() {
                let is_here = stored.cell(row, 0).integer() == i64::try_from(index).ok();
                match stored.cell(row, 1).bytes().filter(|_| is_here) {
                    Some(bytes) if bytes.starts_with(&encode_tile(tile)) => audit.report.checked.tiles += 1,
                    _ => {
                        let what = if is_here { "not what the events give" } else { "missing" };
                        audit.problem(Kind::Tile, "log_tiles", Some(index as u64), format!("tile {level}/{index} is {what}"));
                    }
                }
                row += usize::from(is_here);
            }
            hashes = hashes.chunks_exact(WIDTH).map(tile_root).collect();
        }
        Ok(())
    }
}
