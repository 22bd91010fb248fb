CREATE TABLE holds (
    id TEXT COLLATE "C" PRIMARY KEY,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('proposed','placed','release_proposed','released','declined')),
    scope TEXT COLLATE "C" NOT NULL,
    reason_sealed BYTEA NOT NULL,
    proposed_by TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    proposed_at BIGINT NOT NULL,
    placed_by TEXT COLLATE "C" REFERENCES users(id),
    placed_at BIGINT,
    release_reason_sealed BYTEA,
    release_proposed_by TEXT COLLATE "C" REFERENCES users(id),
    release_proposed_at BIGINT,
    ended_by TEXT COLLATE "C" REFERENCES users(id),
    ended_at BIGINT,
    version BIGINT NOT NULL
);
CREATE INDEX holds_state ON holds(state, id);

CREATE TABLE log_purges (event_id TEXT COLLATE "C" PRIMARY KEY, list TEXT COLLATE "C" NOT NULL);
