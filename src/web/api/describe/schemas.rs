//! The schemas of the API, by name. What is asked for says what each member means (`api-member-<name>`, or `api-member-<name>-<body>` where a body means something of its own); answers are told by their names.

use serde_json::{Value, json};

use super::{
    operations::broadcast_states,
    shapes::{
        asked, base64, flag, free, hash, id, line, list, name, named, number, object, or_null, prose, quoted, receipted, some, text, time, whole,
        words,
    },
};
use crate::{
    app::{
        broadcasts::{
            import::MOST_MESSAGES,
            imports::{Column, ImportState, Kind as TableKind},
            report::MOST_FILES,
        },
        delegations::Standing,
        recalls::{correct::Standing as Correcting, guided::STATABLE, remind},
    },
    domain::{
        event::Outcome,
        kept::EventClass,
        outcome::RecipientOutcome,
        platform::{HarmClass, Platform, RecallPath},
        recall::{
            Mode, State, Verb,
            approval::{Comment, LEVELS},
            ratification::{Standing as Ratifying, Verdict},
            weighing::{Matter, Reply},
        },
        remediation::{Ending, StepState},
        self_recall::{Extent, FilingState},
        sheet::{Encoding, Separator},
        windows::Remedy,
    },
    i18n::Tr,
};

macro_rules! of {
    ($words:ident) => {
        words(&$words::ALL.iter().map(|w| w.as_str()).collect::<Vec<_>>())
    };
}

/// All of them; those of requests explained in the language of `tr`.
pub fn all(tr: &Tr) -> Value {
    let mut all = answers();
    if let (Some(all), Value::Object(asked)) = (all.as_object_mut(), requests()) {
        for (name, mut schema) in asked {
            explain(tr, &name, &mut schema);
            all.insert(name, schema);
        }
    }
    all
}

/// Puts words to the members of a body: those for the member of this body, else those for all of its name.
fn explain(tr: &Tr, body: &str, schema: &mut Value) {
    for (name, member) in schema["properties"].as_object_mut().into_iter().flatten() {
        let key = format!("api-member-{}", name.replace('_', "-"));
        if let Some(words) = tr.maybe(&format!("{key}-{}", body.to_lowercase())).or_else(|| tr.maybe(&key)) {
            member["description"] = json!(words);
        }
    }
}

fn requests() -> Value {
    let ids = || list(free());
    // What a decider, a reviewer or a requester says must say something (`domain::recall::approval::Comment`).
    let telling = || prose(Comment::MIN, Comment::MAX);
    // A corrected message: as the message of a broadcast.
    let correction = || asked(json!({ "title": line(120, false), "text": prose(1, 20_000) }));
    json!({
        "NewBroadcast": asked(json!({
            "connection": name(), "title": line(120, false), "text": prose(1, 20_000), "sender?": free(),
            "audience": { "anyOf": [{ "const": "all" }, asked(json!({ "all?": flag(), "users?": ids(), "parties?": ids(), "tags?": ids() }))] },
        })),
        "Import": asked(json!({
            "connection": name(), "sent_at?": time(), "sender?": free(),
            "message_ids": some(json!({ "anyOf": [free(), asked(json!({ "id": free(), "room?": free() }))] }), 1, MOST_MESSAGES),
            "content?": asked(json!({ "title?": line(120, true), "text": quoted(1, 50_000) })),
            "recipients?": { "anyOf": [{ "const": "all" }, ids()] },
        })),
        "Report": asked(json!({
            "channel?": line(80, true), "connection?": free(), "sent_at": time(),
            "audience": { "anyOf": [prose(1, 4000), some(prose(1, 4000), 1, 2000)] },
            "title?": line(120, true), "text?": quoted(0, 50_000), "sender?": free(),
            "screenshots?": some(asked(json!({ "name": free(), "data": base64() })), 0, MOST_FILES),
        })),
        "RecallRequest": asked(json!({
            "broadcast": name(), "category": of!(HarmClass), "reason": telling(), "basis?": prose(0, 200), "tell_readers?": flag(),
            "correction?": correction(),
        })),
        "NewDecision": asked(json!({
            "decision": of!(Verb), "comment": telling(), "totp": name(), "version?": whole(), "answers?": asked(replies()),
        })),
        "NewFiling": asked(json!({ "broadcast": name(), "withdrawn_at": time(), "extent": of!(Extent), "note?": prose(0, 2000) })),
        "FilingCheck": asked(json!({ "seen": words(&seen()), "note": prose(4, 2000), "totp": name(), "version?": whole() })),
        "RemediationStep": asked(json!({ "strategy": of!(Remedy), "owner": name(), "due?": time(), "note?": prose(0, 2000) })),
        "Completion": asked(json!({ "step": name(), "done": telling(), "version?": whole() })),
        "Dropping": asked(json!({ "step": name(), "reason": telling(), "version?": whole() })),
        "Reminding": asked(json!({ "cases": some(name(), 1, remind::MOST) })),
        "Table": asked(json!({
            "kind": of!(TableKind), "name?": free(), "data": base64(), "encoding?": of!(Encoding), "separator?": of!(Separator),
            "message?": asked(json!({
                "connection": name(), "message_id": name(), "room?": free(), "sent_at": time(), "sender?": free(), "title?": line(120, true),
                "text": quoted(1, 50_000),
            })),
        })),
        "TableCheck": asked(json!({ "encoding?": of!(Encoding), "separator?": of!(Separator) })),
        "TableConfirmation": asked(json!({})),
        "TableRemoval": asked(json!({})),
        "RecallExport": asked(json!({
            "state?": of!(State), "category?": of!(HarmClass), "from?": time(), "until?": time(), "number?": free(), "totp": name(),
        })),
        "BroadcastExport": asked(json!({
            "from?": time(), "until?": time(), "platform?": of!(Platform), "state?": words(&broadcast_states()), "words?": free(), "totp": name(),
        })),
        "NewDelegation": asked(json!({
            "to": name(), "levels": some(json!({ "type": "integer", "enum": LEVELS }), 1, 3), "department?": free(), "from?": time(), "until": time(),
            "reason": telling(), "totp": name(),
        })),
        "DelegationEnd": asked(json!({ "reason?": prose(0, Comment::MAX) })),
        "Order": asked(json!({ "category": of!(HarmClass), "reason": telling(), "totp": name(), "version?": whole() })),
        "Ratification": asked(json!({ "verdict": of!(Verdict), "comment": telling(), "totp": name(), "words?": whole() })),
        "Transfer": asked(json!({ "to": name(), "reason": telling() })),
        "Addition": asked(json!({ "to": name(), "reason": telling() })),
        "Question": asked(json!({ "question": telling() })),
        "Reply": asked(json!({ "answer": telling() })),
        "Comment": asked(json!({ "comment": telling() })),
        "Reminder": asked(json!({})),
        "Resubmission": asked(json!({
            "reason": telling(), "basis?": prose(0, 200), "tell_readers?": flag(), "correction?": correction(),
        })),
        "Withdrawal": asked(json!({ "reason?": prose(0, 500) })),
        "Capture": asked(json!({ "outcome": words(&statable()), "note": telling(), "name?": free(), "data": base64() })),
        "Confirmation": asked(json!({ "outcome": words(&statable()), "note?": prose(0, 500), "totp": name() })),
        "Halt": asked(json!({ "reason": telling() })),
        "Export": asked(json!({ "case": free(), "purpose": prose(2, 500), "at?": whole(), "totp?": free() })),
        "Download": asked(json!({ "totp?": free() })),
    })
}

/// What the second person can have seen of a filing.
fn seen() -> Vec<&'static str> {
    FilingState::ALL.iter().filter(|state| **state != FilingState::Filed).map(|state| state.as_str()).collect()
}

fn statable() -> Vec<&'static str> {
    STATABLE.iter().map(|outcome| outcome.as_str()).collect()
}

/// Whether a member must be in a body. That a file must not be empty is told by no schema.
pub fn requires(body: &str, member: &str) -> bool {
    let all = requests();
    let (within, member) = member.rsplit_once('.').unwrap_or(("", member));
    let inside = within.split('.').filter(|name| !name.is_empty()).fold(&all[body], |schema, name| &schema["properties"][name]);
    inside["required"].as_array().is_some_and(|all| all.iter().any(|name| name == member))
}

fn answers() -> Value {
    let case = || object(json!({ "id": id(), "number": text(), "state": of!(State) }));
    let mut all = json!({
        "Problem": problem(),
        "Receipt": object(json!({ "event": id(), "index": or_null(number()) })),
        "Set": object(json!({ "count": number(), "root": hash() })),
        "BroadcastMade": receipted(json!({ "id": id(), "state": words(&broadcast_states()), "href": text() })),
        "BroadcastLine": object(json!({
            "id": id(), "origin": words(&["sent", "imported", "reported"]), "state": words(&broadcast_states()), "platform": of!(Platform),
            "connection": or_null(text()), "channel": text(), "title": or_null(text()), "sender": or_null(text()), "sent_at": or_null(time()),
            "created_at": time(), "recipients": number(), "recall": or_null(case()),
        })),
        "BroadcastList": object(json!({ "broadcasts": list(named("BroadcastLine")), "next": or_null(text()), "looked_to": or_null(time()) })),
        "RecallMade": receipted(json!({ "id": id(), "number": text(), "state": of!(State) })),
        "RecallMoved": receipted(json!({ "id": id(), "state": of!(State) })),
        "Entered": receipted(json!({ "id": text() })),
        "Decision": receipted(json!({
            "id": id(), "number": text(), "level": number(), "decision": of!(Verb), "on_behalf_of": or_null(text()), "state": of!(State),
            "at": time(),
        })),
        "DelegationList": object(json!({ "delegations": list(object(json!({
            "id": id(), "principal": id(), "delegate": id(), "levels": list(number()), "department": or_null(text()), "from": time(),
            "until": time(), "state": of!(Standing), "reason": text(), "ended_at": or_null(time()),
        }))), "next": or_null(text()) })),
        "Ordered": receipted(json!({ "id": id(), "number": text(), "due": time(), "levels": list(number()) })),
        "Ratified": receipted(json!({
            "id": id(), "number": text(), "level": number(), "verdict": of!(Verdict), "state": of!(Ratifying), "late": flag(),
        })),
        "RecallLine": object(json!({
            "id": id(), "number": text(), "title": or_null(text()), "state": of!(State), "category": of!(HarmClass), "mode": of!(Mode),
            "requester": text(), "level": or_null(number()), "submitted_at": time(), "cut_off": or_null(time()), "due": or_null(time()),
            "recipients": number(),
        })),
        "RecallList": object(json!({ "recalls": list(named("RecallLine")), "next": or_null(text()) })),
        "ApprovalList": object(json!({ "approvals": list(object(json!({
            "task": words(&["decide", "confirm", "carry_out", "resubmit", "answer", "ratify"]), "level": or_null(number()),
            "on_behalf_of": or_null(text()), "recall": named("RecallLine"),
        }))) })),
        "BundleList": object(json!({ "bundles": list(named("Bundle")), "next": or_null(text()) })),
        "Bundle": object(json!({
            "number": text(), "recall": id(), "case": text(), "kind": words(&["archive", "full", "masked"]), "bytes": number(), "sha256": hash(),
            "log_size": number(), "sealed_at": time(), "kept_until": time(), "erased_at": or_null(time()),
            "timestamps?": list(object(json!({
                "authority": text(), "at": or_null(time()), "until": or_null(time()), "renewed": or_null(time()), "refusal": or_null(text()),
            }))),
        })),
        "Exported": receipted(json!({
            "number": text(), "href": text(), "bytes": number(), "sha256": hash(), "with_content": flag(), "verified": flag(),
            "uncertified": or_null(text()), "sm2_signature": or_null(flag()), "uncertified_sm2": or_null(text()),
        })),
        "Verification": object(json!({
            "result": words(&["pass", "unknown", "fail"]),
            "checks": list(object(json!({
                "name": text(), "result": words(&["pass", "unknown", "fail"]), "file": text(), "expected": text(), "actual": text(),
            }))),
        })),
        "File": { "type": "string", "format": "binary" },
        "Event": event(),
        "EventShown": event_shown(),
        "EventList": object(json!({ "events": list(named("Event")), "next": or_null(number()), "case?": id() })),
        "EventTypes": object(json!({
            "common_parts": list(text()), "refusal_fields": list(text()), "types": list(json!({ "type": "object" })),
        })),
        "Description": { "type": "object" },
    });
    if let (Some(all), Value::Object(beside)) = (all.as_object_mut(), beside()) {
        all.extend(beside);
    }
    all["Filing"] = filing();
    all["Recall"] = recall();
    all["Broadcast"] = broadcast();
    all
}

/// Of what stands beside a case or belongs to a broadcast.
fn beside() -> Value {
    json!({
        "RecipientList": object(json!({ "recipients": list(object(json!({
            "id": text(), "message": or_null(text()), "delivery": words(&["accepted", "refused", "unknown", "reported"]),
            "reading": or_null(words(&["read", "unread", "unknown"])), "read_at": or_null(time()), "outcome": or_null(of!(RecipientOutcome)),
            "outcome_at": or_null(time()),
        }))), "next": or_null(text()) })),
        "TableUploaded": receipted(json!({ "id": id(), "again": flag(), "href": text() })),
        "TableMoved": receipted(json!({ "id": id(), "state": of!(ImportState) })),
        "TableList": object(json!({ "imports": list(object(table_line())) })),
        "TableImport": table(),
        "Filed": receipted(json!({ "id": id(), "state": of!(FilingState), "href": text() })),
        "FilingChecked": receipted(json!({ "id": id(), "state": of!(FilingState) })),
        "FilingLine": object(filing_line()),
        "FilingList": object(json!({ "self_recalls": list(named("FilingLine")), "next": or_null(text()) })),
        "RemediationMade": receipted(json!({ "id": id(), "state": of!(StepState), "href": text() })),
        "RemediationEnded": receipted(json!({ "id": id(), "state": of!(StepState) })),
        "RemediationList": object(json!({ "steps": list(object(remediation(json!({
            "recall": id(), "number": text(), "ended_at": or_null(time()),
        })))), "next": or_null(text()) })),
        "RemediationPlan": object(json!({
            "ending": or_null(of!(Ending)), "held": or_null(flag()),
            "proposed": list(object(json!({ "strategy": of!(Remedy), "due": or_null(time()) }))),
            "steps": list(object(remediation(json!({
                "note": text(), "set_by": text(), "ended": or_null(object(json!({ "by": text(), "at": time(), "said": text() }))),
            })))),
        })),
        "Reminders": object(json!({ "reminded": number(), "cases": list(object(json!({
            "case": text(), "id": or_null(id()), "number": or_null(text()), "receipt": or_null(named("Receipt")), "problem": or_null(named("Problem")),
        }))) })),
    })
}

/// What every answer tells of a step, with what this one tells besides.
fn remediation(besides: Value) -> Value {
    let mut step = json!({
        "id": id(), "strategy": of!(Remedy), "owner": object(json!({ "id": id(), "name": text() })), "due": or_null(time()),
        "state": of!(StepState), "overdue": flag(), "set_at": time(), "version": number(),
    });
    if let (Some(step), Value::Object(besides)) = (step.as_object_mut(), besides) {
        step.extend(besides);
    }
    step
}

/// RFC 9457.
fn problem() -> Value {
    object(json!({
        "type": { "type": "string", "pattern": "^urn:countermand:problem:" }, "title": text(), "status": number(), "detail": text(),
        "instance": { "type": "string", "pattern": "^urn:uuid:" },
        "errors?": list(object(json!({ "field": text(), "kind": text(), "detail": text() }))),
        "about?": { "type": "object" },
    }))
}

fn event() -> Value {
    object(event_members())
}

/// One event by itself: as in a list, and how it is proven and kept.
fn event_shown() -> Value {
    let mut members = event_members();
    let proof = json!({ "size": number(), "root": hash(), "included": flag(), "hashes": list(hash()), "checkpoint": text() });
    let more = json!({ "case_number": or_null(text()), "holds": flag(), "class": of!(EventClass), "kept_until": time(), "held": flag(), "proof": object(proof) });
    if let (Some(members), Value::Object(more)) = (members.as_object_mut(), more) {
        members.extend(more);
    }
    object(members)
}

fn event_members() -> Value {
    let party = || object(json!({ "kind": text(), "id": text() }));
    json!({
        "index": number(), "id": id(), "at": time(), "action": text(), "outcome": of!(Outcome), "actor": party(), "subject": party(),
        "case": or_null(text()), "leaf": text(), "leaf_hash": hash(), "parts": { "type": "object" },
        "withheld": { "type": "object", "additionalProperties": text() },
    })
}

fn table_line() -> Value {
    json!({
        "id": id(), "kind": of!(TableKind), "state": of!(ImportState), "ready": flag(), "name": text(), "bytes": number(), "digest": hash(),
        "broadcasts": number(), "recipients": number(), "doubles": number(), "problems": number(), "done": number(), "total": number(),
        "created_at": time(), "ended_at": or_null(time()),
    })
}

/// One table with what is wrong in it, line by line.
fn table() -> Value {
    let wrong = object(json!({
        "line": number(), "column": or_null(of!(Column)), "value": text(), "kind": text(), "wrong": text(), "right": text(),
    }));
    let mut members = table_line();
    members["encoding"] = or_null(of!(Encoding));
    members["separator"] = or_null(of!(Separator));
    members["ignored"] = list(text());
    members["report"] = list(wrong);
    members["made"] = list(id());
    object(members)
}

fn filing_line() -> Value {
    json!({
        "id": id(), "number": text(), "state": of!(FilingState), "platform": of!(Platform), "channel": text(), "filer": text(),
        "withdrawn_at": time(), "filed_at": time(),
    })
}

fn filing() -> Value {
    let checked = object(json!({ "by": text(), "at": time(), "note": or_null(text()) }));
    let mut members = filing_line();
    let more = json!({
        "broadcast": id(), "extent": of!(Extent), "sent_at": or_null(time()), "recipients": number(), "note": or_null(text()),
        "checked": or_null(checked), "why_not": or_null(text()), "version": number(),
    });
    if let (Some(members), Value::Object(more)) = (members.as_object_mut(), more) {
        members.extend(more);
    }
    object(members)
}

fn tally() -> Value {
    let mut members = json!({ "total": number() });
    for outcome in RecipientOutcome::ALL {
        members[outcome.as_str()] = number();
    }
    members
}

/// What level 2 is asked, each with its answer.
fn replies() -> Value {
    Matter::ALL.iter().map(|matter| (format!("{matter}?"), of!(Reply))).collect()
}

fn recall() -> Value {
    let mut recipients = json!({ "count": number(), "root": hash() });
    if let (Some(recipients), Value::Object(tally)) = (recipients.as_object_mut(), tally()) {
        recipients.extend(tally.into_iter().map(|(name, schema)| (format!("{name}?"), schema)));
    }
    object(json!({
        "id": id(), "number": text(), "broadcast": id(), "state": of!(State), "mode": of!(Mode), "category": of!(HarmClass), "round": number(),
        "version": number(), "halted": flag(),
        "levels": list(object(json!({
            "level": number(), "open": flag(), "due": time(), "escalated": flag(), "decision": or_null(of!(Verb)), "decider": or_null(text()),
            "on_behalf_of": or_null(text()),
            "added": list(object(json!({ "id": id(), "by": id(), "approved": flag() }))),
            "able": or_null(list(object(json!({
                "id": id(), "name": text(), "on_behalf_of": or_null(text()), "handed_to": or_null(text()),
            })))),
        }))),
        "decisions": list(object(json!({
            "round": number(), "level": number(), "decision": of!(Verb), "decider": id(), "on_behalf_of": or_null(id()), "at": time(),
            "answers": or_null(object(replies())),
        }))),
        "deadlines": object(json!({ "cut_off": or_null(time()), "window_end": or_null(time()) })),
        "recipients": object(recipients), "tally": or_null(object(tally())), "submitted_at": time(), "approved_at": or_null(time()),
        "finished_at": or_null(time()), "closed_at": or_null(time()),
        "recalled_first": or_null(object(json!({
            "officer": text(), "at": time(), "state": of!(Ratifying), "due": time(), "overdue": flag(), "levels": list(number()),
            "ratifications": list(object(json!({ "level": number(), "by": text(), "verdict": of!(Verdict), "at": time(), "late": flag() }))),
        }))),
        "correction": or_null(object(json!({ "broadcast": id(), "state": of!(Correcting) }))),
    }))
}

fn broadcast() -> Value {
    object(json!({
        "id": id(), "origin": words(&["sent", "imported", "reported"]), "state": words(&broadcast_states()), "platform": of!(Platform),
        "connection": or_null(text()), "channel": text(), "sender": or_null(text()), "department": or_null(text()), "sent_at": or_null(time()),
        "sent_at_source": or_null(text()), "created_at": time(), "message": hash(), "recipients": named("Set"),
        "delivery": object(json!({ "accepted": number(), "refused": number(), "unknown": number(), "reported": number() })),
        "reading": or_null(object(json!({ "read": number(), "unread": number() }))),
        "recall": object(json!({
            "path": of!(RecallPath), "why_not": or_null(text()), "window_ends_at": or_null(time()), "cut_off": or_null(time()),
        })),
        "capabilities": object(json!({
            "send": flag(), "recall": flag(), "recall_per_recipient": flag(), "read_back": flag(), "reading_state": flag(),
            "window_seconds": or_null(number()), "residue": list(text()),
        })),
        "messages": list(object(json!({
            "id": text(), "piece": number(), "platform_id": or_null(text()), "room": or_null(text()), "state": text(), "sent_at": or_null(time()),
            "recall_state": or_null(text()),
        }))),
        "recalls": list(object(json!({ "id": id(), "number": text(), "state": of!(State) }))),
        "attachments": list(object(json!({
            "id": id(), "kind": words(&["original", "screenshot", "capture"]), "name": text(), "media_type": text(), "bytes": number(),
            "sha256": hash(), "uploaded_at": time(),
        }))),
        "title?": or_null(text()), "erased_at?": time(),
        "content?": object(json!({ "title": text(), "text": text(), "attachments": list(json!({ "type": "object" })) })),
    }))
}
