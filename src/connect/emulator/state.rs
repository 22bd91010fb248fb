//! What the emulated platform knows: tokens, messages, limits, the record of calls; kept in a file where the options name one.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Options, company::Company, faults::Faults};
use crate::{
    clock::{Clock, Instant},
    crypto::private,
};

pub(super) const CORP_ID: &str = "wwc0ffee0ddba11fee";
pub(super) const AGENT_ID: i64 = 1_000_002;
/// Life of an access token.
pub(super) const TOKEN_SECONDS: u64 = 7200;
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Messages that one member gets from one application; the surplus is dropped in silence.
const PER_MEMBER_MINUTE: usize = 30;
const PER_MEMBER_HOUR: usize = 1000;
/// Person-sends a day for each account of the company.
const PER_ACCOUNT_DAY: u64 = 200;

/// One call to the API, as `GET /_emulator/calls` shows it. Tokens and secrets are replaced by `***`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// From 1 on.
    pub n: u64,
    /// By the emulator's clock.
    pub at: String,
    pub method: String,
    /// With `/cgi-bin/`.
    pub path: String,
    pub query: HashMap<String, String>,
    /// The body, as JSON where it is JSON.
    pub body: Value,
    /// The fault that was injected into this call.
    pub fault: Option<String>,
    /// Whether the call was looked at and, where it was in order, carried out.
    pub acted: bool,
    /// HTTP status; `None` where no answer came.
    pub status: Option<u16>,
    pub errcode: Option<i64>,
    pub errmsg: Option<String>,
}

impl Call {
    /// The path without `/cgi-bin/`, e.g. `message/recall`.
    pub fn endpoint(&self) -> &str {
        self.path.trim_start_matches("/cgi-bin/")
    }
}

/// One message of the application.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Message {
    pub msgid: String,
    pub sent_at: Instant,
    /// What a client shows.
    pub text: String,
    /// Places in the directory of those who got it.
    pub receivers: Vec<usize>,
    /// Places of those for whom it was dropped: they got too many.
    pub dropped: Vec<usize>,
    pub recalled_at: Option<Instant>,
    /// The body that a repetition within the time after it would be a duplicate of.
    pub duplicate: Option<(String, Instant)>,
}

/// What survives a restart.
#[derive(Default, Serialize, Deserialize)]
struct Memory {
    secret: String,
    offset_seconds: i64,
    /// Token and its end.
    tokens: HashMap<String, Instant>,
    messages: Vec<Message>,
    calls: Vec<Call>,
}

pub(super) struct State {
    pub company: Company,
    pub faults: Faults,
    pub strict_contacts: bool,
    calls_per_minute: usize,
    clock: Arc<dyn Clock>,
    file: Option<PathBuf>,
    memory: Memory,
    /// Calls of the last minute by endpoint, and until when the endpoint is closed.
    pace: HashMap<String, (VecDeque<Instant>, Instant)>,
    /// Deliveries of the last hour by member.
    delivered: HashMap<usize, VecDeque<Instant>>,
    hints: u64,
}

impl State {
    /// A fresh state, or the one in the options' file.
    pub fn open(company: Company, options: Options) -> io::Result<Self> {
        let kept = match &options.memory {
            Some(path) if path.exists() => serde_json::from_slice(&fs::read(path)?)?,
            _ => Memory::default(),
        };
        let mut memory: Memory = kept;
        match options.secret {
            Some(secret) => memory.secret = secret,
            None if memory.secret.is_empty() => memory.secret = random(32)?,
            None => {}
        }
        let state = Self {
            company,
            faults: Faults::default(),
            strict_contacts: options.strict_contacts,
            calls_per_minute: options.calls_per_minute,
            clock: options.clock,
            file: options.memory,
            memory,
            pace: HashMap::new(),
            delivered: HashMap::new(),
            hints: 0,
        };
        state.save()?;
        Ok(state)
    }

    /// Writes the memory file, where there is one: whole, then in one step into its place.
    fn save(&self) -> io::Result<()> {
        let Some(path) = &self.file else { return Ok(()) };
        let next = beside(path);
        private::file(&next)?.write_all(&serde_json::to_vec(&self.memory)?)?;
        fs::rename(next, path)
    }

    /// As [`State::save`]; an emulator that cannot remember says so and goes on.
    fn keep(&self) {
        if let Err(error) = self.save() {
            tracing::error!(%error, "the emulator's memory could not be written");
        }
    }

    pub fn now(&self) -> Instant {
        let now = self.clock.now();
        Instant(now.0.saturating_add(self.memory.offset_seconds.saturating_mul(1_000_000)))
    }

    pub fn offset(&self) -> i64 {
        self.memory.offset_seconds
    }

    pub fn set_offset(&mut self, seconds: i64) {
        self.memory.offset_seconds = seconds;
        self.keep();
    }

    pub fn secret(&self) -> &str {
        &self.memory.secret
    }

    /// The number that support would ask for: seconds, then a counter.
    pub fn hint(&mut self) -> String {
        self.hints += 1;
        format!("{:010}{:015}", self.now().unix_seconds(), self.hints)
    }

    pub fn calls(&self) -> &[Call] {
        &self.memory.calls
    }

    pub fn messages(&self) -> &[Message] {
        &self.memory.messages
    }

    pub fn messages_mut(&mut self) -> &mut Vec<Message> {
        &mut self.memory.messages
    }

    /// Files a call; its number is the answer.
    pub fn record(&mut self, mut call: Call) -> u64 {
        call.n = self.memory.calls.len() as u64 + 1;
        let n = call.n;
        self.memory.calls.push(call);
        self.keep();
        n
    }

    /// The valid token, or a new one.
    pub fn grant(&mut self) -> io::Result<(String, u64)> {
        let now = self.now();
        let valid = self.memory.tokens.iter().filter(|(_, until)| now < **until).max_by_key(|(_, until)| **until);
        if let Some((token, until)) = valid {
            return Ok((token.clone(), until.since(now).as_secs()));
        }
        let token = random(64)?;
        self.memory.tokens.insert(token.clone(), now.plus(Duration::from_secs(TOKEN_SECONDS)));
        Ok((token, TOKEN_SECONDS))
    }

    /// When a token ends; `None` for one that was never granted or has been revoked.
    pub fn token_end(&self, token: &str) -> Option<Instant> {
        self.memory.tokens.get(token).copied()
    }

    pub fn revoke_tokens(&mut self) {
        self.memory.tokens.clear();
    }

    /// Counts a call to an endpoint; `false` beyond the limit, and for a minute afterwards.
    pub fn pace(&mut self, endpoint: &str) -> bool {
        let now = self.now();
        let limit = self.calls_per_minute;
        let (times, closed_until) = self.pace.entry(endpoint.to_owned()).or_default();
        if now < *closed_until {
            return false;
        }
        forget(times, now, MINUTE);
        if times.len() >= limit {
            *closed_until = now.plus(MINUTE);
            return false;
        }
        times.push_back(now);
        true
    }

    /// Whether the company may send to `n` more people today (UTC+8).
    pub fn within_day(&self, n: usize) -> bool {
        let day = |at: Instant| (at.unix_seconds() + 8 * 3600).div_euclid(86_400);
        let today = day(self.now());
        let sent: usize = self.memory.messages.iter().filter(|m| day(m.sent_at) == today).map(|m| m.receivers.len()).sum();
        (sent + n) as u64 <= PER_ACCOUNT_DAY * self.company.users.len() as u64
    }

    /// Counts a delivery; `false` where the member has had too many.
    pub fn deliver(&mut self, user: usize) -> bool {
        let now = self.now();
        let times = self.delivered.entry(user).or_default();
        forget(times, now, HOUR);
        let last_minute = times.iter().rev().take_while(|t| now.since(**t) < MINUTE).count();
        if last_minute >= PER_MEMBER_MINUTE || times.len() >= PER_MEMBER_HOUR {
            return false;
        }
        times.push_back(now);
        true
    }
}

fn forget(times: &mut VecDeque<Instant>, now: Instant, span: Duration) {
    while times.front().is_some_and(|t| now.since(*t) >= span) {
        times.pop_front();
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    name.into()
}

/// `n` characters of the alphabet that the platform writes its ids in.
pub(super) fn random(n: usize) -> io::Result<String> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = vec![0; n];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|b| char::from(LETTERS[usize::from(b & 63)])).collect())
}
