CREATE TABLE alert_rules (
    rule TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    changed_by TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (rule, version)
);
CREATE TABLE alerts (
    id TEXT COLLATE "C" PRIMARY KEY,
    rule TEXT COLLATE "C" NOT NULL,
    rule_version BIGINT NOT NULL,
    severity TEXT COLLATE "C" NOT NULL CHECK (severity IN ('low','medium','high','critical')),
    subject_kind TEXT COLLATE "C" NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    dedupe TEXT COLLATE "C" NOT NULL UNIQUE,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open','acknowledged')),
    explanation TEXT COLLATE "C" NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_idx BIGINT NOT NULL,
    raised_at BIGINT NOT NULL,
    acknowledged_by TEXT COLLATE "C" REFERENCES users(id),
    acknowledged_at BIGINT,
    note_sealed BYTEA,
    version BIGINT NOT NULL
);
CREATE INDEX alerts_state ON alerts(state, rule, id);
CREATE INDEX alerts_subject ON alerts(rule, subject_id, last_idx);
CREATE INDEX alerts_last ON alerts(last_at);
-- What happened before there were rules fires nothing.
INSERT INTO counters (name, value) SELECT 'alerts.cursor', size FROM log_head WHERE id = 1;
