//! The table of what is done where a recall came too late or was not complete.

use diesel::table;

table! {
    remediation_steps (id) {
        id -> Text,
        recall_id -> Text,
        strategy -> Text,
        owner_id -> Text,
        due_at -> Nullable<BigInt>,
        state -> Text,
        note_sealed -> Binary,
        set_by -> Text,
        set_at -> BigInt,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
        said_sealed -> Binary,
        version -> BigInt,
    }
}
