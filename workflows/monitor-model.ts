import { getExternalWorkflowHandle } from '@temporalio/workflow';
import { lifecycleSignals, workflowIds } from '../src/contracts/lifecycle.ts';
import type { MonitorInput, MonitorResult } from '../src/contracts/monitor.ts';
import { monitorActivities } from './activity-proxies.ts';
import { showProgress } from './show-progress.ts';

/**
 * Reports on the windows that closed, and tells the lifecycle where one calls for a retraining. A run
 * that is cut off between the two is made up for by the next: a trigger stays until it is acknowledged.
 */
export async function monitorModel(input: MonitorInput): Promise<MonitorResult> {
  const { namespace, model } = input;
  const monitor = monitorActivities(namespace);
  showProgress({ model });
  const result = await monitor.monitorClosedWindows({ model });
  const { triggered } = result;
  if (triggered !== null) {
    await getExternalWorkflowHandle(workflowIds.modelLifecycle(namespace, model)).signal(lifecycleSignals.retrain, triggered);
    await monitor.acknowledgeTrigger({ model, dataCut: triggered.dataCut ?? 0 });
    showProgress({ trigger: triggered.trigger }, `Asked for a retraining: ${triggered.reason}`);
  } else {
    showProgress({}, `${result.windows.length} windows closed, no retraining called for`);
  }
  return result;
}
