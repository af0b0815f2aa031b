import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MonitorPolicy } from '../../../src/define/model.ts';
import { monitorClosedWindows } from '../../../src/monitoring/monitor-closed-windows.ts';
import { acknowledgeTrigger, listReports } from '../../../src/monitoring/monitor-reports.ts';
import { monitoredModel } from '../../../src/monitoring/monitored-model.ts';
import { createTripLogs, DAY_MS, labelsKnownUntil, monitoredTrips, storeTrips } from '../../support/monitored-project.ts';
import { openRegistryStage, someVersion, type RegistryStage } from '../../support/registry-stage.ts';

const MODEL = 'trips-late';
const ROWS = 300;
let stage: RegistryStage;

const run = (policy: Partial<MonitorPolicy> = {}) => monitorClosedWindows(stage, monitoredModel(monitoredTrips(MODEL, policy)));

/** Decisions of one day like those of the reference profile, or drifted in `delay` and `score`. */
const storeDay = (day: number, drifted: boolean, version = 1) =>
  storeTrips(
    stage.postgres,
    Array.from({ length: ROWS }, (_, i) => ({
      id: `${day}-${i}`,
      model: MODEL,
      version,
      asOf: day * DAY_MS + i * 1_000,
      score: drifted ? 0.9 : [0.1, 0.1, 0.1, 0.1, 0.1, 0.3, 0.3, 0.3, 0.7, 0.7][i % 10] ?? 0,
      numbers: [drifted ? Number.NaN : ([-5, -5, -5, 5, 5, 5, 5, 15, 15, 15][i % 10] ?? 0), i % 2 === 0 ? 400 : 900],
      carrier: i % 2 === 0 ? 'AA' : 'UA',
      ...(i < 250 ? { late: i % 10 >= 8 } : i < 260 ? { late: null } : {}),
    })),
  );

beforeEach(async () => {
  stage = await openRegistryStage();
  await createTripLogs(stage.postgres);
  await stage.registry.registerModel(MODEL, {});
  await stage.registry.registerVersion(someVersion(MODEL, 1));
});
afterEach(() => stage.close());

describe('the monitor', () => {
  it('reports on a window once every partition of the labels is past its delay, and once only', async () => {
    await storeDay(10, false);
    await labelsKnownUntil(stage.postgres, 20 * DAY_MS, 12 * DAY_MS - 1);
    expect(await run()).toEqual({ windows: [], triggered: null });
    await labelsKnownUntil(stage.postgres, 20 * DAY_MS, 12 * DAY_MS);
    const { windows, triggered } = await run();
    expect(windows).toHaveLength(1);
    expect(windows[0]).toMatchObject({ from: 10 * DAY_MS, to: 11 * DAY_MS, decisions: ROWS, labelled: 250, driftedFeatures: 0 });
    expect(windows[0]?.auc).toBe(1);
    expect(windows[0]?.predictionPsi).toBeCloseTo(0, 6);
    expect(triggered).toBeNull();
    expect((await run()).windows).toEqual([]);
    expect(await listReports(stage.postgres, MODEL)).toMatchObject([
      { version: 1, baseRate: 0.2, featurePsi: { carrier: 0, delay: 0, distance: 0 }, trigger: null },
    ]);
  });

  it('goes past windows without an answer of a champion, however many there are', async () => {
    const others = Array.from({ length: 70 }, (_, i) => ({ id: `other-${i}`, model: MODEL, version: 1, variant: 'trial/wide' as const, asOf: (10 + i) * DAY_MS, score: 0.5 }));
    await storeTrips(stage.postgres, others);
    await storeDay(90, false);
    await labelsKnownUntil(stage.postgres, 100 * DAY_MS);
    expect((await run()).windows).toMatchObject([{ from: 90 * DAY_MS }]);
  });

  it('calls for one retraining of many bad windows, until it is delivered', async () => {
    await storeDay(10, true);
    await storeDay(11, true);
    await labelsKnownUntil(stage.postgres, 13 * DAY_MS);
    const first = await run();
    expect(first.windows.map(({ driftedFeatures }) => driftedFeatures)).toEqual([1, 1]);
    expect(first.windows[0]?.worstFeature?.name).toBe('delay');
    expect(first.triggered).toMatchObject({ trigger: 'metric-degraded', dataCut: 13 * DAY_MS });
    expect((await run()).triggered).toEqual(first.triggered);
    await acknowledgeTrigger(stage.postgres, MODEL, 13 * DAY_MS);
    expect((await run()).triggered).toBeNull();
    expect((await listReports(stage.postgres, MODEL)).filter(({ trigger }) => trigger !== null)).toHaveLength(1);
  });

  it('does not count as drift what windows of the training reached too', async () => {
    const version = someVersion(MODEL, 2);
    const profile = JSON.parse(new TextDecoder().decode(version.files['reference-profile.json'])) as Record<string, unknown>;
    const usual = new TextEncoder().encode(JSON.stringify({ ...profile, usualPsi: { delay: 100, score: 100 } }));
    const { version: number } = await stage.registry.registerVersion({ ...version, files: { ...version.files, 'reference-profile.json': usual } });
    await storeDay(10, true, number);
    await labelsKnownUntil(stage.postgres, 13 * DAY_MS);
    const { windows, triggered } = await run({ logLossIncrease: 100 });
    expect(windows[0]).toMatchObject({ driftedFeatures: 0, predictionPsiLimit: 100 });
    expect(windows[0]?.predictionPsi).toBeGreaterThan(1);
    expect(triggered).toBeNull();
  });

  it('reports features that are ignored, but does not count them', async () => {
    await storeDay(10, true);
    await labelsKnownUntil(stage.postgres, 13 * DAY_MS);
    const { windows, triggered } = await run({ ignoreDrift: ['delay'], logLossIncrease: 100, predictionPsi: 100 });
    expect(windows[0]).toMatchObject({ driftedFeatures: 0 });
    expect(windows[0]?.worstFeature?.name).not.toBe('delay');
    expect(triggered).toBeNull();
    expect((await listReports(stage.postgres, MODEL))[0]?.featurePsi['delay']).toBeGreaterThan(1);
  });

  it('counts the labels since the last training where the policy asks for it', async () => {
    await storeDay(10, false);
    await labelsKnownUntil(stage.postgres, 13 * DAY_MS);
    const { triggered } = await run({ newLabels: 250 });
    expect(triggered?.trigger).toBe('new-labels');
  });
});
