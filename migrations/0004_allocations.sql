-- What serves each model now. The revision grows by one with every change; changes compare and set it.
CREATE TABLE millrace.allocations (
  model text PRIMARY KEY REFERENCES millrace.models (name),
  revision int NOT NULL CHECK (revision > 0),
  champion int,
  canary_version int,
  canary_share double precision CHECK (canary_share > 0 AND canary_share < 1),
  shadow int,
  changed_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((canary_version IS NULL) = (canary_share IS NULL)),
  CHECK (canary_version IS NULL OR champion IS NOT NULL),
  FOREIGN KEY (model, champion) REFERENCES millrace.model_versions (model, version),
  FOREIGN KEY (model, canary_version) REFERENCES millrace.model_versions (model, version),
  FOREIGN KEY (model, shadow) REFERENCES millrace.model_versions (model, version)
);

CREATE TABLE millrace.aliases (
  model text NOT NULL REFERENCES millrace.models (name),
  alias text NOT NULL CHECK (alias IN ('champion', 'challenger')),
  version int NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, alias),
  FOREIGN KEY (model, version) REFERENCES millrace.model_versions (model, version)
);

-- What each serving process says it runs; a row that is not renewed is of a process that ended.
CREATE TABLE millrace.serving_status (
  process text NOT NULL,
  model text NOT NULL,
  revision int NOT NULL,
  loaded int[] NOT NULL,
  -- [{ "version": 7, "reason": "..." }]
  rejected jsonb NOT NULL,
  -- [{ "version": 7, "count": 3 }], failed answers since the process started
  errors jsonb NOT NULL DEFAULT '[]',
  reported_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (process, model)
);
CREATE INDEX serving_status_by_model ON millrace.serving_status (model, reported_at);
