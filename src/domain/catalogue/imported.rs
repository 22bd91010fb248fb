//! What the events of imports say. Not here: the rest (`shapes`).

use super::{Shape, shapes::shape};

pub(super) const IMPORTED: &[Shape] = &[
    shape(
        "broadcast.imported",
        &["job", "token", "user"],
        &["broadcast"],
        &[
            "detail/after/channel",
            "detail/after/connection",
            "detail/after/department",
            "detail/after/message",
            "detail/after/origin",
            "detail/after/platform",
            "detail/after/recipients",
            "detail/after/sender",
            "detail/after/sent_at",
            "detail/after/sent_at_source",
            "detail/after/state",
            "detail/import",
            "detail/pieces",
            "detail/read_from_platform",
        ],
    ),
    shape(
        "import.uploaded",
        &["token", "user"],
        &["import"],
        &["detail/after/kind", "detail/after/state", "detail/bytes", "detail/digest", "text/file"],
    ),
    shape(
        "import.checked",
        &["token", "user"],
        &["import"],
        &["detail/after/encoding", "detail/after/separator", "detail/before/encoding", "detail/before/separator"],
    ),
    shape(
        "import.confirmed",
        &["token", "user"],
        &["import"],
        &["detail/after/state", "detail/before/state", "detail/broadcasts", "detail/recipients", "detail/digest"],
    ),
    shape("import.discarded", &["token", "user"], &["import"], &["detail/after/state", "detail/before/state"]),
    shape(
        "import.applied",
        &["job"],
        &["import"],
        &["detail/after/state", "detail/before/state", "detail/broadcasts", "detail/by", "detail/error", "detail/recipients"],
    ),
];
