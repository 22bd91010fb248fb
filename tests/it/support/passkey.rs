//! An authenticator in software: what a device and its browser answer to a question of ours, right or wrong.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One passkey, and how it lies.
#[derive(Clone)]
pub struct Passkey {
    key: SigningKey,
    pub id: Vec<u8>,
    pub counter: u32,
    /// Present, verified.
    pub flags: u8,
    pub origin: String,
    /// Another host than the one asked for.
    pub rp_id: Option<String>,
}

impl Passkey {
    pub fn new(origin: &str) -> Self {
        let id: [u8; 32] = countermand::crypto::random();
        let key = loop {
            let secret: [u8; 32] = countermand::crypto::random();
            if let Ok(key) = SigningKey::from_slice(&secret) {
                break key;
            }
        };
        Self { key, id: id.to_vec(), counter: 0, flags: 0x05, origin: origin.to_owned(), rp_id: None }
    }

    /// A copy of the device as it is now.
    #[must_use]
    pub fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut copy = self.clone();
        change(&mut copy);
        copy
    }

    fn client_data(&self, kind: &str, ask: &Value) -> Vec<u8> {
        json!({ "type": kind, "challenge": ask["challenge"], "origin": self.origin, "crossOrigin": false }).to_string().into_bytes()
    }

    fn head(&self, rp_id: &Value, flags: u8) -> Vec<u8> {
        let rp_id = self.rp_id.as_deref().unwrap_or_else(|| rp_id.as_str().expect("a host"));
        [Sha256::digest(rp_id).as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// What the form of a new passkey is sent with.
    pub fn create(&self, ask: &Value) -> String {
        let point = self.key.verifying_key().to_encoded_point(false);
        let cose = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32], point.x().unwrap().as_slice(), &[0x22, 0x58, 32], point.y().unwrap().as_slice()]
            .concat();
        let data = [self.head(&ask["rp"]["id"], self.flags | 0x40).as_slice(), &[0; 16], &[0, 32], &self.id, &cose].concat();
        let length = u8::try_from(data.len()).expect("less than 256 bytes");
        let attestation = [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".as_slice(), &[length], &data].concat();
        let client = self.client_data("webauthn.create", ask);
        json!({ "question": ask["question"], "client_data": text(&client), "attestation": text(&attestation) }).to_string()
    }

    /// What is sent in the place of a code.
    pub fn answer(&mut self, ask: &Value) -> String {
        self.counter += 1;
        let (client, data) = (self.client_data("webauthn.get", ask), self.head(&ask["rpId"], self.flags));
        let signature: Signature = self.key.sign(&[data.as_slice(), &Sha256::digest(&client)].concat());
        json!({
            "question": ask["question"], "id": text(&self.id), "client_data": text(&client), "authenticator_data": text(&data),
            "signature": text(signature.to_der().as_bytes()),
        })
        .to_string()
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a page asks in its attribute `name`.
pub fn asked(body: &str, name: &str) -> Value {
    let rest = body.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("no {name} in {body}"));
    let plain = rest.split('"').next().unwrap().replace("&#34;", "\"").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&");
    serde_json::from_str(&plain).unwrap_or_else(|e| panic!("{e}: {plain}"))
}
