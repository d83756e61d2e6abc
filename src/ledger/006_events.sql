-- What people are to hear of. One row for equal events within an hour, with a count.
CREATE TABLE event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    same TEXT NOT NULL,
    reference TEXT NOT NULL,
    digest TEXT,
    decision TEXT,
    address TEXT,
    detail TEXT NOT NULL,
    count BIGINT NOT NULL,
    before BIGINT NOT NULL
);
CREATE INDEX event_same ON event (same, at);
CREATE INDEX event_at ON event (at);

-- How far each target has heard.
CREATE TABLE heard (
    target TEXT PRIMARY KEY,
    sequence BIGINT NOT NULL
);

-- What a target has not heard though it was tried.
CREATE TABLE owed (
    target TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    tries INTEGER NOT NULL,
    next BIGINT NOT NULL,
    dead BOOLEAN NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (target, sequence)
);
