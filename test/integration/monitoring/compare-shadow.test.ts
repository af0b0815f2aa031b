import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ShadowComparison } from '../../../src/contracts/shadow-comparison.ts';
import { COMPARED_ANSWERS_MAX, compareShadow } from '../../../src/monitoring/compare-shadow.ts';
import { newestDecision } from '../../../src/monitoring/rollout-evidence.ts';
import { createTripLogs, DAY_MS, storeTrips } from '../../support/monitored-project.ts';
import { naiveComparison, type NaiveRequest, type PairedAnswer } from '../../support/naive/naive-comparison.ts';
import { openRegistryStage, someVersion, type RegistryStage } from '../../support/registry-stage.ts';

let stage: RegistryStage;
let stored = 0;

const thresholds = { served: 0.5, shadowed: 0.6 };
const pair = { model: 'trips', champion: 1, candidate: 2 };

beforeAll(async () => {
  stage = await openRegistryStage();
  await createTripLogs(stage.postgres);
  await stage.registry.registerModel('trips', {});
  for (const [seed, threshold] of Object.values(thresholds).entries()) {
    const version = someVersion('trips', seed);
    const signature = { ...version.signature, threshold };
    await stage.registry.registerVersion({
      ...version,
      signature,
      files: { ...version.files, 'signature.json': new TextEncoder().encode(JSON.stringify(signature)) },
    });
  }
});
afterAll(() => stage.close());

async function store(pairs: readonly PairedAnswer[], shadow = 2, version = 1): Promise<void> {
  await storeTrips(
    stage.postgres,
    pairs.map(({ served, shadowed, instance }) => ({
      id: `trip-${stored++}`,
      model: 'trips',
      version,
      asOf: DAY_MS,
      score: served,
      shadow: { version: shadow, score: shadowed },
      instance,
    })),
  );
}

const compare = (since: number, { segments, segmentValuesMax, segmentAnswersMin }: NaiveRequest) =>
  compareShadow(stage.postgres, { ...pair, since }, { segments, segmentValuesMax, segmentAnswersMin });

/** Sums in another order differ in their last bits. */
const rounded = (comparison: ShadowComparison): unknown =>
  JSON.parse(JSON.stringify(comparison, (_key, value: unknown) => (typeof value === 'number' ? Number(value.toFixed(9)) : value)));

const score = fc.oneof(fc.constantFrom(0, 0.5, 0.6, 1), fc.float({ min: 0, max: 1, noNaN: true }));
const answers = fc.array(
  fc.record({
    served: score,
    shadowed: score,
    instance: fc.record(
      { carrier: fc.constantFrom('AA', 'UA', 'B6', "O'H", null), express: fc.boolean(), note: fc.oneof(fc.string({ unit: 'grapheme-ascii' }), fc.constant('x'.repeat(90))) },
      { requiredKeys: ['carrier'] },
    ),
  }),
  { maxLength: 60 },
);

describe('the comparison of a shadow', () => {
  it('is what the oracle finds, answer by answer, whatever the scores and values', async () => {
    await fc.assert(
      fc.asyncProperty(answers, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 20 }), async (pairs, segmentValuesMax, segmentAnswersMin) => {
        const since = await newestDecision(stage.postgres);
        await store(pairs);
        // Neither another shadow's answers nor those beside another champion count.
        await store(pairs.slice(0, 3), 9);
        await store(pairs.slice(0, 3), 2, 7);
        const request = { thresholds, segments: ['carrier', 'express', 'note'], segmentValuesMax, segmentAnswersMin };
        expect(rounded(await compare(since, request))).toEqual(rounded(naiveComparison(pairs, request)));
      }),
      { numRuns: 40 },
    );
  });

  it('has a segment for null, and one for all values beyond the most frequent', async () => {
    const since = await newestDecision(stage.postgres);
    const of = (carrier: string | null, count: number): PairedAnswer[] => Array.from({ length: count }, () => ({ served: 0.4, shadowed: 0.7, instance: { carrier } }));
    await store([...of(null, 3), ...of('AA', 4), ...of('UA', 2), ...of('B6', 1)]);
    const { segments, judgedSegments } = await compare(since, { thresholds, segments: ['carrier'], segmentValuesMax: 2, segmentAnswersMin: 3 });
    expect(segments.map(({ value, isRest, answers: count, toPositive }) => [value, isRest, count, toPositive])).toEqual([
      ['AA', false, 4, 4],
      [null, false, 3, 3],
      [null, true, 3, 3],
    ]);
    expect(judgedSegments).toBe(3);
  });

  it('is of the newest answers where there are more than it takes', async () => {
    const since = await newestDecision(stage.postgres);
    await store([{ served: 0.4, shadowed: 0.7, instance: {} }]);
    await stage.postgres.query(
      `INSERT INTO millrace.decisions (id, model, version, variant, as_of, served_at, score, shadow_version, shadow_score, numbers, body)
       SELECT 'many-' || i, 'trips', 1, 'champion', now(), now(), 0.1, 2, 0.1, '', '{}' FROM generate_series(1, $1::int) i`,
      [COMPARED_ANSWERS_MAX],
    );
    const { overall } = await compare(since, { thresholds, segments: [], segmentValuesMax: 1, segmentAnswersMin: 1 });
    expect(overall).toMatchObject({ answers: COMPARED_ANSWERS_MAX, toPositive: 0, maxDistance: 0 });
  });

  it('says nothing of no answers, and refuses a version that is not registered', async () => {
    const since = await newestDecision(stage.postgres);
    expect(await compare(since, { thresholds, segments: ['carrier'], segmentValuesMax: 2, segmentAnswersMin: 3 })).toEqual(naiveComparison([], { thresholds, segments: [], segmentValuesMax: 2, segmentAnswersMin: 3 }));
    const bounds = { segments: [], segmentValuesMax: 1, segmentAnswersMin: 1 };
    await expect(compareShadow(stage.postgres, { ...pair, candidate: 3, since }, bounds)).rejects.toMatchObject({ code: 'MODEL_VERSION_NOT_FOUND' });
  });
});
