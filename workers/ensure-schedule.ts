import { ScheduleAlreadyRunning, ScheduleNotFoundError, type Client, type ScheduleOptions } from '@temporalio/client';

/** A run that was missed for longer, because the server was away, is not made up for: the next one does. */
export const CATCHUP_WINDOW = '1m';

export type WorkflowSchedule = ScheduleOptions & { readonly action: { readonly workflowId: string } };

/** Makes a schedule be there as it is given. */
export async function ensureSchedule(client: Client, options: WorkflowSchedule): Promise<void> {
  try {
    await client.schedule.create(options);
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule.getHandle(options.scheduleId).update((present) => ({
      ...present,
      spec: options.spec,
      policies: options.policies ?? present.policies,
      action: options.action,
    }));
  }
}

/** Makes a schedule be gone. */
export async function removeSchedule(client: Client, scheduleId: string): Promise<void> {
  await client.schedule
    .getHandle(scheduleId)
    .delete()
    .catch((error: unknown) => {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    });
}
