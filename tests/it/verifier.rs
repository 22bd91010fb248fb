//! The stand-alone verifier in a real browser: served under the policy, and saved as one file that is opened from the disk.

use std::{io::Write, path::PathBuf, time::Duration};

use countermand::{
    crypto::sha256,
    evidence::{bundle::build, gm::SM2_SIGNATURE, zip},
};
use fantoccini::Locator;

use crate::{
    gm,
    support::{
        browser::{Browser, Look, picture},
        case_sample, judged, sample,
        serving::Serving,
    },
};

const HOSTILE: &str = "=1+1\r\n\"<script>\",𠮷";

struct Desk {
    browser: Browser,
    base: String,
    _serving: Serving,
    dir: tempfile::TempDir,
}

impl Desk {
    async fn start() -> Option<Self> {
        let (base, serving) = Serving::anywhere(sample::shell(), sample::configure);
        let browser = Browser::start(&base).await?;
        Some(Self { browser, base, _serving: serving, dir: tempfile::tempdir().expect("a directory") })
    }

    fn lay(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::File::create(&path).and_then(|mut f| f.write_all(bytes)).expect("written");
        path
    }

    /// What the page that is open says of `bundle`: the result's class, and the names and files of what does not hold.
    async fn ask(&self, bundle: &[u8], key: &str) -> (String, Vec<String>) {
        let client = &self.browser.client;
        let file = self.lay("bundle.zip", bundle);
        let input = client.find(Locator::Id("bundle")).await.expect("a field");
        input.send_keys(file.to_str().expect("UTF-8")).await.expect("chosen");
        let field = client.find(Locator::Id("key")).await.expect("a field");
        field.clear().await.expect("empty");
        field.send_keys(key).await.expect("typed");
        let script = "const d = arguments[arguments.length - 1]; document.getElementById('verdict').hidden = true;
            new MutationObserver(() => { if (!document.getElementById('verdict').hidden) d(); }).observe(document.getElementById('verdict'), { attributes: true });
            document.querySelector('#ask button').click();";
        client.execute_async(script, vec![]).await.expect("an answer");
        let script = "return [document.getElementById('verdict').className, ...[...document.querySelectorAll('#checks tr')]
            .filter((r) => r.children[1].className === 'fail').map((r) => r.children[0].textContent + ' | ' + r.children[2].textContent)]";
        let mut said: Vec<String> = serde_json::from_value(client.execute(script, vec![]).await.expect("rows")).expect("texts");
        (said.remove(0), said)
    }

    async fn speak(&self, lang: &str) {
        let script = "if (document.documentElement.lang !== arguments[0]) document.getElementById('language').click()";
        self.browser.client.execute(script, vec![lang.into()]).await.expect("said");
    }
}

#[actix_web::test]
async fn a_stranger_verifies_a_bundle_in_the_browser_alone() {
    let Some(desk) = Desk::start().await else { return };
    let good = build(&case_sample::collected(HOSTILE), &case_sample::key()).expect("a bundle");
    let vkey = case_sample::vkey().to_string();
    let saved = reqwest::get(format!("{}/static/countermand-verifier.html", desk.base)).await.expect("an answer");
    assert!(saved.headers()["content-disposition"].to_str().expect("text").starts_with("attachment"));
    let page = saved.text().await.expect("a page");
    assert!(!page.contains("src=") && !page.contains("href="), "the saved page needs nothing beside it");
    let on_disk = format!("file://{}", desk.lay("verifier.html", page.as_bytes()).display());

    for (place, url) in [("served", format!("{}/static/verifier/index.html", desk.base)), ("saved", on_disk)] {
        desk.browser.client.goto(&url).await.expect("opened");
        desk.speak("en").await;
        let (result, failed) = desk.ask(&good.bytes, &vkey).await;
        assert_eq!((result.as_str(), failed), ("pass", vec![]), "{place}");
        let (result, failed) = desk.ask(&good.bytes, "").await;
        assert_eq!((result.as_str(), failed), ("unknown", vec![]), "{place}: whoever replaces a bundle can replace its key");
        let digest = hex::encode(sha256(&spki(case_sample::vkey().key().as_bytes())));
        assert_eq!(desk.ask(&good.bytes, &digest).await.0, "pass", "{place}: the key by its hash");
        assert_eq!(desk.ask(&good.bytes, &case_sample::vkey().to_pem()).await.0, "pass", "{place}: the key as PEM");
        let (result, failed) = desk.ask(&good.bytes, &"0".repeat(64)).await;
        assert_eq!((result.as_str(), failed), ("fail", vec!["Log key | ".to_owned()]), "{place}: another key");
        let (result, failed) = desk.ask(b"PK\x03\x04 and nothing more", &vkey).await;
        assert_eq!((result.as_str(), failed), ("fail", vec!["Container | ".to_owned()]), "{place}");

        for path in good.files.keys() {
            let mut files = good.files.clone();
            let bytes = files.get_mut(path).expect("a file");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            let (result, failed) = desk.ask(&zip::write(&good.number, &files).expect("a ZIP"), &vkey).await;
            assert_eq!(result, "fail", "{place}: {path} was changed");
            // The manifests and the root signature are each named by what they bind.
            let names = |f: &String| f.ends_with(path.as_str()) || path.starts_with("signatures/") || path.contains("manifest");
            assert!(failed.iter().any(names), "{place}: {path} is named: {failed:?}");
            files.remove(path);
            assert_eq!(desk.ask(&zip::write(&good.number, &files).expect("a ZIP"), &vkey).await.0, "fail", "{place}: {path} was taken out");
        }
        // The profile "gm": its signature is for OpenSSL, but it may not be missing, nor be where no certificate is listed.
        let national = gm::signed(&gm::certified(judged::made_at(), Duration::from_secs(86_400)));
        assert_eq!(desk.ask(&national.bytes, &vkey).await, ("pass".to_owned(), vec![]), "{place}");
        let mut files = national.files.clone();
        let signature = files.remove(SM2_SIGNATURE).expect("a signature");
        let (result, failed) = desk.ask(&zip::write(&national.number, &files).expect("a ZIP"), &vkey).await;
        assert_eq!((result.as_str(), failed), ("fail", vec![format!("Files present | {SM2_SIGNATURE}")]), "{place}");
        let mut files = good.files.clone();
        files.insert(SM2_SIGNATURE.to_owned(), signature);
        let (result, failed) = desk.ask(&zip::write(&good.number, &files).expect("a ZIP"), &vkey).await;
        assert_eq!((result.as_str(), failed), ("fail", vec![format!("No other files | {SM2_SIGNATURE}")]), "{place}");
        for added in ["data/added.txt", "added.txt", "signatures/added.sig", "trust/added.pem"] {
            let mut files = good.files.clone();
            files.insert(added.to_owned(), b"x".to_vec());
            let (result, failed) = desk.ask(&zip::write(&good.number, &files).expect("a ZIP"), &vkey).await;
            assert!(result == "fail" && failed.iter().any(|f| f.ends_with(added)), "{place}: {added}: {failed:?}");
        }
    }
    desk.browser.close().await;
}

/// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410).
fn spki(raw: &[u8; 32]) -> Vec<u8> {
    let mut der = hex::decode("302a300506032b6570032100").expect("hex");
    der.extend(raw);
    der
}

#[actix_web::test]
async fn the_verifier_is_accessible_in_both_languages_and_themes() {
    let Some(desk) = Desk::start().await else { return };
    let good = build(&case_sample::collected(HOSTILE), &case_sample::key()).expect("a bundle");
    desk.browser.visit("/static/verifier/index.html").await;
    for lang in ["zh-CN", "en"] {
        desk.speak(lang).await;
        for (name, bundle) in [("good", &good.bytes[..]), ("cut", &good.bytes[..9])] {
            desk.ask(bundle, "").await;
            for dark in [false, true] {
                for width in [1440, 390] {
                    desk.browser.look(Look { width, dark }).await;
                    if let Some(file) = picture(&format!("verifier-{name}-{lang}{}-{width}", if dark { "-dark" } else { "" })) {
                        desk.browser.screenshot(&file).await;
                    }
                    assert_eq!(desk.browser.axe().await, Vec::<String>::new(), "{name} {lang} dark={dark} {width}");
                }
            }
            assert_eq!(desk.browser.overflow_at(320).await, 0, "{name} {lang}");
        }
    }
    assert_eq!(desk.browser.console_errors().await, Vec::<String>::new());
    desk.browser.close().await;
}
