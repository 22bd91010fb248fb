CREATE VIRTUAL TABLE log_words USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii');
DROP INDEX log_search_ip;

CREATE TABLE exports (
    id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    format TEXT NOT NULL CHECK (format IN ('csv','jsonl')),
    query_sealed BLOB NOT NULL,
    log_size INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX exports_session ON exports(session_id);

CREATE TABLE searches (
    id TEXT PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES users(id),
    shared INTEGER NOT NULL CHECK (shared IN (0,1)),
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX searches_owner ON searches(owner_id);
