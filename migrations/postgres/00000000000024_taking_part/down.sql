DROP TABLE recall_entries;
DELETE FROM notices WHERE kind IN ('asked','answered');
ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
ALTER TABLE notices ADD CONSTRAINT notices_kind_check CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended'));
