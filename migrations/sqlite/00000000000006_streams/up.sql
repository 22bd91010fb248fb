CREATE TABLE streams (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('syslog','webhook','file')),
    settings TEXT NOT NULL,
    secrets_sealed BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running','paused')),
    next_index INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    stuck_at INTEGER,
    problem TEXT,
    tried_at INTEGER,
    delivered_at INTEGER,
    lease_owner TEXT,
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL
) STRICT;
