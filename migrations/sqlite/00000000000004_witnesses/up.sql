CREATE TABLE witnesses (
    name TEXT PRIMARY KEY,
    vkey TEXT NOT NULL,
    size INTEGER NOT NULL,
    seen_at INTEGER,
    problem TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE log_cosignatures (
    size INTEGER NOT NULL,
    witness TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (size, witness)
) STRICT, WITHOUT ROWID;
