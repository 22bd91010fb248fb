DROP TABLE part_keys;
ALTER TABLE log_parts DROP COLUMN bucket;
