-- A proposal of rules, and what became of it. Version 1 ships with the program and has no row.
-- The id is the SHA-256 of what is proposed: the log names it for ever, and nobody changes a rule without changing its id.
CREATE TABLE policies (
    id TEXT PRIMARY KEY,
    nonce TEXT NOT NULL UNIQUE,
    base INTEGER NOT NULL CHECK (base >= 1),
    origin INTEGER CHECK (origin >= 1),
    rules TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('proposed','confirmed','rejected','withdrawn')),
    version INTEGER UNIQUE CHECK (version >= 2),
    reason_sealed BLOB NOT NULL,
    proposed_by TEXT NOT NULL REFERENCES users(id),
    proposed_at INTEGER NOT NULL,
    ended_by TEXT REFERENCES users(id),
    ended_at INTEGER,
    ending_sealed BLOB,
    CHECK ((state = 'confirmed') = (version IS NOT NULL)),
    CHECK ((state = 'proposed') = (ended_by IS NULL))
) STRICT;
-- One at a time waits for a second person.
CREATE UNIQUE INDEX policies_open ON policies(state) WHERE state = 'proposed';
CREATE INDEX policies_proposed_by ON policies(proposed_by);
CREATE INDEX policies_ended_by ON policies(ended_by);
