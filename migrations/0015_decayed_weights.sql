-- Weights of decayed kinds as docs/features.md defines them: 2^(time / half-life) from the epoch, which is a double, the
-- same in the fold and here. What a library's power() rounds otherwise counts where values of nearly one time nearly cancel.

-- 2^x of x from 0 to below 1, by Horner's rule: the operations of src/fold/power-of-two.ts, in their order. Of
-- parts of a half-life in ms, none so small that PostgreSQL would refuse a product for underflow.
CREATE FUNCTION millrace.power_of_two(x double precision) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ((((((((((((((((
    '1.3570247948755148e-16'::float8 * x + '3.1324367070884287e-15'::float8) * x + '6.778726354822545e-14'::float8) * x
    + '1.3691488853904128e-12'::float8) * x + '2.5678435993488206e-11'::float8) * x + '4.4455382718708116e-10'::float8) * x
    + '7.054911620801123e-9'::float8) * x + '1.01780860092397e-7'::float8) * x + '0.000001321548679014431'::float8) * x
    + '0.000015252733804059841'::float8) * x + '0.0001540353039338161'::float8) * x + '0.0013333558146428443'::float8) * x
    + '0.009618129107628477'::float8) * x + '0.05550410866482158'::float8) * x + '0.24022650695910072'::float8) * x
    + '0.6931471805599453'::float8) * x + '1'::float8)
$$;

-- The part of a half-life that is over at a moment.
CREATE FUNCTION millrace.half_life_part(moment_ms bigint, half_life_ms bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT ((moment_ms % half_life_ms + half_life_ms) % half_life_ms)::double precision / half_life_ms
$$;

-- Sum of value times weight, in units of 2^(whole half-lives of a moment at or after all of the times). 1,300 of them leave
-- 0 of any double in float32, so what is older weighs as much, and so do digits behind 500 decimals.
CREATE OR REPLACE FUNCTION millrace.weighted_sum(times bigint[], amounts double precision[], moment_ms bigint, half_life_ms bigint) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sum(round(amount * millrace.power_of_half(halves), 500))
  FROM (
    SELECT least((millrace.tile_start(moment_ms, half_life_ms) - millrace.tile_start(at, half_life_ms)) / half_life_ms, 1300)::int AS halves,
      sum(millrace.exact_numeric(amount) * millrace.exact_numeric(millrace.power_of_two(part))) AS amount
    FROM (
      SELECT at, amount, millrace.half_life_part(at, half_life_ms) AS part
      FROM unnest(times, amounts) AS event(at, amount)
      OFFSET 0) AS parted
    GROUP BY 1) AS by_age
$$;

CREATE OR REPLACE FUNCTION millrace.decayed_sum(times bigint[], amounts double precision[], as_of_ms bigint, half_life_ms bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN times IS NOT NULL THEN
    millrace.nearest_double(millrace.weighted_sum(times, amounts, moment, half_life_ms))
    / millrace.power_of_two(millrace.half_life_part(moment, half_life_ms)) END
  FROM (SELECT greatest(as_of_ms, max(at)) AS moment FROM unnest(times) AS at) AS ages
$$;
