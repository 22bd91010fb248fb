ALTER TABLE holds DROP COLUMN search_sealed;
ALTER TABLE holds DROP COLUMN found;
ALTER TABLE audit_packs DROP COLUMN erased_at;
ALTER TABLE bundles DROP COLUMN erased_at;
