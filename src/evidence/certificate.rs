//! The signature by a certificate in a bundle, `signatures/tagmanifest-sha256.txt.p7s`, with its chain in `trust/`; and what a bundle says on
//! its face where it bears none. It is over the root manifest, as the log's own signature is. Not here: the signature itself
//! ([`crate::crypto::signature`]), whether it holds ([`super::verify`]), whose certificate it is (`app::evidence::signing`).

use super::{
    report::Limit,
    revocation::{self, Known},
};
use crate::{crypto::signature::Chain, words};

/// CMS, detached, CAdES-BES, DER.
pub const P7S: &str = "signatures/tagmanifest-sha256.txt.p7s";
pub const SIGNER: &str = "trust/signer.pem";
/// From the signer's certificate to the root.
pub const SIGNER_CHAIN: &str = "trust/signer-chain.pem";
/// Only a convenience: a root counts when it is known from elsewhere.
pub const SIGNER_ROOT: &str = "trust/signer-root.pem";
/// The three files in `trust/`.
pub const TRUST: [&str; 3] = [SIGNER, SIGNER_CHAIN, SIGNER_ROOT];
/// The line of `bag-info.txt` that names the signature, or says that there is none.
pub const INFO: &str = "Certificate-Signature";

words! {
    /// Why a bundle bears no signature by a certificate.
    pub enum Uncertified {
        /// The installation has no certificate.
        Never = "no_certificate",
        /// It has one, but its key is not where the bundle was made.
        Missing = "key_missing",
        /// Its key lies in a module, which did not sign.
        Module = "key_unreachable",
        /// The certificate had run out.
        Ended = "certificate_ended",
        /// Its authority had taken it back.
        Revoked = "certificate_revoked",
    }
}

impl Uncertified {
    const fn zh(self) -> &'static str {
        match self {
            Self::Never => "出具时系统未导入签名证书",
            Self::Missing => "出具时系统缺少签名证书对应的私钥",
            Self::Module => "出具时系统未能使用存放在密码模块中的签名私钥",
            Self::Ended => "出具时签名证书已到期",
            Self::Revoked => "出具时签名证书已被签发机构吊销",
        }
    }

    const fn en(self) -> &'static str {
        match self {
            Self::Never => "the system that made it had no certificate",
            Self::Missing => "the system that made it did not have the key of its certificate",
            Self::Module => "the system that made it could not use the key of its certificate, which lies in a module",
            Self::Ended => "the certificate of the system that made it had run out",
            Self::Revoked => "the certificate of the system that made it had been revoked by its authority",
        }
    }

    /// What the report says among its limits.
    pub fn limit(self) -> Limit {
        Limit {
            zh: format!("本材料包没有基于数字证书的签名（{}）：日志自身的签名不说明签名者的身份。", self.zh()),
            en: format!("This bundle bears no certificate-based signature ({}): the log's own signature does not tell who signed.", self.en()),
        }
    }
}

/// Certificates for `trust/`.
pub(super) fn files(chain: &Chain) -> [(String, Vec<u8>); 3] {
    [(SIGNER, chain.signer_pem()), (SIGNER_CHAIN, chain.pem()), (SIGNER_ROOT, chain.root_pem())]
        .map(|(path, pem)| (path.to_owned(), pem.into_bytes()))
}

/// Where the guides speak of the signature.
const MARK: &str = "<!-- certificate -->\n";

/// The guide with the commands for the signature, or with the reason why there is none.
pub(super) fn guide_zh(guide: &str, signed: Result<&Known, Uncertified>) -> String {
    let none = |why: Uncertified| format!("**本材料包没有基于数字证书的签名**：{}。以下仅核对日志自身的签名，它不说明签名者的身份。\n", why.zh());
    guide.replace(MARK, &signed.map_or_else(none, |known| revocation::guide_zh(include_str!("guide/CERTIFICATE.zh-CN.md"), known)))
}

/// The same in English.
pub(super) fn guide_en(guide: &str, signed: Result<&Known, Uncertified>) -> String {
    let none = |why: Uncertified| {
        format!(
            "**This bundle bears no certificate-based signature**: {}. What follows checks the log's own signature, which does not tell who signed.\n",
            why.en()
        )
    };
    guide.replace(MARK, &signed.map_or_else(none, |known| revocation::guide_en(include_str!("guide/CERTIFICATE.en.md"), known)))
}
