-- An invitation is somebody's: who is invited, where the link goes by mail, and whether it was taken back. The link itself stands nowhere;
-- until the mail server has it, it lies here under the installation's key.
ALTER TABLE invitations ADD COLUMN name TEXT;
ALTER TABLE invitations ADD COLUMN address TEXT;
ALTER TABLE invitations ADD COLUMN mail TEXT NOT NULL DEFAULT 'none' CHECK (mail IN ('none','waiting','sent','failed'));
ALTER TABLE invitations ADD COLUMN link_sealed BLOB;
ALTER TABLE invitations ADD COLUMN revoked_at INTEGER;
ALTER TABLE invitations ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
