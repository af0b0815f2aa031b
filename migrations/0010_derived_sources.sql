-- How far each partition of the source that a derived one is made of has been derived.
CREATE TABLE millrace.derive_positions (
  -- The derived source.
  source text NOT NULL,
  -- Of the source that it is made of.
  partition int NOT NULL,
  -- Offset of the first event of the partition that was not derived.
  next_offset bigint NOT NULL,
  -- Events that were derived and counted; one that was derived again after a crash is in it once.
  derived bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (source, partition)
);
