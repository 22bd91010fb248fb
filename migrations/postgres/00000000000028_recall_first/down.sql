DROP TABLE ratifications;
DROP TABLE recall_orders;
DROP TABLE duty_shifts;
DELETE FROM notices WHERE kind IN ('ordered','skipped','ratify','ratify_remind');
ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
ALTER TABLE notices ADD CONSTRAINT notices_kind_check CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended','asked','answered'));
