import { continueAsNew, defineQuery, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  describeExport,
  exportLogQueries,
  nothingExported,
  type ExportLogInput,
  type ExportLogProgress,
  type ExportLogResult,
} from '../src/contracts/export-log.ts';
import { coldLogActivities } from './activity-proxies.ts';
import { showProgress } from './show-progress.ts';

/**
 * Exports every closed day of a source's log that is not exported yet, file by file, then prunes where it is asked to.
 * The database is the cursor: whatever dies, the next attempt, or the next run, goes on behind the last file.
 */
export async function exportLog(input: ExportLogInput): Promise<ExportLogResult> {
  const { namespace, source, prune } = input;
  const cold = coldLogActivities(namespace);
  let progress: ExportLogProgress = input.carried ?? nothingExported;
  setHandler(defineQuery<ExportLogProgress>(exportLogQueries.progress), () => progress);
  showProgress({ phase: 'exporting' });
  const goOn = async (next: ExportLogProgress): Promise<void> => {
    progress = next;
    showProgress({}, `${source}: ${describeExport(progress)}`);
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof exportLog>({ ...input, carried: progress });
  };
  if (input.carried === undefined) await cold.sweepColdLog({ source });
  for (;;) {
    const { file } = await cold.exportNextFile({ source });
    if (file === null) break;
    const { files, rows, bytes } = progress;
    await goOn({ ...progress, files: files + 1, rows: rows + file.rows, bytes: bytes + file.bytes });
  }
  while (prune) {
    const { file } = await cold.pruneNextFile({ source });
    if (file === null) break;
    const { prunedFiles, prunedRows } = progress;
    await goOn({ ...progress, prunedFiles: prunedFiles + 1, prunedRows: prunedRows + file.rows });
  }
  showProgress({ phase: 'idle' }, `${source}: ${describeExport(progress)}`);
  return { source, ...progress };
}
