//! A throwaway certificate authority for the signature on evidence bundles: a root and a certificate under it, both marked DEMO in their
//! names. It proves nothing; it lets the whole way be walked offline.

use std::time::Duration;

use der::{EncodePem, pem::LineEnding};
use p256::ecdsa::SigningKey;
use x509_cert::{
    Certificate,
    ext::pkix::{BasicConstraints, KeyUsage, KeyUsages},
    spki::SubjectPublicKeyInfoOwned,
};

use super::{
    revocations::{Revocations, point},
    tsa::authority::{IssuerKey, LASTS, Wanted, YEAR, extension, fresh_key, public},
};
use crate::{
    clock::Instant,
    crypto::{
        revocation::Reason,
        signature::{FileKey, Signer, Suite},
    },
};

const ROOT: &str = "O=DEMO - proves nothing,CN=DEMO Evidence Root";
const SIGNER: &str = "O=DEMO - proves nothing,CN=DEMO Evidence Signer";
const ROOT_SM2: &str = "O=DEMO - proves nothing,CN=DEMO Evidence SM2 Root";
const SIGNER_SM2: &str = "O=DEMO - proves nothing,CN=DEMO Evidence SM2 Signer";
const HOUR: Duration = Duration::from_secs(3600);

/// Certificates for a signer's `key`, valid for a year from an hour before `now`: the signer's and the root's, in PEM. The root's key is
/// gone afterwards.
///
/// # Errors
/// A time that a certificate cannot say.
pub fn chain(key: SubjectPublicKeyInfoOwned, now: Instant) -> der::Result<String> {
    lasting(key, now, YEAR)
}

/// The same with a certificate that runs out when `lasting` is over.
///
/// # Errors
/// As [`chain`].
pub fn lasting(key: SubjectPublicKeyInfoOwned, now: Instant, lasting: Duration) -> der::Result<String> {
    Issuer::fresh(now, None)?.issue(key, now, lasting)
}

/// Certificates as [`chain`] gives them, by an authority of its own that signs by SM2, for a `key` of SM2; they name no list.
///
/// # Errors
/// As [`chain`].
pub fn chain_sm2(key: SubjectPublicKeyInfoOwned, now: Instant) -> der::Result<String> {
    lasting_sm2(key, now, YEAR)
}

/// The same with a certificate that runs out when `lasting` is over.
///
/// # Errors
/// As [`chain`].
pub fn lasting_sm2(key: SubjectPublicKeyInfoOwned, now: Instant, lasting: Duration) -> der::Result<String> {
    let root_key = FileKey::fresh_of(Suite::Sm2).map_err(|_| der::ErrorKind::Failed)?;
    let (from, issuer_key) = (now.minus(HOUR), IssuerKey::Held(&root_key));
    let extensions = vec![
        extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(0) })?,
        extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?,
    ];
    let public = root_key.public_key().clone();
    let root = Wanted { subject: ROOT_SM2, key: public, extensions, from, lasting: LASTS, issuer: ROOT_SM2, issuer_key }.issue()?;
    let extensions = vec![extension(true, &KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation))?];
    let signer = Wanted { subject: SIGNER_SM2, key, extensions, from, lasting: lasting + HOUR, issuer: ROOT_SM2, issuer_key }.issue()?;
    Ok(signer.to_pem(LineEnding::LF)? + &root.to_pem(LineEnding::LF)?)
}

/// The authority, as long as somebody keeps it: it can take back what it issued.
pub struct Issuer {
    key: SigningKey,
    root: Certificate,
    /// Where its list lies; its certificates say so.
    list_at: Option<String>,
    issued: Vec<Certificate>,
    revocations: Revocations,
}

impl Issuer {
    /// One of its own, from an hour before `now`, whose list lies at `list_at`.
    ///
    /// # Errors
    /// As [`chain`].
    pub fn fresh(now: Instant, list_at: Option<String>) -> der::Result<Self> {
        let (key, from) = (fresh_key(), now.minus(HOUR));
        let extensions = vec![
            extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(0) })?,
            extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?,
        ];
        let root = Wanted { subject: ROOT, key: public(&key)?, extensions, from, lasting: LASTS, issuer: ROOT, issuer_key: IssuerKey::P256(&key) }
            .issue()?;
        Ok(Self { key, root, list_at, issued: Vec::new(), revocations: Revocations::none(from) })
    }

    /// Certificates for `key` as [`lasting`] gives them.
    ///
    /// # Errors
    /// As [`chain`].
    pub fn issue(&mut self, key: SubjectPublicKeyInfoOwned, now: Instant, lasting: Duration) -> der::Result<String> {
        let mut extensions = vec![extension(true, &KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation))?];
        extensions.extend(self.list_at.as_deref().map(point).transpose()?);
        let (from, lasting) = (now.minus(HOUR), lasting + HOUR);
        let signer = Wanted { subject: SIGNER, key, extensions, from, lasting, issuer: ROOT, issuer_key: IssuerKey::P256(&self.key) }.issue()?;
        let chain = signer.to_pem(LineEnding::LF)? + &self.root.to_pem(LineEnding::LF)?;
        self.issued.push(signer);
        Ok(chain)
    }

    /// Takes back whatever it issued, from `since` on; its list says so from `now` on.
    ///
    /// # Errors
    /// As [`chain`].
    pub fn revoke(&mut self, since: Instant, reason: Reason, now: Instant) -> der::Result<()> {
        self.issued.iter().try_for_each(|certificate| self.revocations.add(certificate, since, reason, now))
    }

    /// Its list at `at`, DER.
    ///
    /// # Errors
    /// As [`chain`].
    pub fn list(&self, at: Instant) -> der::Result<Vec<u8>> {
        self.revocations.list(ROOT, &self.key, self.revocations.issued(at))
    }
}
