//! The log, and what others said of it.

use diesel::table;

table! {
    timestamps (id) {
        id -> Text,
        authority -> Text,
        subject -> Text,
        bundle_id -> Nullable<Text>,
        log_size -> BigInt,
        stamped -> Binary,
        state -> Text,
        query -> Binary,
        answer -> Nullable<Binary>,
        chain -> Nullable<Text>,
        stamped_at -> Nullable<BigInt>,
        refusal -> Nullable<Text>,
        attempts -> BigInt,
        asked_at -> BigInt,
        valid_until -> Nullable<BigInt>,
        renewed_by -> Nullable<Text>,
        revocation -> Nullable<Text>,
    }
}

table! {
    revocation_lists (id) {
        id -> Text,
        issuer -> Text,
        begins -> BigInt,
        ends -> BigInt,
        source -> Text,
        kept_at -> BigInt,
        list -> Binary,
    }
}

table! {
    log_keys (id) {
        id -> BigInt,
        vkey -> Text,
        mldsa -> Nullable<Text>,
        announced -> Nullable<Text>,
        retired -> Nullable<Text>,
        ends_at -> Nullable<BigInt>,
        stolen -> Nullable<Text>,
    }
}

table! {
    log_head (id) {
        id -> BigInt,
        size -> BigInt,
        root -> Binary,
        frontier -> Binary,
        last_at -> BigInt,
        checkpoint_seq -> BigInt,
        mac -> Nullable<Binary>,
    }
}

table! {
    log_events (idx) {
        idx -> BigInt,
        event_id -> Text,
        leaf -> Binary,
    }
}

table! {
    log_pending (seq) {
        seq -> BigInt,
        event_id -> Text,
        leaf -> Binary,
        mac -> Binary,
    }
}

table! {
    log_parts (event_id, name, month) {
        month -> Text,
        event_id -> Text,
        name -> Text,
        salt -> Binary,
        sealed -> Binary,
        bucket -> Nullable<Text>,
    }
}

table! {
    part_keys (bucket) {
        bucket -> Text,
        state -> Text,
        sealed -> Nullable<Binary>,
    }
}

table! {
    log_tiles (level, idx) {
        level -> BigInt,
        idx -> BigInt,
        hashes -> Binary,
    }
}

table! {
    log_checkpoints (seq) {
        seq -> BigInt,
        size -> BigInt,
        note -> Text,
    }
}

table! {
    log_search (idx) {
        idx -> BigInt,
        event_id -> Text,
        at -> BigInt,
        action -> Text,
        outcome -> Text,
        actor_id -> Text,
        actor_name -> Nullable<Text>,
        subject_kind -> Text,
        subject_id -> Text,
        case_id -> Nullable<Text>,
        session_id -> Nullable<Text>,
        client_ip -> Nullable<Text>,
        device_id -> Nullable<Text>,
    }
}

table! {
    log_purges (event_id) {
        event_id -> Text,
        list -> Text,
    }
}

table! {
    witnesses (name) {
        name -> Text,
        vkey -> Text,
        size -> BigInt,
        seen_at -> Nullable<BigInt>,
        problem -> Nullable<Text>,
    }
}

table! {
    log_cosignatures (size, witness) {
        size -> BigInt,
        witness -> Text,
        line -> Text,
    }
}
