//! The profile "gm" (国密): beside everything that other bundles have, the payload's files by SM3 in [`SM3_MANIFEST`] and a raw signature by SM2
//! over the root manifest in [`SM2_SIGNATURE`], with its certificates in `trust/`. Nothing of SM2 goes into CMS, whose judgement depends on
//! the version of OpenSSL, and the list by SM3 is no `manifest-sm3.txt`, which tools for bags pass over in silence. A bundle is of the profile
//! if it bears the signature; one that should and could not says so and why.
//!
//! Not here: the signature itself ([`crate::crypto::sm2`]), whether it holds ([`super::verify`]), whose certificate it is
//! (`app::evidence::signing`).

use serde::{Deserialize, Serialize};

use super::{
    certificate::Uncertified,
    report::Limit,
    revocation::{self, Known},
    zip::Files,
};
use crate::crypto::{
    signature::{Certified, Chain, NoSignature, Signer, chain},
    sm2,
};

/// Raw, DER, over the root manifest; no manifest lists it.
pub const SM2_SIGNATURE: &str = "signatures/tagmanifest-sha256.txt.sm2.sig";
/// In the order and form of `manifest-sha256.txt`; the root manifest lists it.
pub const SM3_MANIFEST: &str = "signatures/payload.sm3";
pub const SM2_SIGNER: &str = "trust/sm2-signer.pem";
/// From the signer's certificate to the root.
pub const SM2_CHAIN: &str = "trust/sm2-signer-chain.pem";
/// Only a convenience: a root counts when it is known from elsewhere.
pub const SM2_ROOT: &str = "trust/sm2-root.pem";
/// Lists of revoked certificates of the signer's authorities, where there are any.
pub const SM2_LISTS: &str = "trust/sm2-signer.crl.pem";
/// The signer's certificate, the chain, the root.
pub const TRUST: [&str; 3] = [SM2_SIGNER, SM2_CHAIN, SM2_ROOT];
/// What the root manifest may list of it.
pub const LISTED: [&str; 5] = [SM3_MANIFEST, SM2_SIGNER, SM2_CHAIN, SM2_ROOT, SM2_LISTS];

/// Who signs by SM2 and what is known of the certificate's revocation, or why nobody does; `None` of a bundle that is not to be of the profile.
pub type Sm2<'a> = Option<Result<(&'a Certified, &'a Known), Uncertified>>;

/// What the report says of the profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The certificate that signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<chain::Facts>,
    /// Why none did: a word of `certificate::Uncertified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<String>,
    /// What was known of its revocation: `good`, or a word of `revocation::Why`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<String>,
}

impl Facts {
    pub(super) fn of(sm2: Sm2<'_>) -> Option<Self> {
        Some(match sm2? {
            Ok((by, known)) => Self { signer: Some(by.chain.facts()), unsigned: None, revocation: Some(known.as_str().to_owned()) },
            Err(why) => Self { signer: None, unsigned: Some(why.as_str().to_owned()), revocation: None },
        })
    }
}

/// What `bag-info.txt` tells of it, each label with its value; nothing outside the profile.
pub(super) fn told(gm: Option<&Facts>) -> [(&'static str, String); 2] {
    let (profile, signature) = match gm {
        None => ("", String::new()),
        Some(Facts { signer: Some(_), .. }) => ("gm (SM2, SM3)", SM2_SIGNATURE.to_owned()),
        Some(facts) => ("standard (gm was asked for)", format!("none ({})", facts.unsigned.as_deref().unwrap_or_default())),
    };
    [("Crypto-Profile", profile.to_owned()), ("SM2-Signature", signature)]
}

/// The lines of `bag-info.txt`.
pub(super) fn info(sm2: Sm2<'_>) -> String {
    let told = told(Facts::of(sm2).as_ref()).into_iter().filter(|(_, value)| !value.is_empty());
    told.map(|(label, value)| format!("{label}: {value}\n")).collect()
}

/// Why there is no signature, in words of its own: the other signature may be there.
const fn zh(why: Uncertified) -> &'static str {
    match why {
        Uncertified::Never => "出具时系统未导入 SM2 签名证书",
        Uncertified::Missing => "出具时系统缺少 SM2 签名证书对应的私钥",
        Uncertified::Module => "出具时系统未能使用 SM2 签名证书的私钥",
        Uncertified::Ended => "出具时 SM2 签名证书已到期",
        Uncertified::Revoked => "出具时 SM2 签名证书已被签发机构吊销",
    }
}

/// The same in English.
const fn en(why: Uncertified) -> &'static str {
    match why {
        Uncertified::Never => "the system that made it had no SM2 certificate",
        Uncertified::Missing => "the system that made it did not have the key of its SM2 certificate",
        Uncertified::Module => "the system that made it could not use the key of its SM2 certificate",
        Uncertified::Ended => "the SM2 certificate of the system that made it had run out",
        Uncertified::Revoked => "the SM2 certificate of the system that made it had been revoked by its authority",
    }
}

/// What the report says among its limits.
pub(super) fn limits(sm2: Sm2<'_>) -> Vec<Limit> {
    let software = || {
        Limit {
        zh: "SM2 签名私钥以文件形式保存在服务器上，签名由软件完成，未使用经检测认证的密码产品；本签名不能代替商用密码应用安全性评估所要求的合规密码产品。"
            .to_owned(),
        en: "The private key of the SM2 signature lies in a file on the server and signs in software, without a certified cryptographic product; the signature does not stand in for one \
             where an assessment of commercial cryptography asks for it."
            .to_owned(),
    }
    };
    match sm2 {
        None => Vec::new(),
        Some(Ok((_, known))) => std::iter::once(software()).chain(known.unknown.map(revocation::limit_sm2)).collect(),
        Some(Err(why)) => vec![Limit {
            zh: format!("系统设置要求采用国密算法，但本材料包没有 SM2 签名（{}）。", zh(why)),
            en: format!("The settings of the system ask for the national algorithms, but this bundle bears no SM2 signature ({}).", en(why)),
        }],
    }
}

/// The file [`SM3_MANIFEST`] over the files below `data/`.
pub(super) fn manifest(payload: &Files) -> Vec<u8> {
    payload.iter().map(|(path, bytes)| format!("{}  {path}\n", hex::encode(sm2::sm3(bytes)))).collect::<String>().into_bytes()
}

/// Certificates and lists for `trust/`.
pub(super) fn trust(chain: &Chain, known: &Known) -> Files {
    let certificates = [(SM2_SIGNER, chain.signer_pem()), (SM2_CHAIN, chain.pem()), (SM2_ROOT, chain.root_pem())];
    let lists = (!known.lists.is_empty()).then(|| (SM2_LISTS, revocation::merged([known.lists.as_str()])));
    certificates.into_iter().chain(lists).map(|(path, pem)| (path.to_owned(), pem.into_bytes())).collect()
}

/// The signature over the root manifest.
///
/// # Errors
/// [`NoSignature`].
pub(super) fn sign(root: &str, by: &Certified) -> Result<Vec<u8>, NoSignature> {
    by.key.sign(root.as_bytes())
}

/// Where the guides speak of it; others lose the line.
const MARK: &str = "<!-- sm2 -->\n";

/// The guide with the commands for SM3 and SM2, or the reason why there is no signature.
pub(super) fn guide_zh(guide: &str, sm2: Sm2<'_>) -> String {
    let reason = |why: Uncertified| format!("**本材料包没有 SM2 签名**：{}。\n", zh(why));
    section(guide, sm2, include_str!("guide/SM3.zh-CN.md"), include_str!("guide/SM2.zh-CN.md"), reason)
}

/// The same in English.
pub(super) fn guide_en(guide: &str, sm2: Sm2<'_>) -> String {
    let reason = |why: Uncertified| format!("**This bundle bears no SM2 signature**: {}.\n", en(why));
    section(guide, sm2, include_str!("guide/SM3.en.md"), include_str!("guide/SM2.en.md"), reason)
}

fn section(guide: &str, sm2: Sm2<'_>, hashes: &str, signature: &str, reason: impl FnOnce(Uncertified) -> String) -> String {
    let text = match sm2 {
        None => String::new(),
        Some(Ok(_)) => format!("{hashes}\n{signature}\n"),
        Some(Err(why)) => format!("{hashes}\n{}\n", reason(why)),
    };
    guide.replace(MARK, &text)
}
