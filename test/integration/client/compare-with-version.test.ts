import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareWithVersion } from '../../../src/client/compare-with-version.ts';
import type { ModelSignature } from '../../../src/contracts/model-bundle.ts';
import { project } from '../../../src/define/project.ts';
import { createTripLogs, DAY_MS, monitoredTrips, storeTrips } from '../../support/monitored-project.ts';
import { openRegistryStage, someVersion, type RegistryStage } from '../../support/registry-stage.ts';
import { tinyOnnx, tinyScore, type TinyModel } from '../../support/serving/tiny-onnx.ts';

const MODEL = 'trips-late';
/** Takes `delay`, `distance` and the code of `carrier`, in this order. */
const FIRST: TinyModel = { weights: [0.1, 0.001, 0.5], bias: -1 };
const ROWS = 40;
let stage: RegistryStage;

async function register(seed: number, weights: readonly number[], changes: Partial<ModelSignature>): Promise<number> {
  const version = someVersion(MODEL, seed);
  const signature: ModelSignature = { ...(version.signature as ModelSignature), ...changes };
  const files = {
    ...version.files,
    'model.onnx': tinyOnnx({ weights, bias: FIRST.bias }),
    'signature.json': new TextEncoder().encode(JSON.stringify(signature)),
  };
  return (await stage.registry.registerVersion({ ...version, files, signature })).version;
}

beforeAll(async () => {
  stage = await openRegistryStage();
  await createTripLogs(stage.postgres);
  await stage.registry.registerModel(MODEL, {});
});
afterAll(() => stage.close());

test('a version answers the rows of others by the names of their columns; what it lacks, or reads otherwise, leaves a decision out', async () => {
  const first = await register(1, FIRST.weights, { viewVersions: { trips: 1 } });
  const other = await register(2, [0, 0, 0, 0, 0], {
    numericNames: ['added', 'distance', 'delay'],
    categories: [
      { name: 'origin', vocabulary: ['JFK'] },
      { name: 'carrier', vocabulary: ['UA', 'AA'] },
    ],
  });
  const lacking = await register(3, [0, 0], { numericNames: ['distance'] });
  const changed = await register(4, FIRST.weights, { serviceDigest: 'digest-2', viewVersions: { trips: 2 } });
  const trips = Array.from({ length: ROWS }, (_, i) => ({ delay: i, distance: 100 * i, carrier: i % 2 === 0 ? 'AA' : 'UA', late: i % 3 === 0 }));
  const decided = { model: MODEL, score: 0.5 };
  const at = (day: number, i: number): number => day * DAY_MS + i * 1_000;
  await storeTrips(stage.postgres, trips.map(({ delay, distance, ...trip }, i) => ({ ...decided, ...trip, id: `a${i}`, version: first, asOf: at(10, i), numbers: [delay, distance] })));
  await storeTrips(
    stage.postgres,
    trips.map(({ delay, distance, carrier, ...trip }, i) => ({ ...decided, ...trip, id: `b${i}`, version: other, asOf: at(40, i), numbers: [7, distance, delay], categories: ['JFK', carrier] })),
  );
  await storeTrips(stage.postgres, [{ ...decided, id: 'c', version: lacking, asOf: at(41, 0), numbers: [1], late: true }]);

  // The same names, by another version of the view.
  await storeTrips(stage.postgres, [{ ...decided, id: 'd', version: changed, asOf: at(41, 1), numbers: [7, 7], late: true }]);

  const trained = project({ name: 'trips', models: [monitoredTrips(MODEL)] });
  const { leftOut, overall, byMonth } = await compareWithVersion({ ...stage, project: trained }, MODEL, first);

  // `AA` is the vocabulary's first value, after the codes of null and of what is unknown.
  const expected = trips.map(({ delay, distance, carrier }) => tinyScore(FIRST, [delay, distance, carrier === 'AA' ? 2 : 3]));
  const mean = expected.reduce((sum, score) => sum + score, 0) / ROWS;
  expect(leftOut).toBe(2);
  expect(byMonth.map(({ slice, versions, served }) => [slice, versions, served.rows])).toEqual([
    ['1970-01', [first], ROWS],
    ['1970-02', [other], ROWS],
  ]);
  for (const slice of byMonth) expect(slice.other.meanScore).toBeCloseTo(mean, 5);
  expect(byMonth[1]!.other.logLoss).toBeCloseTo(byMonth[0]!.other.logLoss, 5);
  expect(overall.served.rows).toBe(2 * ROWS);
});
