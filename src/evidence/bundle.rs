//! Making a bundle: the files of a BagIt 1.0 bag (RFC 8493) and the ZIP around them. The same input gives the same bytes.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::{
    certificate::{self, P7S, Uncertified},
    collected::{Collected, Content},
    columns,
    gm::{self, SM2_SIGNATURE, SM3_MANIFEST, Sm2},
    printed,
    report::{self, AttachmentFacts, EventFacts, FORMAT, FileFacts, LogFacts, MessageFacts, Report, VARIES, Withheld},
    revocation::{self, Known, SIGNER_LISTS, TSA_LISTS, Why},
    signed, succession,
    tables::{self, Event},
    timestamps::{self, CHAIN, RENEWED_ANCHORS, RENEWED_SIGNATURE, ROOTS, Token},
    zip::{self, Files, ZipError},
};
use crate::{
    crypto::{
        sha256,
        signature::{Certified, NoSignature, cms},
        timestamp::Roots,
    },
    i18n::Lang,
    ledger::{
        checkpoint::{self, NoteError},
        commitment,
        tree::leaf_hash,
    },
};

/// Why a bundle was not made. A bundle that would not verify is never written.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("the bytes of event {0} are no leaf")]
    Leaf(u64),
    #[error("part {name} of event {index} does not open its commitment")]
    Part { index: u64, name: String },
    #[error("the key that signs is not the log's")]
    Key,
    #[error(transparent)]
    Certificate(#[from] NoSignature),
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] NoteError),
    #[error(transparent)]
    Zip(#[from] ZipError),
}

/// A finished bundle.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub number: String,
    /// Every file below the folder.
    pub files: Files,
    /// The ZIP.
    pub bytes: Vec<u8>,
    pub sha256: [u8; 32],
    /// Why it bears no signature by a certificate, if it bears none.
    pub uncertified: Option<Uncertified>,
    /// Why it bears no signature by SM2, if it should and bears none.
    pub uncertified_sm2: Option<Uncertified>,
}

impl Bundle {
    /// What a timestamp is over: the signature by certificate, or else the log's.
    pub fn signature(&self) -> &[u8] {
        self.files.get(timestamps::stamped_in(&self.files)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The same bundle with tokens over its signature: none of its files changes.
    ///
    /// # Errors
    /// [`BundleError::Zip`].
    pub fn with(mut self, tokens: &[Token]) -> Result<Self, BundleError> {
        timestamps::add(&mut self.files, tokens, &[]);
        self.bytes = zip::write(&self.number, &self.files)?;
        self.sha256 = sha256(&self.bytes);
        Ok(self)
    }

    /// What goes beside the ZIP, for `sha256sum -c`; `name` is the ZIP's file name.
    pub fn checksum_line(&self, name: &str) -> String {
        format!("{}  {name}\n", hex::encode(self.sha256))
    }
}

const VERIFY_ZH: &str = include_str!("guide/VERIFY.zh-CN.md");
const VERIFY_EN: &str = include_str!("guide/VERIFY.en.md");
const VERIFY_PY: &str = concat!(include_str!("guide/common.py"), include_str!("guide/case.py"));

/// The root manifest: lists the others, and nothing lists it.
pub const ROOT_MANIFEST: &str = "tagmanifest-sha256.txt";
/// The log's key over the root manifest, raw: binds every file of the bag, the ones that no event commits to as well.
pub const SIGNATURE: &str = "signatures/tagmanifest-sha256.txt.ed25519.sig";

/// [`build_certified`] without a certificate.
pub fn build(c: &Collected, key: &SigningKey) -> Result<Bundle, BundleError> {
    build_certified(c, key, Err(Uncertified::Never))
}

/// [`build_with`] outside the profile "gm".
pub fn build_certified(c: &Collected, key: &SigningKey, evidence: Result<&Certified, Uncertified>) -> Result<Bundle, BundleError> {
    build_with(c, key, evidence, None)
}

/// Builds the bundle of `c`, signed by the log's own `key` and by the key of a certificate, or saying why not; in the profile "gm" by SM2 as well. What is signed is a list of hashes and
/// paths, which can never be taken for a checkpoint: that begins with the log's origin.
pub fn build_with(c: &Collected, key: &SigningKey, evidence: Result<&Certified, Uncertified>, sm2: Sm2<'_>) -> Result<Bundle, BundleError> {
    if key.verifying_key() != *c.log.vkey.key() {
        return Err(BundleError::Key);
    }
    let checkpoint = checkpoint::open(&c.log.note, &c.log.vkey)?;
    let signature = checkpoint::raw_signature(&c.log.note, &c.log.vkey)?;
    let mut data = Files::new();
    let mut withheld = Vec::new();

    let mut events = Vec::with_capacity(c.events.len());
    let (mut lines, mut parts, mut inclusion) = (Vec::new(), String::new(), String::new());
    for entry in &c.events {
        let event = Event::read(entry).ok_or(BundleError::Leaf(entry.index))?;
        lines.extend(&entry.leaf);
        lines.push(b'\n');
        let siblings: Vec<_> = entry.proof.iter().map(hex::encode).collect();
        inclusion.push_str(&json!({ "index": entry.index, "leaf_hash": hex::encode(leaf_hash(&entry.leaf)), "proof": siblings }).to_string());
        inclusion.push('\n');
        for part in &entry.parts {
            let mut line = json!({ "index": entry.index, "event": event.leaf.id, "name": part.name });
            match &part.content {
                Content::Open { salt, value } => {
                    if event.leaf.parts.get(&part.name) != Some(&commitment::commit(salt, value)) {
                        return Err(BundleError::Part { index: entry.index, name: part.name.clone() });
                    }
                    opening(&mut line, salt, value);
                }
                Content::Withheld(reason) => {
                    line["withheld"] = json!(reason);
                    withheld.push(Withheld { what: format!("event {} part {}", entry.index, part.name), reason: reason.clone() });
                }
            }
            parts.push_str(&line.to_string());
            parts.push('\n');
        }
        events.push(event);
    }
    data.insert("events.jsonl".to_owned(), lines);
    data.insert("parts.jsonl".to_owned(), parts.into_bytes());
    data.insert("proofs/inclusion.jsonl".to_owned(), inclusion.into_bytes());
    data.insert("proofs/checkpoint.note".to_owned(), c.log.note.clone().into_bytes());
    data.insert("proofs/checkpoint.txt".to_owned(), checkpoint.text().into_bytes());
    data.insert("proofs/checkpoint.txt.ed25519.sig".to_owned(), signature.to_vec());

    let anchors = timestamps::anchors(&c.anchors, checkpoint.size, &mut data);
    timestamps::add_renewals(&mut data, RENEWED_ANCHORS, &c.renewals, false);
    if !c.successions.is_empty() {
        data.insert(succession::SEALED.to_owned(), succession::text(&c.successions).into_bytes());
    }
    let (raw, calls) = platform(c, &mut data);
    let messages = messages(c, &mut data, &mut withheld);
    let attachments = attachments(c, &mut data, &mut withheld);
    for decision in &c.decisions {
        data.extend(signed::files(decision));
    }
    let approvals = columns::approvals(&c.decisions, tables::is_first(&events));
    let tables = [
        ("events.csv", "事件", columns::EVENTS, tables::events(&events, &c.zone)),
        ("approvals.csv", "审批", approvals, tables::approvals(&c.decisions, &events, &c.zone)),
        ("recipients.csv", "接收人与撤回结果", columns::RECIPIENTS, tables::recipients(&c.recipients, &events)),
        ("deliveries.csv", "平台调用", columns::DELIVERIES, tables::deliveries(&c.calls, &raw, &events)),
    ];
    let dictionary = columns::datapackage(&tables.each_ref().map(|(path, title, columns, text)| (*path, *title, *columns, text.as_bytes())));
    data.insert("datapackage.json".to_owned(), report::pretty(&dictionary));
    for (path, _, _, text) in tables {
        data.insert(path.to_owned(), text.into_bytes());
    }
    data.insert("custody/custody.csv".to_owned(), tables::custody(&c.issue).into_bytes());
    data.insert("environment.json".to_owned(), report::pretty(&c.environment));
    // As older versions made it: nothing is known of revocation, and nothing is said.
    let unsaid = Known { unknown: Some(Why::Unnamed), lists: String::new() };
    let known = c.revocation.as_ref().and_then(|revocation| revocation.signer.as_ref()).unwrap_or(&unsaid);
    let said = evidence.map(|_| known);
    data.insert("VERIFY.zh-CN.md".to_owned(), gm::guide_zh(&certificate::guide_zh(VERIFY_ZH, said), sm2).into_bytes());
    data.insert("VERIFY.en.md".to_owned(), gm::guide_en(&certificate::guide_en(VERIFY_EN, said), sm2).into_bytes());
    data.insert("tools/verify.py".to_owned(), VERIFY_PY.as_bytes().to_vec());

    let unknown = c.revocation.as_ref().and(known.unknown).filter(|_| evidence.is_ok()).map(revocation::limit);
    let mut report = Report {
        format: FORMAT,
        number: c.number.clone(),
        issue: c.issue.clone(),
        organisation: c.organisation.clone(),
        case: c.case.clone(),
        log: LogFacts {
            origin: checkpoint.origin.clone(),
            size: checkpoint.size,
            root: hex::encode(checkpoint.root),
            vkey: c.log.vkey.to_string(),
            mldsa: c.log.mldsa.as_ref().map(ToString::to_string),
            as_of: c.log.as_of,
        },
        decisions: c.decisions.clone(),
        events: events
            .iter()
            .map(|e| EventFacts { index: e.index, at: e.leaf.at.to_rfc3339(), action: e.leaf.action.clone(), outcome: e.leaf.outcome.clone() })
            .collect(),
        messages,
        attachments,
        calls,
        withheld,
        varies: varies(c, &data, evidence.is_ok(), sm2.is_some()),
        anchors,
        signer: evidence.ok().map(|certified| certified.chain.facts()),
        unsigned: evidence.err().map(|why| why.as_str().to_owned()),
        revocation: c.revocation.as_ref().map(|_| revocation::Facts { signer: evidence.ok().map(|_| known.as_str().to_owned()) }),
        gm: gm::Facts::of(sm2),
        files: Vec::new(),
        limits: report::limits().into_iter().chain(evidence.err().map(Uncertified::limit)).chain(unknown).chain(gm::limits(sm2)).collect(),
        zone: c.zone.clone(),
    };
    let listed = facts(&data);
    let recipients = printed::Counts::of(&c.recipients, printed::ordered(&report, &events));
    let material = printed::Material {
        report: &report,
        events: &events,
        recipients: &recipients,
        calls: c.calls.len(),
        environment: &c.environment,
        files: &listed,
    };
    data.extend(Lang::ALL.map(|lang| printed::report(&material, lang)).map(|(name, text)| (name.to_owned(), text.into_bytes())));
    report.files = facts(&data);
    data.insert("evidence.json".to_owned(), report.to_bytes());

    let files = bag(c, data, key, evidence, sm2)?;
    let bytes = zip::write(&c.number, &files)?;
    let uncertified_sm2 = sm2.and_then(Result::err);
    Ok(Bundle { number: c.number.clone(), sha256: sha256(&bytes), files, bytes, uncertified: evidence.err(), uncertified_sm2 })
}

fn facts(data: &Files) -> Vec<FileFacts> {
    let of = |(path, bytes): (&String, &Vec<u8>)| FileFacts { path: path.clone(), bytes: bytes.len() as u64, sha256: hex::encode(sha256(bytes)) };
    data.iter().map(of).collect()
}

/// Writes salt and value of an opened commitment into `line` (formats.md, "Bundle").
fn opening(line: &mut Value, salt: &[u8; 32], value: &[u8]) {
    line["salt"] = json!(hex::encode(salt));
    match std::str::from_utf8(value) {
        Ok(text) => line["value"] = json!(text),
        Err(_) => {
            use base64::{Engine, engine::general_purpose::STANDARD};
            line["value"] = json!(STANDARD.encode(value));
            line["encoding"] = json!("base64");
        }
    }
}

/// Files in which another export may differ: those that always do, the signature by certificate and what belongs to it, the stamped checkpoints of this one and what renewed them, a token over
/// the signature by each authority of the settings, and the folder of what renewed that.
fn varies(c: &Collected, data: &Files, certified: bool, gm: bool) -> Vec<String> {
    let stamped = if certified { P7S } else { SIGNATURE };
    let authorities = c.environment["settings"]["timestamp_authorities"].as_array().map_or(0, Vec::len);
    let numbered = (1..authorities).flat_map(|n| <[String; 2]>::from(timestamps::names(stamped, n)));
    let stamped = data.keys().filter(|p| p.starts_with("proofs/anchors/") || p.starts_with(RENEWED_ANCHORS)).map(|p| format!("data/{p}"));
    let renewed = (authorities > 0).then(|| RENEWED_SIGNATURE.to_owned());
    let national = gm::LISTED.into_iter().chain([SM2_SIGNATURE]).filter(|_| gm).map(ToOwned::to_owned);
    VARIES.map(ToOwned::to_owned).into_iter().chain(numbered).chain(stamped).chain(renewed).chain(national).collect()
}

/// Path and SHA-256 of each call's file; file -> call id.
type Raw = (BTreeMap<String, (String, String)>, BTreeMap<String, String>);

fn platform(c: &Collected, data: &mut Files) -> Raw {
    let (mut raw, mut calls) = (BTreeMap::new(), BTreeMap::new());
    for (call, n) in c.calls.iter().filter(|call| call.raw.is_some()).zip(1u32..) {
        let path = format!("platform/raw-{n:06}.json");
        let bytes = call.raw.clone().unwrap_or_default();
        raw.insert(call.id.clone(), (path.clone(), hex::encode(sha256(&bytes))));
        calls.insert(path.clone(), call.id.clone());
        data.insert(path, bytes);
    }
    (raw, calls)
}

fn messages(c: &Collected, data: &mut Files, withheld: &mut Vec<Withheld>) -> Vec<MessageFacts> {
    c.messages
        .iter()
        .map(|m| {
            let mut line = json!({ "message": m.id, "platform_ids": m.platform_ids, "commitment": c.case.message_commitment });
            match &m.content {
                Content::Open { salt, value } => opening(&mut line, salt, value),
                Content::Withheld(reason) => {
                    line["withheld"] = json!(reason);
                    withheld.push(Withheld { what: format!("message {}", m.id), reason: reason.clone() });
                }
            }
            let file = format!("messages/{}.json", m.id);
            data.insert(file.clone(), report::pretty(&line));
            MessageFacts { id: m.id.clone(), file, platform_ids: m.platform_ids.clone() }
        })
        .collect()
}

fn attachments(c: &Collected, data: &mut Files, withheld: &mut Vec<Withheld>) -> Vec<AttachmentFacts> {
    c.attachments
        .iter()
        .map(|a| {
            let file = match &a.bytes {
                Ok(bytes) => {
                    // The original name may be anything; it stands in the report, never in a path.
                    let file = format!("messages/attachments/{}.bin", a.id);
                    data.insert(file.clone(), bytes.clone());
                    Some(file)
                }
                Err(reason) => {
                    withheld.push(Withheld { what: format!("attachment {}", a.id), reason: reason.clone() });
                    None
                }
            };
            AttachmentFacts {
                id: a.id.clone(),
                kind: a.kind.clone(),
                name: a.name.clone(),
                media_type: a.media_type.clone(),
                size: a.size,
                sha256: hex::encode(a.sha256),
                uploaded_by: a.uploaded_by.clone(),
                uploaded_at: a.uploaded_at.to_rfc3339(),
                confirmed_by: a.confirmed_by.clone(),
                file,
            }
        })
        .collect()
}

/// Puts the payload under `data/` and the bag's own files around it.
fn bag(c: &Collected, data: Files, key: &SigningKey, evidence: Result<&Certified, Uncertified>, sm2: Sm2<'_>) -> Result<Files, BundleError> {
    let octets: usize = data.values().map(Vec::len).sum();
    let info = format!(
        "Source-Organization: {}\nExternal-Identifier: {}\nBagging-Date: {}\nPayload-Oxum: {octets}.{}\nBag-Software-Agent: Countermand {}\nInternal-Sender-Description: {}\n{}: {}\n{}",
        one_line(&c.organisation),
        c.number,
        &c.issue.made_at.to_rfc3339()[..10],
        data.len(),
        env!("CARGO_PKG_VERSION"),
        one_line(&c.case.number),
        certificate::INFO,
        evidence.err().map_or_else(|| P7S.to_owned(), |why| format!("none ({})", why.as_str())),
        gm::info(sm2),
    );
    let mut files: Files = data.into_iter().map(|(path, bytes)| (format!("data/{path}"), bytes)).collect();
    let manifest =
        |digest: fn(&[u8]) -> String, files: &Files| files.iter().map(|(path, bytes)| format!("{}  {path}\n", digest(bytes))).collect::<String>();
    let sha256_hex = |bytes: &[u8]| hex::encode(sha256(bytes));
    let payload256 = manifest(sha256_hex, &files);
    let payload512 = manifest(|bytes| hex::encode(Sha512::digest(bytes)), &files);
    let mut tags = Files::from([
        ("bagit.txt".to_owned(), b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n".to_vec()),
        ("bag-info.txt".to_owned(), info.into_bytes()),
        ("manifest-sha256.txt".to_owned(), payload256.into_bytes()),
        ("manifest-sha512.txt".to_owned(), payload512.into_bytes()),
        ("trust/log-ed25519.pub.pem".to_owned(), c.log.vkey.to_pem().into_bytes()),
    ]);
    let tokens = c.anchors.iter().flat_map(|a| &a.tokens).chain(c.renewals.iter().map(|r| &r.token));
    let mut chains: Vec<&str> = tokens.map(|t| t.chain.as_str()).collect();
    chains.sort_unstable();
    chains.dedup();
    let chain = chains.concat();
    // Roots that the settings name now, and those of the days when the checkpoints were stamped.
    let mut roots = Roots::from_pem(&c.authorities).unwrap_or_default();
    roots.extend(&Roots::from_pem(&chain).unwrap_or_default());
    for (path, pem) in [(ROOTS, roots.to_pem()), (CHAIN, chain)] {
        if !pem.is_empty() {
            tags.insert(path.to_owned(), pem.into_bytes());
        }
    }
    let lists = revocation::merged(c.anchors.iter().flat_map(|a| &a.tokens).chain(c.renewals.iter().map(|r| &r.token)).map(|t| t.lists.as_str()));
    if !lists.is_empty() {
        tags.insert(TSA_LISTS.to_owned(), lists.into_bytes());
    }
    if let Ok(certified) = evidence {
        tags.extend(certificate::files(&certified.chain));
        let known = c.revocation.as_ref().and_then(|revocation| revocation.signer.as_ref());
        if let Some(known) = known.filter(|known| !known.lists.is_empty()) {
            tags.insert(SIGNER_LISTS.to_owned(), revocation::merged([known.lists.as_str()]).into_bytes());
        }
    }
    if sm2.is_some() {
        tags.insert(SM3_MANIFEST.to_owned(), gm::manifest(&files));
    }
    if let Some(Ok((certified, known))) = sm2 {
        tags.extend(gm::trust(&certified.chain, known));
    }
    let root = manifest(sha256_hex, &tags);
    if let Some(Ok((certified, _))) = sm2 {
        files.insert(SM2_SIGNATURE.to_owned(), gm::sign(&root, certified)?);
    }
    if let Ok(certified) = evidence {
        let signature = cms::sign(root.as_bytes(), c.issue.made_at, &certified.chain, &certified.key)?;
        tags.insert(P7S.to_owned(), signature);
    }
    tags.insert(SIGNATURE.to_owned(), key.sign(root.as_bytes()).to_bytes().to_vec());
    tags.insert(ROOT_MANIFEST.to_owned(), root.into_bytes());
    files.extend(tags);
    Ok(files)
}

/// BagIt's values are one line each.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
