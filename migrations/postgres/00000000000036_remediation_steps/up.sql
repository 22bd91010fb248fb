CREATE TABLE remediation_steps (
    id TEXT COLLATE "C" PRIMARY KEY,
    recall_id TEXT COLLATE "C" NOT NULL REFERENCES recalls(id),
    strategy TEXT COLLATE "C" NOT NULL CHECK (strategy IN ('timeliness','clarification','new_channel','deletion','tracing','statement')),
    owner_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    due_at BIGINT,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('open','done','dropped')),
    note_sealed BYTEA NOT NULL,
    set_by TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    set_at BIGINT NOT NULL,
    ended_by TEXT COLLATE "C" REFERENCES users(id),
    ended_at BIGINT,
    said_sealed BYTEA NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX remediation_steps_recall ON remediation_steps(recall_id);
CREATE INDEX remediation_steps_owner ON remediation_steps(owner_id);
CREATE INDEX remediation_steps_set_by ON remediation_steps(set_by);
CREATE INDEX remediation_steps_ended_by ON remediation_steps(ended_by) WHERE ended_by IS NOT NULL;
CREATE INDEX remediation_steps_open ON remediation_steps(owner_id, due_at) WHERE state = 'open';
ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
ALTER TABLE notices ADD CONSTRAINT notices_kind_check CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended','asked','answered','ordered','skipped','ratify','ratify_remind','remedy','remedy_overdue'));
