import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Experiment } from '../../../src/contracts/experiment.ts';
import { armMetrics, type ArmMetric } from '../../../src/monitoring/measure-arms.ts';
import { EXPERIMENT_SETTLE_MS, readExperimentResults, type ExperimentResults } from '../../../src/monitoring/experiment-results.ts';
import { readWindow } from '../../../src/monitoring/read-window.ts';
import { monitoredModel } from '../../../src/monitoring/monitored-model.ts';
import { holmAdjusted } from '../../../src/statistics/holm.ts';
import { twoSidedP, twoSidedQuantile } from '../../../src/statistics/normal.ts';
import { createTripLogs, DAY_MS, monitoredTrips, storeTrips, type AnsweredTrip } from '../../support/monitored-project.ts';
import { openRegistryStage, someVersion, type RegistryStage } from '../../support/registry-stage.ts';
import { experimentOf } from '../../support/serving/experiment-of.ts';

const CHANGED_AT = Date.UTC(2024, 0, 1);
const FROM = CHANGED_AT + EXPERIMENT_SETTLE_MS;
const arms = [
  { name: 'plain', version: 1, share: 0.5 },
  { name: 'wide', version: 2, share: 0.25 },
  { name: 'bold', version: 3, share: 0.25 },
];

let stage: RegistryStage;
let name = '';
let nth = 0;

beforeAll(async () => {
  stage = await openRegistryStage();
  await createTripLogs(stage.postgres);
});
afterAll(() => stage.close());
beforeEach(() => {
  name = `model${++nth}`;
});

const set = async (experiment: Experiment | null, over: { winner?: string } = {}) => {
  const { registry } = stage;
  const present = await registry.getAllocation(name);
  return registry.setAllocation({
    model: name,
    expectedRevision: present?.revision ?? null,
    champion: 1,
    canary: null,
    shadow: null,
    experiment,
    actor: 'tester',
    action: 'test',
    reason: 'a test',
    ...over,
  });
};

async function begin(): Promise<void> {
  await stage.registry.registerModel(name, {});
  for (const seed of [1, 2, 3]) await stage.registry.registerVersion(someVersion(name, nth * 10 + seed));
  await set(experimentOf('trial', arms, { metric: 'brier' }));
  // Its shares have been what they are for long.
  await stage.postgres.query(`UPDATE millrace.experiments SET experiment = experiment || jsonb_build_object('changedAt', $2::bigint) WHERE model = $1`, [name, CHANGED_AT]);
}

const trip = (id: string, over: Partial<AnsweredTrip>): AnsweredTrip => ({ id: `${name}-${id}`, model: name, version: 1, asOf: 10 * DAY_MS, score: 0.5, servedAt: FROM, ...over });

/** Decisions of so many entities of an arm; the same in each run. */
function decisionsOf(arm: string, entities: number, seed: number): AnsweredTrip[] {
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  return Array.from({ length: entities }, (_, e) => {
    const rate = random();
    return Array.from({ length: 1 + Math.floor(random() * 5) }, (_unused, i) => {
      const known = random() < 0.7;
      return trip(`${arm}-${e}-${i}`, {
        variant: `trial/${arm}`,
        unit: `${arm}-${e}`,
        score: Math.min(1, rate * (0.5 + random())),
        latencyMs: 1 + random() * 9,
        ...(known ? { late: random() < rate } : {}),
      });
    });
  }).flat();
}

const valueOf: Readonly<Record<ArmMetric, (row: AnsweredTrip) => number | null>> = {
  'log-loss': ({ late, score }) => (late === undefined ? null : -Math.log(Math.max(1e-7, Math.min(1 - 1e-7, late === true ? score : 1 - score)))),
  brier: ({ late, score }) => (late === undefined ? null : (score - Number(late)) ** 2),
  'outcome-rate': ({ late }) => (late === undefined ? null : Number(late)),
  score: ({ score }) => score,
  'latency-ms': ({ latencyMs = 1 }) => latencyMs,
};

/** Mean over decisions and its standard error over entities, by residuals. */
function slowEstimate(rows: readonly AnsweredTrip[], metric: ArmMetric): { value: number; standardError: number } {
  const units = new Map<string, number[]>();
  for (const row of rows) {
    const value = valueOf[metric](row);
    if (value !== null) units.set(row.unit ?? '', [...(units.get(row.unit ?? '') ?? []), value]);
  }
  const all = [...units.values()].flat();
  const value = all.reduce((sum, one) => sum + one, 0) / all.length;
  const squares = [...units.values()].reduce((sum, values) => sum + values.reduce((rest, one) => rest + one - value, 0) ** 2, 0);
  return { value, standardError: Math.sqrt((squares * units.size) / (units.size - 1)) / all.length };
}

const read = (experiment: string | null = null): Promise<ExperimentResults> => readExperimentResults(stage.postgres, monitoredTrips(name), experiment);

describe('the results of an experiment', () => {
  it('are those of direct sums over entities, for every metric', async () => {
    await begin();
    const rows = { plain: decisionsOf('plain', 200, 1), wide: decisionsOf('wide', 100, 2), bold: decisionsOf('bold', 90, 3) };
    await storeTrips(stage.postgres, Object.values(rows).flat());
    const found = await read();
    expect(found.arms.map(({ name: arm, isControl, decisions, entities, outcomes }) => [arm, isControl, decisions, entities, outcomes])).toEqual(
      Object.entries(rows).map(([arm, of]) => [arm, arm === 'plain', of.length, new Set(of.map(({ unit }) => unit)).size, of.filter(({ late }) => late !== undefined).length]),
    );
    expect(found.metrics.map(({ metric, isPrimary }) => [metric, isPrimary])).toEqual([
      ['brier', true],
      ...armMetrics.filter((metric) => metric !== 'brier').map((metric) => [metric, false]),
    ]);
    for (const { metric, arms: compared } of found.metrics) {
      const slow = Object.values(rows).map((of) => slowEstimate(of, metric));
      const [control, ...others] = slow as [(typeof slow)[0], ...typeof slow];
      const z = others.map(({ value, standardError }) => (value - control.value) / Math.hypot(standardError, control.standardError));
      const adjusted = holmAdjusted(z.map(twoSidedP));
      compared.forEach(({ estimate, difference }, i) => {
        expect(estimate?.value).toBeCloseTo(slow[i]?.value ?? NaN, 9);
        expect(estimate?.standardError).toBeCloseTo(slow[i]?.standardError ?? NaN, 9);
        if (i === 0) return expect(difference).toBeNull();
        const { value = NaN, standardError = NaN } = slow[i] ?? {};
        const half = twoSidedQuantile(0.025) * Math.hypot(standardError, control.standardError);
        expect(difference?.difference).toBeCloseTo(value - control.value, 9);
        expect(difference?.low).toBeCloseTo(value - control.value - half, 9);
        expect(difference?.high).toBeCloseTo(value - control.value + half, 9);
        return expect(difference?.pValue).toBeCloseTo(adjusted[i - 1] ?? NaN, 9);
      });
    }
    expect(found.sampleRatio).toMatchObject({ isMismatch: false, degreesOfFreedom: 2 });
    expect(found).toMatchObject({ model: name, countedFrom: FROM, entitiesInSeveralArms: 0, endedAt: null, winner: null });
  });

  it('count what was answered since the shares changed, by one arm each', async () => {
    await begin();
    await storeTrips(stage.postgres, [
      trip('early', { variant: 'trial/wide', unit: 'a', servedAt: FROM - 1 }),
      trip('other', { variant: 'earlier/wide', unit: 'b' }),
      trip('champion', {}),
      trip('c1', { variant: 'trial/wide', unit: 'c', latencyMs: 3, late: true }),
      trip('c2', { variant: 'trial/wide', unit: 'c', latencyMs: 3 }),
      trip('moved1', { variant: 'trial/wide', unit: 'd', latencyMs: 90 }),
      trip('moved2', { variant: 'trial/plain', unit: 'd' }),
      // Without entity keys and example each decision is its own unit.
      trip('drawn1', { variant: 'trial/plain' }),
      trip('drawn2', { variant: 'trial/plain' }),
    ]);
    const found = await read('trial');
    expect(found.entitiesInSeveralArms).toBe(1);
    expect(found.arms).toMatchObject([
      { name: 'plain', decisions: 2, entities: 2, outcomes: 0 },
      { name: 'wide', decisions: 2, entities: 1, outcomes: 1, latencyP95Ms: 3 },
      { name: 'bold', decisions: 0, entities: 0, outcomes: 0, latencyP95Ms: null },
    ]);
    // Too few to compare.
    expect(found.metrics.flatMap(({ arms: compared }) => compared.map(({ estimate, difference }) => estimate ?? difference))).toEqual(new Array(15).fill(null));
  });

  it('say where entities are missing from an arm', async () => {
    await begin();
    await storeTrips(stage.postgres, [...decisionsOf('plain', 200, 1), ...decisionsOf('wide', 100, 2), ...decisionsOf('bold', 40, 3)]);
    expect((await read()).sampleRatio).toMatchObject({ isMismatch: true });
  });

  it('stay readable when it has ended, with who, why and the winner, and count no later decision', async () => {
    await begin();
    await storeTrips(stage.postgres, [trip('in-time', { variant: 'trial/wide', unit: 'a' })]);
    await set(null, { winner: 'wide' });
    await storeTrips(stage.postgres, [trip('late', { variant: 'trial/wide', unit: 'b', servedAt: Date.now() + DAY_MS })]);
    expect(await read()).toMatchObject({ endedBy: 'tester', endReason: 'a test', winner: 'wide', endedAt: expect.any(Number) as number, arms: [{}, { entities: 1 }, {}] });
    await expect(read('nothing')).rejects.toMatchObject({ code: 'EXPERIMENT_NOT_FOUND' });
  });

  it("stand for the champion's in the monitor where they are the control's", async () => {
    await begin();
    await storeTrips(stage.postgres, [trip('a', { variant: 'trial/plain' }), trip('b', { variant: 'trial/wide', version: 2 }), trip('c', {})]);
    const rows = await readWindow(stage.postgres, monitoredModel(monitoredTrips(name)), 9 * DAY_MS, 11 * DAY_MS);
    expect(rows.map(({ version }) => version)).toEqual([1, 1]);
  });

  it('are judged from all over their window where there are more than are drawn', async () => {
    const trips = Array.from({ length: 60 }, (_, i) => trip(`drawn-${String(i).padStart(2, '0')}`, { version: i < 30 ? 1 : 2, variant: 'champion' }));
    await storeTrips(stage.postgres, trips);
    const read = () => readWindow(stage.postgres, monitoredModel(monitoredTrips(name)), 9 * DAY_MS, 11 * DAY_MS, 20);
    const versions = (await read()).map(({ version }) => version);
    expect([versions.length, new Set(versions)]).toEqual([20, new Set([1, 2])]);
    expect((await read()).map(({ version }) => version).toSorted()).toEqual(versions.toSorted());
  });
});
