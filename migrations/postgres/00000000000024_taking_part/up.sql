CREATE TABLE recall_entries (
    id TEXT COLLATE "C" PRIMARY KEY,
    recall_id TEXT COLLATE "C" NOT NULL REFERENCES recalls(id),
    round BIGINT NOT NULL,
    level BIGINT NOT NULL CHECK (level BETWEEN 0 AND 3),
    kind TEXT COLLATE "C" NOT NULL CHECK (kind IN ('transfer','question','answer','comment','reminder')),
    by_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    to_id TEXT COLLATE "C" REFERENCES users(id),
    text_sealed BYTEA NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX recall_entries_recall ON recall_entries(recall_id);
CREATE INDEX recall_entries_by ON recall_entries(by_id);
ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
ALTER TABLE notices ADD CONSTRAINT notices_kind_check CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended','asked','answered'));
