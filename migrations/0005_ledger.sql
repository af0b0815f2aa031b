-- Every change of what is in production, with who and why. Each row's hash covers the one before it.
CREATE TABLE millrace.ledger (
  seq bigint PRIMARY KEY CHECK (seq > 0),
  at timestamptz NOT NULL,
  model text,
  version int,
  actor text NOT NULL,
  action text NOT NULL,
  reason text NOT NULL,
  details jsonb NOT NULL,
  previous_hash text NOT NULL,
  hash text NOT NULL UNIQUE
);
CREATE INDEX ledger_by_model ON millrace.ledger (model, seq);
-- The champion at a moment: allocation changes only, which carry their revision.
CREATE INDEX ledger_by_model_and_time ON millrace.ledger (model, at, seq) WHERE details ? 'revision';

-- The end of the chain: its lock puts writers in order, and it shows a row cut off the end.
CREATE TABLE millrace.ledger_head (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  seq bigint NOT NULL,
  hash text NOT NULL
);
INSERT INTO millrace.ledger_head (seq, hash) VALUES (0, repeat('0', 64));

CREATE FUNCTION millrace.refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'millrace.ledger is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON millrace.ledger
  FOR EACH STATEMENT EXECUTE FUNCTION millrace.refuse_ledger_change();
