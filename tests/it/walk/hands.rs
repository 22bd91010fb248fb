//! A person at a keyboard: signs in with password and code, fills in the forms that a page shows, presses what it offers. Nothing here
//! knows a form that is not on the page.

use fantoccini::{Locator, elements::Element};
use serde_json::json;

use super::stage::Companies;
use crate::support::browser::{Browser, picture};

pub struct Hands<'a> {
    pub browser: &'a Browser,
    pub company: &'a Companies,
}

impl Hands<'_> {
    pub async fn find(&self, css: &str) -> Element {
        match self.browser.client.wait().for_element(Locator::Css(css)).await {
            Ok(found) => found,
            Err(error) => {
                let at = self.browser.client.current_url().await.map(|u| u.to_string());
                let main = self.browser.client.execute("return document.querySelector('main')?.innerText", vec![]).await;
                panic!("{css}: {error}\n{at:?}\n{main:?}")
            }
        }
    }

    pub async fn type_in(&self, css: &str, text: &str) {
        self.find(css).await.send_keys(text).await.unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    pub async fn press(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    /// What stands there; where the page was just going, what stands on the next one.
    pub async fn text(&self, css: &str) -> String {
        match self.find(css).await.text().await {
            Ok(text) => text,
            Err(_) => self.find(css).await.text().await.unwrap_or_else(|e| panic!("{css}: {e}")),
        }
    }

    /// How many there are of `css`.
    pub async fn count(&self, css: &str) -> usize {
        self.browser.client.find_all(Locator::Css(css)).await.unwrap().len()
    }

    /// Fills in the form `css`. A field that it does not show fails the story, as does one that the browser would not send.
    pub async fn fill(&self, css: &str, fields: &[(&str, &str)]) {
        self.find(css).await;
        let script = "const [css, fields] = arguments, form = document.querySelector(css), wrong = [];
            for (let fold = form.closest('details'); fold; fold = fold.parentElement.closest('details')) fold.open = true;
            for (const [name, value] of fields) {
                const all = [...form.elements].filter((e) => e.name === name && e.type !== 'hidden');
                const box = all.find((e) => ['radio', 'checkbox'].includes(e.type) && e.value === value);
                if (box) { if (!box.checked) box.click(); }
                else if (all.length !== 1) wrong.push(name + ': no such field or choice');
                else { all[0].value = value; all[0].dispatchEvent(new Event('input', { bubbles: true })); if (all[0].value === '' && value !== '') wrong.push(name + ': cannot be ' + value); }
            }
            return wrong.concat([...form.elements].filter((e) => e.willValidate && !e.checkValidity()).map((e) => e.name + ': ' + e.validationMessage));";
        let wrong = self.browser.client.execute(script, vec![json!(css), json!(fields)]).await.unwrap();
        assert_eq!(wrong, json!([]), "{css}");
    }

    /// Fills in the form `css`, presses its button, `button` being a selector within it, and waits for the page that answers.
    pub async fn send(&self, css: &str, fields: &[(&str, &str)], button: &str) {
        self.fill(css, fields).await;
        self.browser.client.execute("window.leaving = true", vec![]).await.unwrap();
        self.press(&format!("{css} {button}")).await;
        self.browser.arrived().await;
    }

    /// The same where a file answers: its text, once it is whole.
    pub async fn download(&self, css: &str, fields: &[(&str, &str)], button: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let behaviour = json!({ "behavior": "allow", "downloadPath": folder.path() });
        self.browser.cdp("Browser.setDownloadBehavior", behaviour).await;
        self.fill(css, fields).await;
        self.press(&format!("{css} {button}")).await;
        for _ in 0..200 {
            let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
            // While it comes, its name is held by an empty file beside a `….crdownload`.
            if let [file] = &files[..]
                && file.extension().is_some_and(|ending| ending == "csv")
                && file.metadata().unwrap().len() > 0
            {
                return std::fs::read_to_string(file).unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("no file after {css}");
    }

    /// Opens the page anew, as it stands by now.
    pub async fn again(&self) {
        self.browser.client.refresh().await.unwrap();
    }

    pub async fn sign_in(&self, who: &str) {
        self.browser.visit("/sign-in").await;
        self.type_in("#account", &self.company.username(who)).await;
        self.type_in("#password", &self.company.members[who].password).await;
        self.press("main button[type=submit]").await;
        self.type_in("#totp", &self.company.code(who)).await;
        self.press("main button[type=submit]").await;
        assert!(self.text(".user").await.contains(&self.company.caller(who).name), "{who} is signed in");
    }

    pub async fn sign_out(&self) {
        self.press(".sign-out button").await;
        self.find("#account").await;
    }

    /// Pictures of the page as it stands, for the guides: as it is, and once more in English. Only of a page that can be opened anew.
    pub async fn picture(&self, name: &str) {
        for lang in ["zh-CN", "en"] {
            let Some(file) = picture(&format!("{name}.{lang}")) else { return };
            self.browser.cookies(&[("lang", lang)]).await;
            self.again().await;
            self.browser.first_screen(&file).await;
        }
        self.browser.cookies(&[("lang", "zh-CN")]).await;
        self.again().await;
    }
}
