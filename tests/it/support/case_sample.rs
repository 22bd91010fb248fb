//! A closed case as plain data, made without a database: two events before the recall, a request, three decisions, a call, the closing.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use countermand::{
    clock::Instant,
    crypto::sha256,
    domain::recall::weighing::{Answers, Matter, Reply},
    evidence::collected::{Attachment, Call, Case, Collected, Content, Decision, Entry, Issue, Log, Message, Part, Recipient},
    ledger::{
        checkpoint::Checkpoint,
        commitment::{canonical, commit},
        leaf::{Leaf, Party},
        note::Vkey,
        set::Set,
        statement::{Policy, Statement},
        tree::{Memory, inclusion, leaf_hash, root},
    },
};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

pub const CASE: &str = "01935f11-0000-7000-8000-000000000001";
const BROADCAST: &str = "01935f10-0000-7000-8000-000000000001";
const REQUESTER: &str = "01935e00-0000-7000-8000-000000000001";
const ORIGIN: &str = "recall.example/countermand/7c1e";

pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub fn vkey() -> Vkey {
    Vkey::new(ORIGIN, &key().verifying_key()).unwrap()
}

/// Writes events one after the other, with salts that depend on their place.
struct Scribe {
    log: Memory,
    entries: Vec<(u64, Vec<u8>, Vec<Part>)>,
    at: i64,
}

impl Scribe {
    fn event(&mut self, action: &str, actor: (&str, &str), subject: (&str, &str), case: bool, parts: &[(&str, Value)]) -> (String, Instant) {
        let n = self.log.size();
        self.at += 1_234_567;
        let (id, at) = (format!("01935f00-0000-7000-8000-{n:012}"), Instant(self.at));
        let mut commitments = BTreeMap::new();
        let mut opened = Vec::new();
        for (name, value) in parts {
            let value = canonical(value).unwrap();
            let salt = sha256(format!("{n}/{name}").as_bytes());
            commitments.insert((*name).to_owned(), commit(&salt, &value));
            opened.push(Part { name: (*name).to_owned(), content: Content::Open { salt, value } });
        }
        opened.sort_by(|a, b| a.name.cmp(&b.name));
        let party = |(kind, id): (&str, &str)| Party { kind: kind.to_owned(), id: id.to_owned() };
        let leaf = Leaf {
            id: id.clone(),
            at,
            action: action.to_owned(),
            outcome: "success".to_owned(),
            actor: party(actor),
            subject: party(subject),
            session: (actor.0 == "user").then(|| "s1".to_owned()),
            case: case.then(|| CASE.to_owned()),
            node: Some("n1".to_owned()),
            parts: commitments,
            purge: None,
        };
        let bytes = leaf.to_bytes().unwrap();
        self.log.push(leaf_hash(&bytes));
        self.entries.push((n, bytes, opened));
        (id, at)
    }

    /// An event of somebody else's, which is in the log and not in the bundle.
    fn other(&mut self) {
        self.event("session.opened", ("user", "somebody"), ("session", "s9"), false, &[]);
        self.entries.pop();
    }
}

fn person(name: &str, roles: &[&str]) -> [(&'static str, Value); 3] {
    [
        ("actor", json!({ "name": name, "roles": roles, "department": "销售二部" })),
        (
            "client",
            json!({ "peer_ip": "10.24.3.57", "peer_port": 60233, "forwarded_for": "", "proxy_rule": "peer", "client_ip": "10.24.3.57", "user_agent": "x", "tls": "1.3" }),
        ),
        ("device", json!({ "device_id": "d1", "state": "known", "fingerprint": "b811d4", "components": {}, "version": 1 })),
    ]
}

/// The case; `hostile` goes wherever people may type.
pub fn collected(hostile: &str) -> Collected {
    let mut scribe = Scribe { log: Memory::new(), entries: Vec::new(), at: 1_795_340_528_123_456 };
    let salt16 = |n: u8| [n; 16];
    let ids = ["LinYuTong", "ZhouQiMing", "=cmd", "何婧"];
    let mut sorted = ids.map(ToOwned::to_owned);
    sorted.sort();
    let rows = |id: &str| canonical(&json!({ "id": id, "platform": "wecom" })).unwrap();
    let set = Set::of(sorted.iter().zip(1..).map(|(id, n)| (salt16(n), rows(id))));
    let content = canonical(&json!({ "title": "2027 年度薪酬调整方案", "text": hostile })).unwrap();
    let content_commitment = commit(&[9; 32], &content);

    let raw =
        json!([{ "method": "POST", "path": "/cgi-bin/message?access_token=***", "request": hostile, "status": 200, "response": "{\"errcode\":0}" }])
            .to_string();
    let answer = |call: &str, kind: &str| {
        vec![("detail", json!({ "call": call, "kind": kind, "result": "ok", "raw_sha256": hex::encode(sha256(raw.as_bytes())) }))]
    };
    scribe.other();
    let (sent_started, sent_at) = scribe.event("broadcast.call_started", ("job", "send_broadcast"), ("broadcast", BROADCAST), false, &[]);
    let (sent_answered, answered_at) =
        scribe.event("broadcast.call_answered", ("job", "send_broadcast"), ("broadcast", BROADCAST), false, &answer("c1", "send"));
    scribe.other();
    let with =
        |name: &str, roles: &[&str], detail: Value, text: Value| [person(name, roles).to_vec(), vec![("detail", detail), ("text", text)]].concat();
    let submitted = with(
        "林雨桐",
        &["requester"],
        json!({ "number": "FR-20261122-0001", "class": "leak", "mode": "api", "after": { "state": "reviewing" } }),
        json!({ "reason": hostile }),
    );
    let (_, submitted_at) = scribe.event("recall.submitted", ("user", REQUESTER), ("recall", CASE), true, &submitted);
    let mut decisions = Vec::new();
    for (level, name, role) in [(1u8, "周启明", "department_reviewer"), (2, "何婧", "legal_reviewer"), (3, "陈思远", "final_approver")] {
        let comment = format!("{hostile} {level}");
        let comment_salt = [level; 32];
        let answers = (level == 2).then(|| Answers::given(&[(Matter::Dispute, Reply::Yes), (Matter::Rule, Reply::No)].into()).unwrap());
        let shown = format!("{{\"level\":{level}}}\n{}", answers.clone().unwrap_or_default().lines());
        let decider = format!("01935e00-0000-7000-8000-00000000010{level}");
        let statement = Statement {
            case: CASE.to_owned(),
            level,
            decision: "approve".to_owned(),
            comment: commit(&comment_salt, &canonical(&json!(comment)).unwrap()),
            message: content_commitment,
            recipients: set,
            policy: Policy { id: "default".to_owned(), version: 1 },
            deadline: Instant(1_795_350_000_000_000),
            shown: sha256(shown.as_bytes()),
            decider: decider.clone(),
            nonce: [level; 32],
        };
        let statement = String::from_utf8(statement.to_bytes().unwrap()).unwrap();
        let mut detail = json!({ "level": level, "statement": hex::encode(sha256(statement.as_bytes())), "before": { "state": "reviewing" }, "after": { "state": "reviewing" } });
        if let Some(answers) = &answers {
            detail["answers"] = json!(answers);
        }
        let (event, at) =
            scribe.event("recall.decided", ("user", &decider), ("recall", CASE), true, &with(name, &[role], detail, json!({ "comment": comment })));
        decisions.push(Decision {
            round: 1,
            level: level.into(),
            decider,
            principal: None,
            decision: "approve".to_owned(),
            answers,
            comment: Some(comment),
            comment_salt: Some(hex::encode(comment_salt)),
            method: "totp".to_owned(),
            passkey: None,
            at,
            event,
            statement,
            shown: Some(shown),
        });
    }
    scribe.event("recall.execution_started", ("job", "execute_recall"), ("recall", CASE), true, &[]);
    let (recall_started, recall_at) = scribe.event("recall.call_started", ("job", "execute_recall"), ("call", "c2"), true, &[]);
    scribe.other();
    let (recall_answered, recalled_at) =
        scribe.event("recall.call_answered", ("job", "execute_recall"), ("call", "c2"), true, &answer("c2", "recall"));
    let tally = json!({ "total": 4, "confirmed": 0, "accepted": 4, "unknown": 0, "still_visible": 0, "failed": 0 });
    let (_, finished_at) =
        scribe.event("recall.finished", ("job", "execute_recall"), ("recall", CASE), true, &[("detail", json!({ "tally": tally }))]);
    let of_case: Vec<_> = scribe.entries.iter().filter(|(_, bytes, _)| Leaf::parse(bytes).unwrap().case.is_some()).collect();
    let hashes: Vec<u8> = of_case.iter().flat_map(|(_, bytes, _)| leaf_hash(bytes)).collect();
    let detail = json!({ "number": "FR-20261122-0001", "state": "recall_accepted", "count": of_case.len(), "first": of_case[0].0, "last": of_case[of_case.len() - 1].0, "leaf_hashes": hex::encode(sha256(&hashes)) });
    let (_, closed_at) = scribe.event("case.closed", ("job", "close_case"), ("recall", CASE), true, &[("detail", detail)]);
    scribe.other();

    let size = scribe.log.size();
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size, root: root(&scribe.log, size).unwrap() };
    let log = &scribe.log;
    let events = scribe
        .entries
        .iter()
        .map(|(index, leaf, parts)| Entry { index: *index, leaf: leaf.clone(), parts: parts.clone(), proof: inclusion(log, *index, size).unwrap() })
        .collect();
    let call = |id: &str, kind: &str, started: (&str, Instant), answered: (&str, Instant)| Call {
        id: id.to_owned(),
        kind: kind.to_owned(),
        message: Some("m1".to_owned()),
        attempt: 1,
        state: "answered".to_owned(),
        started_at: started.1,
        answered_at: Some(answered.1),
        result: Some("ok".to_owned()),
        code: Some("0".to_owned()),
        raw: Some(raw.clone().into_bytes()),
        started_event: started.0.to_owned(),
        answered_event: Some(answered.0.to_owned()),
    };
    Collected {
        number: "EVID-20261122-000123".to_owned(),
        issue: Issue {
            kind: "archive".to_owned(),
            made_at: closed_at,
            operator_kind: "job".to_owned(),
            operator_id: "seal_evidence".to_owned(),
            operator_name: String::new(),
            purpose: Some(hostile.to_owned()),
        },
        case: Case {
            id: CASE.to_owned(),
            number: "FR-20261122-0001".to_owned(),
            state: "recall_accepted".to_owned(),
            mode: "api".to_owned(),
            harm_class: "leak".to_owned(),
            requester: REQUESTER.to_owned(),
            broadcast: BROADCAST.to_owned(),
            broadcast_origin: "sent".to_owned(),
            platform: "wecom".to_owned(),
            channel: "app".to_owned(),
            sent_at: Some(sent_at.to_rfc3339()),
            sent_at_source: Some("request".to_owned()),
            submitted_at: submitted_at.to_rfc3339(),
            approved_at: None,
            finished_at: Some(finished_at.to_rfc3339()),
            closed_at: Some(closed_at.to_rfc3339()),
            cut_off: None,
            message_commitment: hex::encode(content_commitment),
            recipients: set,
            policy_id: "default".to_owned(),
            policy_version: 1,
            tally: Some(tally),
        },
        log: Log { note: checkpoint.sign(&key()).unwrap(), vkey: vkey(), mldsa: None, as_of: size },
        events,
        decisions,
        recipients: sorted
            .iter()
            .zip(1..)
            .map(|(id, n)| Recipient {
                platform_id: id.clone(),
                salt: salt16(n),
                message: Some("m1".to_owned()),
                delivery: "accepted".to_owned(),
                read_state: "unknown".to_owned(),
                read_at: None,
                read_source: "none".to_owned(),
                outcome: Some("accepted".to_owned()),
                outcome_at: Some(finished_at),
            })
            .collect(),
        calls: vec![
            call("c1", "send", (&sent_started, sent_at), (&sent_answered, answered_at)),
            call("c2", "recall", (&recall_started, recall_at), (&recall_answered, recalled_at)),
        ],
        messages: vec![Message {
            id: BROADCAST.to_owned(),
            content: Content::Open { salt: [9; 32], value: content },
            platform_ids: vec!["m1".to_owned()],
        }],
        attachments: vec![Attachment {
            id: "01935f12-0000-7000-8000-000000000001".to_owned(),
            kind: "screenshot".to_owned(),
            name: format!("../{hostile}.png"),
            media_type: "image/png".to_owned(),
            size: 3,
            sha256: sha256(b"png"),
            uploaded_by: REQUESTER.to_owned(),
            uploaded_at: submitted_at,
            confirmed_by: None,
            bytes: Ok(b"png".to_vec()),
        }],
        anchors: Vec::new(),
        renewals: Vec::new(),
        successions: Vec::new(),
        authorities: String::new(),
        revocation: None,
        environment: json!({ "product": "Countermand", "version": "0.1.0" }),
        zone: "Asia/Shanghai".to_owned(),
        organisation: "华辰集团".to_owned(),
    }
}

/// A commitment as leaves and statements write it.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
