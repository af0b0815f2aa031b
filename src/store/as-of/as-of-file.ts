import path from 'node:path';
import { writeFile } from 'node:fs/promises';
import { tableFormatOf } from '../../infra/table-file.ts';
import { viewDefinition } from '../project-definitions.ts';
import { serviceDigest } from '../service-digest.ts';
import type { AsOfFileRequest, AsOfManifest } from './as-of-request.ts';
import { runInThreads } from './chunk-threads.ts';
import type { ReadThreadStart } from './thread-messages.ts';
import { dropRun, planRun, workFolder, type RunDeps } from './plan-run.ts';
import { openEvents } from './open-events.ts';
import { runChunk, type ChunkJob } from './run-chunk.ts';
import { CHUNK_MEMORY_BYTES, chunkLimits, type ChunkPlan, type RunPlan } from './run-plan.ts';
import { groupViews } from './view-groups.ts';
import { writeRows } from './write-rows.ts';

/**
 * Reads features as of past moments for the rows of a spine, into a file with a manifest beside it. Memory does not grow with
 * the spine or the log: chunks of keys are read in threads, and their values meet again in the order of the spine (`RunPlan`).
 * The file is the same bytes however many threads and chunks there are. Nothing is left where it fails.
 * @throws MillraceError FEATURE_SPINE_INVALID, STORE_UNAVAILABLE, STORE_QUERY_FAILED, FEATURE_ON_DEMAND_FAILED, FEATURE_READ_DIED
 */
export async function writeAsOfFile(deps: RunDeps, request: AsOfFileRequest): Promise<AsOfManifest> {
  const { out, threads = 1, signal, onChunk } = request;
  tableFormatOf(out);
  try {
    const run = await planRun(deps, request);
    const ofRows = run.chunks.reduce((sum, { parts }) => sum + parts.reduce((rows, part) => rows + part.rows, 0), 0);
    let rows = 0;
    const jobs = run.chunks.map((chunk) => chunkJob(request, run, chunk));
    const options = { threads, signal, onChunk: (read: number) => onChunk?.((rows += read), ofRows) };
    const start = threadStart(deps, request);
    if (threads > 1 && run.rows >= THREADED_ROWS_MIN) await runInThreads(start, jobs, options);
    else await runHere(deps, request, jobs, options);
    return await finishRun(request, run);
  } finally {
    await dropRun(out);
  }
}

/** Fewer rows are read before a thread has started. */
const THREADED_ROWS_MIN = 20_000;

async function runHere(
  deps: RunDeps,
  request: AsOfFileRequest,
  jobs: readonly ChunkJob[],
  { signal, onChunk }: { readonly signal?: AbortSignal | undefined; readonly onChunk: (rows: number) => void },
): Promise<void> {
  const events = openEvents(deps.postgres, threadStart(deps, request));
  const programs = request.plan.views;
  try {
    for (const job of jobs) {
      signal?.throwIfAborted();
      onChunk(await runChunk(events, programs, job));
    }
  } finally {
    await events.close();
  }
}

/** Writes the output and its manifest once all chunks are read. */
export async function finishRun(request: AsOfFileRequest, run: RunPlan): Promise<AsOfManifest> {
  const { plan, mode, spine, out, eventFiles } = request;
  const { sha256, stale, differences } = await writeRows(request, run);
  const manifest: AsOfManifest = {
    mode,
    names: plan.names,
    views: plan.views.map((view) => ({ view: view.name, version: view.version, digest: viewDefinition(view).digest })),
    serviceDigest: plan.service === null ? null : serviceDigest(plan.service),
    dataCut: run.dataCut === Number.MAX_SAFE_INTEGER ? null : run.dataCut,
    rows: run.rows,
    rowsAfterDataCut: run.rowsAfterDataCut,
    stale,
    ...(differences === undefined ? {} : { differences }),
    spine: { ...(typeof spine === 'string' ? { file: path.basename(spine) } : spine), sha256: run.spineSha256 },
    ...(eventFiles === undefined
      ? {}
      : { events: Object.fromEntries(Object.entries(eventFiles).map(([source, file]) => [source, path.basename(file)])) }),
    out: { file: path.basename(out), sha256 },
  };
  await writeFile(`${out}.manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

export function threadStart({ postgresUrl, coldLog }: RunDeps, request: AsOfFileRequest): ReadThreadStart {
  const { plan, eventFiles, out, memoryBytes = CHUNK_MEMORY_BYTES } = request;
  return {
    views: plan.views.map(({ view }) => view),
    postgresUrl,
    coldLog,
    eventFiles: eventFiles ?? null,
    duckdbMemoryMb: Math.max(DUCKDB_MEMORY_MB_MIN, Math.ceil(memoryBytes / 1_048_576)),
    spillTo: workFolder(out),
  };
}

/** With less DuckDB can't sort at all. */
const DUCKDB_MEMORY_MB_MIN = 128;

export function chunkJob({ plan, out, memoryBytes = CHUNK_MEMORY_BYTES }: AsOfFileRequest, run: RunPlan, chunk: ChunkPlan): ChunkJob {
  const members = groupViews(plan.views)[chunk.group]!.members.map((view) => plan.views[view]!);
  const { eventsInMemory } = chunkLimits(members, memoryBytes);
  return { work: workFolder(out), chunk, dataCut: run.dataCut ?? 0, eventsInMemory };
}
