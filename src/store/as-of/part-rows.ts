import type { OnlineReadPlan } from '../online-catalog.ts';
import { valuesAssembler, type AssembleValues } from '../assemble-values.ts';
import { PartValuesReader } from './part-values.ts';
import type { AsOfMode, SpineRow } from './as-of-mode.ts';
import { valuesFile, type RunPlan } from './run-plan.ts';
import { bucketOf, PartCounter } from './spine-spool.ts';
import { groupKeyOf, groupViews, type ViewGroup } from './view-groups.ts';

/** The values of a row in one mode, and which views were stale for it. */
export interface AssembledRow {
  readonly values: readonly (number | string | null)[];
  readonly stale: readonly boolean[];
}

/** Puts the rows of a run together again, in the order of the spine, from the values of its chunks. */
export class PartRows {
  readonly #plan: OnlineReadPlan;
  readonly #groups: readonly GroupRows[];
  readonly #valuesOf: AssembleValues;
  readonly #viewValues: Float64Array[];

  constructor(plan: OnlineReadPlan, run: Pick<RunPlan, 'rowsMax'>, work: string, mode: AsOfMode) {
    this.#plan = plan;
    this.#groups = groupViews(plan.views).map((group, g) => new GroupRows(plan, group, run.rowsMax, (part) => valuesFile(work, mode, g, part)));
    this.#valuesOf = valuesAssembler(plan);
    this.#viewValues = plan.views.map((view) => new Float64Array(view.featureNames.length));
  }

  /** The values of the spine's next row. @throws MillraceError FEATURE_ON_DEMAND_FAILED */
  next({ row, asOf }: SpineRow): AssembledRow {
    const stale = new Array<boolean>(this.#plan.views.length).fill(false);
    for (const group of this.#groups) group.next(row, this.#viewValues, stale);
    return { values: this.#valuesOf(this.#viewValues, row, asOf), stale };
  }

  close(): void {
    for (const group of this.#groups) group.close();
  }
}

interface OpenPart {
  readonly part: number;
  readonly reader: PartValuesReader;
}

class GroupRows {
  readonly #plan: OnlineReadPlan;
  readonly #group: ViewGroup;
  readonly #counter: PartCounter;
  readonly #fileOf: (part: { bucket: number; part: number }) => string;
  readonly #open: (OpenPart | undefined)[] = [];

  constructor(
    plan: OnlineReadPlan,
    group: ViewGroup,
    rowsMax: number,
    fileOf: (part: { bucket: number; part: number }) => string,
  ) {
    this.#plan = plan;
    this.#group = group;
    this.#counter = new PartCounter(rowsMax);
    this.#fileOf = fileOf;
  }

  next(row: SpineRow['row'], into: readonly Float64Array[], stale: boolean[]): void {
    const bucket = bucketOf(groupKeyOf(this.#group, row));
    const doubles = this.#readerOf(bucket, this.#counter.next(bucket)).next();
    let at = 0;
    for (const view of this.#group.members) {
      const { length } = into[view]!;
      into[view]!.set(doubles.subarray(at, at + length));
      at += length;
    }
    const bits = doubles[at]!;
    if (bits === 0) return;
    this.#group.members.forEach((view, i) => {
      stale[view] = Math.floor(bits / 2 ** i) % 2 === 1;
    });
  }

  /** A bucket's parts are read one after the other. */
  #readerOf(bucket: number, part: number): PartValuesReader {
    const open = this.#open[bucket];
    if (open?.part === part) return open.reader;
    open?.reader.close();
    const members = this.#group.members.map((view) => this.#plan.views[view]!);
    const reader = new PartValuesReader(this.#fileOf({ bucket, part }), members);
    this.#open[bucket] = { part, reader };
    return reader;
  }

  close(): void {
    for (const open of this.#open) open?.reader.close();
  }
}
