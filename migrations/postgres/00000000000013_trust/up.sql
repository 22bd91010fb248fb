-- A renewal is a timestamp over older ones; no reference, for a backup puts rows back in any order.
ALTER TABLE timestamps DROP CONSTRAINT timestamps_subject_check;
ALTER TABLE timestamps ADD CONSTRAINT timestamps_subject_check CHECK (subject IN ('checkpoint','bundle','renewal'));
ALTER TABLE timestamps ADD COLUMN valid_until BIGINT;
ALTER TABLE timestamps ADD COLUMN renewed_by TEXT COLLATE "C";
CREATE INDEX timestamps_end ON timestamps(valid_until) WHERE renewed_by IS NULL AND state = 'obtained';
