-- Who was served what, in numbers: "who pulled it?" reads one narrow table in the order in which it answers.
-- A subject is what was asked for and what that was; `digest` is empty where it was nothing.
CREATE TABLE subject (
    number INTEGER PRIMARY KEY,
    repository TEXT NOT NULL,
    reference TEXT NOT NULL,
    digest TEXT NOT NULL,
    UNIQUE (reference, digest)
);
CREATE INDEX subject_repository ON subject (repository);
CREATE INDEX subject_digest ON subject (digest);

CREATE TABLE client (
    number INTEGER PRIMARY KEY,
    address TEXT NOT NULL,
    identity TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    UNIQUE (address, identity, user_agent)
);
CREATE INDEX client_identity ON client (identity) WHERE identity <> '';
CREATE INDEX client_name ON client (substr(identity, instr(identity, ':') + 1)) WHERE identity <> '';

-- A row for each decision under which a client was served a subject, however often it asked.
CREATE TABLE served (
    subject INTEGER NOT NULL,
    client INTEGER NOT NULL,
    decision TEXT NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (subject, client, decision)
) WITHOUT ROWID;
CREATE INDEX served_client ON served (client);
CREATE INDEX served_last ON served (last);

-- Whether a client was sent some content is one look.
DROP INDEX pull_digest;
CREATE INDEX pull_digest ON pull (digest, address, decision);
