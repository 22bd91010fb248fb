//! The columns of a pack's CSV files, for `datapackage.json`.

use crate::evidence::columns::{Column, column, personal, word};

/// `cases.csv`: one row a case that was opened in the period.
pub const CASES: &[Column] = &[
    column("case_id", "string", "案件编码", "Opaque id; what the sample is drawn by"),
    column("case_number", "string", "案件编号", "Numbered from 1 each day"),
    column("opened_index", "integer", "立案日志序号", "Index of recall.submitted"),
    column("opened_event", "string", "立案事件编号", "UUIDv7"),
    column("opened_at_utc", "datetime", "立案时间（UTC）", "By the server's clock"),
    column("opened_at_local", "string", "立案时间（当地）", "The same in the company's zone, with its offset"),
    column("requester_id", "string", "申请人编号", "Opaque id of the account or token"),
    column("class", "string", "事由类别", "Class of harm"),
    word("mode", "执行方式", "Through the platform's API, or by a person in its console", &["api", "guided"]),
    column("window_end_utc", "datetime", "可决定截止时间（UTC）", "End of the recall window less what is kept for the execution"),
    column("due_1_utc", "datetime", "一级应办时间（UTC）", "Of the last round"),
    column("due_2_utc", "datetime", "二级应办时间（UTC）", "Of the last round"),
    column("due_3_utc", "datetime", "三级应办时间（UTC）", "Of the last round"),
    column("rounds", "integer", "轮次", "1, and one more after each resubmission"),
    column("level_1_index", "integer", "一级决定日志序号", "Index of the decision in the last round"),
    column("level_1_at_utc", "datetime", "一级决定时间（UTC）", "By the server's clock"),
    column("level_1_decision", "string", "一级决定", "approve, return or reject"),
    column("level_1_decider_id", "string", "一级决定人编号", "Opaque id"),
    column("level_2_index", "integer", "二级决定日志序号", "Index of the decision in the last round"),
    column("level_2_at_utc", "datetime", "二级决定时间（UTC）", "By the server's clock"),
    column("level_2_decision", "string", "二级决定", "approve, return or reject"),
    column("level_2_decider_id", "string", "二级决定人编号", "Opaque id"),
    column("level_3_index", "integer", "三级决定日志序号", "Index of the decision in the last round"),
    column("level_3_at_utc", "datetime", "三级决定时间（UTC）", "By the server's clock"),
    column("level_3_decision", "string", "三级决定", "approve, return or reject"),
    column("level_3_decider_id", "string", "三级决定人编号", "Opaque id"),
    column("executed_index", "integer", "开始执行日志序号", "Index of the event that began the execution"),
    column("executed_at_utc", "datetime", "开始执行时间（UTC）", "By the server's clock"),
    column("finished_index", "integer", "执行结束日志序号", "Index of recall.finished"),
    column("finished_at_utc", "datetime", "执行结束时间（UTC）", "By the server's clock"),
    column("state", "string", "状态", "As the last event of the case says"),
    column("total", "integer", "接收人数", "Recipients"),
    column("confirmed", "integer", "已确认撤回", "Read back from the platform"),
    column("accepted", "integer", "平台已受理", "The platform said that it took the recall"),
    column("unknown", "integer", "无法判断", "The effect could not be learnt"),
    column("still_visible", "integer", "仍可见", "Known to be visible still"),
    column("failed", "integer", "撤回失败", "Refused by the platform, or no call was possible"),
    column("closed_index", "integer", "结案日志序号", "Index of case.closed; empty while the case is open"),
    column("closed_at_utc", "datetime", "结案时间（UTC）", "By the server's clock"),
    column("events", "integer", "事件数", "Events of the case before case.closed"),
    column("leaf_sha256", "string", "原件行摘要", "SHA-256 of the submission's line under leaves/, without its line feed"),
];

/// `exceptions.csv`: one row an exception of the kinds asked for.
pub const EXCEPTIONS: &[Column] = &[
    column("kind", "string", "类别", "Kind of exception"),
    column("kind_zh", "string", "含义（中文）", "What the kind means, in Chinese"),
    column("kind_en", "string", "含义（英文）", "What the kind means, in English"),
    column("case_id", "string", "案件编码", "Empty where no case is concerned"),
    column("case_number", "string", "案件编号", "Empty for cases outside the population"),
    column("event_index", "integer", "日志序号", "Index of the event that shows it"),
    column("event_id", "string", "事件编号", "UUIDv7"),
    column("at_utc", "datetime", "时间（UTC）", "By the server's clock"),
    column("actor_id", "string", "行为人编号", "Opaque id"),
    column("about", "string", "说明", "name=value, blanks between"),
];

/// `sample.csv`: the cases that the seed draws.
pub const SAMPLE: &[Column] = &[
    column("rank", "integer", "次序", "From 1, by key"),
    column("key", "string", "抽样键", "SHA-256 over the seed and then the case id, as text, hex"),
    column("case_id", "string", "案件编码", "Opaque id"),
    column("case_number", "string", "案件编号", "As in cases.csv"),
    column("opened_index", "integer", "立案日志序号", "Index of recall.submitted"),
];

/// `controls.csv`: one row an action and outcome that proves a control.
pub const CONTROLS: &[Column] = &[
    column("control", "string", "控制", "Name of the control"),
    column("control_zh", "string", "控制（中文）", "In Chinese"),
    column("control_en", "string", "控制（英文）", "In English"),
    column("source_zh", "string", "要求来源（中文）", "Where the requirement comes from"),
    column("source_en", "string", "要求来源（英文）", "The same in English"),
    column("action", "string", "操作", "Action of the events"),
    column("outcome", "string", "结果", "success, refused or failed; empty where there was no such event"),
    column("count", "integer", "条数", "Events in the period"),
    column("first_index", "integer", "首条日志序号", "Empty without events"),
    column("last_index", "integer", "末条日志序号", "Empty without events"),
    column("samples", "string", "抽取的日志序号", "Up to five, the smallest by SHA-256 over the seed and then the event id"),
];

/// `access.csv`: one row an account or token, as at the date.
pub const ACCESS: &[Column] = &[
    word("kind", "类别", "Account of a person, or token of a program", &["account", "token"]),
    column("id", "string", "编号", "Opaque id"),
    personal("name", "string", "名称", "User name or name of the token"),
    personal("display_name", "string", "姓名", "As at the date"),
    column("department", "string", "部门", "As at the date"),
    column("roles", "string", "角色或权限范围", "Roles of an account, scopes of a token, blanks between"),
    column("state", "string", "状态", "active or suspended; for tokens active, expired or revoked"),
    column("valid_until_utc", "datetime", "有效期至（UTC）", "Empty without an end"),
    word("second_factor", "第二因素", "Whether one was enrolled; empty for tokens", &["yes", "no"]),
    column("last_sign_in_utc", "datetime", "最近登录（UTC）", "The last session that was opened before the date"),
    column("created_at_utc", "datetime", "建立时间（UTC）", "By the event that made it"),
    column("created_index", "integer", "建立日志序号", "Index of that event"),
    column("changed_index", "integer", "最近变更日志序号", "Index of the last event before the date that changed it"),
    word("source", "依据", "The log's events; or today's tables, where events' contents were erased", &["log", "tables"]),
];

/// `questions.csv`: what was put to whom, and what they answered.
pub const QUESTIONS: &[Column] = &[
    column("number", "integer", "序号", "From 1 in this audit"),
    column("asked_at_utc", "datetime", "提问时间（UTC）", "By the server's clock"),
    personal("asked_by", "string", "提问人", "Name"),
    personal("asked_of", "string", "答复人", "Name"),
    column("question", "string", "问题", "As typed"),
    column("cases", "string", "涉及案件", "Numbers, blanks between"),
    column("events", "string", "涉及日志序号", "Indices, blanks between"),
    column("asked_event", "string", "提问事件编号", "UUIDv7"),
    column("answered_at_utc", "datetime", "答复时间（UTC）", "Empty while it is open"),
    column("answer", "string", "答复", "As typed"),
    column("answered_event", "string", "答复事件编号", "UUIDv7"),
];

/// `walkthrough/walkthrough.csv`: every step of one case.
pub const WALK: &[Column] = &[
    column("step", "integer", "步骤", "From 1"),
    column("index", "integer", "日志序号", "Index in the log"),
    column("event_id", "string", "事件编号", "UUIDv7"),
    column("at_utc", "datetime", "时间（UTC）", "By the server's clock"),
    column("at_local", "string", "当地时间", "The same in the company's zone, with its offset"),
    column("action", "string", "操作", "What was done"),
    column("outcome", "string", "结果", "success, refused or failed"),
    column("actor_id", "string", "行为人编号", "Opaque id"),
    personal("actor_name", "string", "行为人姓名", "Name at that time"),
    column("role", "string", "角色", "Roles at that time, blanks between"),
    column("shown_sha256", "string", "所示内容摘要", "SHA-256 of what the page showed the decider"),
    column("about", "string", "说明", "name=value, blanks between"),
    column("leaf_sha256", "string", "原件行摘要", "SHA-256 of the line in walkthrough/events.jsonl, without its line feed"),
];
