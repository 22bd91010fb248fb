//! The answer: a token is taken only if everything about it holds (RFC 3161 §2.2, §2.4.2; RFC 5652 §5.6; RFC 5035 §5).

use cms::{
    cert::CertificateChoices,
    signed_data::{SignedData, SignerIdentifier, SignerInfo},
};
use der::{
    Decode, Encode, Tagged,
    asn1::{ObjectIdentifier, OctetString},
};
use x509_cert::{Certificate, attr::Attributes, ext::pkix::SubjectKeyIdentifier};

use super::{
    LONGEST, Query, Refusal, Roots,
    algorithm::{self, Hash},
    asn1::{
        CONTENT_TYPE, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2, SigningCertificate, SigningCertificateV2, TST_INFO,
        TimeStampResp, TstInfo,
    },
    chain, readable,
};
use crate::clock::Instant;

/// Certificates that a token may carry: several times what a chain takes.
const CERTIFICATES: usize = 32;

/// What a token proves: that the hash was there at this time, by an authority under a root that is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub at: Instant,
    /// Dotted.
    pub policy: String,
    /// Hex.
    pub serial: String,
    /// Subject of the certificate that signed.
    pub signer: String,
    /// Certificates in DER from the signer's to the root.
    pub path: Vec<Vec<u8>>,
    /// When the first of them runs out: until then the token speaks for itself, afterwards only what renewed it does.
    pub until: Instant,
}

/// Checks the answer to `query` in full: status, imprint, nonce, policy, contents, signature, certificate and its way up to one of `roots`
/// at the token's own time.
///
/// # Errors
/// The first [`Refusal`] met.
pub fn verify(query: &Query, answer: &[u8], roots: &Roots) -> Result<Stamp, Refusal> {
    if answer.len() > LONGEST {
        return Err(Refusal::TooLong);
    }
    let response = TimeStampResp::from_der(answer).map_err(|_| Refusal::Malformed("not an answer"))?;
    // granted and grantedWithMods.
    if response.status.status > 1 {
        let text = readable(&response.status.text.unwrap_or_default().join("; "));
        return Err(Refusal::Status { status: response.status.status, text });
    }
    let token = response.token.ok_or(Refusal::Malformed("granted, but without a token"))?;
    if token.content_type != SIGNED_DATA {
        return Err(Refusal::Malformed("not signed data"));
    }
    let signed: SignedData = token.content.decode_as().map_err(|_| Refusal::Malformed("signed data of another form"))?;
    let content = signed.encap_content_info.econtent.as_ref().filter(|_| signed.encap_content_info.econtent_type == TST_INFO);
    let content: OctetString = content.and_then(|c| c.decode_as().ok()).ok_or(Refusal::Malformed("not over the time"))?;
    let info = TstInfo::from_der(content.as_bytes()).map_err(|_| Refusal::Malformed("a time of another form"))?;
    answers(query, &info)?;
    let at = time(&info)?;

    let [signer] = signed.signer_infos.0.as_slice() else { return Err(Refusal::Signers) };
    if signed.certificates.as_ref().is_some_and(|set| set.0.len() > CERTIFICATES) {
        return Err(Refusal::Malformed("more certificates than a chain has"));
    }
    let certificates: Vec<Certificate> = signed.certificates.iter().flat_map(|set| set.0.iter()).filter_map(certificate).collect();
    let certificate = certificates.iter().find(|c| is_of(c, &signer.sid)).ok_or(Refusal::NoCertificate)?;
    signature(signer, certificate, TST_INFO, content.as_bytes())?;
    chain::purpose(certificate)?;
    let path = chain::path(certificate, &certificates, roots, at)?;
    Ok(Stamp {
        at,
        policy: info.policy.to_string(),
        serial: hex::encode(info.serial_number.as_bytes()),
        signer: readable(&certificate.tbs_certificate.subject),
        until: chain::until(&path).ok_or(Refusal::Malformed("a certificate of another form"))?,
        path,
    })
}

/// The certificate itself, where it is one of X.509.
pub(in crate::crypto) fn certificate(choice: &CertificateChoices) -> Option<Certificate> {
    match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate.clone()),
        CertificateChoices::Other(_) => None,
    }
}

/// Whether the token answers this question.
fn answers(query: &Query, info: &TstInfo) -> Result<(), Refusal> {
    let imprint = &info.message_imprint;
    if info.version != 1 {
        return Err(Refusal::Malformed("another version"));
    }
    if imprint.hash_algorithm.oid != algorithm::SHA256 || imprint.hashed_message.as_bytes() != query.imprint {
        return Err(Refusal::Imprint);
    }
    if info.nonce.as_ref().map(|n| n.as_bytes()) != Some(query.nonce.as_slice()) {
        return Err(Refusal::Nonce);
    }
    match query.policy {
        Some(policy) if policy != info.policy => Err(Refusal::Policy(info.policy.to_string())),
        _ => Ok(()),
    }
}

/// `genTime`: `20261122094208Z` or `20261122094208.123Z` (RFC 3161 §2.4.2), in UTC.
fn time(info: &TstInfo) -> Result<Instant, Refusal> {
    const WRONG: Refusal = Refusal::Malformed("a time that cannot be read");
    if info.gen_time.tag() != der::Tag::GeneralizedTime {
        return Err(WRONG);
    }
    let text = std::str::from_utf8(info.gen_time.value()).map_err(|_| WRONG)?;
    let text = text.strip_suffix('Z').ok_or(WRONG)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |t: &str, longest: usize| (1..=longest).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    if whole.len() != 14 || !digits(whole, 14) || !digits(fraction, 9) {
        return Err(WRONG);
    }
    let (d, t) = whole.split_at(8);
    Instant::parse(&format!("{}-{}-{}T{}:{}:{}.{fraction}Z", &d[..4], &d[4..6], &d[6..], &t[..2], &t[2..4], &t[4..])).ok_or(WRONG)
}

/// Whether a signer names this certificate as its own.
pub(in crate::crypto) fn is_of(certificate: &Certificate, sid: &SignerIdentifier) -> bool {
    let tbs = &certificate.tbs_certificate;
    match sid {
        SignerIdentifier::IssuerAndSerialNumber(id) => tbs.issuer == id.issuer && tbs.serial_number == id.serial_number,
        SignerIdentifier::SubjectKeyIdentifier(id) => tbs.get::<SubjectKeyIdentifier>().is_ok_and(|own| own.is_some_and(|(_, own)| own == *id)),
    }
}

/// The signed attributes: over these contents of this kind, by this certificate, signed by its key.
pub(in crate::crypto) fn signature(signer: &SignerInfo, certificate: &Certificate, of: ObjectIdentifier, content: &[u8]) -> Result<(), Refusal> {
    let hash = Hash::of(&signer.digest_alg.oid)?;
    let attributes = signer.signed_attrs.as_ref().ok_or(Refusal::MessageDigest)?;
    let kind: Option<ObjectIdentifier> = one(attributes, CONTENT_TYPE);
    if kind != Some(of) {
        return Err(Refusal::Malformed("its attributes are of other contents"));
    }
    let digest: OctetString = one(attributes, MESSAGE_DIGEST).ok_or(Refusal::MessageDigest)?;
    if digest.as_bytes() != hash.digest(content) {
        return Err(Refusal::MessageDigest);
    }
    names(attributes, certificate)?;
    // The signature is over a plain SET, not over the tag that it carries inside the signer's record (RFC 5652 §5.4).
    let message = attributes.to_der().map_err(|_| Refusal::Malformed("attributes of another form"))?;
    let key = &certificate.tbs_certificate.subject_public_key_info;
    algorithm::verify(key, &signer.signature_algorithm, Some(hash), &message, signer.signature.as_bytes())
}

/// The one value of an attribute that must be there once.
pub(in crate::crypto) fn one<T: for<'a> Decode<'a>>(attributes: &Attributes, kind: ObjectIdentifier) -> Option<T> {
    let mut found = attributes.iter().filter(|a| a.oid == kind);
    let attribute = found.next().filter(|a| a.values.len() == 1)?;
    match found.next() {
        None => T::from_der(&attribute.values.get(0)?.to_der().ok()?).ok(),
        Some(_) => None,
    }
}

/// Whether the token names `certificate` as the one that it was signed with: else another with the same key could be put in its place.
fn names(attributes: &Attributes, certificate: &Certificate) -> Result<(), Refusal> {
    let der = certificate.to_der().map_err(|_| Refusal::SigningCertificate)?;
    if let Some(named) = one::<SigningCertificateV2>(attributes, SIGNING_CERTIFICATE_V2) {
        let first = named.certs.first().ok_or(Refusal::SigningCertificate)?;
        let hash = first.hash_algorithm.as_ref().map_or(Ok(Hash::Sha256), |a| Hash::of(&a.oid))?;
        return if first.hash.as_bytes() == hash.digest(&der) { Ok(()) } else { Err(Refusal::SigningCertificate) };
    }
    let named: SigningCertificate = one(attributes, SIGNING_CERTIFICATE).ok_or(Refusal::SigningCertificate)?;
    let first = named.certs.first().ok_or(Refusal::SigningCertificate)?;
    let by_sha1 = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &der);
    if first.hash.as_bytes() == by_sha1.as_ref() { Ok(()) } else { Err(Refusal::SigningCertificate) }
}
