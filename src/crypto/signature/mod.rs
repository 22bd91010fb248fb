//! Signatures by a certificate, as courts know them: CMS, detached, CAdES-BES (RFC 5652, ETSI EN 319 122-1), made and checked.
//!
//! | module | what it does |
//! |---|---|
//! | [`key`] | who signs: a key in a file |
//! | [`pkcs11`] | or a key in a token |
//! | [`place`] | either of them |
//! | [`chain`] | the certificate of a key, and the way up to its root |
//! | [`request`] | what a certification authority is asked (PKCS#10) |
//! | [`cms`] | the signature itself |
//! | [`files`] | where an installation keeps its key and certificates |
//!
//! Not here: who signs what and when (`app::evidence`), whether a certificate was revoked ([`super::revocation`]).

pub mod chain;
pub mod cms;
pub mod files;
pub mod key;
pub mod pkcs11;
pub mod place;
pub mod request;

pub use chain::{BadChain, Chain};
pub use cms::Signed;
pub use files::Certified;
pub use key::{BadKey, FileKey};
pub use place::{EvidenceKey, Place};

use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::timestamp;
use crate::words;

words! {
    /// Which algorithms a signature is made with: an installation has a key and a certificate for each that it signs with.
    pub enum Suite {
        /// CMS by P-256 or RSA, with SHA-256.
        Standard = "standard",
        /// Raw SM2, with SM3.
        Sm2 = "sm2",
    }
}

/// Whoever signs evidence: a key in a file, or one that its token never gives away; a service can take their place.
pub trait Signer: Send + Sync {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned;

    /// What [`Signer::sign`] makes: ECDSA on P-256 or RSA with PKCS#1 v1.5, with SHA-256; or SM2 with SM3.
    fn algorithm(&self) -> AlgorithmIdentifierOwned;

    /// Signs `message`; ECDSA and SM2 in DER.
    ///
    /// # Errors
    /// [`NoSignature`]: the key did not sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NoSignature>;
}

/// The key did not sign, or what it signed has no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key did not sign")]
pub struct NoSignature;

impl From<der::Error> for NoSignature {
    fn from(_: der::Error) -> Self {
        Self
    }
}

/// Why a signature was refused; one for each thing that is checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the signature cannot be read: {0}")]
    Malformed(&'static str),
    #[error("it has not exactly one signer")]
    Signers,
    #[error("the signer's certificate is not in it")]
    NoCertificate,
    #[error("it is over another file")]
    Content,
    #[error("it was not made by the key of the certificate")]
    Signature,
    #[error("the algorithm {0} is not spoken")]
    Algorithm(String),
    /// ESS signingCertificateV2 (RFC 5035), which makes a signature CAdES-BES.
    #[error("it does not name the certificate that it was made with")]
    SigningCertificate,
    #[error(
        "the certificate is not made for signatures over documents: its key usage must say digitalSignature or nonRepudiation, and an extended key usage, if there is one, \
         signing documents or mail"
    )]
    Usage,
    /// Names the certificate.
    #[error("the certificate of {0} was not valid then")]
    Validity(String),
    #[error("the certificate of {0} must not sign other certificates")]
    NotAnAuthority(String),
    #[error("the certificate of {0} has a critical extension that is not understood")]
    Extension(String),
    #[error("no chain leads from the signer's certificate to this root")]
    Untrusted,
}

impl From<timestamp::Refusal> for Refusal {
    fn from(refusal: timestamp::Refusal) -> Self {
        use timestamp::Refusal as Of;
        match refusal {
            Of::Signers => Self::Signers,
            Of::NoCertificate => Self::NoCertificate,
            Of::MessageDigest => Self::Content,
            Of::Signature => Self::Signature,
            Of::Algorithm(name) => Self::Algorithm(name),
            Of::SigningCertificate => Self::SigningCertificate,
            Of::Purpose => Self::Usage,
            Of::Validity(of) => Self::Validity(of),
            Of::NotAnAuthority(of) => Self::NotAnAuthority(of),
            Of::Extension(of) => Self::Extension(of),
            Of::Untrusted => Self::Untrusted,
            Of::Malformed(what) => Self::Malformed(what),
            Of::TooLong | Of::Status { .. } | Of::Imprint | Of::Nonce | Of::Policy(_) => Self::Malformed("another form"),
        }
    }
}
