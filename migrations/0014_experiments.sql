-- Arms of a running experiment with their ranges of buckets; a rollout's canary and an experiment exclude each other.
ALTER TABLE millrace.allocations
  ADD COLUMN experiment jsonb,
  ADD CONSTRAINT allocations_experiment_alone
    CHECK (experiment IS NULL OR (canary_version IS NULL AND champion IS NOT NULL));

-- Every experiment that ever had traffic, as it stood last. A name is used once a model: it salts the assignment.
CREATE TABLE millrace.experiments (
  model text NOT NULL REFERENCES millrace.models (name),
  name text NOT NULL,
  -- { name, arms, control, metric, ranges, startedAt, changedAt, startedBy, reason }
  experiment jsonb NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  ended_by text,
  end_reason text,
  -- Arm whose version became the champion at the end.
  winner text,
  PRIMARY KEY (model, name)
);
CREATE UNIQUE INDEX experiments_running ON millrace.experiments (model) WHERE ended_at IS NULL;

-- An arm's variant is `<experiment>/<arm>`. Not validated: rows of before have passed the narrower check.
ALTER TABLE millrace.decisions DROP CONSTRAINT decisions_variant_check;
ALTER TABLE millrace.decisions ADD CONSTRAINT decisions_variant_check
  CHECK (variant IN ('champion', 'canary') OR variant ~ '^[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_-]*$') NOT VALID;
CREATE INDEX decisions_by_variant ON millrace.decisions (model, variant, served_at) WHERE variant LIKE '%/%';
