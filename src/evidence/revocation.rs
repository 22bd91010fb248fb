//! Lists of revoked certificates in a bundle: of the signer's authorities in [`SIGNER_LISTS`], of the timestamp authorities' in [`TSA_LISTS`],
//! and, for tokens that came after sealing, in [`LATER_LISTS`], which no manifest lists, as none lists the tokens. Each is signed by its
//! authority. Not here: what a list says ([`crate::crypto::revocation`]), whether the bundle holds ([`super::verify`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{report::Limit, zip::Files};
use crate::{crypto::revocation::List, words};

pub const SIGNER_LISTS: &str = "trust/signer.crl.pem";
pub const TSA_LISTS: &str = "trust/tsa.crl.pem";
/// Lists for tokens over the bundle's signature and what renewed them.
pub const LATER_LISTS: &str = "signatures/tsa.crl.pem";

words! {
    /// Why it was not known whether a certificate was revoked.
    pub enum Why {
        /// No certificate says where its list lies, and none was imported.
        Unnamed = "unnamed",
        /// The list could not be had.
        Unreachable = "unreachable",
        /// What was had was no list of this authority for this time.
        Unusable = "unusable",
    }
}

/// What was known of the certificates of a chain when they were used, and the lists that say so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// `None`: that they were not revoked.
    pub unknown: Option<Why>,
    /// PEM.
    pub lists: String,
}

impl Known {
    /// `good`, or a word of [`Why`].
    pub const fn as_str(&self) -> &'static str {
        match self.unknown {
            None => GOOD,
            Some(why) => why.as_str(),
        }
    }
}

const GOOD: &str = "good";

/// What the report says: `good`, or a word of [`Why`]. Its presence tells a bundle by a version that looks at revocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Of the certificate that signed; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

/// What the report says among its limits, where it was not known.
pub(super) fn limit(why: Why) -> Limit {
    let (zh, en) = reason(why);
    Limit {
        zh: format!("签名时无法判断签名证书是否已被吊销：{zh}。"),
        en: format!("Whether the signer's certificate was revoked was not known when it signed: {en}."),
    }
}

/// The same of the certificate that signs by SM2.
pub(super) fn limit_sm2(why: Why) -> Limit {
    let (zh, en) = reason(why);
    Limit {
        zh: format!("签名时无法判断 SM2 签名证书是否已被吊销：{zh}。"),
        en: format!("Whether the certificate of the SM2 signature was revoked was not known when it signed: {en}."),
    }
}

const fn reason(why: Why) -> (&'static str, &'static str) {
    match why {
        Why::Unnamed => ("证书未载明吊销列表的位置，系统也未导入吊销列表", "it names no revocation list, and none was imported"),
        Why::Unreachable => ("未能取得吊销列表", "its revocation list could not be had"),
        Why::Unusable => ("取得的吊销列表不可用", "the revocation list that was had could not be used"),
    }
}

/// Each list once, in the order of their bytes; what cannot be read is left out.
pub(super) fn merged<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let lists = texts.into_iter().filter_map(|text| List::all(text).ok()).flatten();
    lists.map(|list| (list.der().to_vec(), list.pem())).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Adds `lists` for tokens that came after sealing, save those that the bundle has.
pub(super) fn add_later<'a>(files: &mut Files, lists: impl IntoIterator<Item = &'a str>) {
    let of = |path: &str| List::all(&String::from_utf8_lossy(files.get(path).map(Vec::as_slice).unwrap_or_default())).unwrap_or_default();
    let sealed: Vec<String> = of(TSA_LISTS).iter().map(List::pem).collect();
    let lists: String = lists.into_iter().map(ToOwned::to_owned).chain(of(LATER_LISTS).iter().map(List::pem)).collect();
    let all = List::all(&merged([lists.as_str()])).unwrap_or_default();
    let new: String = all.iter().map(List::pem).filter(|pem| !sealed.contains(pem)).collect();
    if !new.is_empty() {
        files.insert(LATER_LISTS.to_owned(), new.into_bytes());
    }
}

/// Where the guides speak of revocation.
const MARK: &str = "<!-- revocation -->\n";

/// The guide with the commands for the lists of the signer's authorities, or with the reason why there are none.
pub(super) fn guide_zh(guide: &str, known: &Known) -> String {
    let text = match known.unknown {
        Some(why) if known.lists.is_empty() => format!("**吊销状态无法判断**。{}\n", limit(why).zh),
        _ => include_str!("guide/REVOCATION.zh-CN.md").to_owned(),
    };
    guide.replace(MARK, &text)
}

/// The same in English.
pub(super) fn guide_en(guide: &str, known: &Known) -> String {
    let text = match known.unknown {
        Some(why) if known.lists.is_empty() => format!("**Revocation is unknown.** {}\n", limit(why).en),
        _ => include_str!("guide/REVOCATION.en.md").to_owned(),
    };
    guide.replace(MARK, &text)
}
