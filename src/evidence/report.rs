//! `evidence.json`: the machine form of the report. Verification reads the case, the decisions and the log's facts from here; everything
//! that counts is bound to the log by commitments, this file only says where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    collected::{Case, Decision, Issue},
    gm, revocation,
};
use crate::crypto::signature;

/// The version of the layout that this program writes and reads.
pub const FORMAT: u64 = 1;

/// Files in which two exports of one case at one size of the log may differ.
/// Stamped checkpoints (`data/proofs/anchors/`) are added by name, since later exports have later ones; so are the numbered tokens over
/// the signature where there are several authorities.
pub const VARIES: [&str; 26] = [
    "bag-info.txt",
    "data/custody/custody.csv",
    "data/environment.json",
    "data/evidence.json",
    "data/proofs/checkpoint.note",
    "data/proofs/consistency.jsonl",
    "data/proofs/succession.jsonl",
    "data/report.en.html",
    "data/report.html",
    "manifest-sha256.txt",
    "manifest-sha512.txt",
    "signatures/tagmanifest-sha256.txt.ed25519.sig",
    "signatures/tagmanifest-sha256.txt.ed25519.sig.tsq",
    "signatures/tagmanifest-sha256.txt.ed25519.sig.tsr",
    "signatures/tagmanifest-sha256.txt.p7s",
    "signatures/tagmanifest-sha256.txt.p7s.tsq",
    "signatures/tagmanifest-sha256.txt.p7s.tsr",
    "signatures/tsa.crl.pem",
    "tagmanifest-sha256.txt",
    "trust/signer-chain.pem",
    "trust/signer-root.pem",
    "trust/signer.crl.pem",
    "trust/signer.pem",
    "trust/tsa-chain.pem",
    "trust/tsa-root.pem",
    "trust/tsa.crl.pem",
];

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub format: u64,
    pub number: String,
    pub issue: Issue,
    pub organisation: String,
    pub case: Case,
    pub log: LogFacts,
    pub decisions: Vec<Decision>,
    pub events: Vec<EventFacts>,
    pub messages: Vec<MessageFacts>,
    pub attachments: Vec<AttachmentFacts>,
    /// File under `platform/` -> id of the call.
    pub calls: BTreeMap<String, String>,
    /// Checkpoints that were stamped; absent in a bundle without any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anchors: Vec<AnchorFacts>,
    /// The certificate that signed the bundle; absent in one without, and in bundles of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<signature::chain::Facts>,
    /// Why none did: a word of `certificate::Uncertified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
    /// What was known of revocation; absent in bundles of older versions, and in those without certificate and timestamp authority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<revocation::Facts>,
    /// What the profile "gm" adds; absent in other bundles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gm: Option<gm::Facts>,
    /// What is not shown, and why.
    pub withheld: Vec<Withheld>,
    pub files: Vec<FileFacts>,
    /// What this bundle does not prove.
    pub limits: Vec<Limit>,
    pub zone: String,
    pub varies: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFacts {
    pub origin: String,
    /// Of the checkpoint.
    pub size: u64,
    pub root: String,
    pub vkey: String,
    /// Verifier key of the second signature, ML-DSA-44; bundles of older versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mldsa: Option<String>,
    pub as_of: u64,
}

/// One line of the summary of facts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventFacts {
    pub index: u64,
    pub at: String,
    pub action: String,
    pub outcome: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageFacts {
    pub id: String,
    pub file: String,
    pub platform_ids: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AttachmentFacts {
    pub id: String,
    pub kind: String,
    pub name: String,
    pub media_type: String,
    pub size: u64,
    pub sha256: String,
    pub uploaded_by: String,
    pub uploaded_at: String,
    pub confirmed_by: Option<String>,
    /// Below `data/`; absent where it is withheld.
    pub file: Option<String>,
}

/// A stamped checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnchorFacts {
    /// Below `data/`.
    pub file: String,
    /// Of the log.
    pub size: u64,
    pub tokens: Vec<TokenFacts>,
}

/// A token over a stamped checkpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenFacts {
    /// Below `data/`; the question lies beside it.
    pub file: String,
    /// Name of the authority in the settings.
    pub authority: String,
    pub at: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Withheld {
    pub what: String,
    pub reason: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileFacts {
    /// Below `data/`.
    pub path: String,
    pub bytes: u64,
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    pub zh: String,
    pub en: String,
}

/// The limits, the same in every bundle (reference: report chapter H).
pub fn limits() -> Vec<Limit> {
    [
        (
            "日志证明记录自写入之后未被改动，不证明写入之前的内容真实。",
            "The log proves that a record is unchanged since it was written, not that it was true before.",
        ),
        (
            "账号、地址与设备特征指向使用该账号的人，本身不能证明其身份。",
            "Account, address and device traits point to whoever used the account; they do not prove identity by themselves.",
        ),
        ("“平台受理”不等于送达，“未知”不等于未读。", "“Accepted by the platform” is not delivery, and “unknown” is not unread."),
        ("平台撤回不等于要约的撤回或者撤销。", "A recall on a platform is neither the withdrawal nor the revocation of an offer."),
        ("截图、转发件与本地缓存不在撤回范围之内。", "Screenshots, forwarded copies and local caches are out of a recall's reach."),
    ]
    .map(|(zh, en)| Limit { zh: zh.to_owned(), en: en.to_owned() })
    .to_vec()
}

impl Report {
    /// As written: indented JSON with a final newline.
    pub fn to_bytes(&self) -> Vec<u8> {
        pretty(&serde_json::to_value(self).expect("strings, numbers and lists have a JSON form"))
    }
}

/// Indented JSON with keys in order and a final newline.
pub fn pretty(value: &Value) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("a JSON value can be written");
    bytes.push(b'\n');
    bytes
}
