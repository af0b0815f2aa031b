import { joinEntityKey, splitEntityKey } from '../../define/entity.ts';
import { readFresh } from '../../fold/fresh-read.ts';
import { prepareEvent, type ViewProgram } from '../../fold/compile-view.ts';
import type { Row } from '../../define/field.ts';
import { createState, foldEvent, readFeatures, type ViewState } from '../../fold/view-state.ts';
import { quoteIdentifier as quote, type Postgres } from '../../infra/postgres.ts';
import { reachMs } from '../as-of/read-chunk.ts';
import { TIMESTAMP_MS_MIN } from '../copy-binary.ts';
import { readIngestPositions } from '../ingest-positions.ts';
import { logTable } from '../log-table.ts';
import { fieldsOfView } from '../view-events.ts';
import { keysEqual } from './key-index.ts';

/** A state with every event of its key that was known at `upTo`, and none that was known later. */
interface CachedState {
  readonly state: ViewState;
  readonly upTo: number;
}

/** Rows of one key in ascending order of their moments, and what their reads begin with. */
interface KeyRead {
  readonly key: string;
  readonly rows: readonly number[];
  readonly state: ViewState;
  /** Events known after it are not in the state. */
  readonly after: number;
  readonly upTo: number;
}

export interface KeyedAsOfLimits {
  /** States that are kept between reads; what is dropped is read from the log again. */
  readonly statesMax: number;
  /** Rows that came in behind the states in the cache; where there are more, all states are dropped. */
  readonly lateRowsMax: number;
}
export const keyedAsOfLimitsDefault: KeyedAsOfLimits = { statesMax: 10_000, lateRowsMax: 10_000 };

/** Events that Postgres hands over at a time. */
const FETCH_ROWS = 5_000;
const SLACK_MS = 1_000;
const moment = (ms: string): string => `timestamptz 'epoch' + (${ms}) * interval '1 millisecond'`;

/**
 * Reads the features of one view as of moments that mostly ascend, from the offline log: what `KeyedAsOfFold` gives
 * for all of the log, for the events of the asked keys alone. A state stays in memory for the next read of its key, which then
 * reads only what became known since.
 *
 * Why that is exact. A cached state has all events of its key in the log with known(e) <= upTo. Before each read the rows
 * that the log took since the last one are looked at (ingest positions bound them): a key of which one is known at or
 * before its upTo is dropped and built anew. So is all where the log went back.
 */
export class KeyedAsOf {
  readonly #program: ViewProgram;
  readonly #limits: KeyedAsOfLimits;
  #cache = new Map<string, CachedState>();
  /** At least the greatest `upTo` of the cache. */
  #upToMax = -Infinity;
  /** Source partition -> where the log ended when the states were last checked. */
  #seen = new Map<number, number>();

  constructor(program: ViewProgram, limits = keyedAsOfLimitsDefault) {
    this.#program = program;
    this.#limits = limits;
  }

  /**
   * @param keys null: the features of no events
   * @param asOf ms since the epoch, one per key
   * @returns row-major in the order of the keys, NaN is null; a stale row of a view that refuses such reads is null
   */
  async read(db: Postgres, keys: readonly (string | null)[], asOf: Float64Array): Promise<Float64Array> {
    await this.#dropOutdated(db);
    const width = this.#program.featureNames.length;
    const out = new Float64Array(keys.length * width);
    keys.forEach((key, row) => {
      if (key === null) readFeatures(this.#program, null, asOf[row]!, out, row * width);
    });
    const reads = this.#plan(keys, asOf);
    // The states are changed in place: should the read fail, they must not be found again.
    for (const { key } of reads) this.#cache.delete(key);
    const done = new Array<number>(reads.length).fill(0);
    const readBefore = (read: KeyRead, place: number, time: number): void => {
      for (
        let row = read.rows[done[place]!];
        row !== undefined && asOf[row]! < time;
        row = read.rows[done[place]!]
      ) {
        const isStale = readFresh(this.#program, read.state, asOf[row]!, out, row * width);
        if (isStale && this.#program.freshness?.onStale === 'refuse')
          out.fill(NaN, row * width, (row + 1) * width);
        done[place]! += 1;
      }
    };
    const inputs = new Float64Array(this.#program.inputCount);
    await this.#scan(db, reads, (place, effectiveTime, knownTime, row) => {
      const read = reads[place]!;
      readBefore(read, place, knownTime);
      prepareEvent(this.#program, row, inputs, 0);
      foldEvent(this.#program, read.state, effectiveTime, knownTime, inputs, 0);
    });
    reads.forEach((read, place) => {
      readBefore(read, place, Infinity);
      this.#keep(read);
    });
    return out;
  }

  #plan(keys: readonly (string | null)[], asOf: Float64Array): KeyRead[] {
    const rowsOf = new Map<string, number[]>();
    keys.forEach((key, row) => {
      if (key === null) return;
      const rows = rowsOf.get(key);
      if (rows === undefined) rowsOf.set(key, [row]);
      else rows.push(row);
    });
    return [...rowsOf].map(([key, rows]) => {
      rows.sort((a, b) => asOf[a]! - asOf[b]!);
      const first = asOf[rows[0]!]!;
      const upTo = asOf[rows.at(-1)!]!;
      const cached = this.#cache.get(key);
      if (cached !== undefined && cached.upTo <= first)
        return { key, rows, state: cached.state, after: cached.upTo, upTo };
      const after = Math.max(first - reachMs(this.#program) - 1, TIMESTAMP_MS_MIN - 1);
      return { key, rows, state: createState(this.#program), after, upTo };
    });
  }

  #keep({ key, state, upTo }: KeyRead): void {
    this.#cache.set(key, { state, upTo });
    this.#upToMax = Math.max(this.#upToMax, upTo);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= this.#limits.statesMax) break;
      this.#cache.delete(oldest);
    }
  }

  async #dropOutdated(db: Postgres): Promise<void> {
    const { name } = this.#program.view.source;
    const ends = new Map((await readIngestPositions(db, name)).map((p) => [p.partition, p.nextOffset]));
    const grown = [...ends].filter(([partition, end]) => end > (this.#seen.get(partition) ?? 0));
    const wentBack = [...this.#seen].some(([partition, end]) => (ends.get(partition) ?? 0) < end);
    if (wentBack) this.#cache.clear();
    if (this.#cache.size > 0 && grown.length > 0) {
      const fields = this.#program.keyFields.map((field) => `l.${quote(field)}`);
      const rows = (await db.queryArrays(
        `SELECT ${['millrace.epoch_ms(l.known_time)::float8', ...fields].join(', ')}
         FROM unnest($1::int[], $2::bigint[], $3::bigint[]) AS w(partition, from_offset, to_offset)
         JOIN ${logTable(name)} l ON l.source_partition = w.partition AND l.source_offset >= w.from_offset AND l.source_offset < w.to_offset
         WHERE l.known_time <= ${moment(`$4::float8 + ${SLACK_MS}`)} LIMIT ${this.#limits.lateRowsMax + 1}`,
        [
          grown.map(([partition]) => partition),
          grown.map(([partition]) => this.#seen.get(partition) ?? 0),
          grown.map(([, end]) => end),
          this.#upToMax,
        ],
      )) as [number, ...(string | null)[]][];
      if (rows.length > this.#limits.lateRowsMax) this.#cache.clear();
      for (const [knownTime, ...parts] of rows) {
        if (parts.includes(null)) continue;
        const key = joinEntityKey(parts as string[]);
        if ((this.#cache.get(key)?.upTo ?? -Infinity) >= knownTime) this.#cache.delete(key);
      }
    }
    this.#seen = ends;
  }

  /** Hands over the events of the reads' keys and stretches of time: key after key, in the order of known time. */
  async #scan(
    db: Postgres,
    reads: readonly KeyRead[],
    onEvent: (place: number, effectiveTime: number, knownTime: number, row: Row) => void,
  ): Promise<void> {
    if (reads.length === 0) return;
    const { keyFields } = this.#program;
    const fields = fieldsOfView(this.#program);
    const parts = keyFields.map((_, k) => reads.map(({ key }) => splitEntityKey(key)[k] ?? null));
    await db.transaction(async (tx) => {
      await tx.query(`DECLARE events NO SCROLL CURSOR FOR ${this.#scanSql(fields)}`, [
        ...parts,
        reads.map(({ after }) => after),
        reads.map(({ upTo }) => upTo),
      ]);
      for (;;) {
        const rows = await tx.queryArrays(`FETCH ${FETCH_ROWS} FROM events`);
        for (const [place, effectiveTime, knownTime, ...values] of rows as [
          number,
          number,
          number,
          ...unknown[],
        ][]) {
          const row: Record<string, unknown> = {};
          fields.forEach((field, f) => (row[field] = values[f]));
          onEvent(place - 1, effectiveTime, knownTime, row as Row);
        }
        if (rows.length < FETCH_ROWS) return;
      }
    });
  }

  #scanSql(fields: readonly string[]): string {
    const { keyFields, view } = this.#program;
    const names = keyFields.map((_, k) => `key ${k}`);
    const arrays = [
      ...names.map((_, k) => `$${k + 1}::text[]`),
      `$${names.length + 1}::float8[]`,
      `$${names.length + 2}::float8[]`,
    ];
    const columns = fields.map((field) => {
      const column = `l.${quote(field)}`;
      return view.source.schema[field]?.type === 'timestamp'
        ? `millrace.epoch_ms(${column})::float8`
        : column;
    });
    const known = 'millrace.epoch_ms(l.known_time)';
    const from = `greatest(w."after ms" - ${SLACK_MS}, ${TIMESTAMP_MS_MIN})`;
    // OFFSET 0 keeps the planner at one look into the index per key, where it might read the whole log.
    return `SELECT w.place::int, l.*
      FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS w(${[...names.map(quote), '"after ms"', '"to ms"', 'place'].join(', ')})
      CROSS JOIN LATERAL (
        SELECT ${['millrace.epoch_ms(l.effective_time)::float8', `${known}::float8 AS "known ms"`, ...columns].join(', ')}
        FROM ${logTable(view.source.name)} l
        WHERE ${[
          ...keysEqual(keyFields, names),
          `l.known_time >= ${moment(from)}`,
          `l.known_time <= ${moment(`w."to ms" + ${SLACK_MS}`)}`,
          `${known} > w."after ms"`,
          `${known} <= w."to ms"`,
        ].join(' AND ')}
        OFFSET 0) AS l
      ORDER BY w.place, l."known ms"`;
  }
}
