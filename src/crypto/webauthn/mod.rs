//! Passkeys (W3C Web Authentication, level 3): what an authenticator answers at enrolment and afterwards, verified. Pure: bytes in, a verdict
//! out. Not here: challenges, who may do what, and what is kept (`app::passkeys`).
//!
//! Why no crate: a signed decision needs an assertion over a challenge of our own making, verified once more years later from the four pieces
//! in a bundle. A library for relying parties keeps the challenge to itself and brings an OpenSSL binding, a second CBOR and X.509 along.
//! What we accept is small: attestation `none` or `packed` by the key itself, three algorithms, one origin.

mod cbor;
mod key;
mod signed;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use self::cbor::Cbor;
pub use self::{
    key::{Algorithm, Key},
    signed::{Pieces, Signed},
};
use crate::{crypto::sha256, words};

/// The longest client data, attestation and signature that are looked at.
const LIMIT: usize = 8 << 10;
/// The longest credential id of the standard.
const ID_LIMIT: usize = 1023;
/// Bits of the authenticator's flags.
const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENDED: u8 = 1 << 7;

words! {
    /// Why an answer of an authenticator is not accepted.
    pub enum Unfit {
        /// Not of the form that the standard asks for, or bytes too many.
        Form = "form",
        /// `webauthn.create` where `webauthn.get` was asked for, or the other way round.
        Type = "type",
        Challenge = "challenge",
        Origin = "origin",
        /// Asked for from a frame of another site.
        CrossOrigin = "cross_origin",
        RelyingParty = "relying_party",
        /// Nobody touched it.
        Presence = "presence",
        /// No fingerprint, face or PIN.
        Verification = "verification",
        Algorithm = "algorithm",
        Attestation = "attestation",
        Signature = "signature",
        /// The counter did not rise: the key may have been copied.
        Counter = "counter",
    }
}

/// What an answer has to be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    pub challenge: &'e [u8],
    /// Scheme, host and port.
    pub origin: &'e str,
    /// The host that passkeys belong to.
    pub rp_id: &'e str,
    /// Whether the person must have been verified (fingerprint, face, PIN), not only present.
    pub verified: bool,
}

/// A new passkey.
#[derive(Clone, Debug)]
pub struct Registered {
    pub credential_id: Vec<u8>,
    pub key: Key,
    pub counter: u32,
    /// It can be copied to other devices of the person.
    pub synced: bool,
}

/// What an authenticator says at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    pub counter: u32,
    pub synced: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

/// Verifies the answer to `navigator.credentials.create`.
pub fn register(expected: Expected<'_>, client_data: &[u8], attestation: &[u8]) -> Result<Registered, Unfit> {
    client(expected, "webauthn.create", client_data)?;
    if attestation.len() > LIMIT {
        return Err(Unfit::Form);
    }
    let (object, rest) = Cbor::read(attestation).ok_or(Unfit::Form)?;
    let part = |name: &str| object.get(&Cbor::Text(name)).ok_or(Unfit::Form);
    let (format, statement) = (part("fmt")?, part("attStmt")?);
    let bytes = part("authData")?.bytes().ok_or(Unfit::Form)?;
    if !rest.is_empty() || object.entries() != Some(3) {
        return Err(Unfit::Form);
    }
    let data = Data::read(bytes)?;
    data.fits(expected)?;
    let Some((credential_id, cose)) = data.credential else { return Err(Unfit::Form) };
    let key = Key::from_cose(&cose).ok_or(Unfit::Algorithm)?;
    match (format, statement.entries()) {
        (Cbor::Text("none"), Some(0)) => {}
        // By the credential itself: no certificate, hence nothing to trust but that the key is there.
        (Cbor::Text("packed"), Some(2)) => {
            let own = statement.get(&Cbor::Text("alg")) == Some(&Cbor::Int(key.algorithm().number()));
            let signature = statement.get(&Cbor::Text("sig")).and_then(Cbor::bytes).filter(|_| own).ok_or(Unfit::Attestation)?;
            if !key.verifies(&[bytes, &sha256(client_data)].concat(), signature) {
                return Err(Unfit::Attestation);
            }
        }
        _ => return Err(Unfit::Attestation),
    }
    Ok(Registered { credential_id: credential_id.to_vec(), key, counter: data.counter, synced: data.flags & ELIGIBLE != 0 })
}

/// Verifies the answer to `navigator.credentials.get`: a signature over authenticator data and client data. `counter` is the last one seen.
pub fn assert(expected: Expected<'_>, key: &Key, counter: u32, given: Assertion<'_>) -> Result<Used, Unfit> {
    client(expected, "webauthn.get", given.client_data)?;
    let data = Data::read(given.authenticator_data)?;
    data.fits(expected)?;
    if data.credential.is_some() || given.signature.len() > LIMIT {
        return Err(Unfit::Form);
    }
    if !key.verifies(&[given.authenticator_data, &sha256(given.client_data)].concat(), given.signature) {
        return Err(Unfit::Signature);
    }
    // Synced passkeys do not count: zero on both sides.
    if (counter != 0 || data.counter != 0) && data.counter <= counter {
        return Err(Unfit::Counter);
    }
    Ok(Used { counter: data.counter, synced: data.flags & ELIGIBLE != 0 })
}

/// The three pieces of an assertion.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    pub authenticator_data: &'a [u8],
    pub client_data: &'a [u8],
    pub signature: &'a [u8],
}

fn client(expected: Expected<'_>, kind: &str, bytes: &[u8]) -> Result<(), Unfit> {
    if bytes.len() > LIMIT {
        return Err(Unfit::Form);
    }
    let data: ClientData = serde_json::from_slice(bytes).map_err(|_| Unfit::Form)?;
    if data.kind != kind {
        return Err(Unfit::Type);
    }
    // Compared as text: what is not the shortest form of base64url is not what a browser wrote.
    if data.challenge != URL_SAFE_NO_PAD.encode(expected.challenge) {
        return Err(Unfit::Challenge);
    }
    if data.origin != expected.origin {
        return Err(Unfit::Origin);
    }
    if data.cross_origin || data.top_origin.is_some() {
        return Err(Unfit::CrossOrigin);
    }
    Ok(())
}

/// Authenticator data (§6.1).
struct Data<'b> {
    rp_id_hash: &'b [u8],
    flags: u8,
    counter: u32,
    credential: Option<(&'b [u8], Cbor<'b>)>,
}

impl<'b> Data<'b> {
    fn read(bytes: &'b [u8]) -> Result<Self, Unfit> {
        Self::parse(bytes).ok_or(Unfit::Form)
    }

    fn parse(bytes: &'b [u8]) -> Option<Self> {
        if bytes.len() > LIMIT {
            return None;
        }
        let (rp_id_hash, rest) = bytes.split_at_checked(32)?;
        let (flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_at_checked(4)?;
        let mut credential = None;
        if flags & ATTESTED != 0 {
            let (_model, after) = rest.split_at_checked(16)?;
            let (length, after) = after.split_at_checked(2)?;
            let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
            let (id, after) = after.split_at_checked(length).filter(|(id, _)| (1..=ID_LIMIT).contains(&id.len()))?;
            let (cose, after) = Cbor::read(after)?;
            credential = Some((id, cose));
            rest = after;
        }
        if flags & EXTENDED != 0 {
            let (extensions, after) = Cbor::read(rest)?;
            extensions.entries()?;
            rest = after;
        }
        let told = flags & BACKED_UP == 0 || flags & ELIGIBLE != 0;
        (rest.is_empty() && told).then_some(Self { rp_id_hash, flags: *flags, counter: u32::from_be_bytes(counter.try_into().ok()?), credential })
    }

    fn fits(&self, expected: Expected<'_>) -> Result<(), Unfit> {
        if self.rp_id_hash != sha256(expected.rp_id.as_bytes()) {
            return Err(Unfit::RelyingParty);
        }
        if self.flags & PRESENT == 0 {
            return Err(Unfit::Presence);
        }
        if expected.verified && self.flags & VERIFIED == 0 {
            return Err(Unfit::Verification);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
