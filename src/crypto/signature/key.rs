//! A signing key in a file: PKCS#8 in PEM, P-256 or RSA, or SM2. Nothing here prints a key.

use std::fmt;

use der::{AnyRef, SecretDocument, asn1::BitString, pem::LineEnding};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::{DecodePrivateKey, EncodePrivateKey},
};
use ring::{rand::SystemRandom, signature::RSA_PKCS1_SHA256, signature::RsaKeyPair};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::{NoSignature, Signer, Suite};
use crate::crypto::{
    random, sm2,
    timestamp::algorithm::{ECDSA_SHA256, RSA, RSA_SHA256},
};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    #[error("it holds no key in PKCS#8 (BEGIN PRIVATE KEY); `openssl pkcs8 -topk8 -nocrypt` writes that form")]
    Absent,
    #[error("its key is neither of the curves P-256 and SM2 nor RSA with 2048 bits or more")]
    Unknown,
}

enum Kind {
    P256(SigningKey),
    Rsa(Box<RsaKeyPair>),
    Sm2(::sm2::SecretKey),
}

/// A key from a file.
pub struct FileKey {
    kind: Kind,
    public: SubjectPublicKeyInfoOwned,
    secret: SecretDocument,
}

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey")
    }
}

impl FileKey {
    /// A new key, P-256.
    ///
    /// # Errors
    /// [`NoSignature`] if it cannot be written down.
    pub fn fresh() -> Result<Self, NoSignature> {
        loop {
            // All but one in 2^32 are keys.
            if let Ok(key) = p256::SecretKey::from_slice(&*Zeroizing::new(random::<32>())) {
                let secret = key.to_pkcs8_der().map_err(|_| NoSignature)?;
                return Self::of_p256(&key, secret);
            }
        }
    }

    /// A new key of a suite.
    ///
    /// # Errors
    /// As [`FileKey::fresh`].
    pub fn fresh_of(suite: Suite) -> Result<Self, NoSignature> {
        if suite == Suite::Standard {
            return Self::fresh();
        }
        loop {
            // As above.
            if let Ok(key) = ::sm2::SecretKey::from_slice(&*Zeroizing::new(random::<32>())) {
                let secret = key.to_pkcs8_der().map_err(|_| NoSignature)?;
                return Self::of_sm2(key, secret);
            }
        }
    }

    fn of_sm2(key: ::sm2::SecretKey, secret: SecretDocument) -> Result<Self, NoSignature> {
        let public = SubjectPublicKeyInfoOwned::from_key(key.public_key()).map_err(|_| NoSignature)?;
        Ok(Self { kind: Kind::Sm2(key), public, secret })
    }

    /// What it signs.
    pub const fn suite(&self) -> Suite {
        match self.kind {
            Kind::Sm2(_) => Suite::Sm2,
            Kind::P256(_) | Kind::Rsa(_) => Suite::Standard,
        }
    }

    fn of_p256(key: &p256::SecretKey, secret: SecretDocument) -> Result<Self, NoSignature> {
        let public = SubjectPublicKeyInfoOwned::from_key(key.public_key()).map_err(|_| NoSignature)?;
        Ok(Self { kind: Kind::P256(key.into()), public, secret })
    }

    /// The key of a PEM file; what else stands there is left aside.
    ///
    /// # Errors
    /// [`BadKey`].
    pub fn from_pem(text: &str) -> Result<Self, BadKey> {
        let body = text.split(BEGIN).nth(1).and_then(|rest| rest.split(END).next()).ok_or(BadKey::Absent)?;
        let lines: Zeroizing<String> = Zeroizing::new(body.split_whitespace().flat_map(|line| [line, "\n"]).collect());
        let pem = Zeroizing::new(format!("{BEGIN}\n{}{END}\n", lines.as_str()));
        let (_, secret) = SecretDocument::from_pem(&pem).map_err(|_| BadKey::Absent)?;
        Self::from_pkcs8(secret)
    }

    /// The key of a PrivateKeyInfo.
    ///
    /// # Errors
    /// [`BadKey::Unknown`].
    pub fn from_pkcs8(secret: SecretDocument) -> Result<Self, BadKey> {
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(secret.as_bytes()) {
            return Self::of_p256(&key, secret).map_err(|_| BadKey::Unknown);
        }
        if let Ok(key) = ::sm2::SecretKey::from_pkcs8_der(secret.as_bytes()) {
            return Self::of_sm2(key, secret).map_err(|_| BadKey::Unknown);
        }
        let key = RsaKeyPair::from_pkcs8(secret.as_bytes()).map_err(|_| BadKey::Unknown)?;
        let algorithm = AlgorithmIdentifierOwned { oid: RSA, parameters: Some(AnyRef::NULL.into()) };
        let subject_public_key = BitString::from_bytes(key.public().as_ref()).map_err(|_| BadKey::Unknown)?;
        Ok(Self { kind: Kind::Rsa(Box::new(key)), public: SubjectPublicKeyInfoOwned { algorithm, subject_public_key }, secret })
    }

    /// As [`FileKey::from_pem`] reads it.
    pub fn to_pem(&self) -> Zeroizing<String> {
        self.secret.to_pem("PRIVATE KEY", LineEnding::LF).unwrap_or_default()
    }
}

impl Signer for FileKey {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        &self.public
    }

    fn algorithm(&self) -> AlgorithmIdentifierOwned {
        match self.kind {
            Kind::P256(_) => AlgorithmIdentifierOwned { oid: ECDSA_SHA256, parameters: None },
            Kind::Rsa(_) => AlgorithmIdentifierOwned { oid: RSA_SHA256, parameters: Some(AnyRef::NULL.into()) },
            Kind::Sm2(_) => sm2::algorithm(),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NoSignature> {
        match &self.kind {
            // By RFC 6979: the same message gives the same signature; of its two forms the one that `cms::open` takes.
            Kind::P256(key) => {
                let signature: Signature = key.try_sign(message).map_err(|_| NoSignature)?;
                let signature = signature.normalize_s().unwrap_or(signature);
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Kind::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|_| NoSignature)?;
                Ok(signature)
            }
            Kind::Sm2(key) => sm2::sign(key, message),
        }
    }
}
