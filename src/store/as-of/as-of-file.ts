import { createHash } from 'node:crypto';
import path from 'node:path';
import { writeFile } from 'node:fs/promises';
import { MillraceError } from '../../core/millrace-error.ts';
import type { Postgres } from '../../infra/postgres.ts';
import { openTableWriter, readTable, tableFormatOf, type TableWriter } from '../../infra/table-file.ts';
import type { TableColumn, TableRecord } from '../../infra/table-record.ts';
import { newestKnownTime } from '../offline-log.ts';
import type { OnlineReadPlan } from '../online-catalog.ts';
import { viewDefinition } from '../project-definitions.ts';
import { serviceDigest } from '../service-digest.ts';
import { postgresEvents } from './postgres-events.ts';
import { compareModes } from './compare-modes.ts';
import { AS_OF_CHUNK_ROWS, readAsOf, type AsOfMode, type SpineRow } from './read-as-of.ts';
import { AS_OF_COLUMN, assertColumns, parseSpine, type SpineFormat } from './parse-spine.ts';

export interface AsOfFileRequest {
  readonly plan: OnlineReadPlan;
  /** File of keys, request fields and moments: .csv, .ndjson or .parquet. */
  readonly spine: string;
  readonly out: string;
  /** `compare` writes the values in which the two modes differ instead of the rows. */
  readonly mode: AsOfMode | 'compare';
  readonly asOfColumn?: string | undefined;
  /** Ms since the epoch; where absent, all that is known when it starts. */
  readonly dataCut?: number | undefined;
  readonly chunkRows?: number;
  readonly onProgress?: (rows: number) => void;
  readonly signal?: AbortSignal;
}

/** What stands in `<out>.manifest.json`: enough to make the same file again, and to know that it is the same. */
export interface AsOfManifest {
  readonly mode: AsOfFileRequest['mode'];
  readonly names: readonly string[];
  readonly views: readonly { readonly view: string; readonly version: number; readonly digest: string }[];
  readonly serviceDigest: string | null;
  /** Ms since the epoch; null where nothing was known. */
  readonly dataCut: number | null;
  readonly rows: number;
  /** Rows whose moment lies after the data cut: what became known in between is not in them. */
  readonly rowsAfterDataCut: number;
  /** By view: rows whose state was older than its `maxAge`. */
  readonly stale: Readonly<Record<string, number>>;
  /** There in mode `compare`: rows and values in which the modes differ, values by feature. */
  readonly differences?: {
    readonly rows: number;
    readonly values: number;
    readonly byFeature: Readonly<Record<string, number>>;
  };
  readonly spine: { readonly file: string; readonly sha256: string };
  readonly out: { readonly file: string; readonly sha256: string };
}

/** Columns of a comparison after the entity keys. */
const COMPARE_COLUMNS: readonly TableColumn[] = [
  { name: 'feature', type: 'string' },
  { name: 'known', type: 'number' },
  { name: 'happened', type: 'number' },
];
const ROW_COLUMN = 'row';

/**
 * Reads features as of past moments for the rows of a file, into a file with a manifest beside it. Rows stream through in
 * chunks: memory does not grow with the file. Nothing is left where it fails.
 * @throws MillraceError FEATURE_SPINE_INVALID, STORE_UNAVAILABLE, STORE_QUERY_FAILED, FEATURE_ON_DEMAND_FAILED
 */
export async function writeAsOfFile(postgres: Postgres, request: AsOfFileRequest): Promise<AsOfManifest> {
  const { plan } = request;
  tableFormatOf(request.out);
  const dataCut =
    request.dataCut ??
    (await newestKnownTime(postgres, [...new Set(plan.views.map(({ view }) => view.source))]));
  const run = new AsOfRun(postgres, request, dataCut);
  try {
    const spineSha256 = await run.readSpine();
    const manifest = run.manifest(spineSha256, await run.close());
    await writeFile(`${request.out}.manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
    return manifest;
  } catch (error) {
    await run.abort();
    throw error;
  }
}

class AsOfRun {
  readonly #postgres: Postgres;
  readonly #request: AsOfFileRequest;
  readonly #dataCut: number | null;
  readonly #format: SpineFormat;
  readonly #stale: number[];
  readonly #byFeature = new Map<string, number>();
  #writer: TableWriter | undefined;
  #columns: readonly string[] | undefined;
  #rows = 0;
  #rowsAfterDataCut = 0;
  #rowsDiffering = 0;

  constructor(postgres: Postgres, request: AsOfFileRequest, dataCut: number | null) {
    this.#postgres = postgres;
    this.#request = request;
    this.#dataCut = dataCut;
    const { plan, asOfColumn = AS_OF_COLUMN } = request;
    this.#format = { plan, asOfColumn, isText: tableFormatOf(request.spine) === 'csv' };
    this.#stale = plan.views.map(() => 0);
  }

  /** @returns sha256 of the spine's bytes, in hex */
  async readSpine(): Promise<string> {
    const { spine, chunkRows = AS_OF_CHUNK_ROWS, signal, onProgress } = this.#request;
    const hash = createHash('sha256');
    let chunk: TableRecord[] = [];
    const flush = async (): Promise<void> => {
      signal?.throwIfAborted();
      await this.#writeChunk(chunk);
      this.#rows += chunk.length;
      chunk = [];
      onProgress?.(this.#rows);
    };
    const onHeader = (columns: readonly string[]): void => {
      assertColumns(columns, this.#format);
      this.#columns = columns;
    };
    for await (const record of readTable(spine, { onHeader, onBytes: (bytes) => hash.update(bytes) })) {
      chunk.push(record);
      if (chunk.length >= chunkRows) await flush();
    }
    if (chunk.length > 0 || this.#writer === undefined) await flush();
    if (this.#rows === 0)
      throw new MillraceError(
        'FEATURE_SPINE_INVALID',
        `Spine '${path.basename(spine)}' has no row. Give entity keys and times.`,
      );
    return hash.digest('hex');
  }

  async #writeChunk(records: readonly TableRecord[]): Promise<void> {
    const spine = parseSpine(this.#format, records, this.#rows + 1);
    const cut = this.#dataCut ?? -Infinity;
    this.#rowsAfterDataCut += spine.filter(({ asOf }) => asOf > cut).length;
    const writer = (this.#writer ??= await openTableWriter(this.#request.out, this.#outColumns(records)));
    await writer.write(
      this.#request.mode === 'compare'
        ? await this.#differences(records, spine)
        : await this.#values(records, spine),
    );
  }

  async #values(records: readonly TableRecord[], spine: readonly SpineRow[]): Promise<TableRecord[]> {
    const { plan, mode } = this.#request;
    if (mode === 'compare') return [];
    const { values, stale } = await readAsOf(postgresEvents(this.#postgres), plan, spine, {
      mode,
      dataCut: this.#dataCut ?? 0,
    });
    stale.forEach((rows, view) => (this.#stale[view]! += rows));
    return records.map((record, i) => {
      const named = plan.names.map((name, f) => [name, values[i]?.[f] ?? null] as const);
      // A request field is a feature too: the spine's own column has it already.
      return { ...record, ...Object.fromEntries(named.filter(([name]) => !Object.hasOwn(record, name))) };
    });
  }

  async #differences(records: readonly TableRecord[], spine: readonly SpineRow[]): Promise<TableRecord[]> {
    const found = await compareModes(postgresEvents(this.#postgres), this.#request.plan, spine, this.#dataCut ?? 0);
    this.#rowsDiffering += new Set(found.map(({ row }) => row)).size;
    for (const { feature } of found) this.#byFeature.set(feature, (this.#byFeature.get(feature) ?? 0) + 1);
    const keys = this.#keyColumns();
    return found.map(({ row, ...difference }) => ({
      [ROW_COLUMN]: this.#rows + row + 1,
      ...Object.fromEntries(keys.map((name) => [name, records[row]?.[name] ?? null])),
      ...difference,
    }));
  }

  #keyColumns(): string[] {
    const keys = this.#request.plan.views.flatMap(({ view }) => view.entity.keys);
    return [...new Set([this.#format.asOfColumn, ...keys])];
  }

  #outColumns(records: readonly TableRecord[]): TableColumn[] {
    const own = (name: string): TableColumn => ({ name, type: this.#typeOf(name, records) });
    if (this.#request.mode === 'compare') {
      return [{ name: ROW_COLUMN, type: 'number' }, ...this.#keyColumns().map(own), ...COMPARE_COLUMNS];
    }
    const given = this.#columns ?? Object.keys(records[0] ?? {});
    const { service, names } = this.#request.plan;
    const added = names.filter((name) => !given.includes(name));
    const typeOfFeature = (name: string) =>
      service?.categoryNames.includes(name) === true ? 'string' : 'number';
    return [...given.map(own), ...added.map((name): TableColumn => ({ name, type: typeOfFeature(name) }))];
  }

  /** Type of a column of the spine, by the first of its values that is not null. */
  #typeOf(name: string, records: readonly TableRecord[]): TableColumn['type'] {
    const value = records.find((record) => record[name] !== null && record[name] !== undefined)?.[name];
    if (typeof value === 'boolean') return 'boolean';
    if (typeof value !== 'number') return 'string';
    return name === this.#format.asOfColumn ? 'timestamp' : 'number';
  }

  async close(): Promise<string> {
    return (await this.#writer?.close()) ?? '';
  }

  async abort(): Promise<void> {
    await this.#writer?.abort().catch(() => undefined);
  }

  manifest(spineSha256: string, outSha256: string): AsOfManifest {
    const { plan, mode, spine, out } = this.#request;
    const values = [...this.#byFeature.values()].reduce((sum, one) => sum + one, 0);
    return {
      mode,
      names: plan.names,
      views: plan.views.map((view) => ({
        view: view.name,
        version: view.version,
        digest: viewDefinition(view).digest,
      })),
      serviceDigest: plan.service === null ? null : serviceDigest(plan.service),
      dataCut: this.#dataCut,
      rows: this.#rows,
      rowsAfterDataCut: this.#rowsAfterDataCut,
      stale: Object.fromEntries(plan.views.map((view, v) => [view.name, this.#stale[v] ?? 0])),
      ...(mode === 'compare'
        ? {
            differences: {
              rows: this.#rowsDiffering,
              values,
              byFeature: Object.fromEntries(this.#byFeature),
            },
          }
        : {}),
      spine: { file: path.basename(spine), sha256: spineSha256 },
      out: { file: path.basename(out), sha256: outSha256 },
    };
  }
}
