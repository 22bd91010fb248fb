CREATE TABLE log_words (idx BIGINT PRIMARY KEY, words TEXT[] COLLATE "C" NOT NULL);
CREATE INDEX log_words_words ON log_words USING gin (words);
DROP INDEX log_search_ip;

CREATE TABLE exports (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    format TEXT COLLATE "C" NOT NULL CHECK (format IN ('csv','jsonl')),
    query_sealed BYTEA NOT NULL,
    log_size BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX exports_session ON exports(session_id);

CREATE TABLE searches (
    id TEXT COLLATE "C" PRIMARY KEY,
    owner_id TEXT COLLATE "C" NOT NULL REFERENCES users(id),
    shared BIGINT NOT NULL CHECK (shared IN (0,1)),
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX searches_owner ON searches(owner_id);
