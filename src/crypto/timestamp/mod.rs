//! Timestamps by a third party (RFC 3161): the question, the answer, and whether the answer holds.
//!
//! | module | what it does |
//! |---|---|
//! | [`query`] | the question: a hash and a nonce |
//! | [`token`] | the answer, checked: status, imprint, nonce, signature, certificate |
//! | [`chain`] | certificates up to a root that is trusted, at the token's time |
//! | [`algorithm`] | signatures by RSA and by elliptic curves |
//! | [`asn1`] | the structures of RFC 3161 and RFC 5035 |
//!
//! Not here: who is asked and when (`app::timestamps`), the wire (`connect::timestamp`), what a bundle holds (`evidence`), whether a
//! certificate was revoked ([`super::revocation`]).

pub mod algorithm;
pub mod asn1;
pub mod chain;
pub mod query;
pub mod token;

pub use chain::{BadRoots, Roots};
pub use query::{Policy, Query};
pub use token::{Stamp, verify};

/// The longest answer that is looked at, in bytes: a token with a long chain takes a tenth of it.
pub const LONGEST: usize = 64 << 10;

/// Words of somebody else as they may stand in a refusal or an event: without control characters, 200 characters at most.
pub(in crate::crypto) fn readable(words: &impl ToString) -> String {
    words.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Why an answer was refused; one for each thing that is checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the answer is longer than {LONGEST} bytes")]
    TooLong,
    #[error("the answer cannot be read: {0}")]
    Malformed(&'static str),
    /// PKIStatus other than granted and grantedWithMods (RFC 3161 §2.4.2), with the authority's own words.
    #[error("the authority said no: status {status} {text}")]
    Status { status: u8, text: String },
    #[error("the token is over another hash")]
    Imprint,
    #[error("the token answers another question: its nonce differs")]
    Nonce,
    #[error("the token was issued under the policy {0}, which was not asked for")]
    Policy(String),
    #[error("the token has not exactly one signer")]
    Signers,
    #[error("the signer's certificate is not in the token")]
    NoCertificate,
    #[error("the attribute messageDigest does not fit the token's contents")]
    MessageDigest,
    #[error("the signature is not over this token")]
    Signature,
    #[error("the algorithm {0} is not spoken")]
    Algorithm(String),
    /// ESS signingCertificate or signingCertificateV2 (RFC 3161 §2.4.1, RFC 5816).
    #[error("the token does not name the certificate that it was signed with")]
    SigningCertificate,
    /// RFC 3161 §2.3: extended key usage timeStamping, critical and alone.
    #[error("the certificate is not made for timestamps alone")]
    Purpose,
    /// Names the certificate whose time it was not.
    #[error("the certificate of {0} was not valid at the token's time")]
    Validity(String),
    #[error("the certificate of {0} must not sign other certificates")]
    NotAnAuthority(String),
    #[error("the certificate of {0} has a critical extension that is not understood")]
    Extension(String),
    #[error("no chain leads from the signer's certificate to a root that is trusted")]
    Untrusted,
}

impl Refusal {
    /// A stable word, for records and for `timestamp-refusal-<word>` in the words.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed(_) => "malformed",
            Self::Status { .. } => "status",
            Self::Imprint => "imprint",
            Self::Nonce => "nonce",
            Self::Policy(_) => "policy",
            Self::Signers => "signers",
            Self::NoCertificate => "no_certificate",
            Self::MessageDigest => "message_digest",
            Self::Signature => "signature",
            Self::Algorithm(_) => "algorithm",
            Self::SigningCertificate => "signing_certificate",
            Self::Purpose => "purpose",
            Self::Validity(_) => "validity",
            Self::NotAnAuthority(_) => "not_an_authority",
            Self::Extension(_) => "extension",
            Self::Untrusted => "untrusted",
        }
    }

    /// Every word of [`Refusal::as_str`].
    pub const WORDS: [&'static str; 17] = [
        "too_long",
        "malformed",
        "status",
        "imprint",
        "nonce",
        "policy",
        "signers",
        "no_certificate",
        "message_digest",
        "signature",
        "algorithm",
        "signing_certificate",
        "purpose",
        "validity",
        "not_an_authority",
        "extension",
        "untrusted",
    ];
}
