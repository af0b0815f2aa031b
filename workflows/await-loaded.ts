import { ApplicationFailure } from '@temporalio/common';
import { CancellationScope, condition } from '@temporalio/workflow';
import type { RolloutActivities } from '../src/contracts/activities.ts';
import { servingActivities } from './activity-proxies.ts';

/**
 * Waits until every serving process has loaded a version, for an operator's command. What another asks for meanwhile is more urgent than
 * a wait that may be in vain: a rollback must not stand behind a version that nobody can load.
 */
export async function awaitLoaded(namespace: string, isOvertaken: () => boolean, request: Parameters<RolloutActivities['awaitServing']>[0]): Promise<void> {
  const scope = new CancellationScope();
  const isLoaded = await scope
    .run(() =>
      Promise.race([
        servingActivities(namespace)
          .awaitServing(request)
          .then(() => true),
        condition(isOvertaken).then(() => false),
      ]),
    )
    .finally(() => scope.cancel());
  if (!isLoaded) throw ApplicationFailure.create({ message: 'a promotion or rollback that was asked for meanwhile takes its place', nonRetryable: true });
}
