//! The signature: CMS SignedData without the contents (RFC 5652 §5), with the attributes of CAdES-BES: kind and hash of the contents, time of
//! signing, and the certificate by its hash (signingCertificateV2, RFC 5035). SHA-256 throughout; the whole chain goes along.
//!
//! What is read must be written in just this way: nothing in such a file is left that anybody could change without being found out.

use std::time::Duration;

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos},
};
use der::{
    Any, Decode, Encode,
    asn1::{ObjectIdentifier as Oid, OctetString, SetOfVec, UtcTime},
};
use x509_cert::{Certificate, attr::Attribute, spki::AlgorithmIdentifierOwned, time::Time};

use super::{Chain, NoSignature, Refusal, Signer, chain::usage};
use crate::{
    clock::Instant,
    crypto::{
        sha256,
        timestamp::{
            algorithm::{self, SHA256},
            asn1::{CONTENT_TYPE, EssCertIdV2, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_CERTIFICATE_V2, SigningCertificateV2},
            chain::instant,
            readable, token,
        },
    },
};

/// id-data: contents of no particular kind.
const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
/// The attribute signingTime (RFC 5652 §11.3).
const SIGNING_TIME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.5");
/// The longest signature that is looked at, in bytes: one with a long chain takes a tenth of it.
pub const LONGEST: usize = 64 << 10;

/// A signature that holds by itself. Whether its certificate is one to trust is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    pub signer: Certificate,
    /// All certificates in it, the signer's too, in the order of their bytes.
    pub certificates: Vec<Certificate>,
    /// When it was made, by the clock of whoever made it.
    pub at: Instant,
}

/// Signs `content` with the key of `chain`; DER.
///
/// # Errors
/// [`NoSignature`].
pub fn sign(content: &[u8], at: Instant, chain: &Chain, key: &dyn Signer) -> Result<Vec<u8>, NoSignature> {
    let certificate = chain.signer();
    let tbs = &certificate.tbs_certificate;
    let since = Duration::from_secs(u64::try_from(at.unix_seconds()).unwrap_or(0));
    let named = EssCertIdV2 { hash_algorithm: None, hash: OctetString::new(sha256(&certificate.to_der()?))?, issuer_serial: None };
    let attribute = |oid, value: Any| Ok::<_, der::Error>(Attribute { oid, values: SetOfVec::try_from(vec![value])? });
    let attributes = SetOfVec::try_from(vec![
        attribute(CONTENT_TYPE, Any::encode_from(&DATA)?)?,
        attribute(MESSAGE_DIGEST, Any::encode_from(&OctetString::new(sha256(content))?)?)?,
        attribute(SIGNING_TIME, Any::encode_from(&Time::UtcTime(UtcTime::from_unix_duration(since)?))?)?,
        attribute(SIGNING_CERTIFICATE_V2, Any::encode_from(&SigningCertificateV2 { certs: vec![named], policies: None })?)?,
    ])?;
    // The signature is over a plain SET, not over the tag that it carries inside the signer's record (RFC 5652 §5.4).
    let signature = key.sign(&attributes.to_der()?)?;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber { issuer: tbs.issuer.clone(), serial_number: tbs.serial_number.clone() }),
        digest_alg: digest(),
        signed_attrs: Some(attributes),
        signature_algorithm: key.algorithm(),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    Ok(seal(signer, chain.certificates())?)
}

fn digest() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: SHA256, parameters: None }
}

fn seal(signer: SignerInfo, certificates: &[Certificate]) -> der::Result<Vec<u8>> {
    let certificates: Vec<_> = certificates.iter().cloned().map(CertificateChoices::Certificate).collect();
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![digest()])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: DATA, econtent: None },
        certificates: Some(CertificateSet::try_from(certificates)?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer])?,
    };
    ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&signed)? }.to_der()
}

/// Name and SHA-256 of a certificate.
pub fn named(certificate: &Certificate) -> String {
    format!("{} {}", readable(&certificate.tbs_certificate.subject), hex::encode(sha256(&certificate.to_der().unwrap_or_default())))
}

/// Reads a signature and checks it against `content` and the certificate in it: kind and hash of the contents, the certificate that it
/// names, the signature, and what the certificate is for.
///
/// # Errors
/// The first [`Refusal`] met.
pub fn open(signature: &[u8], content: &[u8]) -> Result<Signed, Refusal> {
    const OTHER: Refusal = Refusal::Malformed("signed data of another form");
    if signature.len() > LONGEST {
        return Err(Refusal::Malformed("longer than any signature"));
    }
    let info = ContentInfo::from_der(signature).map_err(|_| Refusal::Malformed("not CMS"))?;
    if info.content_type != SIGNED_DATA {
        return Err(Refusal::Malformed("not signed data"));
    }
    let signed: SignedData = info.content.decode_as().map_err(|_| OTHER)?;
    let [signer] = signed.signer_infos.0.as_slice() else { return Err(Refusal::Signers) };
    let certificates: Vec<Certificate> = signed.certificates.iter().flat_map(|set| set.0.iter()).filter_map(token::certificate).collect();
    let certificate = certificates.iter().find(|c| token::is_of(c, &signer.sid)).ok_or(Refusal::NoCertificate)?;
    token::signature(signer, certificate, DATA, content)?;
    let attributes = signer.signed_attrs.as_ref().ok_or(OTHER)?;
    let at: Time = token::one(attributes, SIGNING_TIME).ok_or(Refusal::Malformed("it does not say when it was made"))?;
    if token::one::<SigningCertificateV2>(attributes, SIGNING_CERTIFICATE_V2).is_none() {
        return Err(Refusal::SigningCertificate);
    }
    let key = &certificate.tbs_certificate.subject_public_key_info;
    if signer.version != CmsVersion::V1
        || !matches!(signer.sid, SignerIdentifier::IssuerAndSerialNumber(_))
        || signer.unsigned_attrs.is_some()
        || signer.digest_alg != digest()
        || signer.signature_algorithm != algorithm::with_sha256(key)?
    {
        return Err(OTHER);
    }
    // The other half of the curve's signatures is as good, and anybody can make it from ours.
    if matches!(p256::ecdsa::Signature::from_der(signer.signature.as_bytes()), Ok(other) if other.normalize_s().is_some()) {
        return Err(OTHER);
    }
    // Whatever else a file could hold.
    if seal(signer.clone(), &certificates).ok().as_deref() != Some(signature) {
        return Err(OTHER);
    }
    usage(certificate)?;
    Ok(Signed { signer: certificate.clone(), at: instant(at), certificates: certificates.clone() })
}
