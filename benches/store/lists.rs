//! The lists of the console at the size of a large company after years: a million broadcasts, a hundred thousand cases, a thousand of them open.
//! The first page and one from the middle of each filter, as the use case gives them, with the number of all that stands over the list.
//! `BENCH_DATABASE_URL` names a server for the same on PostgreSQL.

use std::{
    cell::Cell,
    path::Path,
    time::{Duration, Instant},
};

use diesel::RunQueryDsl;

use countermand::{
    app::{
        App, Caller, Turn,
        broadcasts::view,
        people,
        recalls::{
            list,
            queue::{self, Narrow},
        },
        users,
    },
    clock::{Clock, SystemClock},
    config::Config,
    domain::{
        platform::{HarmClass, Platform},
        recall::State,
        role::Role,
    },
    store::{
        Database, Tx,
        broadcasts::{self, BroadcastRow},
        recalls::{self, RecallRow},
    },
};

use crate::{
    postgres,
    support::amount,
    work::{ids, open, runtime},
};

const DEPARTMENTS: usize = 10;
/// One case in so many is open.
const OPEN: usize = 100;
const AT_ONCE: usize = 1000;

struct Company {
    name: &'static str,
    app: App,
    auditor: Caller,
    /// Judges level 1 of one department.
    reviewer: Caller,
    /// Judges level 2 of all.
    lawyer: Caller,
    people: Vec<Caller>,
    broadcasts: Vec<String>,
    cases: Vec<String>,
}

pub fn run() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    Company::found("SQLite", &Database::Sqlite(folder.path().join("countermand.db")), folder.path()).measure();
    let Ok(server) = std::env::var("BENCH_DATABASE_URL") else { return };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    Company::found("PostgreSQL", &Database::Postgres(postgres::database(&server, "bench_lists")), folder.path()).measure();
}

async fn hire(app: &App, name: &str, role: Role, department: usize) -> Caller {
    let new = users::NewUser {
        username: name.into(),
        display_name: name.into(),
        roles: [role].into(),
        department: Some(format!("部门{department}")),
        ..users::NewUser::default()
    };
    let id = users::add(app, &Caller::shell(), new).await.unwrap().value;
    app.store.read(move |conn| people::person_find(conn, &id)).await.unwrap().unwrap().caller(None, None, None)
}

impl Company {
    fn found(name: &'static str, database: &Database, folder: &Path) -> Self {
        let app = App::new(open(database, folder, |_| {}), Config { data: folder.to_owned(), ..Config::default() });
        let (auditor, reviewer, lawyer, people) = runtime().block_on(async {
            let mut people = Vec::new();
            for n in 0..DEPARTMENTS * 3 {
                people.push(hire(&app, &format!("staff-{n:02}"), Role::Requester, n % DEPARTMENTS).await);
            }
            let reviewer = hire(&app, "reviewer", Role::DepartmentReviewer, 3).await;
            (hire(&app, "auditor", Role::Auditor, 0).await, reviewer, hire(&app, "lawyer", Role::LegalReviewer, 1).await, people)
        });
        let (broadcasts, cases) = (ids(amount(1_000_000)), ids(amount(100_000)));
        let company = Self { name, app, auditor, reviewer, lawyer, people, broadcasts, cases };
        let begun = Instant::now();
        company.fill();
        println!(
            "| {name}: {} broadcasts and {} cases written, s | {:.0} | | | | |",
            company.broadcasts.len(),
            company.cases.len(),
            begun.elapsed().as_secs_f64()
        );
        company
    }

    /// When the `n`th of `all` things was sent or submitted: over two years until now.
    fn at(n: usize, all: usize) -> i64 {
        let span = Duration::from_secs(730 * 86_400).as_micros() / all as u128;
        SystemClock.now().0 - i64::try_from(span * (all - n) as u128).unwrap()
    }

    fn broadcast(&self, n: usize) -> BroadcastRow {
        // So that no period of theirs meets one of ours.
        let (who, at) = (&self.people[(n.wrapping_mul(2_654_435_761) >> 7) % self.people.len()], Self::at(n, self.broadcasts.len()));
        BroadcastRow {
            id: self.broadcasts[n].clone(),
            origin: "reported".into(),
            connection_id: None,
            platform: Platform::ALL[n % Platform::ALL.len()].as_str().into(),
            channel: "全员群".into(),
            sender_id: who.user_id.clone(),
            department_id: who.department_id.clone(),
            state: if n.is_multiple_of(50) { "failed" } else { "sent" }.into(),
            title_sealed: vec![7; 60],
            content_sealed: vec![7; 400],
            key_sealed: vec![7; 60],
            content_salt: vec![7; 32],
            commitment: vec![7; 32],
            audience_sealed: vec![7; 80],
            recipients_count: 120,
            recipients_root: vec![7; 32],
            sent_at: Some(at),
            sent_at_source: Some("reported".into()),
            created_at: at,
            version: 1,
            // What it said is none that could be opened.
            erased_at: Some(at),
            erased_counts: Some("[]".into()),
        }
    }

    fn case(&self, n: usize) -> RecallRow {
        let all = self.cases.len();
        let of = n * (self.broadcasts.len() / all).max(1);
        let (message, at) = (self.broadcast(of), Self::at(n, all));
        // The newest are the open ones.
        let waits = n >= all - (all / OPEN).max(1);
        let ended = (!waits).then_some(at + 3_600_000_000);
        RecallRow {
            id: self.cases[n].clone(),
            number: format!("FR-{}-{n:06}", countermand::clock::Instant(at).timestamp().strftime("%Y%m%d")),
            broadcast_id: message.id,
            requester_id: message.sender_id.clone().unwrap(),
            escalated: String::new(),
            correction_id: None,
            department_id: message.department_id,
            state: if waits { State::Reviewing } else { [State::RecallAccepted, State::Expired, State::Rejected][n % 3] }.as_str().into(),
            open_levels: if n.is_multiple_of(2) { "1" } else { "2" }.into(),
            round: 1,
            mode: if n.is_multiple_of(4) { "api" } else { "guided" }.into(),
            harm_class: HarmClass::ALL[n % HarmClass::ALL.len()].as_str().into(),
            request_sealed: vec![7; 200],
            cut_off: Some(SystemClock.now().0 + 86_400_000_000 + n as i64),
            due_1: at + 1_800_000_000,
            due_2: at + 3_600_000_000,
            due_3: at + 5_400_000_000,
            recipients_count: 120,
            recipients_root: vec![7; 32],
            commitment: vec![7; 32],
            policy_id: "default".into(),
            policy_version: 1,
            halted_at: None,
            submitted_at: at,
            approved_at: None,
            finished_at: ended,
            closed_at: None,
            tally: None,
            version: if waits { 1 } else { 5 },
            erased_at: None,
            platform: message.platform,
            sender_id: message.sender_id,
        }
    }

    fn fill(&self) {
        for from in (0..self.broadcasts.len()).step_by(AT_ONCE) {
            let rows: Vec<_> = (from..self.broadcasts.len().min(from + AT_ONCE)).map(|n| self.broadcast(n)).collect();
            let write = move |tx: &mut Tx<'_>| rows.iter().try_for_each(|row| broadcasts::insert(tx.conn, row.clone()));
            self.app.store.write_now(write).unwrap();
        }
        for from in (0..self.cases.len()).step_by(AT_ONCE) {
            let rows: Vec<_> = (from..self.cases.len().min(from + AT_ONCE)).map(|n| self.case(n)).collect();
            let write = move |tx: &mut Tx<'_>| rows.iter().try_for_each(|row| recalls::insert(tx.conn, row));
            self.app.store.write_now(write).unwrap();
        }
        self.app.store.checkpoint_now().unwrap();
        // The server does so by itself within a minute.
        if self.name == "PostgreSQL" {
            let analyse = |conn: &mut countermand::store::Conn| Ok(diesel::sql_query("ANALYZE").execute(conn)?);
            self.app.store.read_now(analyse).unwrap();
        }
    }

    fn measure(&self) {
        let runtime = runtime();
        let department = self.reviewer.department_id.clone();
        let requester = self.people[7 % self.people.len()].user_id.clone();
        let none = list::Wanted::default;
        let cases: [(&str, list::Wanted); 8] = [
            ("no filter", none()),
            ("open", list::Wanted { states: list::states_of("open"), ..none() }),
            ("state", list::Wanted { states: vec![State::Expired], ..none() }),
            ("harm class", list::Wanted { class: Some(HarmClass::Leak), ..none() }),
            ("platform", list::Wanted { platform: Some(Platform::ALL[1]), ..none() }),
            ("department", list::Wanted { department: department.clone(), ..none() }),
            ("requester", list::Wanted { requester: requester.clone(), ..none() }),
            ("number", list::Wanted { number: Some(self.case(self.cases.len() / 2).number.chars().take(11).collect()), ..none() }),
        ];
        let middle = Turn::Down(self.cases[self.cases.len() / 2].clone());
        for (what, wanted) in cases {
            let page = |turn: &Turn| {
                let asked = list::list(&self.app, &self.auditor, wanted.clone(), turn.clone());
                timed(|| std::hint::black_box(runtime.block_on(asked).unwrap()))
            };
            self.say(&format!("{} cases, {what}", self.cases.len()), || page(&Turn::First), || page(&middle));
        }
        let none = view::Filter::default;
        let messages: [(&str, view::Filter, Option<String>); 5] = [
            ("no filter", none(), None),
            ("platform", view::Filter { platform: Some(Platform::ALL[1].as_str().into()), ..none() }, None),
            ("state", view::Filter { state: Some("failed".into()), ..none() }, None),
            ("sender", view::Filter { sender: requester, ..none() }, None),
            ("department", none(), department),
        ];
        let middle = Turn::Down(self.broadcasts[self.broadcasts.len() / 2].clone());
        for (what, filter, department) in messages {
            let wanted = view::Wanted { filter, department, keyword: None };
            let page = |turn: &Turn| {
                let asked = view::list(&self.app, &self.auditor, wanted.clone(), turn.clone());
                timed(|| std::hint::black_box(runtime.block_on(asked).unwrap()))
            };
            self.say(&format!("{} broadcasts, {what}", self.broadcasts.len()), || page(&Turn::First), || page(&middle));
        }
        for (what, who) in [("level 1 of a department", &self.reviewer), ("level 2 of all", &self.lawyer)] {
            let page = |turn: &Turn| runtime.block_on(queue::page(&self.app, who, Narrow::default(), turn.clone(), list::PAGE)).unwrap();
            let first = page(&Turn::First);
            // As far as a person would ever leaf.
            let second = first.below.clone().map_or(Turn::First, Turn::Down);
            let what = format!("{} of {} open cases wait, {what}", first.all, (self.cases.len() / OPEN).max(1));
            self.say(&what, || timed(|| page(&Turn::First)), || timed(|| page(&second)));
            // Nobody has looked since something changed: each time as somebody else of the same kind.
            let anew = |n: usize| {
                let other = Caller { user_id: Some(format!("{n}")), id: format!("{n}"), ..who.clone() };
                timed(|| runtime.block_on(queue::page(&self.app, &other, Narrow::default(), Turn::First, list::PAGE)).unwrap())
            };
            let (n, times) = (Cell::new(0), |n: &Cell<usize>| anew(n.replace(n.get() + 1)));
            self.say(&format!("{what}, after a change"), || times(&n), || times(&n));
        }
    }

    fn say(&self, what: &str, first: impl Fn() -> Duration, deep: impl Fn() -> Duration) {
        let times = |page: &dyn Fn() -> Duration| {
            let mut times: Vec<Duration> = (0..amount(100)).map(|_| page()).collect();
            times.sort();
            let ms = |of: usize| times[(times.len() * of / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
            format!("{:.2} ({:.2})", ms(50), ms(99))
        };
        let (first, deep) = (times(&first), times(&deep));
        println!("| {}: {what}: first page / deep page, p50 (p99) in ms | {first} / {deep} | | | 1 / 0.2 | |", self.name);
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    std::hint::black_box(work());
    begun.elapsed()
}
