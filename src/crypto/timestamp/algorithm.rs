//! Signatures as authorities make them: RSA with PKCS#1 v1.5, ECDSA on P-256 and P-384; SHA-256, SHA-384, SHA-512. SHA-1 is not spoken
//! except to find a certificate by its name (`signingCertificate`), where no security rests on it alone.

use der::{Encode, asn1::ObjectIdentifier as Oid};
use p256::ecdsa::{DerSignature, VerifyingKey, signature::hazmat::PrehashVerifier};
use ring::signature::{
    ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::Refusal;

pub const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.3");
pub const RSA: Oid = Oid::new_unwrap("1.2.840.113549.1.1.1");
pub const EC_PUBLIC_KEY: Oid = Oid::new_unwrap("1.2.840.10045.2.1");
pub const P256: Oid = Oid::new_unwrap("1.2.840.10045.3.1.7");
const P384: Oid = Oid::new_unwrap("1.3.132.0.34");
pub const ECDSA_SHA256: Oid = Oid::new_unwrap("1.2.840.10045.4.3.2");
/// sha256WithRSAEncryption.
pub const RSA_SHA256: Oid = Oid::new_unwrap("1.2.840.113549.1.1.11");

/// The algorithm by which a key signs with SHA-256: its parameters are NULL for RSA and absent for elliptic curves (RFC 4055, RFC 5758).
///
/// # Errors
/// [`Refusal::Algorithm`] for a key that is not spoken.
pub fn with_sha256(key: &SubjectPublicKeyInfoOwned) -> Result<AlgorithmIdentifierOwned, Refusal> {
    match key.algorithm.oid {
        RSA => Ok(AlgorithmIdentifierOwned { oid: RSA_SHA256, parameters: Some(der::AnyRef::NULL.into()) }),
        EC_PUBLIC_KEY => Ok(AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None }),
        other => Err(Refusal::Algorithm(other.to_string())),
    }
}

/// A hash that is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// # Errors
    /// [`Refusal::Algorithm`] names what is not spoken.
    pub fn of(algorithm: &Oid) -> Result<Self, Refusal> {
        match *algorithm {
            SHA256 => Ok(Self::Sha256),
            SHA384 => Ok(Self::Sha384),
            SHA512 => Ok(Self::Sha512),
            other => Err(Refusal::Algorithm(other.to_string())),
        }
    }

    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha384 => Sha384::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }
}

/// The hash that a signature's algorithm names; `None` where it names only the kind of key, and the digest's algorithm decides.
fn named(algorithm: &Oid) -> Result<Option<Hash>, Refusal> {
    Ok(match algorithm.to_string().as_str() {
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => Some(Hash::Sha256),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => Some(Hash::Sha384),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => Some(Hash::Sha512),
        "1.2.840.113549.1.1.1" | "1.2.840.10045.2.1" => None,
        other => return Err(Refusal::Algorithm(other.to_owned())),
    })
}

/// Whether `signature` by the key of `spki` is over `message`. `digest`: the hash to take where `algorithm` names none.
///
/// # Errors
/// [`Refusal::Signature`]; [`Refusal::Algorithm`] for a key, a curve or a hash that is not spoken.
pub fn verify(
    spki: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    digest: Option<Hash>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Refusal> {
    let hash = named(&algorithm.oid)?.or(digest).ok_or_else(|| Refusal::Algorithm(algorithm.oid.to_string()))?;
    let key = spki.subject_public_key.raw_bytes();
    let by_ring =
        |how: &'static dyn VerificationAlgorithm| UnparsedPublicKey::new(how, key).verify(message, signature).map_err(|_| Refusal::Signature);
    match spki.algorithm.oid {
        RSA => by_ring(match hash {
            Hash::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
            Hash::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
            Hash::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
        }),
        EC_PUBLIC_KEY => {
            let curve = spki.algorithm.parameters.as_ref().and_then(|p| p.to_der().ok()).and_then(|der| der::Decode::from_der(&der).ok());
            match (curve, hash) {
                (Some(P256), _) => {
                    let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| Refusal::Signature)?;
                    let signature = DerSignature::try_from(signature).map_err(|_| Refusal::Signature)?;
                    key.verify_prehash(&hash.digest(message), &signature).map_err(|_| Refusal::Signature)
                }
                (Some(P384), Hash::Sha256) => by_ring(&ECDSA_P384_SHA256_ASN1),
                (Some(P384), Hash::Sha384) => by_ring(&ECDSA_P384_SHA384_ASN1),
                (Some(other), _) => Err(Refusal::Algorithm(other.to_string())),
                (None, _) => Err(Refusal::Algorithm(EC_PUBLIC_KEY.to_string())),
            }
        }
        other => Err(Refusal::Algorithm(other.to_string())),
    }
}
