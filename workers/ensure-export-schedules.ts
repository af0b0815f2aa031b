import { ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import type { ExportLogInput } from '../src/contracts/export-log.ts';
import { workflowIds } from '../src/contracts/lifecycle.ts';
import type { Names } from '../src/contracts/names.ts';
import type { Duration } from '../src/core/duration.ts';
import type { Project } from '../src/define/project.ts';
import type { ColdLogConfig } from '../src/infra/cold-log-config.ts';
import { isExportable } from '../src/store/cold-log/export-log.ts';
import { translateTemporalError } from '../src/infra/temporal-error.ts';
import { CATCHUP_WINDOW, ensureSchedule, removeSchedule } from './ensure-schedule.ts';

/**
 * Makes each source's log be exported as often as the settings say, or never; a log of rows that change stays where it is. Doing so again changes nothing.
 * @throws MillraceError TEMPORAL_UNAVAILABLE
 */
export async function ensureExportSchedules(
  client: Client,
  project: Project,
  names: Names,
  { coldLogExportEvery, coldLogPrune }: ColdLogConfig,
): Promise<void> {
  try {
    for (const source of project.sources) {
      const { name } = source;
      const scheduleId = workflowIds.exportLogSchedule(names.namespace, name);
      if (coldLogExportEvery === 'off' || !isExportable(source)) {
        await removeSchedule(client, scheduleId);
        continue;
      }
      const input: ExportLogInput = { namespace: names.namespace, source: name, prune: coldLogPrune === 'on' };
      await ensureSchedule(client, {
        scheduleId,
        spec: { intervals: [{ every: coldLogExportEvery as Duration }] },
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: CATCHUP_WINDOW },
        action: {
          type: 'startWorkflow',
          workflowType: 'exportLog',
          workflowId: workflowIds.exportLog(names.namespace, name),
          taskQueue: names.taskQueue('orchestration'),
          args: [input],
        },
      });
    }
  } catch (error) {
    throw translateTemporalError(error, 'scheduling the exports of the logs');
  }
}
