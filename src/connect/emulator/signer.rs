//! A throwaway certificate authority for the signature on evidence bundles: a root and a certificate under it, both marked DEMO in their
//! names. It proves nothing; it lets the whole way be walked offline.

use std::time::Duration;

use der::{EncodePem, pem::LineEnding};
use x509_cert::{
    ext::pkix::{BasicConstraints, KeyUsage, KeyUsages},
    spki::SubjectPublicKeyInfoOwned,
};

use super::tsa::authority::{LASTS, Wanted, YEAR, extension, fresh_key, public};
use crate::clock::Instant;

const ROOT: &str = "O=DEMO - proves nothing,CN=DEMO Evidence Root";
const SIGNER: &str = "O=DEMO - proves nothing,CN=DEMO Evidence Signer";

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
    let hour = Duration::from_secs(3600);
    let (root_key, from) = (fresh_key(), now.minus(hour));
    let of_root = vec![
        extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(0) })?,
        extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?,
    ];
    let root =
        Wanted { subject: ROOT, key: public(&root_key)?, extensions: of_root, from, lasting: LASTS, issuer: ROOT, issuer_key: &root_key }.issue()?;
    let extensions = vec![extension(true, &KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation))?];
    let signer = Wanted { subject: SIGNER, key, extensions, from, lasting: lasting + hour, issuer: ROOT, issuer_key: &root_key }.issue()?;
    Ok(signer.to_pem(LineEnding::LF)? + &root.to_pem(LineEnding::LF)?)
}
