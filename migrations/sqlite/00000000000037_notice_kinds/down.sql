CREATE TABLE notices_old (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    user_id TEXT NOT NULL REFERENCES users(id),
    kind TEXT NOT NULL CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended','asked','answered','ordered','skipped','ratify','ratify_remind','remedy','remedy_overdue')),
    round INTEGER NOT NULL,
    level INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting','sent','failed','moot')),
    problem TEXT,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    UNIQUE (recall_id, user_id, kind, round, level)
) STRICT;
INSERT INTO notices_old SELECT id, recall_id, user_id, kind, round, level, state, problem, created_at, ended_at FROM notices
    WHERE kind IN ('decide','remind','returned','carry_out','confirm','ended','asked','answered','ordered','skipped','ratify','ratify_remind','remedy','remedy_overdue');
DROP TABLE notices;
ALTER TABLE notices_old RENAME TO notices;
CREATE INDEX notices_user ON notices(user_id);
