-- Waivers that excused something, by their identity. It outlives the decisions.
CREATE TABLE waiver_use (
    waiver TEXT PRIMARY KEY,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    decisions BIGINT NOT NULL
);
