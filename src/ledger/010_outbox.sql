-- What an event is about, for who hears of some only; and for whom it was made, where that is one target alone.
ALTER TABLE event ADD COLUMN codes TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN target TEXT;
CREATE INDEX event_decision ON event (decision);
CREATE INDEX owed_next ON owed (target, dead, next);

-- Troubles that people have heard of and that are not over.
CREATE TABLE trouble (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (kind, subject)
);
