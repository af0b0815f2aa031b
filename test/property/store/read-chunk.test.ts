import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_KEY } from '../../../src/fold/keyed-as-of-fold.ts';
import { readChunk } from '../../../src/store/as-of/read-chunk.ts';
import { ChunkBuilder } from '../../../src/store/as-of/view-groups.ts';
import { bucketOf, PartCounter } from '../../../src/store/as-of/spine-spool.ts';
import { planChunks } from '../../../src/store/as-of/run-plan.ts';
import { naiveFeatures } from '../../support/naive-features.ts';
import { naiveFreshFeatures } from '../../support/naive/naive-freshness.ts';
import { memoryEvents } from '../../support/store/memory-events.ts';
import { contractHistory } from '../fold/contract-arbitrary.ts';
import { anyHistory, history, HOUR_MS, KEYS, START_MS, type History } from '../fold/history-arbitrary.ts';

const moments = fc.array(
  fc.record({
    key: fc.constantFrom(...KEYS, 'never seen', null),
    asOf: fc.oneof(
      fc.integer({ min: 0, max: 10 }).map((n) => START_MS + n * 300_000),
      fc.integer({ min: -HOUR_MS, max: 120 * HOUR_MS }).map((after) => START_MS + after),
    ),
    chunk: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 24 },
);
type Moments = readonly { readonly key: string | null; readonly asOf: number; readonly chunk: number }[];
const modes = fc.constantFrom('known' as const, 'happened' as const);
const dataCuts = fc.oneof(
  fc.constant(Number.MAX_SAFE_INTEGER),
  fc.integer({ min: 0, max: 100 * HOUR_MS }).map((after) => START_MS + after),
);

/** Values and staleness by row, as bits; chunks are read one by one, each from events in an order of its own. */
async function read(
  { program, events }: History,
  rows: Moments,
  how: { mode: 'known' | 'happened'; dataCut: number; eventsInMemory: number; chunkOf: (row: Moments[number]) => number },
) {
  const width = program.featureNames.length;
  const found = new Array<{ values: number[]; stale: boolean }>(rows.length);
  for (const chunk of new Set(rows.map(how.chunkOf))) {
    const members = rows.flatMap((row, i) => (how.chunkOf(row) === chunk ? [i] : []));
    const builder = new ChunkBuilder();
    for (const i of members) builder.add(rows[i]!.key, rows[i]!.asOf);
    const shuffled = chunk % 2 === 0 ? events : [...events].reverse();
    const [one] = await readChunk(memoryEvents(shuffled), [program], builder.build(), how);
    members.forEach((row, i) => {
      found[row] = {
        values: Array.from(one!.values.subarray(i * width, (i + 1) * width)),
        stale: one!.stale[i] === 1,
      };
    });
  }
  return found;
}

function readNaively({ view, events }: History, { key, asOf }: Moments[number], mode: 'known' | 'happened', dataCut: number) {
  const known = events.filter((one) => one.knownTime <= dataCut);
  const prompt = mode === 'known' ? known : known.map((one) => ({ ...one, knownTime: one.effectiveTime }));
  const seen = prompt.filter((one) => one.key === key && one.knownTime <= asOf);
  const { features, stale } =
    key === null ? { features: naiveFeatures(view, [], asOf), stale: false } : naiveFreshFeatures(view, seen, asOf);
  const isRefused = stale && view.onStale === 'refuse';
  return { values: Object.values(features).map((value) => (isRefused ? NaN : Math.fround(value ?? NaN))), stale };
}

const rounded = (rows: Awaited<ReturnType<typeof read>>) =>
  rows.map(({ values, stale }) => ({ values: values.map(Math.fround), stale }));
const inOneChunk = { eventsInMemory: 1_000, chunkOf: () => 0 };

describe('rows of the past that are read in chunks', () => {
  it('are those of the naive oracle, in both modes and under contracts on ages', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(history, contractHistory), moments, modes, dataCuts, async (drawn, rows, mode, dataCut) => {
        const found = await read(drawn, rows, { mode, dataCut, ...inOneChunk });
        expect(rounded(found)).toEqual(rows.map((row) => readNaively(drawn, row, mode, dataCut)));
      }),
      { numRuns: 300 },
    );
  });

  it('are the same bits however rows are cut, and whether events are sorted in memory or stream by', async () => {
    const how = fc.record({ mode: modes, dataCut: dataCuts });
    const cuts = fc.constantFrom<(row: Moments[number]) => number>(
      ({ chunk }) => chunk,
      ({ key }) => bucketOf(key),
      ({ asOf }) => (asOf < START_MS + 40 * HOUR_MS ? 0 : 1),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(anyHistory, contractHistory),
        moments,
        how,
        cuts,
        fc.integer({ min: 0, max: 60 }),
        async (drawn, rows, asked, chunkOf, eventsInMemory) => {
          const whole = await read(drawn, rows, { ...asked, ...inOneChunk });
          expect(await read(drawn, rows, { ...asked, chunkOf, eventsInMemory })).toEqual(whole);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the plan of a run', () => {
  it('has each row in one part of one chunk, none beyond its bound, in the order of the spine', () => {
    const keys = fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.constant(null)), { maxLength: 200 });
    fc.assert(
      fc.property(keys, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 4 }), (drawn, rowsMax, threads) => {
        const counter = new PartCounter(rowsMax);
        const placed = drawn.map((key) => `${bucketOf(key)}/${counter.next(bucketOf(key))}`);
        const chunks = planChunks([counter.parts()], ['known', 'happened'], rowsMax, threads);
        for (const mode of ['known', 'happened']) {
          const parts = chunks.filter((chunk) => chunk.mode === mode).flatMap((chunk) => chunk.parts);
          expect(new Set(parts.map(({ bucket, part }) => `${bucket}/${part}`)).size).toBe(parts.length);
          for (const { bucket, part, rows } of parts) {
            expect(rows).toBe(placed.filter((place) => place === `${bucket}/${part}`).length);
            expect(rows).toBeLessThanOrEqual(rowsMax);
          }
          expect(parts.reduce((sum, { rows }) => sum + rows, 0)).toBe(drawn.length);
        }
      }),
    );
  });

  it('gives a row without a key no number', () => {
    const builder = new ChunkBuilder();
    builder.add('a', 1);
    builder.add(null, 2);
    builder.add('a', 3);
    expect(builder.build()).toEqual({ keys: ['a'], keyIds: Int32Array.of(0, NO_KEY, 0), asOf: Float64Array.of(1, 2, 3) });
  });
});
