-- Arithmetic of the SQL forms of all kinds of aggregations (src/store/sql): exact in numeric, rounded to a double once,
-- and never an error where the fold answers a value.

-- The nearest double, also below 2^-1022; what lies beyond every double is infinite, which is null to a model.
CREATE OR REPLACE FUNCTION millrace.nearest_double(value numeric) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN abs(value) <= 2.4703282292062328e-324 THEN CASE WHEN value < 0 THEN '-0'::double precision ELSE 0 END
    WHEN abs(value) >= 1.797693134862315807e308 THEN sign(value)::double precision * 'Infinity'::double precision
    ELSE value::double precision
  END
$$;

-- The double nearest to a quotient; null where there is none. A sum with more digits makes PostgreSQL divide to as many:
-- 40 that count, whatever the size.
CREATE FUNCTION millrace.nearest_quotient(numerator numeric, denominator numeric) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT millrace.nearest_double(
    (numerator + CASE WHEN abs(numerator) > abs(denominator) * 1e-20 THEN '0e-60'::numeric ELSE '0e-360'::numeric END)
    / nullif(denominator, 0))
$$;

-- A ratio and a difference of two doubles as IEEE 754 rounds them; null where no finite double holds them.
CREATE FUNCTION millrace.ratio(numerator double precision, denominator double precision) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT nullif(nullif(CASE
    WHEN abs(numerator) = 'Infinity' OR abs(denominator) = 'Infinity' THEN NULL
    ELSE millrace.nearest_quotient(millrace.exact_numeric(numerator), millrace.exact_numeric(denominator))
  END, 'Infinity'), '-Infinity')
$$;

CREATE FUNCTION millrace.difference(minuend double precision, subtrahend double precision) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT nullif(nullif(CASE
    WHEN abs(minuend) = 'Infinity' OR abs(subtrahend) = 'Infinity' THEN NULL
    WHEN greatest(abs(minuend), abs(subtrahend)) < 1e307 THEN minuend - subtrahend
    ELSE millrace.nearest_double(millrace.exact_numeric(minuend) - millrace.exact_numeric(subtrahend))
  END, 'Infinity'), '-Infinity')
$$;

-- Population variance of n values from their sum and the sum of their squares, docs/features.md: at most 1e-20 of the
-- mean square is 0, and squares that leave the range of a double have none.
CREATE FUNCTION millrace.variance_of(n numeric, total numeric, squares numeric) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN n = 0 OR squares >= 1e300 THEN NULL
    WHEN n * squares - total * total <= 1e-20 * n * squares THEN 0
    ELSE millrace.nearest_quotient(n * squares - total * total, n * n)
  END
$$;

CREATE FUNCTION millrace.stddev_of(n numeric, total numeric, squares numeric) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN n = 0 OR squares >= 1e300 THEN NULL
    WHEN n * squares - total * total <= 1e-20 * n * squares THEN 0
    ELSE sqrt(millrace.nearest_double(n * squares - total * total)) / n::double precision
  END
$$;

-- Population skewness, docs/features.md: null where the values hardly differ or their cubes leave the range of a double,
-- 0 where no more is left than rounding.
CREATE FUNCTION millrace.skewness_of(n numeric, total numeric, squares numeric, cubes numeric) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN n = 0 OR n * squares >= 1e198 OR spread <= 1e-10 * n * squares OR spread < 1e-150 THEN NULL
    WHEN moment * moment <= 1e-44 * (n * squares) * (n * squares) * (n * squares) THEN 0
    ELSE millrace.nearest_double(moment) / (millrace.nearest_double(spread) * sqrt(millrace.nearest_double(spread)))
  END
  FROM (SELECT n * squares - total * total AS spread,
          n * n * cubes - 3 * n * total * squares + 2 * total * total * total AS moment) AS sums
$$;

-- Lists of partial results, one after the other.
CREATE AGGREGATE millrace.concat(anycompatiblearray) (SFUNC = array_cat, STYPE = anycompatiblearray, PARALLEL = SAFE);

-- Of [event time, known time, value] triples the value of the rank-th newest, 1 the newest; ties as in `last`.
CREATE FUNCTION millrace.nth_newest(newest double precision[], rank int) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT newest[i][3] FROM generate_subscripts(newest, 1) AS i
  ORDER BY newest[i][1] DESC, newest[i][2] DESC, newest[i][3] DESC OFFSET rank - 1 LIMIT 1
$$;

-- 2^-k, exactly: 5^k / 10^k.
CREATE FUNCTION millrace.power_of_half(k int) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT (trim_scale(power(5::numeric, k))::text || 'e-' || k::text)::numeric
$$;

-- Sum of value times 2^-(age / half-life) as of a moment at or after all of the times. The part of a half-life that is left
-- over is rounded to a double, as everywhere; its whole ones are not. 1,300 of them leave 0 of any double in float32, so
-- what is older weighs as much, and so do digits behind 500 decimals.
CREATE FUNCTION millrace.weighted_sum(times bigint[], amounts double precision[], moment_ms bigint, half_life_ms bigint) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sum(round(amount * millrace.power_of_half(halves), 500))
  FROM (
    SELECT least((moment_ms - at) / half_life_ms, 1300)::int AS halves,
      sum(millrace.exact_numeric(amount)
        * millrace.exact_numeric(power(2::double precision, -((moment_ms - at) % half_life_ms)::double precision / half_life_ms))) AS amount
    FROM unnest(times, amounts) AS event(at, amount)
    GROUP BY 1) AS by_age
$$;

-- Null without values. Where a read saw what is newer than its moment, the moment is that of the newest.
CREATE FUNCTION millrace.decayed_sum(times bigint[], amounts double precision[], as_of_ms bigint, half_life_ms bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN times IS NOT NULL THEN millrace.nearest_double(millrace.weighted_sum(times, amounts, greatest(as_of_ms, newest), half_life_ms)) END
  FROM (SELECT max(at) AS newest FROM unnest(times) AS at) AS ages
$$;

CREATE FUNCTION millrace.decayed_mean(times bigint[], amounts double precision[], half_life_ms bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN times IS NOT NULL THEN millrace.nearest_quotient(
    millrace.weighted_sum(times, amounts, newest, half_life_ms),
    millrace.weighted_sum(times, array_fill(1::double precision, ARRAY[cardinality(times)]), newest, half_life_ms)) END
  FROM (SELECT max(at) AS newest FROM unnest(times) AS at) AS ages
$$;

-- How many different values, and the value of rank floor(q (n - 1)) from 0: what the sketches estimate.
CREATE FUNCTION millrace.distinct_of(amounts anyarray) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT count(DISTINCT amount)::double precision FROM unnest(amounts) AS amount
$$;

CREATE FUNCTION millrace.quantile_of(amounts double precision[], q double precision) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT amount FROM unnest(amounts) AS amount ORDER BY amount OFFSET floor(q * (cardinality(amounts) - 1))::int LIMIT 1
$$;

-- A list without those of another, each as often as it is there.
CREATE FUNCTION millrace.less(amounts double precision[], gone double precision[]) RETURNS double precision[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN gone IS NULL THEN amounts ELSE (
    SELECT array_agg(amount) FROM (
      SELECT amount FROM unnest(amounts) AS amount EXCEPT ALL SELECT amount FROM unnest(gone) AS amount) AS kept)
  END
$$;

-- How often the rank-th most frequent value comes, 1 the most frequent; null where there are fewer values.
CREATE FUNCTION millrace.nth_most_frequent(texts text[], rank int) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT count(*)::double precision AS times FROM unnest(texts) AS one GROUP BY one ORDER BY times DESC OFFSET rank - 1 LIMIT 1
$$;

-- Features that no SQL recomputed: an audit replayed the fold over the raw rows for them. Names of features.
ALTER TABLE millrace.skew_certificates ADD COLUMN replayed_features jsonb NOT NULL DEFAULT '[]';
