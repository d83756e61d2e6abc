-- What must not be served any more. One that was taken back keeps its row.
CREATE TABLE revocation (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    reason TEXT NOT NULL,
    revoked_by TEXT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT
);
