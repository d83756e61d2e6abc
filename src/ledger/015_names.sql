-- Names that were met, approved and forgotten, in this order; the newest row of a name counts. Each has an entry of the chain.
CREATE TABLE name (
    number INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    repository TEXT NOT NULL,
    act TEXT NOT NULL,
    who TEXT
);
CREATE INDEX name_repository ON name (repository, number);
-- The same path in another registry.
CREATE INDEX name_path ON name (substr(repository, instr(repository, '/') + 1));

-- Policies under which something was decided, a row for each change; each has an entry of the chain.
CREATE TABLE policy (
    number INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    file TEXT NOT NULL,
    epoch TEXT NOT NULL,
    mode TEXT NOT NULL
);

-- When the ledger was last found writable.
CREATE TABLE alive (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at BIGINT NOT NULL
);
