-- When retention erased what a message said, who got it, and the words of its cases; the rows stay, because the log commits to them.
ALTER TABLE broadcasts ADD COLUMN erased_at INTEGER;
-- How many recipients stood where, as JSON: lists and figures go on without the rows.
ALTER TABLE broadcasts ADD COLUMN erased_counts TEXT CHECK ((erased_at IS NULL) = (erased_counts IS NULL));
ALTER TABLE recalls ADD COLUMN erased_at INTEGER;
