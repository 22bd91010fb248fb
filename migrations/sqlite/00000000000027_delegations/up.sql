CREATE TABLE delegations (
    id TEXT PRIMARY KEY,
    principal_id TEXT NOT NULL REFERENCES users(id),
    delegate_id TEXT NOT NULL REFERENCES users(id),
    levels TEXT NOT NULL,
    department_id TEXT REFERENCES departments(id),
    reason_sealed BLOB NOT NULL,
    from_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by TEXT REFERENCES users(id),
    end_sealed BLOB
) STRICT;
CREATE INDEX delegations_principal ON delegations(principal_id);
CREATE INDEX delegations_delegate ON delegations(delegate_id);
CREATE INDEX delegations_until ON delegations(until_at) WHERE ended_at IS NULL;
ALTER TABLE decisions ADD COLUMN principal_id TEXT REFERENCES users(id);
