-- Lists of revoked certificates, as their authorities signed them. Retention: kept like tokens and bundles, for what they prove; nothing in
-- them is personal.
CREATE TABLE revocation_lists (
    id TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('fetched','imported')),
    kept_at INTEGER NOT NULL,
    list BLOB NOT NULL
) STRICT;
CREATE INDEX revocation_lists_issuer ON revocation_lists(issuer, begins);
-- What was known of the certificates when a token was taken; absent for tokens of older versions.
ALTER TABLE timestamps ADD COLUMN revocation TEXT;
