//! Tables of recall first: who is on duty, what they ordered, and the ratification that is owed for it.

use diesel::table;

table! {
    duty_shifts (id) {
        id -> Text,
        user_id -> Text,
        from_at -> BigInt,
        until_at -> BigInt,
        added_by -> Text,
        added_at -> BigInt,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
    }
}

table! {
    recall_orders (id) {
        id -> Text,
        recall_id -> Text,
        officer_id -> Text,
        harm_class -> Text,
        reason_sealed -> Binary,
        levels -> Text,
        due_at -> BigInt,
        state -> Text,
        method -> Text,
        event_id -> Text,
        client_ip -> Nullable<Text>,
        device_id -> Nullable<Text>,
        at -> BigInt,
        overdue_at -> Nullable<BigInt>,
        ended_at -> Nullable<BigInt>,
        release_by -> Nullable<Text>,
        release_at -> Nullable<BigInt>,
        release_sealed -> Nullable<Binary>,
        released_by -> Nullable<Text>,
        released_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

table! {
    ratifications (id) {
        id -> Text,
        order_id -> Text,
        recall_id -> Text,
        level -> BigInt,
        by_id -> Text,
        verdict -> Text,
        comment_sealed -> Binary,
        method -> Text,
        event_id -> Text,
        client_ip -> Nullable<Text>,
        device_id -> Nullable<Text>,
        at -> BigInt,
    }
}
