//! The table of set-up links and invitations.

use diesel::table;

table! {
    invitations (id) {
        id -> Text,
        token_hash -> Binary,
        kind -> Text,
        roles -> Text,
        department_id -> Nullable<Text>,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
        used_by -> Nullable<Text>,
        name -> Nullable<Text>,
        address -> Nullable<Text>,
        mail -> Text,
        link_sealed -> Nullable<Binary>,
        revoked_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}
