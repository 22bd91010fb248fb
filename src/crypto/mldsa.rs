//! ML-DSA-44 (FIPS 204): signatures that a quantum computer does not break. Not here: what the log signs with it (`ledger::mldsa`).

use std::sync::OnceLock;

use ml_dsa::{MlDsa44, Signature, SigningKey, VerifyingKey, signature::Keypair, signature::Signer};

/// Bytes of a public key (FIPS 204, table 2).
pub const PUBLIC: usize = 1312;

/// A key that signs, made from a seed of 32 bytes, which is what is kept.
#[derive(Clone)]
pub struct MldsaKey(SigningKey<MlDsa44>);

impl MldsaKey {
    /// The key of a seed (FIPS 204, algorithm 6).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_seed(&(*seed).into()))
    }

    pub fn seed(&self) -> [u8; 32] {
        self.0.to_seed().into()
    }

    pub fn public(&self) -> [u8; PUBLIC] {
        self.0.verifying_key().encode().into()
    }

    /// 2420 bytes, the same for the same message (FIPS 204, the deterministic variant; the context is empty).
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).encode().to_vec()
    }
}

/// The public half, which checks signatures. The matrix that its bytes stand for is worked out at the first check and kept: it costs as much
/// as a check does, and a log has thousands of checkpoints under one key.
#[derive(Clone)]
pub struct MldsaPublic {
    bytes: Box<[u8; PUBLIC]>,
    expanded: OnceLock<Box<VerifyingKey<MlDsa44>>>,
}

impl MldsaPublic {
    /// Every [`PUBLIC`] bytes are a key (FIPS 204, algorithm 23).
    pub fn new(bytes: [u8; PUBLIC]) -> Self {
        Self { bytes: Box::new(bytes), expanded: OnceLock::new() }
    }

    pub fn bytes(&self) -> &[u8; PUBLIC] {
        &self.bytes
    }

    /// Whether `signature` is one over `message` by this key (FIPS 204, algorithm 3); the context is empty.
    pub fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = self.expanded.get_or_init(|| Box::new(VerifyingKey::decode(&(*self.bytes).into())));
        Signature::<MlDsa44>::try_from(signature).is_ok_and(|signature| key.verify_with_context(message, &[], &signature))
    }
}

impl PartialEq for MldsaPublic {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for MldsaPublic {}
