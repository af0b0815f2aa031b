import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { viewKeyOf } from '../../../../src/fold/compile-view.ts';
import { powerOfTwo } from '../../../../src/fold/power-of-two.ts';
import type { Postgres } from '../../../../src/infra/postgres.ts';
import { createLogTableSql } from '../../../../src/store/log-table.ts';
import { appendEvents } from '../../../../src/store/offline-log.ts';
import { readableQuery, type ReadableQuery } from '../../../../src/store/sql/readable-query.ts';
import type { Visibility } from '../../../../src/store/sql/visible-events.ts';
import { readTwin } from '../../../../src/store/sql/view-twin.ts';
import { exactSum } from '../../../support/naive/exact-arithmetic.ts';
import { float32Of } from '../../../support/naive/float32.ts';
import { openRegistryStage, type RegistryStage } from '../../../support/registry-stage.ts';
import { testScale, testSeed } from '../../../support/projects/test-scale.ts';
import { foldAsKnown, foldUpToFences, HISTORIES_MAX, naively, twinCase, type TwinCase } from '../../../support/sql/twin-cases.ts';

const VIEWS = 30 * testScale;
const HISTORIES = 20;
const TIMEOUT_MS = 60_000 * testScale;

let stage: RegistryStage;
let postgres: Postgres;

beforeAll(async () => {
  stage = await openRegistryStage();
  postgres = stage.postgres;
});
afterAll(() => stage.close());

async function store({ view, events }: TwinCase): Promise<void> {
  for (const statement of createLogTableSql(view.source)) await postgres.query(statement);
  await appendEvents(
    postgres,
    view.source,
    events.map((event) => ({ ...event, eventTime: event.row['at'] as number })),
  );
}

async function recompute(drawn: TwinCase, visibility: Visibility): Promise<number[][]> {
  const values = await readTwin(postgres, drawn.view, drawn.rows, visibility);
  const width = drawn.program.featureNames.length;
  return drawn.rows.map((_, r) => Array.from(values.subarray(r * width, (r + 1) * width), float32Of));
}

describe('the SQL twin of a feature view', () => {
  test(
    'gives the float32 bits of the fold and of the oracle, as known at a moment and up to fences',
    async () => {
      expect(HISTORIES).toBeLessThanOrEqual(HISTORIES_MAX);
      const seed = testSeed;
      for (let index = 0; index < VIEWS; index++) {
        const [drawn] = fc.sample(twinCase(index, HISTORIES), { numRuns: 1, seed: seed + index });
        if (drawn === undefined) throw new Error('fast-check draws what it is asked for');
        await store(drawn);
        const what = (form: string) =>
          `${form}, seed ${seed + index}, view ${JSON.stringify(drawn.view.features)}`;
        const known = await recompute(drawn, 'known');
        expect(known, what('as known')).toEqual(naively(drawn, 'known'));
        expect(known, what('as known')).toEqual(foldAsKnown(drawn));
        const fenced = await recompute(drawn, 'fence');
        expect(fenced, what('up to fences')).toEqual(naively(drawn, 'fence'));
        expect(fenced, what('up to fences')).toEqual(foldUpToFences(drawn));
      }
    },
    TIMEOUT_MS,
  );

  test(
    'prints queries that run and answer the same: of one entity, up to a fence, and of all',
    async () => {
      const [drawn] = fc.sample(twinCase(VIEWS, 2), { numRuns: 1 });
      if (drawn === undefined) throw new Error('fast-check draws what it is asked for');
      await store(drawn);
      const { view, rows } = drawn;
      const lead = view.entity.keys.length + 1;
      const answers = async (query: ReadableQuery) =>
        (await postgres.queryArrays(readableQuery(view, query))).map((answer) => answer.slice(lead));
      const wanted = { known: await readTwin(postgres, view, rows, 'known'), fence: await readTwin(postgres, view, rows, 'fence') };
      for (const [r, { key, asOf, fence }] of rows.entries()) {
        if (key.includes(null)) continue;
        const one = { asOf, key: key as string[] };
        for (const visibility of ['known', 'fence'] as const) {
          const [answer] = await answers({ ...one, fence: visibility === 'fence' ? fence : null });
          const width = drawn.program.featureNames.length;
          const expected = wanted[visibility].subarray(r * width, (r + 1) * width);
          expect(answer?.map((value) => value ?? NaN)).toEqual([...expected]);
        }
      }
      const entities = new Set(drawn.events.flatMap((event) => viewKeyOf(drawn.program, event.row) ?? []));
      expect(await answers({ asOf: null, key: null, fence: null })).toHaveLength(entities.size);
    },
    TIMEOUT_MS,
  );

  test('weighs events of decayed kinds to the last bit as the fold does', async () => {
    const halfLifeMs = fc.constantFrom(1_000, 60_000, 365 * 86_400_000);
    const parts = fc.sample(
      halfLifeMs.chain((whole) => fc.nat(whole - 1).map((over) => over / whole)),
      { numRuns: 2_000 },
    );
    const rows = await postgres.query<{ weight: number }>(
      `SELECT millrace.power_of_two(part) AS weight FROM unnest($1::float8[]) WITH ORDINALITY AS given(part, place) ORDER BY place`,
      [parts],
    );
    expect(rows.map(({ weight }) => weight)).toEqual(parts.map(powerOfTwo));
  });

  test('turns every double into the numeric that it is, and back', async () => {
    const doubles = fc.sample(
      fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(5e-324, -5e-324, 2 ** -1022, 2 ** 53, 2 ** 53 + 2, 1e30, 0.1, -0)),
      { numRuns: 2_000 },
    );
    const rows = await postgres.query<{ exact: string; back: number }>(
      `SELECT trim_scale(millrace.exact_numeric(value))::text AS exact, millrace.nearest_double(millrace.exact_numeric(value)) AS back
       FROM unnest($1::float8[]) WITH ORDINALITY AS given(value, place) ORDER BY place`,
      [doubles],
    );
    rows.forEach(({ exact, back }, i) => {
      const value = doubles[i] as number;
      const { integer, shift } = exactSum([value]);
      const [whole = '', fraction = ''] = exact.split('.');
      expect(BigInt(whole + fraction) * 2n ** shift, String(value)).toBe(integer * 10n ** BigInt(fraction.length));
      expect(back).toBe(value + 0);
    });
  });
});
