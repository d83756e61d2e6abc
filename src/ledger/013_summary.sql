-- Signed summaries of decisions, as they are served beside images: each is signed once and stays as it is.
CREATE TABLE summary (
    id INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    decision TEXT NOT NULL,
    repository TEXT NOT NULL,
    subject TEXT NOT NULL,
    manifest_digest TEXT NOT NULL UNIQUE,
    manifest BLOB NOT NULL,
    bundle_digest TEXT NOT NULL UNIQUE,
    bundle BLOB NOT NULL,
    UNIQUE (decision, subject)
);
CREATE INDEX summary_at ON summary (at);
