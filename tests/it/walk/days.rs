//! A day of each of the ten roles in a real browser: they sign in with password and code, find on their menu what is theirs and nothing
//! else, are shown out wherever they have no business, and do with the page's own forms what they came for. The pictures of the guides
//! are taken here (`COUNTERMAND_PICTURES`).

use countermand::domain::role::Role;

use super::{
    hands::Hands,
    pages::routes,
    stage::{Companies, Where},
};
use crate::{
    broadcasts::stage::session_of,
    support::browser::{Browser, Look},
};

const WHY: &str = "原定仅发送薪酬委员会六人，因收件范围误选全体员工发出，附件属内部机密。";
const ALL: &str = "requester reviewer lawyer executive operator system security audit auditor counsel";

/// Who sees cases, and who reads the trail.
const CASES: &str = "requester reviewer lawyer executive operator auditor counsel";
const TRAIL: &str = "audit auditor counsel";

/// Whose menu shows each page, where it is on one, and to whom it is open: as product.md divides the work, written down here a second time so
/// that the code's own table is no witness in its own cause.
const DOORS: [(&str, &str, &str); 48] = [
    ("/", ALL, ALL),
    ("/broadcasts", CASES, CASES),
    ("/broadcasts/new", "", "requester"),
    ("/broadcasts/imports", "", "requester"),
    ("/broadcasts/imports/new", "", "requester"),
    ("/reports/new", "", "requester"),
    ("/recalls", CASES, CASES),
    ("/recalls/new?broadcast={broadcast.sent}", "", "requester"),
    // Who may order a recall first is read where the rules are.
    ("/duty", "", ALL),
    ("/duty/uses", "", "reviewer lawyer executive operator system security audit auditor counsel"),
    ("/remediations", "", CASES),
    ("/self-recalls", "", CASES),
    ("/self-recalls/new?broadcast={broadcast.sent}", "", "requester"),
    // A case that was sent back waits for who asked.
    ("/approvals", "reviewer lawyer executive operator", ALL),
    ("/delegations", "reviewer lawyer executive security", ALL),
    ("/delegations/new", "", "reviewer lawyer executive"),
    ("/audit", TRAIL, TRAIL),
    ("/audit/event-types", "", ALL),
    ("/audits", TRAIL, TRAIL),
    ("/audits/new", "", "audit auditor"),
    ("/alerts", "system security audit auditor", "system security audit auditor"),
    ("/alerts/rules", "", "system security audit auditor"),
    ("/evidence", "auditor counsel", "auditor counsel"),
    ("/evidence/verification", "", ALL),
    ("/holds", TRAIL, TRAIL),
    ("/holds/new", "", "audit counsel"),
    // What is kept, and how long, is a setting of the house, too.
    ("/retention", "", "system security audit auditor counsel"),
    ("/catalogue", ALL, ALL),
    ("/policies", ALL, ALL),
    ("/policies/compare", "", ALL),
    ("/policies/proposals/new", "", "security"),
    ("/questions", ALL, ALL),
    ("/streams", "audit", "audit"),
    ("/streams/new", "", "audit"),
    ("/connections", "system", "system"),
    ("/connections/new", "", "system"),
    ("/users", "system security audit", "system security audit"),
    ("/users/invitations", "", "system"),
    ("/users/imports", "", "system"),
    ("/users/{user.requester}/suspensions", "", "system"),
    ("/users/{user.lawyer}/personal-data", "", "system audit auditor counsel"),
    ("/departments", "system security", "system security audit"),
    ("/sessions", "security", "security"),
    ("/tokens", "system security", "system security"),
    ("/settings", "system security audit", "system security audit"),
    ("/settings/jobs", "", "system security audit"),
    ("/account", "", ALL),
    ("/account/api", "", ALL),
];

/// Pages of one's own account, of those who are not signed in yet, and of machines.
const FOR_ANYBODY: [&str; 10] = [
    "/account/passkeys",
    "/account/personal-data",
    "/account/second-factor",
    "/healthz",
    "/metrics",
    "/readyz",
    "/sessions/enrolment",
    "/sessions/verification",
    "/sign-in",
    "/static/countermand-verifier.html",
];

struct Day<'a> {
    hands: Hands<'a>,
    http: reqwest::Client,
}

impl Day<'_> {
    fn at(&self, path: &str) -> String {
        self.hands.company.filled("zh-CN", path)
    }

    async fn visit(&self, path: &str) {
        self.hands.browser.visit(&self.at(path)).await;
    }

    /// Signs `who` in and looks at every door.
    async fn begin(&self, who: &str) {
        self.hands.sign_in(who).await;
        let open = |people: &str| people.split(' ').any(|p| p == who);
        let expected: Vec<&str> = DOORS.iter().filter(|(_, menu, _)| open(menu)).map(|(path, ..)| *path).collect();
        let script = "return [...document.querySelectorAll('.sidenav a')].map((a) => a.getAttribute('href'))";
        let menu = self.hands.browser.client.execute(script, vec![]).await.unwrap();
        let mut menu: Vec<&str> = menu.as_array().unwrap().iter().map(|h| h.as_str().unwrap()).collect();
        menu.sort_by_key(|href| DOORS.iter().position(|(path, ..)| path == href));
        assert_eq!(menu, expected, "the menu of {who}");
        let session = self.hands.browser.client.get_named_cookie("session").await.unwrap();
        let mut wrong = Vec::new();
        for (path, _, people) in DOORS {
            let url = self.hands.company.address(Where::Full, "zh-CN", path);
            let answer = self.http.get(url).header("cookie", format!("session={}", session.value())).send().await.unwrap();
            let expected = if open(people) { 200 } else { 403 };
            if answer.status().as_u16() != expected {
                wrong.push(format!("{who} {path}: {} instead of {expected}", answer.status()));
            }
        }
        assert_eq!(wrong, Vec::<String>::new());
    }

    async fn end(&self) {
        assert_eq!(self.hands.browser.console_errors().await, Vec::<String>::new());
        self.hands.sign_out().await;
    }

    /// What the page says where a case stands.
    async fn state(&self) -> String {
        self.hands.text(".head .badge").await
    }

    /// Decides the case at `case` as the person that is signed in, coming from the work list.
    async fn decide(&self, who: &str, case: &str) {
        self.hands.press(".sidenav a[href='/approvals']").await;
        if who == "reviewer" {
            self.hands.picture("reviewer-approvals").await;
        }
        self.hands.press(&format!(".queue a[href^='{case}']")).await;
        if who == "reviewer" {
            self.hands.picture("reviewer-decision").await;
        }
        let code = self.hands.company.code(who);
        let fields = [("decision", "approve"), ("comment", "情况属实，收件范围与申请一致，同意撤回。"), ("totp", &code)];
        self.hands.send("#decision form", &fields, "button:last-of-type").await;
        self.hands.press(&format!("main a.btn-primary[href='{case}']")).await;
        self.hands.find(".facts").await;
        assert_eq!(self.hands.count("#decision form").await, 0, "nobody decides twice");
    }
}

#[actix_web::test]
async fn each_role_does_its_days_work_and_sees_neither_more_nor_less() {
    let company = Companies::found().await;
    let Some(browser) = Browser::start(&company.base).await else { return };
    browser.look(Look { width: 1280, dark: false }).await;
    browser.cookies(&[("lang", "zh-CN")]).await;
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let day = Day { hands: Hands { browser: &browser, company: &company }, http };
    assert_eq!(ALL.split(' ').count(), Role::ALL.len());
    let doors: Vec<&str> = DOORS.iter().map(|(path, ..)| path.split('?').next().unwrap_or_default()).collect();
    let missing: Vec<&str> =
        routes(".get(").into_iter().filter(|path| !path.contains('{') && !doors.contains(path) && !FOR_ANYBODY.contains(path)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "pages that nobody tries to open");
    let case = ask(&day).await;
    three_levels(&day, &case).await;
    by_hand(&day).await;
    administer(&day).await;
    hold(&day, &case).await;
    audit(&day, &case).await;
    browser.close().await;
}

/// The requester sends a notice to the wrong people and asks for its recall. Returns the address of the case.
async fn ask(day: &Day<'_>) -> String {
    let (hands, company) = (&day.hands, day.hands.company);
    day.begin("requester").await;
    hands.press(".sidenav a[href='/broadcasts']").await;
    hands.press("main a[href='/broadcasts/new']").await;
    let connection = day.at("{connection}");
    let fields = [("connection", connection.as_str()), ("audience", "all"), ("title", "年度奖金分配明细"), ("text", "各位委员：\n明细见附件。")];
    hands.send("main form[action='/broadcasts']", &fields, "button[value=check]").await;
    hands.press("button[value=send]").await;
    company.full.settle().await;
    hands.again().await;
    hands.press("a[href^='/recalls/new']").await;
    hands.picture("requester-recall").await;
    let fields = [("category", "leak"), ("reason", WHY), ("basis", "《信息发布管理办法》第十四条")];
    hands.send("main form[action='/recalls']", &fields, "button[value=check]").await;
    hands.press("button[value=submit]").await;
    assert!(day.state().await.contains("待部门复核"));
    assert_eq!(hands.count("#decision form").await, 0, "nobody judges their own request");
    hands.picture("requester-case").await;
    let case = hands.browser.client.current_url().await.unwrap().path().to_owned();
    day.end().await;
    case
}

/// Three people at three levels; the recall runs after the third.
async fn three_levels(day: &Day<'_>, case: &str) {
    for (who, next) in [("reviewer", "待法务合规复核"), ("lawyer", "待终审"), ("executive", "")] {
        day.begin(who).await;
        day.decide(who, case).await;
        if next.is_empty() {
            day.hands.company.full.settle().await;
            day.hands.again().await;
            assert!(day.state().await.contains("平台已受理撤回"), "{}", day.state().await);
        } else {
            assert!(day.state().await.contains(next), "{}", day.state().await);
        }
        day.end().await;
    }
}

/// The operator proves what was done in the platform's own console; another person confirms it.
async fn by_hand(day: &Day<'_>) {
    let (hands, company) = (&day.hands, day.hands.company);
    day.begin("operator").await;
    hands.press(".sidenav a[href='/approvals']").await;
    hands.press(&format!(".queue a[href^='/recalls/{}']", day.at("{case.operate}"))).await;
    hands.picture("operator-case").await;
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("撤回结果.png");
    hands.browser.screenshot(&capture).await;
    hands.type_in("#capture input[type=file]", capture.to_str().unwrap()).await;
    let fields = [("outcome", "accepted"), ("note", "已在群主后台撤回该消息，群内不再显示。")];
    hands.send("#capture form", &fields, "button:last-of-type").await;
    assert!(hands.text("main").await.contains("等待另一人确认结果"));
    hands.press("main a.btn-primary").await;
    assert!(hands.text("main").await.contains("撤回结果.png"));
    assert_eq!(hands.count("#confirmation form").await, 0, "nobody confirms their own act");
    day.end().await;
    hands.sign_in("second").await;
    day.visit("/recalls/{case.operate}").await;
    let code = company.code("second");
    hands.send("#confirmation form", &[("outcome", "accepted"), ("totp", &code)], "button:last-of-type").await;
    hands.press("main a.btn-primary").await;
    assert!(day.state().await.contains("平台已受理撤回"), "{}", day.state().await);
    day.end().await;
}

/// The system and the security administrator: accounts and connections, roles and sessions, a change of the rules by two people.
async fn administer(day: &Day<'_>) {
    let (hands, company) = (&day.hands, day.hands.company);
    day.begin("security").await;
    hands.press(".sidenav a[href='/users']").await;
    hands.send("form[action='/users'][method=get]", &[("q", "郑小满")], "button[type=submit]").await;
    hands.press("tbody a.name").await;
    hands.send("form[action$='/roles']", &[("roles", "department_reviewer")], "button[type=submit]").await;
    assert!(hands.find("input[name=roles][value=department_reviewer]").await.prop("checked").await.unwrap().is_some_and(|c| c == "true"));
    session_of(&company.full.app, company.caller("requester")).await;
    day.visit("/sessions?user={user.requester}").await;
    hands.send("main form[method=post]", &[("reason", "笔记本电脑遗失，先结束全部会话。")], ".actions button[type=submit]").await;
    hands.find("[role=status]").await;
    day.visit("/policies/proposals/{policy.open}").await;
    hands.picture("security-policy").await;
    day.end().await;

    day.begin("system").await;
    hands.press(".sidenav a[href='/users']").await;
    hands.send("form[action='/users/invitations']", &[("roles", "requester")], "button[type=submit]").await;
    assert!(hands.text("main").await.contains("/invitations/"), "the link is shown");
    hands.press(".sidenav a[href='/connections']").await;
    hands.press("tbody a.name").await;
    hands.send("form[action$='/tests']", &[], "button").await;
    assert!(hands.text("main").await.contains("连接正常"), "{}", hands.text("main").await);
    day.visit("/policies/proposals/{policy.open}").await;
    let code = company.code("system");
    hands.send("form[action$='/confirmations']", &[("reason", "已核对逐项对照。"), ("totp", &code)], "button.btn-primary").await;
    assert!(hands.text(".head").await.contains("现行"), "{}", hands.text(".head").await);
    hands.press(".sidenav a[href='/settings']").await;
    hands.picture("system-settings").await;
    day.end().await;
}

/// Counsel proposes a hold and exports evidence; the audit administrator confirms the hold, answers an alert, lets an auditor in.
async fn hold(day: &Day<'_>, case: &str) {
    let (hands, company) = (&day.hands, day.hands.company);
    day.begin("counsel").await;
    day.visit(case).await;
    hands.press("main a[href^='/holds/new']").await;
    let code = company.code("counsel");
    hands.send("main form[action='/holds']", &[("reason", "员工已申请劳动仲裁。"), ("totp", &code)], "button[type=submit]").await;
    let held = hands.browser.client.current_url().await.unwrap().path().to_owned();
    day.visit(case).await;
    hands.press("main a[href^='/evidence?case=']").await;
    let code = company.code("counsel");
    hands.send("form[action='/evidence/exports']", &[("purpose", "劳动仲裁举证"), ("totp", &code)], "button[type=submit]").await;
    hands.find("form[action$='/downloads']").await;
    hands.picture("counsel-evidence").await;
    day.end().await;

    day.begin("audit").await;
    day.visit(&held).await;
    let code = company.code("audit");
    hands.send("form[action$='/confirmations']", &[("totp", &code)], "button.btn-primary").await;
    assert!(hands.text(".head").await.contains("保留中"), "{}", hands.text(".head").await);
    hands.press(".sidenav a[href='/alerts']").await;
    hands.picture("audit-alerts").await;
    day.visit("/alerts/{alert.open}").await;
    hands.send("form[action$='/acknowledgements']", &[("note", "已与当事人核实，属演练。")], "button[type=submit]").await;
    assert!(hands.text("main").await.contains("已与当事人核实"));
    day.visit("/users/{user.auditor}").await;
    let until = company.full.app.now().plus(std::time::Duration::from_secs(60 * 86_400)).to_rfc3339()[..10].to_owned();
    hands.send("form[action$='/audit-access']", &[("valid_until", &until)], "button[type=submit]").await;
    hands.find("[role=status]").await;
    hands.press(".sidenav a[href='/holds']").await;
    hands.press("main a[href='/retention']").await;
    day.end().await;
}

/// The auditor searches, checks one event, exports what was found, opens an audit and puts a question.
async fn audit(day: &Day<'_>, case: &str) {
    let (hands, company) = (&day.hands, day.hands.company);
    day.begin("auditor").await;
    day.visit(case).await;
    assert_eq!(hands.count("main form[method=post]").await, 0, "there is nothing that an auditor could change");
    assert!(!hands.text("main").await.contains("明细见附件"), "contents are masked");
    let number = hands.text(".head .mono").await;
    hands.press(".sidenav a[href='/audit']").await;
    hands.send("form[action='/audit']", &[("case", &number)], "button[type=submit]").await;
    hands.picture("auditor-trail").await;
    hands.press("tbody a[href^='/audit/']").await;
    assert!(hands.text(".seal + div").await.contains("未被改动"), "{}", hands.text(".seal + div").await);
    hands.picture("auditor-event").await;
    day.visit(&format!("/audit?case={number}")).await;
    let code = company.code("auditor");
    let table = hands.download("form[action='/audit/exports']", &[("totp", &code)], "button[value=csv]").await;
    assert!(table.starts_with('\u{feff}') && table.contains("recall.submitted"), "{table}");
    day.visit("/audits/new").await;
    let today = company.full.app.now().to_rfc3339()[..10].to_owned();
    let fields = [("title", "撤回流程抽查"), ("from", &*today), ("to", &*today), ("sample_size", "5")];
    hands.send("main form[action='/audits']", &fields, "button[type=submit]").await;
    let (person, cases) = (company.username("reviewer"), number.as_str());
    let fields = [("person", person.as_str()), ("question", "请说明核对收件范围的经过。"), ("cases", cases)];
    hands.send("form[action='/questions']", &fields, "button[type=submit]").await;
    assert!(hands.text("main").await.contains("核对收件范围的经过"));
    day.end().await;
}
