import type { BackfillActivities } from '../../../src/contracts/backfill.ts';

/** A version of a view that is filled in memory: partitions of so many slices each. */
export class StubBackfill {
  readonly partitions = 3;
  slicesEach = 2;
  rowsEach = 1_000;
  /** Slices that were done, by partition, with the rate that each was given. */
  readonly slices: { readonly partition: number; readonly rowsPerSecond: number }[] = [];
  readonly changes: string[] = [];
  /** Called before each slice. */
  beforeSlice: () => Promise<void> = () => Promise.resolve();
  superseded = false;
  differs = false;

  activities(fail: (code: string, message: string) => Error): BackfillActivities {
    return {
      beginBackfill: async ({ reason }) => {
        this.changes.push(`backfilling: ${reason}`);
        return this.superseded ? null : { partitions: this.partitions };
      },
      backfillSlice: async ({ partition, rowsPerSecond }) => {
        await this.beforeSlice();
        this.slices.push({ partition, rowsPerSecond });
        const done = this.slices.filter((slice) => slice.partition === partition).length;
        const rows = (this.rowsEach / this.slicesEach) * done;
        return {
          done: done >= this.slicesEach || this.superseded,
          superseded: this.superseded,
          rows,
          rowsInAll: this.rowsEach,
          events: rows / 10,
        };
      },
      beginComparing: async () => {
        this.changes.push('comparing');
        return true;
      },
      compareViewVersion: async () => {
        if (this.differs) throw fail('FEATURE_VIEW_UNEQUAL', 'mean of k1 is 1, raw rows: 2');
        return { keys: 9, moments: 36, values: 72, valuesWithCurrent: 36, by: 'sql' };
      },
      flipViewVersion: async ({ actor }) => {
        this.changes.push(`current by ${actor}`);
        return { replaced: 1 };
      },
    };
  }
}
