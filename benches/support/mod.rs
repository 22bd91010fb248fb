//! What the benchmarks share: pace, ratios with their targets, and the smoke run that `cargo test` makes of them.

// Each benchmark takes what it needs.
#![allow(dead_code)]

use std::time::{Duration, Instant};

/// Whether this is a measurement. `cargo bench` says so with `--bench`; `cargo test` does not, and then everything runs once, tiny.
pub fn measuring() -> bool {
    std::env::args().any(|a| a == "--bench")
}

/// Whether `name` was asked for; with no name everything is.
pub fn wanted(name: &str) -> bool {
    let mut names = std::env::args().skip(1).filter(|a| !a.starts_with('-')).peekable();
    names.peek().is_none() || names.any(|n| name.contains(&n))
}

/// How often a pair is measured; the median ratio counts.
pub fn rounds() -> usize {
    if measuring() { 3 } else { 1 }
}

/// `full` when measuring, else a few.
pub fn amount(full: usize) -> usize {
    if measuring() { full } else { full.min(64) }
}

/// Things done in a time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub n: usize,
    pub took: Duration,
}

impl Pace {
    pub fn of(n: usize, work: impl FnOnce()) -> Self {
        let start = Instant::now();
        work();
        Self { n, took: start.elapsed() }
    }

    pub fn since(n: usize, start: Instant) -> Self {
        Self { n, took: start.elapsed() }
    }

    pub fn rate(&self) -> f64 {
        self.n as f64 / self.took.as_secs_f64()
    }
}

/// One line of the table: two paces of the same run, and the ratio that was hoped for.
pub struct Line {
    pub what: String,
    /// Ours and the other's, things a second, of the round with the median ratio.
    pub ours: f64,
    pub other: f64,
    /// What the other is.
    pub against: &'static str,
    /// At least, and aim.
    pub target: Option<(f64, f64)>,
}

impl Line {
    /// Measures the two in turns, the other first.
    pub fn measure(
        what: impl Into<String>,
        against: &'static str,
        target: Option<(f64, f64)>,
        mut other: impl FnMut() -> Pace,
        mut ours: impl FnMut() -> Pace,
    ) -> Self {
        let pairs = (0..rounds())
            .map(|_| {
                let other = other().rate();
                (ours().rate(), other)
            })
            .collect();
        Self::of(what, against, target, pairs)
    }

    /// Of paces (ours, the other's) measured already, a pair a round.
    pub fn of(what: impl Into<String>, against: &'static str, target: Option<(f64, f64)>, mut pairs: Vec<(f64, f64)>) -> Self {
        pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
        let (ours, other) = pairs[pairs.len() / 2];
        Self { what: what.into(), ours, other, against, target }
    }

    pub fn ratio(&self) -> f64 {
        self.ours / self.other
    }

    /// Prints the line as it stands in the README's table.
    pub fn print(&self) {
        let (least, verdict) = match self.target {
            None => ("–".to_owned(), ""),
            Some((least, aim)) => {
                let verdict = match self.ratio() {
                    r if r >= aim => "aim reached",
                    r if r >= least => "target reached",
                    _ => "**below target**",
                };
                (format!("{least} / {aim}"), verdict)
            }
        };
        println!(
            "| {} | {} | {} ({}) | **{}** | {least} | {verdict} |",
            self.what,
            short(self.ours),
            short(self.other),
            self.against,
            ratio(self.ratio())
        );
    }
}

/// The table's head; `LINE`s follow.
pub fn head() {
    println!("| what | ours, /s | against, /s | ratio | at least / aim | |");
    println!("|---|---|---|---|---|---|");
}

fn ratio(value: f64) -> String {
    if value >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{:.2} M", v / 1e6),
        v if v >= 1e4 => format!("{:.0}k", v / 1e3),
        v if v >= 1e3 => format!("{:.1}k", v / 1e3),
        v => format!("{v:.0}"),
    }
}
