-- Lists of revoked certificates, as their authorities signed them. Retention: kept like tokens and bundles, for what they prove; nothing in
-- them is personal.
CREATE TABLE revocation_lists (
    id TEXT COLLATE "C" PRIMARY KEY,
    issuer TEXT COLLATE "C" NOT NULL,
    begins BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL CHECK (source IN ('fetched','imported')),
    kept_at BIGINT NOT NULL,
    list BYTEA NOT NULL
);
CREATE INDEX revocation_lists_issuer ON revocation_lists(issuer, begins);
-- What was known of the certificates when a token was taken; absent for tokens of older versions.
ALTER TABLE timestamps ADD COLUMN revocation TEXT COLLATE "C";
