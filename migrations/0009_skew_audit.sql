-- Arithmetic of the SQL twin of feature views (src/store/sql). Each is one expression, so that PostgreSQL inlines it.

-- Milliseconds since the epoch; offline logs hold whole ones. Stable, because PostgreSQL's extract is.
CREATE FUNCTION millrace.epoch_ms(moment timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT (extract(epoch FROM moment) * 1000)::bigint
$$;

-- Start of the tile that a moment lies in, also before the epoch: division of integers rounds towards zero.
CREATE FUNCTION millrace.tile_start(moment_ms bigint, hop_ms bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT moment_ms - (moment_ms % hop_ms + hop_ms) % hop_ms
$$;

CREATE FUNCTION millrace.float8_bits(value double precision) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ('x' || encode(float8send(value), 'hex'))::bit(64)::bigint
$$;

-- The number whose bits these are, exactly: sign, 53 bits and a power of two. One below 1 is 5^k / 10^k, since a
-- negative power of two would be rounded.
CREATE FUNCTION millrace.bits_numeric(bits bigint) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (CASE WHEN bits < 0 THEN -1 ELSE 1 END)
    * ((bits & 4503599627370495) + CASE WHEN (bits >> 52) & 2047 = 0 THEN 0 ELSE 4503599627370496 END)::numeric
    * CASE
        WHEN (bits >> 52) & 2047 >= 1075 THEN power(2::numeric, ((bits >> 52) & 2047) - 1075)
        ELSE (trim_scale(power(5::numeric, 1075 - greatest((bits >> 52) & 2047, 1)))::text
          || 'e-' || (1075 - greatest((bits >> 52) & 2047, 1))::text)::numeric
      END
$$;

-- A double as a numeric without any rounding; the cast of PostgreSQL keeps 15 digits. Null stays null.
CREATE FUNCTION millrace.exact_numeric(value double precision) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN value = trunc(value) AND abs(value) < 9007199254740992 THEN value::bigint::numeric
    ELSE millrace.bits_numeric(millrace.float8_bits(value))
  END
$$;

-- The nearest double; what lies below every float32 is 0, because the cast refuses what lies below every double.
CREATE FUNCTION millrace.nearest_double(value numeric) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN abs(value) < 1e-300 THEN 0 ELSE value::double precision END
$$;

-- What skew audits found: served rows held against their recomputation from the raw rows of the logs.
CREATE TABLE millrace.skew_certificates (
  id bigserial PRIMARY KEY,
  -- Names the run that made it, so that a run whose answer was lost stores one.
  run_key text NOT NULL UNIQUE,
  model text NOT NULL,
  -- Null: whatever versions answered.
  version int,
  variant text CHECK (variant IN ('champion', 'canary')),
  -- Decision times of the first and the last decision that was compared.
  decided_from timestamptz,
  decided_to timestamptz,
  -- Decisions with sequence numbers above the one and up to the other were asked about.
  seq_after bigint NOT NULL,
  seq_to bigint NOT NULL,
  -- Asked about every decision between them, whatever its version and time: the next audit goes on from here.
  continuous boolean NOT NULL,
  -- Null: all of them.
  sample int,
  decisions int NOT NULL,
  -- Left out: made with other definitions; or reaching beyond what the offline log had.
  skipped int NOT NULL,
  pending int NOT NULL,
  values_compared bigint NOT NULL,
  mismatched bigint NOT NULL,
  stale bigint NOT NULL,
  stale_ahead bigint NOT NULL,
  stale_decisions int NOT NULL,
  -- The first ones, each with what explains it.
  mismatches jsonb NOT NULL,
  -- { feature: values }
  mismatched_features jsonb NOT NULL,
  stale_features jsonb NOT NULL,
  -- sha256 over the result and over every row that was compared.
  digest text NOT NULL,
  audited_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX skew_certificates_by_model ON millrace.skew_certificates (model, id);
