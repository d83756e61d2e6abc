-- Times are milliseconds since 1970 UTC; digests, references and identities are their usual text.
CREATE TABLE decision (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    repository TEXT NOT NULL,
    reference TEXT NOT NULL,
    digest TEXT,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    listener TEXT NOT NULL,
    allowed BOOLEAN NOT NULL,
    mode TEXT NOT NULL,
    verdict TEXT NOT NULL,
    policy_epoch TEXT NOT NULL,
    policy_file TEXT NOT NULL,
    gathered_ms INTEGER NOT NULL
);
CREATE INDEX decision_repository ON decision (repository, id);
CREATE INDEX decision_digest ON decision (digest);
CREATE INDEX decision_at ON decision (at);

CREATE TABLE pull (
    id INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    decision TEXT NOT NULL,
    digest TEXT,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    listener TEXT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    count BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);
CREATE INDEX pull_decision ON pull (decision, at);
CREATE INDEX pull_digest ON pull (digest);
CREATE INDEX pull_at ON pull (at);

CREATE TABLE approval (
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    repository TEXT NOT NULL,
    root TEXT NOT NULL,
    decision TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (digest, repository, root)
);
CREATE INDEX approval_root ON approval (repository, root);
CREATE INDEX approval_decision ON approval (decision);

CREATE TABLE tag (
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    digest TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (repository, tag)
);
