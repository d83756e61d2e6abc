-- What judged images hold, so that "who pulled it?" reads no verdicts. `holds` is a hash of it all.
CREATE TABLE image (
    number INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    holds BLOB NOT NULL
);
CREATE TABLE word (
    number INTEGER PRIMARY KEY,
    text TEXT NOT NULL,
    kind TEXT NOT NULL,
    UNIQUE (text, kind)
);
CREATE TABLE held (
    word INTEGER NOT NULL,
    image INTEGER NOT NULL,
    version TEXT NOT NULL,
    PRIMARY KEY (word, image, version)
) WITHOUT ROWID;
CREATE INDEX held_image ON held (image);

-- Who was served something under a decision: a row for a client, however often it asked.
CREATE TABLE puller (
    number INTEGER PRIMARY KEY,
    decision TEXT NOT NULL,
    address TEXT NOT NULL,
    identity TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    UNIQUE (decision, address, identity, user_agent)
);
CREATE INDEX puller_address ON puller (address);
CREATE INDEX puller_identity ON puller (identity) WHERE identity <> '';
CREATE INDEX puller_last ON puller (last);
