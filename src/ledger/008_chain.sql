-- What was decided and revoked, in the order of commits; each entry's hash is over the one before. `leaf` is the hash of
-- the row that it is about.
CREATE TABLE chain (
    number INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    leaf BLOB NOT NULL,
    hash BLOB NOT NULL
);
CREATE INDEX chain_at ON chain (at);

-- Signed heads of the chain: the newest, the last one of each hour, and that up to which entries were swept.
CREATE TABLE checkpoint (
    size INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    hash BLOB NOT NULL,
    swept BOOLEAN NOT NULL,
    note TEXT NOT NULL
);
