-- Names that were met: pulled with a permit, or approved by somebody before that.
CREATE TABLE known_name (
    repository TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    approved_by TEXT
);
INSERT INTO known_name (repository, at) SELECT repository, MIN(at) FROM decision WHERE allowed GROUP BY repository;
