CREATE TABLE recall_entries (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    round INTEGER NOT NULL,
    level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 3),
    kind TEXT NOT NULL CHECK (kind IN ('transfer','question','answer','comment','reminder')),
    by_id TEXT NOT NULL REFERENCES users(id),
    to_id TEXT REFERENCES users(id),
    text_sealed BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX recall_entries_recall ON recall_entries(recall_id);
CREATE INDEX recall_entries_by ON recall_entries(by_id);
CREATE TABLE notices_new (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    user_id TEXT NOT NULL REFERENCES users(id),
    kind TEXT NOT NULL CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended','asked','answered')),
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
