-- What `millrace apply` made real: a row per definition, compared by digest with the project's file.
CREATE TABLE millrace.definitions (
  kind text NOT NULL CHECK (kind IN ('entity', 'source', 'featureView', 'featureService', 'model')),
  name text NOT NULL,
  version int NOT NULL DEFAULT 1 CHECK (version > 0),
  digest text NOT NULL,
  definition jsonb NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, name, version)
);
