import { ScheduleNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ingestionSignals, lifecycleSignals, workflowIds } from '../../../src/contracts/lifecycle.ts';
import { createNames } from '../../../src/contracts/names.ts';
import type { AuditPolicy } from '../../../src/define/model.ts';
import { project } from '../../../src/define/project.ts';
import { connectTemporal, type TemporalClient } from '../../../src/infra/temporal.ts';
import { ensureWorkflows } from '../../../workers/ensure-workflows.ts';
import { monitoredTrips } from '../../support/monitored-project.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';

const MODEL = 'trips-late';
const names = createNames(testPrefix());
let temporal: TemporalClient;

beforeAll(async () => {
  const { temporalAddress, temporalNamespace } = testStack();
  temporal = await connectTemporal({ address: temporalAddress, namespace: temporalNamespace });
});
afterAll(async () => {
  for (const id of [workflowIds.ingestion(names.namespace), workflowIds.modelLifecycle(names.namespace, MODEL)]) {
    await temporal.client.workflow.getHandle(id).terminate();
  }
  await temporal.client.schedule.getHandle(workflowIds.monitorSchedule(names.namespace, MODEL)).delete();
  await temporal.close();
});

describe('the workflows of a project', () => {
  it('are started once, however often they are asked for, and hear of a changed project', async () => {
    const { client } = temporal;
    const ensure = (every: '1m' | '10m', audit: AuditPolicy | null) =>
      ensureWorkflows(client, project({ name: 'trips', models: [{ ...monitoredTrips(MODEL, { every }), audit }] }), names);
    const audits = client.schedule.getHandle(workflowIds.auditSchedule(names.namespace, MODEL));
    const describeAll = async () => ({
      ingestion: (await client.workflow.getHandle(workflowIds.ingestion(names.namespace)).describe()).runId,
      lifecycle: (await client.workflow.getHandle(workflowIds.modelLifecycle(names.namespace, MODEL)).describe()).runId,
    });
    await ensure('10m', { every: '2h', sample: 10 });
    await ensure('10m', { every: '1h', sample: 20 });
    const { spec, action } = await audits.describe();
    expect(spec.intervals).toMatchObject([{ every: 3_600_000 }]);
    expect(action.args).toMatchObject([{ model: MODEL, scope: { sample: 20, sinceLast: true } }]);
    const first = await describeAll();
    await ensure('1m', null);
    await ensure('1m', null);
    await expect(audits.describe()).rejects.toThrow(ScheduleNotFoundError);
    expect(await describeAll()).toEqual(first);
    const schedule = await client.schedule.getHandle(workflowIds.monitorSchedule(names.namespace, MODEL)).describe();
    expect(schedule.spec.intervals).toMatchObject([{ every: 60_000 }]);
    const history = await client.workflow.getHandle(workflowIds.modelLifecycle(names.namespace, MODEL)).fetchHistory();
    const signals = history.events?.flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []);
    expect(signals).toEqual(new Array(4).fill(lifecycleSignals.configure));
    const ingestion = await client.workflow.getHandle(workflowIds.ingestion(names.namespace)).fetchHistory();
    const told = ingestion.events?.flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []);
    expect(told).toEqual(new Array(4).fill(ingestionSignals.configure));
  });
});
