import { Batcher, type BatcherOptions } from '../../../serving/batcher/batcher.ts';
import { VirtualTimers } from './virtual-timers.ts';

/** A batcher of one column whose scores are its rows, over a clock of the test's own. */
export function openBatcherStage(over: Partial<BatcherOptions> = {}, batchMs = 10, check: (scores: Float32Array) => void = () => undefined) {
  const timers = new VirtualTimers();
  const batches: { at: number; rows: number }[] = [];
  const batcher = new Batcher({
    label: 'm/1',
    columns: 1,
    batchRowsMax: 4,
    queueRowsMax: 8,
    minimumWaitMs: 0,
    warmBatchMs: batchMs,
    timers,
    run: async (features) => {
      batches.push({ at: timers.now(), rows: features.length });
      const scores = features.slice();
      await timers.sleep(batchMs);
      check(scores);
      return scores;
    },
    ...over,
  });
  const submit = (value: number, rows = 1, deadline = 1_000) =>
    batcher.submit(rows, (row, out, at) => (out[at] = value + row), deadline);
  return { timers, batches, batcher, submit };
}
