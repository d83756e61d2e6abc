-- Since when something in an admitted image would deny it, where the policy gives it time.
ALTER TABLE approval ADD COLUMN failing_since BIGINT;
