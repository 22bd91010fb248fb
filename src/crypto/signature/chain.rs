//! The certificates of a signing key: its own first, its root last, each signed by the next.

use der::{Encode, EncodePem, asn1::ObjectIdentifier as Oid, pem::LineEnding};
use serde::{Deserialize, Serialize};
use x509_cert::{
    Certificate,
    ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage},
};

use super::{Refusal, Signer, Suite};
use crate::{
    clock::Instant,
    crypto::{
        sha256, sm2,
        timestamp::{self, BadRoots, Roots, chain as certificates, readable},
    },
};

/// Extended key usages of which one must be there where there are any (RFC 5280 §4.2.1.12): any, signing documents (RFC 9336), mail, and
/// what Microsoft and Adobe had for documents before.
const DOCUMENTS: [Oid; 5] = [
    Oid::new_unwrap("2.5.29.37.0"),
    Oid::new_unwrap("1.3.6.1.5.5.7.3.36"),
    Oid::new_unwrap("1.3.6.1.5.5.7.3.4"),
    Oid::new_unwrap("1.3.6.1.4.1.311.10.3.12"),
    Oid::new_unwrap("1.2.840.113583.1.1.5"),
];

/// Why certificates are no chain for a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChain {
    #[error("it holds no certificate in PEM")]
    Empty,
    #[error("its certificate number {0} cannot be read")]
    Broken(usize),
    #[error("its first certificate is of another key than the one that was requested")]
    OtherKey,
    #[error("its certificate number {0} is not signed by the next: the signer's comes first, then each authority's, the root's last")]
    Order(usize),
    #[error("its last certificate is no root: add the certificate that is signed by its own key")]
    NoRoot,
    #[error("its certificates mix SM2 and other algorithms, or are all of the wrong kind")]
    Mixed,
    #[error("{0}")]
    Refused(Refusal),
}

/// A certificate as a report, an event or a page names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub subject: String,
    pub issuer: String,
    /// Hex.
    pub serial: String,
    pub not_before: String,
    pub not_after: String,
    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` takes it, without colons.
    pub sha256: String,
    /// The same of the root.
    pub root_sha256: String,
}

/// A chain that leads from a key to its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain(Vec<Certificate>);

impl Chain {
    /// Reads certificates in their order; one that stands twice in a row, as where the file of a chain and its root were put together, counts
    /// once.
    ///
    /// # Errors
    /// [`BadChain`], save what [`Chain::check`] is for.
    pub fn from_pem(text: &str) -> Result<Self, BadChain> {
        let mut found = certificates::all(text).map_err(|e| match e {
            BadRoots::Broken(n) => BadChain::Broken(n),
            BadRoots::Empty | BadRoots::NoRoot => BadChain::Empty,
        })?;
        found.dedup();
        for (n, pair) in (1..).zip(found.windows(2)) {
            let [below, above] = [&pair[0], &pair[1]];
            let named = below.tbs_certificate.issuer == above.tbs_certificate.subject;
            match certificates::signed_by(below, &above.tbs_certificate.subject_public_key_info).map_err(Refusal::from) {
                Ok(()) if named => {}
                // No other order would help.
                Err(refusal @ Refusal::Algorithm(_)) if named => return Err(BadChain::Refused(refusal)),
                _ => return Err(BadChain::Order(n)),
            }
        }
        match found.last() {
            None => Err(BadChain::Empty),
            Some(last) if !certificates::is_root(last) => Err(BadChain::NoRoot),
            Some(_) => Ok(Self(found)),
        }
    }

    /// Whether it is of this key.
    pub fn is_of(&self, key: &dyn Signer) -> bool {
        self.signer().tbs_certificate.subject_public_key_info == *key.public_key()
    }

    /// Whether all of it is of the suite: SM2 and other algorithms do not go together.
    pub fn is_all(&self, suite: Suite) -> bool {
        self.0.iter().all(|c| sm2::is_sm2(&c.tbs_certificate.subject_public_key_info) == (suite == Suite::Sm2))
    }

    /// Made for signing documents, and valid at `at` up to its own root.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check(&self, at: Instant) -> Result<(), Refusal> {
        usage(self.signer())?;
        let roots = Roots::from_pem(&self.root_pem()).map_err(|_| Refusal::Untrusted)?;
        timestamp::chain::path(self.signer(), &self.0[1..], &roots, at)?;
        Ok(())
    }

    /// Whether one of `roots` is its root or leads to it at `at`: each certificate is looked at anew.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn leads_to(&self, roots: &Roots, at: Instant) -> Result<(), Refusal> {
        timestamp::chain::path(self.signer(), &self.0[1..], roots, at)?;
        Ok(())
    }

    /// The signer's certificate.
    pub fn signer(&self) -> &Certificate {
        self.0.first().expect("a chain begins with the signer")
    }

    fn root(&self) -> &Certificate {
        self.0.last().expect("a chain ends with its root")
    }

    pub fn certificates(&self) -> &[Certificate] {
        &self.0
    }

    /// All of it, signer first.
    pub fn pem(&self) -> String {
        self.0.iter().map(pem).collect()
    }

    pub fn signer_pem(&self) -> String {
        pem(self.signer())
    }

    pub fn root_pem(&self) -> String {
        pem(self.root())
    }

    /// SHA-256 of the signer's certificate, hex.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.signer())
    }

    /// Name of the root.
    pub fn root_subject(&self) -> String {
        readable(&self.root().tbs_certificate.subject)
    }

    /// Name of the root and its SHA-256.
    pub fn root_facts(&self) -> String {
        format!("{} {}", self.root_subject(), fingerprint(self.root()))
    }

    /// The last instant at which all of it is valid.
    pub fn until(&self) -> Instant {
        self.0.iter().map(certificates::ends).min().unwrap_or_default()
    }

    pub fn facts(&self) -> Facts {
        let tbs = &self.signer().tbs_certificate;
        Facts {
            subject: readable(&tbs.subject),
            issuer: readable(&tbs.issuer),
            serial: hex::encode(tbs.serial_number.as_bytes()),
            not_before: certificates::begins(self.signer()).to_rfc3339(),
            not_after: certificates::ends(self.signer()).to_rfc3339(),
            sha256: self.fingerprint(),
            root_sha256: fingerprint(self.root()),
        }
    }
}

fn pem(certificate: &Certificate) -> String {
    certificate.to_pem(LineEnding::LF).unwrap_or_default()
}

fn fingerprint(certificate: &Certificate) -> String {
    hex::encode(sha256(&certificate.to_der().unwrap_or_default()))
}

/// A person's or a company's certificate for signing documents: key usage digitalSignature or nonRepudiation, no extended key usage but for
/// documents, and no authority's.
///
/// # Errors
/// [`Refusal::Usage`].
pub fn usage(certificate: &Certificate) -> Result<(), Refusal> {
    let tbs = &certificate.tbs_certificate;
    let signs = matches!(tbs.get::<KeyUsage>(), Ok(Some((_, usage))) if usage.digital_signature() || usage.non_repudiation());
    let authority = !matches!(tbs.get::<BasicConstraints>(), Ok(None) | Ok(Some((_, BasicConstraints { ca: false, .. }))));
    let documents = match tbs.get::<ExtendedKeyUsage>() {
        Ok(None) => true,
        Ok(Some((_, purposes))) => purposes.0.iter().any(|purpose| DOCUMENTS.contains(purpose)),
        Err(_) => false,
    };
    if signs && documents && !authority { Ok(()) } else { Err(Refusal::Usage) }
}
