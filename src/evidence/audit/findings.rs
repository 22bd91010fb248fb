//! Cases, exceptions, counts and the sample, read off the leaves in the order of the log. Whoever makes a pack and whoever checks one feed
//! the same events and get the same findings. Holds a few hundred bytes for each case, and nothing of the other events but counts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::facts::Engagement;
use crate::{
    clock::Instant,
    crypto::sha256,
    domain::{
        audit::ExceptionKind,
        event::{Action, Outcome},
        recall::Mode,
    },
    ledger::{
        closing::Closing,
        leaf::Leaf,
        tree::{Hash, leaf_hash},
    },
};

/// Events of a case whose `detail` is read.
pub const OPENED: [Action; 12] = [
    Action::RecallSubmitted,
    Action::RecallResubmitted,
    Action::RecallDecided,
    Action::RecallWithdrawn,
    Action::RecallExpired,
    Action::RecallLevelOpened,
    Action::RecallExecutionStarted,
    Action::RecallHalted,
    Action::RecallCaptureUploaded,
    Action::RecallCaptureConfirmed,
    Action::RecallFinished,
    Action::CaseClosed,
];

/// Events shown for each control, beside the first and the last.
const SHOWN: usize = 5;

/// An event's place and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub index: u64,
    pub event: String,
    pub at: Instant,
}

/// A decision of the last round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    pub mark: Mark,
    pub decision: String,
    pub decider: String,
}

/// Whether the count and hash in `case.closed` are those of the case's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    Holds,
    Differs {
        expected: String,
        actual: String,
    },
    /// Its detail was erased.
    Unknown,
}

/// One case of the population.
#[derive(Clone, Debug)]
pub struct Case {
    pub id: String,
    /// `FR-20261122-0001`; empty where nothing tells it any more.
    pub number: String,
    pub opened: Mark,
    /// SHA-256 of the submission's leaf, hex.
    pub line: String,
    pub requester: String,
    pub class: String,
    pub mode: String,
    pub cut_off: Option<Instant>,
    pub due: Vec<Instant>,
    pub rounds: u64,
    /// Of the last round, by level.
    pub levels: [Option<Level>; 3],
    pub executed: Option<Mark>,
    pub finished: Option<Mark>,
    pub state: String,
    pub tally: Option<Value>,
    pub closed: Option<Mark>,
    pub closing: Option<Closed>,
    /// How many events it has, up to its closing.
    pub events: u64,
    /// Places and leaf hashes until it is closed.
    trail: Vec<(u64, Hash)>,
}

/// One exception.
#[derive(Clone, Debug)]
pub struct Exception {
    pub kind: ExceptionKind,
    /// Id of the case, if there is one.
    pub case: Option<String>,
    pub mark: Mark,
    pub actor: String,
    /// `name=value` with blanks between.
    pub about: String,
}

/// Events of one action and outcome within the period.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    pub count: u64,
    pub first: u64,
    pub last: u64,
    /// Key and index of those that the seed draws.
    drawn: Vec<(String, u64)>,
}

impl Stat {
    /// Indices of some, drawn by the seed.
    pub fn samples(&self) -> Vec<u64> {
        let mut indices: Vec<u64> = self.drawn.iter().map(|(_, index)| *index).collect();
        indices.sort_unstable();
        indices
    }
}

/// SHA-256 over the seed and then the id, hex: the smallest keys are the sample. `printf '%s%s' "$SEED" "$ID" | sha256sum` says the same.
pub fn key(seed: &str, id: &str) -> String {
    hex::encode(sha256(format!("{seed}{id}").as_bytes()))
}

/// What was found.
pub struct Found {
    /// In the order in which they were opened.
    pub cases: Vec<Case>,
    /// In the order of the log.
    pub exceptions: Vec<Exception>,
    pub stats: BTreeMap<(String, String), Stat>,
    /// Key and place in `cases`, by key.
    pub sample: Vec<(String, usize)>,
}

/// Findings in the making.
pub struct Findings {
    seed: String,
    size: usize,
    wanted: BTreeSet<ExceptionKind>,
    from: Instant,
    to: Instant,
    order: Vec<String>,
    cases: BTreeMap<String, Case>,
    exceptions: Vec<Exception>,
    stats: BTreeMap<(String, String), Stat>,
    /// Person -> function -> first event in it.
    functions: BTreeMap<String, BTreeMap<String, Mark>>,
}

fn text(detail: Option<&Value>, pointer: &str) -> String {
    detail.and_then(|d| d.pointer(pointer)).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn instant(detail: Option<&Value>, pointer: &str) -> Option<Instant> {
    Instant::parse(&text(detail, pointer))
}

fn due(detail: Option<&Value>) -> Option<Vec<Instant>> {
    detail?.get("due")?.as_array().map(|all| all.iter().filter_map(|d| Instant::parse(d.as_str()?)).collect())
}

impl Findings {
    /// For a period from `from` to before `to`.
    pub fn new(audit: &Engagement, (from, to): (Instant, Instant)) -> Self {
        Self {
            seed: audit.seed.clone(),
            size: usize::try_from(audit.sample_size).unwrap_or(usize::MAX),
            wanted: audit.exceptions.iter().copied().collect(),
            from,
            to,
            order: Vec::new(),
            cases: BTreeMap::new(),
            exceptions: Vec::new(),
            stats: BTreeMap::new(),
            functions: BTreeMap::new(),
        }
    }

    fn within(&self, at: Instant) -> bool {
        self.from <= at && at < self.to
    }

    fn submits(&self, leaf: &Leaf) -> bool {
        leaf.action == Action::RecallSubmitted.as_str() && leaf.outcome == Outcome::Success.as_str() && self.within(leaf.at)
    }

    /// Whether the event's `detail` is read; ask before feeding it.
    pub fn wants(&self, leaf: &Leaf) -> bool {
        let Some(case) = &leaf.case else { return false };
        self.submits(leaf) || (self.cases.contains_key(case) && OPENED.iter().any(|a| a.as_str() == leaf.action))
    }

    /// Cases that are not closed so far.
    pub fn open_cases(&self) -> Vec<String> {
        self.order.iter().filter(|id| self.cases[*id].closed.is_none()).cloned().collect()
    }

    /// Takes the next event of the log; `detail` where [`Findings::wants`] said so and it still exists.
    pub fn feed(&mut self, index: u64, bytes: &[u8], leaf: &Leaf, detail: Option<&Value>) {
        let mark = Mark { index, event: leaf.id.clone(), at: leaf.at };
        if self.within(leaf.at) {
            self.count(index, leaf);
            if leaf.outcome == Outcome::Refused.as_str() {
                let about = format!("action={}", leaf.action);
                self.except(ExceptionKind::Refused, leaf, &mark, about);
            }
            if leaf.action == Action::SecondFactorReset.as_str() && leaf.outcome == Outcome::Success.as_str() {
                let about = format!("account={}", leaf.subject.id);
                self.except(ExceptionKind::SecondFactorReset, leaf, &mark, about);
            }
            if leaf.action == Action::SelfRecallFiled.as_str() && leaf.outcome == Outcome::Success.as_str() {
                let about = format!("filing={}", leaf.subject.id);
                self.except(ExceptionKind::SelfFiled, leaf, &mark, about);
            }
        }
        if self.submits(leaf)
            && let Some(id) = leaf.case.clone()
        {
            self.open(id, bytes, leaf, &mark, detail);
        }
        self.of_case(bytes, leaf, &mark, detail);
    }

    fn count(&mut self, index: u64, leaf: &Leaf) {
        let key = key(&self.seed, &leaf.id);
        let stat = self.stats.entry((leaf.action.clone(), leaf.outcome.clone())).or_default();
        if stat.count == 0 {
            stat.first = index;
        }
        (stat.count, stat.last) = (stat.count + 1, index);
        let place = stat.drawn.partition_point(|(k, _)| *k < key);
        if place < SHOWN {
            stat.drawn.insert(place, (key, index));
            stat.drawn.truncate(SHOWN);
        }
    }

    fn except(&mut self, kind: ExceptionKind, leaf: &Leaf, mark: &Mark, about: String) {
        if self.wanted.contains(&kind) {
            self.exceptions.push(Exception { kind, case: leaf.case.clone(), mark: mark.clone(), actor: leaf.actor.id.clone(), about });
        }
    }

    fn function(&mut self, person: &str, function: String, mark: &Mark) {
        self.functions.entry(person.to_owned()).or_default().entry(function).or_insert_with(|| mark.clone());
    }

    fn open(&mut self, id: String, bytes: &[u8], leaf: &Leaf, mark: &Mark, detail: Option<&Value>) {
        let case = Case {
            id: id.clone(),
            number: text(detail, "/number"),
            opened: mark.clone(),
            line: hex::encode(sha256(bytes)),
            requester: leaf.actor.id.clone(),
            class: text(detail, "/class"),
            mode: text(detail, "/mode"),
            cut_off: instant(detail, "/cut_off"),
            due: due(detail).unwrap_or_default(),
            rounds: 1,
            levels: [None, None, None],
            executed: None,
            finished: None,
            state: text(detail, "/after/state"),
            tally: None,
            closed: None,
            closing: None,
            events: 0,
            trail: Vec::new(),
        };
        self.function(&leaf.actor.id, "requester".to_owned(), mark);
        if case.mode == Mode::Guided.as_str() {
            self.except(ExceptionKind::Guided, leaf, mark, String::new());
        }
        self.order.push(id.clone());
        self.cases.insert(id, case);
    }

    fn of_case(&mut self, bytes: &[u8], leaf: &Leaf, mark: &Mark, detail: Option<&Value>) {
        let Some(case) = leaf.case.as_ref().and_then(|id| self.cases.get_mut(id)) else { return };
        if case.closed.is_some() {
            return;
        }
        let action = Action::parse(&leaf.action);
        if action == Some(Action::CaseClosed) {
            case.closing = Some(closing(&case.trail, detail));
            case.closed = Some(mark.clone());
            case.trail = Vec::new();
            let state = text(detail, "/state");
            if !state.is_empty() {
                case.state = state;
            }
            return;
        }
        case.trail.push((mark.index, leaf_hash(bytes)));
        case.events += 1;
        if leaf.outcome != Outcome::Success.as_str() && action != Some(Action::RecallFinished) {
            return;
        }
        let state = text(detail, "/after/state");
        if !state.is_empty() {
            case.state = state;
        }
        if let Some(tally) = detail.and_then(|d| d.get("tally")) {
            case.tally = Some(tally.clone());
        }
        match action {
            Some(Action::RecallDecided) => self.decided(leaf, mark, detail),
            Some(Action::RecallResubmitted) => {
                case.rounds += 1;
                case.levels = [None, None, None];
                case.due = due(detail).unwrap_or_else(|| case.due.clone());
                self.except(ExceptionKind::Resubmitted, leaf, mark, String::new());
            }
            Some(Action::RecallWithdrawn) => self.except(ExceptionKind::Withdrawn, leaf, mark, String::new()),
            Some(Action::RecallTransferred) => self.except(ExceptionKind::Delegated, leaf, mark, String::new()),
            Some(Action::RecallOrdered) => self.except(ExceptionKind::RecallFirst, leaf, mark, String::new()),
            Some(Action::RecallExpired) => self.except(ExceptionKind::Expired, leaf, mark, String::new()),
            Some(Action::RecallHalted) => self.except(ExceptionKind::Halted, leaf, mark, String::new()),
            Some(Action::RecallExecutionStarted) => {
                case.executed = Some(mark.clone());
                if let Some(cut_off) = case.cut_off.filter(|cut_off| mark.at > *cut_off) {
                    self.except(ExceptionKind::InReserve, leaf, mark, format!("window_end={}", cut_off.to_rfc3339()));
                }
            }
            Some(Action::RecallCaptureUploaded) => {
                case.executed.get_or_insert_with(|| mark.clone());
                self.function(&leaf.actor.id, "operator".to_owned(), mark);
            }
            Some(Action::RecallCaptureConfirmed) => self.function(&leaf.actor.id, "confirmer".to_owned(), mark),
            Some(Action::RecallFinished) => {
                case.finished = Some(mark.clone());
                let n = |name: &str| case.tally.as_ref().and_then(|t| t.get(name)).and_then(Value::as_u64).unwrap_or(0);
                let (unknown, visible, failed) = (n("unknown"), n("still_visible"), n("failed"));
                if unknown + visible + failed > 0 || case.state == "failed" {
                    let about = format!("state={} unknown={unknown} still_visible={visible} failed={failed}", case.state);
                    self.except(ExceptionKind::Incomplete, leaf, mark, about);
                }
            }
            _ => {}
        }
    }

    fn decided(&mut self, leaf: &Leaf, mark: &Mark, detail: Option<&Value>) {
        let Some(case) = leaf.case.as_ref().and_then(|id| self.cases.get_mut(id)) else { return };
        let level = detail.and_then(|d| d.get("level")).and_then(Value::as_u64).filter(|n| (1..=3).contains(n)).unwrap_or(0);
        let (decision, told) = (text(detail, "/decision"), text(detail, "/decider"));
        let decider = if told.is_empty() { leaf.actor.id.clone() } else { told };
        let mut late = None;
        if level > 0 {
            let place = usize::try_from(level - 1).unwrap_or(0);
            case.levels[place] = Some(Level { mark: mark.clone(), decision: decision.clone(), decider: decider.clone() });
            late = case.due.get(place).copied().filter(|due| mark.at > *due);
        }
        self.function(&decider, format!("level_{level}"), mark);
        if let Some(due) = late {
            self.except(ExceptionKind::Late, leaf, mark, format!("level={level} due={} decided={}", due.to_rfc3339(), mark.at.to_rfc3339()));
        }
        match decision.as_str() {
            "return" => self.except(ExceptionKind::Returned, leaf, mark, format!("level={level}")),
            "reject" => self.except(ExceptionKind::Rejected, leaf, mark, format!("level={level}")),
            _ => {}
        }
        let resets = detail.and_then(|d| d.get("second_factor_resets")).and_then(Value::as_array).map_or(0, Vec::len);
        if resets > 0 {
            self.except(ExceptionKind::SecondFactorReset, leaf, mark, format!("level={level} resets={resets}"));
        }
    }

    /// What came of it.
    pub fn finish(mut self) -> Found {
        let cases: Vec<Case> = self.order.iter().filter_map(|id| self.cases.remove(id)).collect();
        if self.wanted.contains(&ExceptionKind::Open) {
            let open = cases.iter().filter(|c| c.closed.is_none());
            self.exceptions.extend(open.map(|c| Exception {
                kind: ExceptionKind::Open,
                case: Some(c.id.clone()),
                mark: c.opened.clone(),
                actor: c.requester.clone(),
                about: format!("state={}", c.state),
            }));
        }
        if self.wanted.contains(&ExceptionKind::SeveralRoles) {
            for (person, functions) in self.functions.into_iter().filter(|(_, functions)| functions.len() > 1) {
                let about: Vec<String> = functions.iter().map(|(name, mark)| format!("{name}={}", mark.index)).collect();
                let Some(mark) = functions.into_values().max_by_key(|mark| mark.index) else { continue };
                self.exceptions.push(Exception { kind: ExceptionKind::SeveralRoles, case: None, mark, actor: person, about: about.join(" ") });
            }
        }
        self.exceptions.sort_by(|a, b| (a.mark.index, a.kind, &a.actor).cmp(&(b.mark.index, b.kind, &b.actor)));
        let mut sample: Vec<(String, usize)> = cases.iter().enumerate().map(|(place, c)| (key(&self.seed, &c.id), place)).collect();
        sample.sort();
        sample.truncate(self.size);
        Found { cases, exceptions: self.exceptions, stats: self.stats, sample }
    }
}

/// Holds the events of a case against what its `case.closed` says of them.
fn closing(trail: &[(u64, Hash)], detail: Option<&Value>) -> Closed {
    let number = |key: &str| detail.and_then(|d| d.get(key)).and_then(Value::as_u64);
    let (Some(count), Some(first), Some(last)) = (number("count"), number("first"), number("last")) else { return Closed::Unknown };
    let hash = text(detail, "/leaf_hashes");
    let counted = Closing::of(trail.iter().copied().filter(|(index, _)| *index <= last));
    let said = |count: u64, first: u64, last: u64, hash: &str| format!("{count} events, {first} to {last}, {hash}");
    let expected = said(count, first, last, &hash);
    let actual = counted.map_or_else(|| "no events".to_owned(), |c| said(c.count, c.first, c.last, &hex::encode(c.leaf_hashes)));
    if expected == actual { Closed::Holds } else { Closed::Differs { expected, actual } }
}
