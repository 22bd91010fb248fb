//! What the events say of changes of the recall policy.

use super::{Shape, shapes::shape};

pub(super) const RULES: &[Shape] = &[
    shape(
        "policy.proposed",
        &["user"],
        &["policy"],
        &["detail/after/rules", "detail/after/state", "detail/before/rules", "detail/before/version", "detail/origin", "text/reason"],
    ),
    shape(
        "policy.confirmed",
        &["user"],
        &["policy"],
        &[
            "detail/after/rules",
            "detail/after/state",
            "detail/after/version",
            "detail/before/rules",
            "detail/before/state",
            "detail/before/version",
            "detail/origin",
            "detail/proposed_by",
        ],
    ),
    shape(
        "policy.rejected",
        &["user"],
        &["policy"],
        &[
            "detail/after/rules",
            "detail/after/state",
            "detail/before/rules",
            "detail/before/state",
            "detail/before/version",
            "detail/origin",
            "detail/proposed_by",
            "text/reason",
        ],
    ),
    shape(
        "policy.withdrawn",
        &["user"],
        &["policy"],
        &[
            "detail/after/rules",
            "detail/after/state",
            "detail/before/rules",
            "detail/before/state",
            "detail/before/version",
            "detail/origin",
            "detail/proposed_by",
        ],
    ),
];
