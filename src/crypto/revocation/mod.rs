//! Whether a certificate had been revoked at a time, by the signed lists of its authority (RFC 5280 §5, §6.3): each certificate below the
//! root against a list of whoever issued it.
//!
//! A list answers for a time that lies between its issue and the next one's. One that was issued later, while the certificate had not yet
//! run out, answers as well: what was revoked before stands in it (RFC 5280 §3.3). Not here: where lists are fetched and kept
//! (`app::revocation`), what an answer means for a token or a signature (`evidence::verify`). Lists of changes (delta) and of other
//! authorities (indirect) are not read.

mod list;

use std::fmt;

use der::Decode;
use serde::Serialize;
use x509_cert::Certificate;

pub use list::{BadList, Facts, LONGEST, List, Reason, points};

use super::timestamp::{chain::ends, readable};
use crate::clock::Instant;

/// A certificate that its authority took back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revoked {
    pub subject: String,
    /// Hex.
    pub serial: String,
    pub since: Instant,
    pub reason: Reason,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the certificate of {}, serial {}, is revoked since {} (reason: {})",
            self.subject,
            self.serial,
            self.since.to_rfc3339(),
            self.reason.as_str()
        )
    }
}

/// Why it cannot be told; names the certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// It does not say where its list lies, and none is here.
    #[error("the certificate of {0} names no revocation list, and none is here")]
    Unnamed(String),
    #[error("no revocation list is here for the certificate of {0}")]
    NoList(String),
    #[error("no revocation list for the certificate of {0} covers the time")]
    OtherTime(String),
}

/// How it stands with all certificates of a chain; the worst of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Good,
    /// Good then; revoked since.
    Later(Revoked),
    Unknown(Unknown),
    Revoked(Revoked),
}

impl Standing {
    const fn rank(&self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Later(_) => 1,
            // Of two that cannot be told, the one that could be matters.
            Self::Unknown(Unknown::Unnamed(_)) => 2,
            Self::Unknown(_) => 3,
            Self::Revoked(_) => 4,
        }
    }
}

/// Lists, each with the authority that signed it.
#[derive(Clone, Debug, Default)]
pub struct Lists(Vec<(List, Certificate)>);

impl Lists {
    /// Takes a list that one of `authorities` issued.
    ///
    /// # Errors
    /// [`BadList`] of the authority whose name it bears, or `Stranger`.
    pub fn add(&mut self, list: List, authorities: &[Certificate]) -> Result<(), BadList> {
        let mut worst = BadList::Stranger(list.issuer());
        for authority in authorities {
            match list.issued_by(authority) {
                Ok(()) => {
                    self.0.push((list, authority.clone()));
                    return Ok(());
                }
                Err(BadList::Stranger(_)) => {}
                Err(why) => worst = why,
            }
        }
        Err(worst)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lists by the issuer of `certificate`, whose certificate is `above`.
    fn of<'a>(&'a self, certificate: &'a Certificate, above: &'a Certificate) -> impl Iterator<Item = &'a List> {
        let (name, key) = (&above.tbs_certificate.subject, &above.tbs_certificate.subject_public_key_info);
        let by =
            move |authority: &Certificate| authority.tbs_certificate.subject == *name && authority.tbs_certificate.subject_public_key_info == *key;
        self.0.iter().filter(move |(list, authority)| by(authority) && list.applies_to(certificate)).map(|(list, _)| list)
    }

    /// How it stood at `at` with a chain, signer first, root last; the root itself is trusted or not, and no list says so: of a chain that is
    /// nothing else it cannot be told.
    pub fn judge(&self, chain: &[Certificate], at: Instant) -> Standing {
        if let [alone] = chain {
            return Standing::Unknown(Unknown::Unnamed(readable(&alone.tbs_certificate.subject)));
        }
        let all = chain.windows(2).map(|pair| self.one(&pair[0], &pair[1], at));
        all.max_by_key(Standing::rank).unwrap_or(Standing::Good)
    }

    fn one(&self, certificate: &Certificate, above: &Certificate, at: Instant) -> Standing {
        let tbs = &certificate.tbs_certificate;
        let entry = self.of(certificate, above).filter_map(|list| list.entry(certificate)).min_by_key(|entry| entry.since);
        if let Some(entry) = entry {
            let serial = hex::encode(tbs.serial_number.as_bytes());
            let revoked = Revoked { subject: readable(&tbs.subject), serial, since: entry.since, reason: entry.reason };
            return if entry.since <= at { Standing::Revoked(revoked) } else { Standing::Later(revoked) };
        }
        let answers = |list: &List| list.covers(at) || (at..=ends(certificate)).contains(&list.begins());
        let subject = || readable(&tbs.subject);
        match self.of(certificate, above).map(answers).max() {
            Some(true) => Standing::Good,
            Some(false) => Standing::Unknown(Unknown::OtherTime(subject())),
            None if points(certificate).is_empty() => Standing::Unknown(Unknown::Unnamed(subject())),
            None => Standing::Unknown(Unknown::NoList(subject())),
        }
    }
}

/// The certificates of a chain in DER; those that cannot be read are left out.
pub fn certificates(chain: &[Vec<u8>]) -> Vec<Certificate> {
    chain.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
}
