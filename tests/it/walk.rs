//! A walk through the whole console as every role: each page that a link leads to is there, is sound in both languages, has all its words,
//! and a browser finds nothing wrong with it. Pages that are added later are walked because they are linked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countermand::{
    app::{
        Caller,
        broadcasts::{Wanted, send},
        recalls::submit,
    },
    domain::role::Role,
    web::{Shell, console},
};

use crate::{
    broadcasts::stage::{Stage, person, signed_in},
    support::{
        browser::{Browser, Look, picture, serve},
        html::{problems, tags},
    },
};

/// A path with what differs from thing to thing left out: one page of each shape is enough.
fn shape(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let vague = |s: &str| if s.len() >= 30 || (!s.is_empty() && s.bytes().all(|b| b.is_ascii_digit())) { "{}".to_owned() } else { s.to_owned() };
    path.split('/').map(vague).collect::<Vec<_>>().join("/")
}

/// Texts that are message keys: a word is missing.
fn unworded(page: &str, beginnings: &BTreeSet<String>) -> Vec<String> {
    let text_nodes = page.split('>').skip(1).filter_map(|rest| rest.split('<').next()).map(str::trim);
    text_nodes
        .filter(|t| t.contains('-') && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'))
        .filter(|t| t.split('-').next().is_some_and(|first| beginnings.contains(first)))
        .map(str::to_owned)
        .collect()
}

/// First parts of all keys, e.g. `recall`, `field`.
fn beginnings() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/locales/zh-CN");
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(folder).expect("a directory") {
        let text = std::fs::read_to_string(file.expect("an entry").path()).expect("a file");
        found.extend(text.lines().filter(|l| l.contains(" = ")).filter_map(|l| l.split_once('-')).map(|(first, _)| first.to_owned()));
    }
    found
}

struct Walker {
    base: String,
    http: reqwest::Client,
    beginnings: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Walker {
    /// Follows the links from `start` as the person of `cookie` and returns one path of each shape that is a page.
    async fn walk(&mut self, who: &str, cookie: &str, start: &[&str]) -> BTreeMap<String, String> {
        let mut pages = BTreeMap::new();
        let mut seen: BTreeSet<String> = start.iter().map(|p| shape(p)).collect();
        let mut open: VecDeque<String> = start.iter().map(|p| (*p).to_owned()).collect();
        while let Some(path) = open.pop_front() {
            let mut links = Vec::new();
            for lang in ["zh-CN", "en"] {
                let answer = self.http.get(format!("{}{path}", self.base)).header("cookie", format!("session={cookie}; lang={lang}")).send().await;
                let answer = answer.expect("the server answers");
                let (status, kind) = (answer.status(), answer.headers().get("content-type").map(|v| v.to_str().unwrap_or_default().to_owned()));
                if status.is_redirection() {
                    continue;
                }
                if status != 200 {
                    self.wrong.push(format!("{who}: a link leads to {path}, which answers {status}"));
                    continue;
                }
                if !kind.is_some_and(|k| k.starts_with("text/html")) {
                    continue;
                }
                let page = answer.text().await.expect("UTF-8");
                self.wrong.extend(problems(&page).into_iter().map(|p| format!("{who}, {path}, {lang}: {p}")));
                self.wrong.extend(unworded(&page, &self.beginnings).into_iter().map(|k| format!("{who}, {path}, {lang}: no word for {k}")));
                links = tags(&page).iter().filter(|t| t.name == "a").filter_map(|t| t.get("href").map(str::to_owned)).collect();
                pages.insert(shape(&path), path.clone());
            }
            for link in links {
                let link = link.replace("&amp;", "&").replace("&#38;", "&");
                if link.starts_with('/') && !link.starts_with("/static") && seen.insert(shape(&link)) {
                    open.push_back(link);
                }
            }
        }
        pages
    }
}

/// A company with a message that was sent and a case that waits for its first decision.
async fn stage() -> (Stage, Vec<(&'static str, String)>) {
    let stage = Stage::set().await;
    let people = [
        ("reviewer", Role::DepartmentReviewer),
        ("legal", Role::LegalReviewer),
        ("final", Role::FinalApprover),
        ("operator", Role::PlatformOperator),
        ("system", Role::SystemAdministrator),
        ("security", Role::SecurityAdministrator),
        ("audit", Role::AuditAdministrator),
        ("auditor", Role::Auditor),
        ("counsel", Role::Counsel),
    ];
    let mut callers: Vec<(&'static str, Caller)> = vec![("requester", stage.caller.clone())];
    for (name, role) in people {
        callers.push((name, person(&stage.app, name, &[role]).await));
    }
    let users = stage.emulator.access().users.clone();
    let new = send::NewBroadcast {
        connection: stage.connection.clone(),
        audience: Wanted { users, parties: vec![], tags: vec![], all: false },
        title: "2027 年度薪酬调整方案".into(),
        text: "各位同事：现将方案发送各位审阅。".into(),
        sender: String::new(),
    };
    let broadcast = send::send(&stage.app, &stage.caller, new, None).await.unwrap().value;
    stage.settle().await;
    let request = submit::Request {
        broadcast,
        category: "leak".into(),
        reason: "原定仅发送薪酬委员会六人，因收件范围误选全体员工发出，附件属内部机密。".into(),
        basis: "《信息发布管理办法》第十四条".into(),
        tell_readers: true,
    };
    submit::submit(&stage.app, &stage.caller, request, None).await.unwrap();
    let mut cookies = Vec::new();
    for (name, caller) in callers {
        cookies.push((name, signed_in(&stage, &caller).await.0));
    }
    (stage, cookies)
}

#[actix_web::test]
async fn every_linked_page_is_there_and_sound_for_every_role() {
    let (stage, people) = stage().await;
    let shell = Shell { tenant: "华辰集团".into(), secure: false, public_origin: "http://localhost:8080".into(), clock: stage.clock.clone() };
    let base = serve(shell, console(stage.app.clone()));
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut walker = Walker { base: base.clone(), http, beginnings: beginnings(), wrong: Vec::new() };
    let mut all = Vec::new();
    for (who, cookie) in &people {
        let pages = walker.walk(who, cookie, &["/", "/account"]).await;
        all.extend(pages.into_iter().map(|(shape, path)| (*who, cookie.clone(), shape, path)));
    }
    let out = walker.walk("nobody", "", &["/sign-in"]).await;
    all.extend(out.into_iter().map(|(shape, path)| ("nobody", String::new(), shape, path)));
    assert!(all.len() > 20, "the walk found {} pages: it is blind", all.len());
    let mut wrong = walker.wrong;
    wrong.extend(look(&base, &all).await);
    assert_eq!(wrong, Vec::<String>::new(), "walked: {:?}", all.iter().map(|(w, _, s, _)| format!("{w} {s}")).collect::<Vec<_>>());
}

/// Looks at each page with a browser, once: the first role that reached it stands for all.
async fn look(base: &str, all: &[(&str, String, String, String)]) -> Vec<String> {
    let Some(browser) = Browser::start(base).await else { return Vec::new() };
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for (who, cookie, shape, path) in all.iter().filter(|(_, _, shape, _)| seen.insert(shape.clone())) {
        for (lang, look) in [("zh-CN", Look { width: 1440, dark: false }), ("en", Look { width: 390, dark: true })] {
            browser.cookies(&[("lang", lang), ("session", cookie)]).await;
            browser.look(look).await;
            browser.visit(path).await;
            let about = format!("{who} {path} {lang}");
            if let Some(file) = picture(&format!("walk{}-{lang}-{}", shape.replace('/', "-").replace("{}", "id"), look.width)) {
                browser.screenshot(&file).await;
            }
            wrong.extend(browser.axe().await.into_iter().map(|v| format!("{about}: {v}")));
            wrong.extend(browser.console_errors().await.into_iter().map(|e| format!("{about}: {e}")));
            let over = browser.overflow_at(320).await;
            if over > 0 {
                wrong.push(format!("{about}: {over} px wider than a small phone"));
            }
        }
    }
    browser.close().await;
    wrong
}
