-- Retention: kept like bundles, for as long as the archive is; nothing in it is personal.
CREATE TABLE timestamps (
    id TEXT PRIMARY KEY,
    authority TEXT NOT NULL,
    subject TEXT NOT NULL CHECK (subject IN ('checkpoint','bundle')),
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
    UNIQUE (authority, bundle_id)
) STRICT;
CREATE INDEX timestamps_size ON timestamps(subject, state, log_size);
CREATE INDEX timestamps_bundle ON timestamps(bundle_id);
