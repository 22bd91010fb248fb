CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;

CREATE TABLE departments (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    parent_id TEXT REFERENCES departments(id),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    department_id TEXT REFERENCES departments(id),
    state TEXT NOT NULL CHECK (state IN ('invited','active','suspended')),
    password_hash TEXT,
    totp_sealed BLOB,
    totp_step INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    locked_until INTEGER,
    valid_until INTEGER,
    lang TEXT,
    theme TEXT,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX users_department ON users(department_id);
CREATE TABLE user_roles (
    user_id TEXT NOT NULL REFERENCES users(id),
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, role)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_roles_role ON user_roles(role);

CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('setup','invite')),
    roles TEXT NOT NULL,
    department_id TEXT,
    created_by TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    used_by TEXT
) STRICT;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users(id),
    csrf TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('second_factor','enrolment','open','closed')),
    device_id TEXT,
    client_ip TEXT,
    user_agent TEXT,
    flash TEXT,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;
CREATE INDEX sessions_user ON sessions(user_id);
CREATE TABLE devices (
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    fingerprint TEXT,
    components_sealed BLOB,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (id, user_id)
) STRICT;

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    user_id TEXT REFERENCES users(id),
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE TABLE idempotency (
    token_id TEXT NOT NULL,
    request_key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    status INTEGER NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (token_id, request_key)
) STRICT;
CREATE INDEX idempotency_created ON idempotency(created_at);

CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    platform TEXT NOT NULL,
    settings TEXT NOT NULL,
    secret_sealed BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active','off')),
    agreement TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE broadcasts (
    id TEXT PRIMARY KEY,
    origin TEXT NOT NULL CHECK (origin IN ('sent','imported','reported')),
    connection_id TEXT REFERENCES connections(id),
    platform TEXT NOT NULL,
    channel TEXT NOT NULL,
    sender_id TEXT REFERENCES users(id),
    department_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('sending','sent','partly_sent','failed')),
    title_sealed BLOB NOT NULL,
    content_sealed BLOB NOT NULL,
    key_sealed BLOB NOT NULL,
    content_salt BLOB NOT NULL,
    commitment BLOB NOT NULL,
    audience_sealed BLOB NOT NULL,
    recipients_count INTEGER NOT NULL,
    recipients_root BLOB NOT NULL,
    sent_at INTEGER,
    sent_at_source TEXT,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX broadcasts_created ON broadcasts(created_at, id);
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    broadcast_id TEXT NOT NULL REFERENCES broadcasts(id),
    piece INTEGER NOT NULL,
    audience_sealed BLOB NOT NULL,
    platform_id TEXT,
    room TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending','sent','unknown','failed')),
    sent_at INTEGER,
    recall_state TEXT CHECK (recall_state IN ('confirmed','accepted','unknown','still_visible','failed')),
    recall_attempts INTEGER NOT NULL,
    UNIQUE (broadcast_id, piece)
) STRICT;
CREATE INDEX messages_platform ON messages(platform_id);
CREATE TABLE recipients (
    broadcast_id TEXT NOT NULL REFERENCES broadcasts(id),
    platform_id TEXT NOT NULL,
    message_id TEXT,
    salt BLOB NOT NULL,
    delivery TEXT NOT NULL CHECK (delivery IN ('accepted','refused','unknown','reported')),
    read_state TEXT NOT NULL CHECK (read_state IN ('read','unread','unknown')),
    read_at INTEGER,
    read_source TEXT NOT NULL,
    outcome TEXT CHECK (outcome IN ('confirmed','accepted','unknown','still_visible','failed')),
    outcome_at INTEGER,
    PRIMARY KEY (broadcast_id, platform_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE attachments (
    id TEXT PRIMARY KEY,
    broadcast_id TEXT REFERENCES broadcasts(id),
    recall_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('original','screenshot','capture')),
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    sealed BLOB NOT NULL,
    uploaded_by TEXT NOT NULL,
    uploaded_at INTEGER NOT NULL,
    confirmed_by TEXT,
    confirmed_at INTEGER
) STRICT;
CREATE INDEX attachments_broadcast ON attachments(broadcast_id);
CREATE INDEX attachments_recall ON attachments(recall_id);

CREATE TABLE recalls (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    broadcast_id TEXT NOT NULL REFERENCES broadcasts(id),
    requester_id TEXT NOT NULL REFERENCES users(id),
    department_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('reviewing','returned','approved','executing','recalled','recall_accepted','partly_recalled','failed','rejected','withdrawn','expired','superseded')),
    open_levels TEXT NOT NULL,
    round INTEGER NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('api','guided')),
    harm_class TEXT NOT NULL,
    request_sealed BLOB NOT NULL,
    cut_off INTEGER,
    due_1 INTEGER NOT NULL,
    due_2 INTEGER NOT NULL,
    due_3 INTEGER NOT NULL,
    recipients_count INTEGER NOT NULL,
    recipients_root BLOB NOT NULL,
    commitment BLOB NOT NULL,
    policy_id TEXT NOT NULL,
    policy_version INTEGER NOT NULL,
    halted_at INTEGER,
    submitted_at INTEGER NOT NULL,
    approved_at INTEGER,
    finished_at INTEGER,
    closed_at INTEGER,
    tally TEXT,
    version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX recalls_one_open ON recalls(broadcast_id) WHERE state IN ('reviewing','returned','approved','executing');
CREATE INDEX recalls_state ON recalls(state, submitted_at, id);
CREATE INDEX recalls_submitted ON recalls(submitted_at, id);
CREATE INDEX recalls_requester ON recalls(requester_id);
CREATE TABLE decisions (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    round INTEGER NOT NULL,
    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 3),
    decider_id TEXT NOT NULL REFERENCES users(id),
    decision TEXT NOT NULL CHECK (decision IN ('approve','return','reject')),
    comment_sealed BLOB NOT NULL,
    method TEXT NOT NULL,
    statement BLOB NOT NULL,
    shown BLOB NOT NULL,
    event_id TEXT NOT NULL,
    client_ip TEXT,
    device_id TEXT,
    at INTEGER NOT NULL,
    UNIQUE (recall_id, round, level)
) STRICT;
CREATE INDEX decisions_decider ON decisions(decider_id);

CREATE TABLE calls (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('send','recall','read_back','reading','fetch','members','test')),
    connection_id TEXT,
    broadcast_id TEXT,
    recall_id TEXT,
    message_id TEXT,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('started','answered','lost')),
    started_at INTEGER NOT NULL,
    answered_at INTEGER,
    result TEXT,
    code TEXT,
    raw_sealed BLOB,
    started_event TEXT NOT NULL,
    answered_event TEXT
) STRICT;
CREATE INDEX calls_recall ON calls(recall_id);
CREATE INDEX calls_broadcast ON calls(broadcast_id);
CREATE INDEX calls_message ON calls(message_id);

CREATE TABLE bundles (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    log_size INTEGER NOT NULL,
    path TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    size INTEGER NOT NULL,
    sealed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX bundles_recall ON bundles(recall_id);

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    job_key TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready','done','dead')),
    run_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    lease_until INTEGER,
    lease_owner TEXT,
    last_error TEXT,
    created_at INTEGER NOT NULL,
    done_at INTEGER
) STRICT;
CREATE INDEX jobs_ready ON jobs(state, run_at);
CREATE UNIQUE INDEX jobs_one_ready ON jobs(kind, job_key) WHERE state = 'ready';

CREATE TABLE log_keys (id INTEGER PRIMARY KEY, vkey TEXT NOT NULL) STRICT;
CREATE TABLE log_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    frontier BLOB NOT NULL,
    last_at INTEGER NOT NULL,
    checkpoint_seq INTEGER NOT NULL
) STRICT;
CREATE TABLE log_events (idx INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, leaf BLOB NOT NULL) STRICT;
CREATE TABLE log_pending (seq INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE, leaf BLOB NOT NULL, mac BLOB NOT NULL) STRICT;
CREATE TABLE log_parts (
    month TEXT NOT NULL,
    event_id TEXT NOT NULL,
    name TEXT NOT NULL,
    salt BLOB NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (event_id, name, month)
) STRICT, WITHOUT ROWID;
CREATE TABLE log_tiles (level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, idx)) STRICT;
CREATE TABLE log_checkpoints (seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
CREATE TABLE log_search (
    idx INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    actor_name TEXT,
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    case_id TEXT,
    session_id TEXT,
    client_ip TEXT,
    device_id TEXT
) STRICT;
CREATE INDEX log_search_at ON log_search(at, idx);
CREATE INDEX log_search_action ON log_search(action, idx);
CREATE INDEX log_search_actor ON log_search(actor_id, idx);
CREATE INDEX log_search_case ON log_search(case_id, idx);
CREATE INDEX log_search_ip ON log_search(client_ip, idx);
