DROP INDEX timestamps_end;
DELETE FROM timestamps WHERE subject = 'renewal';
ALTER TABLE timestamps DROP COLUMN renewed_by;
ALTER TABLE timestamps DROP COLUMN valid_until;
ALTER TABLE timestamps DROP CONSTRAINT timestamps_subject_check;
ALTER TABLE timestamps ADD CONSTRAINT timestamps_subject_check CHECK (subject IN ('checkpoint','bundle'));
