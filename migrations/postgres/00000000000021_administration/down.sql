ALTER TABLE tokens DROP COLUMN last_used_at;
ALTER TABLE users DROP COLUMN signed_in_at;
ALTER TABLE departments DROP COLUMN version;
ALTER TABLE departments DROP COLUMN closed_at;
