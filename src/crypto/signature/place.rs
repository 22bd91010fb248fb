//! A signing key wherever it lies: in a file, or in a token behind a module. Not here: either of them ([`super::key`], [`super::pkcs11`]).

use std::fmt;

use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use super::{
    FileKey, NoSignature, Signer, Suite,
    pkcs11::{ModuleError, ModuleKey, Reference},
};

/// Where a key lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file below the data folder.
    File,
    /// In a token.
    Module(Reference),
}

impl fmt::Display for Place {
    /// As events say it: `file`, or the key's URI.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Module(reference) => reference.fmt(f),
        }
    }
}

/// A key that signs evidence.
#[derive(Debug)]
pub enum EvidenceKey {
    File(FileKey),
    Module(ModuleKey),
}

impl From<FileKey> for EvidenceKey {
    fn from(key: FileKey) -> Self {
        Self::File(key)
    }
}

impl From<ModuleKey> for EvidenceKey {
    fn from(key: ModuleKey) -> Self {
        Self::Module(key)
    }
}

impl EvidenceKey {
    /// What it signs: a token SM2 never.
    pub const fn suite(&self) -> Suite {
        match self {
            Self::File(key) => key.suite(),
            Self::Module(_) => Suite::Standard,
        }
    }

    pub fn place(&self) -> Place {
        match self {
            Self::File(_) => Place::File,
            Self::Module(key) => Place::Module(key.reference().clone()),
        }
    }

    /// The key, if it lies in a file.
    pub const fn file(&self) -> Option<&FileKey> {
        match self {
            Self::File(key) => Some(key),
            Self::Module(_) => None,
        }
    }

    /// Whether it could sign now. Of a key in a token the module is asked, which blocks.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub fn check(&self) -> Result<(), ModuleError> {
        match self {
            Self::File(_) => Ok(()),
            Self::Module(key) => key.check(),
        }
    }

    /// What is kept of it in the data folder: the key itself, or where it lies; with a line end.
    pub(super) fn kept(&self) -> Zeroizing<String> {
        match self {
            Self::File(key) => key.to_pem(),
            Self::Module(key) => Zeroizing::new(format!("{}\n", key.reference())),
        }
    }

    fn signer(&self) -> &dyn Signer {
        match self {
            Self::File(key) => key,
            Self::Module(key) => key,
        }
    }
}

impl Signer for EvidenceKey {
    fn public_key(&self) -> &SubjectPublicKeyInfoOwned {
        self.signer().public_key()
    }

    fn algorithm(&self) -> AlgorithmIdentifierOwned {
        self.signer().algorithm()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NoSignature> {
        self.signer().sign(message)
    }
}
