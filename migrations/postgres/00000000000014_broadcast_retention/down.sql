ALTER TABLE recalls DROP COLUMN erased_at;
ALTER TABLE broadcasts DROP COLUMN erased_counts;
ALTER TABLE broadcasts DROP COLUMN erased_at;
