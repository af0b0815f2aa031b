import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { entity } from '../../../../src/define/entity.ts';
import { featureView } from '../../../../src/define/feature-view.ts';
import { number, string, timestamp } from '../../../../src/define/field.ts';
import { source } from '../../../../src/define/source.ts';
import { compileView } from '../../../../src/fold/compile-view.ts';
import type { Queryable } from '../../../../src/infra/postgres.ts';
import { ONE_STATE, withColdRows } from '../../../../src/store/cold-log/with-cold-rows.ts';
import { readNewestKnown } from '../../../../src/store/sql/newest-known.ts';
import { readTwin, readTwins } from '../../../../src/store/sql/view-twin.ts';
import { testSeed } from '../../../support/projects/test-scale.ts';
import { createLog, exportAll, ingest, openColdStage, prune, type ColdStage } from '../../../support/store/cold-stage.ts';
import { ofAllEvents, twinCase, type TwinCase } from '../../../support/sql/twin-cases.ts';

const VIEWS = 8;
const HISTORIES = 6;
const TIMEOUT_MS = 180_000;

let cold: ColdStage;
beforeAll(async () => {
  cold = await openColdStage();
});
afterAll(() => cold.close());

/** The twin's values of every row both ways, and the newest known times, in one snapshot. */
async function read({ view, program, rows }: TwinCase): Promise<Float64Array[]> {
  return cold.db.transaction(async (tx: Queryable) => {
    await tx.query(ONE_STATE);
    const warm = await withColdRows(cold.db, tx, [{ view: program, rows }]);
    const values = await readTwins(warm, view, rows, ['known', 'fence']);
    // Ages are asked of views with a contract on them only, whose whole history is then laid beside the table.
    return program.freshness === null ? values : [...values, await readNewestKnown(warm, view, rows, 'fence')];
  });
}

test(
  'SQL over raw rows answers the same bits whether Postgres has them, files have them, or some of both',
  async () => {
    const seed = testSeed;
    let pruned = 0;
    for (let index = 0; index < VIEWS; index++) {
      const [keyed] = fc.sample(twinCase(index, HISTORIES), { numRuns: 1, seed: seed + index });
      if (keyed === undefined) throw new Error('fast-check draws what it is asked for');
      const drawn = index % 4 === 3 ? ofAllEvents(keyed) : keyed;
      const { source } = drawn.view;
      await createLog(cold.db, source);
      const events = drawn.events.map((event) => ({ ...event, eventTime: event.row['at'] as number }));
      await ingest(cold.db, source, events);
      const wanted = await read(drawn);
      // A history ends where its clock does; here all of it is long over.
      await cold.db.query(
        `UPDATE millrace.ingest_positions SET newest_known_time = '2030-01-01' WHERE source = $1`,
        [source.name],
      );
      await exportAll(cold.db, source, { fileRowsMax: 200 });
      for (let files = 1; files > 0; ) {
        files = await prune(cold.db, source, { filesMax: 3 });
        pruned += files;
        expect(await read(drawn), `seed ${seed + index}`).toEqual(wanted);
      }
      const [left] = await cold.db.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM log.${source.name}`);
      expect(left?.rows).toBe(0);
    }
    expect(pruned).toBeGreaterThan(VIEWS);
  },
  TIMEOUT_MS,
);

test('views of one source that each have a value of it see the cold rows of their own keys and fields', async () => {
  const sales = source({
    name: 'sale',
    schema: { id: string(), at: timestamp(), card: string(), shop: string(), user: string(), amount: number() },
    id: 'id',
    eventTime: 'at',
    dedupeWindow: '1m',
    partitions: 1,
  });
  const start = Date.UTC(2024, 4, 1);
  const events = Array.from({ length: 48 }, (_, hour) => {
    const at = start + hour * 3_600_000;
    const row = { id: `s${hour}`, at, card: `c${hour % 2}`, shop: `s${hour % 3}`, user: `u${hour % 4}`, amount: hour / 3 };
    return { sourcePartition: 0, sourceOffset: hour, eventTime: at, effectiveTime: at, knownTime: at, row };
  });
  await createLog(cold.db, sales);
  await ingest(cold.db, sales, events);
  const asOf = start + 30 * 24 * 3_600_000;
  const requests = (['card', 'shop', 'user'] as const).map((key, i) => {
    const view = featureView({
      name: `by_${key}`,
      entity: entity({ name: key, keys: [key] }),
      source: { ...sales },
      features: (a) => ({ n: a.count({ window: '90d' }), of: i === 1 ? a.sum('amount', { window: '90d' }) : a.last('at', { window: '90d' }) }),
    });
    return { view: compileView(view), rows: [0, 1].map((n) => ({ key: [`${key[0]}${n}`], asOf })) };
  });
  const readAll = () =>
    cold.db.transaction(async (tx) => {
      await tx.query(ONE_STATE);
      const warm = await withColdRows(cold.db, tx, requests);
      const values: Float64Array[] = [];
      for (const { view, rows } of requests) values.push(await readTwin(warm, view.view, rows, 'known'));
      return values;
    });
  const wanted = await readAll();
  expect(wanted.map((values) => [values[0], values[2]])).toEqual([[24, 24], [16, 16], [12, 12]]);
  await exportAll(cold.db, sales);
  expect(await prune(cold.db, sales)).toBe(1);
  expect(await readAll()).toEqual(wanted);
});
