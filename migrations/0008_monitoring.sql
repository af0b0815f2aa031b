-- One report per model and closed event-time window; the primary key makes a second run harmless.
CREATE TABLE millrace.monitor_reports (
  model text NOT NULL,
  window_from timestamptz NOT NULL,
  window_to timestamptz NOT NULL,
  -- Version that answered most decisions of the window; its reference profile is the reference.
  version int NOT NULL,
  decisions int NOT NULL,
  labelled int NOT NULL,
  auc double precision,
  log_loss double precision,
  brier double precision,
  calibration_error double precision,
  mean_score double precision,
  base_rate double precision,
  prediction_psi double precision,
  drifted_features int NOT NULL,
  -- { feature: psi }
  feature_psi jsonb NOT NULL,
  -- The retrain request that this window called for, or null.
  trigger jsonb,
  -- When the lifecycle was told; a trigger without it is told again.
  trigger_delivered_at timestamptz,
  reported_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, window_from),
  CHECK (window_to > window_from)
);
