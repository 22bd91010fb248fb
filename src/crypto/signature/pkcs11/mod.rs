//! A signing key that a token keeps to itself, behind a PKCS#11 module: P-256 or RSA. What lies in the data folder of such a key is its
//! [`Reference`].
//!
//! | module | what it does |
//! |---|---|
//! | [`mod@reference`] | names a key in a token (RFC 7512) |
//! | [`pin`] | the PIN's file, and that no PIN is tried again once it was refused |
//! | [`worker`] | one thread for each module of the process, and how long it is waited for |
//! | [`token`] | what is asked of the module |
//!
//! Not here: where the reference lies ([`super::files`]), the settings (`config`).

pub mod pin;
pub mod reference;
mod token;
mod worker;

use std::path::PathBuf;

use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

pub use reference::Reference;
use token::Wanted;

use super::{NoSignature, Signer};
use crate::crypto::timestamp::algorithm;

/// Which module, token and key the settings name, and what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The module's shared object, as an absolute path.
    pub module: PathBuf,
    /// The token's label, or its serial number.
    pub token: String,
    /// The key's label (CKA_LABEL), or its identifier (CKA_ID) in hex.
    pub key: String,
    /// Readable by its owner alone; the PIN is its one line.
    pub pin_file: PathBuf,
    /// Where it is noted that the PIN of that file was refused.
    pub refused: PathBuf,
}

/// Why a key in a module cannot be used; each says what to mend. None holds anything of the PIN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    #[error("it lies in a module ({0}), and the settings name none: set evidence.pkcs11")]
    Unset(String),
    #[error("evidence.pkcs11.module: {0} cannot be loaded: {1}")]
    Load(String, String),
    #[error("evidence.pkcs11.token: the module has no token {0:?}; it has {1}")]
    NoToken(String, String),
    #[error("evidence.pkcs11.token: more than one token is called {0:?}; name one by its serial number: {1}")]
    Tokens(String, String),
    #[error("evidence.pkcs11.key: the token {0:?} has no private key {1:?}; `evidence key request` makes the one that the settings name")]
    NoKey(String, String),
    #[error("evidence.pkcs11.key: the token {0:?} has more than one private key {1:?}; name one by its CKA_ID in hex")]
    Keys(String, String),
    #[error("the token has no public key for {0:?}: put it there, with the same CKA_ID")]
    NoPublic(String),
    #[error("evidence.pkcs11.key: {0}; only P-256, and RSA with 2048 bits or more, sign evidence from a module (SM2 signs from a file)")]
    Kind(String),
    #[error("the key in the token is not that of the certificate: put the right one there, or ask for a certificate of this one")]
    OtherKey,
    #[error("evidence.pkcs11.pin_file: {0}: {1}")]
    PinFile(String, String),
    #[error("evidence.pkcs11.pin_file: {0} can be read by others: chmod 600")]
    PinOpen(String),
    #[error(
        "evidence.pkcs11.pin_file: the token refused the PIN of {0}. It is not tried again, because a token locks after some tries: write the \
         right one into the file, or touch the file if the token has got another PIN"
    )]
    PinRefused(String),
    #[error("the token has locked its PIN after wrong ones: have its security officer set a new one, and write it into evidence.pkcs11.pin_file")]
    PinLocked,
    #[error("the token locks its PIN if the next one is wrong, so none is tried: log in once with the token's own tool")]
    PinFinal,
    #[error("the module did not answer within {0} seconds; it is asked again once it has")]
    Silent(u64),
    /// Function and code, as PKCS#11 names them.
    #[error("the module refuses {0}: {1}")]
    Call(String, String),
}

impl ModuleError {
    /// Every [`ModuleError::as_str`].
    pub const WORDS: [&'static str; 16] = [
        "unset",
        "load",
        "no_token",
        "tokens",
        "no_key",
        "keys",
        "no_public",
        "kind",
        "other_key",
        "pin_file",
        "pin_open",
        "pin_refused",
        "pin_locked",
        "pin_final",
        "silent",
        "call",
    ];

    /// What a page calls it (`certificate-module-<word>`).
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unset(_) => "unset",
            Self::Load(..) => "load",
            Self::NoToken(..) => "no_token",
            Self::Tokens(..) => "tokens",
            Self::NoKey(..) => "no_key",
            Self::Keys(..) => "keys",
            Self::NoPublic(_) => "no_public",
            Self::Kind(_) => "kind",
            Self::OtherKey => "other_key",
            Self::PinFile(..) => "pin_file",
            Self::PinOpen(_) => "pin_open",
            Self::PinRefused(_) => "pin_refused",
            Self::PinLocked => "pin_locked",
            Self::PinFinal => "pin_final",
            Self::Silent(_) => "silent",
            Self::Call(..) => "call",
        }
    }
}

/// A key in a token. Nothing is asked of the module until it is to sign or is looked at.
#[derive(Clone, Debug)]
pub struct ModuleKey {
    reference: Reference,
    public: SubjectPublicKeyInfoOwned,
    access: Option<Access>,
}

impl ModuleKey {
    /// The key that a certificate is of; `access`: what the settings say now.
    pub fn known(reference: Reference, public: SubjectPublicKeyInfoOwned, access: Option<Access>) -> Self {
        Self { reference, public, access }
    }

    /// The key that the settings name.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn named(access: &Access) -> Result<Self, ModuleError> {
        Self::of(access, false)
    }

    /// The same, made in the token where it has none of that name: P-256, never to leave it.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn made(access: &Access) -> Result<Self, ModuleError> {
        match Self::of(access, false) {
            Err(ModuleError::NoKey(..)) => Self::of(access, true),
            found => found,
        }
    }

    fn of(access: &Access, make: bool) -> Result<Self, ModuleError> {
        let asked = access.clone();
        let (reference, public) = worker::ask(&access.module, move |module| {
            module.run(&asked, make, |open| if make { open.make(&asked.key) } else { open.find(Wanted::Named(&asked.key))?.facts(open) })
        })?;
        Ok(Self { reference, public, access: Some(access.clone()) })
    }

    pub const fn reference(&self) -> &Reference {
        &self.reference
    }

    fn access(&self) -> Result<&Access, ModuleError> {
        self.access.as_ref().ok_or_else(|| ModuleError::Unset(self.reference.to_string()))
    }

    /// Whether the token is there, opens and has this key. Blocks, [`worker::PATIENCE`] at most.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn check(&self) -> Result<(), ModuleError> {
        let access = self.access()?.clone();
        let (reference, public) = (self.reference.clone(), self.public.clone());
        worker::ask(&self.access()?.module, move |module| {
            module.run(&access, false, |open| {
                let (_, there) = open.find(Wanted::Known(&reference))?.facts(open)?;
                if there == public { Ok(()) } else { Err(ModuleError::OtherKey) }
            })
        })
    }

    /// As [`Signer::sign`], and says why not. What the token gives is held against the public key before anybody sees it. Blocks,
    /// [`worker::PATIENCE`] at most.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn signed(&self, message: &[u8]) -> Result<Vec<u8>, ModuleError> {
        let access = self.access()?.clone();
        let (reference, asked) = (self.reference.clone(), message.to_vec());
        let signature = worker::ask(&self.access()?.module, move |module| {
            module.run(&access, false, |open| open.find(Wanted::Known(&reference))?.sign(open, &asked))
        })?;
        algorithm::verify(&self.public, &self.algorithm(), None, message, &signature).map_err(|_| ModuleError::OtherKey)?;
        Ok(signature)
    }
}

impl Signer for ModuleKey {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        &self.public
    }

    fn algorithm(&self) -> AlgorithmIdentifierOwned {
        // Of another kind there is none: a certificate of it is not taken in.
        algorithm::with_sha256(&self.public).unwrap_or(AlgorithmIdentifierOwned { oid: algorithm::ECDSA_SHA256, parameters: None })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NoSignature> {
        self.signed(message).map_err(|error| {
            tracing::error!(%error, key = %self.reference, "the module does not sign");
            NoSignature
        })
    }
}
