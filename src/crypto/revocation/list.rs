//! One list of revoked certificates (RFC 5280 §5): read, held against the authority that issued it, asked about a certificate.

use base64::{Engine, engine::general_purpose::STANDARD};
use der::{
    Decode, Encode,
    asn1::{GeneralizedTime, ObjectIdentifier as Oid},
    pem::{self, LineEnding},
};
use serde::Serialize;
use x509_cert::{
    Certificate, Version,
    crl::{CertificateList, RevokedCert},
    ext::{
        Extension,
        pkix::{
            BasicConstraints, CrlDistributionPoints, CrlReason, KeyUsage,
            crl::dp::IssuingDistributionPoint,
            name::{DistributionPointName, GeneralName},
        },
    },
    time::Time,
};

use crate::{
    clock::Instant,
    crypto::{
        sha256,
        timestamp::{
            Refusal,
            chain::{instant, signature},
            readable,
        },
    },
    words,
};

/// The longest list that is looked at, in bytes; lists of authorities for signatures and timestamps take a tenth of it.
pub const LONGEST: usize = 4 << 20;

const BEGIN: &str = "-----BEGIN X509 CRL-----";
const END: &str = "-----END X509 CRL-----";
/// Extensions of a list and of its entries that are understood (RFC 5280 §5.2, §5.3).
const ISSUING_DISTRIBUTION_POINT: Oid = Oid::new_unwrap("2.5.29.28");
const REASON: Oid = Oid::new_unwrap("2.5.29.21");
const INVALIDITY_DATE: Oid = Oid::new_unwrap("2.5.29.24");

words! {
    /// Why a certificate was revoked (RFC 5280 §5.3.1).
    pub enum Reason {
        /// The list does not say.
        NotGiven = "not_given",
        Unspecified = "unspecified",
        KeyCompromise = "key_compromise",
        CaCompromise = "ca_compromise",
        AffiliationChanged = "affiliation_changed",
        Superseded = "superseded",
        CessationOfOperation = "cessation_of_operation",
        CertificateHold = "certificate_hold",
        PrivilegeWithdrawn = "privilege_withdrawn",
        AaCompromise = "aa_compromise",
    }
}

/// Why a list counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadList {
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    #[error("it is no revocation list: {0}")]
    Malformed(&'static str),
    /// RFC 5280 §5.1.2.5: without it nobody can tell how long the list is good for.
    #[error("it does not say when the next one comes")]
    NoNextUpdate,
    #[error("it has a critical extension that is not understood: {0}")]
    Critical(String),
    /// Indirect lists, lists of some reasons, lists relative to another name.
    #[error("it covers only part of what its authority revoked, or more than that")]
    Scope,
    #[error("no certificate here is of its issuer, {0}")]
    Stranger(String),
    #[error("its issuer {0} did not sign it")]
    Signature(String),
    #[error("its issuer {0} must not sign revocation lists")]
    NotAnIssuer(String),
}

/// What a list says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    pub issuer: String,
    pub this_update: String,
    pub next_update: String,
    /// Certificates in it.
    pub entries: usize,
    /// Of its DER.
    pub sha256: String,
}

/// A certificate that a list names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Since when it must not be believed: the revocation, or an earlier day on which its key was lost (RFC 5280 §5.3.2).
    pub since: Instant,
    pub reason: Reason,
}

/// A list, read. Whether its authority signed it is another question ([`List::issued_by`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    der: Vec<u8>,
    list: CertificateList,
    next: Instant,
    scope: Option<Scope>,
}

/// What a list confines itself to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    names: Option<Vec<GeneralName>>,
    users: bool,
    authorities: bool,
}

impl List {
    /// Reads a list as it crosses the wire, DER or PEM.
    ///
    /// # Errors
    /// [`BadList`], save those about its issuer.
    pub fn read(bytes: &[u8]) -> Result<Self, BadList> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.contains(BEGIN));
        match text.map(Self::all) {
            None => Self::of_der(bytes),
            Some(found) => match <[Self; 1]>::try_from(found?) {
                Ok([list]) => Ok(list),
                Err(_) => Err(BadList::Malformed("more than one")),
            },
        }
    }

    /// The lists of a PEM file, in their order; none where it holds none.
    ///
    /// # Errors
    /// [`BadList`] of the first that cannot be read.
    pub fn all(text: &str) -> Result<Vec<Self>, BadList> {
        let body = |rest: &str| rest.split(END).next().unwrap_or_default().split_whitespace().collect::<String>();
        let read = |rest: &str| Self::of_der(&STANDARD.decode(body(rest)).map_err(|_| BadList::Malformed("no base64"))?);
        text.split(BEGIN).skip(1).map(read).collect()
    }

    fn of_der(der: &[u8]) -> Result<Self, BadList> {
        if der.len() > LONGEST {
            return Err(BadList::TooLong);
        }
        let list = CertificateList::from_der(der).map_err(|_| BadList::Malformed("another form"))?;
        let tbs = &list.tbs_cert_list;
        if tbs.version != Version::V2 {
            return Err(BadList::Malformed("another version"));
        }
        let next = instant(tbs.next_update.ok_or(BadList::NoNextUpdate)?);
        let mut scope = None;
        for extension in tbs.crl_extensions.iter().flatten() {
            if extension.extn_id == ISSUING_DISTRIBUTION_POINT {
                scope = Some(Scope::read(extension)?);
            } else if extension.critical {
                return Err(BadList::Critical(extension.extn_id.to_string()));
            }
        }
        for entry in tbs.revoked_certificates.iter().flatten() {
            let known = |e: &&Extension| [REASON, INVALIDITY_DATE].contains(&e.extn_id);
            if let Some(unknown) = entry.crl_entry_extensions.iter().flatten().find(|e| e.critical && !known(e)) {
                return Err(BadList::Critical(unknown.extn_id.to_string()));
            }
        }
        Ok(Self { der: der.to_vec(), next, scope, list })
    }

    /// Whether the authority of this certificate issued it: by name, by key, and allowed to (RFC 5280 §6.3.3 (f), (g)).
    ///
    /// # Errors
    /// `Stranger`, `NotAnIssuer`, `Signature`.
    pub fn issued_by(&self, authority: &Certificate) -> Result<(), BadList> {
        let (tbs, of) = (&self.list.tbs_cert_list, &authority.tbs_certificate);
        if tbs.issuer != of.subject {
            return Err(BadList::Stranger(self.issuer()));
        }
        if !matches!(of.get::<KeyUsage>(), Ok(None)) && !matches!(of.get::<KeyUsage>(), Ok(Some((_, usage))) if usage.crl_sign()) {
            return Err(BadList::NotAnIssuer(self.issuer()));
        }
        let algorithms = [&tbs.signature, &self.list.signature_algorithm];
        let signed = signature(tbs.to_der(), algorithms, &self.list.signature, &of.subject_public_key_info);
        signed.map_err(|_: Refusal| BadList::Signature(self.issuer()))
    }

    /// Whether it would name this certificate of its issuer, were that revoked (RFC 5280 §6.3.3 (b)).
    pub fn applies_to(&self, certificate: &Certificate) -> bool {
        let Some(scope) = &self.scope else { return true };
        let authority = matches!(certificate.tbs_certificate.get::<BasicConstraints>(), Ok(Some((_, BasicConstraints { ca: true, .. }))));
        let of_kind = !(scope.users && authority || scope.authorities && !authority);
        of_kind && scope.names.as_ref().is_none_or(|names| full_names(certificate).iter().any(|name| names.contains(name)))
    }

    /// What it says of the certificate with this serial number, in the bytes of its DER.
    pub(super) fn entry(&self, certificate: &Certificate) -> Option<Entry> {
        let serial = &certificate.tbs_certificate.serial_number;
        let found = self.list.tbs_cert_list.revoked_certificates.iter().flatten().find(|entry| entry.serial_number == *serial)?;
        Some(Entry { since: since(found), reason: reason(found) })
    }

    /// When it was issued.
    pub fn begins(&self) -> Instant {
        instant(self.list.tbs_cert_list.this_update)
    }

    /// When the next one is there at the latest.
    pub const fn ends(&self) -> Instant {
        self.next
    }

    pub fn covers(&self, at: Instant) -> bool {
        (self.begins()..=self.ends()).contains(&at)
    }

    /// Name of its issuer.
    pub fn issuer(&self) -> String {
        readable(&self.list.tbs_cert_list.issuer)
    }

    /// SHA-256 of its issuer's name in DER, hex: what lists of one authority have in common.
    pub fn issuer_key(&self) -> String {
        hex::encode(sha256(&self.list.tbs_cert_list.issuer.to_der().unwrap_or_default()))
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn pem(&self) -> String {
        pem::encode_string("X509 CRL", LineEnding::LF, &self.der).unwrap_or_default()
    }

    pub fn facts(&self) -> Facts {
        Facts {
            issuer: self.issuer(),
            this_update: self.begins().to_rfc3339(),
            next_update: self.ends().to_rfc3339(),
            entries: self.list.tbs_cert_list.revoked_certificates.as_ref().map_or(0, Vec::len),
            sha256: hex::encode(sha256(&self.der)),
        }
    }
}

impl Scope {
    fn read(extension: &Extension) -> Result<Self, BadList> {
        let point = IssuingDistributionPoint::from_der(extension.extn_value.as_bytes()).map_err(|_| BadList::Malformed("a scope of another form"))?;
        if point.indirect_crl || point.only_contains_attribute_certs || point.only_some_reasons.is_some() {
            return Err(BadList::Scope);
        }
        let names = match point.distribution_point {
            None => None,
            Some(DistributionPointName::FullName(names)) => Some(names),
            Some(DistributionPointName::NameRelativeToCRLIssuer(_)) => return Err(BadList::Scope),
        };
        Ok(Self { names, users: point.only_contains_user_certs, authorities: point.only_contains_ca_certs })
    }
}

/// The names of the places where a certificate's own authority says whether it is revoked, for every reason.
fn full_names(certificate: &Certificate) -> Vec<GeneralName> {
    let Ok(Some((_, points))) = certificate.tbs_certificate.get::<CrlDistributionPoints>() else { return Vec::new() };
    let whole = points.0.into_iter().filter(|point| point.crl_issuer.is_none() && point.reasons.is_none());
    let names = whole.filter_map(|point| match point.distribution_point {
        Some(DistributionPointName::FullName(names)) => Some(names),
        _ => None,
    });
    names.flatten().collect()
}

/// The addresses at which the list for a certificate lies, as far as they are spoken here: `http` and `https` (RFC 5280 §4.2.1.13).
pub fn points(certificate: &Certificate) -> Vec<String> {
    let of = |name: GeneralName| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()).filter(|uri| uri.starts_with("http://") || uri.starts_with("https://")),
        _ => None,
    };
    full_names(certificate).into_iter().filter_map(of).collect()
}

fn extension<T: for<'a> Decode<'a>>(entry: &RevokedCert, kind: Oid) -> Option<T> {
    let found = entry.crl_entry_extensions.iter().flatten().find(|e| e.extn_id == kind)?;
    T::from_der(found.extn_value.as_bytes()).ok()
}

fn since(entry: &RevokedCert) -> Instant {
    let revoked = instant(entry.revocation_date);
    let invalid = extension::<GeneralizedTime>(entry, INVALIDITY_DATE).map(|time| instant(Time::GeneralTime(time)));
    invalid.map_or(revoked, |invalid| invalid.min(revoked))
}

fn reason(entry: &RevokedCert) -> Reason {
    match extension(entry, REASON) {
        None => Reason::NotGiven,
        Some(CrlReason::KeyCompromise) => Reason::KeyCompromise,
        Some(CrlReason::CaCompromise) => Reason::CaCompromise,
        Some(CrlReason::AffiliationChanged) => Reason::AffiliationChanged,
        Some(CrlReason::Superseded) => Reason::Superseded,
        Some(CrlReason::CessationOfOperation) => Reason::CessationOfOperation,
        Some(CrlReason::CertificateHold) => Reason::CertificateHold,
        Some(CrlReason::PrivilegeWithdrawn) => Reason::PrivilegeWithdrawn,
        Some(CrlReason::AaCompromise) => Reason::AaCompromise,
        // Only lists of changes take one back, and those are not read.
        Some(CrlReason::Unspecified | CrlReason::RemoveFromCRL) => Reason::Unspecified,
    }
}
