CREATE TABLE millrace.models (
  name text PRIMARY KEY,
  definition jsonb NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT now()
);

-- A version never changes. Its digest is that of its manifest, which names every file by content.
CREATE TABLE millrace.model_versions (
  model text NOT NULL REFERENCES millrace.models (name),
  version int NOT NULL CHECK (version > 0),
  digest text NOT NULL,
  manifest jsonb NOT NULL,
  signature jsonb NOT NULL,
  metrics jsonb NOT NULL,
  lineage jsonb NOT NULL,
  -- Names the attempt that made it, so that an attempt that runs twice registers once.
  registration_key text,
  registered_by text NOT NULL,
  reason text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, version),
  UNIQUE (model, digest),
  UNIQUE (model, registration_key)
);
