//! The pure machine as the judge of the product: random acts by random people at random times go through HTTP and through the machine alone,
//! and both must come to the same case after each of them. Not here: what must never happen at all (`domain::recall::mutation` has the oracle).

use std::{collections::BTreeSet, time::Duration};

use countermand::{
    clock::Instant,
    domain::{
        recall::{
            Case, Guard, Rules, State, Verb,
            approval::{self, Ballot, Decider, qualified},
            delegation::Grant,
            execution, participation,
            weighing::Answers,
        },
        role::Role,
    },
    id::{DepartmentId, UserId},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{
    delegation::handed,
    stage::{Cast, Person, Stage},
};
use crate::support::db::TestDb;

/// Stories on each database, and acts in one at most.
const STORIES: usize = 40;
const ACTS: usize = 16;
/// The lawyer's place among the people, and that of who decides on the lawyer's behalf.
const LAWYER: usize = 2;
const DEPUTY: usize = 7;
const PEOPLE: usize = 8;

/// What somebody tries. `None` for who: the one whom the open level belongs to.
#[derive(Clone, Debug)]
enum Act {
    /// Time passes, and whatever is due by then is done.
    Wait(u64),
    Decide {
        who: Option<usize>,
        verb: Verb,
        stale: bool,
    },
    Transfer(Option<usize>, usize),
    Add(Option<usize>, usize),
    Remove(Option<usize>, usize),
    Ask(Option<usize>),
    Answer(usize),
    Comment(usize),
    Remind(usize),
    Withdraw(usize),
    Resubmit(usize),
    Halt,
}

fn act() -> impl Strategy<Value = Act> {
    let anybody = || 0..PEOPLE;
    let usually = || prop_oneof![4 => Just(None), 1 => anybody().prop_map(Some)];
    let verb = prop_oneof![16 => Just(Verb::Approve), 2 => Just(Verb::Return), 1 => Just(Verb::Reject)];
    let wait = prop_oneof![4 => 1..900_u64, 2 => 900..20_000_u64, 1 => 20_000..90_000_u64];
    prop_oneof![
        3 => wait.prop_map(Act::Wait),
        14 => (usually(), verb, prop::bool::weighted(0.1)).prop_map(|(who, verb, stale)| Act::Decide { who, verb, stale }),
        2 => (usually(), anybody()).prop_map(|(who, to)| Act::Transfer(who, to)),
        2 => (usually(), anybody()).prop_map(|(who, to)| Act::Add(who, to)),
        1 => (usually(), anybody()).prop_map(|(who, to)| Act::Remove(who, to)),
        1 => usually().prop_map(Act::Ask),
        1 => anybody().prop_map(Act::Answer),
        1 => anybody().prop_map(Act::Comment),
        1 => anybody().prop_map(Act::Remind),
        1 => prop_oneof![4 => Just(0), 1 => anybody()].prop_map(Act::Withdraw),
        3 => prop_oneof![5 => Just(0), 1 => anybody()].prop_map(Act::Resubmit),
        1 => Just(Act::Halt),
    ]
}

/// What an act came to: nothing or the guard that said no by the machine; status and reason over HTTP.
type Judged = Result<(), Guard>;

struct Story<'s> {
    stage: &'s Stage,
    people: &'s [Person],
    delegation: Option<(String, Instant, Instant)>,
    id: String,
    case: Case,
}

impl Story<'_> {
    fn now(&self) -> Instant {
        self.stage.app.now()
    }

    /// Somebody as the rules see them.
    fn decider(&self, index: usize) -> Decider {
        let caller = &self.people[index].caller;
        let person = |caller: &countermand::app::Caller| Decider {
            user: UserId(caller.id.clone()),
            roles: caller.roles.clone(),
            department: caller.department_id.clone().map(DepartmentId),
            person: true,
            grants: Vec::new(),
        };
        let lawyer = person(&self.people[LAWYER].caller);
        let grants = self.delegation.iter().filter(|_| index == DEPUTY).map(|(id, from, until)| Grant {
            id: id.clone(),
            principal: lawyer.user.clone(),
            name: String::new(),
            roles: lawyer.roles.clone(),
            department: lawyer.department.clone(),
            levels: BTreeSet::from([2]),
            within: None,
            from: *from,
            until: *until,
        });
        Decider { grants: grants.collect(), ..person(caller) }
    }

    /// The same with what is in force now alone, as everything but a decision asks.
    fn now_able(&self, index: usize) -> Decider {
        let mut who = self.decider(index);
        who.grants.retain(|grant| grant.in_force(self.now()));
        who
    }

    fn level(&self) -> u8 {
        self.case.open.first().copied().unwrap_or(3)
    }

    fn usual(&self, who: Option<usize>) -> usize {
        who.unwrap_or_else(|| usize::from(self.level()))
    }

    /// A level that was passed on to somebody who cannot decide it any more falls back, and it waits for no reviewer who cannot.
    fn fall_back(&mut self) {
        if self.case.state != State::Reviewing {
            return;
        }
        let case = self.case.clone();
        let index = |to: &UserId| self.people.iter().position(|p| p.caller.id == to.0).expect("one of the people");
        let stands = |to: &UserId, level: u8| qualified(Rules::ALL, &case, &self.decider(index(to)), level).is_ok();
        let passed: Vec<_> = case.transfers.iter().filter(|t| t.round != case.round || stands(&t.to, t.level)).cloned().collect();
        let waits = |a: &participation::Addition| participation::awaited(&case, a.level).any(|waiting| waiting == a);
        let added: Vec<_> = case.additions.iter().filter(|a| a.round != case.round || !waits(a) || stands(&a.to, a.level)).cloned().collect();
        (self.case.transfers, self.case.additions) = (passed, added);
    }

    /// By the machine alone: the verdict, with the case that comes of it.
    fn judge(&self, act: &Act) -> Result<Case, Guard> {
        let (case, now, level, rules) = (&self.case, self.now(), self.level(), Rules::ALL);
        let user = |index: &usize| UserId(self.people[*index].caller.id.clone());
        match act {
            Act::Wait(_) => unreachable!("nobody tries to wait"),
            Act::Decide { who, verb, stale } => {
                let answers = if level == 2 { Answers::none() } else { Answers::default() };
                let ballot = Ballot { level, verb: *verb, seen: case.version - i64::from(*stale), answers, silent: false };
                approval::decide(rules, case, &self.decider(self.usual(*who)), ballot, now)
            }
            Act::Transfer(who, to) => participation::transfer(rules, case, &self.now_able(self.usual(*who)), &self.now_able(*to), level, now),
            Act::Add(who, to) => participation::add(rules, case, &self.now_able(self.usual(*who)), &self.now_able(*to), level, now),
            Act::Remove(who, to) => participation::remove(rules, case, &self.now_able(self.usual(*who)), &user(to), level, now),
            Act::Ask(who) => participation::ask(rules, case, &self.now_able(self.usual(*who)), level, now),
            Act::Answer(who) => participation::answer(rules, case, &user(who), now).map(|(next, _)| next),
            Act::Comment(who) => participation::comment(rules, case, &self.now_able(*who)).map(|()| case.clone()),
            Act::Remind(who) => participation::remind(rules, case, &self.now_able(*who), participation::waits_at(case), now),
            Act::Withdraw(who) => approval::withdraw(rules, case, &user(who)),
            Act::Resubmit(who) => approval::resubmit(rules, case, &user(who), now),
            Act::Halt => execution::halt(rules, case),
        }
    }

    /// Over HTTP: the status, and the reason that the trail keeps of a refusal.
    async fn try_it(&self, act: &Act) -> (u16, String) {
        let of = |index: &usize| self.people[*index].caller.id.as_str();
        let (code, version);
        let (who, noun, fields): (usize, &str, Vec<(&str, &str)>) = match act {
            Act::Wait(_) => unreachable!("nobody tries to wait"),
            Act::Decide { who, verb, stale } => {
                let who = self.usual(*who);
                code = self.stage.code(&self.people[who]);
                version = (self.case.version - i64::from(*stale)).to_string();
                let behalf = self.delegation.as_ref().filter(|_| who == DEPUTY).map_or("", |(id, ..)| id);
                let fields =
                    [("decision", verb.as_str()), ("comment", "情况属实，依制度处理"), ("totp", &code), ("version", &version), ("behalf", behalf)];
                (who, "decisions", fields.to_vec())
            }
            Act::Transfer(who, to) => (self.usual(*who), "transfers", vec![("to", of(to)), ("reason", "出差期间请代为处理")]),
            Act::Add(who, to) => (self.usual(*who), "additions", vec![("to", of(to)), ("reason", "请一并核对此事")]),
            Act::Remove(who, to) => (self.usual(*who), "removals", vec![("to", of(to)), ("reason", "已经核对，无须再看")]),
            Act::Ask(who) => (self.usual(*who), "questions", vec![("question", "附件是否已经下载？")]),
            Act::Answer(who) => (*who, "answers", vec![("answer", "尚无人下载附件")]),
            Act::Comment(who) => (*who, "comments", vec![("comment", "请各级关注此案")]),
            Act::Remind(who) => (*who, "reminders", vec![]),
            Act::Withdraw(who) => (*who, "withdrawal", vec![("reason", "不再需要撤回")]),
            Act::Resubmit(who) => (*who, "resubmissions", vec![("reason", "补充：附件含职级薪酬区间"), ("tell_readers", "1")]),
            Act::Halt => (3, "halts", vec![("reason", "收到仲裁通知，先停")]),
        };
        let answer = self.stage.post(&self.people[who], &format!("/recalls/{}/{noun}", self.id), &fields).await;
        let reason = if answer.status == 409 { self.stage.last_refusal(&self.id).await } else { String::new() };
        (answer.status, reason)
    }

    async fn take(&mut self, act: &Act, told: &str) {
        // Everybody has a code that was not used yet.
        self.stage.clock.advance(Duration::from_secs(31));
        if let Act::Wait(seconds) = act {
            self.stage.clock.advance(Duration::from_secs(*seconds));
            return self.wait(told).await;
        }
        self.fall_back();
        let judged = self.judge(act);
        let verdict: Judged = judged.as_ref().map(drop).map_err(|guard| *guard);
        let (status, reason) = self.try_it(act).await;
        match verdict {
            Ok(()) => assert_eq!(status, 303, "the machine lets it pass: {reason}\n{told}"),
            // Whoever may not know of the case, or lacks the permission, is told no more than that.
            Err(_) if matches!(status, 403 | 404) => {}
            // Whoever saw an older version is told that of every act.
            Err(Guard::SeenCurrent) => assert_eq!((status, reason.as_str()), (409, "conflict"), "{told}"),
            // Whom a level can be given to is looked up before it is asked who gives it.
            Err(_) if status == 409 && reason.ends_with("-not-eligible") => {}
            Err(guard) => assert_eq!((status, reason.as_str()), (409, guard.as_str()), "{told}"),
        }
        if let Ok(next) = judged {
            self.case = next;
        }
        self.fall_back();
        self.agrees(told).await;
    }

    /// What the jobs make of the case as time passes: only what the machine lets them.
    async fn wait(&mut self, told: &str) {
        let before = self.case.clone();
        self.stage.run().await;
        let after = self.stage.loaded(&self.id).await.case;
        // An ended case is closed over its events, and is no other case for it.
        if before.state.is_terminal() {
            self.case.version = after.version;
            return self.agrees(told).await;
        }
        if let Ok(expired) = approval::expire(Rules::ALL, &before, self.now()) {
            assert_eq!(after.state, State::Expired, "{told}");
            self.case = Case { version: after.version, ..expired };
            return self.agrees(told).await;
        }
        if before.state != State::Approved {
            let (level, row) = (self.level(), self.stage.loaded(&self.id).await.row);
            if let Ok(next) = approval::escalate(Rules::ALL, &before, level, row.due_of(level), self.now()) {
                self.case = next;
            }
            return self.agrees(told).await;
        }
        let begins = execution::begin(Rules::ALL, &before, self.now()).is_ok();
        match (begins, before.halted) {
            (true, false) => assert_eq!(after.state, State::RecallAccepted, "{told}"),
            (true, true) => assert_eq!(after.state, State::Failed, "nothing is called after a halt\n{told}"),
            (false, _) => assert_eq!(after.state, State::Approved, "{told}"),
        }
        if begins {
            let closing: Vec<_> = before.closing().collect();
            let people: BTreeSet<_> = closing.iter().map(|made| &made.decider).collect();
            let names: BTreeSet<_> = closing.iter().map(|made| made.voice()).collect();
            assert!(people.len() == 3 && names.len() == 3 && !people.contains(&before.requester), "{told}");
        }
        self.case = after;
    }

    /// The case in the database is the machine's.
    async fn agrees(&self, told: &str) {
        let [there, here] = [self.stage.loaded(&self.id).await.case, self.case.clone()].map(of_this_round);
        assert_eq!(there, here, "{told}");
    }
}

/// Without what was passed on and added in earlier rounds, or to a case that nobody judges: it is history, and the machine does not ask for it.
fn of_this_round(mut case: Case) -> Case {
    let round = case.round;
    let counts = |of: u32| case.state == State::Reviewing && of == round;
    case.transfers.retain(|t| counts(t.round));
    case.additions.retain(|a| counts(a.round));
    case
}

/// The people of the stories, in their places.
async fn people(stage: &Stage, cast: &Cast) -> Vec<Person> {
    use Role::*;
    vec![
        cast.requester.clone(),
        cast.reviewer.clone(),
        cast.lawyer.clone(),
        cast.executive.clone(),
        stage.person("elsewhere", &[DepartmentReviewer], "销售部").await,
        stage.person("everything", &[DepartmentReviewer, LegalReviewer, FinalApprover], "人力资源部").await,
        stage.person("suntao", &[DepartmentReviewer], "人力资源部").await,
        stage.person("deputy", &[Requester], "总裁办").await,
    ]
}

#[actix_web::test]
async fn the_product_agrees_with_the_machine_over_random_acts() {
    for db in TestDb::each() {
        let stage = Stage::set_on(db, |_| {}).await;
        let cast = stage.cast().await;
        let people = people(&stage, &cast).await;
        let security = stage.person("xuman", &[Role::SecurityAdministrator], "信息安全部").await;
        let system = stage.person("chengye", &[Role::SystemAdministrator], "信息技术部").await;
        let rules = [("widen_overdue", ""), ("widen_overdue", "1"), ("reason", "夜间无人值守时，须有其他部门的复核人接手。")];
        stage.adopt([&security, &system], &rules).await;
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let stories = prop::collection::vec(act(), 4..ACTS);
        let mut ends = BTreeSet::new();
        let mut handed_until = stage.app.now();
        for number in 0..STORIES {
            let mut acts = stories.new_tree(&mut runner).expect("a story").current();
            // What was approved is carried out in the end, and of what waits some waits too long.
            acts.push(Act::Wait(if number % 3 == 0 { 90_000 } else { 1 }));
            stage.clock.advance(handed_until.since(stage.app.now()));
            let id = stage.case(&stage.cast2(&cast).await).await;
            let case = stage.loaded(&id).await.case;
            let mut story = Story { stage: &stage, people: &people, delegation: None, id, case };
            // In every second story somebody decides on the lawyer's behalf for two hours.
            if number % 2 == 0 {
                let delegation = handed(&stage, &cast.lawyer, &people[DEPUTY], &["2"]).await;
                let from = stage.app.now();
                handed_until = from.plus(Duration::from_secs(7200));
                story.delegation = Some((delegation, from, handed_until));
            }
            for (n, act) in acts.iter().enumerate() {
                story.take(act, &format!("story {number}, act {n} of {acts:?}\n{:?}", story.case)).await;
            }
            ends.insert(story.case.state);
        }
        for state in [State::Reviewing, State::Returned, State::RecallAccepted, State::Rejected, State::Withdrawn, State::Expired] {
            assert!(ends.contains(&state), "no story ends {state}: {ends:?}");
        }
    }
}
