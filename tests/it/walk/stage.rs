//! A company with something of everything: cases in all their states, every role, accounts half way in; one without anything but people;
//! one that nobody has set up yet. Served on ports of their own.

mod large;
mod tables;

use std::{collections::BTreeMap, time::Duration};

use actix_web::web::{Data, resource};
use countermand::{
    app::{
        App, AppError, Caller, Turn, alerts, audit, audits,
        broadcasts::{Wanted, report, send},
        connections, delegations, duty,
        evidence::export::{Export, export},
        holds,
        invitations::{self, Invitee, Way},
        people,
        policies::proposals,
        recalls::{correct, decide, guided, order, ratify, resubmit, submit, withdraw},
        remediations, resets, self_recalls, setup, users,
    },
    crypto::{token, totp},
    domain::{
        alert::Rule,
        audit::ExceptionKind,
        event::{Action, Subject},
        platform::{HarmClass, Platform},
        recall::weighing::Matter,
        role::{Permission, Role},
    },
    web::{
        Shell, console,
        console::demo::{self, Card, Cards, EmulatorAddress},
    },
};

use crate::{
    broadcasts::stage::{Stage, session_of},
    support::{
        app::{Browser as Http, TestApp},
        serving::Serving,
    },
};

/// A picture by its first bytes; nothing here draws it.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";

const PEOPLE: [(&str, &str, &str, Role); 12] = [
    ("requester", "林雨桐", "人力资源部", Role::Requester),
    ("reviewer", "周启明", "人力资源部", Role::DepartmentReviewer),
    ("lawyer", "何婧", "法务合规部", Role::LegalReviewer),
    ("executive", "陈思远", "总裁办公室", Role::FinalApprover),
    ("operator", "罗曼青", "信息技术部", Role::PlatformOperator),
    ("second", "高远", "信息技术部", Role::PlatformOperator),
    ("system", "程野", "信息技术部", Role::SystemAdministrator),
    ("security", "许曼", "信息安全部", Role::SecurityAdministrator),
    ("audit", "方舟", "审计部", Role::AuditAdministrator),
    ("auditor", "沈若川", "审计部", Role::Auditor),
    ("counsel", "唐亦舟", "法务合规部", Role::Counsel),
    ("newcomer", "郑小满", "人力资源部", Role::Requester),
];

/// Somebody with an account.
#[derive(Clone)]
pub struct Member {
    pub caller: Caller,
    pub password: String,
    pub secret: Vec<u8>,
    /// The session's cookie.
    pub cookie: String,
}

/// Which of the companies a page is seen in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    Full,
    Empty,
    Bare,
    Emulator,
    /// Ten thousand of each; see `Companies::grow`.
    Large,
}

pub struct Companies {
    _serving: Serving,
    pub full: Stage,
    pub base: String,
    pub members: BTreeMap<&'static str, Member>,
    empty: TestApp,
    empty_members: BTreeMap<&'static str, Member>,
    bare: TestApp,
    large: Option<large::Large>,
    /// Ids by the names that paths use, e.g. `{case.final}`.
    things: BTreeMap<String, String>,
    /// A bundle that holds, one that does not, one of which nobody can tell.
    pub bundles: BTreeMap<&'static str, Vec<u8>>,
}

async fn hire(app: &App) -> BTreeMap<&'static str, Member> {
    let mut members = BTreeMap::new();
    for (key, name, department, role) in PEOPLE {
        let (secret, password) = (totp::fresh_secret(), format!("right horse for {}", &token::fresh().0[..12]));
        let new = users::NewUser {
            username: format!("{key}.{}", department.len()),
            display_name: name.into(),
            roles: [role].into(),
            department: Some(department.into()),
            password: Some(password.clone()),
            // The newcomer has yet to enrol.
            totp_secret: (key != "newcomer").then(|| totp::base32(&secret)),
            valid_until: (role == Role::Auditor).then(|| app.now().plus(Duration::from_secs(30 * 86_400))),
        };
        let id = users::add(app, &Caller::shell(), new).await.unwrap().value;
        let person = app.store.read(move |conn| people::person_find(conn, &id)).await.unwrap().unwrap();
        let (session, user) = (countermand::id::fresh(), person.id.clone());
        let begun = session.clone();
        app.store.write(move |tx| crate::support::session::told(tx, &begun, &user)).await.unwrap();
        let caller = person.caller(Some(session), None, None);
        let cookie = session_of(app, &caller).await.0;
        members.insert(key, Member { caller, password, secret, cookie });
    }
    members
}

impl Companies {
    pub async fn found() -> Self {
        let full = Stage::set().await;
        let members = hire(&full.app).await;
        let shell = Shell { tenant: "华辰集团".into(), secure: false, public_origin: "http://localhost:8080".into(), clock: full.clock.clone() };
        let cards =
            members.iter().take(4).map(|(_, m)| Card::new(&m.caller.name, &m.caller.name, &[Role::Requester], &m.password, &totp::base32(&m.secret)));
        let (cards, emulator) = (Cards(cards.collect()), EmulatorAddress(full.emulator.access().base_url.clone()));
        let pages = console(full.app.clone());
        let (base, serving) = Serving::anywhere(shell, move |cfg| {
            cfg.app_data(Data::new(cards.clone())).app_data(Data::new(emulator.clone()));
            cfg.service(resource("/demo").get(demo::show));
            pages(cfg);
        });
        let empty = TestApp::start_with(|config| config.tenant = "华辰集团".into()).await;
        let empty_members = hire(&empty.app).await;
        let bare = TestApp::start().await;
        let mut company = Self {
            _serving: serving,
            full,
            base,
            members,
            empty,
            empty_members,
            bare,
            large: None,
            things: BTreeMap::new(),
            bundles: BTreeMap::new(),
        };
        company.live().await;
        company
    }

    pub fn caller(&self, who: &str) -> &Caller {
        &self.members[who].caller
    }

    /// A code that has not been used yet.
    pub fn code(&self, who: &str) -> String {
        self.full.clock.advance(Duration::from_secs(30));
        totp::code(&self.members[who].secret, self.full.app.now())
    }

    /// The cookie of `who`; nobody has none.
    pub fn cookie(&self, place: Where, who: &str) -> &str {
        let members = match (place, &self.large) {
            (Where::Empty, _) => &self.empty_members,
            (Where::Large, Some(large)) => &large.members,
            _ => &self.members,
        };
        members.get(who).map_or_else(|| self.things.get(who).map_or("", String::as_str), |m| m.cookie.as_str())
    }

    /// An address with its `{names}` filled in.
    pub fn address(&self, place: Where, lang: &str, path: &str) -> String {
        let base = match place {
            Where::Full => self.base.clone(),
            Where::Empty => format!("http://{}", self.empty.address),
            Where::Bare => format!("http://{}", self.bare.address),
            Where::Large => format!("http://{}", self.large.as_ref().expect("a company that was filled").app.address),
            Where::Emulator => self.full.emulator.access().base_url.clone(),
        };
        base + &self.filled(lang, path)
    }

    /// `text` with its `{names}` filled in.
    pub fn filled(&self, lang: &str, text: &str) -> String {
        let mut text = text.replace("{lang}", lang).replace("{nowhere}", "00000000-0000-7000-8000-000000000000");
        for (name, value) in &self.things {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        assert!(!text.contains('{'), "nothing is called so: {text}");
        text
    }

    fn call(&mut self, name: &str, value: impl Into<String>) {
        self.things.insert(name.to_owned(), value.into());
    }

    /// What happened so far.
    async fn live(&mut self) {
        let done = self.case("case.done", "2027 年度薪酬调整方案", "leak").await;
        self.decide("reviewer", &done, "approve").await;
        let answers =
            [(Matter::Rule, "yes"), (Matter::Offer, "yes"), (Matter::OfferFixed, "yes"), (Matter::PersonalData, "yes"), (Matter::Dispute, "no")];
        self.weigh("lawyer", &done, "approve", &answers).await;
        self.decide("executive", &done, "approve").await;
        self.full.settle().await;
        let rejected = self.case("case.rejected", "停电通知", "wrong_fact").await;
        self.decide("reviewer", &rejected, "reject").await;
        let withdrawn = self.case("case.withdrawn", "年会抽奖名单", "other").await;
        withdraw::withdraw(&self.full.app, self.caller("requester"), &withdrawn, "消息内容无误", None).await.unwrap();
        self.plan(&withdrawn).await;
        let returned = self.case("case.returned", "第三季度销售数据", "wrong_audience").await;
        self.decide("reviewer", &returned, "return").await;
        let last = self.case("case.final", "高管任免公告（未定稿）", "leak").await;
        for who in ["reviewer", "lawyer"] {
            self.decide(who, &last, "approve").await;
        }
        let again = self.case("case.again", "供应商报价汇总", "leak").await;
        self.decide("reviewer", &again, "return").await;
        let words = resubmit::Again {
            reason: "已补充泄露范围说明，收件人含外部供应商三家。".into(),
            correction: Some(correct::Typed {
                title: "【更正】供应商报价汇总".into(),
                text: "此前发送的报价汇总所附文件有误，请以本消息所列报价为准。\n如已转发，请一并告知转发对象。".into(),
            }),
            ..resubmit::Again::default()
        };
        resubmit::resubmit(&self.full.app, self.caller("requester"), &again, words).await.unwrap();
        self.case("case.reviewing", "2027 年度组织架构调整说明", "leak").await;
        for name in ["case.operate", "case.acted"] {
            let broadcast = self.report("broadcast.reported", "华东代理商报价单").await;
            let id = self.ask(name, broadcast, "wrong_audience").await;
            for who in ["reviewer", "lawyer", "executive"] {
                self.decide(who, &id, "approve").await;
            }
        }
        let acted = self.things["case.acted"].clone();
        let capture = guided::Capture {
            file_name: "撤回结果.png".into(),
            bytes: PNG.to_vec(),
            outcome: "accepted".into(),
            note: "已在群主后台撤回该消息".into(),
        };
        guided::capture(&self.full.app, self.caller("operator"), &acted, capture).await.unwrap();
        self.filings().await;
        let sent = self.send("元旦放假安排").await;
        self.call("broadcast.sent", sent);
        let long = self.send(&"关于进一步规范全员通知发送权限与审批流程的补充说明".repeat(3)).await;
        self.call("broadcast.long", long);
        self.evidence(&done).await;
        self.holds(&done).await;
        self.policies().await;
        self.delegations().await;
        self.audits(&done).await;
        self.alerts().await;
        self.streams().await;
        self.clocks().await;
        self.tables().await;
        // Half an hour and more has passed; who is half way in has ten minutes.
        for who in self.members.keys().copied().collect::<Vec<_>>() {
            let cookie = session_of(&self.full.app, self.caller(who)).await.0;
            self.members.entry(who).and_modify(|member| member.cookie = cookie);
        }
        self.halves().await;
    }

    /// Recalls that came before their review: one to be ratified, one that was, one that was refused; and one that the officer may order.
    /// The rules in force allow it for leaks.
    async fn first(&mut self) {
        let app = self.full.app.clone();
        for (who, hours) in [("counsel", 40), ("executive", 60)] {
            let totp = self.code("security");
            let now = app.now();
            let until = now.plus(Duration::from_secs(hours * 3600)).to_rfc3339();
            let typed = duty::Typed { user: self.caller(who).id.clone(), from: now.to_rfc3339(), until, totp };
            duty::assign(&app, self.caller("security"), typed, countermand::id::fresh()).await.unwrap();
        }
        for (name, title) in [
            ("case.first", "核心客户名单（含联系方式）"),
            ("case.ratified", "离职协商补偿方案"),
            ("case.refused", "招标评分表"),
            ("case.orderable", "未公开的收购意向书"),
        ] {
            let case = self.case(name, title, "leak").await;
            if name == "case.orderable" {
                self.decide("reviewer", &case, "approve").await;
                continue;
            }
            let typed = order::Typed {
                category: "leak".into(),
                reason: "外部供应商在收件人之列，且正在转发，等不及三级审批。".into(),
                totp: self.code("counsel"),
                seen: None,
                id: countermand::id::fresh(),
            };
            order::order(&app, self.caller("counsel"), &case, typed).await.unwrap();
            self.full.settle().await;
            let words: &[(&str, &str, &str)] = match name {
                "case.ratified" => &[
                    ("reviewer", "ratify", "附件确含补偿金额，应当立即撤回。"),
                    ("lawyer", "ratify", "情况紧急，处置得当。"),
                    ("executive", "ratify", "同意追认。"),
                ],
                "case.refused" => &[("reviewer", "refuse", "评分表已公示，并不紧急，不应越过审批。")],
                _ => &[],
            };
            for (who, verdict, comment) in words {
                let totp = self.code(who);
                let typed = ratify::Typed { verdict: (*verdict).into(), comment: (*comment).into(), totp, seen: None, id: countermand::id::fresh() };
                ratify::ratify(&app, self.caller(who), &case, typed).await.unwrap();
            }
            countermand::jobs::run_due(&app).await.unwrap();
            if name == "case.refused" {
                let id = case.clone();
                let made = app.store.read(move |conn| countermand::store::orders::of_recall(conn, &id)).await.unwrap().unwrap();
                self.call("use.refused", made.id);
            }
        }
    }

    /// The remediation plan of a case: a step that is overdue, one that is tracked, one that is done and one that is dropped.
    async fn plan(&mut self, case: &str) {
        let (app, owner) = (self.full.app.clone(), self.caller("requester").user_id.clone().unwrap());
        for (name, strategy, due, note) in [
            ("step.overdue", "clarification", app.now().to_rfc3339(), "说明抽奖以行政部公告为准"),
            ("step.tracked", "tracing", String::new(), ""),
            ("step.done", "timeliness", String::new(), "更正抽奖时间"),
            ("step.dropped", "new_channel", String::new(), ""),
        ] {
            let new = remediations::NewStep { strategy: strategy.into(), owner: owner.clone(), due, note: note.into() };
            let id = countermand::id::fresh();
            remediations::add(&app, self.caller("lawyer"), case, new, id.clone()).await.unwrap();
            let ends = match name {
                "step.done" => Some(("requester", remediations::End::Done, "已在全员群补发更正消息，并逐一回复询问")),
                "step.dropped" => Some(("lawyer", remediations::End::Drop, "平台已受理更正消息，不必另建群")),
                _ => None,
            };
            if let Some((who, how, said)) = ends {
                let closing = remediations::Closing { how, said: said.into(), seen: Some(1), once: None };
                remediations::end_step(&app, self.caller(who), case, &id, closing).await.unwrap();
            }
            self.call(name, id);
        }
    }

    /// What the sender took back by themselves: to be checked, gone, still visible.
    async fn filings(&mut self) {
        for (name, seen) in [("filing.filed", ""), ("filing.gone", "gone"), ("filing.visible", "visible")] {
            let broadcast = self.report("filing.broadcast", "华东代理商报价单").await;
            let new = self_recalls::NewFiling {
                broadcast,
                withdrawn_at: self.full.app.now().to_rfc3339(),
                extent: if seen == "gone" { "whole".into() } else { "part".into() },
                note: "发出一分钟内已在群里撤回，两位同事可能已看到".into(),
            };
            let id = self_recalls::file(&self.full.app, self.caller("requester"), new, None).await.unwrap().value;
            if !seen.is_empty() {
                let totp = self.code("lawyer");
                let check = self_recalls::Check {
                    seen: seen.into(), note: "在代理商群和两名收件人的手机上查看".into(), totp, version: Some(1)
                };
                self_recalls::check(&self.full.app, self.caller("lawyer"), &id, check).await.unwrap();
            }
            self.call(name, id);
        }
    }

    /// What the reviewer handed to the requester, some of it tomorrow and some of it ended early, and to the lawyer, now.
    async fn delegations(&mut self) {
        for (name, to, coming, ended) in [
            ("delegation.coming", "requester", true, false),
            ("delegation.ended", "requester", false, true),
            ("delegation.running", "lawyer", false, false),
        ] {
            self.full.clock.advance(Duration::from_secs(30));
            let now = self.full.app.now();
            let new = delegations::NewDelegation {
                to: self.caller(to).id.clone(),
                levels: vec!["1".into()],
                from: if !coming { String::new() } else { now.plus(Duration::from_secs(86_400)).to_rfc3339() },
                until: now.plus(Duration::from_secs(3 * 86_400)).to_rfc3339(),
                reason: "赴外地参加培训，期间请代为复核".into(),
                totp: self.code("reviewer"),
                ..delegations::NewDelegation::default()
            };
            let id = delegations::make(&self.full.app, self.caller("reviewer"), new, None).await.unwrap().value;
            if ended {
                delegations::end(&self.full.app, self.caller("security"), &id, "培训取消，由本人复核").await.unwrap();
            }
            self.call(name, id);
        }
    }

    /// An audit with a pack and questions, and one without.
    async fn audits(&mut self, case: &str) {
        let app = &self.full.app;
        let zone = jiff::tz::TimeZone::get(&app.config.time_zone).unwrap();
        let day = app.now().timestamp().to_zoned(zone).date().to_string();
        let number = app.store.read({
            let case = case.to_owned();
            move |conn| Ok(countermand::store::recalls::find(conn, &case)?.unwrap().number)
        });
        let number = number.await.unwrap();
        let mut made = Vec::new();
        for title in ["2026 年第四季度强制撤回专项审计", "年度内控自查"] {
            let new = audits::NewAudit {
                title: title.into(),
                from: day.clone(),
                to: day.clone(),
                exceptions: ExceptionKind::ALL.iter().map(|k| k.as_str().to_owned()).collect(),
                sample_size: "5".into(),
                seed: if made.is_empty() { "Q4-2026-17".into() } else { String::new() },
                ..audits::NewAudit::default()
            };
            made.push(audits::open(app, self.caller("auditor"), new).await.unwrap().value.id);
        }
        let code = self.code("auditor");
        let pack = audits::packs::request(app, self.caller("auditor"), &made[0], &code).await.unwrap().value;
        countermand::jobs::run_due(app).await.unwrap();
        let mut questions = Vec::new();
        for (who, question) in [("reviewer", "该案部门复核超过应办时间，请说明原因。"), ("lawyer", "请说明法务合规复核时所依据的制度条款。")]
        {
            let new = audits::questions::NewQuestion {
                audit: made[0].clone(),
                person: self.username(who),
                question: question.into(),
                cases: number.clone(),
                events: "12 20".into(),
            };
            questions.push(audits::questions::put(app, self.caller("auditor"), new).await.unwrap().value);
        }
        audits::questions::answer(app, self.caller("lawyer"), &questions[1], "依据《信息发布管理办法》第十四条。").await.unwrap();
        self.call("audit", &made[0]);
        self.call("audit.bare", &made[1]);
        self.call("pack", pack);
        self.call("question.open", &questions[0]);
        self.call("question.answered", &questions[1]);
    }

    /// Our clock agrees with an authority's, and is behind a platform's.
    async fn clocks(&self) {
        use countermand::app::clocks::{SECOND, Source, compare};
        let (app, now) = (&self.full.app, self.full.app.now());
        compare(app, Source::Authority("example-tsa"), now, SECOND, now).await.unwrap();
        let ahead = now.plus(std::time::Duration::from_millis(90_500));
        compare(app, Source::Platform(&self.full.connection), ahead, SECOND, now).await.unwrap();
    }

    /// A stream that delivers, one that is stuck, and one whose receiver wanted no more.
    async fn streams(&mut self) {
        use countermand::app::streams::{change, work};
        let gone = crate::fake_http::Fake::start(|_| crate::fake_http::answer("410", "", ""));
        for (name, title, kind, destination) in [
            ("stream.running", "安全运营中心", "file", "siem"),
            ("stream.stuck", "集团日志平台", "webhook", "http://127.0.0.1:9/audit"),
            ("stream.paused", "旧日志平台", "webhook", gone.base_url.as_str()),
        ] {
            let typed = change::Typed {
                name: title.into(),
                kind: kind.into(),
                destination: destination.into(),
                format: "ocsf".into(),
                actions: if kind == "file" { String::new() } else { "recall.*, hold.*".into() },
                leave_out: vec!["devices".into()],
                from_start: true,
                ..change::Typed::default()
            };
            // From the shell, which needs no code: time does not go on, and sessions do not end.
            let id = change::create(&self.full.app, &Caller::shell(), typed).await.unwrap().value.id;
            for _ in 0..if name == "stream.stuck" { 5 } else { 1 } {
                work::deliver_now(&self.full.app, &id).await.unwrap();
            }
            self.call(name, id);
        }
    }

    /// A hold in each state.
    async fn holds(&mut self, case: &str) {
        const WHY: &str = "劳动仲裁委员会已受理，案号 2026-118，开庭前不得清除。";
        use holds::Act::{Place, ProposeRelease, Release};
        for (name, acts) in [
            ("hold.proposed", &[][..]),
            ("hold.placed", &[("audit", Place)]),
            ("hold.release", &[("audit", Place), ("audit", ProposeRelease)]),
            ("hold.released", &[("audit", Place), ("audit", ProposeRelease), ("counsel", Release)]),
        ] {
            let person = self.username("reviewer");
            let person = if name == "hold.placed" { person.as_str() } else { "" };
            let new = holds::NewHold {
                case: case.into(),
                person: person.into(),
                from: Some(self.full.app.now()),
                reason: WHY.into(),
                code: self.code("counsel"),
                ..holds::NewHold::default()
            };
            let id = holds::propose(&self.full.app, self.caller("counsel"), new).await.unwrap().value;
            for (version, (who, act)) in (1..).zip(acts) {
                let code = self.code(who);
                holds::act(&self.full.app, self.caller(who), &id, version, *act, WHY, &code).await.unwrap();
            }
            self.call(name, id);
        }
        let query = audit::Query { words: "收件范围".into(), action: "recall.submitted".into(), ..audit::Query::default() };
        let id = countermand::id::fresh();
        let search = audit::saved::save(&self.full.app, self.caller("counsel"), &id, "误选收件范围的申请", &query, true).await.unwrap().value;
        let new = holds::NewHold { search: search.clone(), reason: WHY.into(), code: self.code("counsel"), ..holds::NewHold::default() };
        let id = holds::propose(&self.full.app, self.caller("counsel"), new).await.unwrap().value;
        self.call("hold.search", id);
        self.call("search", search);
    }

    /// Versions of the recall policy, and proposals in each state.
    async fn policies(&mut self) {
        use proposals::Act::{Confirm, Reject};
        let steps = [
            ("policy.superseded", 1, None, "2", Some(Confirm)),
            ("policy.rejected", 2, None, "1", Some(Reject)),
            ("policy.confirmed", 2, Some(1), "5", Some(Confirm)),
            ("policy.open", 3, None, "3", None),
        ];
        for (name, base, origin, leak, end) in steps {
            let mut typed = proposals::Typed {
                base,
                origin,
                adopted: vec!["wecom-forced".into()],
                budgets: [(HarmClass::Leak, leak), (HarmClass::WrongAudience, "15"), (HarmClass::WrongFact, "60"), (HarmClass::Other, "240")]
                    .map(|(class, minutes)| (class, minutes.to_owned()))
                    .to_vec(),
                shares: ["1", "1", "1"].map(str::to_owned),
                reason: "十一月演练表明，泄露敏感信息的案件每级用时可以更短，部门复核应先完成。".into(),
                code: self.code("security"),
                ..proposals::Typed::default()
            };
            if name == "policy.superseded" {
                typed.first.classes = vec!["leak".into()];
            }
            if name == "policy.open" {
                typed.adopted.push("wecom-notice".into());
                typed.limits = vec![(Platform::Matrix, "720".into())];
                typed.shares = ["1", "2", "1"].map(str::to_owned);
            }
            let id = proposals::propose(&self.full.app, self.caller("security"), typed, countermand::id::fresh()).await.unwrap().value;
            if let Some(act) = end {
                let code = self.code("system");
                let why = "两分钟内无法读完附件，请先完成一次演练再议。";
                proposals::act(&self.full.app, self.caller("system"), &id, act, why, &code).await.unwrap();
                if name == "policy.superseded" {
                    self.first().await;
                }
            }
            self.call(name, id);
        }
    }

    /// What the rules find in all that, and one alert that somebody has acknowledged.
    async fn alerts(&mut self) {
        for _ in 0..6 {
            let subject = Subject::new("broadcast", "unsent");
            self.full
                .app
                .refuse(self.caller("security"), Action::BroadcastSubmitted, subject, None, AppError::Forbidden(Permission::BroadcastSend))
                .await;
        }
        alerts::watch::pass(&self.full.app).await.unwrap();
        for (name, rule) in [("alert.open", Rule::Refusals), ("alert.acknowledged", Rule::RecallBurst)] {
            let wanted = alerts::Wanted { rule: Some(rule), ..alerts::Wanted::default() };
            let found = alerts::list(&self.full.app, self.caller("audit"), wanted, Turn::First).await.unwrap().0;
            let alert = found.first().unwrap_or_else(|| panic!("{rule} fired nothing"));
            self.call(name, alert.id.clone());
        }
        let seen = self.things["alert.acknowledged"].clone();
        alerts::acknowledge(&self.full.app, self.caller("audit"), &seen, 1, "年度演练，已与人力资源部核实。").await.unwrap();
    }

    async fn send(&self, title: &str) -> String {
        let users = self.full.emulator.access().users.clone();
        let new = send::NewBroadcast {
            connection: self.full.connection.clone(),
            audience: Wanted { users, parties: vec![], tags: vec![], all: false },
            title: title.into(),
            text: "各位同事：\n现将方案发送各位审阅，附件为各职级调整系数表。\n如有疑问请联系薪酬组。".into(),
            sender: String::new(),
        };
        let id = send::send(&self.full.app, self.caller("requester"), new, None).await.unwrap().value;
        for _ in 0..3 {
            countermand::jobs::run_due(&self.full.app).await.unwrap();
            self.full.clock.advance(Duration::from_secs(5));
        }
        id
    }

    async fn report(&mut self, name: &str, title: &str) -> String {
        let new = report::Report {
            channel: "华东代理商微信群".into(),
            sent_at: self.full.app.now().to_rfc3339(),
            audience: "华东代理商群，约 120 人".into(),
            title: title.into(),
            text: "报价单：内部价九折，仅限内部参考。".into(),
            files: vec![report::Upload { name: "截图.png".into(), bytes: PNG.to_vec() }],
            ..report::Report::default()
        };
        let id = report::report(&self.full.app, self.caller("requester"), new, None).await.unwrap().value;
        self.call(name, id.clone());
        id
    }

    async fn ask(&mut self, name: &str, broadcast: String, class: &str) -> String {
        let request = submit::Request {
            broadcast,
            category: class.into(),
            reason: "原定仅发送薪酬委员会六人，因收件范围误选全体员工发出，附件属内部机密。".into(),
            basis: "《信息发布管理办法》第十四条".into(),
            tell_readers: true,
            correction: None,
        };
        let id = submit::submit(&self.full.app, self.caller("requester"), request, None).await.unwrap().value.id;
        self.call(name, id.clone());
        id
    }

    async fn case(&mut self, name: &str, title: &str, class: &str) -> String {
        let broadcast = self.send(title).await;
        self.call(&format!("{name}.broadcast"), broadcast.clone());
        self.ask(name, broadcast, class).await
    }

    async fn decide(&mut self, who: &str, case: &str, decision: &str) {
        self.weigh(who, case, decision, &[]).await;
    }

    async fn weigh(&mut self, who: &str, case: &str, decision: &str, answers: &[(Matter, &str)]) {
        let input = decide::Decide {
            decision: decision.into(),
            comment: "情况属实，收件范围与申请一致，依制度处理。".into(),
            totp: self.code(who),
            answers: answers.iter().map(|(matter, reply)| (*matter, (*reply).to_owned())).collect(),
            ..Default::default()
        };
        let done = decide::decide(&self.full.app, self.caller(who), case, input).await.unwrap();
        self.call("receipt", done.receipt.unwrap().event.to_string());
        self.call("receipt.case", case);
        countermand::jobs::run_due(&self.full.app).await.unwrap();
    }

    async fn invited(&self) -> String {
        let new = Invitee { name: "周新".into(), roles: [Role::Requester].into(), ..Invitee::default() };
        match invitations::invite(&self.full.app, self.caller("system"), new).await.unwrap().value {
            Way::Shown(link) => link.path,
            Way::Mailed(to) => panic!("mailed to {to}"),
        }
    }

    /// Accounts half way in, and links to come in by.
    async fn halves(&mut self) {
        for (name, who) in [("pending", "reviewer"), ("enrolling", "newcomer")] {
            let http = Http::new(&self.base);
            let (account, password) = (self.username(who), self.members[who].password.clone());
            let page = http.submit("/sign-in", "/sessions", &[("account", &account), ("password", &password)]).await;
            assert_eq!(page.status, 303, "{}", page.body);
            self.call(name, http.cookie("session"));
        }
        let link = setup::first_start(&self.bare.app).await.unwrap().unwrap().path;
        self.call("setup", link.trim_start_matches("/setup/"));
        for lang in ["zh-CN", "en"] {
            let link = self.invited().await;
            self.call(&format!("invitation.{lang}"), link.trim_start_matches("/invitations/"));
        }
        let open = self.full.app.store.read(|conn| countermand::store::invitations::invitation_list(conn, 1)).await.unwrap();
        self.call("invited", &open[0].id);
        for (name, who) in [
            ("user.requester", "requester"),
            ("user.lawyer", "lawyer"),
            ("user.system", "system"),
            ("user.newcomer", "newcomer"),
            ("user.auditor", "auditor"),
        ] {
            let id = self.caller(who).user_id.clone().unwrap();
            self.call(name, id);
        }
        let code = self.code("system");
        resets::propose(&self.full.app, self.caller("system"), self.caller("lawyer").user_id.as_ref().unwrap(), &code).await.unwrap();
        let connection = self.full.connection.clone();
        connections::test(&self.full.app, self.caller("system"), &connection).await.unwrap();
        self.call("connection", connection);
        let department = self.caller("requester").department_id.clone().unwrap();
        self.call("department", department);
    }

    pub fn username(&self, who: &str) -> String {
        let (_, _, department, _) = PEOPLE.iter().find(|(key, ..)| *key == who).unwrap();
        format!("{who}.{}", department.len())
    }

    /// Bundles of `case`: exported, damaged, cut short.
    async fn evidence(&mut self, case: &str) {
        let wanted = Export { case: case.into(), purpose: "劳动仲裁举证".into(), at: None, totp: self.code("counsel"), keep: true };
        let made = export(&self.full.app, self.caller("counsel"), wanted).await.unwrap().value;
        // Without its contents and before its end, part of a case cannot be told.
        let open = self.things["case.reviewing"].clone();
        let masked = Export { case: open, purpose: "年度审计".into(), at: None, totp: self.code("auditor"), keep: true };
        let masked = export(&self.full.app, self.caller("auditor"), masked).await.unwrap().value;
        let bytes = made.bundle.bytes.clone();
        self.call("bundle", made.number);
        let mut damaged = bytes.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x40;
        self.bundles = BTreeMap::from([("whole", bytes), ("damaged", damaged), ("masked", masked.bundle.bytes.clone())]);
    }
}
