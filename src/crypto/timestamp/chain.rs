//! Certificates: what an authority's may be used for, and the way from it up to a root that is trusted (RFC 5280 §6.1, as far as
//! timestamps need it). A root is one because it is configured; its own signature is looked at all the same, for without it anybody could
//! make a root of the same name and key that lasts longer.

use std::{cell::RefCell, collections::BTreeSet};

use der::{Decode, DecodePem, Encode, EncodePem, asn1::BitString, pem::LineEnding};
use x509_cert::{
    Certificate,
    ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage},
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
};

use super::{Refusal, algorithm, asn1::TIME_STAMPING, readable};
use crate::{
    clock::Instant,
    crypto::{sha256, sm2},
};

/// Certificates in a chain, the signer's and the root's included.
const LONGEST: usize = 8;
/// Signatures that one search checks: certificates that all sign each other would keep it busy for ever.
const SIGNATURES: usize = 64;

/// Critical extensions that are looked at here: basicConstraints, keyUsage, extKeyUsage; certificatePolicies only narrow what a person
/// reads out of a certificate.
const KNOWN: [&str; 4] = ["2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.32"];

/// Why a file of roots cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRoots {
    #[error("it holds no certificate in PEM")]
    Empty,
    #[error("its certificate number {0} cannot be read")]
    Broken(usize),
    #[error("none of its certificates is a root: each is issued by another, or not signed by its own key")]
    NoRoot,
}

/// Certificates that are trusted, and others that lead to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    roots: Vec<Certificate>,
    between: Vec<Certificate>,
}

impl Roots {
    /// Reads a PEM file: certificates issued by themselves are trusted, those issued by others only lead to them. One that names itself as
    /// its issuer and was signed by another key is of the latter (RFC 5280 §3.2: self-issued, not self-signed). A signature whose algorithm
    /// is not spoken is taken as it is: roots of old are signed with SHA-1.
    ///
    /// # Errors
    /// [`BadRoots`].
    pub fn from_pem(text: &str) -> Result<Self, BadRoots> {
        let mut found = Self::default();
        all(text)?.into_iter().for_each(|certificate| found.add(certificate));
        if found.roots.is_empty() { Err(BadRoots::NoRoot) } else { Ok(found) }
    }

    fn add(&mut self, certificate: Certificate) {
        let list = if is_root(&certificate) { &mut self.roots } else { &mut self.between };
        add_once(list, &certificate);
    }

    /// Adds those of `other`.
    pub fn extend(&mut self, other: &Self) {
        other.roots.iter().for_each(|root| add_once(&mut self.roots, root));
        other.between.iter().for_each(|between| add_once(&mut self.between, between));
    }

    /// The certificates of a PEM file in their order; none where one cannot be read.
    pub fn certificates(text: &str) -> Vec<Certificate> {
        all(text).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Those whose keys are of SM2, or all others: what one kind of signature leads to says nothing of the other.
    pub fn of_sm2(&self, wanted: bool) -> Self {
        let fits = |c: &&Certificate| sm2::is_sm2(&c.tbs_certificate.subject_public_key_info) == wanted;
        Self { roots: self.roots.iter().filter(fits).cloned().collect(), between: self.between.iter().filter(fits).cloned().collect() }
    }

    /// All of them in PEM, roots first.
    pub fn to_pem(&self) -> String {
        self.roots.iter().chain(&self.between).filter_map(|c| c.to_pem(LineEnding::LF).ok()).collect()
    }

    /// Subject and SHA-256 of each root, as `openssl x509 -fingerprint -sha256` takes it, without colons.
    pub fn fingerprints(&self) -> Vec<(String, String)> {
        let named = |c: &Certificate| (readable(&c.tbs_certificate.subject), hex::encode(sha256(&c.to_der().unwrap_or_default())));
        self.roots.iter().map(named).collect()
    }
}

/// The certificates of a PEM file, in their order; at least one.
///
/// # Errors
/// [`BadRoots`], save `NoRoot`.
pub(in crate::crypto) fn all(text: &str) -> Result<Vec<Certificate>, BadRoots> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut found = Vec::new();
    for (n, rest) in (1..).zip(text.split(BEGIN).skip(1)) {
        // Text between certificates (a subject, a comment) is left aside, and so is how a line ends.
        let body = rest.split(END).next().unwrap_or_default();
        let pem = format!("{BEGIN}\n{}\n{END}\n", body.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n"));
        found.push(Certificate::from_pem(pem.as_bytes()).map_err(|_| BadRoots::Broken(n))?);
    }
    if found.is_empty() { Err(BadRoots::Empty) } else { Ok(found) }
}

fn add_once(list: &mut Vec<Certificate>, certificate: &Certificate) {
    if !list.contains(certificate) {
        list.push(certificate.clone());
    }
}

/// Issued by itself, and not signed by another key than its own.
pub(in crate::crypto) fn is_root(certificate: &Certificate) -> bool {
    let tbs = &certificate.tbs_certificate;
    tbs.issuer == tbs.subject && matches!(signed_by(certificate, &tbs.subject_public_key_info), Ok(()) | Err(Refusal::Algorithm(_)))
}

/// `certificate` was signed by this key. One of another algorithm under an authority of SM2 is not spoken: whoever judges it by OpenSSL would
/// have to know for each certificate which identity to name.
pub(in crate::crypto) fn signed_by(certificate: &Certificate, key: &SubjectPublicKeyInfoOwned) -> Result<(), Refusal> {
    if sm2::is_sm2(key) && !sm2::is_sm2(&certificate.tbs_certificate.subject_public_key_info) {
        return Err(Refusal::Algorithm(sm2::SM2_SM3.to_string()));
    }
    let algorithms = [&certificate.tbs_certificate.signature, &certificate.signature_algorithm];
    signature(certificate.tbs_certificate.to_der(), algorithms, &certificate.signature, key)
}

/// What an authority signs, a certificate or a list, was signed by this key; `algorithms`: what the signed part says, and what stands beside
/// the signature.
pub(in crate::crypto) fn signature(
    signed: der::Result<Vec<u8>>,
    algorithms: [&AlgorithmIdentifierOwned; 2],
    signature: &BitString,
    key: &SubjectPublicKeyInfoOwned,
) -> Result<(), Refusal> {
    let message = signed.map_err(|_| Refusal::Malformed("a certificate of another form"))?;
    let signature = signature.as_bytes().ok_or(Refusal::Signature)?;
    let [inside, beside] = algorithms;
    if inside != beside {
        return Err(Refusal::Signature);
    }
    if beside.oid == sm2::SM2_SM3 && sm2::is_sm2(key) {
        return if sm2::verify(key, &message, signature) { Ok(()) } else { Err(Refusal::Signature) };
    }
    algorithm::verify(key, beside, None, &message, signature)
}

/// The last instant at which every certificate of a chain (DER) is valid: afterwards nobody vouches for its keys any more. `None` for none, or
/// one that cannot be read.
pub fn until(certificates: &[Vec<u8>]) -> Option<Instant> {
    let end = |der: &Vec<u8>| Some(ends(&Certificate::from_der(der).ok()?));
    certificates.iter().map(end).collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// The same of a chain in PEM.
pub fn until_of_pem(text: &str) -> Option<Instant> {
    let found = Roots::from_pem(text).ok()?;
    found.roots.iter().chain(&found.between).map(ends).min()
}

/// The last instant at which a certificate is valid.
pub(in crate::crypto) fn ends(certificate: &Certificate) -> Instant {
    instant(certificate.tbs_certificate.validity.not_after)
}

/// The first.
pub(in crate::crypto) fn begins(certificate: &Certificate) -> Instant {
    instant(certificate.tbs_certificate.validity.not_before)
}

pub(in crate::crypto) fn instant(time: x509_cert::time::Time) -> Instant {
    Instant(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000))
}

/// Certificates in DER as PEM; what cannot be read is left out.
pub fn pem_of(certificates: &[Vec<u8>]) -> String {
    certificates.iter().filter_map(|der| Certificate::from_der(der).ok()?.to_pem(LineEnding::LF).ok()).collect()
}

/// The certificate is for timestamps and for nothing else (RFC 3161 §2.3).
///
/// # Errors
/// [`Refusal::Purpose`].
pub fn purpose(certificate: &Certificate) -> Result<(), Refusal> {
    match certificate.tbs_certificate.get::<ExtendedKeyUsage>() {
        Ok(Some((true, usage))) if usage.0 == [TIME_STAMPING] => {}
        _ => return Err(Refusal::Purpose),
    }
    match certificate.tbs_certificate.get::<KeyUsage>() {
        Ok(Some((_, usage))) if !usage.digital_signature() && !usage.non_repudiation() => Err(Refusal::Purpose),
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::Purpose),
    }
}

/// The way from `signer` to a root over certificates that came with the token or with the roots: all valid at `at`, each signed by the
/// next, each of those allowed to sign. In DER, signer first.
///
/// # Errors
/// The [`Refusal`] of the way that came furthest.
pub fn path(signer: &Certificate, along: &[Certificate], roots: &Roots, at: Instant) -> Result<Vec<Vec<u8>>, Refusal> {
    let between: Vec<&Certificate> = along.iter().chain(&roots.between).collect();
    let found = Climb { between, roots, at, tried: RefCell::default() }.from(signer, &mut vec![signer])?;
    found.into_iter().map(|c| c.to_der().map_err(|_| Refusal::Malformed("a certificate of another form"))).collect()
}

struct Climb<'a> {
    between: Vec<&'a Certificate>,
    roots: &'a Roots,
    at: Instant,
    /// Steps that were tried: the certificate below, the one above, and how high. As many as signatures were checked.
    tried: RefCell<BTreeSet<(Vec<u8>, Vec<u8>, usize)>>,
}

impl<'a> Climb<'a> {
    fn from(&self, below: &'a Certificate, so_far: &mut Vec<&'a Certificate>) -> Result<Vec<&'a Certificate>, Refusal> {
        self.sound(below)?;
        // An authority's certificate that is a root itself.
        if self.roots.roots.contains(below) {
            return Ok(so_far.clone());
        }
        let mut worst = Refusal::Untrusted;
        if so_far.len() >= LONGEST {
            return Err(worst);
        }
        let own = below.to_der().unwrap_or_default();
        for (above, is_root) in self.roots.roots.iter().map(|c| (c, true)).chain(self.between.iter().map(|c| (*c, false))) {
            if above.tbs_certificate.subject != below.tbs_certificate.issuer || so_far.contains(&above) {
                continue;
            }
            if self.tried.borrow().len() >= SIGNATURES {
                return Err(worst);
            }
            if !self.tried.borrow_mut().insert((own.clone(), above.to_der().unwrap_or_default(), so_far.len())) {
                continue;
            }
            let step = self.signed(below, above, so_far.len() - 1).and_then(|()| {
                so_far.push(above);
                let up = if is_root { self.sound(above).map(|()| so_far.clone()) } else { self.from(above, so_far) };
                so_far.pop();
                up
            });
            match step {
                Ok(found) => return Ok(found),
                Err(why) if worst == Refusal::Untrusted => worst = why,
                Err(_) => {}
            }
        }
        Err(worst)
    }

    /// Valid at the time, and nothing critical in it that is not understood.
    fn sound(&self, certificate: &Certificate) -> Result<(), Refusal> {
        let tbs = &certificate.tbs_certificate;
        let seconds = |t: x509_cert::time::Time| i64::try_from(t.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        let now = self.at.unix_seconds();
        if now < seconds(tbs.validity.not_before) || now > seconds(tbs.validity.not_after) {
            return Err(Refusal::Validity(readable(&tbs.subject)));
        }
        let unknown = tbs.extensions.iter().flatten().any(|e| e.critical && !KNOWN.contains(&e.extn_id.to_string().as_str()));
        if unknown { Err(Refusal::Extension(readable(&tbs.subject))) } else { Ok(()) }
    }

    /// `above` signed `below` and may sign certificates; `between`: authorities that lie under it already.
    fn signed(&self, below: &Certificate, above: &Certificate, between: usize) -> Result<(), Refusal> {
        let tbs = &above.tbs_certificate;
        let refused = || Refusal::NotAnAuthority(readable(&tbs.subject));
        signed_by(below, &tbs.subject_public_key_info)?;
        match tbs.get::<BasicConstraints>() {
            Ok(Some((_, c))) if c.ca && c.path_len_constraint.is_none_or(|longest| between <= usize::from(longest)) => {}
            _ => return Err(refused()),
        }
        match tbs.get::<KeyUsage>() {
            Ok(Some((_, usage))) if !usage.key_cert_sign() => Err(refused()),
            Ok(_) => Ok(()),
            Err(_) => Err(refused()),
        }
    }
}
