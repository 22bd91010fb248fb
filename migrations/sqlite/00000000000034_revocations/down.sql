ALTER TABLE timestamps DROP COLUMN revocation;
DROP TABLE revocation_lists;
