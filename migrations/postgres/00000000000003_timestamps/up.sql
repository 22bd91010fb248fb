-- Retention: kept like bundles, for as long as the archive is; nothing in it is personal.
CREATE TABLE timestamps (
    id TEXT COLLATE "C" PRIMARY KEY,
    authority TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL CHECK (subject IN ('checkpoint','bundle')),
    bundle_id TEXT COLLATE "C" REFERENCES bundles(id),
    log_size BIGINT NOT NULL,
    stamped BYTEA NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('obtained','refused')),
    query BYTEA NOT NULL,
    answer BYTEA,
    chain TEXT COLLATE "C",
    stamped_at BIGINT,
    refusal TEXT COLLATE "C",
    attempts BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    UNIQUE (authority, bundle_id)
);
CREATE INDEX timestamps_size ON timestamps(subject, state, log_size);
CREATE INDEX timestamps_bundle ON timestamps(bundle_id);
