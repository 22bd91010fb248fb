ALTER TABLE recalls DROP COLUMN escalated;
