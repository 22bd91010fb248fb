//! The charts of the first page: where everything stands, in hundredths of what it is drawn in, and each chart's one sentence. Words are
//! in HTML and never in a picture; every figure that a list shows is a link to it. Not here: the figures themselves (`app::overview`).

use super::audit::{WEEK, WeekDay, week};
use crate::{
    app::overview::{DAYS, End, MOST, Outcomes, Overview, WEEKS},
    domain::lead::Lead,
    web::Page,
};

/// A rectangle of a chart; `tone` is the class that colours it.
pub struct Rect {
    pub tone: &'static str,
    pub x: u64,
    pub y: u64,
    pub width: u64,
    pub height: u64,
}

/// A figure with what it is, a note, and the list behind it.
pub struct Figure {
    pub label: String,
    pub value: String,
    pub note: String,
    /// Empty where no list shows it.
    pub href: String,
}

/// A row of figures with a bar.
pub struct Bar {
    pub name: String,
    pub href: String,
    pub rects: Vec<Rect>,
    pub cells: Vec<String>,
}

/// A day of the columns' table.
pub struct DayRow {
    pub date: String,
    pub href: String,
    pub cells: Vec<String>,
}

/// A line of a legend: colour, words, and the list behind it.
pub struct Key {
    pub tone: &'static str,
    pub label: String,
    pub href: String,
}

/// Everything that the page draws of the cases.
pub struct Charts {
    pub figures: Vec<Figure>,
    pub days: Vec<Rect>,
    pub days_say: String,
    pub days_axis: Vec<String>,
    pub days_most: [String; 3],
    pub days_keys: Vec<Key>,
    pub day_rows: Vec<DayRow>,
    pub leads: Vec<Bar>,
    pub leads_say: String,
    pub outcomes: Vec<Bar>,
    pub outcomes_say: String,
    pub outcomes_href: String,
    /// What senders took back by themselves; empty where nothing was filed.
    pub filings_say: String,
    pub week: Vec<WeekDay>,
    pub week_say: String,
    pub week_href: String,
    /// Whether any case was ever asked for in the time that the charts show.
    pub any: bool,
    /// What is said where not all that ended is in the figures; else empty.
    pub cut: String,
    /// Whether any of them has ended.
    pub ended: bool,
    /// Whether any of them went through all levels at once.
    pub led: bool,
}

/// The width of a chart and the height of the columns, in its own units.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 200;
const TONES: [&str; 4] = ["g-ok", "g-warn", "g-bad", "g-mute"];

/// Draws the figures.
pub fn charts(page: &Page, found: &Overview) -> Charts {
    let of = List { department: found.department.clone().unwrap_or_default() };
    let (first, last) = (found.days.first().map(|d| d.date.to_string()), found.days.last().map(|d| d.date.to_string()));
    let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
    let ended = |more: &[(&str, &str)]| of.href(&[&[("ended", first.as_str()), ("ended_until", last.as_str())], more].concat());
    let totals: Vec<u64> = (0..4).map(|n| found.days.iter().map(|day| day.ends[n]).sum()).collect();
    let keys = End::ALL.iter().zip(TONES).zip(&totals).map(|((end, tone), n)| Key {
        tone,
        label: page.pair(&page.word("recall-state", end.asked()), &page.num(*n)),
        href: ended(&[("state", end.asked())]),
    });
    let top = rounded(found.days.iter().map(|day| day.ends.iter().sum()).max().unwrap_or(0));
    let (leads, leads_say) = leads(page, found);
    let from = found.week_from.to_string();
    Charts {
        figures: figures(page, found, &of, &last, &ended(&[("state", "carried")])),
        days: columns(found, top),
        days_say: days_say(page, found, &totals),
        days_axis: found.days.iter().step_by(7).map(|day| day.date.strftime("%m-%d").to_string()).collect(),
        days_most: [page.num(top), page.num(top / 2), page.num(0_u64)],
        days_keys: keys.collect(),
        day_rows: found.days.iter().rev().map(|day| day_row(page, &of, day)).collect(),
        leads,
        leads_say,
        outcomes: outcomes(page, found, &ended),
        outcomes_say: outcomes_say(page, &found.total),
        outcomes_href: ended(&[]),
        filings_say: filings_say(page, found.filings),
        week: week(page, &found.week),
        week_say: week_say(page, &found.week),
        week_href: of.href(&[("from", &from)]),
        any: found.running.n > 0 || found.total.all() > 0 || found.week.iter().flatten().any(|n| *n > 0),
        cut: if found.total.all() >= MOST { page.a1("home-cut", "n", page.num(MOST)) } else { String::new() },
        ended: found.total.all() > 0,
        led: found.whole.cases > 0,
    }
}

/// The list of cases that figures are of.
struct List {
    department: String,
}

impl List {
    fn href(&self, filters: &[(&str, &str)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in filters.iter().copied().chain([("department", self.department.as_str())]).filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        format!("/recalls?{}", query.finish())
    }
}

fn percent(part: u64, of: u64) -> String {
    let tenths = part.saturating_mul(1000) / of.max(1);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

/// Thousandths as whole hundredths.
fn share(thousandths: u64) -> String {
    // Something was used: never "0%".
    if thousandths < 10 { "<1%".to_owned() } else { format!("{}%", (thousandths + 5) / 10) }
}

/// The next number that divides into an even axis.
fn rounded(most: u64) -> u64 {
    let mut step = 2;
    while step < most {
        step *= if step.to_string().starts_with('2') { 5 } else { 2 };
    }
    step
}

fn figures(page: &Page, found: &Overview, of: &List, today: &str, carried: &str) -> Vec<Figure> {
    let now = found.days.last().map_or([0; 4], |day| day.ends);
    let all: u64 = now.iter().sum();
    let running = if found.running.more { page.n("home-more", found.running.n) } else { page.num(found.running.n) };
    let median = if found.whole.cases == 0 { page.t("home-none") } else { page.duration(found.whole.p50) };
    let total = found.total;
    vec![
        Figure { label: page.t("recall-state-open"), value: running, note: page.n("home-close", found.close.n), href: of.href(&[("state", "open")]) },
        Figure {
            label: page.t("home-today"),
            value: page.num(all),
            note: page.a2("home-today-note", "done", page.num(now[0]), "other", page.num(all - now[0])),
            href: of.href(&[("ended", today), ("ended_until", today)]),
        },
        Figure {
            label: page.t("home-median"),
            value: median,
            note: if found.whole.cases == 0 { String::new() } else { page.a1("home-of-window", "share", share(found.whole.share50)) },
            href: String::new(),
        },
        Figure {
            label: page.t("home-success"),
            value: if total.carried() == 0 { page.t("home-none") } else { percent(total.done, total.carried()) },
            note: page.t("home-days"),
            href: carried.to_owned(),
        },
    ]
}

/// The columns, a day each: what was carried out at the bottom.
fn columns(found: &Overview, top: u64) -> Vec<Rect> {
    let step = WIDTH / found.days.len().max(1) as u64;
    let mut rects = Vec::new();
    for (n, day) in found.days.iter().enumerate() {
        let mut below = 0;
        for (count, tone) in day.ends.iter().zip(TONES).filter(|(count, _)| **count > 0) {
            let (bottom, end) = (below * HEIGHT / top, (below + count) * HEIGHT / top);
            rects.push(Rect { tone, x: n as u64 * step + step / 5, y: HEIGHT - end, width: step * 3 / 5, height: end - bottom });
            below += count;
        }
    }
    rects
}

fn days_say(page: &Page, found: &Overview, totals: &[u64]) -> String {
    let all: u64 = totals.iter().sum();
    let Some(most) = found.days.iter().max_by_key(|day| day.ends.iter().sum::<u64>()).filter(|_| all > 0) else { return page.t("home-days-none") };
    let facts = [("carried", page.num(totals[0])), ("day", most.date.to_string()), ("most", page.num(most.ends.iter().sum::<u64>()))];
    page.n_with("home-days-say", all, &facts)
}

fn day_row(page: &Page, of: &List, day: &crate::app::overview::Day) -> DayRow {
    let date = day.date.to_string();
    DayRow { href: of.href(&[("ended", &date), ("ended_until", &date)]), cells: day.ends.iter().map(|n| page.num(*n)).collect(), date }
}

/// A bar for each level and the execution, each beginning where those before it end at their 90th percentile.
fn leads(page: &Page, found: &Overview) -> (Vec<Bar>, String) {
    let mut begin = 0;
    let names = ["level-1", "level-2", "level-3", "home-execution"];
    let bars = found.leads.iter().zip(names).map(|(lead, name)| {
        let width = |thousandths: u64| (thousandths * WIDTH / 1000).min(WIDTH.saturating_sub(begin)).max(1);
        let rect = |tone, y, height, width| Rect { tone, x: begin.min(WIDTH - 1), y, width, height };
        let rects = vec![rect("g-soft", 15, 8, width(lead.share90)), rect("g-info", 12, 14, width(lead.share50))];
        begin = (begin + lead.share90 * WIDTH / 1000).min(WIDTH);
        Bar { name: page.t(name), href: String::new(), rects, cells: vec![page.duration(lead.p50), page.duration(lead.p90), share(lead.share90)] }
    });
    let bars = bars.collect();
    let Lead { cases, p90, share90, .. } = found.whole;
    let say = match cases {
        0 => page.t("home-leads-none"),
        _ => page.n_with("home-leads-say", cases, &[("time", page.duration(p90)), ("share", share(share90))]),
    };
    (bars, say)
}

/// A bar for each platform, then for each class of harm.
fn outcomes(page: &Page, found: &Overview, ended: &impl Fn(&[(&str, &str)]) -> String) -> Vec<Bar> {
    let platforms = found.by_platform.iter().map(|(p, o)| (page.word("platform", p), ended(&[("platform", p.as_str())]), *o));
    let classes = found.by_class.iter().map(|(c, o)| (page.word("harm-class", c), ended(&[("class", c.as_str())]), *o));
    let rows = platforms.chain(classes).map(|(name, href, outcomes)| {
        let parts = [outcomes.done, outcomes.partly, outcomes.failed, outcomes.never];
        let (all, mut before) = (outcomes.all().max(1), 0);
        let mut rects = Vec::new();
        for (n, tone) in parts.iter().zip(TONES).filter(|(n, _)| **n > 0) {
            let (begin, end) = (before * WIDTH / all, (before + n) * WIDTH / all);
            rects.push(Rect { tone, x: begin, y: 12, width: end - begin, height: 14 });
            before += n;
        }
        let done = page.a2("home-done-of", "done", page.num(outcomes.done), "all", page.num(outcomes.all()));
        Bar { name, href, rects, cells: [vec![done], parts[1..].iter().map(|n| page.num(*n)).collect()].concat() }
    });
    rows.collect()
}

fn filings_say(page: &Page, filed: [u64; 3]) -> String {
    match filed.iter().sum::<u64>() {
        0 => String::new(),
        all => {
            let [waiting, gone, visible] = filed.map(|n| page.num(n));
            page.n_with("home-self-recalls", all, &[("days", DAYS.to_string()), ("filed", waiting), ("gone", gone), ("visible", visible)])
        }
    }
}

fn outcomes_say(page: &Page, total: &Outcomes) -> String {
    match total.all() {
        0 => page.t("home-days-none"),
        all => {
            let facts = [("done", page.num(total.done)), ("failed", page.num(total.failed)), ("carried", page.num(total.carried()))];
            page.n_with("home-outcomes-say", all, &facts)
        }
    }
}

/// The busiest hour, if there is one.
fn week_say(page: &Page, counted: &[[u64; 24]; 7]) -> String {
    let all: u64 = counted.iter().flatten().sum();
    let cells = counted.iter().zip(WEEK).flat_map(|(hours, day)| hours.iter().enumerate().map(move |(hour, n)| (*n, day, hour)));
    // Of several the first.
    let first = cells.fold((0, "", 0), |best, cell| if cell.0 > best.0 { cell } else { best });
    match first {
        (most, day, hour) if most > 0 => {
            let facts = [("day", page.t(&format!("weekday-{day}"))), ("hour", format!("{hour}:00")), ("most", page.num(most))];
            page.n_with("home-week-say", all, &[&facts[..], &[("weeks", page.num(WEEKS.unsigned_abs()))]].concat())
        }
        _ => page.t("home-days-none"),
    }
}
