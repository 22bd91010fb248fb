CREATE TABLE duty_shifts (
    id TEXT COLLATE "C" PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL CHECK (until_at > from_at),
    added_by TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    added_at BIGINT NOT NULL,
    ended_by TEXT COLLATE "C" REFERENCES users(id),
    ended_at BIGINT
);
CREATE INDEX duty_shifts_user ON duty_shifts(user_id);
CREATE INDEX duty_shifts_until ON duty_shifts(until_at);
CREATE TABLE recall_orders (
    id TEXT COLLATE "C" PRIMARY KEY,
    recall_id TEXT COLLATE "C" NOT NULL UNIQUE REFERENCES recalls(id),
    officer_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    harm_class TEXT COLLATE "C" NOT NULL,
    reason_sealed BYTEA NOT NULL,
    levels TEXT COLLATE "C" NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('owed','ratified','refused')),
    method TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    client_ip TEXT COLLATE "C",
    device_id TEXT COLLATE "C",
    at BIGINT NOT NULL,
    overdue_at BIGINT,
    ended_at BIGINT,
    release_by TEXT COLLATE "C" REFERENCES users(id),
    release_at BIGINT,
    release_sealed BYTEA,
    released_by TEXT COLLATE "C" REFERENCES users(id),
    released_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX recall_orders_officer ON recall_orders(officer_id);
CREATE INDEX recall_orders_owed ON recall_orders(due_at) WHERE state = 'owed';
CREATE TABLE ratifications (
    id TEXT COLLATE "C" PRIMARY KEY,
    order_id TEXT COLLATE "C" NOT NULL REFERENCES recall_orders(id),
    recall_id TEXT COLLATE "C" NOT NULL REFERENCES recalls(id),
    level BIGINT NOT NULL CHECK (level BETWEEN 1 AND 3),
    by_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    verdict TEXT COLLATE "C" NOT NULL CHECK (verdict IN ('ratify','refuse')),
    comment_sealed BYTEA NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    client_ip TEXT COLLATE "C",
    device_id TEXT COLLATE "C",
    at BIGINT NOT NULL,
    UNIQUE (order_id, level)
);
CREATE INDEX ratifications_recall ON ratifications(recall_id);
CREATE INDEX ratifications_by ON ratifications(by_id);
ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
ALTER TABLE notices ADD CONSTRAINT notices_kind_check CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended','asked','answered','ordered','skipped','ratify','ratify_remind'));
