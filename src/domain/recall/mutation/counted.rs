//! How often the random stories come to each state and ask each guard: a property over places that no story reaches would say nothing.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use super::{Config, Guard, Rules, State, Story, stories};

/// Stories that are counted.
const TOLD: u32 = 40_000;
/// How often they come to each state at least.
const REACHED: u32 = 30;
/// How often they ask each guard at least, and how often it refuses.
const ASKED: (u32, u32) = (100, 2);

thread_local! {
    /// For each guard how often this thread asked it, and how often it did not hold.
    static COUNTS: [(Cell<u32>, Cell<u32>); 128] = const { [const { (Cell::new(0), Cell::new(0)) }; 128] };
}

thread_local! {
    /// The guards that said no since [`begin`], a bit each.
    static REFUSED: Cell<u128> = const { Cell::new(0) };
}

/// A story begins on this thread.
pub(super) fn begin() {
    REFUSED.set(0);
}

/// The guards that said no in it.
pub(super) fn refused() -> BTreeSet<Guard> {
    Guard::ALL.iter().copied().filter(|guard| REFUSED.get() & (1 << *guard as u128) != 0).collect()
}

/// Counts that a guard was asked.
pub(in crate::domain::recall) fn count(guard: Guard, holds: bool) {
    COUNTS.with(|counts| {
        let (asked, refused) = &counts[guard as usize];
        asked.set(asked.get().wrapping_add(1));
        refused.set(refused.get().wrapping_add(u32::from(!holds)));
    });
    if !holds {
        REFUSED.set(REFUSED.get() | (1 << guard as u128));
    }
}

#[test]
fn stories_come_to_every_state_and_ask_every_guard() {
    let reached = std::cell::RefCell::new(BTreeMap::<State, u32>::new());
    let config = Config { cases: TOLD, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let count = |state: State| *reached.borrow_mut().entry(state).or_default() += 1;
    runner
        .run(&stories(), |(mode, acts)| {
            let mut story = Story::new(Rules::ALL, mode);
            count(story.case.state);
            for act in &acts {
                let before = story.case.state;
                story.take(act)?;
                if story.case.state != before {
                    count(story.case.state);
                }
            }
            Ok(())
        })
        .expect("no story breaks the machine");
    // Nothing makes a case superseded: the word stands in the formats for what other systems hand over.
    let reached = reached.into_inner();
    let times = |state: &State| reached.get(state).copied().unwrap_or_default();
    let rare: Vec<_> = State::ALL.iter().map(|s| (*s, times(s))).filter(|(s, n)| *s != State::Superseded && *n < REACHED).collect();
    assert!(rare.is_empty() && times(&State::Superseded) == 0, "reached less than {REACHED} times: {rare:?}");
    let times = |guard: &Guard| COUNTS.with(|counts| (counts[*guard as usize].0.get(), counts[*guard as usize].1.get()));
    let rare: Vec<_> = Guard::ALL.iter().map(|g| (*g, times(g))).filter(|(_, (all, no))| *all < ASKED.0 || *no < ASKED.1).collect();
    assert!(rare.is_empty(), "asked or refused less than {ASKED:?} times: {rare:?}");
}
