import path from 'node:path';
import { MillraceError } from '../../core/millrace-error.ts';
import { openTableWriter, tableFormatOf, type TableWriter } from '../../infra/table-file.ts';
import type { TableColumn, TableRecord } from '../../infra/table-record.ts';
import type { AsOfFileRequest, AsOfManifest } from './as-of-request.ts';
import { isSameValue } from './is-same-value.ts';
import { AS_OF_COLUMN } from './parse-spine.ts';
import { PartRows, type AssembledRow } from './part-rows.ts';
import { modesOf, spineFileOf, workFolder } from './plan-run.ts';
import type { RunPlan } from './run-plan.ts';
import { readSpine, spineFormat, type SpineBlock } from './spine-input.ts';
import { spineColumn, writtenRows } from './spine-types.ts';

/** Columns of a comparison after the entity keys. */
const COMPARE_COLUMNS: readonly TableColumn[] = [
  { name: 'feature', type: 'string' },
  { name: 'known', type: 'number' },
  { name: 'happened', type: 'number' },
];
const ROW_COLUMN = 'row';

/** What the written file holds, for its manifest. */
export interface WrittenRows extends Pick<AsOfManifest, 'stale' | 'differences'> {
  readonly sha256: string;
}

/**
 * Writes a run's rows in the order of the spine once all of its chunks are read; nothing is left where it fails.
 * @throws MillraceError FEATURE_SPINE_INVALID where the spine is another one than the plan's, FEATURE_ON_DEMAND_FAILED
 */
export async function writeRows(request: AsOfFileRequest, run: RunPlan): Promise<WrittenRows> {
  const writing = new RowsWriting(request, run);
  try {
    return await writing.write();
  } catch (error) {
    await writing.abort();
    throw error;
  } finally {
    writing.close();
  }
}

class RowsWriting {
  readonly #request: AsOfFileRequest;
  readonly #run: RunPlan;
  readonly #parts: readonly PartRows[];
  readonly #stale: number[];
  readonly #byFeature = new Map<string, number>();
  readonly #asOfColumn: string;
  readonly #isTyped: boolean;
  #writer: TableWriter | undefined;
  #rows = 0;
  #rowsDiffering = 0;

  constructor(request: AsOfFileRequest, run: RunPlan) {
    this.#request = request;
    this.#run = run;
    const { plan, mode, out, asOfColumn = AS_OF_COLUMN } = request;
    this.#asOfColumn = asOfColumn;
    this.#isTyped = ['parquet', 'arrow'].includes(tableFormatOf(out));
    this.#parts = modesOf(mode).map((one) => new PartRows(plan, run, workFolder(out), one));
    this.#stale = plan.views.map(() => 0);
  }

  async write(): Promise<WrittenRows> {
    const { plan, mode, signal, onProgress } = this.#request;
    const file = spineFileOf(this.#request);
    const { sha256: spineSha256 } = await readSpine(file, spineFormat(plan, file, this.#asOfColumn), async (block) => {
      signal?.throwIfAborted();
      this.#writer ??= await openTableWriter(this.#request.out, this.#outColumns(block.records));
      if (this.#rows + block.rows.length > this.#run.rows) throw changed(file);
      await this.#writer.write(mode === 'compare' ? this.#differences(block) : this.#values(block));
      this.#rows += block.rows.length;
      onProgress?.(this.#rows);
    });
    signal?.throwIfAborted();
    if (spineSha256 !== this.#run.spineSha256) throw changed(file);
    const sha256 = (await this.#writer?.close()) ?? '';
    this.#writer = undefined;
    const stale = Object.fromEntries(plan.views.map((view, v) => [view.name, this.#stale[v] ?? 0]));
    if (mode !== 'compare') return { sha256, stale };
    const values = [...this.#byFeature.values()].reduce((sum, one) => sum + one, 0);
    const byFeature = Object.fromEntries(this.#byFeature);
    return { sha256, stale, differences: { rows: this.#rowsDiffering, values, byFeature } };
  }

  #values(block: SpineBlock): TableRecord[] {
    const { names } = this.#request.plan;
    const { rows } = block;
    return writtenRows(block, this.#isTyped).map((record, i) => {
      const { values, stale } = this.#parts[0]!.next(rows[i]!);
      stale.forEach((isStale, view) => (this.#stale[view]! += isStale ? 1 : 0));
      const named = names.map((name, f) => [name, values[f] ?? null] as const);
      // A request field is a feature too: the spine's own column has it already.
      return { ...record, ...Object.fromEntries(named.filter(([name]) => !Object.hasOwn(record, name))) };
    });
  }

  #differences(block: SpineBlock): TableRecord[] {
    const { names } = this.#request.plan;
    const { rows } = block;
    const keys = this.#keyColumns();
    return writtenRows(block, this.#isTyped).flatMap((record, i) => {
      const [known, happened] = this.#parts.map((parts) => parts.next(rows[i]!)) as [AssembledRow, AssembledRow];
      const found = names.flatMap((feature, f) => {
        const [a, b] = [known.values[f] ?? null, happened.values[f] ?? null];
        return isSameValue(a, b) ? [] : [{ feature, known: a, happened: b }];
      });
      if (found.length > 0) this.#rowsDiffering++;
      for (const { feature } of found) this.#byFeature.set(feature, (this.#byFeature.get(feature) ?? 0) + 1);
      const own = Object.fromEntries(keys.map((name) => [name, record[name] ?? null]));
      return found.map((difference) => ({ [ROW_COLUMN]: this.#rows + i + 1, ...own, ...difference }));
    });
  }

  #keyColumns(): string[] {
    const keys = this.#request.plan.views.flatMap(({ view }) => view.entity.keys);
    return [...new Set([this.#asOfColumn, ...keys])];
  }

  #outColumns(records: readonly TableRecord[]): TableColumn[] {
    const { service, names, schema } = this.#request.plan;
    const format = { plan: this.#request.plan, asOfColumn: this.#asOfColumn };
    const own = (name: string): TableColumn => spineColumn(name, format, this.#run.otherTypes);
    if (this.#request.mode === 'compare') {
      return [{ name: ROW_COLUMN, type: 'number' }, ...this.#keyColumns().map(own), ...COMPARE_COLUMNS];
    }
    const given = Object.keys(records[0] ?? {});
    const added = names.filter((name) => !given.includes(name));
    const feature = (name: string): TableColumn => ({ name, type: service?.categoryNames.includes(name) === true ? 'string' : 'number' });
    return [...given.map(own), ...added.map((name) => (Object.hasOwn(schema, name) ? own(name) : feature(name)))];
  }

  async abort(): Promise<void> {
    await this.#writer?.abort().catch(() => undefined);
  }

  close(): void {
    for (const parts of this.#parts) parts.close();
  }
}

const changed = (file: string): MillraceError =>
  new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Spine '${path.basename(file)}' changed while it was read. Read again, from a file that nobody writes.`,
  );
