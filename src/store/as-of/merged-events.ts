import { entityKeyOf } from '../../define/entity.ts';
import type { Row } from '../../define/field.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { prunedFiles } from '../cold-log/cold-files.ts';
import { mayHold } from '../cold-log/cold-rows-sql.ts';
import type { Column } from '../copy-columns.ts';
import type { LogFilter } from '../log-filter.ts';
import { scanEvents, type LoggedEvent } from '../offline-log.ts';
import type { EventBlock, EventRequest, EventScan } from './event-reader.ts';
import { sequenceOf } from './event-sequence.ts';

/** Events of one block. */
const BLOCK_ROWS = 32_768;

const filterOf = ({ knownAfter, knownTo, happenedTo }: EventRequest): Omit<LogFilter, 'order'> => ({
  ...(knownAfter === undefined ? {} : { knownAfter }),
  ...(happenedTo === undefined ? {} : { happenedTo }),
  knownTo,
});

/** Whether some of the events that are asked for may be in files only. */
export async function mayBeCold(tx: Queryable, request: EventRequest): Promise<boolean> {
  const files = await prunedFiles(tx, request.source.name);
  return files.some((file) => mayHold(file, filterOf(request)));
}

/**
 * Events from Postgres and from the cold log, one row after the other: every row of the log within the times crosses the
 * wire, so it is slower than a join in Postgres.
 */
export function mergedScan(db: Queryable, request: EventRequest): EventScan {
  const { source, keyFields, fields, keys, moments, reachMs, visibleBy } = request;
  const read = [...new Set([...keyFields, ...fields])];
  const ids = new Map(keys.map((key, id) => [key, id]));
  const scan = async (order: LogFilter['order'], rowsMax: number, onBlock: (block: EventBlock) => void): Promise<void> => {
    const blocks = new BlockBuilder(request);
    let rows = 0;
    const flush = (): void => {
      if (blocks.rows > 0) onBlock(blocks.take());
    };
    await scanEvents(db, source, read, { ...filterOf(request), order }, (event) => {
      const key = entityKeyOf(keyFields, event.row);
      const id = key === null ? undefined : ids.get(key);
      if (id === undefined || rows >= rowsMax) return;
      const visibleAt = visibleBy === 'known' ? event.knownTime : event.effectiveTime;
      if (visibleAt > moments.latest[id]! || visibleAt < moments.earliest[id]! - reachMs) return;
      rows += 1;
      blocks.add(id, event);
      if (blocks.rows === BLOCK_ROWS) flush();
    });
    flush();
  };
  return {
    some: (rowsMax, onBlock) => scan('any', rowsMax, onBlock),
    ordered: (onBlock) => scan(visibleBy, Infinity, onBlock),
  };
}

class BlockBuilder {
  readonly #request: EventRequest;
  #keyIds: number[] = [];
  #effectiveTime: number[] = [];
  #knownTime: number[] = [];
  #sequence: number[] = [];
  #fields: (string | number | null)[][];

  constructor(request: EventRequest) {
    this.#request = request;
    this.#fields = request.fields.map(() => []);
  }

  get rows(): number {
    return this.#keyIds.length;
  }

  add(keyId: number, { effectiveTime, knownTime, sourcePartition, sourceOffset, row }: LoggedEvent): void {
    this.#keyIds.push(keyId);
    this.#effectiveTime.push(effectiveTime);
    this.#knownTime.push(knownTime);
    this.#sequence.push(sequenceOf(sourcePartition, sourceOffset));
    this.#request.fields.forEach((name, f) => this.#fields[f]!.push(valueOf(row, name)));
  }

  take(): EventBlock {
    const { fields, source } = this.#request;
    const block = {
      rows: this.rows,
      keyIds: Float64Array.from(this.#keyIds),
      effectiveTime: Float64Array.from(this.#effectiveTime),
      knownTime: Float64Array.from(this.#knownTime),
      sequence: Float64Array.from(this.#sequence),
      fields: this.#fields.map((values, f): Column =>
        source.schema[fields[f]!]?.type === 'string'
          ? (values as (string | null)[])
          : Float64Array.from(values, (value) => (value === null ? NaN : (value as number))),
      ),
    };
    [this.#keyIds, this.#effectiveTime, this.#knownTime, this.#sequence] = [[], [], [], []];
    this.#fields = fields.map(() => []);
    return block;
  }
}

function valueOf(row: Row, name: string): string | number | null {
  const value = row[name] ?? null;
  return typeof value === 'boolean' ? Number(value) : value;
}
