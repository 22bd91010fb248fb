-- A renewal is a timestamp over older ones; no reference, for a backup puts rows back in any order.
CREATE TABLE timestamps_new (
    id TEXT PRIMARY KEY,
    authority TEXT NOT NULL,
    subject TEXT NOT NULL CHECK (subject IN ('checkpoint','bundle','renewal')),
    bundle_id TEXT REFERENCES bundles(id),
    log_size INTEGER NOT NULL,
    stamped BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('obtained','refused')),
    query BLOB NOT NULL,
    answer BLOB,
    chain TEXT,
    stamped_at INTEGER,
    refusal TEXT,
    attempts INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    valid_until INTEGER,
    renewed_by TEXT,
    UNIQUE (authority, bundle_id)
) STRICT;
INSERT INTO timestamps_new
    SELECT id, authority, subject, bundle_id, log_size, stamped, state, query, answer, chain, stamped_at, refusal, attempts, asked_at, NULL, NULL
    FROM timestamps;
DROP TABLE timestamps;
ALTER TABLE timestamps_new RENAME TO timestamps;
CREATE INDEX timestamps_size ON timestamps(subject, state, log_size);
CREATE INDEX timestamps_bundle ON timestamps(bundle_id);
CREATE INDEX timestamps_end ON timestamps(valid_until) WHERE renewed_by IS NULL AND state = 'obtained';
