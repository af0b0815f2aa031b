import { Context } from '@temporalio/activity';
import type { HistoricalActivities, HistoricalRequest } from '../src/contracts/historical.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import { chunkJob, finishRun, threadStart } from '../src/store/as-of/as-of-file.ts';
import { fileRequestOf, type AsOfFileRequest } from '../src/store/as-of/as-of-request.ts';
import { runInThreads } from '../src/store/as-of/chunk-threads.ts';
import { dropRun, planRun, readPlan, type RunDeps } from '../src/store/as-of/plan-run.ts';
import type { RunPlan } from '../src/store/as-of/run-plan.ts';
import type { OnlineCatalog } from '../src/store/online-catalog.ts';
import { keepAlive } from './keep-alive.ts';
import { mapErrors } from './map-error.ts';

export interface HistoricalDependencies extends RunDeps {
  readonly catalog: OnlineCatalog;
}

/** Steps of a read of the past. Each can be begun anew: what one has done is a file under its last name, or nothing. */
export function createHistoricalActivities(deps: HistoricalDependencies): HistoricalActivities {
  const requestOf = (run: string, given: HistoricalRequest): AsOfFileRequest =>
    fileRequestOf(deps.catalog.plan(given.selection), given, {
      threads: CHUNKS_PER_GROUP,
      run,
      signal: Context.current().cancellationSignal,
    });
  return mapErrors<HistoricalActivities>({
    planHistorical: ({ run, request }) =>
      keepAlive(async () => {
        const { rows, chunks } = await planRun(deps, requestOf(run, request));
        return { rows, chunks: chunks.length };
      }),
    readHistoricalChunk: ({ run, request, chunk }) =>
      keepAlive(async (alive) => {
        const asked = requestOf(run, request);
        const plan = await plannedRun(asked);
        alive.progress({ chunk, of: plan.chunks.length });
        let rows = 0;
        // In a thread: the worker's own stays free for its heartbeats.
        await runInThreads(threadStart(deps, asked), [chunkJob(asked, plan, plan.chunks[chunk]!)], {
          threads: 1,
          signal: asked.signal,
          onChunk: (read) => (rows += read),
        });
        return { rows };
      }),
    writeHistorical: ({ run, request }) =>
      keepAlive(async (alive) => {
        const asked = { ...requestOf(run, request), onProgress: (rows: number) => alive.progress({ rows }) };
        const { rows, out, differences } = await finishRun(asked, await plannedRun(asked));
        return { out: request.out, rows, sha256: out.sha256, differences: differences?.values ?? null };
      }),
    dropHistorical: ({ request }) => dropRun(request.out),
  });
}

/** Chunks that the rows of a group are cut into at least, where they are many: for as many workers. */
const CHUNKS_PER_GROUP = 4;

async function plannedRun(request: AsOfFileRequest): Promise<RunPlan> {
  const plan = await readPlan(request);
  if (plan !== null) return plan;
  throw new MillraceError(
    'FEATURE_SPINE_INVALID',
    `The chunks of '${request.out}' are not on this machine. Name a folder that all workers see, or run one worker.`,
  );
}
