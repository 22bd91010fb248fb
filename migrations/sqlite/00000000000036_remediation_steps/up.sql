CREATE TABLE remediation_steps (
    id TEXT PRIMARY KEY,
    recall_id TEXT NOT NULL REFERENCES recalls(id),
    strategy TEXT NOT NULL CHECK (strategy IN ('timeliness','clarification','new_channel','deletion','tracing','statement')),
    owner_id TEXT NOT NULL REFERENCES users(id),
    due_at INTEGER,
    state TEXT NOT NULL CHECK (state IN ('open','done','dropped')),
    note_sealed BLOB NOT NULL,
    set_by TEXT NOT NULL REFERENCES users(id),
    set_at INTEGER NOT NULL,
    ended_by TEXT REFERENCES users(id),
    ended_at INTEGER,
    said_sealed BLOB NOT NULL,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX remediation_steps_recall ON remediation_steps(recall_id);
CREATE INDEX remediation_steps_owner ON remediation_steps(owner_id);
CREATE INDEX remediation_steps_set_by ON remediation_steps(set_by);
CREATE INDEX remediation_steps_ended_by ON remediation_steps(ended_by) WHERE ended_by IS NOT NULL;
CREATE INDEX remediation_steps_open ON remediation_steps(owner_id, due_at) WHERE state = 'open';
CREATE TABLE notices_new (
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
INSERT INTO notices_new SELECT id, recall_id, user_id, kind, round, level, state, problem, created_at, ended_at FROM notices;
DROP TABLE notices;
ALTER TABLE notices_new RENAME TO notices;
CREATE INDEX notices_user ON notices(user_id);
