//! A headless Chromium driven through chromedriver: pages as people get them, with axe-core for accessibility.
//!
//! Without chromedriver the stories that need it say so and pass; with `COUNTERMAND_BROWSER=1` they fail instead.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};

const DRIVER: &str = "/usr/bin/chromedriver";
const CHROMIUM: &str = "/usr/bin/chromium";
const AXE: &str = include_str!("../../vendor/axe.min.js");

/// One browser with a profile of its own; ends with the value.
pub struct Browser {
    pub client: Client,
    base: String,
    session: String,
    driver: String,
    http: reqwest::Client,
    // Order: the driver ends before its profile goes.
    _child: Driver,
    _profile: tempfile::TempDir,
}

struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        // A polite end lets the driver take its browser along.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        for _ in 0..50 {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a page looks like: width in CSS pixels and theme.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub dark: bool,
}

impl Browser {
    /// Starts a browser for pages under `base`, e.g. `http://127.0.0.1:8080`. `None` where there is no chromedriver.
    pub async fn start(base: &str) -> Option<Self> {
        Self::start_with(base, &[]).await
    }

    /// With more arguments for Chromium.
    pub async fn start_with(base: &str, more: &[String]) -> Option<Self> {
        let required = std::env::var("COUNTERMAND_BROWSER").is_ok_and(|v| v == "1");
        if !Path::new(DRIVER).exists() || !Path::new(CHROMIUM).exists() {
            assert!(!required, "COUNTERMAND_BROWSER=1, but {DRIVER} or {CHROMIUM} is missing");
            println!("SKIPPED: no {DRIVER} or no {CHROMIUM}; pages are not looked at by a browser");
            return None;
        }
        let (child, port) = driver();
        let profile = tempfile::tempdir().expect("a directory for the profile");
        let driver = format!("http://127.0.0.1:{port}");
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities(profile.path(), more))
            .connect(&driver)
            .await
            .expect("a browser session");
        let session = client.session_id().await.expect("an answer").expect("a session");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Some(Self { client, base: base.trim_end_matches('/').to_owned(), session, driver, http, _child: child, _profile: profile })
    }

    /// Opens a path, or an address of another server, and waits until it has loaded.
    pub async fn visit(&self, path: &str) {
        let url = if path.starts_with("http://") { path.to_owned() } else { format!("{}{path}", self.base) };
        self.client.goto(&url).await.unwrap_or_else(|e| panic!("{path}: {e}"));
    }

    /// Sets cookies, e.g. a session; the browser must not have to know how they came about. Cookies know no ports: they hold for every
    /// server of the test.
    pub async fn cookies(&self, cookies: &[(&str, &str)]) {
        let all: Vec<Value> = cookies.iter().map(|(name, value)| json!({ "name": name, "value": value, "url": self.base })).collect();
        self.cdp("Network.setCookies", json!({ "cookies": all })).await;
    }

    /// Posts `fields` and `files` (name, file name, bytes) to `action` as the form of the page as it stands would, with its hidden fields;
    /// past the browser's own checks, as without them. Waits for the answer.
    pub async fn post(&self, action: &str, fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) {
        let script = "const [action, fields, files] = arguments;
            // A field may be called `action`, and hides the property then.
            const old = [...document.forms].find((f) => new URL(f.getAttribute('action') ?? '', location).pathname === action);
            const form = document.createElement('form');
            form.method = 'post'; form.action = action;
            const put = (name, value) => { const i = document.createElement('input'); i.type = 'hidden'; i.name = name; i.value = value; form.append(i); };
            const given = new Set(fields.map(([name]) => name));
            for (const i of (old ?? document).querySelectorAll('input[type=hidden]'))
                if (!given.has(i.name) && (old || i.name === 'csrf')) { given.add(i.name); put(i.name, i.value); }
            for (const [name, value] of fields) put(name, value);
            for (const [name, file, text] of files) {
                form.enctype = 'multipart/form-data';
                const data = new DataTransfer();
                data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], file));
                const i = document.createElement('input'); i.type = 'file'; i.name = name; i.files = data.files; i.hidden = true; form.append(i);
            }
            document.body.append(form); window.leaving = true; form.submit();";
        let files: Vec<Value> = files.iter().map(|(name, file, bytes)| json!([name, file, STANDARD.encode(bytes)])).collect();
        self.client.execute(script, vec![json!(action), json!(fields), json!(files)]).await.expect("the form is sent");
        self.arrived().await;
    }

    /// Waits until the page that a script left with `window.leaving = true` is gone and the next one has loaded.
    pub async fn arrived(&self) {
        for _ in 0..200 {
            let there = self.client.execute("return !window.leaving && document.readyState === 'complete'", vec![]).await;
            if there.is_ok_and(|v| v == true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no answer to a post from {:?}", self.client.current_url().await);
    }

    /// The HTTP status that the page came with.
    pub async fn status(&self) -> u64 {
        let script = "return performance.getEntriesByType('navigation')[0].responseStatus";
        self.client.execute(script, vec![]).await.expect("a number").as_u64().expect("a status")
    }

    /// Shows the page in the other theme, as the server's attribute does.
    pub async fn theme(&self, theme: &str) {
        let script = "document.documentElement.dataset.theme = arguments[0]";
        self.client.execute(script, vec![json!(theme)]).await.expect("done");
    }

    /// Sets width and theme from now on.
    pub async fn look(&self, look: Look) {
        self.cdp("Emulation.setDeviceMetricsOverride", json!({ "width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": false })).await;
        let scheme = if look.dark { "dark" } else { "light" };
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] })).await;
    }

    /// Violations of WCAG 2.0 to 2.2 A and AA and of good practice on the page as it stands: `rule: selector` each.
    pub async fn axe(&self) -> Vec<String> {
        self.axe_run(json!(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])).await
    }

    /// The rules whose answer depends on the theme.
    pub async fn axe_colours(&self) -> Vec<String> {
        self.axe_run(json!(["color-contrast", "link-in-text-block"])).await
    }

    async fn axe_run(&self, only: Value) -> Vec<String> {
        let there = self.client.execute("return typeof axe === 'object'", vec![]).await;
        if !there.is_ok_and(|v| v == true) {
            self.client.execute(AXE, vec![]).await.expect("axe loads");
        }
        let run = "const [only, done] = arguments;
            axe.run(document, { runOnly: only })
               .then((r) => done(r.violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.target.join(' ') + ' ' + n.html.slice(0, 120)))),
                     (e) => done(['axe failed: ' + e]));";
        let found = self.client.execute_async(run, vec![only]).await.expect("axe runs");
        found.as_array().expect("a list").iter().map(|v| v.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// How many pixels the page is wider than a window of `width`; 0 is right.
    pub async fn overflow_at(&self, width: u32) -> i64 {
        self.look(Look { width, dark: false }).await;
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.client.execute(script, vec![]).await.expect("a number").as_i64().expect("a number")
    }

    /// What reaches beyond the right edge of the window, outermost first: where to look when [`Browser::overflow_at`] is not 0.
    pub async fn too_wide(&self) -> Value {
        let script = "const wide = [...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll > *') && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1);
            return wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 160));";
        self.client.execute(script, vec![]).await.expect("a list")
    }

    /// What the console has said since the last question, e.g. that the Content-Security-Policy blocked something. A page that answers
    /// with an error status is reported by the browser too; that is left out.
    pub async fn console_errors(&self) -> Vec<String> {
        let log = self.call("se/log", json!({ "type": "browser" })).await;
        let messages = log.as_array().cloned().unwrap_or_default();
        let errors = messages.iter().filter(|m| matches!(m["level"].as_str(), Some("SEVERE" | "WARNING")));
        errors
            .map(|m| m["message"].as_str().unwrap_or_default().to_owned())
            .filter(|m| !m.contains("the server responded with a status of"))
            .collect()
    }

    /// Keeps a picture of the whole page, as PNG.
    pub async fn screenshot(&self, path: &Path) {
        self.shot(path, true).await;
    }

    /// Keeps a picture of what a person sees of the page before they scroll, as PNG.
    pub async fn first_screen(&self, path: &Path) {
        self.shot(path, false).await;
    }

    async fn shot(&self, path: &Path, whole: bool) {
        let shot = self.cdp("Page.captureScreenshot", json!({ "captureBeyondViewport": whole })).await;
        let png = STANDARD.decode(shot["data"].as_str().expect("a picture")).expect("base64");
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(path, png).expect("the picture is written");
    }

    /// A command of the DevTools protocol.
    pub async fn cdp(&self, command: &str, params: Value) -> Value {
        self.call("goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    /// A WebDriver command that fantoccini has no method for.
    async fn call(&self, command: &str, body: Value) -> Value {
        let url = format!("{}/session/{}/{command}", self.driver, self.session);
        let answer = self.http.post(url).json(&body).send().await.expect("chromedriver answers");
        let status = answer.status();
        let mut answer: Value = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{command}: {answer}");
        answer["value"].take()
    }

    /// Ends the session; dropping does as well, less politely.
    pub async fn close(self) {
        let _ = self.client.clone().close().await;
    }
}

/// A driver and its port. It takes a free port of IPv4 and gives up where the same one of IPv6 is taken: then another try.
fn driver() -> (Driver, u16) {
    for _ in 0..10 {
        let mut command = Command::new(DRIVER);
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = Driver(command.spawn().expect("chromedriver starts"));
        if let Some(port) = port_of(&mut child.0) {
            return (child, port);
        }
    }
    panic!("chromedriver names no port");
}

fn port_of(child: &mut Child) -> Option<u16> {
    let out = child.stdout.take().expect("piped");
    let mut lines = BufReader::new(out).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|l| l.split_once("successfully on port ").and_then(|(_, p)| p.trim_end_matches('.').parse().ok()));
    // Somebody must keep reading, or the driver stops at a full pipe.
    std::thread::spawn(move || lines.for_each(drop));
    port
}

fn capabilities(profile: &Path, more: &[String]) -> fantoccini::wd::Capabilities {
    let profile = format!("--user-data-dir={}", profile.display());
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--no-proxy-server",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        &profile,
    ];
    let args: Vec<&str> = args.into_iter().chain(more.iter().map(String::as_str)).collect();
    let caps = json!({
        "browserName": "chrome",
        "goog:chromeOptions": { "binary": CHROMIUM, "args": args },
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "script": 60_000 },
    });
    caps.as_object().expect("an object").clone()
}

/// Where pictures go when `COUNTERMAND_PICTURES` names a directory.
pub fn picture(name: &str) -> Option<std::path::PathBuf> {
    Some(Path::new(&std::env::var_os("COUNTERMAND_PICTURES")?).join(format!("{name}.png")))
}
