//! Everything but the log and what people sign in with beside a password.

use diesel::table;

table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

table! {
    counters (name) {
        name -> Text,
        value -> BigInt,
    }
}

table! {
    departments (id) {
        id -> Text,
        name -> Text,
        parent_id -> Nullable<Text>,
        created_at -> BigInt,
        closed_at -> Nullable<BigInt>,
        version -> BigInt,
    }
}

table! {
    users (id) {
        id -> Text,
        username -> Text,
        display_name -> Text,
        department_id -> Nullable<Text>,
        state -> Text,
        password_hash -> Nullable<Text>,
        totp_sealed -> Nullable<Binary>,
        totp_step -> BigInt,
        failures -> BigInt,
        locked_until -> Nullable<BigInt>,
        valid_until -> Nullable<BigInt>,
        lang -> Nullable<Text>,
        theme -> Nullable<Text>,
        created_at -> BigInt,
        version -> BigInt,
        signed_in_at -> Nullable<BigInt>,
    }
}

table! {
    user_roles (user_id, role) {
        user_id -> Text,
        role -> Text,
    }
}

table! {
    sessions (id) {
        id -> Text,
        token_hash -> Binary,
        user_id -> Text,
        csrf -> Text,
        state -> Text,
        device_id -> Nullable<Text>,
        client_ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        flash -> Nullable<Text>,
        created_at -> BigInt,
        seen_at -> BigInt,
        expires_at -> BigInt,
        closed_at -> Nullable<BigInt>,
    }
}

table! {
    devices (id, user_id) {
        id -> Text,
        user_id -> Text,
        fingerprint -> Nullable<Text>,
        components_sealed -> Nullable<Binary>,
        first_seen_at -> BigInt,
        last_seen_at -> BigInt,
    }
}

table! {
    tokens (id) {
        id -> Text,
        name -> Text,
        token_hash -> Binary,
        user_id -> Nullable<Text>,
        scopes -> Text,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
    }
}

table! {
    idempotency (token_id, request_key) {
        token_id -> Text,
        request_key -> Text,
        body_hash -> Binary,
        status -> BigInt,
        answer -> Text,
        created_at -> BigInt,
    }
}

table! {
    connections (id) {
        id -> Text,
        name -> Text,
        platform -> Text,
        settings -> Text,
        secret_sealed -> Binary,
        state -> Text,
        agreement -> Text,
        created_at -> BigInt,
        version -> BigInt,
    }
}

table! {
    broadcasts (id) {
        id -> Text,
        origin -> Text,
        connection_id -> Nullable<Text>,
        platform -> Text,
        channel -> Text,
        sender_id -> Nullable<Text>,
        department_id -> Nullable<Text>,
        state -> Text,
        title_sealed -> Binary,
        content_sealed -> Binary,
        key_sealed -> Binary,
        content_salt -> Binary,
        commitment -> Binary,
        audience_sealed -> Binary,
        recipients_count -> BigInt,
        recipients_root -> Binary,
        sent_at -> Nullable<BigInt>,
        sent_at_source -> Nullable<Text>,
        created_at -> BigInt,
        version -> BigInt,
        erased_at -> Nullable<BigInt>,
        erased_counts -> Nullable<Text>,
    }
}

table! {
    messages (id) {
        id -> Text,
        broadcast_id -> Text,
        piece -> BigInt,
        audience_sealed -> Binary,
        platform_id -> Nullable<Text>,
        room -> Nullable<Text>,
        state -> Text,
        sent_at -> Nullable<BigInt>,
        recall_state -> Nullable<Text>,
        recall_attempts -> BigInt,
    }
}

table! {
    recipients (broadcast_id, platform_id) {
        broadcast_id -> Text,
        platform_id -> Text,
        message_id -> Nullable<Text>,
        salt -> Binary,
        delivery -> Text,
        read_state -> Text,
        read_at -> Nullable<BigInt>,
        read_source -> Text,
        outcome -> Nullable<Text>,
        outcome_at -> Nullable<BigInt>,
    }
}

table! {
    attachments (id) {
        id -> Text,
        broadcast_id -> Nullable<Text>,
        recall_id -> Nullable<Text>,
        kind -> Text,
        name -> Text,
        media_type -> Text,
        size -> BigInt,
        sha256 -> Binary,
        sealed -> Binary,
        uploaded_by -> Text,
        uploaded_at -> BigInt,
        confirmed_by -> Nullable<Text>,
        confirmed_at -> Nullable<BigInt>,
    }
}

table! {
    recalls (id) {
        id -> Text,
        number -> Text,
        broadcast_id -> Text,
        requester_id -> Text,
        department_id -> Nullable<Text>,
        state -> Text,
        open_levels -> Text,
        round -> BigInt,
        mode -> Text,
        harm_class -> Text,
        request_sealed -> Binary,
        cut_off -> Nullable<BigInt>,
        due_1 -> BigInt,
        due_2 -> BigInt,
        due_3 -> BigInt,
        recipients_count -> BigInt,
        recipients_root -> Binary,
        commitment -> Binary,
        policy_id -> Text,
        policy_version -> BigInt,
        halted_at -> Nullable<BigInt>,
        submitted_at -> BigInt,
        approved_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
        tally -> Nullable<Text>,
        version -> BigInt,
        erased_at -> Nullable<BigInt>,
        platform -> Text,
        sender_id -> Nullable<Text>,
        escalated -> Text,
        correction_id -> Nullable<Text>,
    }
}

table! {
    decisions (id) {
        id -> Text,
        recall_id -> Text,
        round -> BigInt,
        level -> BigInt,
        decider_id -> Text,
        decision -> Text,
        comment_sealed -> Binary,
        method -> Text,
        statement -> Binary,
        shown -> Binary,
        event_id -> Text,
        client_ip -> Nullable<Text>,
        device_id -> Nullable<Text>,
        at -> BigInt,
        principal_id -> Nullable<Text>,
        answers -> Nullable<Text>,
    }
}

table! {
    calls (id) {
        id -> Text,
        kind -> Text,
        connection_id -> Nullable<Text>,
        broadcast_id -> Nullable<Text>,
        recall_id -> Nullable<Text>,
        message_id -> Nullable<Text>,
        attempt -> BigInt,
        state -> Text,
        started_at -> BigInt,
        answered_at -> Nullable<BigInt>,
        result -> Nullable<Text>,
        code -> Nullable<Text>,
        raw_sealed -> Nullable<Binary>,
        started_event -> Text,
        answered_event -> Nullable<Text>,
    }
}

table! {
    bundles (id) {
        id -> Text,
        number -> Text,
        recall_id -> Text,
        log_size -> BigInt,
        path -> Text,
        sha256 -> Binary,
        size -> BigInt,
        sealed_at -> BigInt,
        erased_at -> Nullable<BigInt>,
    }
}

table! {
    jobs (id) {
        id -> Text,
        kind -> Text,
        job_key -> Text,
        payload -> Text,
        state -> Text,
        run_at -> BigInt,
        attempts -> BigInt,
        lease_until -> Nullable<BigInt>,
        lease_owner -> Nullable<Text>,
        last_error -> Nullable<Text>,
        created_at -> BigInt,
        done_at -> Nullable<BigInt>,
    }
}

table! {
    holds (id) {
        id -> Text,
        state -> Text,
        scope -> Text,
        reason_sealed -> Binary,
        proposed_by -> Text,
        proposed_at -> BigInt,
        placed_by -> Nullable<Text>,
        placed_at -> Nullable<BigInt>,
        release_reason_sealed -> Nullable<Binary>,
        release_proposed_by -> Nullable<Text>,
        release_proposed_at -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
        version -> BigInt,
        found -> Nullable<Text>,
        search_sealed -> Nullable<Binary>,
    }
}

table! {
    mail_addresses (user_id) {
        user_id -> Text,
        address -> Text,
    }
}

table! {
    notices (id) {
        id -> Text,
        recall_id -> Text,
        user_id -> Text,
        kind -> Text,
        round -> BigInt,
        level -> BigInt,
        state -> Text,
        problem -> Nullable<Text>,
        created_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

table! {
    audits (id) {
        id -> Text,
        number -> Text,
        title -> Text,
        from_at -> BigInt,
        to_at -> BigInt,
        as_at -> BigInt,
        exceptions -> Text,
        sample_size -> BigInt,
        seed -> Text,
        seed_source -> Text,
        walk -> Nullable<Text>,
        opened_by -> Text,
        opened_at -> BigInt,
        opened_event -> Text,
    }
}

table! {
    alert_rules (rule, version) {
        rule -> Text,
        version -> BigInt,
        settings -> Text,
        changed_by -> Text,
        changed_at -> BigInt,
    }
}

table! {
    audit_packs (id) {
        id -> Text,
        audit_id -> Text,
        state -> Text,
        requested_by -> Text,
        requested_at -> BigInt,
        done -> BigInt,
        total -> BigInt,
        number -> Nullable<Text>,
        log_size -> Nullable<BigInt>,
        cases -> Nullable<BigInt>,
        path -> Nullable<Text>,
        sha256 -> Nullable<Binary>,
        size -> Nullable<BigInt>,
        verified -> Nullable<BigInt>,
        sealed_at -> Nullable<BigInt>,
        erased_at -> Nullable<BigInt>,
    }
}

table! {
    audit_questions (id) {
        id -> Text,
        audit_id -> Text,
        number -> BigInt,
        asked_by -> Text,
        asked_of -> Text,
        asked_at -> BigInt,
        asked_event -> Text,
        question_sealed -> Binary,
        cases -> Text,
        events -> Text,
        answered_at -> Nullable<BigInt>,
        answered_event -> Nullable<Text>,
        answer_sealed -> Nullable<Binary>,
    }
}

table! {
    alerts (id) {
        id -> Text,
        rule -> Text,
        rule_version -> BigInt,
        severity -> Text,
        subject_kind -> Text,
        subject_id -> Text,
        dedupe -> Text,
        state -> Text,
        explanation -> Text,
        first_at -> BigInt,
        last_at -> BigInt,
        last_idx -> BigInt,
        raised_at -> BigInt,
        acknowledged_by -> Nullable<Text>,
        acknowledged_at -> Nullable<BigInt>,
        note_sealed -> Nullable<Binary>,
        version -> BigInt,
    }
}

table! {
    streams (id) {
        id -> Text,
        name -> Text,
        kind -> Text,
        settings -> Text,
        secrets_sealed -> Binary,
        state -> Text,
        next_index -> BigInt,
        failures -> BigInt,
        failing_since -> Nullable<BigInt>,
        stuck_at -> Nullable<BigInt>,
        problem -> Nullable<Text>,
        tried_at -> Nullable<BigInt>,
        delivered_at -> Nullable<BigInt>,
        lease_owner -> Nullable<Text>,
        lease_until -> Nullable<BigInt>,
        created_at -> BigInt,
        version -> BigInt,
    }
}

table! {
    exports (id) {
        id -> Text,
        owner_id -> Text,
        session_id -> Text,
        format -> Text,
        query_sealed -> Binary,
        log_size -> BigInt,
        created_at -> BigInt,
    }
}

table! {
    searches (id) {
        id -> Text,
        owner_id -> Text,
        shared -> BigInt,
        sealed -> Binary,
        created_at -> BigInt,
        list -> Text,
    }
}
