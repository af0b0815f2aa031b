import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labelColumns } from '../../../src/monitoring/monitored-model.ts';
import { COMPARED_ANSWERS_MAX } from '../../../src/monitoring/compare-shadow.ts';
import { measurePairs } from '../../../src/monitoring/paired-outcomes.ts';
import { measureStep, newestDecision } from '../../../src/monitoring/rollout-evidence.ts';
import { createRandom } from '../../../src/training/seeded-random.ts';
import { createTripLogs, DAY_MS, monitoredTrips, storeTrips, type AnsweredTrip } from '../../support/monitored-project.ts';
import { openRegistryStage, type RegistryStage } from '../../support/registry-stage.ts';

let stage: RegistryStage;
const label = labelColumns(monitoredTrips('any'));

beforeAll(async () => {
  stage = await openRegistryStage();
  await createTripLogs(stage.postgres);
});
afterAll(() => stage.close());

const trip = (model: string, id: string, changes: Partial<AnsweredTrip>): AnsweredTrip => ({
  id: `${model}-${id}`,
  model,
  version: 1,
  asOf: 10 * DAY_MS,
  score: 0.5,
  ...changes,
});
const measure = (model: string, stageKind: 'shadow' | 'canary', since: number) =>
  measureStep(stage.postgres, label, {
    model,
    candidate: 2,
    champion: 1,
    since,
    stage: stageKind === 'shadow' ? { kind: 'shadow' } : { kind: 'canary', share: 0.1 },
  });
const NOON = Date.UTC(2024, 0, 1, 12);
/** Between the two nearest ranks. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

/** Of a sample. */
const spreadOf = (values: readonly number[]) => values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the evidence of a step', () => {
  it('pairs both scores of a decision in the shadow', async () => {
    const model = 'paired';
    await storeTrips(stage.postgres, [trip(model, 'before', { shadow: { version: 2, score: 0.9 }, late: true })]);
    const since = await newestDecision(stage.postgres);
    await storeTrips(stage.postgres, [
      trip(model, 'a', { score: 0.4, shadow: { version: 2, score: 0.6 }, late: true }),
      trip(model, 'b', { score: 0.2, shadow: { version: 2, score: 0.1 }, late: false }),
      trip(model, 'c', { score: 0.2, shadow: { version: 2, score: 0.5 } }),
      trip(model, 'd', { score: 0.2, shadow: { version: 9, score: 0.5 }, late: true }),
      trip(model, 'e', { score: 0.2, late: true }),
    ]);
    const found = await measure(model, 'shadow', since);
    const candidate = [-Math.log(0.6), -Math.log(0.9)];
    const champion = [-Math.log(0.4), -Math.log(0.8)];
    const differences = candidate.map((loss, i) => loss - (champion[i] ?? 0));
    expect(found).toMatchObject({ decisions: 5, shadowAnswers: 3, candidateDecisions: 0, candidateOutcomes: 2, candidateLatencyP95Ms: null });
    expect(found.candidateLogLoss).toBeCloseTo(mean(candidate), 12);
    expect(found.championLogLoss).toBeCloseTo(mean(champion), 12);
    expect(found.meanScoreDifference).toBeCloseTo((0.2 - 0.1 + 0.3) / 3, 12);
    expect([found.championDecisions, found.championOutcomes]).toEqual([3, 2]);
    expect(found.meanScoreStandardError).toBeCloseTo(Math.sqrt(spreadOf([0.2, -0.1, 0.3]) / 3), 12);
    expect(found.logLossStandardError).toBeCloseTo(Math.abs((differences[0] ?? 0) - (differences[1] ?? 0)) / 2, 12);
  });

  it('compares the groups of a canary', async () => {
    const model = 'grouped';
    const since = await newestDecision(stage.postgres);
    await storeTrips(stage.postgres, [
      trip(model, 'a', { variant: 'canary', version: 2, score: 0.8, late: true, latencyMs: 4 }),
      trip(model, 'b', { variant: 'canary', version: 2, score: 0.6, late: null, latencyMs: 4 }),
      trip(model, 'c', { variant: 'champion', version: 1, score: 0.3, late: false, latencyMs: 2 }),
      trip(model, 'd', { variant: 'champion', version: 1, score: 0.5, latencyMs: 2 }),
      trip(model, 'e', { variant: 'champion', version: 7, score: 1, late: false, latencyMs: 99 }),
    ]);
    const found = await measure(model, 'canary', since);
    expect([found.championDecisions, found.championOutcomes]).toEqual([2, 1]);
    expect(found.meanScoreStandardError).toBeCloseTo(Math.sqrt(spreadOf([0.8, 0.6]) / 2 + spreadOf([0.3, 0.5]) / 2), 12);
    expect(found).toMatchObject({
      decisions: 5,
      candidateDecisions: 2,
      candidateOutcomes: 1,
      candidateLatencyP95Ms: null,
      championLatencyP95Ms: null,
      logLossStandardError: null,
    });
    expect(found.meanScoreDifference).toBeCloseTo(0.3, 12);
    expect(found.candidateLogLoss).toBeCloseTo(-Math.log(0.8), 12);
    expect(found.championLogLoss).toBeCloseTo(-Math.log(0.7), 12);
  });

  it('pairs what has become known of the decisions of the shadow while the canary runs', async () => {
    const model = 'paired-later';
    const both = (id: string, score: number, shadow: number, changes: Partial<AnsweredTrip> = {}): AnsweredTrip => trip(model, id, { score, shadow: { version: 2, score: shadow }, ...changes });
    await storeTrips(stage.postgres, [both('before', 0.4, 0.9, { late: true })]);
    const since = await newestDecision(stage.postgres);
    const pairs = () => measurePairs(stage.postgres, label, { model, champion: 1, candidate: 2, since });
    expect(await pairs()).toBeNull();
    await storeTrips(stage.postgres, [both('a', 0.4, 0.6, { late: true }), both('b', 0.2, 0.1), both('c', 0.2, 0.1, { version: 7, late: true }), trip(model, 'd', { late: true })]);
    expect(await pairs()).toEqual({ outcomes: 1, candidateLogLoss: expect.closeTo(-Math.log(0.6), 12) as number, championLogLoss: expect.closeTo(-Math.log(0.4), 12) as number, logLossStandardError: null });
    await storeTrips(stage.postgres, [both('e', 0.3, 0.2, { late: false }), both('f', 0.9, 0.5, { late: true })]);
    const losses = [[0.6, 0.4], [0.8, 0.7], [0.5, 0.9]].map(([candidate, champion]) => [-Math.log(candidate!), -Math.log(champion!)] as const);
    const differences = losses.map(([candidate, champion]) => candidate - champion);
    const spread = Math.sqrt(differences.reduce((sum, one) => sum + (one - mean(differences)) ** 2, 0) / 2);
    const found = await pairs();
    expect(found?.outcomes).toBe(3);
    expect(found?.candidateLogLoss).toBeCloseTo(mean(losses.map(([candidate]) => candidate)), 12);
    expect(found?.championLogLoss).toBeCloseTo(mean(losses.map(([, champion]) => champion)), 12);
    expect(found?.logLossStandardError).toBeCloseTo(spread / Math.sqrt(3), 12);
  });

  it('pairs the newest decisions of a shadow that has more than are looked at', async () => {
    const model = 'paired-many';
    const since = await newestDecision(stage.postgres);
    await storeTrips(stage.postgres, [trip(model, 'oldest', { score: 0.9, shadow: { version: 2, score: 0.1 }, late: true }), trip('other', 'labelled', { late: true })]);
    await stage.postgres.query(
      `INSERT INTO millrace.decisions (id, model, version, variant, example_id, as_of, served_at, score, shadow_version, shadow_score, numbers, body)
       SELECT 'pair-' || i, $2, 1, 'champion', 'other-labelled', now(), now(), 0.4, 2, 0.5, '', '{}' FROM generate_series(1, $1::int) i`,
      [COMPARED_ANSWERS_MAX, model],
    );
    const found = await measurePairs(stage.postgres, label, { model, champion: 1, candidate: 2, since });
    expect(found?.outcomes).toBe(COMPARED_ANSWERS_MAX);
    expect(found?.candidateLogLoss).toBeCloseTo(-Math.log(0.5), 9);
    expect(found?.championLogLoss).toBeCloseTo(-Math.log(0.4), 9);
  });

  it('compares latencies without the quarter of the seconds in which somebody was slowest, and only from four seconds on', async () => {
    const random = createRandom(7);
    // In the paused seconds everybody waits, and most who are asked then are the canary's.
    const answer = (second: number, n: number): AnsweredTrip => {
      const isPaused = second === 3 || second === 5;
      const isCanary = isPaused ? n % 10 > 0 : n % 10 === 0;
      const who = isCanary ? ({ variant: 'canary', version: 2 } as const) : ({ variant: 'champion', version: 1 } as const);
      const latencyMs = isPaused ? 100 + n : (isCanary ? 3 : 2) + random.uniform();
      return trip('paused', `${second}-${n}`, { ...who, servedAt: NOON + second * 1_000, latencyMs });
    };
    const rows = Array.from({ length: 8 }, (_, second) => Array.from({ length: 40 }, (__, n) => answer(second, n)));
    const since = await newestDecision(stage.postgres);
    await storeTrips(stage.postgres, rows.slice(0, 3).flat());
    expect(await measure('paused', 'canary', since)).toMatchObject({ candidateLatencyP95Ms: null, championLatencyP95Ms: null });
    await storeTrips(stage.postgres, rows.slice(3).flat());
    const found = await measure('paused', 'canary', since);
    const kept = rows.filter((_, second) => second !== 3 && second !== 5).flat();
    const p95 = (version: number) => percentile(kept.filter((row) => row.version === version).map(({ latencyMs }) => latencyMs!), 0.95);
    expect(found.candidateLatencyP95Ms).toBeCloseTo(p95(2), 9);
    expect(found.championLatencyP95Ms).toBeCloseTo(p95(1), 9);
    expect(found.candidateDecisions).toBe(6 * 4 + 2 * 36);
  });

  it('keeps a sure mistake finite, and says nothing of no rows', async () => {
    const model = 'sure';
    const since = await newestDecision(stage.postgres);
    expect(await measure(model, 'canary', since)).toMatchObject({ decisions: 0, candidateLogLoss: null, meanScoreDifference: null });
    expect(await measure(model, 'shadow', since)).toMatchObject({ decisions: 0, shadowAnswers: 0, candidateLogLoss: null });
    await storeTrips(stage.postgres, [trip(model, 'a', { variant: 'canary', version: 2, score: 0, late: true })]);
    expect((await measure(model, 'canary', since)).candidateLogLoss).toBeCloseTo(-Math.log(1e-7), 6);
  });
});
