//! A statement that a passkey signed, with everything that verifies it: as an event keeps it, and as a bundle carries it for years.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{Algorithm, Assertion, Expected, Key, Unfit, assert};
use crate::crypto::sha256;

/// The assertion over a statement. Bytes are base64url without padding, as browsers write them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    pub algorithm: Algorithm,
    pub credential_id: String,
    /// PEM.
    pub public_key: String,
    pub origin: String,
    pub rp_id: String,
    pub client_data: String,
    pub authenticator_data: String,
    pub signature: String,
}

/// The three pieces, as bytes.
#[derive(Clone, Debug)]
pub struct Pieces {
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
}

impl Signed {
    /// The pieces; nothing where one is no base64url.
    pub fn pieces(&self) -> Option<Pieces> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        Some(Pieces {
            client_data: bytes(&self.client_data)?,
            authenticator_data: bytes(&self.authenticator_data)?,
            signature: bytes(&self.signature)?,
        })
    }

    /// Whether the key signed `statement`: the challenge is its SHA-256, and the person was verified.
    pub fn verify(&self, statement: &[u8]) -> Result<(), Unfit> {
        let (_, der) = der::pem::decode_vec(self.public_key.as_bytes()).map_err(|_| Unfit::Form)?;
        let key = Key::from_spki(&der).filter(|key| key.algorithm() == self.algorithm).ok_or(Unfit::Algorithm)?;
        let pieces = self.pieces().ok_or(Unfit::Form)?;
        let challenge = sha256(statement);
        let expected = Expected { challenge: &challenge, origin: &self.origin, rp_id: &self.rp_id, verified: true };
        let given = Assertion { authenticator_data: &pieces.authenticator_data, client_data: &pieces.client_data, signature: &pieces.signature };
        // The counter was looked at when it was taken.
        assert(expected, &key, 0, given).map(drop)
    }
}
