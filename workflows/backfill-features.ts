import { TemporalFailure } from '@temporalio/common';
import { condition, continueAsNew, defineQuery, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  BACKFILL_ROWS_PER_SECOND_MAX,
  backfillQueries,
  backfillSignals,
  type BackfillInput,
  type BackfillResult,
  type BackfillStatus,
} from '../src/contracts/backfill.ts';
import { backfillActivities } from './activity-proxies.ts';
import { failureText } from './failure-text.ts';
import { showProgress } from './show-progress.ts';

/** Partitions that are filled at a time: each reads the whole log, so more would only share the disk. */
const CONCURRENT_PARTITIONS = 2;
/** A pause, or another rate, takes effect after this long at the latest. */
const SLICE_MS = 5_000;

/**
 * Fills a new version of a view from the offline log, beside the version that is current, holds it against the raw rows
 * and makes it current. Where each partition is lies with its states, not here.
 */
export async function backfillFeatures(input: BackfillInput): Promise<BackfillResult> {
  const backfill = new Backfill(input);
  showProgress({ view: input.view, version: input.version });
  try {
    return await backfill.run();
  } catch (error) {
    if (error instanceof TemporalFailure) showProgress({ verdict: 'refused' }, failureText(error));
    throw error;
  }
}

class Backfill {
  private readonly activities: ReturnType<typeof backfillActivities>;
  private readonly of: { readonly view: string; readonly version: number };
  private readonly change: { view: string; version: number; actor: string; reason: string };
  private readonly input: BackfillInput;
  private status: BackfillStatus;
  /** By partition. */
  private readonly rows = new Map<number, { rows: number; rowsInAll: number; events: number }>();
  private superseded = false;

  constructor(input: BackfillInput) {
    this.input = input;
    this.activities = backfillActivities(input.namespace);
    this.of = { view: input.view, version: input.version };
    this.change = { ...this.of, actor: workflowInfo().workflowId, reason: `${input.requestedBy}: ${input.reason}` };
    this.status = {
      ...this.of,
      phase: 'building',
      paused: input.carried?.paused ?? false,
      rowsPerSecond: input.rowsPerSecond,
      partitions: 0,
      partitionsDone: 0,
      rows: 0,
      rowsInAll: 0,
      events: 0,
    };
    setHandler(defineQuery<BackfillStatus>(backfillQueries.progress), () => this.status);
    setHandler(defineSignal(backfillSignals.pause), () => this.set({ paused: true }));
    setHandler(defineSignal(backfillSignals.resume), () => this.set({ paused: false }));
    setHandler(defineSignal<[number]>(backfillSignals.setRate), (rowsPerSecond) => {
      if (Number.isInteger(rowsPerSecond) && rowsPerSecond > 0 && rowsPerSecond <= BACKFILL_ROWS_PER_SECOND_MAX)
        this.set({ rowsPerSecond });
    });
  }

  async run(): Promise<BackfillResult> {
    this.set({ phase: 'building' });
    const begun = await this.activities.beginBackfill(this.change);
    if (begun === null) return this.leave();
    this.set({ phase: 'backfilling', partitions: begun.partitions });
    await this.fill(begun.partitions);
    if (this.superseded || !(await this.activities.beginComparing(this.change))) return this.leave();
    this.set({ phase: 'comparing' });
    await condition(() => !this.status.paused);
    const compared = await this.activities.compareViewVersion(this.of);
    this.set({ phase: 'flipping' });
    const { replaced } = await this.activities.flipViewVersion({ ...this.change, compared });
    this.set({ phase: 'done' });
    showProgress({ verdict: 'promoted' });
    return { ...this.of, events: this.status.events, compared, replaced };
  }

  private async fill(partitions: number): Promise<void> {
    let next = 0;
    const lanes = Math.min(CONCURRENT_PARTITIONS, partitions);
    const lane = async (): Promise<void> => {
      while (next < partitions && !this.mustStop()) await this.fillPartition(next++, lanes);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    // Both lanes have ended their slices: nothing is under way.
    if (!this.superseded && workflowInfo().continueAsNewSuggested && this.status.partitionsDone < partitions)
      await continueAsNew<typeof backfillFeatures>({
        ...this.input,
        rowsPerSecond: this.status.rowsPerSecond,
        carried: { paused: this.status.paused },
      });
  }

  private async fillPartition(partition: number, lanes: number): Promise<void> {
    for (;;) {
      await condition(() => !this.status.paused || this.mustStop());
      if (this.mustStop()) return;
      const rowsPerSecond = Math.max(1, Math.floor(this.status.rowsPerSecond / lanes));
      const owner = workflowInfo().workflowId;
      const slice = { ...this.of, partition, owner, rowsPerSecond, sliceMs: SLICE_MS };
      const { done, superseded, rows, rowsInAll, events } = await this.activities.backfillSlice(slice);
      this.superseded ||= superseded;
      if (rowsInAll > 0) this.rows.set(partition, { rows, rowsInAll, events });
      this.count(done);
      if (done) return;
    }
  }

  private mustStop(): boolean {
    return this.superseded || workflowInfo().continueAsNewSuggested;
  }

  private count(done: boolean): void {
    const all = [...this.rows.values()];
    const rowsInAll = Math.max(0, ...all.map((one) => one.rowsInAll)) * this.status.partitions;
    this.set({
      partitionsDone: this.status.partitionsDone + (done ? 1 : 0),
      rows: all.reduce((sum, one) => sum + one.rows, 0),
      rowsInAll,
      events: all.reduce((sum, one) => sum + one.events, 0),
    });
  }

  private leave(): BackfillResult {
    this.set({ phase: 'superseded' });
    showProgress({ verdict: 'cancelled' });
    return { ...this.of, events: this.status.events, compared: null, replaced: null };
  }

  private set(change: Partial<BackfillStatus>): void {
    const before = this.status.phase;
    this.status = { ...this.status, ...change };
    const { phase, paused, partitions, partitionsDone, rows, rowsInAll, rowsPerSecond } = this.status;
    const percent = rowsInAll === 0 ? 0 : Math.min(100, Math.floor((rows / rowsInAll) * 100));
    showProgress(
      before === phase && change.phase === undefined ? {} : { phase: phase },
      `${paused ? 'paused, ' : ''}${phase}: ${partitionsDone} of ${partitions} partitions, ${rows} of ${rowsInAll} rows (${percent} %), at most ${rowsPerSecond} rows a second`,
    );
  }
}
