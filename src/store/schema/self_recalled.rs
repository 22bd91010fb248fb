//! The table of what senders took back by themselves.

use diesel::table;

table! {
    self_recalls (id) {
        id -> Text,
        number -> Text,
        broadcast_id -> Text,
        filer_id -> Text,
        department_id -> Nullable<Text>,
        state -> Text,
        extent -> Text,
        withdrawn_at -> BigInt,
        note_sealed -> Binary,
        filed_at -> BigInt,
        checker_id -> Nullable<Text>,
        checked_at -> Nullable<BigInt>,
        check_sealed -> Nullable<Binary>,
        version -> BigInt,
    }
}
