DROP TABLE remediation_steps;
DELETE FROM notices WHERE kind IN ('remedy','remedy_overdue');
ALTER TABLE notices DROP CONSTRAINT notices_kind_check;
ALTER TABLE notices ADD CONSTRAINT notices_kind_check CHECK (kind IN ('decide','remind','returned','carry_out','confirm','ended','asked','answered','ordered','skipped','ratify','ratify_remind'));
