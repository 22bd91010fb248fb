//! The printed report of a case: it says what the files beside it say, in both languages, and nothing that was typed becomes markup; and on
//! paper every page says which, of how many, and of which files.

use std::collections::BTreeMap;

use countermand::{
    clock::Instant,
    crypto::sha256,
    evidence::{
        bundle::{Bundle, build},
        collected::Content,
        zip::Files,
    },
};

use crate::support::case_sample as sample;

const HOSTILE: &str = "=1+1\r\n\"</style><script>alert(1)</script>\",𠮷";
const REPORTS: [&str; 2] = ["data/report.html", "data/report.en.html"];

fn bundle() -> Bundle {
    build(&sample::collected(HOSTILE), &sample::key()).expect("a bundle")
}

fn text(files: &Files, path: &str) -> String {
    String::from_utf8(files[path].clone()).expect("UTF-8")
}

/// The digest as the command in the report works it out.
fn digest(files: &Files) -> String {
    let manifest = text(files, "manifest-sha256.txt");
    let beside = |line: &&str| !line.ends_with("  data/evidence.json") && !REPORTS.iter().any(|report| line.ends_with(report));
    let lines: String = manifest.lines().filter(beside).map(|line| format!("{line}\n")).collect();
    hex::encode(sha256(lines.as_bytes()))
}

#[test]
fn the_report_says_what_the_files_beside_it_say() {
    let bundle = bundle();
    let evidence: serde_json::Value = serde_json::from_slice(&bundle.files["data/evidence.json"]).expect("JSON");
    let digest = digest(&bundle.files);
    for report in REPORTS {
        let page = text(&bundle.files, report);
        for said in
            [bundle.number.as_str(), evidence["case"]["number"].as_str().expect("text"), evidence["log"]["root"].as_str().expect("text"), &digest]
        {
            assert!(page.contains(said), "{report}: {said}");
        }
        for file in evidence["files"].as_array().expect("a list").iter().filter(|f| !f["path"].as_str().expect("text").starts_with("report.")) {
            assert!(page.contains(file["sha256"].as_str().expect("text")), "{report}: {file}");
        }
        assert_eq!(page.matches("<script").count(), 0, "what was typed is text");
        assert!(page.contains("&lt;script&gt;"), "{report}: the reason is shown as typed");
        assert!(!page.contains("http://") && !page.contains("src="), "nothing comes from outside");
    }
    let (zh, en) = (text(&bundle.files, REPORTS[0]), text(&bundle.files, REPORTS[1]));
    assert!(zh.contains("三级均由不同人员同意") && en.contains("Three different people approved"), "{zh}");
    assert!(zh.contains("平台已受理撤回") && en.contains("recall accepted by the platform"));
}

#[test]
fn what_is_withheld_is_named_and_never_shown() {
    let shown = REPORTS.map(|report| text(&bundle().files, report));
    let mut collected = sample::collected(HOSTILE);
    for part in collected.events.iter_mut().flat_map(|e| &mut e.parts).filter(|p| p.name == "text") {
        part.content = Content::Withheld("purged".to_owned());
    }
    for decision in &mut collected.decisions {
        (decision.comment, decision.comment_salt) = (None, None);
    }
    let files = build(&collected, &sample::key()).expect("a bundle").files;
    let (zh, en) = (text(&files, REPORTS[0]), text(&files, REPORTS[1]));
    assert!(zh.contains("已按保存期限清除") && en.contains("removed at the end of its retention period"));
    for level in 1..=3 {
        assert!(shown.iter().all(|page| page.contains(&format!("𠮷 {level}"))), "the comment is shown where it is there");
        assert!(!zh.contains(&format!("𠮷 {level}")) && !en.contains(&format!("𠮷 {level}")), "{zh}");
    }
}

#[test]
fn a_case_without_three_approvals_is_not_called_one() {
    let mut collected = sample::collected(HOSTILE);
    collected.decisions.pop();
    let files = build(&collected, &sample::key()).expect("a bundle").files;
    assert!(text(&files, REPORTS[0]).contains("本案没有取得三级不同人员的同意"));
    assert!(text(&files, REPORTS[1]).contains("did not have the approval of three different people"));
}

#[test]
fn who_read_before_the_order_is_counted_where_the_time_is_known_and_there_was_an_order() {
    let row = |files: &Files, said: &str| {
        let cells = format!("<td>下令撤回之前已读且时间已知</td><td></td><td class=\"n\">{said}</td>");
        assert!(text(files, REPORTS[0]).contains(&cells), "{said}");
    };
    let mut collected = sample::collected(HOSTILE);
    let ordered = collected.decisions[2].at;
    collected.case.approved_at = Some(ordered.to_rfc3339());
    let times = [Some(Instant(ordered.0 - 1)), Some(ordered), None];
    for (recipient, at) in collected.recipients.iter_mut().zip(times) {
        (recipient.read_state, recipient.read_at) = ("read".to_owned(), at);
    }
    row(&build(&collected, &sample::key()).expect("a bundle").files, "1");
    collected.case.approved_at = None;
    row(&build(&collected, &sample::key()).expect("a bundle").files, "无记录");
}

mod browser {
    use serde_json::json;

    use super::*;
    use crate::support::browser::{Browser, Look, picture};

    /// Pages of a PDF, by its page objects.
    fn pages(pdf: &[u8]) -> usize {
        let text = String::from_utf8_lossy(pdf);
        text.match_indices("/Type /Page").filter(|(at, found)| !text[at + found.len()..].starts_with('s')).count()
    }

    #[actix_web::test]
    async fn it_prints_on_a4_and_reads_well_on_a_screen() {
        let Some(browser) = Browser::start("http://localhost").await else { return };
        let folder = tempfile::tempdir().expect("a folder");
        let bundle = bundle();
        let mut printed = BTreeMap::new();
        for report in REPORTS {
            let name = report.trim_start_matches("data/");
            let path = folder.path().join(name);
            std::fs::write(&path, &bundle.files[report]).expect("written");
            browser.client.goto(&format!("file://{}", path.display())).await.expect("opened");
            for width in [390, 1440] {
                browser.look(Look { width, dark: false }).await;
                assert_eq!(browser.overflow_at(width).await, 0, "{report} at {width}: {}", browser.too_wide().await);
            }
            let (found, errors) = (browser.axe().await, browser.console_errors().await);
            assert!(found.is_empty() && errors.is_empty(), "{report}: {found:#?} {errors:#?}");
            let answer = browser.cdp("Page.printToPDF", json!({ "preferCSSPageSize": true, "printBackground": true })).await;
            let pdf = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, answer["data"].as_str().expect("data")).expect("base64");
            if let Some(path) = picture(name) {
                std::fs::write(path.with_extension("pdf"), &pdf).expect("written");
            }
            printed.insert(report, pages(&pdf));
        }
        browser.close().await;
        // What a judge reads alone comes within the first six; the forms for handing over begin a page each.
        assert!(printed.values().all(|pages| (5..=9).contains(pages)), "{printed:?}");
    }
}
