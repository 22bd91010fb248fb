-- What administration asks: which department is closed, who has not signed in for long, which token nobody uses.
ALTER TABLE departments ADD COLUMN closed_at BIGINT;
ALTER TABLE departments ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE users ADD COLUMN signed_in_at BIGINT;
ALTER TABLE tokens ADD COLUMN last_used_at BIGINT;
UPDATE users SET signed_in_at = (SELECT MAX(last_seen_at) FROM devices WHERE devices.user_id = users.id);
