CREATE TABLE alert_rules (
    rule TEXT NOT NULL,
    version INTEGER NOT NULL,
    settings TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (rule, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    rule_version INTEGER NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('low','medium','high','critical')),
    subject_kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    dedupe TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('open','acknowledged')),
    explanation TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    last_idx INTEGER NOT NULL,
    raised_at INTEGER NOT NULL,
    acknowledged_by TEXT REFERENCES users(id),
    acknowledged_at INTEGER,
    note_sealed BLOB,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX alerts_state ON alerts(state, rule, id);
CREATE INDEX alerts_subject ON alerts(rule, subject_id, last_idx);
CREATE INDEX alerts_last ON alerts(last_at);
-- What happened before there were rules fires nothing.
INSERT INTO counters (name, value) SELECT 'alerts.cursor', size FROM log_head WHERE id = 1;
