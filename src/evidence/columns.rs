//! The columns of the CSV files and their dictionary, which goes into `datapackage.json` (Frictionless Table Schema) and says, in Chinese
//! and English, what each column means and where it comes from.

use serde_json::{Value, json};

use super::collected::Decision;

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    /// Table Schema type: `string`, `integer` or `datetime`.
    pub kind: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    /// Values a word may take; empty where any may stand.
    pub words: &'static [&'static str],
    /// Personal data in the sense of 个人信息保护法.
    pub personal: bool,
}

pub(super) const fn column(name: &'static str, kind: &'static str, title: &'static str, description: &'static str) -> Column {
    Column { name, kind, title, description, words: &[], personal: false }
}

pub(super) const fn personal(name: &'static str, kind: &'static str, title: &'static str, description: &'static str) -> Column {
    Column { name, kind, title, description, words: &[], personal: true }
}

pub(super) const fn word(name: &'static str, title: &'static str, description: &'static str, words: &'static [&'static str]) -> Column {
    Column { name, kind: "string", title, description, words, personal: false }
}

const AT_UTC: Column = column("at_utc", "datetime", "时间（UTC）", "Time by the server's clock, UTC, six digits");
const AT_LOCAL: Column = column("at_local", "string", "当地时间", "The same time in the zone of the column tz, with its offset");
const TZ: Column = column("tz", "string", "时区", "IANA name of the zone");
const CLIENT_IP: Column = personal("client_ip", "string", "客户端地址", "Client's address by the trusted-proxy rule");
const PEER_PORT: Column = personal("peer_port", "integer", "来源端口", "Source port of the connection as the server saw it");
const DEVICE_ID: Column = personal("device_id", "string", "设备编号", "Id in the signed device cookie");
const FINGERPRINT: Column =
    personal("device_fingerprint", "string", "设备特征码", "HMAC over the device's traits; consistent with a device, not proof of one");
const DEVICE_STATE: Column = column("device_state", "string", "设备状态", "known, new, changed or absent");
const LEAF: Column =
    column("leaf_sha256", "string", "原件行摘要", "SHA-256 of the line in events.jsonl that this row comes from, without its line feed");

/// `events.csv` (formats.md, "Bundle").
pub const EVENTS: &[Column] = &[
    column("index", "integer", "日志序号", "Index in the append-only log"),
    column("event_id", "string", "事件编号", "UUIDv7"),
    AT_UTC,
    AT_LOCAL,
    TZ,
    column("action", "string", "操作", "What was done"),
    word("outcome", "结果", "success, refused by a rule, or failed", &["success", "refused", "failed"]),
    column("actor_id", "string", "操作人编号", "Opaque id of the account, token or job"),
    personal("actor_name", "string", "操作人姓名", "Name at that time"),
    column("role", "string", "角色", "Roles at that time, separated by spaces"),
    column("subject_kind", "string", "对象类别", "Kind of the thing acted on"),
    column("subject_id", "string", "对象编号", "Opaque id of the thing acted on"),
    CLIENT_IP,
    PEER_PORT,
    DEVICE_ID,
    FINGERPRINT,
    DEVICE_STATE,
    column("session", "string", "会话编号", "Sign-in session"),
    LEAF,
];

/// The columns of `approvals.csv`: two more where something was decided on somebody's behalf, and other words of a decision where the recall came
/// first, so that bundles of before say the same.
pub fn approvals(decisions: &[Decision], first: bool) -> &'static [Column] {
    let of = if first { &APPROVALS_FIRST } else { &APPROVALS };
    if decisions.iter().any(|d| d.principal.is_some()) { of } else { of.split_at(OWN_NAME).0 }
}

const DECISION: Column = word("decision", "决定", "approve, return or reject", &["approve", "return", "reject"]);
const DECISION_FIRST: Column = word(
    "decision",
    "决定",
    "approve, return or reject; recall_first where the officer on duty ordered it before its review, ratify or refuse for a level's word on that",
    &["approve", "return", "reject", "recall_first", "ratify", "refuse"],
);

/// Columns where everybody decided in their own name.
const OWN_NAME: usize = 20;

/// `approvals.csv`: one row a decision, an order to recall first, or a word of its ratification.
static APPROVALS: [Column; OWN_NAME + 2] = of_approvals(DECISION);
static APPROVALS_FIRST: [Column; OWN_NAME + 2] = of_approvals(DECISION_FIRST);

const fn of_approvals(decision: Column) -> [Column; OWN_NAME + 2] {
    [
        column("level", "integer", "审批级别", "1 department, 2 legal and compliance, 3 final"),
        column("decider_id", "string", "审批人编号", "Opaque id of the account"),
        personal("decider_name", "string", "审批人姓名", "Name at that time"),
        column("role", "string", "角色", "Roles at that time, separated by spaces"),
        column("method", "string", "身份验证方式", "How identity was proven for this decision"),
        decision,
        column("comment", "string", "审批意见", "As typed"),
        AT_UTC,
        AT_LOCAL,
        TZ,
        CLIENT_IP,
        PEER_PORT,
        DEVICE_ID,
        FINGERPRINT,
        DEVICE_STATE,
        column("round", "integer", "轮次", "1, and one more after each return"),
        column("event_index", "integer", "日志序号", "Index of the decision's event"),
        column("event_id", "string", "事件编号", "UUIDv7 of the decision's event"),
        column("statement_sha256", "string", "决定声明摘要", "SHA-256 of the statement that the decision binds"),
        LEAF,
        column("on_behalf_of_id", "string", "委托人编号", "Opaque id of who it was decided for; empty in the decider's own name"),
        personal("on_behalf_of_name", "string", "委托人姓名", "Name at that time"),
    ]
}

/// `recipients.csv`: one row a recipient.
pub const RECIPIENTS: &[Column] = &[
    personal("recipient_id", "string", "平台成员编号", "The platform's id"),
    column("pseudonym", "string", "化名", "Stands for the recipient where the id must not be shown"),
    column("message_id", "string", "消息编号", "Which piece of the broadcast"),
    word(
        "delivery",
        "平台受理情况",
        "What the platform said about taking the message; never proof of delivery",
        &["accepted", "refused", "unknown", "reported"],
    ),
    word("read_state", "已读情况", "Unknown is not unread", &["read", "unread", "unknown"]),
    column("read_at_utc", "datetime", "已读时间（UTC）", "Where the platform reveals it"),
    column("read_source", "string", "已读来源", "Where the reading state comes from"),
    word("outcome", "撤回结果", "What became of the recall", &["confirmed", "accepted", "unknown", "still_visible", "failed"]),
    word(
        "outcome_grade",
        "结果证据等级",
        "platform_confirmed is stronger than platform_accepted, then inferred, then unknown",
        &["platform_confirmed", "platform_accepted", "inferred", "unknown"],
    ),
    column("outcome_at_utc", "datetime", "结果时间（UTC）", "When the outcome was recorded"),
    column("set_salt", "string", "集合盐值", "Opens this row's leaf in the set of recipients that the decisions bind"),
    LEAF,
];

/// `deliveries.csv`: one row a platform call.
pub const DELIVERIES: &[Column] = &[
    column("call_id", "string", "调用编号", "One call to the platform"),
    word("kind", "用途", "What was asked of the platform", &["send", "recall", "read_back", "reading", "fetch", "members", "test"]),
    column("message_id", "string", "消息编号", "Which piece of the broadcast"),
    column("attempt", "integer", "第几次", "1 for the first try"),
    word("state", "状态", "started without an answer, answered, or lost", &["started", "answered", "lost"]),
    column("started_at_utc", "datetime", "开始时间（UTC）", "Recorded before the request left"),
    column("answered_at_utc", "datetime", "应答时间（UTC）", "When the answer was recorded"),
    column("result", "string", "结果", "In the product's words"),
    column("code", "string", "平台返回码", "The platform's own code"),
    column("raw_file", "string", "原始往来文件", "File under platform/, without tokens"),
    column("raw_sha256", "string", "原始往来摘要", "SHA-256 of that file"),
    column("started_event", "string", "开始事件编号", "Event recorded before the call"),
    column("answered_event", "string", "应答事件编号", "Event that recorded the answer"),
    LEAF,
];

/// `custody/custody.csv`.
pub const CUSTODY: &[Column] = &[
    column("seq", "integer", "序号", "From 1"),
    column("time_utc", "datetime", "时间（UTC）", "By the server's clock"),
    column("event", "string", "经过", "created, sealed, exported"),
    column("actor_id", "string", "经手人编号", "Opaque id"),
    personal("actor_name", "string", "经手人姓名", "Empty for the product's own jobs"),
    column("reason", "string", "事由", "Purpose as typed"),
];

/// Names, for the header line.
pub fn names(columns: &'static [Column]) -> impl Iterator<Item = &'static str> {
    columns.iter().map(|c| c.name)
}

/// The dictionary. `tables`: path below `data/`, title, columns, bytes.
pub fn datapackage(tables: &[(&str, &str, &'static [Column], &[u8])]) -> Value {
    let told =
        tables.iter().map(|(path, title, columns, bytes)| (*path, *title, *columns, bytes.len() as u64, hex::encode(crate::crypto::sha256(bytes))));
    dictionary("countermand-evidence", "电子数据材料包数据字典", told)
}

/// A dictionary for files that are known by length and SHA-256 (hex): path below `data/`, title, columns, bytes, hash.
pub fn dictionary<'t>(name: &str, title: &str, tables: impl IntoIterator<Item = (&'t str, &'t str, &'static [Column], u64, String)>) -> Value {
    let resources: Vec<_> = tables
        .into_iter()
        .map(|(path, title, columns, bytes, sha256)| {
            json!({
                "name": path.trim_end_matches(".csv").replace('/', "-"),
                "title": title,
                "path": path,
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "dialect": { "delimiter": ",", "lineTerminator": "\r\n", "quoteChar": "\"", "doubleQuote": true, "header": true },
                "bytes": bytes,
                "hash": format!("sha256:{sha256}"),
                "schema": { "fields": columns.iter().map(field).collect::<Vec<_>>(), "missingValues": [""] },
            })
        })
        .collect();
    json!({
        "name": name,
        "title": title,
        "description": "文本列中以 = + - @ 制表符 回车 换行 NUL ; | % ＝ ＋ － ＠ 或撇号开头的值，前面加有一个撇号；读取时去掉恰好一个撇号即为原文。Text cells that begin with one of these characters carry one apostrophe in front; take away exactly one to get the original.",
        "resources": resources,
    })
}

fn field(column: &Column) -> Value {
    let mut field = json!({
        "name": column.name,
        "type": column.kind,
        "title": column.title,
        "description": column.description,
        "sensitivity": if column.personal { "personal" } else { "internal" },
    });
    if column.kind == "datetime" {
        field["format"] = json!("default");
    }
    if !column.words.is_empty() {
        field["constraints"] = json!({ "enum": column.words });
    }
    field
}
