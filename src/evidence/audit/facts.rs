//! `audit.json`: the machine form of a pack. What counts is bound to the log by the leaves; this file says where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    clock::Instant,
    domain::audit::{ABSENT, ExceptionKind, MARGIN, SeedSource},
    evidence::report::{Limit, LogFacts, pretty},
};

/// The version of the layout that this program writes and reads.
pub const FORMAT: u64 = 1;

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Facts {
    pub format: u64,
    /// The folder's name.
    pub number: String,
    pub organisation: String,
    /// IANA name of the company's time zone: days are its days.
    pub zone: String,
    pub audit: Engagement,
    pub log: LogFacts,
    /// See [`MARGIN`].
    pub margin_seconds: u64,
    /// Cases of the population.
    pub cases: u64,
    /// The running number of each day of the period that had cases.
    pub numbers: Vec<Day>,
    /// Kinds of exception that this version of the product does not have.
    pub absent: Vec<ExceptionKind>,
    /// Event id -> what the tables still say where the event's own detail was erased.
    pub fallback: BTreeMap<String, Value>,
    pub access: AccessFacts,
    /// Id of the case that is walked through.
    pub walk_case: Option<String>,
    /// Names of the timestamp authorities that the settings name; empty where nobody outside says when this was. Older packs do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<Vec<String>>,
    /// What this pack does not prove.
    pub limits: Vec<Limit>,
}

/// What the auditor asked for, as it was recorded before anything was looked at.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Engagement {
    pub id: String,
    /// `AUD-20261122-0001`.
    pub number: String,
    pub title: String,
    /// RFC 3339; the period begins at this instant.
    pub from: String,
    /// And ends before this one.
    pub to: String,
    /// The access list is as at this instant.
    pub as_at: String,
    pub exceptions: Vec<ExceptionKind>,
    pub sample_size: u64,
    pub seed: String,
    pub seed_source: SeedSource,
    /// Number of a case that the auditor wants walked through; the first of the sample without.
    pub walk: Option<String>,
    /// Id of the event that recorded all this.
    pub opened_event: String,
    pub opened_at: String,
    /// `user`, `system`, and the id.
    pub opened_by: String,
}

impl Engagement {
    /// Beginning and end of the period.
    pub fn period(&self) -> Option<(Instant, Instant)> {
        Some((Instant::parse(&self.from)?, Instant::parse(&self.to)?))
    }
}

/// One day's numbers of cases.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Day {
    /// `20261122`.
    pub day: String,
    /// How many numbers the counter gave out.
    pub given: u64,
    /// Numbers that no case of the period has.
    pub missing: Vec<String>,
}

/// How the access list was made.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct AccessFacts {
    pub accounts: u64,
    /// Accounts that the log's events tell completely.
    pub from_log: u64,
    /// Accounts whose events, replayed to the end of the log, differ from the tables; must be none.
    pub differ: Vec<String>,
}

impl Facts {
    /// As written.
    pub fn to_bytes(&self) -> Vec<u8> {
        pretty(&serde_json::to_value(self).expect("strings, numbers and lists have a JSON form"))
    }
}

/// The margin in seconds.
pub fn margin_seconds() -> u64 {
    MARGIN.as_secs()
}

/// What is not there in this version.
pub fn absent() -> Vec<ExceptionKind> {
    ABSENT.to_vec()
}

/// The limits, the same in every pack.
pub fn limits() -> Vec<Limit> {
    [
        (
            "脚本若在本产品之外使用同一平台密钥，不会在平台自身的日志中留下痕迹，本产品也无从知晓。",
            "A script that uses the same platform secret outside this product leaves no trace in the platform's own log, and none here.",
        ),
        (
            "总体以本产品记录的案件为限：当事人自行撤回而未备案的、在平台管理后台直接撤回的，不在其中。",
            "The population is what this product recorded: a recall that somebody made on their own without filing it, or directly in the platform's console, is not in it.",
        ),
        (
            "日志证明记录自写入之后未被改动、未被删减，不证明写入之前的内容真实。",
            "The log proves that records are unchanged and none was taken out since they were written, not that they were true before.",
        ),
        (
            "账号指向使用该账号的人，本身不能证明其身份；多人共用一个账号，日志看不出来。",
            "An account points to whoever used it; that several people share one, the log cannot see.",
        ),
        (
            "时间来自服务器时钟；没有可信时间戳或见证节点时，检查点的时间没有第三方证明。",
            "Times come from the server's clock; without timestamps or witnesses nobody outside attests when a checkpoint was made.",
        ),
        (
            "已到期清除的内容无法再现；由业务表补充的字段已逐项注明，证明力低于日志。",
            "What was erased when its time had come cannot be shown again; fields taken from the tables instead are named one by one and prove less than the log.",
        ),
        (
            "访问清单由日志重放而得；绕过本产品直接登录数据库或服务器的人，不在其中。",
            "The access list is replayed from the log; people who reach the database or the server past this product are not in it.",
        ),
    ]
    .map(|(zh, en)| Limit { zh: zh.to_owned(), en: en.to_owned() })
    .to_vec()
}
