import { CancellationScope, continueAsNew, defineQuery, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  historicalQueries,
  type HistoricalInput,
  type HistoricalProgress,
  type HistoricalResult,
} from '../src/contracts/historical.ts';
import { historicalActivities } from './activity-proxies.ts';
import { showProgress } from './show-progress.ts';

/** Chunks that are read at a time, over all workers: each takes a core and its memory. */
const CONCURRENT_CHUNKS = 4;

/**
 * Reads features as of past moments for the rows of a spine, chunk by chunk, into one file with a manifest. A chunk that a
 * dead worker had is read anew by another; those that are done are files, and stay.
 */
export async function readHistorical(input: HistoricalInput): Promise<HistoricalResult> {
  const { namespace, request } = input;
  const run = workflowInfo().firstExecutionRunId;
  const activities = historicalActivities(namespace);
  let progress: HistoricalProgress = input.carried ?? { rows: 0, chunks: 0, done: 0 };
  setHandler(defineQuery<HistoricalProgress>(historicalQueries.progress), () => progress);
  try {
    if (input.carried === undefined) {
      showProgress({ phase: 'planning' }, 'Reads and checks the spine.');
      progress = { ...(await activities.planHistorical({ run, request })), done: 0 };
    }
    showProgress({ phase: 'reading' }, describe(progress));
    let next = progress.done;
    const read = async (): Promise<void> => {
      while (next < progress.chunks && !workflowInfo().continueAsNewSuggested) {
        await activities.readHistoricalChunk({ run, request, chunk: next++ });
        progress = { ...progress, done: progress.done + 1 };
        showProgress({}, describe(progress));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT_CHUNKS }, read));
    if (progress.done === progress.chunks) {
      showProgress({ phase: 'writing' }, `${describe(progress)} Writes the rows.`);
      const result = await activities.writeHistorical({ run, request });
      await activities.dropHistorical({ request });
      showProgress({ phase: 'idle' }, `**${result.rows} rows** in ${result.out}`);
      return result;
    }
  } catch (error) {
    // Cancelled or failed for good: nobody goes on with the folder.
    await CancellationScope.nonCancellable(() => activities.dropHistorical({ request }));
    throw error;
  }
  return continueAsNew<typeof readHistorical>({ namespace, request, carried: progress });
}

const describe = ({ rows, chunks, done }: HistoricalProgress): string => `${rows} rows: ${done} of ${chunks} chunks read.`;
