//! The emulated authority without HTTP: a throwaway root, a certificate under it, and tokens that are right, or wrong in one way.

use std::{str::FromStr, time::Duration};

use cms::{
    cert::{CertificateChoices, IssuerAndSerialNumber},
    content_info::{CmsVersion, ContentInfo},
    signed_data::{CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos},
};
use der::{
    Any, Decode, Encode, EncodePem,
    asn1::{BitString, GeneralizedTime, Int, ObjectIdentifier, OctetString, SetOfVec, UtcTime},
    oid::AssociatedOid,
    pem::LineEnding,
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use x509_cert::{
    Certificate, TbsCertificate, Version,
    attr::Attribute,
    ext::{
        Extension,
        pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages},
    },
    name::Name,
    serial_number::SerialNumber,
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::{Time, Validity},
};

use super::{
    super::revocations::{Revocations, point},
    Fault, rsa,
};
use crate::{
    clock::Instant,
    crypto::{
        random,
        revocation::Reason,
        sha256,
        signature::{FileKey, Signer},
        timestamp::{
            algorithm::{ECDSA_SHA256, SHA256},
            asn1::{
                Accuracy, CONTENT_TYPE, EssCertIdV2, MESSAGE_DIGEST, MessageImprint, SIGNED_DATA, SIGNING_CERTIFICATE_V2, SigningCertificateV2,
                StatusInfo, TIME_STAMPING, TST_INFO, TimeStampReq, TimeStampResp, TstInfo,
            },
        },
    },
};

/// The policy of the emulator: an arc for examples (RFC 5612 has one for documentation).
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1");
/// id-kp-emailProtection: a purpose that is not ours.
const EMAIL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4");
const ROOT: &str = "O=DEMO - proves nothing,CN=DEMO Timestamp Root";
const TSA: &str = "O=DEMO - proves nothing,CN=DEMO Timestamp Authority";
/// PKIStatus.
const GRANTED: u8 = 0;
const REJECTION: u8 = 2;
/// How long the authority's certificates last unless told otherwise.
pub(in crate::connect::emulator) const YEAR: Duration = Duration::from_secs(366 * 86_400);
const DAY: Duration = Duration::from_secs(86_400);
/// How long the root lasts: over many certificates, and within what UTCTime can say.
pub(in crate::connect::emulator) const LASTS: Duration = Duration::from_secs(15 * 366 * 86_400);

/// Keys and certificates; gone with the process.
pub struct Authority {
    key: FileKey,
    algorithm: Algorithm,
    root: Certificate,
    good: Certificate,
    /// Ran out a year before the first token.
    expired: Certificate,
    /// For mail, not for time.
    other_purpose: Certificate,
    root_key: SigningKey,
    lasting: Duration,
    /// Where its list lies; its certificates say so.
    list_at: Option<String>,
    revocations: Revocations,
}

/// The kind of key that tokens are signed with.
#[derive(Clone, Copy, Debug)]
enum Algorithm {
    P256,
    /// As most real authorities; some clients read nothing else.
    Rsa,
}

impl Algorithm {
    fn fresh(self) -> der::Result<FileKey> {
        let made = match self {
            Self::P256 => FileKey::fresh().ok(),
            Self::Rsa => FileKey::from_pkcs8(rsa::fresh()?).ok(),
        };
        made.ok_or_else(|| der::ErrorKind::Failed.into())
    }
}

pub(in crate::connect::emulator) fn fresh_key() -> SigningKey {
    loop {
        // All but one in 2^32 are keys.
        if let Ok(key) = SigningKey::from_slice(&random::<32>()) {
            return key;
        }
    }
}

/// The public half, as a certificate holds it.
pub(in crate::connect::emulator) fn public(key: &SigningKey) -> der::Result<SubjectPublicKeyInfoOwned> {
    SubjectPublicKeyInfoOwned::from_key(p256::PublicKey::from(key.verifying_key())).map_err(|_| der::ErrorKind::Failed.into())
}

fn serial() -> Vec<u8> {
    let mut bytes = random::<12>();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    bytes.to_vec()
}

fn ecdsa() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None }
}

fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    let signature: Signature = key.sign(message);
    signature.to_der().as_bytes().to_vec()
}

pub(in crate::connect::emulator) fn extension<T: Encode + AssociatedOid>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// One certificate: who, for what, from when, by whom.
pub(in crate::connect::emulator) struct Wanted<'a> {
    pub subject: &'a str,
    pub key: SubjectPublicKeyInfoOwned,
    pub extensions: Vec<Extension>,
    pub from: Instant,
    pub lasting: Duration,
    pub issuer: &'a str,
    pub issuer_key: IssuerKey<'a>,
}

/// Whose key signs a certificate.
#[derive(Clone, Copy)]
pub(in crate::connect::emulator) enum IssuerKey<'a> {
    P256(&'a SigningKey),
    /// Of any suite.
    Held(&'a FileKey),
}

impl IssuerKey<'_> {
    fn algorithm(self) -> AlgorithmIdentifierOwned {
        match self {
            Self::P256(_) => ecdsa(),
            Self::Held(key) => key.algorithm(),
        }
    }

    fn sign(self, message: &[u8]) -> der::Result<Vec<u8>> {
        match self {
            Self::P256(key) => Ok(sign(key, message)),
            Self::Held(key) => key.sign(message).map_err(|_| der::ErrorKind::Failed.into()),
        }
    }
}

impl Wanted<'_> {
    pub fn issue(self) -> der::Result<Certificate> {
        let time = |at: Instant| {
            let since = Duration::from_secs(u64::try_from(at.unix_seconds()).unwrap_or(0));
            UtcTime::from_unix_duration(since).map(Time::UtcTime)
        };
        let tbs = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&serial())?,
            signature: self.issuer_key.algorithm(),
            issuer: Name::from_str(self.issuer)?,
            validity: Validity { not_before: time(self.from)?, not_after: time(self.from.plus(self.lasting))? },
            subject: Name::from_str(self.subject)?,
            subject_public_key_info: self.key,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(self.extensions),
        };
        let signature = BitString::from_bytes(&self.issuer_key.sign(&tbs.to_der()?)?)?;
        Ok(Certificate { signature_algorithm: tbs.signature.clone(), tbs_certificate: tbs, signature })
    }
}

impl Authority {
    /// An authority of its own that signs with P-256; its certificates begin an hour before `now`.
    pub fn fresh(now: Instant) -> der::Result<Self> {
        Self::lasting(now, YEAR)
    }

    /// The same with a certificate that runs out when `lasting` is over.
    pub fn lasting(now: Instant, lasting: Duration) -> der::Result<Self> {
        Self::rooted(now, lasting, Algorithm::P256, None)
    }

    /// The same that signs with RSA, and whose list of revoked certificates lies at `list_at`.
    pub fn rsa(now: Instant, lasting: Duration, list_at: Option<String>) -> der::Result<Self> {
        Self::rooted(now, lasting, Algorithm::Rsa, list_at)
    }

    fn rooted(now: Instant, lasting: Duration, algorithm: Algorithm, list_at: Option<String>) -> der::Result<Self> {
        let root_key = fresh_key();
        let from = now.minus(Duration::from_secs(3600));
        let of_root = vec![
            extension(true, &BasicConstraints { ca: true, path_len_constraint: Some(0) })?,
            extension(true, &KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign))?,
        ];
        let root = Wanted {
            subject: ROOT,
            key: public(&root_key)?,
            extensions: of_root,
            from,
            lasting: LASTS,
            issuer: ROOT,
            issuer_key: IssuerKey::P256(&root_key),
        }
        .issue()?;
        Self::under(root, root_key, now, lasting, algorithm, (list_at, Revocations::none(from)))
    }

    /// What the authority is when its certificate was replaced: another key, under the same root.
    pub fn rolled(&self, now: Instant) -> der::Result<Self> {
        let lists = (self.list_at.clone(), self.revocations.clone());
        Self::under(self.root.clone(), self.root_key.clone(), now, self.lasting, self.algorithm, lists)
    }

    fn under(
        root: Certificate,
        root_key: SigningKey,
        now: Instant,
        lasting: Duration,
        algorithm: Algorithm,
        (list_at, revocations): (Option<String>, Revocations),
    ) -> der::Result<Self> {
        let (key, from) = (algorithm.fresh()?, now.minus(Duration::from_secs(3600)));
        let purpose = |oid| -> der::Result<Vec<Extension>> {
            let listed = list_at.as_deref().map(point).transpose()?;
            let own = [extension(true, &KeyUsage(KeyUsages::DigitalSignature.into()))?, extension(true, &ExtendedKeyUsage(vec![oid]))?];
            Ok(own.into_iter().chain(listed).collect())
        };
        let issue = |extensions: Vec<Extension>, from: Instant, lasting: Duration| {
            Wanted { subject: TSA, key: key.public_key().clone(), extensions, from, lasting, issuer: ROOT, issuer_key: IssuerKey::P256(&root_key) }
                .issue()
        };
        let (long_ago, hour) = (from.minus(2 * YEAR), Duration::from_secs(3600));
        Ok(Self {
            good: issue(purpose(TIME_STAMPING)?, from, lasting + hour)?,
            expired: issue(purpose(TIME_STAMPING)?, long_ago, YEAR)?,
            other_purpose: issue(purpose(EMAIL)?, from, YEAR)?,
            root,
            key,
            algorithm,
            root_key,
            lasting,
            list_at,
            revocations,
        })
    }

    /// Takes back the certificate that it signs with, from `since` on; its list says so from `now` on.
    pub fn revoke(&mut self, since: Instant, reason: Reason, now: Instant) -> der::Result<()> {
        self.revocations.add(&self.good, since, reason, now)
    }

    /// Its list at `at` in DER, or one that is wrong in one way.
    pub fn list(&self, at: Instant, fault: Option<Fault>) -> der::Result<Vec<u8>> {
        let issued = if fault == Some(Fault::ListStale) { at.minus(10 * DAY) } else { self.revocations.issued(at) };
        let other = (fault == Some(Fault::ListForged)).then(fresh_key);
        self.revocations.list(ROOT, other.as_ref().unwrap_or(&self.root_key), issued)
    }

    /// The root, in PEM.
    pub fn root_pem(&self) -> String {
        self.root.to_pem(LineEnding::LF).unwrap_or_default()
    }

    /// Answers a question as an authority does, or with one fault. What is no question is rejected (RFC 3161 §2.4.2).
    pub fn answer(&self, question: &[u8], at: Instant, fault: Option<Fault>) -> Vec<u8> {
        let refused = |text: &str| {
            let status = StatusInfo { status: REJECTION, text: Some(vec![text.to_owned()]), failure: None };
            TimeStampResp { status, token: None }.to_der().unwrap_or_default()
        };
        match fault {
            Some(Fault::Garbage) => return b"<html>no time today</html>".to_vec(),
            Some(Fault::Rejected) => return refused("the emulator was told to reject"),
            Some(Fault::TooLong) => return vec![0x30; crate::crypto::timestamp::LONGEST + 1],
            _ => {}
        }
        match TimeStampReq::from_der(question) {
            Ok(question) => self.grant(question, at, fault).unwrap_or_else(|_| refused("the token could not be made")),
            Err(_) => refused("not a question"),
        }
    }

    fn grant(&self, question: TimeStampReq, at: Instant, fault: Option<Fault>) -> der::Result<Vec<u8>> {
        let certificate = match fault {
            Some(Fault::Expired) => &self.expired,
            Some(Fault::WrongPurpose) => &self.other_purpose,
            _ => &self.good,
        };
        let content = contents(&question, at, fault)?;
        let named = if fault == Some(Fault::OtherCertificate) { &self.expired } else { certificate };
        let attributes = attributes(&content, named, fault)?;
        let sign = |message: &[u8]| self.key.sign(message).map_err(|_| der::Error::from(der::ErrorKind::Failed));
        let mut signature = sign(&attributes.to_der()?)?;
        if fault == Some(Fault::BadSignature) {
            signature = sign(b"something else")?;
        }
        let tbs = &certificate.tbs_certificate;
        let digest = AlgorithmIdentifierOwned { oid: SHA256, parameters: None };
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: tbs.issuer.clone(),
                serial_number: tbs.serial_number.clone(),
            }),
            digest_alg: digest.clone(),
            signed_attrs: Some(attributes),
            signature_algorithm: self.key.algorithm(),
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        };
        let mut signers = vec![signer];
        if fault == Some(Fault::TwoSigners) {
            signers.push(SignerInfo { signature: OctetString::new(sign(b"a second one")?)?, ..signers[0].clone() });
        }
        let with_certificates = question.cert_req && fault != Some(Fault::NoCertificate);
        let certificates = with_certificates.then(|| CertificateSet::try_from(vec![CertificateChoices::Certificate(certificate.clone())]));
        let signed = SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![digest])?,
            encap_content_info: EncapsulatedContentInfo { econtent_type: TST_INFO, econtent: Some(Any::encode_from(&OctetString::new(content)?)?) },
            certificates: certificates.transpose()?,
            crls: None,
            signer_infos: SignerInfos::try_from(signers)?,
        };
        let token = ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&signed)? };
        TimeStampResp { status: StatusInfo { status: GRANTED, text: None, failure: None }, token: Some(token) }.to_der()
    }
}

/// The signed time.
fn contents(question: &TimeStampReq, at: Instant, fault: Option<Fault>) -> der::Result<Vec<u8>> {
    let hashed = match fault {
        Some(Fault::WrongImprint) => OctetString::new(sha256(b"something else"))?,
        _ => question.message_imprint.hashed_message.clone(),
    };
    let nonce = match fault {
        Some(Fault::WrongNonce) => Some(Int::new(&serial())?),
        _ => question.nonce.clone(),
    };
    let policy = match fault {
        Some(Fault::OtherPolicy) => ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.2"),
        _ => question.req_policy.unwrap_or(POLICY),
    };
    let seconds = Duration::from_secs(u64::try_from(at.unix_seconds()).unwrap_or(0));
    let info = TstInfo {
        version: 1,
        policy,
        message_imprint: MessageImprint { hash_algorithm: question.message_imprint.hash_algorithm.clone(), hashed_message: hashed },
        serial_number: Int::new(&serial())?,
        gen_time: Any::encode_from(&GeneralizedTime::from_unix_duration(seconds)?)?,
        accuracy: Some(Accuracy { seconds: Some(Int::new(&[1])?), millis: None, micros: None }),
        ordering: false,
        nonce,
        tsa: None,
        extensions: None,
    };
    info.to_der()
}

/// What is signed: the kind and the hash of the contents, and the certificate (RFC 5816).
fn attributes(content: &[u8], named: &Certificate, fault: Option<Fault>) -> der::Result<SetOfVec<Attribute>> {
    let digest = if fault == Some(Fault::BadDigest) { sha256(b"something else") } else { sha256(content) };
    let certificate = EssCertIdV2 { hash_algorithm: None, hash: OctetString::new(sha256(&named.to_der()?))?, issuer_serial: None };
    let attribute = |oid, value: Any| Ok::<_, der::Error>(Attribute { oid, values: SetOfVec::try_from(vec![value])? });
    SetOfVec::try_from(vec![
        attribute(CONTENT_TYPE, Any::encode_from(&TST_INFO)?)?,
        attribute(MESSAGE_DIGEST, Any::encode_from(&OctetString::new(digest)?)?)?,
        attribute(SIGNING_CERTIFICATE_V2, Any::encode_from(&SigningCertificateV2 { certs: vec![certificate], policies: None })?)?,
    ])
}
