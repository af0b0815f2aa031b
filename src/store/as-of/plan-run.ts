import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ColdLogConfig } from '../../infra/cold-log-config.ts';
import type { Postgres } from '../../infra/postgres.ts';
import { notWritten, tableFormatOf } from '../../infra/table-file.ts';
import { newestKnownTime } from '../offline-log.ts';
import type { AsOfFileRequest } from './as-of-request.ts';
import type { AsOfMode } from './as-of-mode.ts';
import { CHUNK_MEMORY_BYTES, chunkLimits, planChunks, type RunPlan } from './run-plan.ts';
import { readSpine, saveSpineQuery, spineFormat } from './spine-input.ts';
import { SpoolWriter } from './spine-spool.ts';
import { OtherColumns } from './spine-types.ts';
import { groupKeyOf, groupViews } from './view-groups.ts';

/** What `planRun` reads. */
export interface RunDeps {
  readonly postgres: Postgres;
  /** For a spine that is a query, and for threads, which have connections of their own. */
  readonly postgresUrl: string;
  /** For threads; null: a log with rows in files only is refused. */
  readonly coldLog: ColdLogConfig | null;
}

/** Folder of a run's working files: beside its output, on the same disk, and seen by every machine that sees that. */
export const workFolder = (out: string): string => `${out}.work`;
const planFile = (work: string): string => path.join(work, 'plan.json');
/** The file that a run's rows are read from: twice, to be cut into chunks and to be written. */
export const spineFileOf = ({ spine, out }: Pick<AsOfFileRequest, 'spine' | 'out'>): string =>
  typeof spine === 'string' ? spine : path.join(workFolder(out), 'spine.ndjson');
export const modesOf = (mode: AsOfFileRequest['mode']): readonly AsOfMode[] =>
  mode === 'compare' ? ['known', 'happened'] : [mode];

/**
 * Reads the spine once, checks it, and cuts it into chunks in the run's folder. A plan that is there already is
 * answered as it is: a run that was cut off goes on with it.
 * @throws MillraceError FEATURE_SPINE_INVALID, STORE_UNAVAILABLE, STORE_QUERY_FAILED
 */
export async function planRun(deps: RunDeps, request: AsOfFileRequest): Promise<RunPlan> {
  const { plan, out } = request;
  const work = workFolder(out);
  const found = await readPlan(request);
  if (found !== null) return found;
  tableFormatOf(out);
  await dropRun(out);
  await mkdir(work).catch((error: unknown) => {
    throw notWritten(out, error);
  });
  const sources = [...new Set(plan.views.map(({ view }) => view.source))];
  const dataCut = request.dataCut ?? (await dataCutOf(deps, request, sources));
  const { spine, signal } = request;
  if (typeof spine !== 'string')
    await saveSpineQuery({ url: deps.postgresUrl, query: spine.query, signal }, spineFileOf(request));
  const run = await spoolSpine(request, dataCut, work);
  await writeFile(`${planFile(work)}.partial`, JSON.stringify(run));
  await rename(`${planFile(work)}.partial`, planFile(work));
  return run;
}

/** The plan of this run where it has one already, or null. */
export async function readPlan({ out, run }: AsOfFileRequest): Promise<RunPlan | null> {
  const text = await readFile(planFile(workFolder(out)), 'utf8').catch(() => null);
  const found = text === null ? null : (JSON.parse(text) as RunPlan);
  return run !== undefined && found?.run === run ? found : null;
}

export const dropRun = (out: string): Promise<void> => rm(workFolder(out), { recursive: true, force: true });

/** Files have all that they will ever have. */
const dataCutOf = (
  { postgres }: RunDeps,
  { eventFiles }: AsOfFileRequest,
  sources: Parameters<typeof newestKnownTime>[1],
): Promise<number | null> =>
  eventFiles === undefined ? newestKnownTime(postgres, sources) : Promise.resolve(Number.MAX_SAFE_INTEGER);

async function spoolSpine(request: AsOfFileRequest, dataCut: number | null, work: string): Promise<RunPlan> {
  const { plan, mode, asOfColumn, signal, chunkRows, threads = 1 } = request;
  const groups = groupViews(plan.views);
  const memoryBytes = request.memoryBytes ?? CHUNK_MEMORY_BYTES;
  const limits = groups.map(({ members }) =>
    chunkLimits(
      members.map((view) => plan.views[view]!),
      memoryBytes,
    ),
  );
  const rowsMax = chunkRows ?? Math.min(...limits.map((limit) => limit.rowsMax));
  const spools = groups.map((_, group) => new SpoolWriter(work, group, rowsMax));
  let rows = 0;
  let rowsAfterDataCut = 0;
  const format = spineFormat(plan, spineFileOf(request), asOfColumn);
  const others = new OtherColumns(format);
  const { sha256 } = await readSpine(spineFileOf(request), format, async (block) => {
    signal?.throwIfAborted();
    rows += block.rows.length;
    others.add(block.records);
    for (const { row, asOf } of block.rows) {
      if (asOf > (dataCut ?? -Infinity)) rowsAfterDataCut++;
      for (const [g, group] of groups.entries()) await spools[g]!.add(groupKeyOf(group, row), asOf);
    }
  });
  const parts = await Promise.all(spools.map((spool) => spool.close()));
  const chunks = planChunks(parts, modesOf(mode), rowsMax, threads);
  return { run: request.run ?? '', rows, rowsAfterDataCut, dataCut, spineSha256: sha256, otherTypes: others.types, rowsMax, chunks };
}
