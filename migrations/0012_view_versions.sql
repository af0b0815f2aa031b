-- The life of each version of a feature view. The current one is what training and online reads take; a model
-- version goes on reading the versions that it was trained with.
CREATE TABLE millrace.view_versions (
  name text NOT NULL,
  version int NOT NULL CHECK (version > 0),
  state text NOT NULL CHECK (state IN ('building', 'backfilling', 'comparing', 'current', 'retiring', 'gone')),
  since timestamptz NOT NULL DEFAULT now(),
  -- Of one that is gone: when its topic and its states were removed too.
  removed_at timestamptz,
  PRIMARY KEY (name, version)
);
CREATE UNIQUE INDEX view_versions_current ON millrace.view_versions (name) WHERE state = 'current';

-- Every change of the above, with who and why.
CREATE TABLE millrace.view_version_changes (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  name text NOT NULL,
  version int NOT NULL,
  from_state text,
  to_state text NOT NULL,
  actor text NOT NULL,
  reason text NOT NULL
);
CREATE FUNCTION millrace.refuse_view_history_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'millrace.view_version_changes is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER view_version_changes_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON millrace.view_version_changes
  FOR EACH STATEMENT EXECUTE FUNCTION millrace.refuse_view_history_change();

-- Feature services by the digest that model versions are signed with: what a version's rows are made by, long
-- after the project's file has changed.
CREATE TABLE millrace.service_definitions (
  digest text PRIMARY KEY,
  name text NOT NULL,
  definition jsonb NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now()
);

-- What was applied before versions had a life: the newest of each view is current.
INSERT INTO millrace.view_versions (name, version, state, since)
  SELECT name, version,
    CASE WHEN version = max(version) OVER (PARTITION BY name) THEN 'current' ELSE 'retiring' END, applied_at
  FROM millrace.definitions WHERE kind = 'featureView';
INSERT INTO millrace.view_version_changes (name, version, to_state, actor, reason)
  SELECT name, version, state, 'migration', 'was applied before versions had a life' FROM millrace.view_versions;
INSERT INTO millrace.service_definitions (digest, name, definition)
  SELECT digest, name, definition FROM millrace.definitions WHERE kind = 'featureService'
  ON CONFLICT DO NOTHING;
