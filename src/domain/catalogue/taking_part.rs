//! What the events say of taking part in a case beside deciding.

use super::{Shape, shapes::shape};

pub(super) const TAKING_PART: &[Shape] = &[
    shape(
        "recall.transferred",
        &["token", "user"],
        &["recall"],
        &[
            "detail/after/open_levels",
            "detail/after/round",
            "detail/after/state",
            "detail/after/version",
            "detail/before/open_levels",
            "detail/before/round",
            "detail/before/state",
            "detail/before/version",
            "detail/level",
            "detail/round",
            "detail/to",
            "text/reason",
        ],
    ),
    shape(
        "recall.question_asked",
        &["token", "user"],
        &["recall"],
        &[
            "detail/after/open_levels",
            "detail/after/round",
            "detail/after/state",
            "detail/after/version",
            "detail/before/open_levels",
            "detail/before/round",
            "detail/before/state",
            "detail/before/version",
            "detail/level",
            "detail/round",
            "text/question",
        ],
    ),
    shape(
        "recall.question_answered",
        &["token", "user"],
        &["recall"],
        &[
            "detail/after/open_levels",
            "detail/after/round",
            "detail/after/state",
            "detail/after/version",
            "detail/before/open_levels",
            "detail/before/round",
            "detail/before/state",
            "detail/before/version",
            "detail/level",
            "detail/round",
            "text/answer",
        ],
    ),
    shape("recall.commented", &["token", "user"], &["recall"], &["detail/level", "detail/round", "text/comment"]),
    shape("recall.reminded", &["token", "user"], &["recall"], &["detail/level", "detail/round"]),
];
