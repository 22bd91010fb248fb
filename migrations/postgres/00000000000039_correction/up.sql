-- The broadcast that is sent in place of the one taken back (强制覆盖); made with the request, so that nothing is sent twice.
ALTER TABLE recalls ADD COLUMN correction_id TEXT COLLATE "C";
CREATE UNIQUE INDEX recalls_by_correction ON recalls (correction_id) WHERE correction_id IS NOT NULL;
