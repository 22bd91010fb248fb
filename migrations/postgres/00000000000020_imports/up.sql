-- Tables that somebody imports: looked at first, put in when they say so. The file is gone when it is over.
CREATE TABLE imports (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('broadcasts', 'recipients')),
    state TEXT NOT NULL CHECK (state IN ('checking', 'checked', 'applying', 'done', 'failed', 'discarded')),
    owner_id TEXT NOT NULL,
    digest BYTEA NOT NULL,
    size BIGINT NOT NULL,
    encoding TEXT,
    separator TEXT,
    file_sealed BYTEA,
    about_sealed BYTEA NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    problems BIGINT NOT NULL,
    broadcasts BIGINT NOT NULL,
    recipients BIGINT NOT NULL,
    doubles BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    version BIGINT NOT NULL
);
-- The same file twice is one import, until it came to nothing.
CREATE UNIQUE INDEX imports_digest ON imports (digest) WHERE state IN ('checking', 'checked', 'applying', 'done');
CREATE INDEX imports_owner ON imports (owner_id, id);
