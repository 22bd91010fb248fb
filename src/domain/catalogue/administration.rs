//! What the events of keeping accounts say.

use super::{Shape, shapes::shape};

pub(super) const ADMINISTRATION: &[Shape] = &[
    shape(
        "invitation.created",
        &["system", "user"],
        &["invitation"],
        &[
            "detail/after/address",
            "detail/after/by",
            "detail/after/department_id",
            "detail/after/expires_at",
            "detail/after/name",
            "detail/after/roles",
            "detail/expires_at",
            "detail/kind",
            "detail/roles",
        ],
    ),
    shape(
        "invitation.renewed",
        &["user"],
        &["invitation"],
        &["detail/after/by", "detail/after/expires_at", "detail/before/by", "detail/before/expires_at", "detail/roles"],
    ),
    shape("invitation.revoked", &["user"], &["invitation"], &["detail/after/open", "detail/before/open", "detail/name", "detail/roles"]),
    shape("invitation.mailed", &["job"], &["invitation"], &["detail/problem", "detail/version"]),
    shape("invitation.sheet_checked", &["user"], &["invitation"], &["detail/people", "detail/problems", "detail/sha256"]),
    shape("invitation.sheet_confirmed", &["user"], &["invitation"], &["detail/invitations", "detail/people", "detail/sha256"]),
    shape("job.retried", &["user"], &["job"], &["detail/after/due", "detail/attempts", "detail/before/due", "detail/kind"]),
    shape(
        "user.suspended",
        &["system", "user"],
        &["user"],
        &["detail/after/state", "detail/before/state", "detail/cases_told", "detail/sessions_ended", "detail/waiting"],
    ),
];
