//! The table of operations.

use super::{Access, Body, Kind, Media, Operation, Parameter};
use crate::{
    app::{delegations::List, remediations::list::Wanted},
    domain::{
        event::{Action, Outcome},
        platform::{HarmClass, Platform},
        recall::State,
        role::Permission,
        self_recall::FilingState,
    },
};

/// Rows a page of a list at most.
pub const LIST: u64 = 100;
/// The greatest integer that every reader of JSON keeps: no log comes near it.
pub const INDEX: u64 = (1 << 53) - 1;
/// Events a page at most.
pub const EVENTS: u64 = 500;

const fn text(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Text }
}

const fn line(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Line }
}

const fn time(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Time }
}

const fn word(name: &'static str, words: fn() -> Vec<&'static str>) -> Parameter {
    Parameter { name, kind: Kind::Word(words) }
}

const fn limit(most: u64) -> Parameter {
    Parameter { name: "limit", kind: Kind::Number { least: 1, most } }
}

fn states() -> Vec<&'static str> {
    State::ALL.iter().map(|s| s.as_str()).collect()
}

fn categories() -> Vec<&'static str> {
    HarmClass::ALL.iter().map(|c| c.as_str()).collect()
}

fn platforms() -> Vec<&'static str> {
    Platform::ALL.iter().map(|p| p.as_str()).collect()
}

fn actions() -> Vec<&'static str> {
    Action::ALL.iter().map(|a| a.as_str()).collect()
}

fn outcomes() -> Vec<&'static str> {
    Outcome::ALL.iter().map(|o| o.as_str()).collect()
}

fn filing_states() -> Vec<&'static str> {
    FilingState::ALL.iter().map(|s| s.as_str()).collect()
}

fn remediation_shows() -> Vec<&'static str> {
    Wanted::ALL.iter().map(|w| w.as_str()).collect()
}

fn delegation_lists() -> Vec<&'static str> {
    List::ALL.iter().map(|l| l.as_str()).collect()
}

/// The words of a broadcast's state.
pub fn broadcast_states() -> Vec<&'static str> {
    vec!["sending", "sent", "partly_sent", "failed"]
}

const fn get(id: &'static str, path: &'static str, access: Access, schema: &'static [(Media, &'static str)]) -> Operation {
    Operation { id, method: "GET", path, access, query: &[], body: None, status: 200, gives: schema, may_miss: false, sample: "" }
}

const fn post(id: &'static str, path: &'static str, access: Access, body: &'static str, gives: &'static [(Media, &'static str)]) -> Operation {
    let body = Some(Body { media: Media::Json, schema: body, required: true });
    Operation { method: "POST", body, ..get(id, path, access, gives) }
}

impl Operation {
    const fn asks(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    const fn makes(mut self) -> Self {
        self.status = 201;
        self
    }

    const fn may_miss(mut self) -> Self {
        self.may_miss = true;
        self
    }

    const fn takes(mut self, media: Media, required: bool) -> Self {
        if let Some(body) = &mut self.body {
            body.media = media;
            body.required = required;
        }
        self
    }

    const fn like(mut self, sample: &'static str) -> Self {
        self.sample = sample;
        self
    }
}

/// All operations, in the order in which they are shown.
pub const ALL: &[Operation] = &[
    post("send-broadcast", "/api/v1/broadcasts", Access::Scope(Permission::BroadcastSend), "NewBroadcast", &[(Media::Json, "BroadcastMade")])
        .makes()
        .like(r#"{"connection": "$CONNECTION", "title": "{title}", "text": "{text}", "audience": "all"}"#),
    post("import-broadcast", "/api/v1/broadcasts/imports", Access::Scope(Permission::BroadcastSend), "Import", &[(Media::Json, "BroadcastMade")])
        .makes()
        .like(
            r#"{"connection": "$CONNECTION", "sent_at": "$NOW", "message_ids": ["$MESSAGE"],
 "content": {"title": "{title}", "text": "{text}"}, "recipients": "all"}"#,
        ),
    get("list-broadcasts", "/api/v1/broadcasts", Access::Scope(Permission::BroadcastRead), &[(Media::Json, "BroadcastList")])
        .asks(&[time("from"), time("until"), word("platform", platforms), word("state", broadcast_states), text("words"), text("after"), limit(LIST)])
        .like("?state=sent&limit=20"),
    get("read-broadcast", "/api/v1/broadcasts/{id}", Access::Scope(Permission::BroadcastRead), &[(Media::Json, "Broadcast")])
        .asks(&[word("include", || vec!["content"])])
        .like("?include=content"),
    post("upload-table", "/api/v1/imports", Access::Person(Permission::BroadcastSend), "Table", &[(Media::Json, "TableUploaded")])
        .makes()
        .like(r#"{"kind": "broadcasts", "name": "sent.csv", "data": "$TABLE"}"#),
    get("list-tables", "/api/v1/imports", Access::Scope(Permission::BroadcastSend), &[(Media::Json, "TableList")]),
    get("read-table", "/api/v1/imports/{id}", Access::Scope(Permission::BroadcastSend), &[(Media::Json, "TableImport")]),
    post("check-table", "/api/v1/imports/{id}/checks", Access::Person(Permission::BroadcastSend), "TableCheck", &[(Media::Json, "TableMoved")])
        .takes(Media::Json, false)
        .like(r#"{"separator": "comma"}"#),
    post(
        "confirm-table",
        "/api/v1/imports/{id}/confirmations",
        Access::Person(Permission::BroadcastSend),
        "TableConfirmation",
        &[(Media::Json, "TableMoved")],
    )
    .takes(Media::Json, false)
    .like("{}"),
    post("discard-table", "/api/v1/imports/{id}/removals", Access::Person(Permission::BroadcastSend), "TableRemoval", &[(Media::Json, "TableMoved")])
        .takes(Media::Json, false)
        .like("{}"),
    post("export-broadcasts", "/api/v1/broadcasts/exports", Access::Person(Permission::BroadcastRead), "BroadcastExport", &[(Media::Csv, "File")])
        .like(r#"{"state": "sent", "totp": "$CODE"}"#),
    post("report-broadcast", "/api/v1/reports", Access::Scope(Permission::BroadcastSend), "Report", &[(Media::Json, "BroadcastMade")])
        .makes()
        .like(r#"{"channel": "{channel}", "sent_at": "$NOW", "audience": ["{person}"], "title": "{title}", "text": "{text}"}"#),
    get("list-recipients", "/api/v1/broadcasts/{id}/recipients", Access::Scope(Permission::BroadcastRead), &[(Media::Json, "RecipientList")])
        .asks(&[text("after"), limit(LIST)])
        .like("?limit=50"),
    post("file-self-recall", "/api/v1/self-recalls", Access::Person(Permission::BroadcastSend), "NewFiling", &[(Media::Json, "Filed")])
        .makes()
        .like(r#"{"broadcast": "$BROADCAST", "withdrawn_at": "$NOW", "extent": "part", "note": "{filing}"}"#),
    get("list-self-recalls", "/api/v1/self-recalls", Access::Scope(Permission::RecallRead), &[(Media::Json, "FilingList")])
        .asks(&[word("state", filing_states), text("after"), limit(LIST)])
        .like("?state=filed"),
    get("read-self-recall", "/api/v1/self-recalls/{id}", Access::Scope(Permission::RecallRead), &[(Media::Json, "Filing")]),
    post(
        "check-self-recall",
        "/api/v1/self-recalls/{id}/checks",
        Access::People(Permission::RecallDecide, Permission::RecallExecute),
        "FilingCheck",
        &[(Media::Json, "FilingChecked")],
    )
    .like(r#"{"seen": "visible", "note": "{looked}", "totp": "$CODE"}"#),
    post("request-recall", "/api/v1/recalls", Access::Scope(Permission::RecallRequest), "RecallRequest", &[(Media::Json, "RecallMade")])
        .makes()
        .like(r#"{"broadcast": "$BROADCAST", "category": "wrong_fact", "reason": "{reason}"}"#),
    get("list-recalls", "/api/v1/recalls", Access::Scope(Permission::RecallRead), &[(Media::Json, "RecallList")])
        .asks(&[word("state", states), word("category", categories), time("from"), time("until"), text("number"), text("after"), limit(LIST)])
        .like("?state=reviewing"),
    post("export-recalls", "/api/v1/recalls/exports", Access::Person(Permission::RecallRead), "RecallExport", &[(Media::Csv, "File")])
        .like(r#"{"category": "wrong_fact", "totp": "$CODE"}"#),
    get("read-recall", "/api/v1/recalls/{id}", Access::Scope(Permission::RecallRead), &[(Media::Json, "Recall")]),
    get("list-approvals", "/api/v1/approvals", Access::Scope(Permission::RecallRead), &[(Media::Json, "ApprovalList")]),
    post("decide-recall", "/api/v1/recalls/{id}/decisions", Access::Person(Permission::RecallDecide), "NewDecision", &[(Media::Json, "Decision")])
        .like(r#"{"decision": "return", "comment": "{comment}", "totp": "$CODE"}"#),
    post("order-recall", "/api/v1/recalls/{id}/orders", Access::Person(Permission::RecallDecide), "Order", &[(Media::Json, "Ordered")])
        .like(r#"{"category": "wrong_fact", "reason": "{reason}", "totp": "$CODE"}"#),
    post(
        "ratify-recall",
        "/api/v1/recalls/{id}/ratifications",
        Access::Person(Permission::RecallDecide),
        "Ratification",
        &[(Media::Json, "Ratified")],
    )
    .like(r#"{"verdict": "ratify", "comment": "{comment}", "totp": "$CODE"}"#),
    post("transfer-recall", "/api/v1/recalls/{id}/transfers", Access::Person(Permission::RecallDecide), "Transfer", &[(Media::Json, "Entered")])
        .like(r#"{"to": "$PERSON", "reason": "{transfer}"}"#),
    post("add-reviewer", "/api/v1/recalls/{id}/additions", Access::Person(Permission::RecallDecide), "Addition", &[(Media::Json, "Entered")])
        .like(r#"{"to": "$PERSON", "reason": "{addition}"}"#),
    post("remove-reviewer", "/api/v1/recalls/{id}/removals", Access::Person(Permission::RecallDecide), "Addition", &[(Media::Json, "Entered")])
        .like(r#"{"to": "$PERSON", "reason": "{removal}"}"#),
    post("ask-requester", "/api/v1/recalls/{id}/questions", Access::Person(Permission::RecallDecide), "Question", &[(Media::Json, "Entered")])
        .like(r#"{"question": "{question}"}"#),
    post("answer-reviewer", "/api/v1/recalls/{id}/answers", Access::Scope(Permission::RecallRequest), "Reply", &[(Media::Json, "Entered")])
        .like(r#"{"answer": "{answer}"}"#),
    post("comment-recall", "/api/v1/recalls/{id}/comments", Access::Scope(Permission::RecallRead), "Comment", &[(Media::Json, "Entered")])
        .like(r#"{"comment": "{comment}"}"#),
    post("remind-reviewers", "/api/v1/recalls/{id}/reminders", Access::Scope(Permission::RecallRead), "Reminder", &[(Media::Json, "Entered")])
        .takes(Media::Json, false)
        .like("{}"),
    post("remind-of-several", "/api/v1/reminders", Access::Scope(Permission::RecallRead), "Reminding", &[(Media::Json, "Reminders")])
        .like(r#"{"cases": ["$CASE"]}"#),
    post(
        "resubmit-recall",
        "/api/v1/recalls/{id}/resubmissions",
        Access::Scope(Permission::RecallRequest),
        "Resubmission",
        &[(Media::Json, "RecallMoved")],
    )
    .like(r#"{"reason": "{reason}"}"#),
    post("add-capture", "/api/v1/recalls/{id}/captures", Access::Person(Permission::RecallExecute), "Capture", &[(Media::Json, "Entered")])
        .like(r#"{"outcome": "accepted", "note": "{capture}", "name": "capture.png", "data": "$PICTURE"}"#),
    post(
        "confirm-captures",
        "/api/v1/recalls/{id}/confirmations",
        Access::People(Permission::RecallExecute, Permission::RecallDecide),
        "Confirmation",
        &[(Media::Json, "Entered")],
    )
    .like(r#"{"outcome": "accepted", "totp": "$CODE"}"#),
    post("halt-recall", "/api/v1/recalls/{id}/halts", Access::Scope(Permission::RecallHalt), "Halt", &[(Media::Json, "Entered")])
        .like(r#"{"reason": "{halt}"}"#),
    post(
        "withdraw-recall",
        "/api/v1/recalls/{id}/withdrawal",
        Access::Scope(Permission::RecallRequest),
        "Withdrawal",
        &[(Media::Json, "RecallMoved")],
    )
    .takes(Media::Json, false)
    .like(r#"{"reason": "{withdrawal}"}"#),
    post(
        "add-remediation-step",
        "/api/v1/recalls/{id}/remediations",
        Access::Person(Permission::RecallRead),
        "RemediationStep",
        &[(Media::Json, "RemediationMade")],
    )
    .makes()
    .like(r#"{"strategy": "tracing", "owner": "$OWNER", "note": "{step}"}"#),
    get("read-remediation-plan", "/api/v1/recalls/{id}/remediations", Access::Scope(Permission::RecallRead), &[(Media::Json, "RemediationPlan")]),
    post(
        "complete-remediation-step",
        "/api/v1/recalls/{id}/remediations/completions",
        Access::Person(Permission::RecallRead),
        "Completion",
        &[(Media::Json, "RemediationEnded")],
    )
    .like(r#"{"step": "$STEP", "done": "{completion}"}"#),
    post(
        "drop-remediation-step",
        "/api/v1/recalls/{id}/remediations/droppings",
        Access::Person(Permission::RecallRead),
        "Dropping",
        &[(Media::Json, "RemediationEnded")],
    )
    .like(r#"{"step": "$STEP", "reason": "{dropping}"}"#),
    get("list-remediation-steps", "/api/v1/remediations", Access::Scope(Permission::RecallRead), &[(Media::Json, "RemediationList")])
        .asks(&[word("show", remediation_shows), text("after"), limit(LIST)])
        .like("?show=open"),
    get(
        "list-delegations",
        "/api/v1/delegations",
        Access::People(Permission::RecallDecide, Permission::RoleManage),
        &[(Media::Json, "DelegationList")],
    )
    .asks(&[word("list", delegation_lists), text("after")])
    .like("?list=received"),
    post("make-delegation", "/api/v1/delegations", Access::Person(Permission::RecallDecide), "NewDelegation", &[(Media::Json, "Entered")])
        .makes()
        .like(r#"{"to": "$PERSON", "levels": [1], "until": "$LATER", "reason": "{delegation}", "totp": "$CODE"}"#),
    post(
        "end-delegation",
        "/api/v1/delegations/{id}/ends",
        Access::People(Permission::RecallDecide, Permission::RoleManage),
        "DelegationEnd",
        &[(Media::Json, "Entered")],
    )
    .takes(Media::Json, false)
    .like("{}"),
    get("list-case-evidence", "/api/v1/recalls/{id}/evidence", Access::Scope(Permission::EvidenceExport), &[(Media::Json, "BundleList")]),
    get("list-evidence", "/api/v1/evidence", Access::Scope(Permission::EvidenceExport), &[(Media::Json, "BundleList")])
        .asks(&[text("after"), limit(LIST)])
        .like("?limit=20"),
    post("export-evidence", "/api/v1/evidence/exports", Access::Scope(Permission::EvidenceExport), "Export", &[(Media::Json, "Exported")])
        .makes()
        .may_miss()
        .like(r#"{"case": "$CASE", "purpose": "{purpose}"}"#),
    get("read-evidence", "/api/v1/evidence/{number}", Access::Scope(Permission::EvidenceExport), &[(Media::Json, "Bundle")]),
    post("download-evidence", "/api/v1/evidence/{number}/downloads", Access::Scope(Permission::EvidenceExport), "Download", &[(Media::Zip, "File")])
        .takes(Media::Json, false)
        .like("{}"),
    post(
        "verify-evidence",
        "/api/v1/evidence/verification",
        Access::Either(Permission::AuditRead, Permission::EvidenceExport),
        "File",
        &[(Media::Json, "Verification")],
    )
    .takes(Media::Zip, true)
    .like("$FILE"),
    get("list-events", "/api/v1/events", Access::Scope(Permission::AuditRead), &[(Media::Json, "EventList"), (Media::Lines, "Event")])
        .asks(&[
            line("case"),
            time("from"),
            time("until"),
            line("actor"),
            word("action", actions),
            word("outcome", outcomes),
            line("object"),
            Parameter { name: "address", kind: Kind::Network },
            line("device_id"),
            line("words"),
            Parameter { name: "after", kind: Kind::Number { least: 0, most: INDEX } },
            limit(EVENTS),
        ])
        .may_miss()
        .like("?case=$CASE&limit=100"),
    get("read-event", "/api/v1/events/{index}", Access::Scope(Permission::AuditRead), &[(Media::Json, "EventShown")]),
    get("list-event-types", "/api/v1/event-types", Access::Token, &[(Media::Json, "EventTypes")]),
    get("read-description", "/api/v1/openapi.json", Access::Anybody, &[(Media::Json, "Description")]),
];
