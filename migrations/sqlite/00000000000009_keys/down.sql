ALTER TABLE log_keys DROP COLUMN ends_at;
ALTER TABLE log_keys DROP COLUMN retired;
ALTER TABLE log_keys DROP COLUMN announced;
ALTER TABLE log_keys DROP COLUMN mldsa;
