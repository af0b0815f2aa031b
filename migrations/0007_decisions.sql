-- Every prediction and all that explains it.
CREATE TABLE millrace.decisions (
  -- Order of arrival in the table: "since" for readers that follow it.
  seq bigserial PRIMARY KEY,
  id text NOT NULL UNIQUE,
  model text NOT NULL,
  version int NOT NULL,
  variant text NOT NULL CHECK (variant IN ('champion', 'canary')),
  example_id text,
  as_of timestamptz NOT NULL,
  served_at timestamptz NOT NULL,
  score double precision NOT NULL,
  shadow_version int,
  shadow_score double precision,
  -- float32, little-endian, in signature order, before the graph imputes.
  numbers bytea NOT NULL,
  -- { digest, instance, categories, reads, latencyMs }
  body jsonb NOT NULL
);
CREATE INDEX decisions_by_model ON millrace.decisions (model, seq);
CREATE INDEX decisions_by_model_and_time ON millrace.decisions (model, as_of);
CREATE INDEX decisions_by_example ON millrace.decisions (example_id) WHERE example_id IS NOT NULL;

-- Position of the decision sink; moves in the transaction of the rows.
CREATE TABLE millrace.decision_positions (
  partition int PRIMARY KEY,
  next_offset bigint NOT NULL
);
