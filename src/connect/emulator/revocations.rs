//! What a throwaway authority took back, and the list that it signs about it (RFC 5280 §5, version 2): a new one each day and after each
//! revocation, good for two days, the same bytes until then.

use std::{str::FromStr, time::Duration};

use der::{
    Encode,
    asn1::{BitString, Ia5String, Uint, UtcTime},
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use x509_cert::{
    Certificate, Version,
    crl::{CertificateList, RevokedCert, TbsCertList},
    ext::{
        Extension,
        pkix::{
            CrlDistributionPoints, CrlNumber, CrlReason,
            crl::dp::DistributionPoint,
            name::{DistributionPointName, GeneralName},
        },
    },
    name::Name,
    spki::AlgorithmIdentifierOwned,
    time::Time,
};

use super::tsa::authority::extension;
use crate::{
    clock::Instant,
    crypto::{revocation::Reason, timestamp::algorithm::ECDSA_SHA256},
};

const DAY: Duration = Duration::from_secs(86_400);

/// What an authority took back since it began.
#[derive(Clone, Debug)]
pub(super) struct Revocations {
    began: Instant,
    changed: Instant,
    revoked: Vec<RevokedCert>,
}

/// The extension by which a certificate says where its list lies.
pub(super) fn point(url: &str) -> der::Result<Extension> {
    let name = GeneralName::UniformResourceIdentifier(Ia5String::new(url)?);
    let point = DistributionPoint { distribution_point: Some(DistributionPointName::FullName(vec![name])), reasons: None, crl_issuer: None };
    extension(false, &CrlDistributionPoints(vec![point]))
}

fn time(at: Instant) -> der::Result<Time> {
    UtcTime::from_unix_duration(Duration::from_secs(u64::try_from(at.unix_seconds()).unwrap_or(0))).map(Time::UtcTime)
}

impl Revocations {
    /// None, of an authority that began at `began`.
    pub(super) const fn none(began: Instant) -> Self {
        Self { began, changed: began, revoked: Vec::new() }
    }

    /// Takes `certificate` back from `since` on; the list that says so is of `now`.
    pub(super) fn add(&mut self, certificate: &Certificate, since: Instant, reason: Reason, now: Instant) -> der::Result<()> {
        let of = &certificate.tbs_certificate.serial_number;
        self.revoked.retain(|entry| entry.serial_number != *of);
        let reason = code(reason).map(|reason| extension(false, &reason).map(|reason| vec![reason])).transpose()?;
        self.revoked.push(RevokedCert { serial_number: of.clone(), revocation_date: time(since)?, crl_entry_extensions: reason });
        self.changed = now;
        Ok(())
    }

    /// When the list was issued that is there at `at`.
    pub(super) fn issued(&self, at: Instant) -> Instant {
        let days = u32::try_from(at.since(self.began).as_secs() / DAY.as_secs()).unwrap_or(0);
        self.began.plus(DAY * days).max(self.changed)
    }

    /// The list of `issued` in DER, signed by `key` in the name of `issuer`.
    pub(super) fn list(&self, issuer: &str, key: &SigningKey, issued: Instant) -> der::Result<Vec<u8>> {
        let number = CrlNumber(Uint::new(&issued.unix_seconds().to_be_bytes())?);
        let algorithm = AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None };
        let tbs_cert_list = TbsCertList {
            version: Version::V2,
            signature: algorithm.clone(),
            issuer: Name::from_str(issuer)?,
            this_update: time(issued)?,
            next_update: Some(time(issued.plus(2 * DAY))?),
            revoked_certificates: (!self.revoked.is_empty()).then(|| self.revoked.clone()),
            crl_extensions: Some(vec![extension(false, &number)?]),
        };
        let signature: Signature = key.sign(&tbs_cert_list.to_der()?);
        let signature = BitString::from_bytes(signature.to_der().as_bytes())?;
        CertificateList { tbs_cert_list, signature_algorithm: algorithm, signature }.to_der()
    }
}

/// The reason as an entry of a list says it; one that is not given stands in none.
const fn code(reason: Reason) -> Option<CrlReason> {
    Some(match reason {
        Reason::NotGiven => return None,
        Reason::Unspecified => CrlReason::Unspecified,
        Reason::KeyCompromise => CrlReason::KeyCompromise,
        Reason::CaCompromise => CrlReason::CaCompromise,
        Reason::AffiliationChanged => CrlReason::AffiliationChanged,
        Reason::Superseded => CrlReason::Superseded,
        Reason::CessationOfOperation => CrlReason::CessationOfOperation,
        Reason::CertificateHold => CrlReason::CertificateHold,
        Reason::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
        Reason::AaCompromise => CrlReason::AaCompromise,
    })
}
