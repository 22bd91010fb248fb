CREATE TABLE duty_shifts (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users(id),
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL CHECK (until_at > from_at),
    added_by TEXT NOT NULL REFERENCES users(id),
    added_at INTEGER NOT NULL,
    ended_by TEXT REFERENCES users(id),
    ended_at INTEGER
) STRICT;
CREATE INDEX duty_shifts_user ON duty_shifts(user_id);
CREATE INDEX duty_shifts_until ON duty_shifts(until_at);
CREATE TABLE recall_orders (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL UNIQUE REFERENCES recalls(id),
    officer_id TEXT NOT NULL REFERENCES users(id),
    harm_class TEXT NOT NULL,
    reason_sealed BLOB NOT NULL,
    levels TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('owed','ratified','refused')),
    method TEXT NOT NULL,
    event_id TEXT NOT NULL,
    client_ip TEXT,
    device_id TEXT,
    at INTEGER NOT NULL,
    overdue_at INTEGER,
    ended_at INTEGER,
    release_by TEXT REFERENCES users(id),
    release_at INTEGER,
    release_sealed BLOB,
    released_by TEXT REFERENCES users(id),
    released_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX recall_orders_officer ON recall_orders(officer_id);
CREATE INDEX recall_orders_owed ON recall_orders(due_at) WHERE state = 'owed';
CREATE TABLE ratifications (
    id TEXT PRIMARY KEY,
    order_id TEXT NOT NULL REFERENCES recall_orders(id),
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 3),
    by_id TEXT NOT NULL REFERENCES users(id),
    verdict TEXT NOT NULL CHECK (verdict IN ('ratify','refuse')),
    comment_sealed BLOB NOT NULL,
    method TEXT NOT NULL,
    event_id TEXT NOT NULL,
    client_ip TEXT,
    device_id TEXT,
    at INTEGER NOT NULL,
    UNIQUE (order_id, level)
) STRICT;
CREATE INDEX ratifications_recall ON ratifications(recall_id);
CREATE INDEX ratifications_by ON ratifications(by_id);
CREATE TABLE notices_new (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    user_id TEXT NOT NULL REFERENCES users(id),
    kind TEXT NOT NULL CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended','asked','answered','ordered','skipped','ratify','ratify_remind')),
    round INTEGER NOT NULL,
    level INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting','sent','failed','moot')),
    problem TEXT,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    UNIQUE (recall_id, user_id, kind, round, level)
) STRICT;
INSERT INTO notices_new SELECT id, recall_id, user_id, kind, round, level, state, problem, created_at, ended_at FROM notices;
DROP TABLE notices;
ALTER TABLE notices_new RENAME TO notices;
CREATE INDEX notices_user ON notices(user_id);
