import { ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { everyDecision, type AuditInput } from '../src/contracts/audit.ts';
import {
  lifecycleSignals,
  ingestionSignals,
  searchAttributes,
  workflowIds,
  type IngestionConfiguration,
  type IngestionInput,
  type LifecycleInput,
} from '../src/contracts/lifecycle.ts';
import type { MonitorInput } from '../src/contracts/monitor.ts';
import type { Names } from '../src/contracts/names.ts';
import { derivationOf } from '../src/define/derivation.ts';
import type { Model } from '../src/define/model.ts';
import type { Project } from '../src/define/project.ts';
import { translateTemporalError } from '../src/infra/temporal-error.ts';
import { CATCHUP_WINDOW, ensureSchedule, removeSchedule } from './ensure-schedule.ts';

/** Ingest and fold members of a project; one keeps a core busy. */
export const INGESTION_MEMBERS_DEFAULT = 1;

export interface EnsureWorkflowsOptions {
  readonly members?: number;
}

/**
 * Makes the long-lived workflows of a project be there: ingestion, and for each model its lifecycle (told
 * the present policy) and the schedules of its monitor and, where it asks for one, of its audit. Doing so again changes nothing.
 * @throws MillraceError TEMPORAL_UNAVAILABLE
 */
export async function ensureWorkflows(
  client: Client,
  project: Project,
  names: Names,
  { members = INGESTION_MEMBERS_DEFAULT }: EnsureWorkflowsOptions = {},
): Promise<void> {
  try {
    await ensureIngestion(client, project, names, members);
    for (const model of project.models) {
      await ensureLifecycle(client, names, model);
      await ensureMonitorSchedule(client, names, model);
      await ensureAuditSchedule(client, names, model);
    }
  } catch (error) {
    throw translateTemporalError(error, 'starting the workflows of the project');
  }
}

/** A project that runs already may have gained its first derived source, or lost its last. */
async function ensureIngestion(client: Client, project: Project, names: Names, members: number): Promise<void> {
  const derives = project.sources.some((source) => derivationOf(source) !== undefined);
  const input: IngestionInput = { namespace: names.namespace, members, derives };
  const configuration: IngestionConfiguration = { derives };
  await client.workflow.signalWithStart('ingestion', {
    workflowId: workflowIds.ingestion(names.namespace),
    taskQueue: names.taskQueue('orchestration'),
    staticSummary: 'Keeps the consumers running',
    args: [input],
    signal: ingestionSignals.configure,
    signalArgs: [configuration],
  });
}

async function ensureLifecycle(client: Client, names: Names, model: Model): Promise<void> {
  const input: LifecycleInput = { namespace: names.namespace, model: model.name, policy: model.rollout };
  await client.workflow.signalWithStart('modelLifecycle', {
    workflowId: workflowIds.modelLifecycle(names.namespace, model.name),
    taskQueue: names.taskQueue('orchestration'),
    typedSearchAttributes: modelAttribute(model),
    staticSummary: `Life of the model ${model.name}: the only thing that changes what serves`,
    args: [input],
    signal: lifecycleSignals.configure,
    signalArgs: [model.rollout],
  });
}

async function ensureMonitorSchedule(client: Client, names: Names, model: Model): Promise<void> {
  const input: MonitorInput = { namespace: names.namespace, model: model.name };
  await ensureSchedule(client, {
    scheduleId: workflowIds.monitorSchedule(names.namespace, model.name),
    spec: { intervals: [{ every: model.monitor.every }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCHUP_WINDOW },
    action: {
      type: 'startWorkflow',
      workflowType: 'monitorModel',
      workflowId: workflowIds.monitorModel(names.namespace, model.name),
      taskQueue: names.taskQueue('orchestration'),
      typedSearchAttributes: modelAttribute(model),
      args: [input],
    },
  });
}

/** Audits a sample of what came since the audit before; a model that no longer asks for it loses its schedule. */
async function ensureAuditSchedule(client: Client, names: Names, model: Model): Promise<void> {
  const scheduleId = workflowIds.auditSchedule(names.namespace, model.name);
  if (model.audit === null) {
    await removeSchedule(client, scheduleId);
    return;
  }
  const input: AuditInput = {
    namespace: names.namespace,
    model: model.name,
    scope: { ...everyDecision, sample: model.audit.sample, sinceLast: true },
    requestedBy: 'schedule',
  };
  await ensureSchedule(client, {
    scheduleId,
    spec: { intervals: [{ every: model.audit.every }] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCHUP_WINDOW },
    action: {
      type: 'startWorkflow',
      workflowType: 'auditSkew',
      workflowId: workflowIds.auditSkew(names.namespace, model.name, 'scheduled'),
      taskQueue: names.taskQueue('orchestration'),
      typedSearchAttributes: modelAttribute(model),
      args: [input],
    },
  });
}

const modelAttribute = (model: Model) => [
  { key: defineSearchAttributeKey(searchAttributes.model, SearchAttributeType.KEYWORD), value: model.name },
];
