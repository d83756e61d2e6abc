-- What the tag of an admitted image led to, and who had signed that.
CREATE TABLE led (
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    digest TEXT NOT NULL,
    at BIGINT NOT NULL,
    signers TEXT NOT NULL,
    PRIMARY KEY (repository, tag)
);
CREATE INDEX led_at ON led (repository, at);
-- The same path in another registry.
CREATE INDEX known_name_path ON known_name (substr(repository, instr(repository, '/') + 1));
