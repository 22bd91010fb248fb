-- Tables that somebody imports: looked at first, put in when they say so. The file is gone when it is over.
CREATE TABLE imports (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('broadcasts', 'recipients')),
    state TEXT NOT NULL CHECK (state IN ('checking', 'checked', 'applying', 'done', 'failed', 'discarded')),
    owner_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    encoding TEXT,
    separator TEXT,
    file_sealed BLOB,
    about_sealed BLOB NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    problems INTEGER NOT NULL,
    broadcasts INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    doubles INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER,
    version INTEGER NOT NULL
) STRICT;
-- The same file twice is one import, until it came to nothing.
CREATE UNIQUE INDEX imports_digest ON imports (digest) WHERE state IN ('checking', 'checked', 'applying', 'done');
CREATE INDEX imports_owner ON imports (owner_id, id);
