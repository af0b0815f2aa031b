import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type {
  AuditActivities,
  MaterializeActivities,
  MonitorActivities,
  RegistryActivities,
  RolloutActivities,
  StreamActivities,
  TrainingActivities,
} from '../../../src/contracts/activities.ts';
import type { BackfillActivities } from '../../../src/contracts/backfill.ts';
import type { ColdLogActivities } from '../../../src/contracts/export-log.ts';
import type { HistoricalActivities } from '../../../src/contracts/historical.ts';
import { createNames, type TaskQueue } from '../../../src/contracts/names.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import type { TemporalTracing } from '../../../src/infra/temporal-tracing.ts';
import { bundleWorkflows } from '../../../workers/bundle-workflows.ts';

export type StubbedActivities = RegistryActivities &
  RolloutActivities &
  MonitorActivities &
  TrainingActivities &
  StreamActivities &
  AuditActivities &
  BackfillActivities &
  MaterializeActivities &
  ColdLogActivities &
  HistoricalActivities;

const queues: readonly TaskQueue[] = ['orchestration', 'training', 'stream'];

Runtime.install({ logger: new DefaultLogger('ERROR') });

/** The current workflow code, bundled once per version of it. */
export const testBundle = (isTraced = false) => bundleWorkflows(join(tmpdir(), 'millrace-test-bundles'), createLogger('test', 'warn'), isTraced);

export interface WorkflowStage {
  readonly client: Client;
  readonly namespace: string;
  readonly taskQueue: string;
  close(): Promise<void>;
}

/** Workers for all task queues of one Millrace namespace, with stubs for activities. */
export async function openWorkflowStage(
  server: { readonly address: string; readonly namespace: string },
  namespace: string,
  activities: Partial<StubbedActivities>,
  tracing?: TemporalTracing,
): Promise<WorkflowStage> {
  const workflowBundle = await testBundle(tracing !== undefined);
  const native = await NativeConnection.connect({ address: server.address });
  const workers = await Promise.all(
    queues.map((queue) =>
      Worker.create({
        connection: native,
        namespace: server.namespace,
        taskQueue: createNames(namespace).taskQueue(queue),
        activities,
        maxHeartbeatThrottleInterval: '1s',
        ...tracing?.worker,
        ...(queue === 'orchestration' ? { workflowBundle } : {}),
      }),
    ),
  );
  const running = Promise.all(workers.map((worker) => worker.run()));
  const connection = await Connection.connect({ address: server.address });
  return {
    client: new Client({ connection, namespace: server.namespace, ...tracing?.client }),
    namespace,
    taskQueue: createNames(namespace).taskQueue('orchestration'),
    async close() {
      for (const worker of workers) worker.shutdown();
      await running;
      await connection.close();
      await native.close();
    },
  };
}
