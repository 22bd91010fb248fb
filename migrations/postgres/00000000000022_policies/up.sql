-- A proposal of rules, and what became of it. Version 1 ships with the program and has no row.
-- The id is the SHA-256 of what is proposed: the log names it for ever, and nobody changes a rule without changing its id.
CREATE TABLE policies (
    id TEXT COLLATE "C" PRIMARY KEY,
    nonce TEXT COLLATE "C" NOT NULL UNIQUE,
    base BIGINT NOT NULL CHECK (base >= 1),
    origin BIGINT CHECK (origin >= 1),
    rules TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('proposed','confirmed','rejected','withdrawn')),
    version BIGINT UNIQUE CHECK (version >= 2),
    reason_sealed BYTEA NOT NULL,
    proposed_by TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    proposed_at BIGINT NOT NULL,
    ended_by TEXT COLLATE "C" REFERENCES users(id),
    ended_at BIGINT,
    ending_sealed BYTEA,
    CHECK ((state = 'confirmed') = (version IS NOT NULL)),
    CHECK ((state = 'proposed') = (ended_by IS NULL))
);
-- One at a time waits for a second person.
CREATE UNIQUE INDEX policies_open ON policies(state) WHERE state = 'proposed';
CREATE INDEX policies_proposed_by ON policies(proposed_by);
CREATE INDEX policies_ended_by ON policies(ended_by);
