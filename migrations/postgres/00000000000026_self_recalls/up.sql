CREATE TABLE self_recalls (
    id TEXT COLLATE "C" PRIMARY KEY,
    number TEXT COLLATE "C" NOT NULL UNIQUE,
    broadcast_id TEXT COLLATE "C" NOT NULL REFERENCES broadcasts(id),
    filer_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    department_id TEXT COLLATE "C",
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('filed','gone','visible')),
    extent TEXT COLLATE "C" NOT NULL CHECK (extent IN ('whole','part')),
    withdrawn_at BIGINT NOT NULL,
    note_sealed BYTEA NOT NULL,
    filed_at BIGINT NOT NULL,
    checker_id TEXT COLLATE "C" REFERENCES users(id),
    checked_at BIGINT,
    check_sealed BYTEA,
    version BIGINT NOT NULL
);
CREATE INDEX self_recalls_broadcast ON self_recalls(broadcast_id);
CREATE INDEX self_recalls_filer ON self_recalls(filer_id);
CREATE INDEX self_recalls_checker ON self_recalls(checker_id) WHERE checker_id IS NOT NULL;
CREATE INDEX self_recalls_waiting ON self_recalls(id) WHERE state = 'filed';
CREATE INDEX self_recalls_filed ON self_recalls(filed_at);
