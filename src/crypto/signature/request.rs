//! The request for a certificate (PKCS#10, RFC 2986): the name and the public key, signed by the key itself.

use std::str::FromStr;

use der::{
    Any, Encode, EncodePem,
    asn1::{BitString, OctetString, SetOfVec},
    oid::AssociatedOid,
    pem::LineEnding,
};
use x509_cert::{
    attr::Attribute,
    ext::{
        Extension,
        pkix::{KeyUsage, KeyUsages},
    },
    name::Name,
    request::{CertReq, CertReqInfo, Version},
    spki::ObjectIdentifier as Oid,
};

use super::{NoSignature, Signer};

/// extensionRequest (PKCS#9): what the certificate is to be for.
const EXTENSION_REQUEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.14");

/// A name as RFC 4514 writes it: `CN=Example Ltd Evidence,O=Example Ltd,C=CN`.
///
/// # Errors
/// `None` for what is no such name, or an empty one.
pub fn name(text: &str) -> Option<Name> {
    Name::from_str(text).ok().filter(|name| !name.0.is_empty())
}

/// The common name and the organisation of a company, as a name; `None` for no company.
pub fn name_of(company: &str) -> Option<Name> {
    if company.trim().is_empty() {
        return None;
    }
    // Of a text that means something in such a name, every character is escaped that may be.
    let escaped: String =
        company.chars().flat_map(|c| [('\\', ",+\"\\<>;=#".contains(c)), (c, !c.is_control())]).filter_map(|(c, on)| on.then_some(c)).collect();
    name(&format!("CN={escaped},O={escaped}"))
}

/// The request in PEM. It asks for a certificate that signs documents.
///
/// # Errors
/// [`NoSignature`].
pub fn request(subject: Name, key: &dyn Signer) -> Result<String, NoSignature> {
    let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation);
    let wanted = vec![Extension { extn_id: KeyUsage::OID, critical: true, extn_value: OctetString::new(usage.to_der()?)? }];
    let attribute = Attribute { oid: EXTENSION_REQUEST, values: SetOfVec::try_from(vec![Any::encode_from(&wanted)?])? };
    let info = CertReqInfo { version: Version::V1, subject, public_key: key.public_key().clone(), attributes: SetOfVec::try_from(vec![attribute])? };
    let signature = BitString::from_bytes(&key.sign(&info.to_der()?)?)?;
    Ok(CertReq { info, algorithm: key.algorithm(), signature }.to_pem(LineEnding::LF)?)
}
