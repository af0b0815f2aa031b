-- A message of the decision topic has many decisions now: how many were stored can't be told from offsets. Until now it had one.
ALTER TABLE millrace.decision_positions ADD COLUMN stored bigint NOT NULL DEFAULT 0;
UPDATE millrace.decision_positions SET stored = next_offset;
