CREATE TABLE holds (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('proposed','placed','release_proposed','released','declined')),
    scope TEXT NOT NULL,
    reason_sealed BLOB NOT NULL,
    proposed_by TEXT NOT NULL REFERENCES users(id),
    proposed_at INTEGER NOT NULL,
    placed_by TEXT REFERENCES users(id),
    placed_at INTEGER,
    release_reason_sealed BLOB,
    release_proposed_by TEXT REFERENCES users(id),
    release_proposed_at INTEGER,
    ended_by TEXT REFERENCES users(id),
    ended_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX holds_state ON holds(state, id);

CREATE TABLE log_purges (event_id TEXT PRIMARY KEY, list TEXT NOT NULL) STRICT, WITHOUT ROWID;
