CREATE TABLE mail_addresses (user_id TEXT COLLATE "C" PRIMARY KEY REFERENCES users(id), address TEXT COLLATE "C" NOT NULL);
CREATE TABLE notices (
    id TEXT COLLATE "C" PRIMARY KEY,
    recall_id TEXT COLLATE "C" NOT NULL REFERENCES recalls(id),
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended')),
    round BIGINT NOT NULL,
    level BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting','sent','failed','moot')),
    problem TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    UNIQUE (recall_id, user_id, kind, round, level)
);
CREATE INDEX notices_user ON notices(user_id);
