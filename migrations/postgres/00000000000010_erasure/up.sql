-- A part whose key is named here is sealed with its salt under that key; NULL: under the installation's own, with its salt beside it.
ALTER TABLE log_parts ADD COLUMN bucket TEXT COLLATE "C";
-- What opens the parts of a month and a class. Never in a backup: what was purged cannot be read there once the key is gone.
CREATE TABLE part_keys (
    bucket TEXT COLLATE "C" PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('living','spent','destroyed','lost')),
    sealed BYTEA,
    CHECK ((sealed IS NULL) = (state IN ('destroyed','lost')))
);
