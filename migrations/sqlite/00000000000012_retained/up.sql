-- When retention erased the file; the row stays, because the log commits to its hash.
ALTER TABLE bundles ADD COLUMN erased_at INTEGER;
ALTER TABLE audit_packs ADD COLUMN erased_at INTEGER;
-- A hold by a search of the trail: what it finds, as marks, and what was typed.
ALTER TABLE holds ADD COLUMN found TEXT;
ALTER TABLE holds ADD COLUMN search_sealed BLOB CHECK ((found IS NULL) = (search_sealed IS NULL));
