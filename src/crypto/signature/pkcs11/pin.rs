//! The PIN of a token: read from a file that its owner alone may read, and tried once. A token locks after some wrong ones, and commands,
//! jobs and pages would each try again: which file was refused is therefore noted beside the keys, by everything about it but what stands
//! in it. Not here: the login itself (`token`).

use std::{
    fs,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::{Access, ModuleError};
use crate::crypto::private;

/// A PIN, and what its file is known by.
pub(super) struct Pin {
    pub(super) secret: AuthPin,
    stamp: String,
}

/// Longest file that is read, in bytes.
const LONGEST: u64 = 4096;

impl Pin {
    /// Reads the file for the token of this serial number.
    ///
    /// # Errors
    /// [`ModuleError::PinFile`], [`ModuleError::PinOpen`].
    pub(super) fn read(access: &Access, serial: &str) -> Result<Self, ModuleError> {
        let path = || access.pin_file.display().to_string();
        let failed = |e: std::io::Error| ModuleError::PinFile(path(), e.to_string());
        let file = fs::File::open(&access.pin_file).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            return Err(ModuleError::PinFile(path(), "is no file".to_owned()));
        }
        if about.permissions().mode() & 0o077 != 0 {
            return Err(ModuleError::PinOpen(path()));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err(ModuleError::PinFile(path(), "is empty".to_owned()));
        }
        let stamp = format!("{serial} {} {} {}.{:09}", about.ino(), about.len(), about.mtime(), about.mtime_nsec());
        Ok(Self { secret: AuthPin::from(secret.to_owned()), stamp })
    }

    /// Whether it was refused before, by what is noted and by what this process remembers.
    pub(super) fn was_refused(&self, access: &Access, remembered: Option<&str>) -> bool {
        remembered == Some(&*self.stamp) || fs::read_to_string(&access.refused).is_ok_and(|noted| noted.trim_end() == self.stamp)
    }

    /// Notes that it was refused; what the process is to remember.
    pub(super) fn note_refused(&self, access: &Access) -> String {
        if let Err(error) = private::replace(&access.refused, format!("{}\n", self.stamp).as_bytes()) {
            tracing::error!(%error, path = %access.refused.display(), "that the PIN was refused is only known until this process ends");
        }
        self.stamp.clone()
    }

    /// It was right: what was noted of others is of no use any more.
    pub(super) fn was_right(access: &Access) {
        // It is nothing but a note, and mostly not there.
        let _ = fs::remove_file(&access.refused);
    }
}
