//! What a module is asked: its tokens, a session, a key, a signature. A session is kept; where one that was kept fails, it is opened anew
//! once, and what fails then is told. Not here: threads and patience (`worker`).

use std::path::PathBuf;

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    slot::{Slot, TokenInfo},
};
use der::{
    AnyRef, Decode, Encode, Sequence,
    asn1::{BitString, OctetStringRef, UintRef},
};
use p256::ecdsa::Signature;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::{Access, ModuleError, Reference, pin::Pin};
use crate::crypto::{
    random, sha256,
    timestamp::algorithm::{P256, RSA},
};

impl From<Error> for ModuleError {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(code, function) => Self::Call(format!("C_{function:?}"), format!("{code:?}")),
            other => Self::Call("what it was asked".to_owned(), other.to_string()),
        }
    }
}

/// A module; loaded when it is first asked.
pub(super) struct Module {
    path: PathBuf,
    context: Option<Pkcs11>,
    open: Option<Open>,
    /// The PIN's file that was refused, where that could not be noted.
    refused: Option<String>,
}

/// A session that is logged in.
pub(super) struct Open {
    session: Session,
    token: String,
    serial: String,
    /// Whether it can make keys.
    writes: bool,
}

/// Which key is looked for.
pub(super) enum Wanted<'a> {
    /// By what the settings say.
    Named(&'a str),
    /// By its reference.
    Known(&'a Reference),
}

/// A private key in the token.
pub(super) struct Found {
    private: ObjectHandle,
    kind: KeyType,
    label: String,
    id: Vec<u8>,
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

/// What is signed for RSA, before the hash: DigestInfo with SHA-256 (RFC 8017 §9.2).
const DIGEST_INFO: [u8; 19] = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

impl Module {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, context: None, open: None, refused: None }
    }

    /// Does `job` in a session with the token of `access`; in one that can write, if `writes`.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub(super) fn run<T>(&mut self, access: &Access, writes: bool, job: impl Fn(&Open) -> Result<T, ModuleError>) -> Result<T, ModuleError> {
        let fits = |open: &Open| (open.token == access.token || open.serial == access.token) && (open.writes || !writes);
        if let Some(open) = self.open.take_if(|open| fits(open)) {
            match job(&open) {
                Ok(done) => {
                    self.open = Some(open);
                    return Ok(done);
                }
                // The session may be lost, or the token another one: once more from the beginning.
                Err(error) => tracing::debug!(%error, "the module's session is opened anew"),
            }
        }
        // What does not fit is closed before anything else is opened: a login counts for all sessions with a token.
        self.open = None;
        let open = self.open(access, writes)?;
        let done = job(&open);
        if !matches!(done, Err(ModuleError::Call(..))) {
            self.open = Some(open);
        }
        done
    }

    fn open(&mut self, access: &Access, writes: bool) -> Result<Open, ModuleError> {
        let context = self.context()?;
        let (slot, info) = match token(&context, &access.token) {
            // It was finalised behind our back.
            Err(ModuleError::Call(_, code)) if code == format!("{:?}", RvError::CryptokiNotInitialized) => {
                initialize(&context)?;
                token(&context, &access.token)?
            }
            found => found?,
        };
        let session = if writes { context.open_rw_session(slot)? } else { context.open_ro_session(slot)? };
        if info.login_required() {
            self.log_in(access, &session, &info)?;
        }
        Ok(Open { session, token: info.label().trim_end().to_owned(), serial: info.serial_number().trim_end().to_owned(), writes })
    }

    /// Tries the PIN once, and never one that was refused.
    fn log_in(&mut self, access: &Access, session: &Session, info: &TokenInfo) -> Result<(), ModuleError> {
        let pin = Pin::read(access, info.serial_number().trim_end())?;
        let path = || access.pin_file.display().to_string();
        if info.user_pin_locked() {
            return Err(ModuleError::PinLocked);
        }
        if pin.was_refused(access, self.refused.as_deref()) {
            return Err(ModuleError::PinRefused(path()));
        }
        if info.user_pin_final_try() {
            return Err(ModuleError::PinFinal);
        }
        match session.login(UserType::User, Some(&pin.secret)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                Pin::was_right(access);
                Ok(())
            }
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                self.refused = Some(pin.note_refused(access));
                Err(ModuleError::PinRefused(path()))
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => {
                self.refused = Some(pin.note_refused(access));
                Err(ModuleError::PinLocked)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn context(&mut self) -> Result<Pkcs11, ModuleError> {
        if let Some(context) = &self.context {
            return Ok(context.clone());
        }
        let failed = |error: Error| {
            let why = match error {
                Error::LibraryLoading(why) => why.to_string(),
                other => ModuleError::from(other).to_string(),
            };
            ModuleError::Load(self.path.display().to_string(), why)
        };
        let context = Pkcs11::new(&self.path).map_err(failed)?;
        initialize(&context).map_err(|error| ModuleError::Load(self.path.display().to_string(), error.to_string()))?;
        self.context = Some(context.clone());
        Ok(context)
    }
}

fn initialize(context: &Pkcs11) -> Result<(), ModuleError> {
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The token of this label or serial number.
fn token(context: &Pkcs11, wanted: &str) -> Result<(Slot, TokenInfo), ModuleError> {
    let mut there = Vec::new();
    for slot in context.get_slots_with_token()? {
        match context.get_token_info(slot) {
            Ok(info) if info.token_initialized() => there.push((slot, info)),
            Ok(_) => {}
            // Another token's trouble is not ours; that ours is missing is told then.
            Err(error) => tracing::debug!(%error, "a token of the module cannot be looked at"),
        }
    }
    let named = |tokens: &[(Slot, TokenInfo)]| {
        let names = tokens.iter().map(|(_, info)| format!("{:?} ({})", info.label().trim_end(), info.serial_number().trim_end()));
        let mut names: Vec<_> = names.collect();
        // Modules number their slots as it comes; people look for the same list twice.
        names.sort();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    if let Some(n) = there.iter().position(|(_, info)| info.serial_number().trim_end() == wanted) {
        return Ok(there.swap_remove(n));
    }
    let all = named(&there);
    there.retain(|(_, info)| info.label().trim_end() == wanted);
    match there.len() {
        0 => Err(ModuleError::NoToken(wanted.to_owned(), all)),
        1 => Ok(there.remove(0)),
        _ => Err(ModuleError::Tokens(wanted.to_owned(), named(&there))),
    }
}

impl Open {
    /// The private key.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub(super) fn find(&self, wanted: Wanted<'_>) -> Result<Found, ModuleError> {
        let among = |by: Attribute| self.session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Token(true), by]);
        let label = |text: &str| Attribute::Label(text.as_bytes().to_vec());
        let (name, mut keys) = match wanted {
            Wanted::Known(key) if key.id.is_empty() => (key.name(), among(label(&key.object))?),
            Wanted::Known(key) => (key.name(), among(Attribute::Id(key.id.clone()))?),
            Wanted::Named(text) => {
                let keys = among(label(text))?;
                let id = hex::decode(text).ok().filter(|id| keys.is_empty() && !id.is_empty());
                (text.to_owned(), if let Some(id) = id { among(Attribute::Id(id))? } else { keys })
            }
        };
        let Some(private) = keys.pop() else { return Err(ModuleError::NoKey(self.token.clone(), name)) };
        if !keys.is_empty() {
            return Err(ModuleError::Keys(self.token.clone(), name));
        }
        let mut found = Found { private, kind: KeyType::GENERIC_SECRET, label: String::new(), id: Vec::new() };
        for attribute in self.session.get_attributes(private, &[AttributeType::KeyType, AttributeType::Label, AttributeType::Id])? {
            match attribute {
                Attribute::KeyType(kind) => found.kind = kind,
                Attribute::Label(label) => found.label = String::from_utf8_lossy(&label).into_owned(),
                Attribute::Id(id) => found.id = id,
                _ => {}
            }
        }
        Ok(found)
    }

    /// Makes a key of this label: P-256, which the token never gives away.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub(super) fn make(&self, label: &str) -> Result<(Reference, SubjectPublicKeyInfoOwned), ModuleError> {
        let id = random::<16>().to_vec();
        let parameters = P256.to_der().map_err(|e| ModuleError::Kind(e.to_string()))?;
        let named = || [Attribute::Token(true), Attribute::Label(label.as_bytes().to_vec()), Attribute::Id(id.clone())];
        let public = [&named()[..], &[Attribute::EcParams(parameters), Attribute::Verify(true), Attribute::Private(false)]].concat();
        let secret = [Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Sign(true)];
        self.session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &[&named()[..], &secret].concat())?;
        self.find(Wanted::Named(&hex::encode(&id)))?.facts(self)
    }
}

impl Found {
    /// How the key is named from now on, and its public key.
    ///
    /// # Errors
    /// [`ModuleError::Kind`], [`ModuleError::NoPublic`]; what the module refuses.
    pub(super) fn facts(&self, open: &Open) -> Result<(Reference, SubjectPublicKeyInfoOwned), ModuleError> {
        let public = match self.kind {
            KeyType::EC => self.elliptic(open)?,
            KeyType::RSA => self.rsa(open)?,
            other => return Err(ModuleError::Kind(format!("the key is of the kind {other}"))),
        };
        let (token, serial) = (open.token.clone(), open.serial.clone());
        Ok((Reference { token, serial, object: self.label.clone(), id: self.id.clone() }, public))
    }

    fn name(&self) -> String {
        if self.label.is_empty() { hex::encode(&self.id) } else { self.label.clone() }
    }

    fn elliptic(&self, open: &Open) -> Result<SubjectPublicKeyInfoOwned, ModuleError> {
        let by = if self.id.is_empty() { Attribute::Label(self.label.as_bytes().to_vec()) } else { Attribute::Id(self.id.clone()) };
        let public = open.session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), by])?;
        let public = *public.first().ok_or_else(|| ModuleError::NoPublic(self.name()))?;
        let (mut curve, mut point) = (Vec::new(), Vec::new());
        for attribute in open.session.get_attributes(public, &[AttributeType::EcParams, AttributeType::EcPoint])? {
            match attribute {
                Attribute::EcParams(bytes) => curve = bytes,
                Attribute::EcPoint(bytes) => point = bytes,
                _ => {}
            }
        }
        if !P256.to_der().is_ok_and(|p256| p256 == curve) {
            return Err(ModuleError::Kind("the key is of another curve than P-256".to_owned()));
        }
        // An OCTET STRING by the standard; some modules leave that away.
        let point = OctetStringRef::from_der(&point).map_or(&*point, |inner| inner.as_bytes());
        let broken = |_| ModuleError::Kind("the public key in the token is no point of P-256".to_owned());
        let key = p256::PublicKey::from_sec1_bytes(point).map_err(broken)?;
        SubjectPublicKeyInfoOwned::from_key(key).map_err(|e| ModuleError::Kind(e.to_string()))
    }

    fn rsa(&self, open: &Open) -> Result<SubjectPublicKeyInfoOwned, ModuleError> {
        let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
        for attribute in open.session.get_attributes(self.private, &[AttributeType::Modulus, AttributeType::PublicExponent])? {
            match attribute {
                Attribute::Modulus(bytes) => modulus = bytes,
                Attribute::PublicExponent(bytes) => exponent = bytes,
                _ => {}
            }
        }
        if exponent.is_empty() {
            return Err(ModuleError::NoPublic(self.name()));
        }
        let long = modulus.iter().skip_while(|b| **b == 0).count() * 8;
        if !(2048..=8192).contains(&long) {
            return Err(ModuleError::Kind(format!("the key is of RSA with {long} bits")));
        }
        let encoded = || {
            let key = RsaPublicKey { modulus: UintRef::new(&modulus)?, exponent: UintRef::new(&exponent)? };
            let algorithm = AlgorithmIdentifierOwned { oid: RSA, parameters: Some(AnyRef::NULL.into()) };
            Ok::<_, der::Error>(SubjectPublicKeyInfoOwned { algorithm, subject_public_key: BitString::from_bytes(&key.to_der()?)? })
        };
        encoded().map_err(|e| ModuleError::Kind(e.to_string()))
    }

    /// Signs, with SHA-256; ECDSA in DER.
    ///
    /// # Errors
    /// [`ModuleError`].
    pub(super) fn sign(&self, open: &Open, message: &[u8]) -> Result<Vec<u8>, ModuleError> {
        let digest = sha256(message);
        match self.kind {
            KeyType::EC => {
                let raw = open.session.sign(&Mechanism::Ecdsa, self.private, &digest)?;
                // Of its two forms the one that `cms::open` takes.
                let signature = Signature::from_slice(&raw).map_err(|_| ModuleError::Kind("its signatures are none of P-256".to_owned()))?;
                Ok(signature.normalize_s().unwrap_or(signature).to_der().as_bytes().to_vec())
            }
            KeyType::RSA => match open.session.sign(&Mechanism::Sha256RsaPkcs, self.private, message) {
                // Not every token hashes.
                Err(Error::Pkcs11(RvError::MechanismInvalid | RvError::FunctionNotSupported, _)) => {
                    Ok(open.session.sign(&Mechanism::RsaPkcs, self.private, &[&DIGEST_INFO[..], &digest].concat())?)
                }
                signed => Ok(signed?),
            },
            other => Err(ModuleError::Kind(format!("the key is of the kind {other}"))),
        }
    }
}
