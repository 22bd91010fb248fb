//! The company's rules as people change them.

use diesel::table;

table! {
    policies (id) {
        id -> Text,
        nonce -> Text,
        base -> BigInt,
        origin -> Nullable<BigInt>,
        rules -> Text,
        state -> Text,
        version -> Nullable<BigInt>,
        reason_sealed -> Binary,
        proposed_by -> Text,
        proposed_at -> BigInt,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
        ending_sealed -> Nullable<Binary>,
    }
}
