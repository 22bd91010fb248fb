CREATE TABLE witnesses (
    name TEXT COLLATE "C" PRIMARY KEY,
    vkey TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    seen_at BIGINT,
    problem TEXT COLLATE "C"
);
CREATE TABLE log_cosignatures (
    size BIGINT NOT NULL,
    witness TEXT COLLATE "C" NOT NULL,
    line TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (size, witness)
);
