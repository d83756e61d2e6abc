-- The image with the newest signature that a tag has led to.
CREATE TABLE signed_tag (
    repository TEXT NOT NULL,
    tag TEXT NOT NULL,
    digest TEXT NOT NULL,
    signed_at BIGINT NOT NULL,
    PRIMARY KEY (repository, tag)
);
