DROP INDEX recalls_by_correction;
ALTER TABLE recalls DROP COLUMN correction_id;
