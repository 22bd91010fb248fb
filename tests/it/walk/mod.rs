//! A walk through the whole console. This file follows the links as every role: each page that a link leads to is there, is sound in both
//! languages and has all its words. `pages` looks at every page of the route list with a browser, in every state of `table`; in `days`
//! each role does its day's work.

mod days;
mod hands;
mod pages;
mod stage;
mod table;
mod without_scripts;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stage::Companies;

use crate::support::html::{problems, tags};

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

#[actix_web::test]
async fn every_linked_page_is_there_and_sound_for_every_role() {
    let company = Companies::found().await;
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut walker = Walker { base: company.base.clone(), http, beginnings: beginnings(), wrong: Vec::new() };
    let mut all = Vec::new();
    for (who, member) in &company.members {
        let pages = walker.walk(who, &member.cookie, &["/", "/account"]).await;
        all.extend(pages.into_keys().map(|shape| format!("{who} {shape}")));
    }
    all.extend(walker.walk("nobody", "", &["/sign-in"]).await.into_keys());
    assert!(all.len() > 20, "the walk found {} pages: it is blind", all.len());
    assert_eq!(walker.wrong, Vec::<String>::new(), "walked: {all:?}");
}
