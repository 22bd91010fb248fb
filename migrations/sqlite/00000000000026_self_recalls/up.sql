CREATE TABLE self_recalls (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    broadcast_id TEXT NOT NULL REFERENCES broadcasts(id),
    filer_id TEXT NOT NULL REFERENCES users(id),
    department_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('filed','gone','visible')),
    extent TEXT NOT NULL CHECK (extent IN ('whole','part')),
    withdrawn_at INTEGER NOT NULL,
    note_sealed BLOB NOT NULL,
    filed_at INTEGER NOT NULL,
    checker_id TEXT REFERENCES users(id),
    checked_at INTEGER,
    check_sealed BLOB,
    version INTEGER NOT NULL
) STRICT;
CREATE INDEX self_recalls_broadcast ON self_recalls(broadcast_id);
CREATE INDEX self_recalls_filer ON self_recalls(filer_id);
CREATE INDEX self_recalls_checker ON self_recalls(checker_id) WHERE checker_id IS NOT NULL;
CREATE INDEX self_recalls_waiting ON self_recalls(id) WHERE state = 'filed';
CREATE INDEX self_recalls_filed ON self_recalls(filed_at);
