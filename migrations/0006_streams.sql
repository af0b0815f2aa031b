-- How far each source partition is in the offline log; moves in the transaction of the rows.
CREATE TABLE millrace.ingest_positions (
  source text NOT NULL,
  partition int NOT NULL,
  next_offset bigint NOT NULL,
  stored bigint NOT NULL DEFAULT 0,
  duplicates bigint NOT NULL DEFAULT 0,
  dead_letters bigint NOT NULL DEFAULT 0,
  beyond_windows bigint NOT NULL DEFAULT 0,
  newest_known_time timestamptz,
  PRIMARY KEY (source, partition)
);

CREATE TABLE millrace.dead_letters (
  source text NOT NULL,
  partition int NOT NULL,
  source_offset bigint NOT NULL,
  code text NOT NULL,
  message text NOT NULL,
  payload text,
  known_time timestamptz NOT NULL,
  PRIMARY KEY (source, partition, source_offset)
);
