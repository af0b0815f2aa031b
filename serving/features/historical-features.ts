import { MillraceError } from '../../src/core/millrace-error.ts';
import type { ColdLogConfig } from '../../src/infra/cold-log-config.ts';
import type { Postgres } from '../../src/infra/postgres.ts';
import { ReadThread } from '../../src/store/as-of/read-thread.ts';
import type { AsOfMode } from '../../src/store/as-of/as-of-mode.ts';
import { AS_OF_COLUMN, parseSpine } from '../../src/store/as-of/parse-spine.ts';
import { valuesAssembler } from '../../src/store/assemble-values.ts';
import { newestKnownTime } from '../../src/store/offline-log.ts';
import type { OnlineCatalog, OnlineSelection } from '../../src/store/online-catalog.ts';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import type { Timers } from '../batcher/timers.ts';
import { withDeadline } from '../with-deadline.ts';

export interface HistoricalFeaturesRequest {
  readonly selection: OnlineSelection;
  /** Entity keys, request fields and `asOf`. */
  readonly spine: readonly unknown[];
  readonly mode: AsOfMode;
  /** Ms since the epoch; all that is known, where absent. */
  readonly dataCut?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface HistoricalAnswer {
  /** Ms since the epoch; null where nothing was known. */
  readonly dataCut: number | null;
  readonly mode: AsOfMode;
  readonly names: readonly string[];
  readonly rows: readonly (readonly (number | string | null)[])[];
  readonly views: readonly { readonly view: string; readonly version: number; readonly stale: readonly number[] }[];
}

export interface HistoricalFeaturesOptions {
  readonly catalog: OnlineCatalog;
  /** Every view that the catalog knows. */
  readonly views: readonly ViewProgram[];
  readonly postgres: Postgres;
  readonly postgresUrl: string;
  readonly coldLog: ColdLogConfig | null;
  readonly spillTo: string;
  readonly timers: Timers;
  readonly rowsMax: number;
  readonly timeoutMs: number;
  /** Of the thread's statements: the longest deadline that a request may name. */
  readonly statementTimeoutMs: number;
}

/** Events of one source that are sorted in this process; Postgres sorts more, and they stream by. */
const EVENTS_IN_MEMORY = 100_000;
/** When the one place is likely to be free again. */
const RETRY_AFTER_SECONDS = 1;

/**
 * Bounded reads of features as of past moments. One at a time, in a thread of its own with a connection of its own: the
 * thread that answers predictions parses and answers, and no more. Whatever is not done by its deadline is ended with its thread.
 */
export class HistoricalFeatures {
  readonly #options: HistoricalFeaturesOptions;
  #thread: ReadThread | undefined;
  #busy = false;

  constructor(options: HistoricalFeaturesOptions) {
    this.#options = options;
  }

  /**
   * @throws FEATURE_NOT_FOUND, FEATURE_SPINE_INVALID, FEATURE_ON_DEMAND_FAILED, REQUEST_INVALID, REQUEST_TOO_LARGE, SERVING_OVERLOADED,
   *   SERVING_DEADLINE_EXCEEDED, STORE_UNAVAILABLE
   */
  async read(request: HistoricalFeaturesRequest): Promise<HistoricalAnswer> {
    this.#assertSize(request.spine.length);
    if (this.#busy)
      throw new MillraceError(
        'SERVING_OVERLOADED',
        'This process reads the past for another request, one at a time. Try again in a second, or read a file with millrace features as-of.',
        { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } },
      );
    this.#busy = true;
    try {
      return await this.#read(request);
    } finally {
      this.#busy = false;
    }
  }

  close(): void {
    this.#thread?.terminate();
    this.#thread = undefined;
  }

  async #read({ selection, spine: given, mode, dataCut, timeoutMs }: HistoricalFeaturesRequest): Promise<HistoricalAnswer> {
    const { catalog, views, timers, postgres } = this.#options;
    const deadline = timers.now() + (timeoutMs ?? this.#options.timeoutMs);
    const plan = catalog.plan(selection);
    const spine = parseSpine({ plan, asOfColumn: AS_OF_COLUMN, isText: false }, given, 1);
    const sources = [...new Set(plan.views.map(({ view }) => view.source))];
    const reading = async () => {
      const cut = dataCut ?? (await newestKnownTime(postgres, sources));
      const wanted = plan.views.map(({ view }) => views.findIndex((one) => one.view === view));
      this.#thread ??= this.#start();
      const how = { mode, dataCut: cut ?? 0, eventsInMemory: EVENTS_IN_MEMORY };
      return { cut, reads: await this.#thread.rows({ views: wanted, spine, request: how }) };
    };
    const { cut, reads } = await withDeadline(reading(), deadline, timers).catch((error: unknown) => {
      // Whatever it still does, nobody waits for it.
      this.close();
      throw error;
    });
    const valuesOf = valuesAssembler(plan);
    const rows = spine.map(({ row, asOf }, i) => {
      const values = plan.views.map(({ featureNames: { length } }, v) => reads[v]!.values.subarray(i * length, (i + 1) * length));
      return valuesOf(values, row, asOf);
    });
    return {
      dataCut: cut,
      mode,
      names: plan.names,
      rows,
      views: plan.views.map(({ name, version }, v) => ({
        view: name,
        version,
        stale: Array.from(reads[v]!.stale).flatMap((isStale, row) => (isStale === 1 ? [row] : [])),
      })),
    };
  }

  #start(): ReadThread {
    const { views, postgresUrl, coldLog, spillTo, statementTimeoutMs } = this.#options;
    return new ReadThread({
      views: views.map(({ view }) => view),
      postgresUrl,
      coldLog,
      eventFiles: null,
      duckdbMemoryMb: 0,
      spillTo,
      statementTimeoutMs,
    });
  }

  #assertSize(rows: number): void {
    const { rowsMax } = this.#options;
    if (rows > rowsMax)
      throw new MillraceError(
        'REQUEST_TOO_LARGE',
        `Historical read: expected at most ${rowsMax} rows, found ${rows}. Split it, or read a file with millrace features as-of.`,
      );
    if (rows === 0) throw new MillraceError('REQUEST_INVALID', 'Historical read: expected at least one row in spine, found none.');
  }
}
