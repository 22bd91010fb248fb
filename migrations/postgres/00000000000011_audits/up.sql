CREATE TABLE audits (
    id TEXT COLLATE "C" PRIMARY KEY,
    number TEXT COLLATE "C" NOT NULL UNIQUE,
    title TEXT COLLATE "C" NOT NULL,
    from_at BIGINT NOT NULL,
    to_at BIGINT NOT NULL,
    as_at BIGINT NOT NULL,
    exceptions TEXT COLLATE "C" NOT NULL,
    sample_size BIGINT NOT NULL,
    seed TEXT COLLATE "C" NOT NULL,
    seed_source TEXT COLLATE "C" NOT NULL CHECK (seed_source IN ('given','drawn')),
    walk TEXT COLLATE "C",
    opened_by TEXT COLLATE "C" NOT NULL,
    opened_at BIGINT NOT NULL,
    opened_event TEXT COLLATE "C" NOT NULL
);
CREATE TABLE audit_packs (
    id TEXT COLLATE "C" PRIMARY KEY,
    audit_id TEXT COLLATE "C" NOT NULL REFERENCES audits(id),
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('making','ready')),
    requested_by TEXT COLLATE "C" NOT NULL,
    requested_at BIGINT NOT NULL,
    done BIGINT NOT NULL,
    total BIGINT NOT NULL,
    number TEXT COLLATE "C",
    log_size BIGINT,
    cases BIGINT,
    path TEXT COLLATE "C",
    sha256 BYTEA,
    size BIGINT,
    verified BIGINT,
    sealed_at BIGINT
);
CREATE INDEX audit_packs_audit ON audit_packs(audit_id, id);
CREATE TABLE audit_questions (
    id TEXT COLLATE "C" PRIMARY KEY,
    audit_id TEXT COLLATE "C" NOT NULL REFERENCES audits(id),
    number BIGINT NOT NULL,
    asked_by TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    asked_of TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    asked_at BIGINT NOT NULL,
    asked_event TEXT COLLATE "C" NOT NULL,
    question_sealed BYTEA NOT NULL,
    cases TEXT COLLATE "C" NOT NULL,
    events TEXT COLLATE "C" NOT NULL,
    answered_at BIGINT,
    answered_event TEXT COLLATE "C",
    answer_sealed BYTEA,
    UNIQUE (audit_id, number)
);
CREATE INDEX audit_questions_asked_of ON audit_questions(asked_of, id);
