DROP INDEX timestamps_end;
DELETE FROM timestamps WHERE subject = 'renewal';
CREATE TABLE timestamps_old (
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
INSERT INTO timestamps_old
    SELECT id, authority, subject, bundle_id, log_size, stamped, state, query, answer, chain, stamped_at, refusal, attempts, asked_at
    FROM timestamps;
DROP TABLE timestamps;
ALTER TABLE timestamps_old RENAME TO timestamps;
CREATE INDEX timestamps_size ON timestamps(subject, state, log_size);
CREATE INDEX timestamps_bundle ON timestamps(bundle_id);
