//! Settings: `countermand.toml` under the data folder, overridden by `COUNTERMAND_…`; an unknown key is an error that names it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

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

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Days that parts are kept; at least until six calendar months have passed as well. Less than 184 is refused.
    pub days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { days: 200 }
    }
}

/// The settings of one installation (formats.md, "Configuration").
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address people type; its host names the log.
    pub public_url: String,
    pub listen: SocketAddr,
    pub database_url: Option<String>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Addresses or networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Serve `/log/…` without a token.
    pub log_public: bool,
    /// Allow platform base URLs in loopback and private ranges.
    pub allow_private_destinations: bool,
    pub retention: Retention,
    /// The company's name in the top bar.
    pub tenant: String,
    /// IANA zone for case numbers and times on pages.
    pub time_zone: String,
    /// Reserved for the issues that bring them; accepted so that a file written today stays valid.
    pub timestamp: toml::Table,
    pub witness: toml::Table,
    pub smtp: toml::Table,
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
            tenant: String::new(),
            time_zone: "Asia/Shanghai".to_owned(),
            timestamp: toml::Table::new(),
            witness: toml::Table::new(),
            smtp: toml::Table::new(),
            alerts: toml::Table::new(),
            data: PathBuf::from("data"),
            demo: false,
        }
    }
}

impl Config {
    /// Reads `<data>/countermand.toml` if it is there, then the environment (`lookup` lists its variables).
    pub fn load(data: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let path = data.join("countermand.toml");
        let mut table = match std::fs::read_to_string(&path) {
            Ok(text) => text.parse::<toml::Table>().map_err(|e| ConfigError::Parse { path: path.clone(), message: e.to_string() })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => toml::Table::new(),
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        let mut database_url = None;
        for (name, value) in environment {
            if name == "DATABASE_URL" {
                database_url = Some(value);
            } else if cfg!(debug_assertions) && name == "COUNTERMAND_CRASH_AT" {
                // Not a setting: see `crash`.
            } else if let Some(key) = name.strip_prefix("COUNTERMAND_") {
                set(&mut table, &key.to_lowercase(), &value).map_err(|message| ConfigError::Environment { name: name.clone(), message })?;
            }
        }
        let mut config: Self = table.try_into().map_err(|e: toml::de::Error| ConfigError::Parse { path, message: e.message().to_owned() })?;
        config.data = data.to_owned();
        if database_url.is_some() && config.database_url.is_none() {
            config.database_url = database_url;
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.retention.days < 184 {
            return Err(ConfigError::Rule("retention.days must be at least 184: six calendar months can be that long".to_owned()));
        }
        let url = url::Url::parse(&self.public_url).map_err(|e| ConfigError::Rule(format!("public_url: {e}")))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(ConfigError::Rule("public_url must be http:// or https:// with a host".to_owned()));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(ConfigError::Rule("tls_cert and tls_key belong together".to_owned()));
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(ConfigError::Rule(format!("time_zone: {} is not an IANA zone", self.time_zone)));
        }
        Ok(())
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

/// Sets `key` (`retention_days` reaches `retention.days`) to `value`, typed by what the key wants.
fn set(table: &mut toml::Table, key: &str, value: &str) -> Result<(), String> {
    let typed = match key {
        "log_public" | "allow_private_destinations" => toml::Value::Boolean(value.parse().map_err(|_| "must be true or false".to_owned())?),
        "trusted_proxies" => {
            toml::Value::Array(value.split(',').map(str::trim).filter(|s| !s.is_empty()).map(|s| toml::Value::String(s.to_owned())).collect())
        }
        "retention_days" => {
            let days = value.parse::<i64>().map_err(|_| "must be a number of days".to_owned())?;
            let retention = table.entry("retention").or_insert_with(|| toml::Value::Table(toml::Table::new()));
            retention.as_table_mut().ok_or("retention must be a table")?.insert("days".to_owned(), toml::Value::Integer(days));
            return Ok(());
        }
        _ => toml::Value::String(value.to_owned()),
    };
    table.insert(key.to_owned(), typed);
    Ok(())
}
