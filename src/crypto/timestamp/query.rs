//! The question that an authority is asked: "this hash, with this nonce; and send your certificate along".

use der::{
    Decode, Encode,
    asn1::{Int, ObjectIdentifier, OctetString},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{
    Refusal, algorithm,
    asn1::{MessageImprint, TimeStampReq},
};
use crate::crypto::{random, sha256};

/// A policy of an authority; read from a dotted number by `parse`.
pub type Policy = ObjectIdentifier;

/// A question (RFC 3161 §2.4.1), by SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub imprint: [u8; 32],
    /// Big-endian, positive, as DER writes it.
    pub nonce: Vec<u8>,
    /// The only policy to be accepted.
    pub policy: Option<Policy>,
}

impl Query {
    /// A question about `bytes`, with a nonce of 127 random bits.
    pub fn new(bytes: &[u8], policy: Option<Policy>) -> Self {
        let mut nonce = random::<16>();
        // Positive and of full length, so that there is one way to write it.
        nonce[0] = nonce[0] & 0x7f | 0x40;
        Self { imprint: sha256(bytes), nonce: nonce.to_vec(), policy }
    }

    /// As it crosses the wire: `application/timestamp-query`.
    pub fn to_der(&self) -> Vec<u8> {
        let request = TimeStampReq {
            version: 1,
            message_imprint: MessageImprint {
                hash_algorithm: AlgorithmIdentifierOwned { oid: algorithm::SHA256, parameters: Some(der::asn1::Null.into()) },
                hashed_message: OctetString::new(self.imprint).expect("32 bytes"),
            },
            req_policy: self.policy,
            nonce: Some(Int::new(&self.nonce).expect("sixteen bytes")),
            cert_req: true,
            extensions: None,
        };
        request.to_der().expect("a question of fixed size can be written")
    }

    /// Reads a question that was kept beside its answer.
    ///
    /// # Errors
    /// [`Refusal::Malformed`]; [`Refusal::Algorithm`] for a question by another hash than SHA-256.
    pub fn parse(der: &[u8]) -> Result<Self, Refusal> {
        let request = TimeStampReq::from_der(der).map_err(|_| Refusal::Malformed("not a question"))?;
        let MessageImprint { hash_algorithm, hashed_message } = request.message_imprint;
        if hash_algorithm.oid != algorithm::SHA256 {
            return Err(Refusal::Algorithm(hash_algorithm.oid.to_string()));
        }
        Ok(Self {
            imprint: hashed_message.as_bytes().try_into().map_err(|_| Refusal::Malformed("a hash of another length"))?,
            nonce: request.nonce.ok_or(Refusal::Malformed("a question without a nonce"))?.as_bytes().to_vec(),
            policy: request.req_policy,
        })
    }
}
