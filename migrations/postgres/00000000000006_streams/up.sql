CREATE TABLE streams (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('syslog','webhook','file')),
    settings TEXT COLLATE "C" NOT NULL,
    secrets_sealed BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('running','paused')),
    next_index BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    stuck_at BIGINT,
    problem TEXT COLLATE "C",
    tried_at BIGINT,
    delivered_at BIGINT,
    lease_owner TEXT COLLATE "C",
    lease_until BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
