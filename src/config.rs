//! Settings: `countermand.toml` under the data folder, overridden by `COUNTERMAND_…`; an unknown key is an error that names it.

mod environment;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use environment::{merge, set};

/// What can be wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Parse { path: PathBuf, message: String },
    #[error("environment variable {name}: {message}")]
    Environment { name: String, message: String },
    #[error("{0}")]
    Rule(String),
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days that parts are kept; at least until six calendar months have passed as well. Less than 184 is refused.
    pub days: u32,
    /// Days for single classes of events, by the words of [`CLASSES`]; the others have `days`. Less than 184 is refused here too.
    pub classes: BTreeMap<String, u32>,
    /// Days that evidence bundles and audit packs are kept. Less than 1096, three years, is refused.
    pub bundles: u32,
    /// Days that a broadcast's contents, its recipients and the words of its cases are kept after the last of them ended, never shorter than
    /// `bundles`. Less than 1096, three years, is refused.
    pub broadcasts: u32,
    /// File for the copy of the living part keys, replaced every night and with every backup; a relative name is below the data folder. None:
    /// it lies beside each backup.
    pub key_copy: Option<PathBuf>,
}

/// Who is shown each checkpoint.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Witness {
    /// A C2SP tlog-policy file; a relative name is below the data folder. None: nobody is asked.
    pub policy: Option<PathBuf>,
    /// What waits for the policy's quorum.
    pub wait: Wait,
    /// What becomes of what has waited until its execution is due.
    pub overdue: Overdue,
}

/// What waits until the policy's witnesses have seen it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wait {
    #[default]
    Never,
    /// An execution, for the decision that ordered it; never in a case of the class leak.
    Decisions,
}

/// What is done when the witnesses have not come in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Overdue {
    /// It is executed and marked.
    #[default]
    Execute,
    /// It waits on, and expires with its window.
    Expire,
}

/// Streams of the audit trail into files.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Streams {
    /// The folder below which they are written; a relative name is below the data folder.
    pub directory: PathBuf,
    /// Ports of this machine that plain syslog may go to without `allow_private_destinations`.
    pub local: Vec<u16>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { directory: PathBuf::from("streams"), local: Vec::new() }
    }
}

/// How the way to the mail server is kept from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// From the first byte (port 465).
    Tls,
    /// After `STARTTLS`, which must work (port 587).
    #[default]
    Starttls,
    /// Not at all: on loopback, or where `allow_private_destinations` says that the house's own network is fine.
    None,
}

/// The company's mail server.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smtp {
    /// None: no mail is sent.
    pub host: Option<String>,
    pub port: Option<u16>,
    pub security: Security,
    pub username: Option<String>,
    /// A relative name is below the data folder.
    pub password_file: Option<PathBuf>,
    /// `Name <address>` or an address alone.
    pub from: String,
}

/// The API for programs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Api {
    /// How many requests a token may make in a minute; 0 is without limit.
    pub requests_per_minute: u32,
}

impl Default for Api {
    fn default() -> Self {
        Self { requests_per_minute: 3000 }
    }
}

/// Whose time ours is held against.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockSettings {
    /// A time server (SNTP), `host` or `host:port`; it never sets our clock. None: only those whose time comes anyway.
    pub ntp: Option<String>,
}

/// The classes of events that may have a period of their own: the words of `domain::kept::EventClass`.
pub const CLASSES: [&str; 8] = ["session", "reading", "account", "broadcast", "recall", "decision", "export", "system"];
/// Days of six calendar months, at most.
const SHORTEST: u32 = 184;
/// Days of three years with a leap day.
const THREE_YEARS: u32 = 1096;

impl Default for Retention {
    fn default() -> Self {
        Self { days: 200, classes: BTreeMap::new(), bundles: THREE_YEARS, broadcasts: THREE_YEARS, key_copy: None }
    }
}

/// Somebody who says what time it is (RFC 3161).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Small letters, digits and hyphens; goes into records and file names.
    pub name: String,
    /// Where questions are posted to: `http://` or `https://`. Answers are signed, so that plain HTTP shows nothing and changes nothing.
    pub url: String,
    /// PEM file with the root that is trusted and, where tokens do not carry them, the certificates between; below the data folder unless
    /// absolute.
    pub root: PathBuf,
    /// The only policy to be accepted, as a dotted number.
    pub policy: Option<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timestamp {
    /// Each is asked for everything; none: nobody outside says when anything was there.
    pub authorities: Vec<Authority>,
    /// How many days before its certificate runs out a token is renewed.
    pub renew_before_days: u32,
}

impl Default for Timestamp {
    fn default() -> Self {
        Self { authorities: Vec::new(), renew_before_days: 90 }
    }
}

/// Which algorithms bundles are made with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// SHA-256 and SHA-512, Ed25519, and CMS by P-256 or RSA.
    #[default]
    Standard,
    /// Beside these a manifest by SM3 and a signature by SM2.
    Gm,
}

/// What goes into bundles of evidence.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Evidence {
    pub profile: Profile,
    /// Where the key of the certificate lies; none: in a file. The key of SM2 always lies in a file.
    pub pkcs11: Option<Pkcs11>,
}

/// A key in a token, behind a PKCS#11 module.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Pkcs11 {
    /// The shared object, as an absolute path: it runs within this process.
    pub module: PathBuf,
    /// The token's label, or its serial number where more than one is called so.
    pub token: String,
    /// The key's label, or its CKA_ID in hex.
    pub key: String,
    /// File with the PIN, readable by its owner alone; a relative name is below the data folder.
    pub pin_file: PathBuf,
}

/// Tables that people import.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Imports {
    /// Largest file in MiB, 1 to 10.
    pub largest_file: u32,
}

impl Default for Imports {
    fn default() -> Self {
        Self { largest_file: 10 }
    }
}

/// The settings of one installation (formats.md, "Configuration").
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address people type; its host names the log.
    pub public_url: String,
    pub listen: SocketAddr,
    pub database_url: Option<String>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Addresses or networks of proxies whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Serve `/log/…` without a token.
    pub log_public: bool,
    /// Allow platform base URLs in loopback and private ranges.
    pub allow_private_destinations: bool,
    pub retention: Retention,
    pub witness: Witness,
    pub smtp: Smtp,
    pub streams: Streams,
    /// The company's name in the top bar.
    pub tenant: String,
    /// IANA zone for case numbers and times on pages.
    pub time_zone: String,
    pub timestamp: Timestamp,
    pub evidence: Evidence,
    pub clock: ClockSettings,
    pub api: Api,
    pub imports: Imports,
    /// Was reserved before there were rules. They are data in the database: accepted, so that a file written then stays valid, and of no effect.
    pub alerts: toml::Table,
    #[serde(skip)]
    pub data: PathBuf,
    /// The demonstration: sign-in cards, emulator. Never set by file or environment.
    #[serde(skip)]
    pub demo: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            public_url: "http://localhost:8080".to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database_url: None,
            tls_cert: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            log_public: false,
            allow_private_destinations: false,
            retention: Retention::default(),
            witness: Witness::default(),
            smtp: Smtp::default(),
            streams: Streams::default(),
            tenant: String::new(),
            time_zone: "Asia/Shanghai".to_owned(),
            timestamp: Timestamp::default(),
            evidence: Evidence::default(),
            clock: ClockSettings::default(),
            api: Api::default(),
            imports: Imports::default(),
            alerts: toml::Table::new(),
            data: PathBuf::from("data"),
            demo: false,
        }
    }
}

impl Config {
    /// Reads `<data>/countermand.toml` if it is there, then the environment (`lookup` lists its variables).
    pub fn load(data: &Path, environment: impl Iterator<Item = (impl Into<OsString>, impl Into<OsString>)>) -> Result<Self, ConfigError> {
        let path = data.join("countermand.toml");
        let mut table = match std::fs::read_to_string(&path) {
            Ok(text) => text.parse::<toml::Table>().map_err(|e| ConfigError::Parse { path: path.clone(), message: e.to_string() })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => toml::Table::new(),
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        let (mut database_url, mut own_url) = (None, false);
        for (name, value) in environment {
            // What is not ours may be any bytes.
            let Ok(name) = name.into().into_string() else { continue };
            let key = match name.strip_prefix("COUNTERMAND_") {
                // The folder itself; the command line reads it.
                Some("DATA") => continue,
                // Not a setting: see `crash`.
                Some("CRASH_AT") if cfg!(debug_assertions) => continue,
                Some(key) => key.to_lowercase(),
                None if name == "DATABASE_URL" => String::new(),
                None => continue,
            };
            let failed = |message: String| ConfigError::Environment { name: name.clone(), message };
            let value = value.into().into_string().map_err(|_| failed("is not UTF-8".to_owned()))?;
            match key.as_str() {
                "" => database_url = Some(value).filter(|url| !url.is_empty()),
                key => {
                    own_url |= key == "database_url";
                    let mut alone = toml::Table::new();
                    set(&mut alone, key, &value).map_err(failed)?;
                    // By itself, so that what is wrong is told of the variable, not of the file.
                    alone.clone().try_into::<Self>().map_err(|e: toml::de::Error| failed(e.message().to_owned()))?;
                    merge(&mut table, alone);
                }
            }
        }
        // The general variable comes before the file, our own before both.
        if let Some(url) = database_url.filter(|_| !own_url) {
            table.insert("database_url".to_owned(), toml::Value::String(url));
        }
        let mut config: Self = table.try_into().map_err(|e: toml::de::Error| ConfigError::Parse { path, message: e.message().to_owned() })?;
        config.data = data.to_owned();
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.retention.check()?;
        // No form takes more (`web::posted`).
        if !(1..=10).contains(&self.imports.largest_file) {
            return Err(ConfigError::Rule("imports.largest_file must be from 1 to 10 (MiB)".to_owned()));
        }
        let url = url::Url::parse(&self.public_url).map_err(|e| ConfigError::Rule(format!("public_url: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(ConfigError::Rule("public_url must be http:// or https:// with a host".to_owned()));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(ConfigError::Rule("tls_cert and tls_key belong together".to_owned()));
        }
        if self.smtp.username.is_some() != self.smtp.password_file.is_some() {
            return Err(ConfigError::Rule("smtp.username and smtp.password_file belong together".to_owned()));
        }
        if let Some(host) = &self.smtp.host {
            if self.smtp.from.is_empty() {
                return Err(ConfigError::Rule("smtp.from is missing: the address that mail comes from".to_owned()));
            }
            let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
            if self.smtp.security == Security::None && !loopback && !self.allow_private_destinations {
                return Err(ConfigError::Rule(
                    "smtp.security = \"none\" is for a mail server on this machine; elsewhere it needs allow_private_destinations".to_owned(),
                ));
            }
        }
        if let Some(pkcs11) = &self.evidence.pkcs11 {
            pkcs11.check()?;
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(ConfigError::Rule(format!("time_zone: {} is not an IANA zone", self.time_zone)));
        }
        self.timestamp.check()
    }

    /// Where the copy of the living part keys goes.
    pub fn key_copy(&self) -> Option<PathBuf> {
        self.retention.key_copy.as_ref().map(|path| self.data.join(path))
    }

    /// Host of `public_url`, for the log's origin.
    pub fn host(&self) -> String {
        url::Url::parse(&self.public_url).ok().and_then(|u| u.host_str().map(ToOwned::to_owned)).unwrap_or_else(|| "localhost".to_owned())
    }

    /// Whether people reach us over HTTPS (directly or through a proxy), which decides about `__Host-` cookies.
    pub fn https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

impl Retention {
    fn check(&self) -> Result<(), ConfigError> {
        let rule = |message: String| Err(ConfigError::Rule(message));
        if self.days < SHORTEST {
            return rule(format!("retention.days must be at least {SHORTEST}: six calendar months can be that long"));
        }
        for (class, days) in &self.classes {
            if !CLASSES.contains(&class.as_str()) {
                return rule(format!("retention.classes: {class:?} is no class of events; they are {}", CLASSES.join(", ")));
            }
            if *days < SHORTEST {
                return rule(format!("retention.classes.{class} must be at least {SHORTEST}: six calendar months can be that long"));
            }
        }
        if self.bundles < THREE_YEARS {
            return rule(format!("retention.bundles must be at least {THREE_YEARS}: three years can be that long"));
        }
        if self.broadcasts < THREE_YEARS {
            return rule(format!("retention.broadcasts must be at least {THREE_YEARS}: three years can be that long"));
        }
        Ok(())
    }
}

impl Pkcs11 {
    /// Whether module and token are there is told when they are used.
    fn check(&self) -> Result<(), ConfigError> {
        if !self.module.is_absolute() {
            return Err(ConfigError::Rule("evidence.pkcs11.module must be an absolute path".to_owned()));
        }
        for (name, value) in [("token", &self.token), ("key", &self.key)] {
            if value.trim().is_empty() {
                return Err(ConfigError::Rule(format!("evidence.pkcs11.{name} must not be empty")));
            }
        }
        Ok(())
    }
}

impl Timestamp {
    /// Names and addresses; whether a root can be read is told when it is used.
    fn check(&self) -> Result<(), ConfigError> {
        // Longer than any authority's certificate lasts, each token would be renewed as soon as it is there.
        const LONGEST: u32 = 3650;
        if !(1..=LONGEST).contains(&self.renew_before_days) {
            return Err(ConfigError::Rule(format!("timestamp.renew_before_days must be a number of days from 1 to {LONGEST}")));
        }
        let rule = |name: &str, message: &str| Err(ConfigError::Rule(format!("timestamp.authorities: {name:?} {message}")));
        for (n, authority) in self.authorities.iter().enumerate() {
            let name = &authority.name;
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if !(1..=32).contains(&name.len()) || !name.bytes().all(plain) {
                return rule(name, "is no name: 1 to 32 small letters, digits and hyphens");
            }
            if self.authorities[..n].iter().any(|other| other.name == *name) {
                return rule(name, "stands there twice");
            }
            match url::Url::parse(&authority.url) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => {}
                _ => return rule(name, "has no address that begins with http:// or https://"),
            }
        }
        Ok(())
    }
}

/// Networks, and addresses as networks of one.
fn networks<'de, D: serde::Deserializer<'de>>(given: D) -> Result<Vec<ipnet::IpNet>, D::Error> {
    let read = |text: &String| text.parse().or_else(|_| text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from));
    let wrong = |text: &String| serde::de::Error::custom(format!("trusted_proxies: {text:?} is no address and no network"));
    Vec::<String>::deserialize(given)?.iter().map(|text| read(text).map_err(|_| wrong(text))).collect()
}
