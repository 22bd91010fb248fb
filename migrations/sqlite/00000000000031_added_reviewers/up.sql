CREATE TABLE decisions_new (
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
    principal_id TEXT REFERENCES users(id),
    UNIQUE (recall_id, round, level, decider_id)
) STRICT;
INSERT INTO decisions_new SELECT id, recall_id, round, level, decider_id, decision, comment_sealed, method, statement, shown, event_id, client_ip, device_id, at, principal_id FROM decisions;
DROP TABLE decisions;
ALTER TABLE decisions_new RENAME TO decisions;
CREATE INDEX decisions_decider ON decisions(decider_id);
CREATE TABLE recall_entries_new (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    round INTEGER NOT NULL,
    level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 3),
    kind TEXT NOT NULL CHECK (kind IN ('transfer','addition','removal','question','answer','comment','reminder')),
    by_id TEXT NOT NULL REFERENCES users(id),
    to_id TEXT REFERENCES users(id),
    text_sealed BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
INSERT INTO recall_entries_new SELECT id, recall_id, round, level, kind, by_id, to_id, text_sealed, at FROM recall_entries;
DROP TABLE recall_entries;
ALTER TABLE recall_entries_new RENAME TO recall_entries;
CREATE INDEX recall_entries_recall ON recall_entries(recall_id);
CREATE INDEX recall_entries_by ON recall_entries(by_id);
