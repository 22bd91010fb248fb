//! The table of what reviewers handed to others.

use diesel::table;

table! {
    delegations (id) {
        id -> Text,
        principal_id -> Text,
        delegate_id -> Text,
        levels -> Text,
        department_id -> Nullable<Text>,
        reason_sealed -> Binary,
        from_at -> BigInt,
        until_at -> BigInt,
        made_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
        end_sealed -> Nullable<Binary>,
    }
}
