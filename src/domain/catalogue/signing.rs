//! What the events of signing in and of its means say: passwords, authenticators, passkeys, recovery codes, sessions.

use super::{Shape, shapes::shape};

pub(super) const SIGNING: &[Shape] = &[
    shape("password.changed", &["user"], &["user"], &["detail/sessions_ended"]),
    shape("second_factor.enrolled", &["user"], &["user"], &["detail/method", "detail/opened", "detail/replaced", "detail/step"]),
    shape("second_factor.reset", &["user"], &["user"], &["detail/passkeys_removed", "detail/proposed_by", "detail/sessions_ended", "detail/step"]),
    shape(
        "passkey.added",
        &["user"],
        &["user"],
        &["detail/after/algorithm", "detail/after/key_sha256", "detail/after/name", "detail/after/passkey", "detail/after/synced", "detail/method"],
    ),
    shape("passkey.removed", &["user"], &["user"], &["detail/before/name", "detail/before/passkey", "detail/method"]),
    shape("recovery_codes.made", &["user"], &["user"], &["detail/count", "detail/method"]),
    shape("session.started", &["user"], &["user"], &["detail/next", "detail/step"]),
    shape("session.opened", &["user"], &["user"], &["detail/method", "detail/opened", "detail/step"]),
    shape("session.closed", &["user"], &["session"], &["detail/after/open", "detail/before/open"]),
];
