import type { Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { BackfillInput } from '../src/contracts/backfill.ts';
import { searchAttributes, workflowIds } from '../src/contracts/lifecycle.ts';
import type { Names } from '../src/contracts/names.ts';
import { translateTemporalError } from '../src/infra/temporal-error.ts';

export interface WantedBackfill extends Pick<BackfillInput, 'rowsPerSecond' | 'requestedBy' | 'reason'> {
  readonly view: string;
  readonly version: number;
}

/**
 * Makes the backfills of versions that are on their way to being current be there. One that runs is left as it is; one
 * that failed is begun again, and goes on where it was.
 * @returns workflow ids, in the order of what is wanted
 * @throws MillraceError TEMPORAL_UNAVAILABLE
 */
export async function ensureBackfills(
  client: Client,
  names: Names,
  wanted: readonly WantedBackfill[],
): Promise<string[]> {
  const { namespace } = names;
  const ids: string[] = [];
  try {
    for (const backfill of wanted) {
      const { view, version } = backfill;
      const workflowId = workflowIds.backfillFeatures(namespace, view, version);
      const input: BackfillInput = { namespace, ...backfill };
      await client.workflow.start('backfillFeatures', {
        workflowId,
        taskQueue: names.taskQueue('orchestration'),
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `Fills ${view} version ${version} from the offline log, compares it and makes it current`,
        args: [input],
        typedSearchAttributes: [
          {
            key: defineSearchAttributeKey(searchAttributes.view, SearchAttributeType.KEYWORD),
            value: view,
          },
        ],
      });
      ids.push(workflowId);
    }
  } catch (error) {
    throw translateTemporalError(error, 'starting the backfills of the project');
  }
  return ids;
}
