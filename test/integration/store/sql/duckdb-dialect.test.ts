import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aggregationsOf } from '../../../../src/define/aggregation.ts';
import type { FeatureView } from '../../../../src/define/feature-view.ts';
import { compileView } from '../../../../src/fold/compile-view.ts';
import { quoteIdentifier as quote } from '../../../../src/infra/postgres.ts';
import { duckdbPrelude, queryLogInDuckdb } from '../../../../src/store/cold-log/duckdb-log.ts';
import { duckdbDialect } from '../../../../src/store/sql/duckdb/duckdb-dialect.ts';
import { textLiteral } from '../../../../src/store/sql/literals.ts';
import { readableQuery } from '../../../../src/store/sql/readable-query.ts';
import { hasExactSqlForm } from '../../../../src/store/sql/sql-aggregate-of.ts';
import { viewQuery } from '../../../../src/store/sql/view-query.ts';
import { readTwin } from '../../../../src/store/sql/view-twin.ts';
import type { Visibility } from '../../../../src/store/sql/visible-events.ts';
import { createLog, exportAll, ingest, openColdStage, prune, type ColdStage } from '../../../support/store/cold-stage.ts';
import { testScale, testSeed } from '../../../support/projects/test-scale.ts';
import { foldAsKnown, foldUpToFences, naively, twinCase, type TwinCase } from '../../../support/sql/twin-cases.ts';
import { float32Of } from '../../../support/naive/float32.ts';

const VIEWS = Math.ceil(12 * testScale);
const HISTORIES = 8;
/** Draws a ratio whose divisor is a sum of the least number that there is. */
const SEED_OF_TINY_SUMS = 1_795_800_528_057;
const TIMEOUT_MS = 180_000 * Math.max(1, testScale);

let cold: ColdStage;
beforeAll(async () => {
  cold = await openColdStage();
});
afterAll(() => cold.close());

/** The features of a case that DuckDB has a form for. */
function supported(drawn: TwinCase): TwinCase {
  const features = Object.fromEntries(
    Object.entries(drawn.view.features).filter(([, feature]) =>
      aggregationsOf(feature).every(({ kind }) => kind in duckdbDialect.forms),
    ),
  );
  const view: FeatureView = { ...drawn.view, features };
  return { ...drawn, view, program: compileView(view) };
}

const spineOf = ({ view, rows }: TwinCase): string => {
  const columns = ['"spine row"', '"as of ms"', ...view.entity.keys.map(quote), '"fence"'];
  const values = rows.map(({ key, asOf, fence }, i) => {
    const keys = key.map((part) => (part === null ? 'NULL::text' : textLiteral(part)));
    return `(${[i, `${asOf}::bigint`, ...keys, `${textLiteral(duckdbDialect.fenceText(fence))}::bigint[]`].join(', ')})`;
  });
  return `SELECT * FROM (VALUES ${values.join(', ')}) AS given(${columns.join(', ')})`;
};

async function inDuckdb(drawn: TwinCase, visibility: Visibility): Promise<number[][]> {
  const query = { spine: spineOf(drawn), visibility, lead: [] };
  const rows = await queryLogInDuckdb(cold.db, drawn.view.source, viewQuery(drawn.view, query, duckdbDialect));
  return rows.map((row) => row.map(float32Of));
}

test(
  "gives the float32 bits of PostgreSQL's form, of the fold and of the oracle, over files and over rows that are not exported yet",
  async () => {
    let views = 0;
    for (let index = 0; views < VIEWS; index++) {
      const seed = index === 0 ? SEED_OF_TINY_SUMS : testSeed + index;
      const [any] = fc.sample(twinCase(index, HISTORIES), { numRuns: 1, seed });
      if (any === undefined) throw new Error('fast-check draws what it is asked for');
      const drawn = supported(any);
      const names = Object.keys(drawn.view.features);
      if (names.length === 0) continue;
      views++;
      const { source } = drawn.view;
      await createLog(cold.db, source);
      const events = drawn.events.map((event) => ({ ...event, eventTime: event.row['at'] as number }));
      await ingest(cold.db, source, events);
      const wanted = { known: await sqlOf(drawn, 'known'), fence: await sqlOf(drawn, 'fence') };
      await cold.db.query(
        `UPDATE millrace.ingest_positions SET newest_known_time = '2030-01-01' WHERE source = $1`,
        [source.name],
      );
      await exportAll(cold.db, source, { fileRowsMax: 400 });
      const files = await cold.db.query('SELECT 1 FROM millrace.cold_log_files WHERE source = $1', [source.name]);
      // None, some, all of the files are the only place of their rows.
      await prune(cold.db, source, { filesMax: [0, Math.ceil(files.length / 2), files.length][index % 3] ?? 0 });
      for (const visibility of ['known', 'fence'] as const) {
        const found = await inDuckdb(drawn, visibility);
        const what = `${visibility}, seed ${seed}, view ${JSON.stringify(drawn.view.features)}`;
        expect(found, what).toEqual(wanted[visibility]);
        const exact = names.map((name) => hasExactSqlForm(drawn.view.features[name]!));
        const own = (rows: number[][]) => rows.map((row) => row.filter((_, i) => exact[i]).map((value) => value + 0));
        expect(own(found), what).toEqual(own(naively(drawn, visibility)));
        expect(own(found), what).toEqual(own(visibility === 'known' ? foldAsKnown(drawn) : foldUpToFences(drawn)));
      }
    }
  },
  TIMEOUT_MS,
);

async function sqlOf({ view, rows }: TwinCase, visibility: Visibility): Promise<number[][]> {
  const values = await readTwin(cold.db, view, rows, visibility);
  const width = Object.keys(view.features).length;
  return rows.map((_, r) => Array.from(values.subarray(r * width, (r + 1) * width), float32Of));
}

test('prints queries that run over the files alone: of one entity, up to a fence, and of all', async () => {
  const [any] = fc.sample(twinCase(1_000, 2), { numRuns: 50 }).map(supported).filter(({ view }) => Object.keys(view.features).length > 0);
  if (any === undefined) throw new Error('one of fifty has a feature that DuckDB has a form for');
  const { view, rows } = any;
  await createLog(cold.db, view.source);
  await ingest(cold.db, view.source, any.events.map((event) => ({ ...event, eventTime: event.row['at'] as number })));
  await cold.db.query(`UPDATE millrace.ingest_positions SET newest_known_time = '2030-01-01' WHERE source = $1`, [view.source.name]);
  await exportAll(cold.db, view.source);
  const prelude = await duckdbPrelude(cold.db, view.source);
  const wanted = await sqlOf(any, 'fence');
  await cold.coldLog.duckdb.session(async (session) => {
    await session.run(prelude);
    for (const [r, { key, asOf, fence }] of rows.entries()) {
      if (key.includes(null)) continue;
      const sql = readableQuery(view, { asOf, key: key as string[], fence }, duckdbDialect);
      const [answer] = await session.rows(sql);
      const features = answer?.slice(view.entity.keys.length + 1) ?? [];
      expect(features.map(float32Of)).toEqual(wanted[r]);
    }
    expect((await session.rows(readableQuery(view, { asOf: null, key: null, fence: null }, duckdbDialect))).length).toBeGreaterThan(0);
  });
});

test('a kind without a form is refused by name', () => {
  const drawn = fc
    .sample(twinCase(2_000, 1), { numRuns: 300 })
    .find(({ view }) => Object.values(view.features).some((feature) => aggregationsOf(feature).some(({ kind }) => kind === 'skewness')));
  if (drawn === undefined) throw new Error('one of three hundred asks for a skewness');
  const query = { spine: spineOf(drawn), visibility: 'known', lead: [] } as const;
  expect(() => viewQuery(drawn.view, query, duckdbDialect)).toThrowError(
    expect.objectContaining({ code: 'FEATURE_SQL_UNSUPPORTED', message: expect.stringContaining('no SQL form for duckdb') as string }) as Error,
  );
});
