//! Ledgers as earlier versions wrote them.

/// Takes back every migration after the one that indexes what images hold. A new migration adds its undoing here.
pub(crate) const UNDO_LATER: &str = "
    DROP INDEX known_name_path;
    DROP TABLE led;
    DROP TABLE waiver_use;
    DROP TABLE trouble;
    DROP INDEX owed_next;
    DROP INDEX event_decision;
    ALTER TABLE event DROP COLUMN target;
    ALTER TABLE event DROP COLUMN codes;
";
