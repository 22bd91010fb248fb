CREATE TABLE audits (
    id TEXT PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL,
    as_at INTEGER NOT NULL,
    exceptions TEXT NOT NULL,
    sample_size INTEGER NOT NULL,
    seed TEXT NOT NULL,
    seed_source TEXT NOT NULL CHECK (seed_source IN ('given','drawn')),
    walk TEXT,
    opened_by TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    opened_event TEXT NOT NULL
) STRICT;
CREATE TABLE audit_packs (
    id TEXT PRIMARY KEY,
    audit_id TEXT NOT NULL REFERENCES audits(id),
    state TEXT NOT NULL CHECK (state IN ('making','ready')),
    requested_by TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    number TEXT,
    log_size INTEGER,
    cases INTEGER,
    path TEXT,
    sha256 BLOB,
    size INTEGER,
    verified INTEGER,
    sealed_at INTEGER
) STRICT;
CREATE INDEX audit_packs_audit ON audit_packs(audit_id, id);
CREATE TABLE audit_questions (
    id TEXT PRIMARY KEY,
    audit_id TEXT NOT NULL REFERENCES audits(id),
    number INTEGER NOT NULL,
    asked_by TEXT NOT NULL REFERENCES users(id),
    asked_of TEXT NOT NULL REFERENCES users(id),
    asked_at INTEGER NOT NULL,
    asked_event TEXT NOT NULL,
    question_sealed BLOB NOT NULL,
    cases TEXT NOT NULL,
    events TEXT NOT NULL,
    answered_at INTEGER,
    answered_event TEXT,
    answer_sealed BLOB,
    UNIQUE (audit_id, number)
) STRICT;
CREATE INDEX audit_questions_asked_of ON audit_questions(asked_of, id);
