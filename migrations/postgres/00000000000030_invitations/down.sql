DELETE FROM invitations WHERE revoked_at IS NOT NULL;
ALTER TABLE invitations DROP COLUMN version;
ALTER TABLE invitations DROP COLUMN revoked_at;
ALTER TABLE invitations DROP COLUMN link_sealed;
ALTER TABLE invitations DROP COLUMN mail;
ALTER TABLE invitations DROP COLUMN address;
ALTER TABLE invitations DROP COLUMN name;
