-- An invitation is somebody's: who is invited, where the link goes by mail, and whether it was taken back. The link itself stands nowhere;
-- until the mail server has it, it lies here under the installation's key.
ALTER TABLE invitations ADD COLUMN name TEXT COLLATE "C";
ALTER TABLE invitations ADD COLUMN address TEXT COLLATE "C";
ALTER TABLE invitations ADD COLUMN mail TEXT COLLATE "C" NOT NULL DEFAULT 'none' CHECK (mail IN ('none','waiting','sent','failed'));
ALTER TABLE invitations ADD COLUMN link_sealed BYTEA;
ALTER TABLE invitations ADD COLUMN revoked_at BIGINT;
ALTER TABLE invitations ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
