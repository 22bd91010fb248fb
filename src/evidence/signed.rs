//! Decisions that passkeys signed, as files that OpenSSL reads, and their verification. What a passkey's answer is worth: `crypto::webauthn`.

use super::{collected::Decision, zip::Files};
use crate::crypto::webauthn::Unfit;

/// Where the files of signed decisions lie, below `data/`.
pub const FOLDER: &str = "decisions";

/// The files of one signed decision, below `data/`; none of another. The last is the statement, whose SHA-256 the browser's data names.
pub fn files(decision: &Decision) -> Files {
    let Some(signed) = &decision.passkey else { return Files::new() };
    let Some(pieces) = signed.pieces() else { return Files::new() };
    let folder = format!("{FOLDER}/round-{}-level-{}", decision.round, decision.level);
    Files::from([
        (format!("{folder}/authenticator-data.bin"), pieces.authenticator_data),
        (format!("{folder}/client-data.json"), pieces.client_data),
        (format!("{folder}/public-key.pem"), signed.public_key.clone().into_bytes()),
        (format!("{folder}/signature.bin"), pieces.signature),
        (format!("{folder}/statement.json"), decision.statement.clone().into_bytes()),
    ])
}

/// Whether the passkey signed the statement.
pub fn verify(decision: &Decision) -> Option<Result<(), Unfit>> {
    decision.passkey.as_ref().map(|signed| signed.verify(decision.statement.as_bytes()))
}
