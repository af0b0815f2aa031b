import path from 'node:path';
import { entity, featureView, nullable, number, source, string, timestamp } from '../../src/index.ts';
import type { Aggregations } from '../../src/define/aggregations.ts';
import { duckdbText, type DuckdbColumns } from '../../src/infra/duckdb-columns.ts';

/** The shape of the peers' comparison in docs: a million rows of events, 100,000 entities, 3 views, 20 features. */
export const EVENTS = 1_000_000;
export const ENTITIES = 100_000;
export const SPINE_ROWS = 50_000;
/** Values of the three sources: 20 in all. */
const VALUES = [7, 7, 6] as const;
const START_S = 1_704_067_200;
const SPAN_S = 30 * 86_400;

const card = entity({ name: 'card', keys: ['card'] });
const schemaOf = (values: number) => ({
  id: string(),
  card: string(),
  at: timestamp(),
  ...Object.fromEntries(Array.from({ length: values }, (_, i) => [`v${i}`, i === 0 ? nullable(number()) : number()])),
});

export const sources = VALUES.map((values, i) =>
  source({ name: `readings_${i}`, schema: schemaOf(values), id: 'id', eventTime: 'at', partitions: 1 }),
);
const viewsOf = (name: string, features: (a: Aggregations<never>, field: string, i: number) => unknown) =>
  sources.map((one, s) =>
    featureView({
      name: `${name}_${s}`,
      entity: card,
      source: one,
      features: (a) =>
        Object.fromEntries(
          Array.from({ length: VALUES[s]! }, (_, i) => [`v${i}`, features(a as unknown as Aggregations<never>, `v${i}`, i)]),
        ) as never,
    }),
  );
/** Newest values, as Feast and an ASOF JOIN give them. */
export const latestViews = viewsOf('latest', (a, field) => a.last(field as never, { window: 'lifetime' }));
/** The same number of features, aggregated over windows. */
export const windowedViews = viewsOf('windowed', (a, field, i) =>
  (['sum', 'mean', 'max'] as const).map((kind) => a[kind](field as never, { window: i % 2 === 0 ? '24h' : '7d' }))[i % 3],
);

export const eventFile = (directory: string, source: number): string => path.join(directory, `readings_${source}.parquet`);
export const spineFile = (directory: string): string => path.join(directory, 'spine.parquet');

/** Writes the events of each source and the spine, the same in every run: hashes of row numbers are the random numbers. */
export async function writeFiles(duckdb: DuckdbColumns, directory: string): Promise<void> {
  const rows = Math.round(EVENTS / sources.length);
  for (let s = 0; s < sources.length; s++) {
    const seed = s * EVENTS;
    const values = Array.from(
      { length: VALUES[s]! },
      (_, i) => `(hash(r * 31 + ${seed + i}) % 1000000)::DOUBLE / 100 AS v${i}`,
    );
    await duckdb.run(`COPY (
      SELECT 'e' || r AS id, 'card-' || (hash(r + ${seed}) % ${ENTITIES}) AS card,
             make_timestamptz((${START_S} + floor(r * ${SPAN_S}.0 / ${rows}))::BIGINT * 1000000) AS "at",
             ${values.join(', ')}
        FROM range(${rows}) t(r)) TO ${duckdbText(eventFile(directory, s))} (FORMAT parquet)`);
  }
  await duckdb.run(`COPY (
    SELECT r AS spine_row, 'card-' || (hash(r + 77) % ${ENTITIES}) AS card,
           make_timestamptz((${START_S} + (hash(r) % ${SPAN_S}))::BIGINT * 1000000) AS "asOf"
      FROM range(${SPINE_ROWS}) t(r)) TO ${duckdbText(spineFile(directory))} (FORMAT parquet)`);
}
