CREATE TABLE mail_addresses (user_id TEXT PRIMARY KEY REFERENCES users(id), address TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    user_id TEXT NOT NULL REFERENCES users(id),
    kind TEXT NOT NULL CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended')),
    round INTEGER NOT NULL,
    level INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting','sent','failed','moot')),
    problem TEXT,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    UNIQUE (recall_id, user_id, kind, round, level)
) STRICT;
CREATE INDEX notices_user ON notices(user_id);
