-- What people are told is a word of the program, which reads no other; the database does not name the words a second time, so that a new one
-- builds no table anew.
CREATE TABLE notices_new (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    user_id TEXT NOT NULL REFERENCES users(id),
    kind TEXT NOT NULL,
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
