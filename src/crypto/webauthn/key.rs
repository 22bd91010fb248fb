//! A credential's public key: from COSE (RFC 9053) once, kept as SubjectPublicKeyInfo, which OpenSSL reads. The algorithm is part of the key
//! and never taken from what is to be verified.

use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::cbor::Cbor;
use crate::words;

words! {
    /// How a passkey signs; the numbers are COSE's.
    pub enum Algorithm {
        Es256 = "ES256",
        EdDsa = "EdDSA",
        Rs256 = "RS256",
    }
}

impl Algorithm {
    /// As COSE and the browser number it.
    pub const fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }

    /// What the encoded key begins with; of RSA, whose length varies, the identifier in it.
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Es256 => &[
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
                0x07, 0x03, 0x42, 0x00,
            ],
            Self::EdDsa => &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00],
            Self::Rs256 => &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00],
        }
    }

    fn verifier(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Es256 => &ECDSA_P256_SHA256_ASN1,
            Self::EdDsa => &ED25519,
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        }
    }
}

/// A public key with its algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    algorithm: Algorithm,
    spki: Vec<u8>,
}

impl Key {
    /// A key that was kept: the algorithm must be the one that the key itself names.
    pub fn from_spki(spki: &[u8]) -> Option<Self> {
        let begins = |a: &&Algorithm| match a {
            Algorithm::Rs256 => spki.get(4..).is_some_and(|rest| rest.starts_with(a.prefix())),
            _ => spki.starts_with(a.prefix()),
        };
        let algorithm = Algorithm::ALL.iter().find(begins)?;
        SubjectPublicKeyInfoRef::try_from(spki).ok()?;
        Some(Self { algorithm: *algorithm, spki: spki.to_vec() })
    }

    /// From an authenticator's COSE key: exactly the entries that its kind has.
    pub(super) fn from_cose(cose: &Cbor<'_>) -> Option<Self> {
        let is = |key: i64, value: i64| cose.numbered(key) == Some(&Cbor::Int(value));
        let bytes = |key: i64| cose.numbered(key).and_then(Cbor::bytes);
        let spki = match cose.entries()? {
            5 if is(1, 2) && is(3, -7) && is(-1, 1) => {
                let point = [&[4], bytes(-2)?, bytes(-3)?].concat();
                // A point that is not on the curve is no key.
                p256::PublicKey::from_sec1_bytes(&point).ok().filter(|_| point.len() == 65)?;
                [Algorithm::Es256.prefix(), &point].concat()
            }
            4 if is(1, 1) && is(3, -8) && is(-1, 6) => {
                let key = bytes(-2)?;
                ed25519_dalek::VerifyingKey::from_bytes(key.try_into().ok()?).ok().filter(|key| !key.is_weak())?;
                [Algorithm::EdDsa.prefix(), key].concat()
            }
            4 if is(1, 3) && is(3, -257) => {
                let (n, e) = (bytes(-1)?, bytes(-2)?);
                if !(256..=512).contains(&n.len()) || n[0] == 0 || n[n.len() - 1] & 1 == 0 || e != [1, 0, 1] {
                    return None;
                }
                let pair = sequence(&[integer(n), integer(e)].concat());
                sequence(&[Algorithm::Rs256.prefix(), &element(3, &[&[0], pair.as_slice()].concat())].concat())
            }
            _ => return None,
        };
        Self::from_spki(&spki)
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// DER of the SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// As OpenSSL reads it.
    pub fn to_pem(&self) -> String {
        der::pem::encode_string("PUBLIC KEY", der::pem::LineEnding::LF, &self.spki).expect("a key of a few hundred bytes has a PEM")
    }

    /// Whether `signature` over `message` is this key's.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(info) = SubjectPublicKeyInfoRef::try_from(self.spki.as_slice()) else { return false };
        UnparsedPublicKey::new(self.algorithm.verifier(), info.subject_public_key.raw_bytes()).verify(message, signature).is_ok()
    }
}

/// A DER element.
fn element(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    let head: &[u8] = match body.len() {
        ..128 => &[tag, length[1]],
        128..256 => &[tag, 0x81, length[1]],
        _ => &[tag, 0x82, length[0], length[1]],
    };
    [head, body].concat()
}

fn sequence(body: &[u8]) -> Vec<u8> {
    element(0x30, body)
}

/// An unsigned number without zeros in front.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if bytes.first().is_some_and(|b| b & 0x80 != 0) { &[0] } else { &[] };
    element(2, &[sign, bytes].concat())
}
