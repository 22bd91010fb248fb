//! The settings that a process starts with, held against those of its last start: what differs is an event, with what was and what is. Of
//! a secret it says that it changed and nothing else. Version and migrations are looked at like settings.
//!
//! What the last start had lies sealed in the database, for each node and command, secrets as keyed hashes: who reads the database learns
//! nothing of them, and who writes there cannot make up a last start. Not here: what the settings mean (`config`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use super::{App, AppResult, StoreError};
use crate::{
    config::Config,
    crypto::{self, seal::Key},
    domain::event::{Action, Event, Subject},
    store::{migrate, settings},
};

/// What of a setting may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Its value.
    Value,
    /// An address: without a password and without what follows the path, which may hold a key.
    Address,
    /// The path, and the hash of what stands in the file.
    File,
    /// The path; what stands in the file is secret.
    SecretFile,
    /// Nothing.
    Nothing,
}

/// Every setting; `*` stands for the name of a list's member. Of one that is missing here nothing is told.
const KEYS: &[(&str, Told)] = &[
    ("public_url", Told::Address),
    ("listen", Told::Value),
    ("database_url", Told::Address),
    ("tls_cert", Told::File),
    ("tls_key", Told::SecretFile),
    ("trusted_proxies", Told::Value),
    ("log_public", Told::Value),
    ("allow_private_destinations", Told::Value),
    ("retention.days", Told::Value),
    ("retention.classes.session", Told::Value),
    ("retention.classes.reading", Told::Value),
    ("retention.classes.account", Told::Value),
    ("retention.classes.broadcast", Told::Value),
    ("retention.classes.recall", Told::Value),
    ("retention.classes.decision", Told::Value),
    ("retention.classes.export", Told::Value),
    ("retention.classes.system", Told::Value),
    ("retention.bundles", Told::Value),
    ("retention.broadcasts", Told::Value),
    ("retention.key_copy", Told::Value),
    ("witness.policy", Told::File),
    ("witness.wait", Told::Value),
    ("witness.overdue", Told::Value),
    ("smtp.host", Told::Value),
    ("smtp.port", Told::Value),
    ("smtp.security", Told::Value),
    ("smtp.username", Told::Value),
    ("smtp.password_file", Told::SecretFile),
    ("smtp.from", Told::Value),
    ("streams.directory", Told::Value),
    ("streams.local", Told::Value),
    ("tenant", Told::Value),
    ("time_zone", Told::Value),
    ("timestamp.authorities", Told::Value),
    ("timestamp.authorities.*.url", Told::Address),
    ("timestamp.authorities.*.root", Told::File),
    ("timestamp.authorities.*.policy", Told::Value),
    ("timestamp.renew_before_days", Told::Value),
    ("evidence.profile", Told::Value),
    ("evidence.pkcs11.module", Told::Value),
    ("evidence.pkcs11.token", Told::Value),
    ("evidence.pkcs11.key", Told::Value),
    ("evidence.pkcs11.pin_file", Told::SecretFile),
    ("clock.ntp", Told::Value),
    ("api.requests_per_minute", Told::Value),
    ("imports.largest_file", Told::Value),
    // Was reserved and is free: nobody knows what stands there.
    ("alerts", Told::Nothing),
];

/// Longest value that an event repeats, in bytes of JSON; of a longer one it says the hash.
const LONGEST: usize = 2000;

/// What a process starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Start {
    /// By name; what is not set is null.
    values: BTreeMap<String, Value>,
    /// Keyed hashes, by name.
    secrets: BTreeMap<String, String>,
}

/// Compares what this process starts with to the last start of `command` (`serve`, `work`) on this node, and records what differs; at the
/// first start everything is new. Call it once the process may write.
///
/// # Errors
/// Those of the store: what cannot be recorded does not start.
pub async fn at_start(app: &App, command: &'static str) -> AppResult<()> {
    let ring = app.store.keys().clone();
    let start = Start::of(&app.config, &ring.settings_key());
    let name = format!("start/{}/{command}", app.store.node());
    let write = move |tx: &mut crate::store::Tx<'_>| {
        let mut now = start.clone();
        now.values.insert("migration".to_owned(), json!(migrate::applied(tx.conn)?.pop()));
        let kept = settings::get(tx.conn, &name)?;
        let before = kept.as_deref().map(|text| open(&ring.envelope, &name, text));
        let unreadable = matches!(before, Some(None));
        let before = before.flatten();
        let Some(mut detail) = difference(&before.clone().unwrap_or_default(), &now) else { return Ok(()) };
        if unreadable {
            detail["unreadable"] = json!(true);
        }
        let bytes = serde_json::to_vec(&now).map_err(|e| StoreError::Event(e.to_string()))?;
        let sealed = hex::encode(ring.envelope.seal(&name, &bytes));
        settings::put(tx.conn, &name, &sealed)?;
        // The event binds the row: `ledger verify` misses one that is gone, changed or put back.
        detail["row"] = json!(name);
        detail["sha256"] = json!(hex::encode(crypto::sha256(sealed.as_bytes())));
        tx.append(Event::system(Action::SettingChanged, Subject::new("setting", command)).detail(detail))?;
        Ok(())
    };
    // Auditors need a server that starts although the disk is full.
    app.store.write_reserved(write).await?;
    Ok(())
}

/// What an earlier start has left; nothing if somebody has changed it.
fn open(envelope: &Key, name: &str, text: &str) -> Option<Start> {
    let bytes = envelope.open(name, &hex::decode(text).ok()?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// What an event says of two starts; `None` where they are the same.
fn difference(before: &Start, after: &Start) -> Option<Value> {
    let names = before.values.keys().chain(after.values.keys()).filter(|name| before.values.get(*name) != after.values.get(*name));
    let (mut was, mut is) = (Map::new(), Map::new());
    for name in names {
        let said = |start: &Start| start.values.get(name).map(|value| (name.clone(), value.clone()));
        was.extend(said(before));
        is.extend(said(after));
    }
    let mut secrets: Vec<&String> = before.secrets.keys().chain(after.secrets.keys()).collect();
    secrets.retain(|name| before.secrets.get(*name) != after.secrets.get(*name));
    secrets.sort();
    secrets.dedup();
    let same = was.is_empty() && is.is_empty() && secrets.is_empty();
    (!same).then(|| json!({ "before": was, "after": is, "secrets_changed": secrets }))
}

impl Start {
    /// The settings in effect, and the version; secrets are hashed under `key`.
    fn of(config: &Config, key: &Key) -> Self {
        let mut start = Self::default();
        start.values.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        for (name, value) in flat(&serde_json::to_value(config).unwrap_or_default()) {
            start.take(config, key, &name, value);
        }
        start
    }

    fn take(&mut self, config: &Config, key: &Key, name: &str, value: Value) {
        let told = told(name);
        // The listener's files lie where they are named, all others below the data folder.
        let place = |path: &str| if name.starts_with("tls_") { path.into() } else { config.data.join(path) };
        let file = value.as_str().filter(|_| matches!(told, Told::File | Told::SecretFile)).and_then(|path| std::fs::read(place(path)).ok());
        match told {
            Told::Address => match value.as_str().map(shown_address) {
                None => drop(self.values.insert(name.to_owned(), value)),
                Some((shown, whole)) => {
                    if !whole {
                        self.hide(key, name, value.as_str().unwrap_or_default().as_bytes());
                    }
                    self.values.insert(name.to_owned(), json!(shown));
                }
            },
            Told::Nothing if value.is_null() || value == json!({}) => {}
            Told::Nothing => self.hide(key, name, value.to_string().as_bytes()),
            Told::Value | Told::File | Told::SecretFile => {
                self.values.insert(name.to_owned(), brief(value));
            }
        }
        match (told, file) {
            (Told::File, Some(bytes)) => drop(self.values.insert(format!("{name}.sha256"), json!(hex::encode(crypto::sha256(&bytes))))),
            (Told::SecretFile, Some(bytes)) => self.hide(key, &format!("{name}.contents"), &bytes),
            _ => {}
        }
    }

    /// Notes a secret so that a change is noticed. The hash is keyed by the installation, so that nobody can try words against it.
    fn hide(&mut self, key: &Key, name: &str, secret: &[u8]) {
        let bound = [name.as_bytes(), b"\0", secret].concat();
        self.secrets.insert(name.to_owned(), hex::encode(crypto::hmac_sha256(key.as_bytes(), &bound)));
    }
}

fn told(name: &str) -> Told {
    let fits = |pattern: &str| {
        let (mut said, mut wanted) = (name.split('.'), pattern.split('.'));
        said.clone().count() == wanted.clone().count() && wanted.all(|w| said.next().is_some_and(|s| w == "*" || w == s))
    };
    KEYS.iter().find(|(pattern, _)| fits(pattern)).map_or(Told::Nothing, |(_, told)| *told)
}

/// An address as it may be told, and whether that is all of it. Whose name a database is opened by is no secret; before the host of any
/// other address stands a key.
fn shown_address(text: &str) -> (String, bool) {
    let Ok(mut url) = Url::parse(text) else { return ("…".to_owned(), false) };
    let named = !url.username().is_empty() && matches!(url.scheme(), "http" | "https");
    if url.password().is_none() && url.query().is_none() && url.fragment().is_none() && !named {
        return (text.to_owned(), true);
    }
    // An address that has no place for a password has none.
    let _ = url.set_password(None);
    if named {
        let _ = url.set_username("");
    }
    url.set_query(None);
    url.set_fragment(None);
    (url.to_string(), false)
}

fn brief(value: Value) -> Value {
    let text = value.to_string();
    if text.len() <= LONGEST { value } else { json!({ "sha256": hex::encode(crypto::sha256(text.as_bytes())), "bytes": text.len() }) }
}

/// The settings by their full names, as the file has them. Members of a list go by their own name, and the list says who is in it.
fn flat(value: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    fn below(name: &str, value: &Value, all: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(members) if !KEYS.contains(&(name, Told::Nothing)) => {
                for (key, value) in members {
                    let dot = if name.is_empty() { "" } else { "." };
                    below(&format!("{name}{dot}{key}"), value, all);
                }
            }
            Value::Array(list) if list.iter().any(|member| member["name"].is_string()) => {
                all.insert(name.to_owned(), list.iter().map(|member| member["name"].clone()).collect());
                for member in list {
                    let mut rest = member.clone();
                    let own = rest.as_object_mut().and_then(|fields| fields.remove("name")).unwrap_or_default();
                    below(&format!("{name}.{}", own.as_str().unwrap_or_default()), &rest, all);
                }
            }
            other => drop(all.insert(name.to_owned(), other.clone())),
        }
    }
    below("", value, &mut all);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings with a value in every place, and a secret wherever one can stand.
    const ALL: &str = r#"
        public_url = "https://hotel:SECRET@chat.example/?key=SECRET"
        database_url = "postgres://countermand:SECRET@db.example/log?password=SECRET"
        tls_cert = "cert.pem"
        tls_key = "key.pem"
        trusted_proxies = ["10.0.0.0/8"]
        alerts = { url = "https://hooks.example/SECRET" }
        evidence = { profile = "gm", pkcs11 = { module = "/usr/lib/module.so", token = "evidence", key = "signing", pin_file = "pin" } }
        retention = { key_copy = "copy.json", classes = { session = 365, reading = 365, account = 365, broadcast = 365, recall = 365, decision = 365, export = 365, system = 365 } }
        witness = { policy = "policy" }
        smtp = { host = "mail.example", port = 587, username = "bot", password_file = "password", from = "a@b.example" }
        clock = { ntp = "time.example" }
        [[timestamp.authorities]]
        name = "one"
        url = "https://SECRET@tsa.example/tsr?token=SECRET"
        root = "one.pem"
        policy = "1.2.3"
    "#;

    fn all() -> (tempfile::TempDir, Config) {
        let data = tempfile::tempdir().unwrap();
        for (name, text) in
            [("cert.pem", "CERTIFICATE"), ("key.pem", "SECRET"), ("password", "SECRET"), ("pin", "SECRET"), ("policy", "none"), ("one.pem", "ROOT")]
        {
            std::fs::write(data.path().join(name), text).unwrap();
        }
        std::fs::write(data.path().join("countermand.toml"), ALL).unwrap();
        let mut config = Config::load(data.path(), std::iter::empty::<(String, String)>()).unwrap();
        (config.tls_cert, config.tls_key) = (Some(data.path().join("cert.pem")), Some(data.path().join("key.pem")));
        (data, config)
    }

    fn key() -> Key {
        Key::from_bytes(&[7; 32]).unwrap()
    }

    #[test]
    fn every_setting_says_what_of_it_may_be_told() {
        let (_data, config) = all();
        let found = flat(&serde_json::to_value(&config).unwrap());
        let unlisted: Vec<_> = found.keys().filter(|name| told(name) == Told::Nothing && *name != "alerts").collect();
        assert_eq!(unlisted, Vec::<&String>::new(), "a new setting needs a line in KEYS: nothing is told of it until then");
        for (pattern, _) in KEYS {
            assert!(found.contains_key(&pattern.replace('*', "one")), "{pattern} is no setting any more");
        }
    }

    #[test]
    fn nothing_secret_is_kept_or_told_and_every_change_is_noticed() {
        let (data, config) = all();
        let start = Start::of(&config, &key());
        let said = difference(&Start::default(), &start).unwrap().to_string();
        assert!(!said.contains("SECRET") && !serde_json::to_string(&start).unwrap().contains("SECRET"), "{said}");
        assert!(said.contains("postgres://countermand@db.example/log") && said.contains("https://tsa.example/tsr"), "{said}");
        assert_eq!(difference(&start, &start), None);
        let changed = |config: &Config| {
            let detail = difference(&start, &Start::of(config, &key())).unwrap();
            (detail["before"].clone(), detail["after"].clone(), detail["secrets_changed"].clone())
        };
        let nothing = json!({});
        let other = |change: &dyn Fn(&mut Config)| {
            let mut other = config.clone();
            change(&mut other);
            changed(&other)
        };
        assert_eq!(other(&|c| c.retention.days = 300), (json!({ "retention.days": 200 }), json!({ "retention.days": 300 }), json!([])));
        assert_eq!(
            other(&|c| c.database_url = Some("postgres://countermand:OTHER@db.example/log?password=SECRET".to_owned())),
            (nothing.clone(), nothing.clone(), json!(["database_url"]))
        );
        let (before, after, secrets) = other(&|c| c.timestamp.authorities.clear());
        assert_eq!(
            (&before["timestamp.authorities"], &after, secrets),
            (&json!(["one"]), &json!({ "timestamp.authorities": [] }), json!(["timestamp.authorities.one.url"]))
        );
        assert_eq!(other(&|c| c.alerts.clear()), (nothing.clone(), nothing.clone(), json!(["alerts"])));
        let long = other(&|c| c.tenant = "x".repeat(LONGEST));
        assert_eq!(long.1["tenant"]["bytes"], LONGEST + 2, "an event has room for everything");
        // What stands in a file counts, not its name alone.
        for (name, key) in
            [("key.pem", "tls_key.contents"), ("password", "smtp.password_file.contents"), ("pin", "evidence.pkcs11.pin_file.contents")]
        {
            std::fs::write(data.path().join(name), "OTHER").unwrap();
            assert_eq!(changed(&config), (nothing.clone(), nothing.clone(), json!([key])));
            std::fs::write(data.path().join(name), "SECRET").unwrap();
        }
        std::fs::write(data.path().join("one.pem"), "OTHER").unwrap();
        let (before, after, _) = changed(&config);
        assert!(before["timestamp.authorities.one.root.sha256"].is_string() && before != after, "{before} {after}");
        // Another key, another hash: nobody tries words against a copy of the row.
        assert_ne!(start.secrets, Start::of(&config, &Key::from_bytes(&[8; 32]).unwrap()).secrets);
    }
}
