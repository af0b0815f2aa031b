-- Closed stretches of the offline logs as Parquet files. A file's rows are those of its ranges; they never change.
CREATE TABLE millrace.cold_log_files (
  id bigserial PRIMARY KEY,
  source text NOT NULL,
  -- Below the cold log's directory; its name holds the start of the digest.
  file text NOT NULL UNIQUE,
  sha256 text NOT NULL,
  bytes bigint NOT NULL CHECK (bytes > 0),
  rows bigint NOT NULL CHECK (rows > 0),
  -- sha256 over the rows in order of source partition and offset.
  rows_digest text NOT NULL,
  format_version int NOT NULL,
  schema_digest text NOT NULL,
  -- [{ "name": "amount", "type": "number" }], as they were at the export
  columns jsonb NOT NULL,
  -- Of known time, UTC. A day may have several files.
  day date NOT NULL,
  known_from timestamptz NOT NULL,
  known_to timestamptz NOT NULL,
  effective_from timestamptz NOT NULL,
  effective_to timestamptz NOT NULL,
  exported_at timestamptz NOT NULL DEFAULT now(),
  -- Null: Postgres has the rows too, and readers take them from there. Set in the transaction that deletes them.
  pruned_at timestamptz
);
CREATE INDEX cold_log_files_by_source ON millrace.cold_log_files (source, id);

-- Offsets of each source partition that a file accounts for: those of a source follow one another without a gap.
CREATE TABLE millrace.cold_log_ranges (
  file bigint NOT NULL REFERENCES millrace.cold_log_files (id) ON DELETE CASCADE,
  partition int NOT NULL,
  from_offset bigint NOT NULL,
  -- Exclusive.
  to_offset bigint NOT NULL CHECK (to_offset > from_offset),
  rows bigint NOT NULL,
  PRIMARY KEY (file, partition)
);
