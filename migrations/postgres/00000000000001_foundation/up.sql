CREATE TABLE settings (name TEXT COLLATE "C" PRIMARY KEY, value TEXT COLLATE "C" NOT NULL);
CREATE TABLE counters (name TEXT COLLATE "C" PRIMARY KEY, value BIGINT NOT NULL);

CREATE TABLE departments (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    parent_id TEXT COLLATE "C" REFERENCES departments(id),
    created_at BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT COLLATE "C" PRIMARY KEY,
    username TEXT COLLATE "C" NOT NULL UNIQUE,
    display_name TEXT COLLATE "C" NOT NULL,
    department_id TEXT COLLATE "C" REFERENCES departments(id),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('invited','active','suspended')),
    password_hash TEXT COLLATE "C",
    totp_sealed BYTEA,
    totp_step BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    locked_until BIGINT,
    valid_until BIGINT,
    lang TEXT COLLATE "C",
    theme TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX users_department ON users(department_id);
CREATE TABLE user_roles (
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    role TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, role)
);
CREATE INDEX user_roles_role ON user_roles(role);

CREATE TABLE invitations (
    id TEXT COLLATE "C" PRIMARY KEY,
    token_hash BYTEA NOT NULL UNIQUE,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('setup','invite')),
    roles TEXT COLLATE "C" NOT NULL,
    department_id TEXT COLLATE "C",
    created_by TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    used_by TEXT COLLATE "C"
);

CREATE TABLE sessions (
    id TEXT COLLATE "C" PRIMARY KEY,
    token_hash BYTEA NOT NULL UNIQUE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    csrf TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('second_factor','enrolment','open','closed')),
    device_id TEXT COLLATE "C",
    client_ip TEXT COLLATE "C",
    user_agent TEXT COLLATE "C",
    flash TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE INDEX sessions_user ON sessions(user_id);
CREATE TABLE devices (
    id TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C",
    components_sealed BYTEA,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (id, user_id)
);

CREATE TABLE tokens (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    user_id TEXT COLLATE "C" REFERENCES users(id),
    scopes TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);
CREATE TABLE idempotency (
    token_id TEXT COLLATE "C" NOT NULL,
    request_key TEXT COLLATE "C" NOT NULL,
    body_hash BYTEA NOT NULL,
    status BIGINT NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (token_id, request_key)
);
CREATE INDEX idempotency_created ON idempotency(created_at);

CREATE TABLE connections (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    platform TEXT COLLATE "C" NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    secret_sealed BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('active','off')),
    agreement TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE broadcasts (
    id TEXT COLLATE "C" PRIMARY KEY,
    origin TEXT COLLATE "C" NOT NULL CHECK (origin IN ('sent','imported','reported')),
    connection_id TEXT COLLATE "C" REFERENCES connections(id),
    platform TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    sender_id TEXT COLLATE "C" REFERENCES users(id),
    department_id TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('sending','sent','partly_sent','failed')),
    title_sealed BYTEA NOT NULL,
    content_sealed BYTEA NOT NULL,
    key_sealed BYTEA NOT NULL,
    content_salt BYTEA NOT NULL,
    commitment BYTEA NOT NULL,
    audience_sealed BYTEA NOT NULL,
    recipients_count BIGINT NOT NULL,
    recipients_root BYTEA NOT NULL,
    sent_at BIGINT,
    sent_at_source TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX broadcasts_created ON broadcasts(created_at, id);
CREATE TABLE messages (
    id TEXT COLLATE "C" PRIMARY KEY,
    broadcast_id TEXT COLLATE "C" NOT NULL REFERENCES broadcasts(id),
    piece BIGINT NOT NULL,
    audience_sealed BYTEA NOT NULL,
    platform_id TEXT COLLATE "C",
    room TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending','sent','unknown','failed')),
    sent_at BIGINT,
    recall_state TEXT COLLATE "C" CHECK (recall_state IN ('confirmed','accepted','unknown','still_visible','failed')),
    recall_attempts BIGINT NOT NULL,
    UNIQUE (broadcast_id, piece)
);
CREATE INDEX messages_platform ON messages(platform_id);
CREATE TABLE recipients (
    broadcast_id TEXT COLLATE "C" NOT NULL REFERENCES broadcasts(id),
    platform_id TEXT COLLATE "C" NOT NULL,
    message_id TEXT COLLATE "C",
    salt BYTEA NOT NULL,
    delivery TEXT COLLATE "C" NOT NULL CHECK (delivery IN ('accepted','refused','unknown','reported')),
    read_state TEXT COLLATE "C" NOT NULL CHECK (read_state IN ('read','unread','unknown')),
    read_at BIGINT,
    read_source TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" CHECK (outcome IN ('confirmed','accepted','unknown','still_visible','failed')),
    outcome_at BIGINT,
    PRIMARY KEY (broadcast_id, platform_id)
);
CREATE TABLE attachments (
    id TEXT COLLATE "C" PRIMARY KEY,
    broadcast_id TEXT COLLATE "C" REFERENCES broadcasts(id),
    recall_id TEXT COLLATE "C",
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('original','screenshot','capture')),
    name TEXT COLLATE "C" NOT NULL,
    media_type TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    uploaded_by TEXT COLLATE "C" NOT NULL,
    uploaded_at BIGINT NOT NULL,
    confirmed_by TEXT COLLATE "C",
    confirmed_at BIGINT
);
CREATE INDEX attachments_broadcast ON attachments(broadcast_id);
CREATE INDEX attachments_recall ON attachments(recall_id);

CREATE TABLE recalls (
    id TEXT COLLATE "C" PRIMARY KEY,
    number TEXT COLLATE "C" NOT NULL UNIQUE,
    broadcast_id TEXT COLLATE "C" NOT NULL REFERENCES broadcasts(id),
    requester_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    department_id TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('reviewing','returned','approved','executing','recalled','recall_accepted','partly_recalled','failed','rejected','withdrawn','expired','superseded')),
    open_levels TEXT COLLATE "C" NOT NULL,
    round BIGINT NOT NULL,
    mode TEXT COLLATE "C" NOT NULL CHECK (mode IN ('api','guided')),
    harm_class TEXT COLLATE "C" NOT NULL,
    request_sealed BYTEA NOT NULL,
    cut_off BIGINT,
    due_1 BIGINT NOT NULL,
    due_2 BIGINT NOT NULL,
    due_3 BIGINT NOT NULL,
    recipients_count BIGINT NOT NULL,
    recipients_root BYTEA NOT NULL,
    commitment BYTEA NOT NULL,
    policy_id TEXT COLLATE "C" NOT NULL,
    policy_version BIGINT NOT NULL,
    halted_at BIGINT,
    submitted_at BIGINT NOT NULL,
    approved_at BIGINT,
    finished_at BIGINT,
    closed_at BIGINT,
    tally TEXT COLLATE "C",
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX recalls_one_open ON recalls(broadcast_id) WHERE state IN ('reviewing','returned','approved','executing');
CREATE INDEX recalls_state ON recalls(state, submitted_at, id);
CREATE INDEX recalls_submitted ON recalls(submitted_at, id);
CREATE INDEX recalls_requester ON recalls(requester_id);
CREATE TABLE decisions (
    id TEXT COLLATE "C" PRIMARY KEY,
    recall_id TEXT COLLATE "C" NOT NULL REFERENCES recalls(id),
    round BIGINT NOT NULL,
    level BIGINT NOT NULL CHECK (level BETWEEN 1 AND 3),
    decider_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    decision TEXT COLLATE "C" NOT NULL CHECK (decision IN ('approve','return','reject')),
    comment_sealed BYTEA NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    statement BYTEA NOT NULL,
    shown BYTEA NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    client_ip TEXT COLLATE "C",
    device_id TEXT COLLATE "C",
    at BIGINT NOT NULL,
    UNIQUE (recall_id, round, level)
);
CREATE INDEX decisions_decider ON decisions(decider_id);

CREATE TABLE calls (
    id TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('send','recall','read_back','reading','fetch','members','test')),
    connection_id TEXT COLLATE "C",
    broadcast_id TEXT COLLATE "C",
    recall_id TEXT COLLATE "C",
    message_id TEXT COLLATE "C",
    attempt BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('started','answered','lost')),
    started_at BIGINT NOT NULL,
    answered_at BIGINT,
    result TEXT COLLATE "C",
    code TEXT COLLATE "C",
    raw_sealed BYTEA,
    started_event TEXT COLLATE "C" NOT NULL,
    answered_event TEXT COLLATE "C"
);
CREATE INDEX calls_recall ON calls(recall_id);
CREATE INDEX calls_broadcast ON calls(broadcast_id);
CREATE INDEX calls_message ON calls(message_id);

CREATE TABLE bundles (
    id TEXT COLLATE "C" PRIMARY KEY,
    number TEXT COLLATE "C" NOT NULL UNIQUE,
    recall_id TEXT COLLATE "C" NOT NULL REFERENCES recalls(id),
    log_size BIGINT NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    sha256 BYTEA NOT NULL,
    size BIGINT NOT NULL,
    sealed_at BIGINT NOT NULL
);
CREATE INDEX bundles_recall ON bundles(recall_id);

CREATE TABLE jobs (
    id TEXT COLLATE "C" PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    job_key TEXT COLLATE "C" NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('ready','done','dead')),
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_until BIGINT,
    lease_owner TEXT COLLATE "C",
    last_error TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    done_at BIGINT
);
CREATE INDEX jobs_ready ON jobs(state, run_at);
CREATE UNIQUE INDEX jobs_one_ready ON jobs(kind, job_key) WHERE state = 'ready';

CREATE TABLE log_keys (id BIGINT PRIMARY KEY, vkey TEXT COLLATE "C" NOT NULL);
CREATE TABLE log_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    frontier BYTEA NOT NULL,
    last_at BIGINT NOT NULL,
    checkpoint_seq BIGINT NOT NULL
);
CREATE TABLE log_events (idx BIGINT PRIMARY KEY, event_id TEXT COLLATE "C" NOT NULL UNIQUE, leaf BYTEA NOT NULL);
CREATE TABLE log_pending (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id TEXT COLLATE "C" NOT NULL UNIQUE, leaf BYTEA NOT NULL, mac BYTEA NOT NULL);
CREATE TABLE log_parts (
    month TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    salt BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (event_id, name, month)
) PARTITION BY LIST (month);
CREATE TABLE log_tiles (level BIGINT NOT NULL, idx BIGINT NOT NULL, hashes BYTEA NOT NULL, PRIMARY KEY (level, idx));
CREATE TABLE log_checkpoints (seq BIGINT PRIMARY KEY, size BIGINT NOT NULL, note TEXT COLLATE "C" NOT NULL);
CREATE TABLE log_search (
    idx BIGINT PRIMARY KEY,
    event_id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    outcome TEXT COLLATE "C" NOT NULL,
    actor_id TEXT COLLATE "C" NOT NULL,
    actor_name TEXT COLLATE "C",
    subject_kind TEXT COLLATE "C" NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    case_id TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    client_ip TEXT COLLATE "C",
    device_id TEXT COLLATE "C"
);
CREATE INDEX log_search_at ON log_search(at, idx);
CREATE INDEX log_search_action ON log_search(action, idx);
CREATE INDEX log_search_actor ON log_search(actor_id, idx);
CREATE INDEX log_search_case ON log_search(case_id, idx);
CREATE INDEX log_search_ip ON log_search(client_ip, idx);
CREATE TABLE log_parts_rest PARTITION OF log_parts DEFAULT;
