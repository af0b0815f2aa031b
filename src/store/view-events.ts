import { longerArray } from '../core/longer-array.ts';
import { aggregationsOf } from '../define/aggregation.ts';
import { CHANGE_SIGN } from '../define/change-fields.ts';
import { prepareEvent, viewKeyOf, type ViewProgram } from '../fold/compile-view.ts';
import { partitionOf } from '../fold/partition-of.ts';
import type { LoggedEvent } from './offline-log.ts';

/** Events of a source as one view sees them, by column; those without an entity key are left out. */
export interface EventColumns {
  readonly rows: number;
  /** Entity keys, each once. */
  readonly keys: readonly string[];
  /** Index in `keys`, by row. */
  readonly keyIds: Int32Array;
  readonly sourcePartitions: Int32Array;
  readonly sourceOffsets: Float64Array;
  /** min(event time, known time), ms since the epoch. */
  readonly effectiveTime: Float64Array;
  readonly knownTime: Float64Array;
  /** Row-major, `inputCount` a row. */
  readonly inputs: Float64Array;
}

const INITIAL_ROWS = 1_024;

export type ViewPartitions = Pick<ReadonlySet<number>, 'has'>;

/** Growing columns of one view. */
export class EventColumnsBuilder {
  readonly #inputCount: number;
  readonly #program: ViewProgram;
  readonly #viewPartitions: ViewPartitions | undefined;
  /** Of the rows at hand, so that it is no longer than they are; -1: of another view partition. */
  readonly #idOfKey = new Map<string, number>();
  #keys: string[] = [];
  #rows = 0;
  #keyIds = new Int32Array(INITIAL_ROWS);
  #partitions = new Int32Array(INITIAL_ROWS);
  #offsets = new Float64Array(INITIAL_ROWS);
  #effective = new Float64Array(INITIAL_ROWS);
  #known = new Float64Array(INITIAL_ROWS);
  #inputs: Float64Array;

  /** @param viewPartitions of whose keys events are taken; all where it is not given */
  constructor(program: ViewProgram, viewPartitions?: ViewPartitions) {
    this.#program = program;
    this.#viewPartitions = viewPartitions;
    this.#inputCount = program.inputCount;
    this.#inputs = new Float64Array(INITIAL_ROWS * program.inputCount);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Adds an event, unless it has no entity key or one of a view partition that is not asked for. */
  add(event: LoggedEvent): void {
    const found = viewKeyOf(this.#program, event.row);
    if (found === null) return;
    let id = this.#idOfKey.get(found);
    if (id === undefined) {
      id = this.#isAskedFor(found) ? this.#keys.push(found) - 1 : -1;
      this.#idOfKey.set(found, id);
    }
    if (id < 0) return;
    const at = this.#rows++;
    if (at === this.#offsets.length) this.#grow();
    this.#keyIds[at] = id;
    this.#partitions[at] = event.sourcePartition;
    this.#offsets[at] = event.sourceOffset;
    this.#effective[at] = event.effectiveTime;
    this.#known[at] = event.knownTime;
    prepareEvent(this.#program, event.row, this.#inputs, at * this.#inputCount);
  }

  /** What was added since the last call, until something is added again: the builder's own columns are used again. */
  take(): EventColumns {
    const rows = this.#rows;
    const taken = {
      rows,
      keys: this.#keys,
      keyIds: this.#keyIds.subarray(0, rows),
      sourcePartitions: this.#partitions.subarray(0, rows),
      sourceOffsets: this.#offsets.subarray(0, rows),
      effectiveTime: this.#effective.subarray(0, rows),
      knownTime: this.#known.subarray(0, rows),
      inputs: this.#inputs.subarray(0, rows * this.#inputCount),
    };
    this.#keys = [];
    this.#idOfKey.clear();
    this.#rows = 0;
    return taken;
  }

  #isAskedFor(key: string): boolean {
    return this.#viewPartitions?.has(partitionOf(key, this.#program.partitions)) ?? true;
  }

  #grow(): void {
    const rows = this.#offsets.length * 2;
    this.#keyIds = longerArray(this.#keyIds, rows);
    this.#partitions = longerArray(this.#partitions, rows);
    this.#offsets = longerArray(this.#offsets, rows);
    this.#effective = longerArray(this.#effective, rows);
    this.#known = longerArray(this.#known, rows);
    this.#inputs = longerArray(this.#inputs, rows * this.#inputCount);
  }
}

/** Fields of the source that a view reads: its key's, its features' and its conditions'. */
export function fieldsOfView(program: ViewProgram): string[] {
  const aggregations = Object.values(program.view.features).flatMap(aggregationsOf);
  return [
    ...new Set([
      ...program.keyFields,
      ...(program.signInput < 0 ? [] : [CHANGE_SIGN]),
      ...aggregations.flatMap((a) => a.field ?? []),
      ...aggregations.flatMap((a) => Object.keys(a.where ?? {})),
    ]),
  ];
}
