//! Every page of the route list in a real browser, in every state of `table`, in both languages and themes and at four widths: nothing that
//! axe finds, nothing that scrolls sideways, nothing that the policy blocks, nothing in the console, no key where a word should be.

use std::collections::BTreeSet;

use super::{
    beginnings,
    stage::{Companies, Where},
    table::{NEVER_WRONG, NO_PAGES, ROWS, Row},
    unworded,
};
use crate::support::{
    browser::{Browser, Look, picture},
    html::problems,
};

/// Paths of the route list by method, programs' interfaces left out.
pub(super) fn routes(method: &str) -> BTreeSet<&'static str> {
    let text = include_str!("../../../src/web/routes.rs");
    let listed = text.lines().filter_map(|l| l.trim().strip_prefix("cfg.service(resource(\"")).filter_map(|l| l.split_once('"'));
    listed.filter(|(path, rest)| rest.contains(method) && !path.starts_with("/api/") && !path.starts_with("/log/")).map(|(path, _)| path).collect()
}

#[test]
fn every_route_is_in_the_table() {
    let seen = |posts: bool| ROWS.iter().filter(move |r| r.fields.is_some() == posts).map(|r| r.route).collect::<BTreeSet<_>>();
    let pages: BTreeSet<_> = routes(".get(").into_iter().filter(|r| !NO_PAGES.contains(r)).collect();
    assert!(pages.len() > 20, "the route list is not read: {pages:?}");
    assert_eq!(pages.difference(&seen(false)).collect::<Vec<_>>(), Vec::<&&str>::new(), "pages that no browser looks at");
    let wrong: BTreeSet<_> = ROWS.iter().filter(|r| r.fields.is_some() && r.status >= 400).map(|r| r.route).collect();
    let posts: BTreeSet<_> = routes(".post(").into_iter().filter(|r| !NEVER_WRONG.contains(r)).collect();
    assert_eq!(posts.difference(&wrong).collect::<Vec<_>>(), Vec::<&&str>::new(), "posts whose errors no browser looks at");
    let all: BTreeSet<_> = routes("").into_iter().chain(["/demo", "/_emulator/inbox"]).collect();
    assert_eq!(seen(false).union(&seen(true)).filter(|r| !all.contains(*r)).collect::<Vec<_>>(), Vec::<&&str>::new(), "routes that are gone");
}

/// Opens a row's page as its person would come to it.
async fn open(browser: &Browser, company: &Companies, lang: &str, row: &Row) {
    browser.cookies(&[("lang", lang), ("session", company.cookie(row.place, row.who))]).await;
    browser.visit(&company.address(row.place, lang, &row.opened(&routes(".get(")))).await;
    let Some(fields) = row.fields else { return };
    let fields: Vec<(&str, String)> = fields.iter().map(|(n, v)| (*n, company.filled(lang, v))).collect();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let files: Vec<(&str, &str, &[u8])> = row.file.iter().map(|(field, name, which)| (*field, *name, company.bundles[which].as_slice())).collect();
    // The first page has been looked at by its own row.
    browser.console_errors().await;
    browser.post(&company.filled(lang, &row.address()), &fields, &files).await;
}

/// What is wrong with the words of the page as it stands.
async fn read(browser: &Browser, beginnings: &BTreeSet<String>) -> Vec<String> {
    let page = browser.client.source().await.expect("the page");
    let unworded = unworded(&page, beginnings).into_iter().map(|key| format!("no word for {key}"));
    problems(&page).into_iter().chain(unworded).collect()
}

/// What is wrong with the page as it stands: every rule in one theme, those of colour in the other as well.
async fn look(browser: &Browser, name: &str, beginnings: &BTreeSet<String>, wide: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let themes = if wide { ["light", "dark"] } else { ["dark", "light"] };
    for (n, theme) in themes.iter().enumerate() {
        browser.theme(theme).await;
        if let Some(file) = picture(&format!("{name}-{theme}")) {
            browser.screenshot(&file).await;
        }
        wrong.extend(if n == 0 { browser.axe().await } else { browser.axe_colours().await });
    }
    for width in [320, 390, 1024, 1440] {
        let over = browser.overflow_at(width).await;
        if over > 0 {
            wrong.push(format!("{over} px wider than {width}: {}", browser.too_wide().await));
        }
    }
    browser.look(Look { width: if wide { 1440 } else { 390 }, dark: false }).await;
    wrong.extend(browser.console_errors().await);
    wrong.extend(read(browser, beginnings).await);
    wrong
}

// One each, so that two browsers go side by side.
#[actix_web::test]
async fn every_page_in_every_state_is_sound_in_chinese() {
    every_page("zh-CN", 1440).await;
}

#[actix_web::test]
async fn every_page_in_every_state_is_sound_in_english_on_a_phone() {
    // How a page looks does not depend on the database: a second run, on the other one, asks only for answers and words, and of one language.
    if !second() {
        every_page("en", 390).await;
    }
}

/// Whether this is the run on the other database.
fn second() -> bool {
    std::env::var("TEST_ONLY").is_ok_and(|only| only == "postgres")
}

/// Every row in `lang`, in both themes and at each width; rules that ask for more than colour in the theme that belongs to `width`.
async fn every_page(lang: &str, width: u32) {
    let mut company = Companies::found().await;
    let Some(browser) = Browser::start(&company.base).await else { return };
    company.grow().await;
    let beginnings = beginnings();
    let only = std::env::var("COUNTERMAND_ROUTE").ok();
    let mut wrong = Vec::new();
    browser.look(Look { width, dark: false }).await;
    for (n, row) in ROWS.iter().enumerate() {
        if row.only.is_some_and(|l| l != lang) || only.as_ref().is_some_and(|o| !row.route.contains(o.as_str())) {
            continue;
        }
        open(&browser, &company, lang, row).await;
        let about = format!(
            "{n} {lang} {} as {}{}",
            row.address(),
            row.who,
            match row.place {
                Where::Empty => ", empty",
                Where::Large => ", ten thousand",
                _ => "",
            }
        );
        let status = browser.status().await;
        if status != row.status {
            wrong.push(format!("{about}: {status} instead of {}", row.status));
        }
        if second() {
            wrong.extend(read(&browser, &beginnings).await.into_iter().map(|w| format!("{about}: {w}")));
            continue;
        }
        let name = format!("{n:03}-{}{}-{lang}-{width}", row.who, row.route.replace(['/', '{', '}', ':'], "-"));
        wrong.extend(look(&browser, &name, &beginnings, width == 1440).await.into_iter().map(|w| format!("{about}: {w}")));
    }
    browser.close().await;
    assert!(wrong.is_empty(), "{}\n{} in all", wrong.join("\n"), wrong.len());
}
