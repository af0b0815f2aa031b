import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { everyDecision } from '../../../src/contracts/audit.ts';
import { planAudit } from '../../../src/monitoring/skew-audit-decisions.ts';
import { createTripLogs, DAY_MS, storeTrips } from '../../support/monitored-project.ts';
import { openRegistryStage, type RegistryStage } from '../../support/registry-stage.ts';

let stage: RegistryStage;
beforeAll(async () => {
  stage = await openRegistryStage();
  await createTripLogs(stage.postgres);
});
afterAll(() => stage.close());

it('an audit waits for decisions that are being stored, so that the next one begins after all that it has seen', async () => {
  const trip = (id: string) => ({ id, model: 'm', version: 1, asOf: 10 * DAY_MS, score: 0.5 });
  let store = (): void => undefined;
  const mayStore = new Promise<void>((resolve) => (store = resolve));
  let begun = (): void => undefined;
  const hasBegun = new Promise<void>((resolve) => (begun = resolve));
  const storing = stage.postgres.transaction(async (tx) => {
    await storeTrips({ ...stage.postgres, query: tx.query.bind(tx) }, [trip('first')]);
    begun();
    await mayStore;
  });
  await hasBegun;
  await storeTrips(stage.postgres, [trip('second')]);
  let isPlanned = false;
  const planning = planAudit(stage.postgres, 'm', everyDecision, 'seed').finally(() => (isPlanned = true));
  await sleep(200);
  expect(isPlanned).toBe(false);
  store();
  await storing;
  expect(await planning).toMatchObject({ seqAfter: 0, seqTo: 2, decisions: 2 });
});
