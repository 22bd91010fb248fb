CREATE TABLE delegations (
    id TEXT COLLATE "C" PRIMARY KEY,
    principal_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    delegate_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    levels TEXT COLLATE "C" NOT NULL,
    department_id TEXT COLLATE "C" REFERENCES departments(id),
    reason_sealed BYTEA NOT NULL,
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT COLLATE "C" REFERENCES users(id),
    end_sealed BYTEA
);
CREATE INDEX delegations_principal ON delegations(principal_id);
CREATE INDEX delegations_delegate ON delegations(delegate_id);
CREATE INDEX delegations_until ON delegations(until_at) WHERE ended_at IS NULL;
ALTER TABLE decisions ADD COLUMN principal_id TEXT COLLATE "C" REFERENCES users(id);
