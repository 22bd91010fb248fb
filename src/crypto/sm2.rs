//! SM2 signatures with SM3 (GB/T 32918.2, GB/T 32905) over bytes, written as DER. The identity that goes into the hash is the one that
//! GB/T 35276 names where nobody agreed on another: every certificate, request and signature here is made with it and judged by it.
//!
//! Not here: SM2 within CMS, which no two versions of OpenSSL judge alike; where the keys lie ([`super::signature`]). A key in a file is no
//! certified module: what must pass an assessment of commercial cryptography needs one.

use der::{Decode, Encode, Sequence, asn1::ObjectIdentifier as Oid, asn1::UintRef};
use sm2::{
    SecretKey,
    dsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{Signer, Verifier},
    },
};
use sm3::{Digest, Sm3};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::{signature::NoSignature, timestamp::algorithm::EC_PUBLIC_KEY};

/// What stands for whoever signs, unless agreed otherwise; OpenSSL's `distid`.
pub const IDENTITY: &str = "1234567812345678";
/// The curve sm2p256v1.
pub const CURVE: Oid = Oid::new_unwrap("1.2.156.10197.1.301");
/// SM2 with SM3.
pub const SM2_SM3: Oid = Oid::new_unwrap("1.2.156.10197.1.501");

/// The two numbers of a signature, as GB/T 35276 writes them.
#[derive(Sequence)]
struct Numbers<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

/// SM3 of `bytes`.
pub fn sm3(bytes: &[u8]) -> [u8; 32] {
    Sm3::digest(bytes).into()
}

/// The algorithm of a signature.
pub fn algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: SM2_SM3, parameters: None }
}

/// Whether the key is one of the curve.
pub fn is_sm2(key: &SubjectPublicKeyInfoOwned) -> bool {
    let curve = key.algorithm.parameters.as_ref().and_then(|named| named.decode_as::<Oid>().ok());
    key.algorithm.oid == EC_PUBLIC_KEY && curve == Some(CURVE)
}

/// Signs `message`; the same message gives the same signature.
///
/// # Errors
/// [`NoSignature`].
pub fn sign(key: &SecretKey, message: &[u8]) -> Result<Vec<u8>, NoSignature> {
    let signature: Signature = SigningKey::new(IDENTITY, key).and_then(|key| key.try_sign(message)).map_err(|_| NoSignature)?;
    let (r, s) = (signature.r_bytes(), signature.s_bytes());
    Ok(Numbers { r: UintRef::new(&r)?, s: UintRef::new(&s)? }.to_der()?)
}

/// Whether `signature` by `key` is over `message`. A signature has one form, so that no byte of it can be changed.
pub fn verify(key: &SubjectPublicKeyInfoOwned, message: &[u8], signature: &[u8]) -> bool {
    let Ok(numbers) = Numbers::from_der(signature) else { return false };
    let mut bytes = [0; 64];
    for (number, place) in [numbers.r, numbers.s].iter().zip(bytes.chunks_exact_mut(32)) {
        let number = number.as_bytes();
        let Some(from) = place.len().checked_sub(number.len()) else { return false };
        place[from..].copy_from_slice(number);
    }
    let Ok(signature) = Signature::from_bytes(&bytes) else { return false };
    is_sm2(key)
        && VerifyingKey::from_sec1_bytes(IDENTITY, key.subject_public_key.raw_bytes()).is_ok_and(|key| key.verify(message, &signature).is_ok())
}
