-- A part whose key is named here is sealed with its salt under that key; NULL: under the installation's own, with its salt beside it.
ALTER TABLE log_parts ADD COLUMN bucket TEXT;
-- What opens the parts of a month and a class. Never in a backup: what was purged cannot be read there once the key is gone.
CREATE TABLE part_keys (
    bucket TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('living','spent','destroyed','lost')),
    sealed BLOB,
    CHECK ((sealed IS NULL) = (state IN ('destroyed','lost')))
) STRICT, WITHOUT ROWID;
