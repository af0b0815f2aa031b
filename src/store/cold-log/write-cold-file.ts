import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Source } from '../../define/source.ts';
import type { DuckdbSession } from '../../infra/duckdb.ts';
import type { Queryable } from '../../infra/postgres.ts';
import type { CopyValue } from '../copy-binary.ts';
import { scanTable } from '../offline-log.ts';
import { COLD_FORMAT_VERSION, fileColumnsSql, schemaDigest, textSql, type ColdColumn } from './cold-columns.ts';
import type { ColdManifest, ColdRange } from './cold-files.ts';
import { exportedColumns } from './exported-columns.ts';
import { withinRanges, type ExportPlan } from './plan-export.ts';
import { RowDigest } from './row-digest.ts';
import { spoolHot } from './scan-cold-and-hot.ts';
import { sha256OfFile } from './verified-path.ts';

/** Rows of a row group: what a reader decodes at once, and what its statistics let it leave out. */
const ROW_GROUP_ROWS = 50_000;
const NAME_DIGEST_CHARS = 16;
const ROWS = 'exported';

/** Where an export stands; what it is told of, it has done. */
export type ExportStep = 'written' | 'placed' | 'described' | 'registered' | 'verified' | 'deleted' | 'pruned';
export type OnStep = (step: ExportStep, file: string) => void | Promise<void>;

/** Rows of a plan in a session of DuckDB, ready to be written. */
export interface GatheredRows {
  readonly plan: ExportPlan;
  readonly columns: readonly ColdColumn[];
  readonly content: ReturnType<Content['finish']>;
}

/**
 * Copies the rows of a plan, as the snapshot of `tx` has them, into the session.
 * @throws MillraceError COLD_LOG_SOURCE_UNFIT, COLD_LOG_QUERY_FAILED
 */
export async function gatherRows(
  session: DuckdbSession,
  tx: Queryable,
  source: Source,
  plan: ExportPlan,
): Promise<GatheredRows> {
  const columns = await exportedColumns(tx, source);
  const content = new Content(columns);
  const clauses = ` WHERE ${withinRanges(plan.ranges)} ORDER BY source_partition, source_offset`;
  await spoolHot(session, ROWS, columns, (add) =>
    scanTable(tx, source, columns, clauses, (values) => {
      content.add(values);
      add(values);
    }),
  );
  return { plan, columns, content: content.finish(plan.ranges) };
}

/**
 * Writes gathered rows to a file of the cold log, and what it holds to a file beside it. The file gets its name when all
 * of it is on the disk; nothing refers to it yet.
 * @throws MillraceError COLD_LOG_QUERY_FAILED
 */
export async function writeColdFile(
  session: DuckdbSession,
  directory: string,
  source: string,
  { plan, columns, content }: GatheredRows,
  onStep: OnStep,
): Promise<ColdManifest> {
  const folder = path.join(directory, source);
  await mkdir(folder, { recursive: true });
  const draft = path.join(folder, `${randomUUID()}.tmp`);
  await session.run(
    `COPY (SELECT ${fileColumnsSql(columns)} FROM temp.${ROWS} ORDER BY known_time, source_partition, source_offset)
     TO ${textSql(draft)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${ROW_GROUP_ROWS})`,
  );
  await onStep('written', draft);
  const sha256 = await sha256OfFile(draft);
  const day = new Date(plan.dayStart).toISOString().slice(0, 10);
  const file = `${source}/${day}-${sha256.slice(0, NAME_DIGEST_CHARS)}.parquet`;
  const full = path.join(directory, file);
  const { size: bytes } = await stat(draft);
  await place(draft, full);
  await onStep('placed', file);
  const manifest: ColdManifest = {
    formatVersion: COLD_FORMAT_VERSION,
    source,
    file,
    sha256,
    bytes,
    day,
    schemaDigest: schemaDigest(columns),
    columns,
    ...content,
  };
  await describe(full, manifest);
  await onStep('described', file);
  return manifest;
}

/** What the rows are, gathered while they stream by. */
class Content {
  readonly #digest: RowDigest;
  readonly #rows = new Map<number, number>();
  #knownFrom = Infinity;
  #knownTo = -Infinity;
  #effectiveFrom = Infinity;
  #effectiveTo = -Infinity;

  constructor(columns: readonly ColdColumn[]) {
    this.#digest = new RowDigest(columns);
  }

  add(values: readonly CopyValue[]): void {
    const [partition, , , effective, known] = values as readonly [number, number, number, number, number];
    this.#digest.add(values);
    this.#rows.set(partition, (this.#rows.get(partition) ?? 0) + 1);
    if (known < this.#knownFrom) this.#knownFrom = known;
    if (known > this.#knownTo) this.#knownTo = known;
    if (effective < this.#effectiveFrom) this.#effectiveFrom = effective;
    if (effective > this.#effectiveTo) this.#effectiveTo = effective;
  }

  finish(ranges: readonly Omit<ColdRange, 'rows'>[]) {
    return {
      rows: this.#digest.rows,
      rowsDigest: this.#digest.finish(),
      knownFrom: this.#knownFrom,
      knownTo: this.#knownTo,
      effectiveFrom: this.#effectiveFrom,
      effectiveTo: this.#effectiveTo,
      ranges: ranges.map((range) => ({ ...range, rows: this.#rows.get(range.partition) ?? 0 })),
    };
  }
}

/** Path of the description that lies beside a file. */
export const manifestPath = (file: string): string => file.replace(/\.parquet$/, '.json');

async function describe(file: string, manifest: ColdManifest): Promise<void> {
  const draft = `${file}.${randomUUID()}.tmp`;
  const handle = await open(draft, 'w');
  try {
    await handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
  } finally {
    await handle.close();
  }
  await place(draft, manifestPath(file));
}

/** Gives a finished file its name once its bytes are on the disk, then the name too. */
async function place(draft: string, full: string): Promise<void> {
  await synced(draft);
  await rename(draft, full);
  await synced(path.dirname(full));
}

async function synced(file: string): Promise<void> {
  const handle = await open(file, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
