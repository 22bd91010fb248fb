//! Tables of what people do in a case beside deciding.

use diesel::table;

table! {
    recall_entries (id) {
        id -> Text,
        recall_id -> Text,
        round -> BigInt,
        level -> BigInt,
        kind -> Text,
        by_id -> Text,
        to_id -> Nullable<Text>,
        text_sealed -> Binary,
        at -> BigInt,
    }
}
